"""Pair responses whose better one is known by construction.

Reads prompts, responses and altered responses, all in prompt order; writes
pairs in prompt order, and what gave no pair with reasons.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Altered, Pair, Prompt, Response
from selfjudge.pairs.building import (
    build_pairs,
    cut_closed,
    join_candidates,
    write_built,
)
from selfjudge.pairs.filters import Filter
from selfjudge.pairs.labelling import Built, PairSettings
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, build, write."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--filter", type=json_of(Filter), required=True, help="what it is, as JSON"
    )
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--responses", type=Path, required=True)
    parser.add_argument("--altered", type=Path, required=True)
    parser.add_argument("--matched", type=Path, help="pairs to match in closed ones")
    parser.add_argument("--settings", type=json_of(PairSettings), required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--pairs", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    args = parser.parse_args()

    def build() -> Iterator[Built]:
        candidates = join_candidates(
            read_records(args.prompts, Prompt),
            read_records(args.responses, Response),
            read_records(args.altered, Altered),
        )
        spec = args.filter
        return build_pairs(candidates, spec, args.settings, args.seed)

    if args.matched:
        matched = read_records(args.matched, Pair)
        size = sum(pair.kind == "closed" for pair in matched)
        build = partial(cut_closed, build, size, args.seed)
    write_built(build(), args.pairs, args.dropped)


if __name__ == "__main__":
    run(main)
