"""Count what a filter accepted and dropped, for people.

Reads pairs, judgments, accepted rows and dropped judgments, all in the order of the
pairs; writes a report of counts.  No stage of the loop reads it.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_json
from selfjudge.ground.records import Judgment, Pair
from selfjudge.judging.counts import count_judgments
from selfjudge.judging.filtering import smallest_size
from selfjudge.judging.joining import AcceptedHead, DroppedHead
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, count, write."""
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True)
    parser.add_argument("--accepted", type=Path, required=True)
    parser.add_argument("--dropped", type=Path, required=True)
    parser.add_argument(
        "--matched", type=Path, nargs="+", help="accepted rows to match in size"
    )
    parser.add_argument("--output", type=Path, required=True, help="the report")
    args = parser.parse_args()
    report = count_judgments(
        read_records(args.pairs, Pair),
        read_records(args.judgments, Judgment),
        read_records(args.accepted, AcceptedHead),
        read_records(args.dropped, DroppedHead),
        smallest_size(args.matched),
    )
    write_json(args.output, report)


if __name__ == "__main__":
    run(main)
