"""Pair responses whose better one is known by construction.

Reads prompts, responses, altered responses and, where they were asked for, checks of
these, all in prompt order; writes pairs in prompt order, and what gave no pair with
reasons.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Altered, Check, Prompt, Response
from selfjudge.pairs.building import build_pairs, join_candidates, write_built
from selfjudge.pairs.filters import Filter
from selfjudge.pairs.labelling import PairSettings
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
    parser.add_argument("--checks", type=Path, help="of the altered responses")
    parser.add_argument("--settings", type=json_of(PairSettings), required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--pairs", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    args = parser.parse_args()
    candidates = join_candidates(
        read_records(args.prompts, Prompt),
        read_records(args.responses, Response),
        read_records(args.altered, Altered),
        read_records(args.checks, Check) if args.checks else (),
    )
    built = build_pairs(candidates, args.filter, args.settings, args.seed)
    write_built(built, args.pairs, args.dropped)


if __name__ == "__main__":
    run(main)
