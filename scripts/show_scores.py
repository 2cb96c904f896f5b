"""Print a project's scores as tables.

Reads the comparisons (results/iter*/BENCHMARK.json) of a project; writes one
table a benchmark to the terminal: filter and group by iteration, in percent
with 95 % intervals; and below it the protocol, the release, baselines and
published scores.  Scores under another protocol are called by both names, such
as vlrb_official.
"""

from pathlib import Path

from selfjudge.ground.lines import read_json
from selfjudge.ground.places import iteration_folders
from selfjudge.report.score_text import format_beside, format_curves
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, print."""
    parser = arguments(__doc__)
    parser.add_argument("project", type=Path, help="the project directory")
    parser.add_argument("benchmarks", nargs="+", help="such as vlrb mmrb vlrb_official")
    args = parser.parse_args()
    for benchmark in args.benchmarks:
        comparisons = [
            read_json(path)
            for _, folder in iteration_folders(args.project / "results")
            if (path := folder / f"{benchmark}.json").is_file()
        ]
        if not comparisons:
            raise ValueError(f"{args.project}/results: no iter*/{benchmark}.json yet")
        print(f"\n{benchmark}, accuracy in percent (95 % interval) by iteration")
        print(format_curves(comparisons))
        print(format_beside(comparisons[-1]))


if __name__ == "__main__":
    run(main)
