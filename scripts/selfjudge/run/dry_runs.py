"""What Snakemake would do, asked of it in a process of its own."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from selfjudge.run.config import LAID_OVER, OWN, read_config, refuse
from selfjudge.run.contradictions import contradictions

ROOT = Path(__file__).resolve().parents[3]
# As the profiles have it.
MAX_CHECKSUM_FILE_SIZE = "100MB"
BLOCK = re.compile(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", re.M)
# Before and after the sentence of an error: "WorkflowError in file ...:".
HEAD = re.compile(r"^ *\w+(?:Error|Exception)\b.*:$")
FOOT = re.compile(r'^(?: *File "|Wildcards:|Traceback\b)')
WILDCARDS = re.compile(r"^    wildcards: (.*)$", re.M)


class PlannedJob(NamedTuple):
    """A job that Snakemake would run; ``place`` is its wildcards with _ between."""

    rule: str
    place: str


def load_config(directory: Path) -> Any:
    """The repository's config with the project's laid over it, checked."""
    config = read_config(directory)
    refuse(contradictions(config))
    return config


def main_target(config: Any) -> str:
    """The last iteration's scores on the first benchmark; without one the judges."""
    benchmark = next((n for n, spec in config["benchmarks"].items() if spec), None)
    main = f"results/iter{config['iterations']}/{benchmark}.json"
    return main if benchmark else "judges"


def ask_snakemake(
    directory: Path,
    targets: list[str],
    config: Any,
    *options: str,
    max_checksum_file_size: str = MAX_CHECKSUM_FILE_SIZE,
) -> str:
    """What `snakemake -n` prints: every job with its outputs.

    Raises ValueError with its sentence where it cannot plan.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")  # JSON is YAML
        path.write_text(json.dumps(config), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", *targets, "-n", *options]
        command += ["--snakefile", str(ROOT / "Snakefile"), "--nolock"]
        command += ["--rerun-incomplete"]
        # Not software-env: no environment is deployed here, as one may be in the run.
        command += ["--rerun-triggers", "code", "input", "mtime", "params"]
        command += ["--directory", str(directory), "--configfile", str(path)]
        command += ["--max-checksum-file-size", max_checksum_file_size]
        # A rule's shell sets this for its own use.
        environment = {k: v for k, v in os.environ.items() if k != "SNAKEMAKE_PROFILE"}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment
        )
    if done.returncode:
        sentence = find_sentence(done.stdout + done.stderr)
        # The config that is laid over here is ours, and no person's.
        raise ValueError(f"snakemake -n: {sentence.replace(LAID_OVER, OWN)}")
    return done.stdout + done.stderr


def find_sentence(said: str) -> str:
    """Why Snakemake ends, of all that it says: without place in the code, or wildcards.

    The last line where it names no error.
    """
    lines = [line for line in said.splitlines() if line.strip()]
    heads = [number for number, line in enumerate(lines) if HEAD.match(line)]
    after = lines[heads[-1] + 1 :] if heads else lines[-1:]
    told = [line.strip() for line in takewhile(lambda one: not FOOT.match(one), after)]
    return "\n".join(told or lines[-1:]) or "failed"


def planned_jobs(dry_run: str) -> Iterator[PlannedJob]:
    """The jobs that a dry run names."""
    for rule, body in BLOCK.findall(dry_run):
        found = WILDCARDS.search(body)
        pairs = found[1].split(", ") if found else []
        place = "_".join(pair.partition("=")[2] for pair in pairs)
        yield PlannedJob(rule, place.replace("/", "_"))
