"""Put the judges of one iteration beside the base model.

Reads scores of one benchmark under one protocol, and published tables; writes
all rows, each with paired tests against the base model and against the
iteration before, and beside them the file of each judge's outcomes, baselines and
what others published.  Where told to, filters are tested against each other.
"""

import os
from pathlib import Path

from selfjudge.benchmarks.comparisons import compare, find_twins
from selfjudge.benchmarks.leaderboard import read_leaderboard
from selfjudge.benchmarks.scores import Scores
from selfjudge.ground.lines import read_document, read_json, write_json
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, compare, write."""
    parser = arguments(__doc__)
    parser.add_argument("--base", type=Path, required=True, help="of iteration 0")
    parser.add_argument("--scores", type=Path, nargs="*", default=[])
    parser.add_argument("--previous", type=Path, nargs="*", default=[])
    parser.add_argument("--judges", type=Path, nargs="*", default=[], help="versions")
    parser.add_argument("--test-filters", action="store_true", help="of the last one")
    parser.add_argument("--leaderboard", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    base = read_document(args.base, Scores)
    scores = [read_document(path, Scores) for path in args.scores]
    before = [read_document(path, Scores) for path in args.previous]
    previous = {score.filter: score for score in before}
    tables = read_leaderboard(args.leaderboard)
    # From where it runs, the project directory: a moved project still has them.
    files = [
        Path(os.path.relpath(path)).as_posix()
        for path in (args.base, *args.previous, *args.scores)
    ]
    fingerprints = {
        path.parent.name: read_json(path)["fingerprint"] for path in args.judges
    }
    twins, is_last = find_twins(fingerprints), args.test_filters
    found = compare(scores, base, previous, tables, files, twins, is_last)
    write_json(args.output, found)


if __name__ == "__main__":
    run(main)
