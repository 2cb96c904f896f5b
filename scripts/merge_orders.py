"""Merge a cascade's judgments into the file that judging both orders would make.

Reads the shards of the judgments in the first order and in the second; writes
all of them in the order of the pairs.
"""

from itertools import chain
from pathlib import Path

from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Judgment
from selfjudge.judging.cascade import merge_orders
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, merge, write."""
    parser = arguments(__doc__)
    parser.add_argument("--first", type=Path, nargs="+", required=True)
    parser.add_argument("--second", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    first, second = (
        chain.from_iterable(read_records(path, Judgment) for path in paths)
        for paths in (args.first, args.second)
    )
    write_records(args.output, merge_orders(first, second))


if __name__ == "__main__":
    run(main)
