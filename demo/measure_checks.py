"""Measure what checking rewrites does to open pairs, by the truth of the world.

Reads scenes, prompts, responses, altered responses and checks of one iteration; writes
a row for each margin and category of error: how many open pairs there are, in how many
the chosen response is really better, and how many of these the margin costs.  The
margin null is without checks.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from measure_truth import read_known
from selfjudge.benchmarks.statistics import Sample, mean_interval
from selfjudge.ground.lines import read_records, write_json
from selfjudge.ground.records import Altered, Check, Pair, Prompt, Record, Response
from selfjudge.ground.shares import round_share, share_of
from selfjudge.pairs.building import Candidates, build_pairs, join_candidates
from selfjudge.pairs.filters import FILTERS
from selfjudge.pairs.labelling import PairSettings
from selfjudge.run.commands import arguments, json_of, run
from truth import Known, chosen_is_better

MARGINS = (None, 0.0, 0.02, 0.05, 0.1, 0.3, 0.5)


class CheckRow(Record, frozen=True, kw_only=True):
    """Open pairs under one margin; ``category`` None: of all.

    ``purity`` is the share in which chosen is really better, with its interval of
    95 %; None of no pair.  ``lost_rate``: the share of the pure pairs without checks
    that are not there.
    """

    margin: float | None
    category: str | None
    num_pairs: int
    num_pure: int
    purity: float | None
    low: float | None
    high: float | None
    lost_rate: float | None


def check_rows(
    candidates: Sequence[Candidates],
    known: Mapping[str, Known],
    settings: PairSettings,
    margins: Sequence[float | None] = MARGINS,
) -> list[CheckRow]:
    """The rows of all margins, each with all categories before it."""
    opened = [one for one in candidates if one.prompt.kind == "open"]
    whole = pairs_under(None, opened, settings)
    categories = [None, *sorted({str(pair.category) for pair in whole})]
    rows = []
    for margin in margins:
        kept = pairs_under(margin, opened, settings)
        for category in categories:
            before, after = (
                [
                    chosen_is_better(pair, known[pair.prompt_id]) is True
                    for pair in pairs
                    if category in (None, pair.category)
                ]
                for pairs in (whole, kept)
            )
            rows.append(check_row(margin, category, before, after))
    return rows


def pairs_under(
    margin: float | None, candidates: Sequence[Candidates], settings: PairSettings
) -> list[Pair]:
    """The pairs that are built with a margin."""
    under = msgspec.structs.replace(settings, check_margin=margin)
    built = build_pairs(candidates, FILTERS["majority"], under, seed=0)
    return [one.pair for one in built if one.pair is not None]


def check_row(
    margin: float | None, category: str | None, before: list[bool], after: list[bool]
) -> CheckRow:
    """A row, by which pairs are pure without checks and with them."""
    ends: tuple[float | None, float | None] = (None, None)
    if after:
        ends = mean_interval([Sample(after, range(len(after)))], seed=0)
    return CheckRow(
        margin=margin,
        category=category,
        num_pairs=len(after),
        num_pure=sum(after),
        purity=share_of(sum(after), len(after)),
        low=round_share(ends[0]),
        high=round_share(ends[1]),
        lost_rate=share_of(sum(before) - sum(after), sum(before)),
    )


def main() -> None:
    """Read the arguments, measure, write."""
    parser = arguments(__doc__)
    for name in ("scenes", "prompts", "responses", "altered", "checks"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--settings", type=json_of(PairSettings), required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    candidates = join_candidates(
        read_records(args.prompts, Prompt),
        read_records(args.responses, Response),
        read_records(args.altered, Altered),
        read_records(args.checks, Check),
    )
    known = read_known(args.prompts, args.scenes)
    write_json(
        args.output, {"rows": check_rows(list(candidates), known, args.settings)}
    )


if __name__ == "__main__":
    run(main)
