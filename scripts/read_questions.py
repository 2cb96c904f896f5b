"""Read what a model wrote as questions, and route them.

Reads the images and what was written about them; writes the prompts that this gives
with fixed ones, those of them to ask without the image too, with the grey picture in
its place, and the texts that are no question with their reasons.
"""

from itertools import chain
from pathlib import Path

from selfjudge.ground.images import write_grey
from selfjudge.ground.lines import file_sha256, read_records, write_records
from selfjudge.pairs.pictures import ListedImage
from selfjudge.pairs.questions import (
    GREY_SIZE,
    AskedQuestion,
    QuestionSettings,
    read_questions,
    without_image,
)
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, read the texts, write."""
    parser = arguments(__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--asked", type=Path, nargs="+", required=True)
    parser.add_argument("--source", required=True, help="its name")
    parser.add_argument("--settings", type=json_of(QuestionSettings), required=True)
    parser.add_argument("--prompts", type=Path, required=True, help="output")
    parser.add_argument("--blind", type=Path, required=True, help="output")
    parser.add_argument("--grey", type=Path, required=True, help="output folder")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    args = parser.parse_args()
    read = read_questions(
        read_records(args.images, ListedImage),
        chain.from_iterable(read_records(path, AskedQuestion) for path in args.asked),
        args.settings.fixed,
        args.source,
    )
    grey = write_grey(GREY_SIZE, args.grey)
    blind = without_image(read.prompts, grey, file_sha256(args.grey / grey))
    write_records(args.prompts, read.prompts)
    write_records(args.blind, blind)
    write_records(args.dropped, read.dropped)


if __name__ == "__main__":
    run(main)
