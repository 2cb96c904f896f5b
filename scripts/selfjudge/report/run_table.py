"""The run itself: config, models, versions and data, as rows to read."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from selfjudge.ground.lines import file_sha256, read_json
from selfjudge.ground.places import iteration_folders
from selfjudge.report.results_folder import Row

# Of a training's provenance: what is not in the config.
TRAINING = (
    "base_fingerprint",
    "accepted_sha256",
    "num_rows",
    "num_rows_left_out",
    "num_steps",
    "num_tokens",
    "num_processes",
    "seed",
    "loss",
    "seconds",
)
RELEASE = ("source", "source_sha256", "revision", "release", "num_rows", "num_pairs")
MACHINE_PATH = re.compile(r"(?:file:)?(?:[A-Za-z]:[\\/]|[\\/]|~)")


def run_table(results: Path, config: Mapping[str, Any], last: int) -> list[Row]:
    """Rows of `section`, `key` and `value`, in words of the files they are from.

    Judges are those up to the iteration ``last``.

    A path of the machine is shortened to its last part: what is published must
    not tell where it was made.
    """
    rows = [
        {"section": section, "key": key, "value": in_one_line(value)}
        for section, facts in sections(results, config, last)
        for key, value in flatten(facts)
    ]
    return list({tuple(row.values()): row for row in rows}.values())


def sections(
    results: Path, config: Mapping[str, Any], last: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every section's name with its facts, nested as they are."""
    yield "config", config
    for _, folder in iteration_folders(results, last):
        for path in sorted(folder.glob("*/judge.json")):
            name = f"judge {folder.name}/{path.parent.name}"
            yield name, {"fingerprint": read_json(path)["fingerprint"]}
        for path in sorted(folder.glob("*/judge/provenance.json")):
            known = read_json(path)
            yield "base model", known.get("base_model", {})
            yield "libraries of the training", known.get("versions", {})
            name = f"training {folder.name}/{path.parent.parent.name}"
            yield name, {key: known[key] for key in TRAINING if key in known}
    for path in sorted((results / "benchmarks").glob("*_manifest.json")):
        manifest = read_json(path)
        name = f"benchmark {path.name.removesuffix('_manifest.json')}"
        yield name, {key: manifest.get(key) for key in RELEASE}
    if (prompts := results / "prompts.jsonl").is_file():
        yield "prompts", {"sha256": file_sha256(prompts)}
    if (report := results / "prompts_report.json").is_file():
        yield "prompts", read_json(report)


def flatten(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The facts with dotted keys: train.learning_rate."""
    for key, value in facts.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(v, Mapping) for v in value):
            numbered = {str(at): item for at, item in enumerate(value)}
            yield from flatten(numbered, f"{name}.")
        else:
            yield name, value


def in_one_line(value: Any) -> str:
    """A value in one line; nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(in_one_line, value))
    if isinstance(value, str) and MACHINE_PATH.match(value):
        *_, last = re.split(r"[\\/]", value.rstrip("/"))
        return f".../{last}"
    return str(value)
