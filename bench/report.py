"""Measure what the report costs over a million judgments.

Prints seconds and memory beside the bounds they must keep; ends with status 1 if
one is broken.  Needs 7 GB in the temporary folder, and leaves nothing behind.
"""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

import msgspec
import yaml
from decisions import ROOT, Cost, make_judgments, make_pairs, run
from PIL import Image

from selfjudge.ground.lines import write_records
from selfjudge.judging.filtering import filter_files
from selfjudge.pairs.filters import FILTERS

MAX_SECONDS = 60
MAX_MEMORY_MB = 1000
MAX_BYTES = 20_000_000
NUM_ITERATIONS = 4
NUM_IMAGES = 5000


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--judgments", type=int, default=1_000_000, help="judgments to choose from")
    add("--repeats", type=int, default=3, help="runs; the worst counts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        write_project(project, args.judgments // 2 // NUM_ITERATIONS)
        script = str(ROOT / "scripts" / "build_report.py")
        command = [sys.executable, script, "--project", folder]
        command += ["--output", str(project / "report.html")]
        costs = [run(command, project, ["report.html"]) for _ in range(args.repeats)]
        size = (project / "report.html").stat().st_size
    sys.exit(0 if show(args.judgments, costs, size) else 1)


def write_project(project: Path, num_pairs: int) -> None:
    """A project with so many judged pairs in each iteration, and photos for them."""
    config = {"iterations": NUM_ITERATIONS, "image_root": "images"}
    (project / "config.yaml").write_text(yaml.safe_dump(config))
    images = project / "images"
    images.mkdir()
    noise = random.Random(0).randbytes(640 * 480 * 3)
    Image.frombytes("RGB", (640, 480), noise).save(images / "0.jpg", quality=85)
    for number in range(1, NUM_IMAGES):
        os.link(images / "0.jpg", images / f"{number}.jpg")
    for iteration in range(1, NUM_ITERATIONS + 1):
        write_branch(project / f"results/iter{iteration}/majority", num_pairs)


def write_branch(folder: Path, num_pairs: int) -> None:
    """Pairs and judgments, filtered by the real filter."""
    pairs = (
        msgspec.structs.replace(pair, images=(f"{number % NUM_IMAGES}.jpg",))
        for number, pair in enumerate(make_pairs(num_pairs))
    )
    write_records(folder / "pairs.jsonl", pairs)
    write_records(folder / "dropped_pairs.jsonl", [])
    write_records(folder / "judgments.jsonl", make_judgments(num_pairs))
    filter_files(
        pairs=folder / "pairs.jsonl",
        dropped_pairs=folder / "dropped_pairs.jsonl",
        judgments=folder / "judgments.jsonl",
        accepted=folder / "accepted.jsonl",
        dropped=folder / "dropped_judgments.jsonl",
        template="{question}\n{response_a}\n{response_b}",
        spec=FILTERS["majority"],
        size=None,
        seed=0,
    )


def show(num_judgments: int, costs: list[Cost], size: int) -> bool:
    """Print the worst of the costs; True if all bounds are kept."""
    seconds = [cost.seconds for cost in costs]
    memory = max(cost.memory_mb for cost in costs)
    print(
        f"build_report, {num_judgments} judgments in {NUM_ITERATIONS} iterations: "
        f"{min(seconds):.1f} to {max(seconds):.1f} s in {len(costs)} runs "
        f"(at most {MAX_SECONDS}; {max(cost.cpu_seconds for cost in costs):.1f} of "
        f"CPU), {memory:.0f} MB (at most {MAX_MEMORY_MB}), "
        f"page {size / 1e6:.1f} MB (at most {MAX_BYTES / 1e6:.0f})"
    )
    return max(seconds) < MAX_SECONDS and memory < MAX_MEMORY_MB and size <= MAX_BYTES


if __name__ == "__main__":
    main()
