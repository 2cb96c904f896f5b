"""Blind a benchmark: a flat grey image in place of each of its images.

Reads a benchmark's pairs and images; writes the same pairs with grey images of
the same size, and these images under their sha256.  What a judge still gets
right of them, it gets right from the texts alone.
"""

from pathlib import Path

from selfjudge.benchmarks.preparing import blind_pairs
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Pair
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, blind, write."""
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, help="of these pairs")
    parser.add_argument("--blind-images", type=Path, required=True, help="output")
    parser.add_argument("--output", type=Path, required=True, help="blind pairs")
    args = parser.parse_args()
    pairs = read_records(args.pairs, Pair)
    write_records(args.output, blind_pairs(pairs, args.images, args.blind_images))


if __name__ == "__main__":
    run(main)
