"""The loop on a real SLURM, undisturbed and through faults.

A small demo runs once, to the end.  Each fault then meets the judging of that
run, which starts again from a copy taken before it; it must end with the very
same bytes.  What is scaled down is the run, not the profile: one iteration, one
filter, a few prompts, and two nodes with one GPU each.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selfjudge.ground.ledgers import read_ledgers
from slurm.cluster import NODES, Cluster, wait_until, why_not
from test_workflow import change_config, clone_repository, edit

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]

LOOP = "results/iter1/vlrb.json"
PAIRS = "results/iter1/majority/pairs.jsonl"
JUDGED = "results/iter1/majority/accepted.jsonl"
COMPARED = ("judgments.jsonl", "accepted.jsonl", "dropped_judgments.jsonl")
WORLD = {"num_closed": 8, "num_open": 12, "num_vlrb": 4, "num_mmrb": 2}
WORLD |= {"num_criteria": 1}
CONFIG = {
    "iterations": 1,
    "filters": ["majority"],
    "pool": {"prompts_per_iteration": 20},
    "benchmarks": {"mmrb": None, "criteria": None},
    "engine": {"batch_size": 2},
    "responses": {"num_samples": 4},
    "pairs": {"majority_threshold": 2},
    "judgments": {"shards": 3},
    # So few rows are one step, whose rate would be 0 while it warms up.
    "train": {"num_epochs": 1, "warmup_ratio": 0.0},
}
PATIENCE = 1800  # seconds; a machine that is busy with other things is slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A SLURM with two nodes of one GPU each."""
    with Cluster() as running:
        yield running


def start(cluster: Cluster, clone: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the documented command on the demo of a clone."""
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-j", "8"]
    return subprocess.Popen(
        [*command, "--directory", "demo", *arguments],
        cwd=clone,
        env=cluster.environment | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    """What a run printed until its end, which must be as expected."""
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, printed
    return printed


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the demo has run until its pairs are built."""
    clone = tmp_path_factory.mktemp("prepared") / "selfjudge"
    clone_repository(clone)
    change_config(clone / "demo", **CONFIG)
    for name, number in WORLD.items():
        rules = clone / "demo/project.smk"
        text, count = re.subn(rf"{name}=\d+", f"{name}={number}", rules.read_text())
        assert count == 1
        rules.write_text(text)
    started = time.monotonic()
    finish(start(cluster, clone, PAIRS))
    print(f"until the pairs: {time.monotonic() - started:.0f} s")
    return clone


@pytest.fixture(scope="module")
def finished(
    cluster: Cluster, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same run, undisturbed to its end."""
    clone = tmp_path_factory.mktemp("finished") / "selfjudge"
    shutil.copytree(prepared, clone, symlinks=True)
    started = time.monotonic()
    finish(start(cluster, clone, LOOP))
    print(f"from the pairs to the end: {time.monotonic() - started:.0f} s")
    return clone


@pytest.fixture
def begun(prepared: Path, tmp_path: Path) -> Path:
    """A copy of the prepared clone, to be disturbed while it judges."""
    clone = tmp_path / "selfjudge"
    shutil.copytree(prepared, clone, symlinks=True)
    return clone


def jobs_of(cluster: Cluster, clone: Path) -> list[dict[str, str]]:
    """All SLURM jobs that a clone ever had, in the order of their ids."""
    fields = "jobid,state,start,end,nnodes,alloctres,timelimitraw,comment,workdir"
    time.sleep(5)  # the accounting is told a little later
    printed = cluster.call(f"sacct -X --parsable2 --noheader --format {fields}")
    jobs = [
        dict(zip(fields.split(","), line.split("|"), strict=True))
        for line in printed.splitlines()
    ]
    return [job for job in jobs if job["workdir"] == str(clone / "demo")]


def journalled(clone: Path) -> list[str]:
    """The keys of all answers that were journalled while judging."""
    return [
        answer["key"]
        for path in (clone / "demo/results/journal").glob("*/*judge_pairs*.jsonl")
        for line in path.read_bytes().split(b"\n")[:-1]
        for answer in json.loads(line)
    ]


def running(cluster: Cluster, clone: Path) -> list[tuple[str, str]]:
    """Job id and node of the judging jobs that run at this moment."""
    printed = cluster.call("squeue --noheader --states R --format '%i|%N|%k|%Z'")
    rows = [line.split("|") for line in printed.splitlines()]
    return [
        (job, node)
        for job, node, comment, folder in rows
        if folder == str(clone / "demo") and comment.startswith("rule_judge_pairs")
    ]


def wait_for_answers(cluster: Cluster, clone: Path) -> tuple[str, str]:
    """A judging job in its midst, and its node: some answers are there, not all."""
    wait_until(lambda: bool(journalled(clone)), PATIENCE, "the first answer")
    found = running(cluster, clone)
    assert found, "all was judged before it could be disturbed"
    return found[0]


def assert_as_undisturbed(fault: str, clone: Path, finished: Path) -> None:
    """The files are the undisturbed run's, and no answer was paid for twice."""
    for name in COMPARED:
        path = Path("demo/results/iter1/majority", name)
        assert (clone / path).read_bytes() == (finished / path).read_bytes(), name
    keys = journalled(clone)
    ledgers = read_ledgers(clone / "demo/results/ledgers")
    num_calls = sum(
        line.num_calls
        for lines in ledgers.values()
        for line in lines
        if line.stage == "judge_pairs"
    )
    print(
        f"{fault}: {len(set(keys))} requests, {len(keys) - len(set(keys))} of them "
        f"journalled twice; calls in the ledgers, which a SIGKILL leaves unwritten: "
        f"{num_calls}"
    )
    assert set(keys) == set(journalled(finished))
    assert len(keys) == len(set(keys))


def test_gpu_jobs_get_a_gpu_each_and_no_others(
    cluster: Cluster, finished: Path
) -> None:
    """Every job has what its rule asked for, on one node, and is never requeued."""
    comparison = json.loads((finished / "demo" / LOOP).read_text())
    assert {row["iteration"] for row in comparison["rows"]} == {0, 1}
    profile = "generate_responses alter_responses judge_pairs judge_benchmarks".split()
    gpu_rules = {*profile, "train_judge"}
    jobs = jobs_of(cluster, finished)
    seen = set()
    for job in jobs:
        rule = re.sub("^rule_|_wildcards_.*$", "", job["comment"])
        seen.add(rule)
        assert job["state"] == "COMPLETED" and job["nnodes"] == "1", job
        assert ("gres/gpu:h100=1" in job["alloctres"]) == (rule in gpu_rules), job
    judged = {"judge_pairs", "judge_benchmarks"}
    assert seen >= {*judged, "train_judge", "filter_judgments"}
    shown = cluster.call("scontrol show job")
    assert "Requeue=0" in shown and "Requeue=1" not in shown


def test_no_more_gpu_jobs_at_once_than_gpus(cluster: Cluster, finished: Path) -> None:
    """Three shards share two GPUs: the third waits in SLURM's queue."""
    jobs = [job for job in jobs_of(cluster, finished) if "gpu" in job["alloctres"]]
    at_once = [
        sum(job["start"] <= other["start"] < job["end"] for job in jobs)
        for other in jobs
    ]
    assert max(at_once) == len(NODES)


def cancel_job(cluster: Cluster, clone: Path) -> None:
    """A job is cancelled, as by an administrator or for one of higher priority."""
    job, _ = wait_for_answers(cluster, clone)
    cluster.call(f"scancel {job}")


def restart_controller(cluster: Cluster, clone: Path) -> None:
    """The controller is killed and comes back ten seconds later."""
    wait_for_answers(cluster, clone)
    cluster.kill("slurmctld")
    time.sleep(10)
    cluster.start_controller()


def lose_node(cluster: Cluster, clone: Path) -> None:
    """A node goes dark with its daemon and its jobs."""
    _, node = wait_for_answers(cluster, clone)
    cluster.cut_power(node)


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        (cancel_job, {"COMPLETED", "CANCELLED by 0"}),
        (restart_controller, {"COMPLETED"}),
        (lose_node, {"COMPLETED", "NODE_FAIL"}),
    ],
)
def test_run_goes_through_a_fault(
    cluster: Cluster,
    begun: Path,
    finished: Path,
    fault: Callable[[Cluster, Path], None],
    states: set[str],
) -> None:
    """The run ends by itself, with the files of an undisturbed run."""
    process = start(cluster, begun, JUDGED)
    try:
        fault(cluster, begun)
        finish(process)
    finally:
        process.kill()
        for node in NODES:
            if node not in cluster.daemons:
                cluster.start_node(node)
    assert {job["state"] for job in jobs_of(cluster, begun)} == states
    assert_as_undisturbed(fault.__name__, begun, finished)


def test_job_over_its_time_limit_gets_more(
    cluster: Cluster, begun: Path, finished: Path
) -> None:
    """A job that hangs ends at its limit; its successor may take twice as long."""
    edit(begun / "rules/common.smk", "growing(120)", "growing(1)")
    # Five minutes before its end such a job has not begun.
    (begun / "profiles/slurm/local.yaml").write_text("signal: null\n")
    process = start(cluster, begun, JUDGED)
    job, _ = wait_for_answers(cluster, begun)
    cluster.call(f"scancel --signal STOP {job}")
    finish(process)
    jobs = {job["jobid"]: job for job in jobs_of(cluster, begun)}
    hung = jobs[job]
    *_, last = (other for other in jobs.values() if other["comment"] == hung["comment"])
    assert (hung["state"], last["state"]) == ("TIMEOUT", "COMPLETED"), jobs
    assert int(last["timelimitraw"]) > int(hung["timelimitraw"]) >= 1
    assert_as_undisturbed("over_time_limit", begun, finished)


def test_job_over_its_memory_gets_more(
    cluster: Cluster, begun: Path, finished: Path
) -> None:
    """A judge does not fit into its first job's memory; the second has more."""
    edit(begun / "rules/common.smk", "growing(64000)", "growing(450)")
    finish(start(cluster, begun, JUDGED))
    jobs = jobs_of(cluster, begun)
    memory = [
        (job["state"], re.search(r"mem=(\w+)", job["alloctres"])[1])
        for job in jobs
        if "rule_judge_pairs" in job["comment"]
    ]
    assert ("FAILED", "450M") in memory and ("COMPLETED", "900M") in memory
    assert_as_undisturbed("over_memory", begun, finished)


def test_failed_shard_leaves_its_neighbours(
    cluster: Cluster, begun: Path, finished: Path
) -> None:
    """A shard that fails for good costs nothing that the others have done."""
    process = start(cluster, begun, JUDGED)
    shard = "rule_judge_pairs_wildcards_1_majority_1of3"
    while process.poll() is None:
        for row in cluster.call("squeue --noheader --format '%i|%k|%Z'").splitlines():
            job, comment, folder = row.split("|")
            if comment == shard and folder == str(begun / "demo"):
                cluster.call(f"scancel {job}")
        time.sleep(1)
    finish(process, status=1)
    shards = begun / "demo/results/iter1/majority/judgments"
    assert {path.name for path in shards.iterdir()} == {"2of3.jsonl", "3of3.jsonl"}
    finish(start(cluster, begun, JUDGED))
    assert_as_undisturbed("shard_fails_for_good", begun, finished)


def recover(cluster: Cluster, clone: Path) -> subprocess.CompletedProcess[str]:
    """Run the documented command that follows a killed Snakemake."""
    return subprocess.run(
        [sys.executable, "scripts/recover_run.py", "demo"],
        cwd=clone,
        env=cluster.environment,
        capture_output=True,
        text=True,
    )


def test_killed_snakemake_is_recovered(
    cluster: Cluster, begun: Path, finished: Path
) -> None:
    """Nobody can start beside a living run; after a dead one, one command mends."""
    process = start(cluster, begun, JUDGED)
    wait_for_answers(cluster, begun)
    assert "cannot be locked" in finish(start(cluster, begun, JUDGED), status=1)
    refused = recover(cluster, begun)
    assert refused.returncode == 1
    assert f"a Snakemake works here, process {process.pid}" in refused.stderr
    process.kill()
    process.wait()
    assert running(cluster, begun), "the jobs outlive their Snakemake"
    assert "cannot be locked" in finish(start(cluster, begun, JUDGED), status=1)
    done = recover(cluster, begun)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not running(cluster, begun)
    finish(start(cluster, begun, JUDGED))
    assert_as_undisturbed("snakemake_killed", begun, finished)


def test_a_probe_is_one_job_whose_report_is_printed(
    cluster: Cluster, finished: Path
) -> None:
    """A GPU of its own, and on the terminal what it found; the run has its answers."""
    keys = journalled(finished)
    printed = finish(start(cluster, finished, "probe"))
    assert re.search(r"^probe of \d+ prompts: ", printed, re.M)
    assert re.search(r"^plan of ", printed, re.M)
    jobs = [job for job in jobs_of(cluster, finished) if "probe" in job["comment"]]
    assert [job["state"] for job in jobs] == ["COMPLETED"]
    assert "gres/gpu:h100=1" in jobs[0]["alloctres"]
    assert journalled(finished) == keys
