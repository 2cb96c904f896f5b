"""What a run was made of: its configuration, models, releases, data, libraries."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from selfjudge.page_tables import Table, make_table
from selfjudge.records import file_sha256, read_json
from selfjudge.samples import Branch

# What made the decisions and this page; trained judges name their own libraries.
LIBRARIES = ("jinja2", "msgspec", "numpy", "pandas", "pillow", "scipy", "statsmodels")
# From the root or the home folder, at the start of a text or of a word in it.
ABSOLUTE = re.compile(r"(?:^|(?<=[\s='\",:]))(?=[/~])(?!//)\S*/")
PASSWORD = re.compile(r"(?<=//)[^/@\s]+@")


def fact_tables(
    config: Mapping[str, Any], project: Path, branches: Sequence[Branch]
) -> list[Table]:
    """All tables about the run that can be made from what exists."""
    tables = [
        make_table("Configuration", config_rows(config)),
        make_table("Trained judges", judge_rows(branches)),
        make_table("Benchmark releases", release_rows(config, project)),
        make_table("Data", data_rows(project)),
        make_table("Libraries", library_rows(branches)),
    ]
    return [table for table in tables if table]


def config_rows(config: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each key of a configuration with its value; folders of this machine hidden."""
    return [
        {"key": key, "value": hide_places(str(value))} for key, value in leaves(config)
    ]


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted keys of nested mappings and lists of mappings, with their values."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for at, inner in enumerate(value):
            yield from leaves(inner, f"{place}.{at}")
    elif isinstance(value, list):
        yield place, ", ".join(map(str, value))
    else:
        yield place, "null" if value is None else value


def hide_places(text: str) -> str:
    """A text without the folders of absolute paths, and without passwords in URLs."""
    return PASSWORD.sub("...@", ABSOLUTE.sub(".../", text))


def judge_rows(branches: Sequence[Branch]) -> Iterator[dict[str, Any]]:
    """What each trained judge is and was trained on.

    Only its version where its folder was deleted to free the space.
    """
    for branch in branches:
        path = branch.folder / "judge.json"
        if not path.is_file():
            continue
        row = {"iteration": branch.iteration, "filter": branch.filter}
        row |= {"fingerprint": read_json(path)["fingerprint"]}
        path = branch.folder / "judge" / "provenance.json"
        yield row | (training_facts(read_json(path)) if path.is_file() else {})


def training_facts(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What a judge's provenance says in a line."""
    return {
        "trained from": provenance["base_fingerprint"],
        "rows": provenance["num_rows"],
        "left out": provenance["num_rows_left_out"],
        "steps": provenance["num_steps"],
        "last loss": provenance["loss"]["last"],
        "seed": provenance["seed"],
        "accepted sha256": provenance["accepted_sha256"][:12],
    }


def release_rows(config: Mapping[str, Any], project: Path) -> Iterator[dict[str, Any]]:
    """What each benchmark's manifest says of its release."""
    for name, spec in config["benchmarks"].items():
        path = project / "results" / "benchmarks" / f"{name}_manifest.json"
        if not spec or not path.is_file():
            continue
        manifest = read_json(path)
        yield {
            "benchmark": name,
            "release": manifest["release"] or "unknown",
            "revision": manifest["revision"],
            "rows": manifest["num_rows"],
            "pairs": manifest["num_pairs"],
            "source sha256": manifest["source_sha256"],
        }


def data_rows(project: Path) -> Iterator[dict[str, Any]]:
    """The prompts of the run: how many, and the hash of their file.

    The file names each image by its sha256, so the hash covers images too.
    """
    path = project / "results" / "prompts.jsonl"
    report = project / "results" / "prompts_report.json"
    if path.is_file() and report.is_file():
        counts = read_json(report)
        yield {
            "file": "prompts.jsonl",
            "rows read": counts["num_rows"],
            "prompts": counts["num_prompts"],
            "with gold answer": counts["num_with_gold_answer"],
            "sha256": file_sha256(path),
        }


def library_rows(branches: Sequence[Branch]) -> list[dict[str, str]]:
    """The versions of Python and of libraries, of decisions and of each training.

    Trainings that name the same versions share a column.
    """
    columns = {
        "decisions and this page": {"python": python_version()}
        | {name: version(name) for name in LIBRARIES}
    }
    found = {
        json.dumps(read_json(path)["versions"]): None
        for branch in branches
        if (path := branch.folder / "judge" / "provenance.json").is_file()
    }
    for number, versions in enumerate(map(json.loads, found)):
        columns["training" + (f" {number + 1}" if len(found) > 1 else "")] = versions
    names = dict.fromkeys(name for known in columns.values() for name in known)
    return [
        {"library": name}
        | {column: known.get(name, "") for column, known in columns.items()}
        for name in names
    ]
