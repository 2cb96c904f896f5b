"""Put the judges of one iteration beside the base model.

Reads scores.json files of one benchmark; writes all rows, each with paired
tests against the base model and against the iteration before.
"""

from pathlib import Path

from selfjudge.commands import arguments, run
from selfjudge.records import read_document, write_json
from selfjudge.scores import Scores, compare


def main() -> None:
    """Read the arguments, compare, write."""
    parser = arguments(__doc__)
    parser.add_argument("--base", type=Path, required=True, help="of iteration 0")
    parser.add_argument("--scores", type=Path, nargs="*", default=[])
    parser.add_argument("--previous", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    base = read_document(args.base, Scores)
    scores = [read_document(path, Scores) for path in args.scores]
    before = [read_document(path, Scores) for path in args.previous]
    previous = {score.filter: score for score in before}
    write_json(args.output, compare(scores, base, previous))


if __name__ == "__main__":
    run(main)
