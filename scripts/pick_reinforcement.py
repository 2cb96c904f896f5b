"""Pick the pairs that a judge can learn from by reward.

Reads pairs and judgments in the order of the pairs; writes what the judge is to be
asked about the pairs that it judges right sometimes and not always, both orders of
each, and the other pairs with reasons.
"""

from pathlib import Path

from selfjudge.ground.templates import load_template
from selfjudge.judging.asks import JUDGE_FIELDS
from selfjudge.judging.reinforcement import pick_pairs
from selfjudge.run.commands import MIN_ROWS, arguments, run


def main() -> None:
    """Read the arguments, pick, write."""
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True, help="the judge's")
    parser.add_argument("--min-rows", type=int, default=1, help=MIN_ROWS)
    parser.add_argument("--picked", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    args = parser.parse_args()
    pick_pairs(
        pairs=args.pairs,
        judgments=args.judgments,
        picked=args.picked,
        dropped=args.dropped,
        min_rows=args.min_rows,
        template=load_template(args.template, *JUDGE_FIELDS),
    )


if __name__ == "__main__":
    run(main)
