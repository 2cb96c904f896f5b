"""Run the tiny panel: make its members, have Snakemake finish it, tell what came of it.

Each seed is a project directory below --out with members, prompts and questions of its
own.  What is there is not made again: a second call goes on where the first stopped.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from panel_lessons import LACKING

DEMO = Path(__file__).resolve().parent
PROJECT_RULES = 'include: "../project.smk"\n'


def make_project(folder: Path, seed: int, ballots: list[str] | None) -> None:
    """Write a seed's project directory; what is as it must be stays untouched."""
    config: dict[str, Any] = yaml.safe_load(
        (DEMO / "panel" / "config.yaml").read_text()
    )
    config["seed"] = seed
    members = {name: {"base_model": f"./members/{name}"} for name in LACKING}
    config["panel"]["members"] = members
    if ballots:
        config["panel"]["ballots"] = ballots
    head = "# Written by run_panel.py from demo/panel/config.yaml.\n"
    text = head + yaml.safe_dump(config, sort_keys=False)
    for name, content in (("config.yaml", text), ("project.smk", PROJECT_RULES)):
        path = folder / name
        if not path.is_file() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def make_members(folder: Path, seed: int) -> None:
    """Tune the members that are not there."""
    command = [sys.executable, str(DEMO / "tune_members.py"), "--seed", str(seed)]
    subprocess.run([*command, "--out", str(folder / "members")], check=True)


def run_loop(folder: Path) -> None:
    """Have Snakemake finish a project."""
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local"]
    command += ["--directory", str(folder), "results/panel/iter3/skills.json"]
    # Two jobs side by side: a thread each.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=DEMO.parent, check=True, env=environment)
    # Not the rule: it would run the judge's loop too.
    page = [str(DEMO.parent / "scripts" / "build_report.py"), "--project", str(folder)]
    page += ["--output", str(folder / "results" / "report.html")]
    subprocess.run([sys.executable, *page], check=True)


def main() -> None:
    """Make and run one seed after the other, then measure all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--ballots", nargs="+", help="default: those of config.yaml")
    parser.add_argument("--out", type=Path, default=DEMO / "panel")
    options = parser.parse_args()
    folders = [options.out.resolve() / f"seed{seed}" for seed in options.seeds]
    for seed, folder in zip(options.seeds, folders, strict=True):
        make_project(folder, seed, options.ballots)
        make_members(folder, seed)
        run_loop(folder)
    command = [sys.executable, str(DEMO / "measure_panel.py"), *map(str, folders)]
    environment = os.environ | {"PYTHONPATH": str(DEMO.parent / "scripts")}
    subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
