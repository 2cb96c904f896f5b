"""Score one judge on one benchmark.

Reads a benchmark's pairs, the rows and manifest of its release, and judgments
of the pairs; writes a row for each group, and the outcome of every pair, under
a protocol.
"""

from pathlib import Path

from selfjudge.benchmarks.manifests import Manifest
from selfjudge.benchmarks.registry import find_protocol
from selfjudge.benchmarks.scores import ScoredJudge, release_of
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.ground.lines import read_document, read_records, write_json
from selfjudge.ground.records import BenchmarkRow, Judgment, Pair
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, score, write."""
    parser = arguments(__doc__)
    parser.add_argument("--benchmark", required=True, help="its name in the project")
    parser.add_argument("--iteration", type=int, required=True)
    parser.add_argument("--filter", required=True)
    parser.add_argument("--protocol", default="selfjudge")
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    release = release_of(read_document(args.manifest, Manifest))
    scores = score_benchmark(
        ScoredJudge(args.benchmark, args.iteration, args.filter),
        find_protocol(release.format, args.protocol),
        release,
        read_records(args.pairs, Pair),
        read_records(args.rows, BenchmarkRow),
        read_records(args.judgments, Judgment),
    )
    write_json(args.output, scores)


if __name__ == "__main__":
    run(main)
