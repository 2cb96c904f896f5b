"""A panel of two real members, small enough to be asked and trained in a test.

Both are the demo's base, which cannot rate: the oracle chooses, and nobody's ratings
count.  They are asked for their ratings all the same, if a target names them.
"""

import subprocess
import sys
from pathlib import Path

import yaml

DEMO = Path(__file__).resolve().parents[1] / "demo"
MEMBERS = ("ada", "bea")
NUM_PROMPTS, NUM_QUESTIONS = 16, 6
SKILLS = "results/panel/iter1/skills.json"
RATED = "results/panel/iter1/base/votes/plain/1of1.jsonl"


def write_tiny_panel(project: Path, demo: Path = DEMO) -> None:
    """Write its project directory; templates and base are those of ``demo``."""
    draw = [sys.executable, str(demo / "make_panel_world.py"), "--seed", "0"]
    draw += ["--num-prompts", str(NUM_PROMPTS), "--num-skills", str(NUM_QUESTIONS)]
    subprocess.run([*draw, "--out", str(project / "data")], check=True)
    base = str(demo / "base")
    own = {"name": "world", "kind": "jsonl", "path": "data/prompts.jsonl"}
    config = {
        "iterations": 1,
        "base_model": base,
        "image_root": "data/images",
        "templates": str(demo / "panel" / "templates"),
        "prompts": {"sources": [own | {"gold_answers": True}], "keep_out": []},
        "pool": {"prompts_per_iteration": NUM_PROMPTS},
        "engine": {"dtype": "float32", "device": "cpu", "batch_size": 32},
        "train": {
            "method": "full",
            "min_rows": 1,
            "warmup_ratio": 0.0,
            "max_length": None,
            "gradient_checkpointing": False,
            "dtype": "float32",
        },
        "benchmarks": {"mmrb": None},
        "panel": {
            "members": {name: {"base_model": base} for name in MEMBERS},
            "iterations": 1,
            "ballots": ["gold"],
            "shards": 1,
            # It is sure of its answers: at 1 it gives all samples alike.
            "responses": {
                "num_samples": 4,
                "sampling": {"max_tokens": 8, "temperature": 2.0},
            },
            "preferences": {"min_votes": 1},
            "train": {"batch_size": 4, "rows_per_step": 4},
            "skills": {"path": "data/skills.jsonl"},
        },
    }
    (project / "config.yaml").write_text(yaml.safe_dump(config))
