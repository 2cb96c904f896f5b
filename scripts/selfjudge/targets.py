"""The files that a run is configured to end in, by the layout of results/."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfjudge.samples import Branch

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
