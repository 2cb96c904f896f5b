"""Print a project's scores as tables.

Reads the comparisons (results/iter*/BENCHMARK.json) of a project; writes one
table a benchmark to the terminal: filter and group by iteration, in percent
with 95 % intervals; and below it the protocol, the release, baselines and
published scores.  Scores under another protocol are called by both names, such
as vlrb_official.
"""

from pathlib import Path

from selfjudge.ground.lines import read_json
from selfjudge.report.headlines import format_curves
from selfjudge.report.text import format_beside
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, print."""
    parser = arguments(__doc__)
    parser.add_argument("project", type=Path, help="the project directory")
    parser.add_argument("benchmarks", nargs="+", help="such as vlrb mmrb vlrb_official")
    args = parser.parse_args()
    for benchmark in args.benchmarks:
        paths = sorted((args.project / "results").glob(f"iter*/{benchmark}.json"))
        if not paths:
            raise ValueError(f"{args.project}/results: no iter*/{benchmark}.json yet")
        comparisons = [read_json(path) for path in paths]
        print(f"\n{benchmark}, accuracy in percent (95 % interval) by iteration")
        print(format_curves(comparisons))
        print(format_beside(comparisons[-1]))


if __name__ == "__main__":
    run(main)
