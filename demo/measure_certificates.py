"""Lay the certificates of a demo run beside the truth and a benchmark.

Reads the scenes of all pictures, held-out prompts and pairs, the certificates of the
base model and all judges, their benchmark comparisons, and the choice; writes how many
held-out pairs are really as they were made, what each judge's certificate, the same
judgments by the world's truth, and the benchmark say of it, the rank correlations of
these, which judge is chosen, and by how much it and the last one of the first filter,
which one would take without a certificate, are behind the best.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from measure_truth import read_known
from selfjudge.certificate.certifying import Certificate
from selfjudge.certificate.choice import Choice
from selfjudge.ground.lines import read_document, read_json, read_records, write_json
from selfjudge.ground.records import Pair
from selfjudge.ground.shares import round_share, share_of
from selfjudge.run.commands import arguments, run
from truth import chosen_is_better

MEASURES = ("certificate", "truth", "benchmark")


def judge_row(
    certificate: Certificate,
    is_better: Mapping[str, bool | None],
    comparison: Mapping[str, Any],
) -> dict[str, Any]:
    """What the certificate, the truth and the benchmark say of one judge.

    The first two are shares expected right over draws of the verdicts; of a judgment
    without one neither is right.
    """
    outcomes = certificate.outcomes
    # Of pairs of which one response is really better: how often that one is preferred.
    really = [
        one.expected if is_better[one.pair_id] else one.coverage - one.expected
        for one in outcomes
        if is_better[one.pair_id] is not None
    ]
    (benchmark,) = (
        row["accuracy"]
        for row in comparison["rows"]
        if row["group"] == "overall"
        and (row["iteration"], row["filter"])
        == (certificate.iteration, certificate.filter)
    )
    return {
        "iteration": certificate.iteration,
        "filter": certificate.filter,
        "certificate": round_share(sum(o.expected for o in outcomes) / len(outcomes)),
        "truth": round_share(sum(really) / len(really)),
        "benchmark": benchmark,
    }


def correlations(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Spearman's rank correlation of each two measures over judges."""
    for one, other in ((0, 2), (0, 1), (1, 2)):
        names = MEASURES[one], MEASURES[other]
        columns = [[row[name] for row in rows] for name in names]
        found = spearmanr(*columns).statistic if len(rows) > 2 else None
        yield {
            "of": names[0],
            "with": names[1],
            "num_judges": len(rows),
            "rank_correlation": round_share(None if found is None else float(found)),
        }


def lay_beside(
    certificates: Sequence[Certificate],
    comparisons: Mapping[int, Mapping[str, Any]],
    is_better: Mapping[str, bool | None],
    choice: Choice,
) -> dict[str, Any]:
    """Everything that is written; certificates are in the order of `choose`."""
    rows = [
        judge_row(one, is_better, comparisons[one.iteration]) for one in certificates
    ]
    judges = [row for row in rows if row["iteration"]]
    best = max(row["benchmark"] for row in judges)
    places = {(row["iteration"], row["filter"]): row for row in judges}
    chosen = places[choice.iteration, choice.filter]
    last = places[max(row["iteration"] for row in judges), judges[0]["filter"]]
    truths = list(is_better.values())
    return {
        "num_pairs": len(truths),
        "purity": share_of(truths.count(True), len(truths)),
        "inversion": share_of(truths.count(False), len(truths)),
        "judges": rows,
        "correlations": list(correlations(rows)),
        "chosen": {"iteration": choice.iteration, "filter": choice.filter},
        "best": best,
        "chosen_behind_best": round_share(best - chosen["benchmark"]),
        "last_behind_best": round_share(best - last["benchmark"]),
    }


def main() -> None:
    """Read the arguments, measure, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    for name in ("scenes", "prompts", "pairs", "choice", "output"):
        add(f"--{name}", type=Path, required=True)
    add("--certificates", type=Path, nargs="+", required=True)
    add("--comparisons", type=Path, nargs="+", required=True)
    args = parser.parse_args()
    known = read_known(args.prompts, args.scenes)
    is_better = {
        pair.id: chosen_is_better(pair, known[pair.prompt_id])
        for pair in read_records(args.pairs, Pair)
    }
    comparisons = {
        found["iteration"]: found for found in map(read_json, args.comparisons)
    }
    certificates = [read_document(path, Certificate) for path in args.certificates]
    choice = read_document(args.choice, Choice)
    write_json(args.output, lay_beside(certificates, comparisons, is_better, choice))


if __name__ == "__main__":
    run(main)
