"""Say what a judge is to be asked about pairs.

Reads pairs in prompt order and, for the collection `official`, the rows of their
release; writes asks in the order of the pairs: which order, sample, seed, template
and sampling.
"""

from pathlib import Path

from selfjudge.benchmarks.collections import COLLECTIONS, OFFICIAL, ask_collection
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import BenchmarkRow, Pair
from selfjudge.ground.requests import Samples
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, ask, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--pairs", type=Path, required=True)
    add("--settings", type=json_of(Samples), required=True)
    add("--seed", type=int, required=True, help="seed of the run")
    add("--collection", choices=COLLECTIONS, default="paired")
    add("--format", choices=list(OFFICIAL), help="of the release; for `official`")
    add("--rows", type=Path, help="of the release; for `official`")
    add("--num-votes", type=int, help="on a pair; for `official`")
    add("--output", type=Path, required=True)
    args = parser.parse_args()
    is_known = args.format and args.rows and args.num_votes
    if args.collection == "official" and not is_known:
        parser.error("'official' needs --format, --rows and --num-votes")
    asks = ask_collection(
        args.collection,
        read_records(args.pairs, Pair),
        read_records(args.rows, BenchmarkRow) if args.rows else (),
        args.format,
        args.settings,
        args.num_votes,
        args.seed,
    )
    write_records(args.output, asks)


if __name__ == "__main__":
    run(main)
