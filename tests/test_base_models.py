"""Base models by real Snakemake: one of the Hub is fetched, a wrong one refused."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from test_workflow import change_config, clone_repository, edit

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).resolve().parents[1]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TARGET = "results/iter1/responses.jsonl"
FETCHED = "results/sources/base_model.json"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hub cache that holds the demo's base model as org/tiny."""
    home = tmp_path_factory.mktemp("hub")
    folder = home / "hub" / "models--org--tiny"
    shutil.copytree(ROOT / "demo" / "base", folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    return home


@pytest.fixture(scope="module")
def finished(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which a Hub model has answered the prompts of iteration 1."""
    clone = tmp_path_factory.mktemp("base") / "selfjudge"
    clone_repository(clone)
    change_config(clone / "demo", base_model=f"org/tiny@{COMMIT}", iterations=1)
    pool = {"prompts_per_iteration": 32}
    change_config(clone / "demo", responses={"num_samples": 4}, pool=pool)
    edit(clone / "demo/project.smk", "num_closed=1600", "num_closed=24")
    edit(clone / "demo/project.smk", "num_open=800", "num_open=8")
    run(clone, cache, TARGET)
    assert list((clone / "demo/logs").rglob("fetch_model*"))
    return clone


def run(clone: Path, cache: Path, *arguments: str) -> str:
    """Run Snakemake to a good end, offline; what it printed."""
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local"]
    done = subprocess.run(
        [*command, "--directory", "demo", *arguments],
        cwd=clone,
        env=os.environ | {"HF_HOME": str(cache), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_was_fetched_is_written_down(finished: Path) -> None:
    told = json.loads((finished / "demo" / FETCHED).read_text())
    assert told == {
        "model": "org/tiny",
        "revision": COMMIT,
        "fingerprint": f"org--tiny@{COMMIT}",
    }


def test_the_mark_makes_nothing_stale(finished: Path, cache: Path) -> None:
    """Touched, rewritten, deleted or made again: the responses stay as they are."""
    mark = finished / "demo" / FETCHED
    kept = mark.read_text()
    os.utime(mark)
    assert "Nothing to be done" in run(finished, cache, "-n", TARGET)
    mark.write_text("{}")
    assert "Nothing to be done" in run(finished, cache, "-n", TARGET)
    again = run(finished, cache, "-n", TARGET, "--forcerun", "fetch_model")
    assert "fetch_model" in again and "generate_responses" not in again
    mark.unlink()
    assert "Nothing to be done" in run(finished, cache, "-n", TARGET)
    mark.write_text(kept)


def refuse(folder: Path, **config: object) -> str:
    """What Snakemake says of a project that it must not plan."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--directory", str(folder), "-n"]
    done = subprocess.run([*command, TARGET], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0 and "Job stats" not in done.stdout
    return done.stdout + done.stderr


def test_mllama_with_a_vllm_of_today_is_refused_before_anything(tmp_path: Path) -> None:
    python = tmp_path / "env/bin/python"
    (tmp_path / "env/lib/python3.11/site-packages/vllm-0.32.0.dist-info").mkdir(
        parents=True
    )
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    said = refuse(
        tmp_path, engine={"name": "vllm"}, interpreters={"generate": str(python)}
    )
    assert "'interpreters.generate' must have vLLM 0.10.2" in said
    assert "envs/generate_mllama.yaml" in said


def test_a_family_that_no_vllm_serves_is_refused_before_anything(
    tmp_path: Path,
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text('{"model_type": "idefics2"}')
    said = refuse(tmp_path, engine={"name": "vllm"}, base_model="./base")
    assert "'engine.name' must not be vllm" in said and "'idefics2'" in said


def plan(
    project: Path, target: str = TARGET, **config: Any
) -> tuple[dict[str, str], str]:
    """The environment of each rule, and all that Snakemake says of a dry run."""
    (project / "config.yaml").write_text(yaml.safe_dump(config))
    (project / "project.smk").write_text(
        "for rule in workflow.rules:\n    print(rule.name, 'IN', rule.conda_env)\n"
    )
    command = [sys.executable, "-m", "snakemake", "--directory", str(project), "-np"]
    done = subprocess.run(
        [*command, "--", target], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    found = re.findall(r"^(\w+) IN .*?(envs/\w+\.yaml)", done.stdout, re.MULTILINE)
    return dict(found), done.stdout


@pytest.mark.parametrize(
    ("engine", "environment"),
    [
        ("transformers", "envs/train.yaml"),
        ("vllm", "envs/generate_mllama.yaml"),
        ("replay", "envs/decide.yaml"),
    ],
)
def test_the_rules_take_the_environment_of_engine_and_family(
    tmp_path: Path, engine: str, environment: str
) -> None:
    """What the paper's model is asked in."""
    asked = {"name": engine, "vllm": {"max_num_seqs": 32}}
    taken, _ = plan(tmp_path, engine=asked)
    assert taken["judge_pairs"] == taken["generate_responses"] == environment
    assert taken["train_judge"] == "envs/train.yaml"
    assert taken["filter_judgments"] == "envs/decide.yaml"


@pytest.mark.parametrize(("share", "name"), [(None, "train"), (0.3, "reinforce")])
def test_rollouts_by_vllm_take_an_environment_that_has_it(
    tmp_path: Path, share: float | None, name: str
) -> None:
    """The training by reward alone, which is told of it; into an interpreter that is
    a script, as of a container, nobody can see."""
    script = tmp_path / "python.sh"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    taken, said = plan(
        tmp_path,
        interpreters={"train": str(script)},
        target="results/iter1/reinforced/judge.json",
        base_model=str(ROOT / "demo" / "base"),
        filters=["majority", "reinforced"],
        reinforce={"vllm_gpu_memory_utilization": share},
    )
    assert taken["reinforce_judge"] == f"envs/{name}.yaml"
    assert ("--vllm-memory 0.3" in said) == (share is not None)
    assert taken["train_judge"] == "envs/train.yaml"
