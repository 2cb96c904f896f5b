"""From a folder of images to a judge: makes a project and runs it.

Reads a folder of images; writes a project directory if there is none, whose
config.yaml says only what differs; has questions asked, sees how many there are,
probes, and trains.  What is there already is not done again.  Also
`make judge IMAGES=photos`.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from selfjudge.ground.lines import read_json, read_records, writing
from selfjudge.ground.records import Prompt
from selfjudge.pairs.pictures import is_image_name
from selfjudge.run.commands import arguments, run
from selfjudge.run.config import lay_over, read_config
from selfjudge.run.pool_size import count_unused
from selfjudge.run.projects import (
    LEARNT_RATE,
    check_given,
    count_fewest,
    count_trained,
    new_project,
    share_pool,
    with_pool,
)

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Read the arguments, make the project, run it."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--images", type=given_folder, required=True, help="folder of images")
    add("--project", type=given_folder, help="its folder; default: judge_of_IMAGES")
    add("--model", help="base model; default: that of config.yaml")
    add(
        "--like",
        type=given_folder,
        help="project or file, such as overlays/*.yaml, whose settings are taken over",
    )
    add("--profile", type=Path, help="how and where jobs run: profiles/local, slurm")
    add("--snakemake", default="", help="more arguments, such as '--jobs 8'")
    args = parser.parse_args()
    words = shlex.split(args.snakemake)
    check_no_config(args.profile, words)
    project = args.project or Path(f"judge_of_{args.images.resolve().name}")
    start_project(project, args.images, args.model, args.like)
    command = [sys.executable, "-m", "snakemake", "--directory", str(project)]
    command += ["--snakefile", str(ROOT / "Snakefile")]
    command += ["--profile", str(args.profile)] if args.profile else []
    command += words
    if not args.profile and not words:
        command += ONE_GPU
    config = read_config(project)
    if "prompts_per_iteration" in (read_own(project).get("pool") or {}):
        check_used(command, project, config)
    else:
        share_prompts(command, project, config)
    ask(command, "--", "probe_judge")
    ask(command, "--", "judge")
    name = config["filters"][0]
    folders = [f"results/iter{n}/{name}" for n in range(1, config["iterations"] + 1)]
    for folder in folders:
        paired, filtered = (read_json(project / folder / f"{r}.json") for r in REPORTS)
        print(
            f"{folder}: {paired['num_pairs']} pairs, {filtered['num_accepted']} "
            "judgments to train on",
            file=sys.stderr,
        )
    print(f"the judge is {project / folders[-1] / 'judge'}", file=sys.stderr)


REPORTS = ("pairs_report", "filter_report")
POOL = "results/prompts.jsonl"
ONE_GPU = "--cores all --resources gpu=1 --show-failed-logs --rerun-incomplete".split()


def given_folder(text: str) -> Path:
    """A folder from the command line; "" would be the one that one types in."""
    if not text.strip():
        raise argparse.ArgumentTypeError(
            f"must be a folder (got {text!r}). Hint: make judge IMAGES=photos"
        )
    return Path(text)


def check_no_config(profile: Path | None, words: list[str]) -> None:
    """Raise ValueError where a profile or more arguments speak of the config.

    This command lays a file of its own over it for a while, and of two that are told
    Snakemake takes the last alone: questions would be asked of another model.
    """
    found = {
        "--snakemake": next((w for w in words if w.startswith(("--conf", "-C"))), None)
    }
    for path in profile.glob("config*.yaml") if profile else []:
        key = re.search(r"^config(files?)?(?=\s*:)", path.read_text("utf-8"), re.M)
        found[str(path)] = key and key[0]
    for where, word in found.items():
        if word:
            raise ValueError(
                f"{where}: must leave the config alone (got '{word}'). Hint: "
                "LIKE=overlay.yaml takes a file over into a new project's config.yaml; "
                "into one that is there write what differs"
            )


def start_project(
    project: Path, images: Path, model: str | None, like: Path | None
) -> None:
    """Write the project's config, if there is none; a folder of images must be one.

    Raises ValueError where there is one that says otherwise.
    """
    path = project / "config.yaml"
    if path.is_file():
        check_given(project, images, model, like)
        print(f"{project}: goes on as its config.yaml says", file=sys.stderr)
        return
    names = (name for _, _, names in os.walk(images) for name in names)
    num_images = sum(map(is_image_name, names))
    if not num_images:
        got = "none in it" if images.is_dir() else "no such folder"
        got = "a file" if images.is_file() else got
        raise ValueError(f"{images}: must be a folder of images (got {got})")
    config = new_project(project, images, num_images, model, like)
    project.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    write_text(path, HEAD + text)
    print(f"{path}:\n{text}", file=sys.stderr)


HEAD = "# What differs from the repository's config.yaml, which explains every key.\n"


def share_prompts(command: list[str], project: Path, config: dict[str, Any]) -> None:
    """Have questions asked, and say in the project's config what each iteration takes.

    Warns where that is too little to train on.
    """
    # How many questions there will be, nobody knows before.
    # The file is read by jobs on other nodes, too.
    one = project / ".asking.json"
    one.write_text(json.dumps({"pool": {"prompts_per_iteration": 1}}))
    try:
        ask(command, "--configfile", str(one), "--", POOL)
    finally:
        one.unlink()
    num_prompts = count_pool(project, config)
    pool = share_pool(num_prompts, config, read_own(project).get("pool") or {})
    share, fewest = pool["prompts_per_iteration"], count_fewest(config)
    told = f"{num_prompts} prompts, {share} for each iteration"
    if "mode" in pool:
        told += ": all, since equal shares would be too few to train on"
    print(told, file=sys.stderr)
    if share < fewest:
        print(
            f"WARNING: training may be refused: an iteration should have {fewest} "
            f"prompts (got {share}), if {LEARNT_RATE:.0%} are learnt from; the "
            "probe tells more. Hint: more images, or a larger "
            "'questions.per_image' and 'num_samples'.",
            file=sys.stderr,
        )
    add_pool(project, pool)


def check_used(command: list[str], project: Path, config: dict[str, Any]) -> None:
    """Have new images asked about; warn of prompts that no iteration uses.

    Raises ValueError where they have become more: whoever adds images wants them used,
    and would pay for what follows without them.  The same command again goes on.
    """
    had = None
    if (project / POOL).is_file():
        had = count_unused(count_pool(project, config), config)
    ask(command, "--", POOL)
    num_prompts = count_pool(project, config)
    num_unused = count_unused(num_prompts, config)
    if not num_unused:
        return
    told = f"{num_unused} of {num_prompts} prompts are used by no iteration"
    hint = f"Hint: delete 'pool' in {project / 'config.yaml'} to share them anew"
    if had is not None and num_unused > had:
        raise ValueError(f"{told}. {hint}; the same command goes on without them")
    print(f"WARNING: {told}. {hint}", file=sys.stderr)


def count_pool(project: Path, config: dict[str, Any]) -> int:
    """How many prompts there are to train on; ValueError where none were made."""
    path = project / POOL
    if not path.is_file():
        raise ValueError(
            f"{path}: must be made by now (got no file). Hint: leave -n out of JOBS; "
            f"snakemake --directory {project} -n judge"
        )
    return count_trained(read_records(path, Prompt), config)


def read_own(project: Path) -> dict[str, Any]:
    """What a project's own config says."""
    text = (project / "config.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text) or {})


def add_pool(project: Path, pool: dict[str, Any]) -> None:
    """Add keys to the section `pool` of a project's config; all else stays as it is.

    Raises ValueError with what to write by hand where that cannot be done.
    """
    path = project / "config.yaml"
    text = path.read_bytes().decode()
    wanted = lay_over(read_own(project), {"pool": pool})
    changed = with_pool(text, pool)
    try:
        is_as_wanted = yaml.safe_load(changed) == wanted
    except yaml.YAMLError:
        is_as_wanted = False
    if not is_as_wanted:
        told = yaml.safe_dump(wanted["pool"], default_flow_style=True, width=1000)
        raise ValueError(
            f"{path}: 'pool' must be written by hand (got a form that no key can be "
            f"added to). Hint: pool: {told.strip()}, then the same command again."
        )
    write_text(path, changed)


def write_text(path: Path, text: str) -> None:
    """Write a text whole or not at all; a link stays one."""
    with writing(path.resolve()) as file:
        file.write(text.encode())


def ask(command: list[str], *arguments: str) -> None:
    """Run Snakemake; what it says goes to the terminal, and its failure ends this."""
    done = subprocess.run([*command, *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    run(main)
