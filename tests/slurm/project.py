"""A project whose stages need no model to be had, to be disturbed.

Its prompts, pairs and accepted rows are written here; two shards of judging, or of
responses with their rewrites, take half a minute each, whatever else the machine does,
and the training two minutes.
"""

import random
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from examples import ask_both_orders, make_prompt
from selfjudge.ground.lines import content_id, write_records
from selfjudge.ground.records import Accepted, Pair, Prompt
from selfjudge.ground.requests import Sampling

COLOURS = ("red", "green", "blue", "yellow")
NUM_PAIRS, NUM_ROWS, NUM_PROMPTS = 16, 50, 16
BRANCH = "results/iter1/majority"
CONFIG: dict[str, Any] = {
    "iterations": 1,
    "base_model": "./base",
    "image_root": "images",
    "filters": ["majority"],
    "engine": {
        "name": "simulator",
        "device": "cpu",
        "batch_size": 2,
        "simulator": {
            "tokens_per_second": 30,
            "num_judgment_words": 40,
            "num_response_words": 40,
        },
    },
    "responses": {"shards": 2},
    "judgments": {"shards": 2},
    "train": {
        "method": "full",
        "num_epochs": 1,
        "batch_size": 1,
        "rows_per_step": 1,
        "dtype": "float32",
        "gradient_checkpointing": False,
        "save_steps": 5,
    },
    "benchmarks": {"mmrb": None},
    "prompts": {"keep_out": []},
}


def write_project(project: Path, base: Path) -> None:
    """Write the project, with a base model that is linked to, not copied."""
    branch = project / BRANCH
    branch.mkdir(parents=True)
    (project / "images").mkdir()
    (project / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (project / "base").symlink_to(base)
    Image.new("RGB", (72, 72), "red").save(project / "images/red.png")
    prompts = [make_open_prompt(number) for number in range(NUM_PROMPTS)]
    prompts.sort(key=lambda prompt: prompt.id)
    write_records(project / "results/iter1/prompts.jsonl", prompts)
    pairs = [make_pair(number) for number in range(NUM_PAIRS)]
    pairs.sort(key=lambda pair: pair.prompt_id)
    write_records(branch / "pairs.jsonl", pairs)
    asks = ask_both_orders(pairs, 1, Sampling(max_tokens=48, temperature=1.0), 0)
    write_records(branch / "asks.jsonl", asks)
    write_records(branch / "accepted.jsonl", map(make_row, range(NUM_ROWS)))


def make_open_prompt(number: int) -> Prompt:
    """A prompt that asks for a description of the one image."""
    question = f"What is to be seen, in {number + 2} words?"
    return make_prompt(
        number,
        id=content_id("open", str(number)),
        images=("red.png",),
        question=question,
        kind="open",
        answer_format=None,
        answer=None,
    )


def make_pair(number: int) -> Pair:
    """A pair about the colour of the one image."""
    question = f"What color is shape {number}?"
    chosen, rejected = random.Random(number).sample(COLOURS, 2)
    return Pair(
        id=content_id(question, chosen, rejected),
        prompt_id=content_id(question),
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


def make_row(number: int) -> Accepted:
    """A row to train on, which says that it was accepted."""
    letter = "AB"[number % 2]
    question = {"type": "text", "text": f"Which is better? {'so ' * (number % 9)}"}
    text = f"Response {letter} counts {number}. Verdict: [[{letter}]]"
    return Accepted(
        images=("red.png",),
        messages=[
            {"role": "user", "content": [{"type": "image"}, question]},
            {"role": "assistant", "content": [{"type": "text", "text": text}]},
        ],
        prompt_id=content_id("prompt", str(number)),
        pair_id=content_id("pair", str(number)),
        judgment_id=content_id("judgment", str(number)),
        order="chosen_first",
    )
