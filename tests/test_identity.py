"""Whether a training that was done is found, and not done again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from selfjudge.engines.checkpoints import model_fingerprint, read_version
from selfjudge.ground.lines import read_json, write_json
from selfjudge.ground.requests import Sampling
from selfjudge.judging.asks import Asking
from selfjudge.run.config import training_settings
from selfjudge.training.identity import find_twin, link_judge, training_identity
from selfjudge.training.settings import TrainSettings
from selfjudge.use.asked import read_asked, write_asked

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SETTINGS = training_settings(CONFIG) | {"max_pixels_shown": None}
TEMPLATE = ROOT / "scripts/templates/judge.txt"


def settings(**changes: Any) -> TrainSettings:
    """The settings of config.yaml with changes."""
    return msgspec.convert(SETTINGS | changes, TrainSettings, strict=False)


def write_model(folder: Path, weights: str = "weights") -> Path:
    """A folder with the files of a model, which nothing here opens."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(weights)
    return folder


def hash_asked(judge: Path) -> dict[str, bytes]:
    """What a judge's folder says of how it is asked, by file."""
    return {path.name: path.read_bytes() for path in (judge / "asking").glob("*")}


def write_rows(path: Path, text: str = '{"row": 1}\n') -> Path:
    """A file of accepted rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """An iteration in which `majority` was trained, from `base`, on some rows."""
    base = write_model(tmp_path / "base")
    folder = tmp_path / "iter1" / "majority"
    rows = write_rows(folder / "accepted.jsonl")
    judge = write_model(folder / "judge", "trained weights")
    known = training_identity(rows, model_fingerprint(base), settings(), 7, "c", 1)
    known |= {"settings": settings()}
    write_json(judge / "provenance.json", known)
    return tmp_path


def look(
    trained: Path, rows: Path, seed: int = 7, code: str = "c", **changes: Any
) -> Path | None:
    """The judge that is found for a training from the same base."""
    base = model_fingerprint(trained / "base")
    judges = [trained / "iter1" / "none", trained / "iter1/majority/judge"]
    output = rows.with_name("judge")
    own = settings(**changes)
    return find_twin(judges, output, rows, lambda: base, own, seed, code)


def test_the_same_training_is_found(trained: Path) -> None:
    """Who trains is no part of it, nor how often it was to be logged."""
    rows = write_rows(trained / "iter1/majority_matched/accepted.jsonl")
    judge = trained / "iter1/majority/judge"
    assert look(trained, rows) == judge
    assert look(trained, rows, logging_steps=99) == judge


def test_another_training_is_not_found(trained: Path) -> None:
    """Another row, seed, setting, code or start makes another judge."""
    rows = write_rows(trained / "iter1/majority_matched/accepted.jsonl")
    other = write_rows(trained / "iter1/unchecked/accepted.jsonl", '{"row": 2}\n')
    assert look(trained, other) is None
    assert look(trained, rows, seed=8) is None
    assert look(trained, rows, code="d") is None
    assert look(trained, rows, learning_rate=0.5) is None
    write_json(trained / "base" / "config.json", {"another": "model"})
    assert look(trained, rows) is None


def test_other_rows_cost_no_fingerprint(trained: Path) -> None:
    """Of 22 GB nothing is read unless the rows are the same."""

    def refuse() -> str:
        raise AssertionError

    rows = write_rows(trained / "iter1/unchecked/accepted.jsonl", '{"row": 2}\n')
    judges = [trained / "iter1/majority/judge"]
    output = rows.with_name("judge")
    assert find_twin(judges, output, rows, refuse, settings(), 7, "c") is None


def test_two_twins_do_not_keep_each_other(trained: Path) -> None:
    """A judge that has its weights from this output is no second training."""
    judge, twin = trained / "iter1/majority/judge", trained / "iter1/twin/judge"
    rows = write_rows(twin.with_name("accepted.jsonl"))
    link_judge(judge, twin)
    base = model_fingerprint(trained / "base")

    def find(output: Path) -> Path | None:
        return find_twin([twin], output, rows, lambda: base, settings(), 7, "c")

    assert find(judge) is None
    assert find(trained / "iter1/correctness/judge") == twin


def test_a_twin_takes_no_room(trained: Path) -> None:
    """The files are the other's, its provenance says so, and it outlives the other."""
    judge, output = trained / "iter1/majority/judge", trained / "iter1/twin/judge"
    output.parent.mkdir()
    link_judge(judge, output)
    weights = "model.safetensors"
    assert (judge / weights).samefile(output / weights)
    assert read_json(output / "provenance.json")["twin_of"] == judge.as_posix()
    assert "twin_of" not in read_json(judge / "provenance.json")
    assert read_version(output) == read_version(judge)
    shutil.rmtree(judge)
    assert (output / weights).read_text() == "trained weights"


@pytest.mark.parametrize("other", [None, Sampling(max_tokens=9, temperature=0.5)])
def test_the_stage_trains_no_twin(trained: Path, other: Sampling | None) -> None:
    """Without images, a model that opens, or torch: it only looks.

    How it was asked is its own, whatever the other says of itself, or nothing.
    """
    judge = trained / "iter1/majority/judge"
    if other is not None:
        theirs = trained / "theirs.txt"
        theirs.write_text(TEMPLATE.read_text(encoding="utf-8"))
        write_asked(judge, template=theirs, sampling=other, max_pixels_shown=None)
    before = hash_asked(judge)
    folder = trained / "iter1" / "correctness"
    rows = write_rows(folder / "accepted.jsonl")
    blocked = trained / "blocked"
    write_rows(blocked / "torch.py", "raise AssertionError('torch is not needed')")
    command: list[str | Path] = [sys.executable, ROOT / "scripts" / "train_judge.py"]
    command += ["--model", trained / "base", "--accepted", rows, "--seed", "7"]
    command += ["--settings", json.dumps(SETTINGS), "--image-root", trained]
    command += ["--work", folder / "training", "--output", folder / "judge"]
    command += ["--version", folder / "judge.json", "--code", "c"]
    write_rows(folder / "training/checkpoint-2/weights")
    asking = Asking(
        template=TEMPLATE.name,
        orders="both",
        num_samples=1,
        sampling=Sampling(max_tokens=96, temperature=1.0),
    )
    command += ["--template", TEMPLATE]
    command += ["--asking", msgspec.json.encode(asking).decode()]
    env = os.environ | {"PYTHONPATH": str(blocked)}
    subprocess.run(command, check=True, env=env)
    asked = read_asked(folder / "judge")
    assert (asked.template, asked.sampling) == (TEMPLATE.name, asking.sampling)
    assert hash_asked(judge) == before
    assert not (folder / "judge/asking/theirs.txt").exists()
    fingerprint = read_json(folder / "judge.json")["fingerprint"]
    assert fingerprint == read_version(judge).fingerprint
    assert not (folder / "training").exists()
