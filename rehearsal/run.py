"""Rehearse a run at its full size without a model, and report what the rest costs.

Reads the rehearsal's project beside this file; writes a project directory of its
own (--out) with everything that a run leaves, and rehearsal.json there: seconds
and memory of Snakemake and of every stage, jobs a minute, sizes.  A rehearsal
that was interrupted continues; its first part is not in the figures then.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SHARDED = ("responses", "judgments", "benchmark_judgments")
SECONDS_BETWEEN_LOOKS = 0.5
DEFAULT_ITERATIONS = 4  # of config.yaml


def main() -> None:
    """Read the arguments, rehearse, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--prompts", type=int, default=100_000, help="prompts in the pool")
    add("--shards", type=int, default=64, help="shards of each model stage")
    add("--iterations", type=int, help="fewer than config.yaml has")
    add("--targets", nargs="+", default=["all"], help="files to make; default: all")
    add("--out", type=Path, required=True, help="project directory to make")
    args = parser.parse_args()
    make_project(args.out, args.prompts, args.shards, args.iterations)
    costs = args.out / "costs.jsonl"
    costs.unlink(missing_ok=True)
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "num_prompts": args.prompts,
        "shards": args.shards,
        "targets": args.targets,
        "planning": run_snakemake(args.out, args.targets, "-n"),
        "running": run_snakemake(args.out, args.targets),
        "planning_when_done": run_snakemake(args.out, args.targets, "-n"),
        "stages": sum_costs(read_lines(costs)),
        "files": measure_files(args.out / "results"),
    }
    running = report["running"]
    report["jobs_per_minute"] = round(60 * running["num_jobs"] / running["seconds"], 1)
    text = json.dumps(report, indent=2) + "\n"
    (args.out / "rehearsal.json").write_text(text, encoding="utf-8")
    print(text)


def make_project(out: Path, prompts: int, shards: int, iterations: int | None) -> None:
    """Copy the rehearsal's project and lay the sizes over its config."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(HERE / "base", out / "base", dirs_exist_ok=True)
    for name in ("project.smk", "make_prompts.py", "rehearse_training.py"):
        shutil.copy(HERE / name, out / name)
    shutil.copy(HERE / "measured_python", out / "measured_python")
    config = yaml.safe_load((HERE / "config.yaml").read_text(encoding="utf-8"))
    config["prompts"]["sources"][0]["num_prompts"] = prompts
    for stage in SHARDED:
        config[stage]["shards"] = shards
    if iterations is not None:
        config["iterations"] = iterations
    each = prompts // (iterations or DEFAULT_ITERATIONS)
    config["pool"] = {"prompts_per_iteration": each}
    kinds = ("decide", "generate", "train")
    config["interpreters"] = dict.fromkeys(kinds, "./measured_python")
    text = yaml.safe_dump(config)
    (out / "config.yaml").write_text(text, encoding="utf-8")


def run_snakemake(project: Path, targets: list[str], *flags: str) -> dict[str, Any]:
    """What a call of Snakemake took; memory and CPU are its own, not of its jobs."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(project)]
    command += ["--profile", "profiles/local", *flags, "--", *targets]
    start = time.perf_counter()
    log = project / f"snakemake{''.join(flags)}.log"
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
        memory_mb = cpu_seconds = 0.0
        while process.poll() is None:
            memory_mb, cpu_seconds = look_at(process.pid, memory_mb, cpu_seconds)
            time.sleep(SECONDS_BETWEEN_LOOKS)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"failed, see {log}: {' '.join(command)}")
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "memory_mb": round(memory_mb),
        "num_jobs": count_jobs(log if flags else newest_log(project)),
    }


def look_at(pid: int, memory_mb: float, cpu_seconds: float) -> tuple[float, float]:
    """Peak memory (MB of 10**6 bytes) and CPU seconds of a process so far.

    The values of before where the process is no more.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return memory_mb, cpu_seconds
    ticks = stat.rpartition(")")[2].split()[11:13]
    spent = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return int(peak.split()[1]) * 1024 / 1e6, spent


def newest_log(project: Path) -> Path:
    """What Snakemake itself wrote down last; the terminal shows less of it."""
    logs = (project / ".snakemake" / "log").glob("*.log")
    return max(logs, key=lambda path: path.stat().st_mtime_ns)


def count_jobs(log: Path) -> int:
    """The total of the table of jobs in a log; 0 without one."""
    for line in log.read_text(encoding="utf-8").splitlines():
        if line.startswith("total "):
            return int(line.split()[1])
    return 0


def sum_costs(costs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """By script: runs, seconds in all and of the longest, peak memory."""
    by_script = defaultdict(list)
    for cost in costs:
        by_script[cost["script"]].append(cost)
    return {
        script: {
            "num_runs": len(found),
            "seconds": round(sum(cost["seconds"] for cost in found), 1),
            "cpu_seconds": round(sum(cost["cpu_seconds"] for cost in found), 1),
            "longest_seconds": max(cost["seconds"] for cost in found),
            "longest_cpu_seconds": max(cost["cpu_seconds"] for cost in found),
            "memory_mb": max(cost["memory_mb"] for cost in found),
        }
        for script, found in sorted(by_script.items())
    }


def measure_files(results: Path) -> dict[str, Any]:
    """Files and MB of the journal, the ledgers and all other results."""
    found: dict[str, list[int]] = {"journal": [], "ledgers": [], "other": []}
    for path in results.rglob("*"):
        if path.is_file():
            top = path.relative_to(results).parts[0]
            found[top if top in found else "other"].append(path.stat().st_size)
    return {
        name: {"num_files": len(sizes), "megabytes": round(sum(sizes) / 1e6, 1)}
        for name, sizes in found.items()
    }


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
