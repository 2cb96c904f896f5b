"""Say how far a run is, which jobs failed and why, what it cost and still costs.

    python scripts/show_status.py myproject results/iter4/vlrb.json

Reads what Snakemake says is to do, SLURM's queue and accounting if there are any, the
notes of ended jobs, and the ledgers; writes to the terminal, and changes nothing.  It
may be called beside a running Snakemake, and after one that died.
"""

import json
from pathlib import Path

import msgspec

from selfjudge.ground.ledgers import read_ledgers
from selfjudge.run.commands import arguments, run
from selfjudge.run.dry_runs import ask_snakemake, load_config, main_target, planned_jobs
from selfjudge.run.planning import CostModel, plan_rows, read_stale, total
from selfjudge.run.scheduling import schedule
from selfjudge.run.slurm import call, ended_jobs, find_jobs, find_snakemake
from selfjudge.run.status import (
    find_failures,
    format_cost,
    format_status,
    read_ended,
    spent_hours,
)
from selfjudge.run.workload import Expectations, Workload


def main() -> None:
    """Read the arguments, ask Snakemake and SLURM, print."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("project", type=Path, help="the project's directory")
    add(
        "targets",
        nargs="*",
        help="default: the last iteration's scores on the first benchmark",
    )
    add("--slots", type=int, default=8, help="GPUs, or jobs at once without any")
    add("--config", type=json.loads, help="merged config as JSON; default: the files")
    args = parser.parse_args()
    project = args.project.resolve()
    config = args.config or load_config(project)
    targets = args.targets or [main_target(config)]
    told = ask_snakemake(project, targets, config)
    whole = list(planned_jobs(ask_snakemake(project, targets, config, "--forceall")))
    to_do = list(planned_jobs(told))
    queue = find_jobs(project) if call("scontrol", "ping") is not None else []
    noted = read_ended(project / "logs" / "slurm" / "ended.jsonl")
    failures = find_failures(noted, ended_jobs(project), to_do)
    print(f"status of {' '.join(targets)}\n")
    print(format_status(whole, to_do, queue, failures))
    stale = read_stale(told)
    plan = msgspec.convert(config["plan"], Expectations, strict=False)
    ledgers = read_ledgers(project / "results" / "ledgers")
    workload = Workload(project, config, plan, stale.asked)
    rows = plan_rows(stale.jobs, workload, CostModel(config, plan, ledgers))
    hours = schedule(rows, args.slots, config)
    spent = spent_hours(ledgers.values())
    print("\n" + format_cost(*spent, total(rows)["gpu_hours"], hours))
    alive = find_snakemake(project)
    if alive is not None:
        print(f"Snakemake works here, process {alive}")
    elif queue:
        print(
            "no Snakemake of this machine works here, but its jobs do; if it died: "
            f"python scripts/recover_run.py {args.project}"
        )


if __name__ == "__main__":
    run(main)
