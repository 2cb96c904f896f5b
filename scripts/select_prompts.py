"""Select one iteration's prompts from the pool.

Reads prompts in id order; writes those of the iteration, in the same order.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Prompt
from selfjudge.pairs.pool import select_prompts
from selfjudge.run.commands import HELD_OUT, arguments, run


def main() -> None:
    """Read the arguments, select, write."""
    parser = arguments(__doc__)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--iteration", type=int, required=True, help="from 1")
    parser.add_argument("--iterations", type=int, default=1, help="of the run")
    parser.add_argument("--prompts-per-iteration", type=int, required=True)
    parser.add_argument("--held-out-share", type=float, default=0.0, help=HELD_OUT)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    selected = select_prompts(
        lambda: read_records(args.prompts, Prompt),
        args.iteration,
        args.prompts_per_iteration,
        args.seed,
        args.iterations,
        args.held_out_share,
    )
    write_records(args.output, selected)


if __name__ == "__main__":
    run(main)
