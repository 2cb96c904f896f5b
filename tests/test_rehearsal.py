"""The rehearsal, small: real rules and files, no model, and every output says so."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfjudge.ground.requests import SIMULATED_MARK

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).resolve().parents[1]
NUM_PROMPTS = 200


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one iteration of 200 prompts was rehearsed."""
    out = tmp_path_factory.mktemp("rehearsal") / "project"
    command = [sys.executable, "rehearsal/run.py", "--prompts", str(NUM_PROMPTS)]
    command += ["--shards", "2", "--iterations", "1", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return out


def texts(path: Path) -> list[str]:
    """The texts of a file of records."""
    return [json.loads(line)["text"] for line in path.read_text().splitlines()]


def read(path: Path) -> Any:
    """A JSON document."""
    return json.loads(path.read_text())


def test_every_text_and_every_score_is_marked(rehearsed: Path) -> None:
    """Responses, rewrites, judgments, judges and comparisons."""
    results = rehearsed / "results"
    for name in ("responses", "altered", "majority/judgments"):
        found = texts(results / f"iter1/{name}.jsonl")
        assert found and all(text.startswith(SIMULATED_MARK) for text in found)
    for name in ("iter0/vlrb", "iter1/vlrb", "iter0/mmrb", "iter1/mmrb"):
        warnings = read(results / f"{name}.json")["release"]["warnings"]
        assert any(warning.startswith("simulated: ") for warning in warnings)
    judge = results / "iter1/majority/judge"
    assert [path.name for path in judge.iterdir() if path.suffix] == ["config.json"]
    assert read(judge / "config.json")["model_type"] == "simulated"


def test_real_filters_made_the_rows(rehearsed: Path) -> None:
    """Pairs of both kinds, accepted and dropped judgments, rows that were counted."""
    folder = rehearsed / "results/iter1/correctness"
    pairs, kept = (
        read(folder / "pairs_report.json"),
        read(folder / "filter_report.json"),
    )
    assert pairs["num_closed"] > 0 and pairs["num_open"] > 0
    assert {"unparsed", "wrong_verdict"} <= set(kept["dropped"])
    assert read(folder / "judge/config.json")["num_rows"] == kept["num_accepted"] > 0


def test_its_cost_is_reported(rehearsed: Path) -> None:
    """Snakemake, every script, journal and files; a second look has nothing to do."""
    report = read(rehearsed / "rehearsal.json")
    assert report["num_prompts"] == NUM_PROMPTS
    assert report["planning"]["num_jobs"] == report["running"]["num_jobs"] > 40
    assert report["planning_when_done"]["num_jobs"] == 0
    assert report["jobs_per_minute"] > 0
    stages = report["stages"]
    assert stages["generate_responses"]["num_runs"] == 2
    # Two shards: of two filters' pairs, and of all benchmarks of three judges.
    assert stages["judge_pairs"]["num_runs"] == 2 * 2 + 2 * 3
    assert stages["rehearse_training"]["num_runs"] == 2
    for cost in stages.values():
        assert cost["memory_mb"] > 5 and cost["longest_seconds"] > 0
    journal = sum(
        p.stat().st_size for p in (rehearsed / "results/journal").rglob("*.*")
    )
    assert report["files"]["journal"]["megabytes"] == pytest.approx(journal / 1e6, 0.1)
    assert report["files"]["ledgers"]["num_files"] > 0


def test_a_real_engine_takes_nothing_of_it(rehearsed: Path) -> None:
    """All that the simulator wrote is stale for another engine; its judge no model."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(rehearsed)]
    command += ["--profile", "profiles/local", "results/iter1/vlrb.json", "-n"]
    config = rehearsed / "config.yaml"
    before = config.read_text()
    same = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "Nothing to be done" in same.stdout + same.stderr
    try:
        config.write_text(before.replace("name: simulator", "name: transformers"))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    finally:
        config.write_text(before)
    for rule in ("generate_responses", "judge_pairs"):
        assert f"rule {rule}:" in done.stdout + done.stderr, done.stderr
    from selfjudge.engines.checkpoints import resolve_model

    with pytest.raises(ValueError, match="weights must be"):
        resolve_model(str(rehearsed / "results/iter1/majority/judge"))


def test_another_order_of_filters_trains_nothing(rehearsed: Path) -> None:
    """Only what shows the filters in their order is written again."""
    config = rehearsed / "config.yaml"
    before = yaml.safe_load(config.read_text())
    command = [sys.executable, "-m", "snakemake", "--directory", str(rehearsed)]
    command += ["--profile", "profiles/local", "all", "-n"]
    turned = before | {"filters": before["filters"][::-1]}
    try:
        config.write_text(yaml.safe_dump(turned))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    finally:
        config.write_text(yaml.safe_dump(before))
    rules = set(re.findall(r"^rule (\w+):", done.stdout + done.stderr, re.M))
    assert "make_plots" in rules
    shown = {"compare_scores", "compare_protocol", "make_plots", "build_report"}
    assert rules <= {*shown, "all"}


def test_images_made_again_leave_the_prompts(rehearsed: Path) -> None:
    """The world has prompts of its own, which once took the place of these."""
    prompts = rehearsed / "data/prompts.jsonl"
    before = prompts.read_text()
    assert len(before.splitlines()) == NUM_PROMPTS
    command = [sys.executable, "-m", "snakemake", "--directory", str(rehearsed)]
    command += ["--profile", "profiles/local", "data/world/vlrb/test.parquet"]
    command += ["--forcerun", "make_images"]
    release = rehearsed / "data/world/vlrb/test.parquet"
    made = release.stat().st_mtime_ns
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and release.stat().st_mtime_ns > made, done.stderr
    assert prompts.read_text() == before
