"""A judging stage killed again and again ends as if it had never been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from examples import ask_both_orders
from selfjudge.ground.ledgers import read_ledgers
from selfjudge.ground.lines import content_id, write_records
from selfjudge.ground.records import Pair
from selfjudge.ground.requests import Sampling

pytestmark = pytest.mark.workflow

REPOSITORY = Path(__file__).resolve().parents[1]
BATCH_SIZE = 8
NUM_PAIRS = 60
# Several threads on a busy machine wait for each other most of the time.
ONE_THREAD = os.environ | {
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(REPOSITORY / "scripts"),
}
COLORS = ("red", "green", "blue", "yellow")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pairs of colours and the one image they are about."""
    return make_material(tmp_path_factory.mktemp("resume"))


def make_material(folder: Path, num_samples: int = 1) -> Path:
    """Pairs of colours in a folder, an image, and so many asks of each order."""
    from PIL import Image

    (folder / "images").mkdir()
    Image.new("RGB", (72, 72), "red").save(folder / "images/red.png")
    pairs = []
    for number in range(NUM_PAIRS):
        question = f"What color is shape {number}?"
        prompt_id = content_id(question)
        chosen, rejected = random.Random(number).sample(COLORS, 2)
        pair = Pair(
            id=content_id(prompt_id, chosen, rejected),
            prompt_id=prompt_id,
            chosen_response_id=None,
            rejected_response_id=None,
            images=("red.png",),
            question=question,
            kind="closed",
            chosen=chosen,
            rejected=rejected,
            origin="majority_answer",
            category=None,
            num_votes=5,
            num_votes_rejected=2,
        )
        pairs.append(pair)
    pairs.sort(key=lambda pair: pair.prompt_id)
    write_records(folder / "pairs.jsonl", pairs)
    sampling = Sampling(max_tokens=48, temperature=1.0)
    asks = ask_both_orders(pairs, num_samples, sampling, 0)
    write_records(folder / "asks.jsonl", asks)
    return folder


# Runs the script as it is, with a note of every request that reaches the model.
NOTED = """
import runpy, sys
from selfjudge.engines.transformers_engine import TransformersEngine

calls, script, *arguments = sys.argv[1:]
generate = TransformersEngine.generate

def noted(self, batch):
    with open(calls, "a") as file:
        file.write("".join(request.id + "\\n" for request in batch))
    return generate(self, batch)

TransformersEngine.generate = noted
sys.argv = [script, *arguments]
runpy.run_path(script, run_name="__main__")
"""


ENGINE = {"name": "transformers", "dtype": "float32", "device": "cpu"}
ENGINE |= {"batch_size": BATCH_SIZE}


def judging(
    material: Path, name: str, noted: str = NOTED, engine: object = ENGINE
) -> list[str]:
    """The command that judges the pairs with a journal and output of its own.

    Every request that it sends to the model is noted in ``calls.txt``.
    """
    arguments = {
        "--model": REPOSITORY / "demo/base",
        "--engine": json.dumps(engine),
        "--journal": material / name / "journal",
        "--ledger": material / name / "ledgers" / "iter1" / "judgments.jsonl",
        "--templates": REPOSITORY / "demo/templates/judge.txt",
    }
    words = [str(word) for pair in arguments.items() for word in pair]
    part = ["asks.jsonl", "pairs.jsonl", "images", f"{name}/judgments.jsonl"]
    words += ["--part", *(str(material / path) for path in part)]
    (material / name).mkdir(exist_ok=True)
    calls = str(material / name / "calls.txt")
    script = str(REPOSITORY / "scripts/judge_pairs.py")
    return [sys.executable, "-c", noted, calls, script, *words]


def journalled(material: Path, name: str) -> list[str]:
    """The keys of all answers in a journal, of which each line is one batch."""
    return [
        answer["key"]
        for path in (material / name / "journal").glob("*/*.jsonl")
        for line in path.read_bytes().split(b"\n")[:-1]
        for answer in json.loads(line)
    ]


def test_killed_stage_ends_byte_identical(material: Path) -> None:
    """SIGKILL at random moments costs at most the batch in flight, and no byte."""
    whole = subprocess.run(
        judging(material, "unbroken"), capture_output=True, env=ONE_THREAD
    )
    assert whole.returncode == 0, whole.stderr.decode()
    assert len(journalled(material, "unbroken")) == 2 * NUM_PAIRS

    moments = random.Random(20261121)
    num_kills = num_useful = 0
    for _ in range(5):
        process = subprocess.Popen(
            judging(material, "broken"), stderr=subprocess.PIPE, env=ONE_THREAD
        )
        before = len(journalled(material, "broken"))
        deadline = time.monotonic() + 60
        # From the first batch on, any moment will do.
        while process.poll() is None and time.monotonic() < deadline:
            if len(journalled(material, "broken")) > before:
                time.sleep(moments.uniform(0, 0.4))
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        num_kills += process.returncode == -signal.SIGKILL
        keys = journalled(material, "broken")
        # What is journalled is never asked again: no key stands there twice.
        assert len(keys) == len(set(keys))
        num_useful += 0 < len(keys) < 2 * NUM_PAIRS
        if len(keys) == 2 * NUM_PAIRS:
            break
    assert num_kills >= 1 and num_useful >= 1, "no kill hit the stage in mid-run"

    done = subprocess.run(
        judging(material, "broken"), capture_output=True, env=ONE_THREAD
    )
    assert done.returncode == 0, done.stderr.decode()
    keys = journalled(material, "broken")
    assert len(keys) == len(set(keys)) == 2 * NUM_PAIRS
    calls = (material / "broken/calls.txt").read_text().split()
    assert len(set(calls)) == 2 * NUM_PAIRS
    num_repeated = len(calls) - len(set(calls))
    print(f"{num_kills} kills, {num_repeated} calls repeated")
    assert num_repeated <= num_kills * BATCH_SIZE
    outputs = [material / name / "judgments.jsonl" for name in ("unbroken", "broken")]
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_cancelled_stage_leaves_its_ledger(material: Path) -> None:
    """SIGTERM, as `scancel` sends it: the sum of both runs is what one costs."""
    process = subprocess.Popen(
        judging(material, "cancelled"), stderr=subprocess.PIPE, env=ONE_THREAD
    )
    deadline = time.monotonic() + 60
    while not journalled(material, "cancelled") and time.monotonic() < deadline:
        time.sleep(0.01)
    process.terminate()
    assert process.wait() == 128 + signal.SIGTERM
    done = subprocess.run(
        judging(material, "cancelled"), capture_output=True, env=ONE_THREAD
    )
    assert done.returncode == 0, done.stderr.decode()
    ledgers = read_ledgers(material / "cancelled" / "ledgers")
    assert list(ledgers) == ["iter1/judgments"]
    first, second = ledgers["iter1/judgments"]
    assert [first.finished, second.finished] == [False, True]
    assert first.num_calls + second.num_calls == 2 * NUM_PAIRS
    assert second.num_from_journal == first.num_calls > 0
    assert first.model == second.model and first.engine == "transformers"
    assert first.num_prompt_tokens > first.num_calls
    assert second.seconds > 0 and second.start_seconds > 0


def test_replay_answers_from_the_journal_alone(material: Path) -> None:
    """The replay engine writes the same file without the model's weights."""
    command = judging(material, "unbroken")
    at = command.index("--engine") + 1
    command[at] = json.dumps({"name": "replay", "dtype": "float32"})
    output = material / "unbroken/judgments.jsonl"
    before = output.read_bytes()
    output.unlink()
    done = subprocess.run(command, capture_output=True, env=ONE_THREAD)
    assert done.returncode == 0, done.stderr.decode()
    assert output.read_bytes() == before
