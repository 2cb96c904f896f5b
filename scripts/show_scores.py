"""Print a project's scores as tables.

Reads the comparisons (results/iter*/BENCHMARK.json) of a project; writes one
table a benchmark to the terminal: filter and group by iteration, in percent
with 95 % intervals.
"""

from pathlib import Path

from selfjudge.commands import arguments, run
from selfjudge.records import read_json
from selfjudge.report import accuracy_table


def main() -> None:
    """Read the arguments, print."""
    parser = arguments(__doc__)
    parser.add_argument("project", type=Path, help="the project directory")
    parser.add_argument("benchmarks", nargs="+", help="such as vlrb mmrb")
    args = parser.parse_args()
    for benchmark in args.benchmarks:
        paths = sorted((args.project / "results").glob(f"iter*/{benchmark}.json"))
        if not paths:
            raise ValueError(f"{args.project}/results: no iter*/{benchmark}.json yet")
        table = accuracy_table([read_json(path) for path in paths], benchmark)
        print(f"\n{benchmark}, accuracy in percent (95 % interval) by iteration")
        print(table.to_string())


if __name__ == "__main__":
    run(main)
