"""Say what a judge is to be asked about pairs.

Reads pairs in prompt order and, where they are asked about in the order of their
release, its rows; writes asks in the order of the pairs: which order, sample, seed,
template and sampling.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import BenchmarkRow, Pair
from selfjudge.judging.asks import Asking, ask_pairs
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, ask, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--pairs", type=Path, required=True)
    add("--rows", type=Path, help="of the release; for `orders: release`")
    add("--asking", type=json_of(Asking), required=True, help="how, as JSON")
    add("--seed", type=int, required=True, help="seed of the run")
    add("--output", type=Path, required=True)
    args = parser.parse_args()
    asks = ask_pairs(
        read_records(args.pairs, Pair),
        read_records(args.rows, BenchmarkRow) if args.rows else (),
        args.asking,
        args.seed,
    )
    write_records(args.output, asks)


if __name__ == "__main__":
    run(main)
