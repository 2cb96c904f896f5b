"""Say what a run still costs: requests, tokens, GPU hours, time by the clock, disk.

Reads the config, what Snakemake says is stale, files that exist, and the ledgers
of finished jobs; writes a table to the terminal.  Needs no GPU and no network, and
starts nothing.  Also the rule `plan`: snakemake --profile slurm -j 8 plan
"""

import json
from pathlib import Path

import msgspec

from selfjudge.ground.ledgers import read_ledgers
from selfjudge.run.commands import arguments, run
from selfjudge.run.dry_runs import (
    MAX_CHECKSUM_FILE_SIZE,
    ask_snakemake,
    load_config,
    main_target,
    planned_jobs,
)
from selfjudge.run.needs import tell_needs
from selfjudge.run.plan_text import format_plan
from selfjudge.run.planning import CostModel, plan_rows, read_stale
from selfjudge.run.scheduling import schedule
from selfjudge.run.workload import Expectations, Workload


def main() -> None:
    """Read the arguments, ask Snakemake, print."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add(
        "targets",
        nargs="*",
        help="such as all; default: the last iteration's scores on the first benchmark",
    )
    add("--directory", type=Path, default=Path(), help="the project directory")
    add("--slots", type=int, default=8, help="GPUs, or jobs at once without any")
    add("--config", type=json.loads, help="merged config as JSON; default: the files")
    limit = MAX_CHECKSUM_FILE_SIZE
    add("--max-checksum-file-size", default=limit, help="as the profiles have it")
    args = parser.parse_args()
    config = args.config or load_config(args.directory)
    targets = args.targets or [main_target(config)]
    limit = args.max_checksum_file_size
    told = ask_snakemake(args.directory, targets, config, max_checksum_file_size=limit)
    stale = read_stale(told)
    plan = msgspec.convert(config["plan"], Expectations, strict=False)
    ledgers = read_ledgers(args.directory / "results" / "ledgers")
    workload = Workload(args.directory, config, plan, stale.asked)
    rows = plan_rows(stale.jobs, workload, CostModel(config, plan, ledgers))
    hours = schedule(rows, args.slots, config)
    print(f"plan of {' '.join(targets)}\n")
    print(format_plan(stale, rows, hours, args.slots, config["engine"]["name"]))
    imports = any(job.rule == "import_prompts" for job in planned_jobs(told))
    if needs := [*tell_needs(workload, {row.part.stage for row in rows}, imports)]:
        print("\n" + "\n".join(needs))
    if (pool := workload.pool) and (num_unused := workload.count_unused()):
        print(
            f"{num_unused} of {len(pool.closed_by_rank)} prompts of the pool are used "
            "by no iteration: config's 'pool' says how many are"
        )


if __name__ == "__main__":
    run(main)
