"""A stage on vLLM, its engine in a process of its own, killed in the middle."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from selfjudge.engines.journal_files import MOST_HELD
from selfjudge.engines.vllm_dialects import installed_version
from test_resume import (
    ENGINE,
    NUM_PAIRS,
    ONE_THREAD,
    journalled,
    judging,
    make_material,
)

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(
        not installed_version(),
        reason="vLLM is not installed here: make .venv-vllm",
    ),
]
NUM_SAMPLES = 3
NUM_ASKS = 2 * NUM_PAIRS * NUM_SAMPLES
APART = ONE_THREAD | {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}

# Runs the script as it is, with a note of every answer that the engine gives.
NOTED = """
import runpy, sys
from selfjudge.engines.vllm_engine import VLLMEngine

calls, script, *arguments = sys.argv[1:]
generate = VLLMEngine.generate

def noted(self, batch):
    with open(calls, "a", buffering=1) as file:
        for told in generate(self, batch):
            file.write(told.request_id + "\\n")
            yield told

if __name__ == "__main__":
    VLLMEngine.generate = noted
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
"""


def test_a_killed_stage_asks_few_answers_again(tmp_path: Path) -> None:
    """SIGKILL to all its processes in mid-run; the same command ends the shard."""
    material = make_material(tmp_path, NUM_SAMPLES)
    engine = ENGINE | {"name": "vllm", "vllm": {"max_num_seqs": 32}}
    command = judging(material, "broken", NOTED, engine)
    with open(tmp_path / "log.txt", "ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=APART, start_new_session=True
        )
    calls = material / "broken/calls.txt"
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        # Between two lines of the journal, for most.
        if calls.is_file() and len(calls.read_text().split()) > MOST_HELD + 40:
            break
        time.sleep(0.005)
    assert process.poll() is None, (tmp_path / "log.txt").read_text()[-3000:]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    known = len(journalled(material, "broken"))
    assert MOST_HELD <= known < NUM_ASKS, "the kill came in mid-run"

    done = subprocess.run(command, capture_output=True, env=APART, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    keys = journalled(material, "broken")
    assert len(keys) == len(set(keys)) == NUM_ASKS
    told = calls.read_text().split()
    assert len(set(told)) == NUM_ASKS
    num_repeated = len(told) - NUM_ASKS
    print(f"{known} of {NUM_ASKS} known after SIGKILL, {num_repeated} answers repeated")
    assert num_repeated <= MOST_HELD
    lines = (material / "broken/judgments.jsonl").read_text().splitlines()
    assert all(json.loads(line)["text"] for line in lines) and len(lines) == NUM_ASKS
