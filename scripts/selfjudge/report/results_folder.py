"""What lies in a results folder, and what a whole run has there."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from selfjudge.ground.lines import read_json
from selfjudge.ground.places import iteration_folders
from selfjudge.ground.records import Settings
from selfjudge.pairs.filters import FILTER_NAMES

Row = dict[str, Any]  # of a table: cells by column
Comparison = dict[str, Any]  # as `compare_scores` wrote it
Comparisons = dict[int, Comparison]  # of one target, by iteration
BRANCH_FILES = (
    "pairs.jsonl",
    "judgments.jsonl",
    "accepted.jsonl",
    "dropped_judgments.jsonl",
)


class Branch(NamedTuple):
    """One filter at one iteration, and the folder of its files."""

    iteration: int
    filter: str
    folder: Path


class Expected(Settings, frozen=True, kw_only=True):
    """What a whole run has, to tell what is missing.

    ``targets`` are the names of comparisons, such as `vlrb` and `vlrb_official`.
    """

    iterations: int
    filters: list[str]
    targets: list[str]


ANYTHING = Expected(iterations=10**9, filters=list(FILTER_NAMES), targets=[])


class Run(NamedTuple):
    """What a results folder holds.

    ``comparisons`` are by target and iteration, reports in the order of
    iterations and of the expected filters, each labelled with both.
    ``truths`` are rows of what a project knows of its own labels.
    """

    results: Path
    expected: Expected
    comparisons: dict[str, Comparisons]
    filter_reports: list[dict[str, Any]]
    pairs_reports: list[dict[str, Any]]
    truths: list[dict[str, Any]]


def read_run(results: Path, expected: Expected | None) -> Run:
    """The comparisons and reports of a results folder, as far as there are any.

    Iterations and filters beyond ``expected`` are left from another config; more
    targets are not: a person may ask for them.  Without ``expected``, a run is as
    large as what is there.
    """
    span = expected or ANYTHING
    comparisons: dict[str, Comparisons] = {}
    for iteration, folder in iteration_folders(results, span.iterations):
        for path in sorted(folder.glob("*.json")):
            content = read_json(path)
            if "benchmark" in content:
                comparisons.setdefault(path.stem, {})[iteration] = content
    known = [name for name in span.targets if name in comparisons]
    found = Run(
        results,
        span,
        {name: comparisons[name] for name in dict.fromkeys([*known, *comparisons])},
        read_reports(results, "filter_report.json", span),
        read_reports(results, "pairs_report.json", span),
        read_truths(results, span),
    )
    return found if expected else found._replace(expected=expected_of(found))


def find_files(
    results: Path, name: str, span: Expected
) -> Iterator[tuple[dict[str, Any], Path]]:
    """A named file of every iteration and filter that has it, with its label.

    Only the filters of ``span`` count, and in its order.
    """
    for iteration, folder in iteration_folders(results, span.iterations):
        found = {path.parent.name: path for path in sorted(folder.glob(f"*/{name}"))}
        for filter_name in span.filters:
            if filter_name in found:
                label = {"iteration": iteration, "filter": filter_name}
                yield label, found[filter_name]


def read_reports(results: Path, name: str, span: Expected) -> list[dict[str, Any]]:
    """The reports of all iterations and filters, each with its label."""
    return [label | read_json(path) for label, path in find_files(results, name, span)]


def read_truths(results: Path, span: Expected) -> list[dict[str, Any]]:
    """The rows of all truth files, each with its label."""
    return [
        label | row
        for label, path in find_files(results, "truth.json", span)
        for row in read_json(path)["rows"]
    ]


def expected_by(config: Mapping[str, Any]) -> Expected:
    """The run that a config asks for, its main benchmark and filter first."""
    benchmarks = {name: spec for name, spec in config["benchmarks"].items() if spec}
    otherwise = [
        f"{name}_{protocol}"
        for name, spec in benchmarks.items()
        for protocol in spec["protocols"]
    ]
    return Expected(
        iterations=config["iterations"],
        filters=config["filters"],
        targets=[*benchmarks, *otherwise],
    )


def expected_of(run: Run) -> Expected:
    """The run that what is there would be the whole of."""
    labels = [
        *run.filter_reports,
        *run.pairs_reports,
        *(row for _, row in judge_rows(run.comparisons)),
    ]
    names = {label["filter"] for label in labels}
    return Expected(
        iterations=max([label["iteration"] for label in labels], default=0),
        filters=[name for name in FILTER_NAMES if name in names],
        targets=list(run.comparisons),
    )


def judge_rows(
    comparisons: dict[str, Comparisons],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every score row of every judge with its target; the base model's once."""
    for target, by_iteration in comparisons.items():
        for number, iteration in enumerate(sorted(by_iteration)):
            for row in by_iteration[iteration]["rows"]:
                if row["iteration"] == iteration or (number == 0 == row["iteration"]):
                    yield target, row


def missing_comparisons(run: Run, targets: Sequence[str]) -> list[str]:
    """The comparisons of some targets that a whole run has and this one has not yet."""
    return [
        f"results/iter{iteration}/{target}.json"
        for target in targets
        for iteration in range(run.expected.iterations + 1)
        if iteration not in run.comparisons.get(target, {})
    ]


def missing_reports(run: Run, name: str, found: Sequence[dict[str, Any]]) -> list[str]:
    """The reports that a whole run has and this one has not yet."""
    labels = {(report["iteration"], report["filter"]) for report in found}
    return [
        f"results/iter{iteration}/{filter_name}/{name}"
        for iteration in range(1, run.expected.iterations + 1)
        for filter_name in run.expected.filters
        if (iteration, filter_name) not in labels
    ]


def list_comparisons(expected: Expected) -> list[str]:
    """The comparisons that a whole run ends in, from the project."""
    return [
        f"results/iter{iteration}/{target}.json"
        for target in expected.targets
        for iteration in range(expected.iterations + 1)
    ]


def list_branches(expected: Expected, project: Path) -> list[Branch]:
    """Every expected filter at every iteration."""
    return [
        Branch(iteration, name, project / "results" / f"iter{iteration}" / name)
        for iteration in range(1, expected.iterations + 1)
        for name in expected.filters
    ]


def list_page_files(expected: Expected) -> list[str]:
    """Every file that a whole page is made from, from the project."""
    return [
        *list_comparisons(expected),
        "results/plots/index.json",
        *(
            (branch.folder / name).as_posix()
            for branch in list_branches(expected, Path())
            for name in BRANCH_FILES
        ),
    ]
