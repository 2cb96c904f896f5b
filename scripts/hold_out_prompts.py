"""Draw the prompts on which judges are certified from those that no training sees.

Reads the pool in id order; writes the held-out prompts that are asked about, in the
same order.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Prompt
from selfjudge.pairs.pool import draw_held_out
from selfjudge.run.commands import HELD_OUT, arguments, run


def main() -> None:
    """Read the arguments, draw, write."""
    parser = arguments(__doc__)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--held-out-share", type=float, required=True, help=HELD_OUT)
    parser.add_argument("--num-prompts", type=int, required=True, help="at most")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    drawn = draw_held_out(
        lambda: read_records(args.prompts, Prompt),
        args.num_prompts,
        args.held_out_share,
        args.seed,
    )
    write_records(args.output, drawn)


if __name__ == "__main__":
    run(main)
