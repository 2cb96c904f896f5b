"""How far a run is: jobs done, running, waiting and failed, and why they failed."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from selfjudge.ground.ledgers import Ledger
from selfjudge.report.text_columns import align
from selfjudge.run.attempts import WORDS, Cause, find_cause
from selfjudge.run.dry_runs import PlannedJob
from selfjudge.run.plan_text import as_time
from selfjudge.run.slurm import Ended, QueuedJob

HEAD = ("stage", "done", "running", "waiting", "failed", "to come")
# Not an end, or a good one.
NO_FAULT = {"COMPLETED", "RUNNING", "PENDING", "COMPLETING", "SUSPENDED"}
# Why a job waits, where SLURM's word does not say it to everybody.
WAITS = {
    "Priority": "others go first",
    "Resources": "no GPU, memory or CPU is free",
    "ReqNodeNotAvail": "a node is down, reserved, or in maintenance soon",
    "PartitionTimeLimit": "asks for more minutes than its partition gives: max_minutes",
    "AssocGrpGRES": "your account's GPUs are in use",
    "QOSMaxGRESPerUser": "your GPUs are all in use",
    "BeginTime": "SLURM starts it again in a moment",
}


class Failure(NamedTuple):
    """How often and why the last attempt of a job failed that is not done."""

    job: PlannedJob
    number: str
    cause: str
    node: str
    times: int


def read_ended(path: Path) -> list[dict[str, Any]]:
    """What Snakemake noted of jobs that did not end well, oldest first."""
    if not path.is_file():
        return []
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]


def find_failures(
    noted: Iterable[dict[str, Any]],
    accounted: Iterable[tuple[str, str, str, Ended]],
    to_do: Iterable[PlannedJob],
) -> list[Failure]:
    """The jobs to do whose last attempt failed, as noted or as the accounting has it.

    The accounting knows of those that ended after their Snakemake.
    """
    found: dict[PlannedJob, list[tuple[str, str, str]]] = {}
    known = set()
    for line in noted:
        known.add(line["job"])
        cause = WORDS[cast(Cause, line["cause"])]
        job = PlannedJob(line["rule"], line["place"])
        found.setdefault(job, []).append((line["job"], cause, line["node"]))
    for number, rule, place, ended in accounted:
        if number not in known and ended.state not in NO_FAULT:
            cause = WORDS[find_cause(ended, "", 0)]
            job = PlannedJob(rule, place)
            found.setdefault(job, []).append((number, cause, ended.node))
    wanted = set(to_do)
    return [
        Failure(job, *ends[-1], len(ends))
        for job, ends in found.items()
        if job in wanted
    ]


def format_status(
    whole: Sequence[PlannedJob],
    to_do: Sequence[PlannedJob],
    queue: Sequence[QueuedJob],
    failures: Sequence[Failure],
) -> str:
    """The table of stages, then what waits and why, then what failed and why."""
    queued = {PlannedJob(job.rule, job.place): job for job in queue}
    failed = {failure.job for failure in failures} - set(queued)
    rows = {rule: Counter[str]() for rule, _ in [*whole, *to_do]}
    left = set(to_do)
    for job in dict.fromkeys([*whole, *to_do]):
        state = "done"
        if job in queued:
            is_running = queued[job].state not in ("PENDING", "CONFIGURING")
            state = "running" if is_running else "waiting"
        elif job in left:
            state = "failed" if job in failed else "to come"
        rows[job.rule][state] += 1
    lines = [
        HEAD,
        *(
            [rule, *(str(row[name] or "") for name in HEAD[1:])]
            for rule, row in rows.items()
        ),
    ]
    reasons = Counter(job.reason for job in queue if job.state == "PENDING")
    said = [
        f"{count} wait: {reason}{f' ({words})' if (words := WAITS.get(reason)) else ''}"
        for reason, count in reasons.most_common()
    ]
    said += [
        f"{failure.job.rule} {failure.job.place.replace('_', ' ')}: "
        f"{'tried again after' if failure.job in queued else 'failed'} "
        f"{failure.times} {'attempt' if failure.times == 1 else 'attempts'}, the last "
        f"{failure.cause}{f' on {failure.node}' if failure.node else ''} "
        f"(job {failure.number})"
        for failure in failures
    ]
    return "\n".join([align(lines), *([""] if said else []), *said])


def spent_hours(ledgers: Iterable[Iterable[Ledger]]) -> tuple[float, float]:
    """GPU hours so far, and those of jobs that did not end well."""
    spent = wasted = 0.0
    for lines in ledgers:
        for line in lines:
            hours = line.num_gpus * (line.start_seconds + line.seconds) / 3600
            spent += hours
            wasted += 0.0 if line.finished else hours
    return spent, wasted


def format_cost(spent: float, wasted: float, to_come: float, clock: float) -> str:
    """A line about GPU hours so far and to come, and the time until the end."""
    return (
        f"GPU time: {as_time(3600 * spent)} so far, {as_time(3600 * wasted)} of it in "
        f"attempts that did not end; about {as_time(3600 * to_come)} to come, "
        f"{as_time(3600 * clock)} by the clock if no job waits for a node"
    )
