"""A small project with the results of two iterations, made by the real decisions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from examples import (
    image_bytes,
    judge_both,
    make_pair,
    make_release,
    make_row,
)
from examples import make_judgment as judgment_of
from selfjudge.benchmarks.comparisons import compare
from selfjudge.benchmarks.protocols import SELFJUDGE
from selfjudge.benchmarks.scores import ScoredJudge, Scores
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.ground.lines import read_records, write_json, write_records
from selfjudge.ground.records import Judgment, Pair
from selfjudge.judging.counts import count_judgments
from selfjudge.judging.filtering import filter_files
from selfjudge.judging.joining import AcceptedHead, DroppedHead
from selfjudge.pairs.filters import FILTERS
from selfjudge.run.config import lay_over

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "scripts" / "templates"
OWN_CONFIG = {
    "iterations": 2,
    "filters": ["majority"],
    "image_root": "images",
    "benchmarks": {"mmrb": None},
}
# Verdicts, chosen first and rejected first, and what becomes of such a pair.
OUTCOME_OF = {
    ("A", "B"): "accepted",
    ("A", "A"): "not_in_both_orders",
    ("B", "A"): "wrong_verdict",
    ("B", "?"): "unparsed",
}
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" '
    'aria-labelledby="t" width="600" height="200" viewBox="0 0 600 200">'
    '<title id="t">Accuracy on vlrb</title>'
    '<rect class="plot-background" width="100%" height="100%" fill="#fff"/>'
    '<path fill="none" stroke="#0072b2" d="M20 180L580 20"/></svg>'
)

Judged = tuple[Pair, list[Judgment]]


def config_of(**changes: Any) -> dict[str, Any]:
    """The repository's config with that of the small project laid over it."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return dict(lay_over(lay_over(config, OWN_CONFIG), changes))


def judged_pairs(per_outcome: int = 2) -> list[Judged]:
    """As many pairs of each outcome, half of them with an injected error."""
    judged: list[Judged] = []
    for verdicts in OUTCOME_OF:
        for number in range(per_outcome):
            at = len(judged)
            pair = make_pair(at, question=f"How many dogs are there? ({at})")
            if number % 2:
                pair = make_pair(
                    at,
                    kind="open",
                    origin="alteration",
                    category="count",
                    question=f"Describe the scene. ({at})",
                    chosen="Two dogs run on a green field.",
                    rejected="Three dogs run on a green field.",
                    num_votes=None,
                    num_votes_rejected=None,
                )
            judged.append((pair, judge_both(pair, *verdicts)))
    return judged


def write_branch(
    folder: Path, judged: Sequence[Judged], filter_name: str = "majority"
) -> dict[str, Any]:
    """Write, filter and count the judgments of a branch; the filter's report."""
    folder.mkdir(parents=True, exist_ok=True)
    write_records(folder / "pairs.jsonl", (pair for pair, _ in judged))
    (folder / "dropped_pairs.jsonl").touch()
    write_records(
        folder / "judgments.jsonl",
        (one for _, judgments in judged for one in judgments),
    )
    filter_files(
        pairs=folder / "pairs.jsonl",
        dropped_pairs=folder / "dropped_pairs.jsonl",
        judgments=folder / "judgments.jsonl",
        accepted=folder / "accepted.jsonl",
        dropped=folder / "dropped_judgments.jsonl",
        template="{question}\n{response_a}\n{response_b}",
        spec=FILTERS[filter_name],  # type: ignore[index]
        size=None,
        seed=0,
    )
    report = count_judgments(
        (pair for pair, _ in judged),
        (one for _, judgments in judged for one in judgments),
        read_records(folder / "accepted.jsonl", AcceptedHead),
        read_records(folder / "dropped_judgments.jsonl", DroppedHead),
    )
    write_json(folder / "filter_report.json", report)
    return report


def scores_of(iteration: int, num_right: int, num_pairs: int = 12) -> Scores:
    """The scores of a judge that is right in both orders on so many pairs."""
    pairs = [
        make_pair(n, origin="benchmark", category=("general", "reasoning")[n % 2])
        for n in range(num_pairs)
    ]
    return score_benchmark(
        ScoredJudge("vlrb", iteration, "majority" if iteration else "base"),
        SELFJUDGE,
        make_release(num_rows=num_pairs, num_pairs=num_pairs),
        pairs,
        [make_row(pair, n) for n, pair in enumerate(pairs)],
        [
            judgment
            for n, pair in enumerate(pairs)
            for judgment in judge_both(pair, *("AB" if n < num_right else "AA"))
        ],
    )


def write_project(folder: Path, judged: Sequence[Judged] | None = None) -> Path:
    """A project directory in which two iterations are done; its path."""
    results = folder / "results"
    (folder / "images").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(OWN_CONFIG))
    (folder / "images" / "a.png").write_bytes(image_bytes(size=(400, 300), color="red"))
    base = scores_of(0, num_right=3)
    for iteration, num_right in enumerate((3, 6, 11)):
        scores = scores_of(iteration, num_right)
        write_json(results / f"iter{iteration}/vlrb.json", compare([scores], base, {}))
        if iteration:
            branch = results / f"iter{iteration}" / "majority"
            write_branch(branch, judged or judged_pairs())
    write_plots(results / "plots")
    return folder


def write_plots(folder: Path) -> None:
    """The main curve, a drawing with its table, and a table alone."""
    folder.mkdir()
    (folder / "accuracy.svg").write_text(SVG)
    (folder / "accuracy.csv").write_text("iteration,accuracy\n0,0.25\n1,0.5\n")
    (folder / "cost.csv").write_text("stage,seconds\njudge_pairs,31.2\n")
    drawn = {
        "name": "accuracy",
        "section": "accuracy",
        "title": "Accuracy on vlrb",
        "caption": "By iteration.",
        "alt": "Accuracy rises.",
        "svg": "accuracy.svg",
        "csv": "accuracy.csv",
        "missing": [],
    }
    curve = drawn | {"name": "main", "section": "result", "title": "Right on vlrb"}
    alone = drawn | {"name": "cost", "section": "cost", "title": "What it cost"}
    alone |= {"svg": None, "csv": "cost.csv"}
    write_json(folder / "index.json", [curve | {"csv": None}, drawn, alone])


def hostile_pairs(*texts: str) -> list[Judged]:
    """A judged pair for each text, which stands in every place that can hold it."""
    judged = []
    for number, text in enumerate(texts):
        pair = make_pair(
            number,
            question=text,
            chosen=text,
            rejected=f"{text} altered",
            origin="alteration",
            category="count",
            kind="open",
            images=("a.png", f"{text[:99]}.png"),
        )
        ends = ("Verdict: [[A]]", "Verdict: [[B]]")
        orders = ("chosen_first", "rejected_first")
        judged.append(
            (
                pair,
                [
                    judgment_of(pair, order, f"{text}\n{end}")
                    for order, end in zip(orders, ends, strict=True)
                ],
            )
        )
    return judged
