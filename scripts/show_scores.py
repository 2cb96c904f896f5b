"""Print what came of a run.

Reads the comparisons (results/iter*/BENCHMARK.json) of a project; writes to the
terminal.  Without more words: eight lines at most, on the first benchmark and
filter of its config.  With benchmarks, or --all of them: one table each, filter and
group by iteration in percent with 95 % intervals, and below it the protocol, the
release, baselines and published scores.  Scores under another protocol are called by
both names, such as vlrb_official.
"""

from pathlib import Path
from typing import Any

from selfjudge.ground.lines import read_json
from selfjudge.ground.places import iteration_folders
from selfjudge.report.results_folder import expected_by
from selfjudge.report.score_text import format_beside, format_curves, format_result
from selfjudge.run.commands import arguments, run
from selfjudge.run.config import read_config


def main() -> None:
    """Read the arguments, print."""
    parser = arguments(__doc__)
    parser.add_argument("project", type=Path, help="the project directory")
    parser.add_argument("benchmarks", nargs="*", help="such as vlrb mmrb vlrb_official")
    parser.add_argument("--all", action="store_true", help="a table for each target")
    args = parser.parse_args()
    config = read_config(args.project)
    expected = expected_by(config)
    if not (args.benchmarks or expected.targets):
        raise ValueError(f"{args.project}/config.yaml: no benchmark is configured")
    if not args.benchmarks and not args.all:
        comparisons = read_comparisons(args.project, expected.targets[0])
        print(format_result(comparisons, config, args.project))
        return
    for benchmark in args.benchmarks or expected.targets:
        comparisons = read_comparisons(args.project, benchmark)
        print(f"\n{benchmark}, accuracy in percent (95 % interval) by iteration")
        print(format_curves(comparisons))
        print(format_beside(comparisons[-1]))


def read_comparisons(project: Path, target: str) -> list[dict[str, Any]]:
    """The comparisons of a target that exist, by iteration; at least one."""
    found = [
        read_json(path)
        for _, folder in iteration_folders(project / "results")
        if (path := folder / f"{target}.json").is_file()
    ]
    if not found:
        raise ValueError(f"{project}/results: no iter*/{target}.json yet")
    return found


if __name__ == "__main__":
    run(main)
