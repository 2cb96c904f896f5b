"""Select the pairs of one shard that a cascade judges in their second order.

Reads pairs and their judgments in the first order, both in the order of the
pairs; writes the pairs to judge again, in that order.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Judgment, Pair
from selfjudge.judging.cascade import select_second_order
from selfjudge.pairs.filters import FILTER_NAMES, FILTERS
from selfjudge.run.commands import arguments, parse_shard, run


def main() -> None:
    """Read the arguments, select, write."""
    parser = arguments(__doc__)
    parser.add_argument("--filter", choices=FILTER_NAMES, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True)
    parser.add_argument(
        "--both-orders-rate",
        type=float,
        required=True,
        help="share of pairs to judge in both orders whatever the first verdict",
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--shard", type=parse_shard, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    pairs = args.shard.select(read_records(args.pairs, Pair), lambda p: p.prompt_id)
    selected = select_second_order(
        pairs,
        read_records(args.judgments, Judgment),
        FILTERS[args.filter],
        args.both_orders_rate,
        args.seed,
    )
    write_records(args.output, selected)


if __name__ == "__main__":
    run(main)
