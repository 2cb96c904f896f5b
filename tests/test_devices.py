"""The device that is asked for, or none: no GPU is replaced by the CPU unsaid."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from selfjudge.engines import open_engine, vllm_engine
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.devices import (
    check_gpu,
    describe_driver,
    describe_gpu,
    find_device,
    wanted_device,
)
from selfjudge.engines.vllm_engine import VLLMEngine
from selfjudge.run.commands import engine_of
from selfjudge.run.training_jobs import run_training_job
from selfjudge.training.settings import TrainSettings

ROOT = Path(__file__).parents[1]
BASE = ROOT / "demo/base"
NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


@pytest.mark.parametrize(
    ("device", "num_gpus", "expected"),
    [
        ("auto", 0, "auto"),
        ("auto", 1, "cuda"),
        ("auto", 4, "cuda"),
        ("cpu", 1, "cpu"),
        ("cuda", 0, "cuda"),
    ],
)
def test_a_job_with_a_gpu_wants_it(device: str, num_gpus: int, expected: str) -> None:
    """Unless the config says that everything is computed on the CPU."""
    assert wanted_device(device, num_gpus) == expected
    args = Namespace(
        engine=EngineSettings(device=device),
        gpus=num_gpus,
        model="m",
        revision=None,
        journal=Path("j"),
        ledger=None,
    )
    assert engine_of(args)["engine"].device == expected


@NO_GPU
def test_without_a_gpu_the_device_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """One line; `auto` is the CPU where nobody gave the job a GPU."""
    assert find_device("auto") == find_device("cpu") == "cpu"
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 2
    assert {line.partition(",")[0] for line in printed} == {"device: cpu"}


@NO_GPU
def test_a_gpu_that_is_not_there_ends_a_stage_before_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the engine transformers, and in vLLM, which would start others first."""
    settings = EngineSettings(device="cuda")
    with pytest.raises(ValueError, match=r"^device: must be a GPU.*Hint: "):
        open_engine(settings, str(BASE), None, journal=tmp_path).start()
    monkeypatch.setattr(vllm_engine, "installed_version", lambda: "0.32.0")
    monkeypatch.setattr(vllm_engine, "is_cpu_build", lambda: False)
    with pytest.raises(ValueError, match=r"^device: must be a GPU.*Hint: "):
        VLLMEngine(BASE).start()


@NO_GPU
def test_a_training_with_a_gpu_ends_before_its_weights(tmp_path: Path) -> None:
    """With the same sentence, and nothing written."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    given = config["train"] | config.get("images", {})
    own = {name: given[name] for name in TrainSettings.__struct_fields__}
    how = {"template": "judge.txt", "orders": "both"}
    asking = {**how, **config["judgments"]}
    del asking["shards"]
    files = {
        "--model": BASE,
        "--accepted": tmp_path / "accepted.jsonl",
        "--image-root": tmp_path,
        "--settings": json.dumps(own),
        "--template": ROOT / "scripts/templates/judge.txt",
        "--asking": json.dumps(asking),
        "--code": "c",
        "--seed": 0,
        "--work": tmp_path / "work",
        "--output": tmp_path / "judge",
        "--version": tmp_path / "judge.json",
        "--gpus": 1,
    }
    (tmp_path / "accepted.jsonl").touch()
    words = [str(word) for pair in files.items() for word in pair]
    script = str(ROOT / "scripts/train_judge.py")
    done = subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True
    )
    assert done.returncode == 1 and "error: device: must be a GPU" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["accepted.jsonl"]


@NO_GPU
@pytest.mark.parametrize("arguments", [[], ["--model", str(BASE), "--engine", "{}"]])
def test_the_check_of_a_gpu_says_that_there_is_none(arguments: list[str]) -> None:
    """In one line, with status 1, and nothing on stdout."""
    script = str(ROOT / "scripts/check_gpu.py")
    done = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: device: must be a GPU")
    assert done.stderr.count("\n") == 1


def put_nvidia_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of that name in the path, and nothing else."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin:/bin")


def test_what_is_told_of_a_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version, what nvidia-smi says instead, or that there is none."""
    put_nvidia_smi(tmp_path, monkeypatch, "echo 580.65.06; echo 580.65.06")
    assert describe_driver() == "driver 580.65.06"
    said = "NVIDIA-SMI has failed because it couldn't communicate with the driver."
    put_nvidia_smi(tmp_path, monkeypatch, f'echo "{said}"; exit 9')
    assert describe_driver() == f"no NVIDIA driver that answers (nvidia-smi: {said})"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert describe_driver() == "no NVIDIA driver (nvidia-smi is not here)"


def test_a_driver_that_is_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With both versions, and that no module cures it."""
    put_nvidia_smi(tmp_path, monkeypatch, "echo 550.54.15")
    said = "The NVIDIA driver on your system is too old (found version 12040). Please"

    def init() -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(ValueError) as caught:
        check_gpu()
    for part in (
        "too old (found version 12040); driver 550.54.15)",
        "must know CUDA 13.0",
        "no `module load` changes it",
    ):
        assert part in str(caught.value)


def test_a_gpu_is_said_with_driver_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that tells why a run is slow, or ends."""
    put_nvidia_smi(tmp_path, monkeypatch, "echo 580.65.06")
    fakes: dict[str, Any] = {
        "mem_get_info": lambda: (79.1e9, 85.0e9),
        "get_device_name": lambda number: "NVIDIA H100 80GB HBM3",
        "device_count": lambda: 2,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert describe_gpu() == (
        f"cuda, 2 x NVIDIA H100 80GB HBM3, driver 580.65.06, torch {torch.__version__} "
        "for CUDA 13.0, 79.1 of 85.0 GB free"
    )


@pytest.mark.parametrize(
    ("device", "seen", "num_processes", "expected"),
    [
        ("auto", None, None, "0"),
        ("auto", "2,3", None, "2"),
        ("auto", "GPU-1f,GPU-2f", None, "GPU-1f"),
        ("auto", "", None, ""),
        ("auto", "2,3", "2", "2,3"),
        ("auto", None, "2", None),
        ("cpu", None, None, ""),
        ("cpu", "2,3", "2", ""),
    ],
)
def test_a_training_sees_no_more_gpus_than_it_takes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    seen: str | None,
    num_processes: str | None,
    expected: str | None,
) -> None:
    """One, of several that the machine has, on which TRL would refuse to train; none
    where the config says that everything is computed on the CPU."""
    given = {"CUDA_VISIBLE_DEVICES": seen, "WORLD_SIZE": num_processes}
    for name, value in given.items():
        monkeypatch.setenv(name, value or "")  # also, so that it is put back
        if value is None:
            monkeypatch.delenv(name)
    # Not the first of its processes: reads no weights, and writes nothing.
    monkeypatch.setenv("RANK", "1")
    args = Namespace(device=device, gpus=0, model=str(BASE), revision=None, ledger=None)
    found = []
    run_training_job(
        args, "train", lambda *_: found.append(os.environ.get("CUDA_VISIBLE_DEVICES"))
    )
    assert found == [expected]
