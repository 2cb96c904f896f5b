"""Pair responses whose better one is known by construction.

Reads prompts, responses and altered responses, all in prompt order; writes
pairs in prompt order, what gave no pair with reasons, and a report of counts.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from selfjudge.ground.lines import read_json, read_records
from selfjudge.ground.records import Altered, Prompt, Response
from selfjudge.pairs.building import (
    Outcome,
    PairSettings,
    build_pairs,
    cut_closed,
    join_candidates,
    write_outcomes,
)
from selfjudge.pairs.filters import FILTER_NAMES, FILTERS
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, build, write."""
    parser = arguments(__doc__)
    parser.add_argument("--filter", choices=FILTER_NAMES, required=True)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--responses", type=Path, required=True)
    parser.add_argument("--altered", type=Path, required=True)
    parser.add_argument("--matched", type=Path, help="report to match in closed pairs")
    parser.add_argument("--settings", type=json_of(PairSettings), required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--pairs", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    parser.add_argument("--report", type=Path, required=True, help="output")
    args = parser.parse_args()

    def build() -> Iterator[Outcome]:
        candidates = join_candidates(
            read_records(args.prompts, Prompt),
            read_records(args.responses, Response),
            read_records(args.altered, Altered),
        )
        spec = FILTERS[args.filter]
        return build_pairs(candidates, spec, args.settings, args.seed)

    if args.matched:
        size = read_json(args.matched)["num_closed"]
        build = partial(cut_closed, build, size, args.seed)
    write_outcomes(build(), args.pairs, args.dropped, args.report)


if __name__ == "__main__":
    run(main)
