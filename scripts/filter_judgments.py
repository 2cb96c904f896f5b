"""Accept the judgments that agree with the construction of their pairs.

Reads pairs and judgments in the order of the pairs; writes accepted judgments
as training rows, and the dropped ones with reasons.  Too few rows to train on are
an error, which counts what was dropped on the way.
"""

from pathlib import Path

from selfjudge.ground.templates import load_template
from selfjudge.judging.asks import JUDGE_FIELDS
from selfjudge.judging.filtering import filter_files, smallest_size
from selfjudge.pairs.filters import Filter
from selfjudge.run.commands import MIN_ROWS, arguments, json_of, run


def main() -> None:
    """Read the arguments, filter, write."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--filter", type=json_of(Filter), required=True, help="what it is, as JSON"
    )
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--dropped-pairs", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True, help="the judge's")
    parser.add_argument(
        "--matched", type=Path, nargs="+", help="accepted rows to match in size"
    )
    parser.add_argument("--min-rows", type=int, default=1, help=MIN_ROWS)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--accepted", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    args = parser.parse_args()
    filter_files(
        pairs=args.pairs,
        dropped_pairs=args.dropped_pairs,
        judgments=args.judgments,
        accepted=args.accepted,
        dropped=args.dropped,
        template=load_template(args.template, *JUDGE_FIELDS),
        spec=args.filter,
        size=smallest_size(args.matched),
        seed=args.seed,
        min_rows=args.min_rows,
    )


if __name__ == "__main__":
    run(main)
