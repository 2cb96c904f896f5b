"""Run the demo for several base models and several seeds of the loop.

Reads the demo's config.yaml and what --over lays over it; makes below --out a project
directory for each base seed and loop seed, and has Snakemake finish each.  A run that
is finished has nothing to do, so that a second call goes on where the first one
stopped.
"""

import argparse
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

DEMO = Path(__file__).resolve().parent
# The base models, by the seed of their recipe (pretrain_base.py).
BASES = {1: DEMO / "bases/seed1", 2: DEMO / "bases/seed2", 3: DEMO / "base"}
PROJECT_RULES = 'include: "../../project.smk"\n'
SEEDS = DEMO / "seeds.yaml"
RUN = re.compile(r"base(\d+)_loop(\d+)")


def run_name(base_seed: int, loop_seed: int) -> str:
    """The name of a run's project directory."""
    return f"base{base_seed}_loop{loop_seed}"


def find_projects(folder: Path) -> dict[tuple[int, int], Path]:
    """The directories of runs below a folder, by base and loop seed, in that order."""
    found = ((RUN.fullmatch(path.name), path) for path in folder.iterdir())
    return dict(
        sorted(((int(name[1]), int(name[2])), path) for name, path in found if name)
    )


def run_config(base_seed: int, loop_seed: int, over: Path = SEEDS) -> dict[str, Any]:
    """The configuration of a run: the demo's, another file over it, its own seeds."""
    config: dict[str, Any] = yaml.safe_load((DEMO / "config.yaml").read_text())
    update_config(config, yaml.safe_load(over.read_text()))
    base = Path("../..", BASES[base_seed].relative_to(DEMO))
    own = {"seed": loop_seed, "base_model": str(base), "templates": "../../templates"}
    return config | own


def make_project(folder: Path, config: dict[str, Any]) -> None:
    """Write the project directory of a run; what is as it must be stays untouched."""
    text = yaml.safe_dump(config, sort_keys=False)
    head = "# Written by run_seeds.py, from the demo's config.yaml.\n"
    for name, content in (
        ("config.yaml", head + text),
        ("project.smk", PROJECT_RULES),
    ):
        path = folder / name
        if not path.is_file() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def run_loop(folder: Path) -> None:
    """Have Snakemake finish a project."""
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local"]
    command += ["--directory", str(folder), "all"]
    subprocess.run(command, cwd=DEMO.parent, check=True)


def main() -> None:
    """Make the projects, and run one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--base-seeds", type=int, nargs="+", choices=BASES, default=list(BASES))
    add("--loop-seeds", type=int, nargs="+", default=[0, 1])
    add("--over", type=Path, default=SEEDS, help="laid over the demo's config.yaml")
    add("--out", type=Path, default=DEMO / "seeds", help="a folder beside demo/seeds")
    options = parser.parse_args()
    out = options.out.resolve()
    if out.parent != DEMO:  # where projects find templates, rules and bases
        parser.error(f"--out must be a folder in {DEMO} (got {options.out})")
    for seeds in product(options.base_seeds, options.loop_seeds):
        folder = out / run_name(*seeds)
        make_project(folder, run_config(*seeds, options.over))
        run_loop(folder)


if __name__ == "__main__":
    main()
