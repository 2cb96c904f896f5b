"""What lies in a results folder, finished or half finished, by iteration and filter."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from selfjudge.ground.lines import read_json
from selfjudge.ground.records import Settings
from selfjudge.pairs.filters import FILTER_NAMES
from selfjudge.report.sampling import Branch

ITERATION = re.compile(r"iter(\d+)\Z")
Comparisons = dict[int, dict[str, Any]]


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


def iteration_folders(results: Path, last: int) -> list[tuple[int, Path]]:
    """The folders of iterations up to ``last`` with their numbers, in order."""
    matches = ((ITERATION.match(path.name), path) for path in results.glob("iter*"))
    found = ((int(match.group(1)), path) for match, path in matches if match)
    return sorted(item for item in found if item[0] <= last)


def filter_files(
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
    return [
        label | read_json(path) for label, path in filter_files(results, name, span)
    ]


def read_truths(results: Path, span: Expected) -> list[dict[str, Any]]:
    """The rows of all truth files, each with its label."""
    return [
        label | row
        for label, path in filter_files(results, "truth.json", span)
        for row in read_json(path)["rows"]
    ]


def expected_by(config: Mapping[str, Any]) -> Expected:
    """The run that a config asks for, as Snakemake's rules tell it."""
    benchmarks = {name: spec for name, spec in config["benchmarks"].items() if spec}
    return Expected(
        iterations=config["iterations"],
        filters=config["filters"],
        targets=[
            *benchmarks,
            *(
                f"{name}_{protocol}"
                for name, spec in benchmarks.items()
                for protocol in spec["protocols"]
            ),
        ],
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
    """The comparisons that a whole run has and this one has not yet."""
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


BRANCH_FILES = (
    "pairs.jsonl",
    "judgments.jsonl",
    "accepted.jsonl",
    "dropped_judgments.jsonl",
)


def comparison_names(config: Mapping[str, Any]) -> list[str]:
    """The comparisons that a run is configured to end in, from the project."""
    scored = [
        name if protocol is None else f"{name}_{protocol}"
        for name, spec in config["benchmarks"].items()
        if spec
        for protocol in (None, *spec["protocols"])
    ]
    return [
        f"results/iter{iteration}/{name}.json"
        for name in scored
        for iteration in range(config["iterations"] + 1)
    ]


def list_branches(config: Mapping[str, Any], project: Path) -> list[Branch]:
    """Every configured filter at every iteration."""
    return [
        Branch(iteration, name, project / "results" / f"iter{iteration}" / name)
        for iteration in range(1, config["iterations"] + 1)
        for name in config["filters"]
    ]


def list_targets(config: Mapping[str, Any]) -> list[str]:
    """Every file that a whole page is made from, from the project."""
    return [
        *comparison_names(config),
        "results/plots/index.json",
        *(
            (branch.folder / name).as_posix()
            for branch in list_branches(config, Path())
            for name in BRANCH_FILES
        ),
    ]
