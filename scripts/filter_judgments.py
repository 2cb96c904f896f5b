"""Accept the judgments that agree with the construction of their pairs.

Reads pairs and judgments in the order of the pairs; writes accepted judgments
as training rows, the dropped ones with reasons, and a report of counts.
"""

from pathlib import Path

from selfjudge.ground.lines import read_json, write_json
from selfjudge.ground.templates import load_template
from selfjudge.judging.acceptance import FilterSettings
from selfjudge.judging.asks import JUDGE_FIELDS
from selfjudge.judging.filtering import filter_files
from selfjudge.pairs.filters import FILTER_NAMES, FILTERS
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, filter, write."""
    parser = arguments(__doc__)
    parser.add_argument("--filter", choices=FILTER_NAMES, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True, help="the judge's")
    parser.add_argument("--matched", type=Path, help="report to match in size")
    parser.add_argument("--settings", type=json_of(FilterSettings), required=True)
    parser.add_argument(
        "--both-orders-rate",
        type=float,
        help="share of pairs that a cascade judged in both orders anyway",
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--accepted", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    parser.add_argument("--report", type=Path, required=True, help="output")
    args = parser.parse_args()
    report = filter_files(
        pairs=args.pairs,
        judgments=args.judgments,
        accepted=args.accepted,
        dropped=args.dropped,
        template=load_template(args.template, *JUDGE_FIELDS),
        spec=FILTERS[args.filter],
        settings=args.settings,
        size=read_json(args.matched)["num_accepted"] if args.matched else None,
        both_orders_rate=args.both_orders_rate,
        seed=args.seed,
    )
    write_json(args.report, report)


if __name__ == "__main__":
    run(main)
