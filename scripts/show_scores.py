"""Print a project's scores as a table.

Reads the comparisons (results/iter*/BENCHMARK.json) of a project; writes one
table a benchmark to the terminal: iteration by filter and group.
"""

from pathlib import Path

import msgspec

from selfjudge.commands import arguments, run
from selfjudge.records import read_json
from selfjudge.scores import ScoreRow, format_table


def main() -> None:
    """Read the arguments, print."""
    parser = arguments(__doc__)
    parser.add_argument("project", type=Path, help="the project directory")
    parser.add_argument("benchmarks", nargs="+", help="such as vlrb mmrb")
    args = parser.parse_args()
    for benchmark in args.benchmarks:
        paths = sorted((args.project / "results").glob(f"iter*/{benchmark}.json"))
        rows = [
            msgspec.convert(row, ScoreRow)
            for path in paths
            for row in read_json(path)["rows"]
        ]
        unique = {(row.iteration, row.filter, row.group): row for row in rows}
        ordered = sorted(unique.values(), key=lambda row: (row.filter, row.iteration))
        print(f"\n{benchmark}\n{format_table(ordered)}")


if __name__ == "__main__":
    run(main)
