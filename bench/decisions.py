"""Measure what decisions cost: building pairs, filtering and counting a million
judgments, a panel's votes and preferences, planning a run.

Prints each figure beside the bound it must keep; ends with status 1 if one is
broken.  Needs 6 GB in the temporary folder, and leaves nothing behind.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from selfjudge.ground.lines import content_id, write_records
from selfjudge.ground.records import (
    ORDERS,
    Altered,
    Candidate,
    Judgment,
    Pair,
    Prompt,
    Rating,
    Response,
)
from selfjudge.pairs.filters import FILTERS
from selfjudge.panel.ballots import BALLOTS

MAJORITY = msgspec.json.encode(FILTERS["majority"]).decode()
PEERS = msgspec.json.encode(BALLOTS["peers"]).decode()
MEMBERS = ("ada", "bea", "cyd")
TEXTS = 45  # candidates of a prompt: 15 of each member, all different
CRITERIA = {"helpfulness": 0.65, "correctness": 0.8, "coherence": 0.45}
CRITERIA |= {"complexity": 0, "verbosity": 0}
MIN_RECORDS_A_SECOND = 100_000
MAX_MEMORY_MB = 500
MAX_PLANNING_SECONDS = 10
JUDGMENT_BYTES = 1500
WORDS = (
    "the response says a dog beside two red chairs while image shows one blue "
    "table near window and its count is wrong so claim about colour holds"
).split()


class Cost(NamedTuple):
    """What a command took: seconds by the clock and of CPU, and peak MB (10**6)."""

    seconds: float
    cpu_seconds: float
    memory_mb: float


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--prompts", type=int, default=100_000, help="prompts to build pairs from")
    add("--judgments", type=int, default=1_000_000, help="judgments to filter")
    add("--ratings", type=int, default=1_000_000, help="ratings of a panel to count")
    add("--shards", type=int, default=64, help="shards of each model stage")
    add("--repeats", type=int, default=3, help="runs of each; the best counts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kept = [
            measure_pairs(Path(folder), args.prompts, args.repeats),
            measure_filter(Path(folder), args.judgments, args.repeats),
            measure_panel(Path(folder), args.ratings, args.repeats),
            measure_plan(Path(folder), args.shards, args.repeats),
        ]
    sys.exit(0 if all(kept) else 1)


def measure_pairs(folder: Path, num_prompts: int, repeats: int) -> bool:
    """Print the costs of build_pairs.py and count_pairs.py; True if kept."""
    prompts, responses, altered, pairs, dropped, report = (
        folder / f"{name}.jsonl"
        for name in "prompts responses altered pairs dropped report".split()
    )
    num_read = write_records(prompts, make_prompts(num_prompts))
    num_read += write_records(responses, make_responses(num_prompts))
    count = num_read + write_records(altered, make_altered(num_prompts))
    bounds = {"min_length_rate": 0.5, "max_length_rate": 2.0, "min_overlap_rate": 0.5}
    settings = {"majority_threshold": 5, "alteration_bounds": bounds}
    building = script("build_pairs", filter=MAJORITY, seed=0, prompts=prompts)
    building += options(responses=responses, altered=altered, pairs=pairs)
    building += options(dropped=dropped, settings=json.dumps(settings))
    built = measure(building, folder, [pairs, dropped], repeats)
    counting = script("count_pairs", prompts=prompts, pairs=pairs, dropped=dropped)
    counting += options(responses=responses, output=report)
    counted = measure(counting, folder, [report], repeats)
    found = json.loads(report.read_text())
    num_counted = num_read + found["num_pairs"] + found["num_dropped"]
    kept = [
        show("build_pairs", count, "prompts, responses and rewrites", built),
        show(
            "count_pairs", num_counted, "prompts, responses and what they gave", counted
        ),
    ]
    empty(folder)
    return all(kept)


def measure_filter(folder: Path, num_judgments: int, repeats: int) -> bool:
    """Print the costs of filter_judgments.py and count_judgments.py; True if kept."""
    pairs, judgments, accepted, dropped, report = (
        folder / f"{name}.jsonl"
        for name in "pairs judgments accepted dropped report".split()
    )
    write_records(pairs, make_pairs(num_judgments // 2))
    count = write_records(judgments, make_judgments(num_judgments // 2))
    size = judgments.stat().st_size / count
    files = options(pairs=pairs, judgments=judgments, accepted=accepted)
    files += options(dropped=dropped)
    template = ROOT / "scripts" / "templates" / "judge.txt"
    filtering = script("filter_judgments", filter=MAJORITY, seed=0, template=template)
    filtered = measure([*filtering, *files], folder, [accepted, dropped], repeats)
    counting = [*script("count_judgments", output=report), *files]
    counted = measure(counting, folder, [report], repeats)
    found = json.loads(report.read_text())
    what = f"judgments of {size:.0f} bytes, {found['num_accepted']} accepted"
    kept = [
        show("filter_judgments", count, what, filtered),
        show("count_judgments", count, "judgments", counted),
    ]
    empty(folder)
    return all(kept)


def measure_panel(folder: Path, num_ratings: int, repeats: int) -> bool:
    """Print the costs of count_votes.py and build_preferences.py; True if kept."""
    num_prompts = max(1, num_ratings // (TEXTS * len(MEMBERS)))
    names = "prompts candidates votes preferences dropped".split()
    prompts, candidates, votes, kept, dropped = (
        folder / f"{name}.jsonl" for name in names
    )
    write_records(prompts, make_prompts(num_prompts))
    num_candidates = write_records(candidates, make_candidates(num_prompts))
    files = [folder / f"ratings_{member}.jsonl" for member in MEMBERS]
    count = num_candidates + sum(
        write_records(path, make_ratings(num_prompts, member))
        for path, member in zip(files, MEMBERS, strict=True)
    )
    criteria = json.dumps({"weights": CRITERIA, "mode": "absolute"})
    voting = script("count_votes", prompts=prompts, candidates=candidates)
    voting += options(criteria=criteria, output=votes)
    voting += ["--members", *MEMBERS, "--ratings", *map(str, files)]
    voted = measure(voting, folder, [votes], repeats)
    settings = {"keep": 0.85, "margin": 0.75, "min_votes": 2, "source": "anyone"}
    choosing = script("build_preferences", ballot=PEERS, prompts=prompts, votes=votes)
    choosing += options(settings=json.dumps(settings), seed=0)
    choosing += options(preferences=kept, dropped=dropped)
    texts = ROOT / "scripts" / "templates"
    templates = [str(texts / f"respond_{kind}.txt") for kind in ("open", "closed")]
    choosing += ["--members", *MEMBERS, "--templates", *templates]
    chosen = measure(choosing, folder, [kept, dropped], repeats)
    found = len(kept.read_bytes().splitlines())
    what = f"prompts and votes, {found} preferences"
    within = [
        show("count_votes", count, "candidates and ratings", voted),
        show("build_preferences", num_prompts + num_candidates, what, chosen),
    ]
    empty(folder)
    return all(within)


def script(name: str, **arguments: object) -> list[str]:
    """The command that runs a script."""
    path = str(ROOT / "scripts" / f"{name}.py")
    return [sys.executable, path, *options(**arguments)]


def options(**arguments: object) -> list[str]:
    """Arguments of a command line, each with its name."""
    return [
        word for name, value in arguments.items() for word in (f"--{name}", str(value))
    ]


def measure(
    command: list[str], folder: Path, outputs: list[Path], repeats: int
) -> list[Cost]:
    """What a command took, each time without its outputs of before."""
    names = [path.name for path in outputs]
    return [run(command, folder, names) for _ in range(repeats)]


def show(name: str, count: int, what: str, costs: list[Cost]) -> bool:
    """Print the best time and the highest memory; True if both are within bounds."""
    speed = count / min(costs).seconds
    memory = max(cost.memory_mb for cost in costs)
    print(
        f"{name}, {count} {what}: {speed:.0f} records/s (at least "
        f"{MIN_RECORDS_A_SECOND}), peak {memory:.0f} MB (below {MAX_MEMORY_MB}); "
        f"{describe(costs)}",
        flush=True,
    )
    return speed >= MIN_RECORDS_A_SECOND and memory < MAX_MEMORY_MB


def empty(folder: Path) -> None:
    """Delete the files of a folder."""
    for path in folder.iterdir():
        path.unlink()


def measure_plan(folder: Path, num_shards: int, repeats: int) -> bool:
    """Print the time of a dry run of the real config, much sharded; True if kept."""
    stages = ["responses", "judgments", "benchmark_judgments"]
    overlay = {stage: {"shards": num_shards} for stage in stages}
    overlay |= {"filters": ["majority", "correctness"], "iterations": 4}
    # JSON is YAML.
    (folder / "config.yaml").write_text(json.dumps(overlay), encoding="utf-8")
    release = folder / "data" / "mmrb" / "all_data.json"
    release.parent.mkdir(parents=True)
    release.write_text("[]", encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    costs = [run(command, folder) for _ in range(repeats)]
    seconds = min(costs).seconds
    print(
        f"snakemake -n, 4 iterations, 2 filters, {num_shards} shards a stage: "
        f"{seconds:.1f} s (at most {MAX_PLANNING_SECONDS}); {describe(costs)}"
    )
    return seconds <= MAX_PLANNING_SECONDS


def describe(costs: list[Cost]) -> str:
    """All runs in a few words: on a busy machine clock and CPU drift apart."""
    times = ", ".join(f"{c.seconds:.1f} s ({c.cpu_seconds:.1f} CPU)" for c in costs)
    return f"best of {len(costs)}: {times}"


def make_pairs(count: int) -> Iterator[Pair]:
    """Synthetic pairs, a mix of closed and open ones."""
    for number in range(count):
        rng = random.Random(number)
        is_open = number % 3 == 0
        yield Pair(
            id=pair_id(number),
            prompt_id=content_id("prompt", number),
            chosen_response_id=content_id("response", number, 0),
            rejected_response_id=content_id("response", number, 1),
            images=(f"coco/{number:012d}.jpg",),
            question="What is shown, and how many of them are there?",
            kind="open" if is_open else "closed",
            chosen=prose(rng, 400),
            rejected=prose(rng, 400),
            origin="alteration" if is_open else "majority_answer",
            category=rng.choice(["object", "count", "spatial"]) if is_open else None,
            num_votes=None if is_open else rng.randint(5, 15),
            num_votes_rejected=None if is_open else 1,
        )


def make_prompts(count: int) -> Iterator[Prompt]:
    """Prompts, a third of them open; closed ones ask for a number, known for half."""
    for number in range(count):
        is_open = number % 3 == 0
        yield Prompt(
            id=content_id("prompt", number),
            images=(f"coco/{number:012d}.jpg",),
            image_sha256s=("0" * 64,),
            question="What is shown?" if is_open else "How many dogs are there?",
            kind="open" if is_open else "closed",
            answer_format=None if is_open else "number",
            answer=None if is_open or number % 2 else "3",
            source="bench",
        )


def make_responses(num_prompts: int) -> Iterator[Response]:
    """Sixteen responses to each closed prompt, one to an open one."""
    for number in range(num_prompts):
        rng = random.Random(f"response {number}")
        is_open = number % 3 == 0
        for sample in range(1 if is_open else 16):
            answer = rng.choice("3334")
            yield Response(
                id=content_id("response", number, sample),
                prompt_id=content_id("prompt", number),
                sample=sample,
                seed=rng.getrandbits(63),
                text=prose(rng, 400) if is_open else f"There are {answer} dogs.",
                finish_reason="stop",
            )


def make_altered(num_prompts: int) -> Iterator[Altered]:
    """A rewrite of each response to an open prompt, with one word more."""
    for response in make_responses(num_prompts):
        if len(response.text) > 100:
            yield Altered(
                id=content_id("altered", response.id),
                response_id=response.id,
                prompt_id=response.prompt_id,
                category="object",
                seed=response.seed,
                text=f"{response.text} horse",
                finish_reason="stop",
            )


def make_candidates(num_prompts: int) -> Iterator[Candidate]:
    """Different texts to each prompt, a third of each member."""
    for number in range(num_prompts):
        rng = random.Random(f"candidates {number}")
        for at in range(TEXTS):
            yield Candidate(
                id=content_id("candidate", number, at),
                prompt_id=content_id("prompt", number),
                text=prose(rng, 400),
                members=(MEMBERS[at % len(MEMBERS)],),
                counts=(1,),
                response_ids=(content_id("response", number, at),),
            )


def make_ratings(num_prompts: int, member: str) -> Iterator[Rating]:
    """One of each candidate; a few are unparsed."""
    for number in range(num_prompts):
        rng = random.Random(f"ratings {number} {member}")
        for at in range(TEXTS):
            marks = [rng.choice("1123455") for _ in CRITERIA]
            pairs = zip(CRITERIA, marks, strict=True)
            lines = [f"{name.capitalize()}: {mark}" for name, mark in pairs]
            yield Rating(
                id=content_id("rating", number, at, member),
                candidate_ids=(content_id("candidate", number, at),),
                prompt_id=content_id("prompt", number),
                member=member,
                seed=rng.getrandbits(63),
                text="\n".join(lines[: 5 if rng.random() < 0.98 else 2]),
                finish_reason="stop",
            )


def make_judgments(num_pairs: int) -> Iterator[Judgment]:
    """One judgment for each pair and order; about three of four are right."""
    for number in range(num_pairs):
        rng = random.Random(f"judgment {number}")
        for order in ORDERS:
            is_right = rng.random() < 0.75
            letter = "AB"[is_right == (order == "rejected_first")]
            end = f"\n\nVerdict: [[{letter}]]" if rng.random() < 0.98 else ""
            yield Judgment(
                id=content_id("judgment", number, order),
                pair_id=pair_id(number),
                order=order,
                sample=0,
                seed=rng.getrandbits(63),
                text=prose(rng, JUDGMENT_BYTES - 180) + end,
                finish_reason="stop",
            )


def pair_id(number: int) -> str:
    """The id of a synthetic pair."""
    return content_id("pair", number)


def prose(rng: random.Random, length: int) -> str:
    """About ``length`` bytes of words, with line ends and quotes as models write."""
    sentence = " ".join(rng.choices(WORDS, k=16))
    lines = [f'{at}. It "{sentence}".' for at in range(length // len(sentence) + 1)]
    return "\n".join(lines)[:length]


def run(command: list[str], folder: Path, outputs: Sequence[str] = ()) -> Cost:
    """Run a command without its outputs of before; what it cost.

    Its errors end the bench.
    """
    for name in outputs:
        (folder / name).unlink(missing_ok=True)
    # What others still have to write would slow this one down.
    os.sync()
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    # wait4 tells the time and the peak of this child alone.
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    # In kB on Linux, in bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


if __name__ == "__main__":
    main()
