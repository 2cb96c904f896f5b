"""The measuring of a GPU, run dry on a CPU with a tiny model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "bench" / "gpu.py"


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_everything_is_measured_and_the_training_resumed(tmp_path: Path) -> None:
    done = call("--shape", "tiny", "--device", "cpu", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    [path] = tmp_path.iterdir()
    found = json.loads(path.read_text())
    assert found["transformers"]["tokens_per_second"] > 0
    assert 0 < found["transformers"]["computing_rate"] < 1
    assert 0 < found["transformers"]["roofline_rate"] < 1
    assert found["training"]["stopped_and_resumed_from"].startswith("checkpoint-")
    assert found["training"]["rows"] == 24, "two epochs, no row twice"
    assert "transformers: tokens_per_second" in done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so() -> None:
    done = call()
    assert done.returncode == 1
    assert (
        done.stderr.strip().splitlines()[-1].startswith("error: a GPU that torch can")
    )
