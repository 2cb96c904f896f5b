"""What SLURM says of jobs and partitions, through its own programs.

Jobs are found by their working directory and comment: the plugin submits each in the
project's directory, with a comment that begins with rule_ or group_.
"""

import functools
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIELDS = re.compile(
    r"(?:^|\s)(JobState|RunTime|TimeLimit|NodeList|PreemptTime)=(\S+)(?=\s|$)"
)
# What follows `python` in the process of a Snakemake, however it was called.
PROGRAM = re.compile(rb"(-m |.*/)snakemake( |/__main__\.py |$)")
PATIENCE = 60  # seconds until a program's silence is no answer
ACCOUNTED = "jobid,state,elapsedraw,timelimitraw,nodelist,comment,workdir"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job after its end; ``state`` is one word, times are seconds.

    ``limit`` is None where there is none, or SLURM does not tell; ``node`` is "" where
    it never ran.  ``preempted``: it was told to make way, whatever its state became.
    """

    state: str
    seconds: int
    limit: int | None
    node: str
    preempted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """A job of a project in SLURM's queue.

    ``reason`` is why it waits, in SLURM's word; ``rule`` and ``place`` come from its
    comment, which begins with the rule and goes on with the wildcards.
    """

    id: str
    state: str
    seconds: int
    node: str
    rule: str
    place: str
    reason: str


def call(*words: str) -> str | None:
    """What a program of SLURM prints; None where it fails or says nothing in time."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def one_word(state: str) -> str:
    """A state without what may follow it: "CANCELLED by 0", "COMPLETING+"."""
    return (state.split() or [""])[0].rstrip("+")


def parse_seconds(text: str) -> int | None:
    """Seconds of a duration such as 1-02:03:04 or 30:00; None for UNLIMITED."""
    days, _, clock = text.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in [*parts, days or "0"]):
        return None
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + int(part)
    return int(days or 0) * 86400 + seconds


def read_job(text: str) -> Ended | None:
    """A job as `scontrol --oneliner show job` prints it; None if it does not."""
    found = dict(FIELDS.findall(text))
    if "JobState" not in found:
        return None
    node = found.get("NodeList", "")
    return Ended(
        state=one_word(found["JobState"]),
        seconds=parse_seconds(found.get("RunTime", "")) or 0,
        limit=parse_seconds(found.get("TimeLimit", "")),
        node="" if node == "(null)" else node,
        preempted=found.get("PreemptTime", "None") not in ("None", "Unknown"),
    )


def read_accounted(text: str) -> Ended | None:
    """The newest run of a job as `sacct` prints ACCOUNTED; None if it has none."""
    rows = [line.split("|") for line in text.splitlines() if line]
    if not rows:
        return None
    _, state, seconds, minutes, node, *_ = rows[-1]
    return Ended(
        state=one_word(state),
        seconds=int(seconds) if seconds.isdigit() else 0,
        limit=60 * int(minutes) if minutes.isdigit() else None,
        node="" if node == "None assigned" else node,
    )


def show_job(job: str) -> Ended | None:
    """What the controller knows of a job, else the accounting; None if neither does."""
    told = call("scontrol", "--oneliner", "show", "job", job)
    if told and (ended := read_job(told)):
        return ended
    told = call("sacct", "-X", "-n", "-P", "-j", job, f"--format={ACCOUNTED}")
    return read_accounted(told) if told else None


def is_unknown(job: str) -> bool:
    """Whether SLURM answers, and knows nothing of a job."""
    if call("scontrol", "ping") is None or show_job(job) is not None:
        return False
    return call("squeue", "--noheader", "--me") is not None


def split_comment(comment: str) -> tuple[str, str]:
    """The rule and the wildcards of a job, from the comment that the plugin gives."""
    rule, _, place = comment.removeprefix("rule_").partition("_wildcards_")
    return rule, place


def find_jobs(project: Path) -> list[QueuedJob]:
    """A project's jobs in the queue.  Raises ValueError where no queue is told."""
    listing = call("squeue", "--me", "--noheader", "--format=%i|%T|%M|%N|%r|%k|%Z")
    if listing is None:
        raise ValueError(
            "squeue: must answer (it does not). Hint: on a login node of the cluster, "
            "`scontrol ping` says whether its controller is up."
        )
    return list(read_queue(listing, project))


def read_queue(listing: str, project: Path) -> Iterator[QueuedJob]:
    """The jobs of a project among the lines that squeue prints."""
    for line in listing.splitlines():
        job, state, seconds, node, reason, comment, folder = line.split("|", 6)
        if not comment.startswith(("rule_", "group_")):
            continue
        if Path(folder).resolve() == project:
            rule, place = split_comment(comment)
            yield QueuedJob(
                id=job,
                state=state,
                seconds=parse_seconds(seconds) or 0,
                node=node,
                rule=rule,
                place=place,
                reason=reason,
            )


def ended_jobs(project: Path) -> Iterator[tuple[str, str, str, Ended]]:
    """Id, rule, place and end of a project's jobs of the last week, oldest first.

    No job where there is no accounting.
    """
    words = ["sacct", "-X", "-n", "-P", "--starttime=now-7days"]
    listing = call(*words, f"--format={ACCOUNTED}")
    for line in (listing or "").splitlines():
        *_, comment, folder = line.split("|")
        ended = read_accounted(line)
        if ended is None or not comment.startswith("rule_"):
            continue
        if is_accounted_as(folder, project):
            yield line.split("|")[0], *split_comment(comment), ended


def is_accounted_as(folder: str, project: Path) -> bool:
    """Whether the accounting means a project by a folder.

    Many of its databases know Latin letters alone, and keep a question mark for each
    other one.
    """
    letters = ("." if letter == "?" else re.escape(letter) for letter in folder)
    return re.fullmatch("".join(letters), str(project)) is not None or (
        Path(folder).resolve() == project
    )


def find_snakemake(project: Path) -> int | None:
    """The id of a living Snakemake of this project on this machine, or None.

    Those that jobs consist of do not count: they were started for one target job; nor
    does one that has started us, as a rule does.
    """
    above = set(ancestors())
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            here = (process / "cwd").resolve() == project
        except OSError:  # gone, or somebody else's
            continue
        named = PROGRAM.match(b" ".join(words[1:3]))
        is_job = b"--target-jobs" in words or int(process.name) in above
        if here and named and not is_job:
            return int(process.name)
    return None


def ancestors() -> Iterator[int]:
    """The ids of the processes that have started this one, nearest first."""
    process = os.getpid()
    while process > 1:
        yield process
        status = Path(f"/proc/{process}/stat").read_text()
        process = int(status.rpartition(")")[2].split()[1])


@functools.cache
def partition_limits(partition: str) -> tuple[int | None, int | None, int]:
    """Minutes, MB and nodes of a partition, or of the least of several ("a,b").

    None where there is no limit.  Raises LookupError where SLURM does not tell.
    """
    words = ["sinfo", "--noheader", "--Node", "--format=%P|%l|%m|%N"]
    listing = call(*words, *(["--partition", partition] if partition else []))
    rows = [line.split("|") for line in (listing or "").splitlines()]
    if not partition:
        rows = [row for row in rows if row[0].endswith("*")]
    if not rows:
        raise LookupError(partition)
    names = {row[0] for row in rows}
    limits = [parse_seconds(row[1]) for row in rows]
    sizes = [
        max(int(row[2].rstrip("+")) for row in rows if row[0] == name) for name in names
    ]
    known = [seconds for seconds in limits if seconds is not None]
    num_nodes = len({row[3] for row in rows})
    return min(known) // 60 if known else None, min(sizes), num_nodes


def partition_nodes(partition: str) -> list[str]:
    """The nodes of a partition, of several ("a,b"), or of the default one ("").

    Raises ValueError where there are none.
    """
    words = ["sinfo", "--noheader", "--Node", "--format=%P|%N"]
    listing = call(*words, *(["--partition", partition] if partition else []))
    rows = [line.split("|") for line in (listing or "").splitlines()]
    nodes = {node for name, node in rows if partition or name.endswith("*")}
    if not nodes:
        raise ValueError(
            f"sinfo: must name nodes of the partition {partition!r} (it does not). "
            "Hint: snakemake --profile slurm -j 1 check_site"
        )
    return sorted(nodes)
