"""Score one judge on one benchmark.

Reads a benchmark's pairs and the judgments of them; writes a row for each group
and the outcome of every pair.
"""

from pathlib import Path

from selfjudge.commands import arguments, run
from selfjudge.records import Judgment, Pair, read_records, write_json
from selfjudge.scores import score_benchmark


def main() -> None:
    """Read the arguments, score, write."""
    parser = arguments(__doc__)
    parser.add_argument("--benchmark", required=True, help="its name in the project")
    parser.add_argument("--iteration", type=int, required=True)
    parser.add_argument("--filter", required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    pairs = read_records(args.pairs, Pair)
    judgments = read_records(args.judgments, Judgment)
    scores = score_benchmark(
        args.benchmark, args.iteration, args.filter, pairs, judgments
    )
    write_json(args.output, scores)


if __name__ == "__main__":
    run(main)
