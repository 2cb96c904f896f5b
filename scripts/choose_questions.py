"""Choose the questions of an image folder that are about its images.

Reads the prompts, and responses to them with the image and without; writes those to
keep as the rows of a source, the others with their reasons, and counts.
"""

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import msgspec

from selfjudge.ground.lines import read_lines, read_records, write_json, write_records
from selfjudge.ground.records import Prompt, Response
from selfjudge.pairs.pictures import ListedImage
from selfjudge.pairs.questions import (
    QuestionSettings,
    choose_questions,
    count_questions,
    group_responses,
    to_row,
)
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, choose, write."""
    parser = arguments(__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--seen", type=Path, nargs="+", required=True)
    parser.add_argument("--blind", type=Path, nargs="+", required=True)
    parser.add_argument("--settings", type=json_of(QuestionSettings), required=True)
    parser.add_argument("--dropped-images", type=Path, required=True)
    parser.add_argument("--unread", type=Path, required=True, help="no questions")
    parser.add_argument("--rows", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    parser.add_argument("--report", type=Path, required=True, help="output")
    args = parser.parse_args()
    seen, blind = (
        group_responses(
            chain.from_iterable(read_records(path, Response) for path in paths)
        )
        for paths in (args.seen, args.blind)
    )
    chosen = choose_questions(
        read_records(args.prompts, Prompt), seen, blind, args.settings
    )
    unread = [*reasons_of(args.unread), *(row["reason"] for row in chosen.dropped)]
    report = count_questions(
        read_records(args.images, ListedImage),
        chosen.prompts,
        reasons_of(args.dropped_images),
        unread,
    )
    print(msgspec.json.encode(report).decode(), file=sys.stderr)
    write_records(args.rows, map(to_row, chosen.prompts))
    write_records(args.dropped, chosen.dropped)
    write_json(args.report, report)


def reasons_of(path: Path) -> Iterator[str]:
    """The reasons in a file of what was dropped."""
    for _, line in read_lines(path):
        yield msgspec.json.decode(line)["reason"]


if __name__ == "__main__":
    run(main)
