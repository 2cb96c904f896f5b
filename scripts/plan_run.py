"""Say what a run still costs: requests, tokens, GPU hours, time by the clock, disk.

Reads the config, what Snakemake says is stale, files that exist, and the ledgers
of finished jobs; writes a table to the terminal.  Needs no GPU and no network, and
starts nothing.  Also the rule `plan`: snakemake --profile slurm -j 8 plan
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import yaml

from selfjudge.ground.ledgers import read_ledgers
from selfjudge.run.commands import arguments, run
from selfjudge.run.config import check_config, read_config
from selfjudge.run.plan_text import format_plan
from selfjudge.run.planning import CostModel, plan_rows, read_stale
from selfjudge.run.scheduling import schedule
from selfjudge.run.workload import Expectations, Workload

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Read the arguments, ask Snakemake, print."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("targets", nargs="*", help="such as all; default: results/iter4/vlrb.json")
    add("--directory", type=Path, default=Path(), help="the project directory")
    add("--slots", type=int, default=8, help="GPUs, or jobs at once without any")
    add("--config", type=json.loads, help="merged config as JSON; default: the files")
    add("--max-checksum-file-size", default="100MB", help="as the profiles have it")
    args = parser.parse_args()
    config = args.config or load_config(args.directory)
    benchmark = next((n for n, spec in config["benchmarks"].items() if spec), None)
    main = f"results/iter{config['iterations']}/{benchmark}.json"
    targets = args.targets or [main if benchmark else "judges"]
    limit = args.max_checksum_file_size
    stale = read_stale(ask_snakemake(args.directory, targets, config, limit))
    plan = msgspec.convert(config["plan"], Expectations, strict=False)
    ledgers = read_ledgers(args.directory / "results" / "ledgers")
    workload = Workload(args.directory, config, plan, stale.asked)
    rows = plan_rows(stale.jobs, workload, CostModel(config, plan, ledgers))
    hours = schedule(rows, args.slots, config)
    print(f"plan of {' '.join(targets)}\n")
    print(format_plan(stale, rows, hours, args.slots, config["engine"]["name"]))
    if num_unused := workload.count_unused():
        print(f"\n{num_unused} prompts of the pool are used by no iteration")


def load_config(directory: Path) -> Any:
    """The repository's config with the project's laid over it, checked."""
    config = read_config(directory)
    schema = (ROOT / "config.schema.yaml").read_text(encoding="utf-8")
    check_config(config, yaml.safe_load(schema))
    return config


def ask_snakemake(
    directory: Path, targets: list[str], config: Any, max_checksum_file_size: str
) -> str:
    """What `snakemake -n` prints: every job with its outputs.

    Raises ValueError with its last line where it cannot plan.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")  # JSON is YAML
        path.write_text(json.dumps(config), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", *targets, "-n"]
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
        said = [
            line for line in (done.stderr or done.stdout).splitlines() if line.strip()
        ]
        raise ValueError(f"snakemake -n: {said[-1] if said else 'failed'}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    run(main)
