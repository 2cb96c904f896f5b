"""Why a job ended, and what its next attempt asks for.

A retry is for what may be the job's own fault.  What is the cluster's (a preemption, a
lost node) or was foreseen (its time is up, and it has saved) uses up none, but for a
bound, and asks for the same again.  Only a job that was too slow asks for more time,
and only one that was too large for more memory.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from selfjudge.run.slurm import Ended

Cause = Literal[
    "preempted",
    "lost",
    "left",
    "time",
    "memory",
    "quota",
    "early",
    "cancelled",
    "failed",
]
# States at which a job has ended, as it is not requeued, and which the plugin does not
# know; LOST is ours, for a job that SLURM has forgotten.
LOST = ("LOST", "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL")
ENDS = ("PREEMPTED", *LOST)
FREE: tuple[Cause, ...] = ("preempted", "lost", "left")
MAX_FREE = 20  # attempts of a job that are the cluster's fault, or go on in time
EARLY = 120  # seconds; a job that fails within these may have met a broken node
SPARE = 60  # seconds by which SLURM may send a job's signal early
# What SLURM's step daemon writes into a job's log: not CUDA's "out of memory".
OVER_MEMORY = re.compile(r"slurmstepd\S*: error: .*(exceeded memory|oom.kill)", re.I)
OVER_QUOTA = re.compile(r"Disk quota exceeded|\bEDQUOT\b")
# What sbatch and srun say where they may say yes later: a limit on jobs in the queue,
# or no answer.  All else is for people to mend.
LATER = re.compile(
    r"MaxSubmit\w*|GrpSubmit\w*|Unable to contact slurm|Socket timed out|"
    r"Connection (refused|timed out|reset)|emporarily unable|temporarily unavailable|"
    r"Zero Bytes were transmitted|Transport endpoint|Communication connection failure|"
    r"backup controller in standby|[Rr]ate.?limit|COMMUNICATIONS_BACKOFF"
)
# A job that began while the controller was away: its step could not, and no node of it
# is to blame.
UNANSWERED = re.compile(rf"^srun: (?:error|fatal): .*(?:{LATER.pattern})", re.M)
WORDS: dict[Cause, str] = {
    "preempted": "preempted by a job of higher priority",
    "lost": "lost with its node, forgotten by SLURM, or begun while it did not answer",
    "left": "left in time before its limit, having saved",
    "time": "over its time limit",
    "memory": "over its memory",
    "quota": "over a disk's quota: another TMPDIR, HF_HOME or XDG_CACHE_HOME may help",
    "early": f"failed within {EARLY} seconds",
    "cancelled": "cancelled",
    "failed": "failed",
}


def find_cause(ended: Ended, log: str, signal_seconds: int) -> Cause:
    """Why a job ended that did not end well.

    ``log``: the end of what SLURM wrote of it; ``signal_seconds``: how long before its
    limit it was told to leave.  A cluster without cgroups says FAILED for a job that
    was over its memory, and any does for one that left when told to.
    """
    if ended.preempted or ended.state == "PREEMPTED":
        return "preempted"
    if ended.state in ("NODE_FAIL", "BOOT_FAIL", *LOST):
        return "lost"
    if ended.state == "FAILED" and UNANSWERED.search(log):
        return "lost"
    if ended.state == "OUT_OF_MEMORY" or OVER_MEMORY.search(log):
        return "memory"
    if ended.state in ("TIMEOUT", "DEADLINE"):
        return "time"
    if ended.state == "CANCELLED":
        return "cancelled"
    if OVER_QUOTA.search(log):
        return "quota"
    told = (ended.limit or 0) - signal_seconds - SPARE
    if signal_seconds and 0 < told <= ended.seconds:
        return "left"
    return "early" if ended.seconds < EARLY else "failed"


@dataclass(slots=True)
class Attempts:
    """What the attempts of one job have taught so far."""

    num_free: int = 0
    minutes_factor: int = 1
    memory_factor: int = 1
    bad_nodes: list[str] = field(default_factory=list)

    def learn(self, cause: Cause, node: str) -> bool:
        """Take in how an attempt ended; whether it uses up a retry."""
        if cause in ("time", "left"):
            self.minutes_factor += 1
        if cause == "memory":
            self.memory_factor += 1
        if cause == "early" and node and node not in self.bad_nodes:
            self.bad_nodes.append(node)
        if cause in FREE and self.num_free < MAX_FREE:
            self.num_free += 1
            return False
        return True


def grow(amount: int, factor: int, most: int | None) -> int:
    """An amount as often as it must be, but no more than there may be."""
    return amount * factor if most is None else min(amount * factor, most)


def avoided(
    own: Iterable[str], all_jobs: Iterable[Attempts], num_nodes: int
) -> list[str]:
    """Nodes that a job's next attempt keeps off: where it failed early, or two others.

    At most half of the partition's: a fault of ours fails on every node.
    """
    nodes = list(dict.fromkeys(own))
    seen: dict[str, int] = {}
    for attempts in all_jobs:
        for node in attempts.bad_nodes:
            seen[node] = seen.get(node, 0) + 1
    nodes += [node for node, count in seen.items() if count > 1 and node not in nodes]
    return sorted(nodes[: num_nodes // 2])


# sbatch heeds the last of several, so that there may be one only.
EXCLUDED = re.compile(r"(?<!\S)(?:--exclude(?:=|\s+)|-x\s*)(\S+)\s*")


def with_excluded(extra: str, nodes: Iterable[str]) -> str:
    """More options of sbatch, with some nodes beside those that they exclude."""
    more = list(nodes)
    if not more:
        return extra
    names = ",".join([*EXCLUDED.findall(extra), *more])
    return f"{EXCLUDED.sub('', extra).strip()} --exclude={names}".strip()


def pinned(extra: str, node: str) -> str:
    """More options of sbatch for a job of one node, also of one that they exclude."""
    return f"{EXCLUDED.sub('', extra).strip()} --nodelist={node}".strip()


def may_pass_later(message: str) -> bool:
    """Whether a submission that sbatch refused may be taken later."""
    return bool(LATER.search(message))


# How long a refused submission waits before it is tried again, in seconds.
WAITS = (5, 10, 20, 30, 60)
