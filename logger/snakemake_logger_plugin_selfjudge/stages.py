"""What a run has done, what it does, how long it may take, and why a job failed."""

import re
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

# As stages say it: "judge_pairs: 3/9 records, 1.2 records/s, ETA ...", and of a
# training "step 3/9, loss 0.1, 1.2 rows/s, ...".
PROGRESS = re.compile(r"(?:(\w+): )?(\d+)/(\d+)(?: (\w+))?,.*? ([\d.]+) (\w+/s)")
ERROR = "error: "  # how our scripts begin the sentence that ends them
NOTE = "note: "  # and what a person should know of one that ended well
TAIL_BYTES = 4000
PROGRESS_BYTES = 1_000_000  # of a log, a line every 5 s: the stages of half a day
LOG_LINES = 12  # of a failed job's log, where it has no sentence
SECONDS_WORTH_A_LINE = 3.0  # shorter stages are only counted


class Job(NamedTuple):
    """A job that was started: ``stage`` is its iteration and rule."""

    stage: tuple[str, str]
    detail: str
    logs: list[str]
    started: float


class Failure(NamedTuple):
    """A job that failed: what, why, and the log to read."""

    what: str
    why: list[str]
    log: str | None


class Run:
    """A run, followed from Snakemake's events.

    ``stats``: the number of jobs of each rule, and their ``total``.
    ``clock``: seconds, from any start.
    """

    def __init__(
        self, stats: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.to_do = Counter({rule: n for rule, n in stats.items() if rule != "total"})
        self.total = self.to_do.total()
        self.done = 0
        self.clock = clock
        self.started = clock()
        self.running: dict[int, Job] = {}
        self.ended: dict[tuple[str, str], list[tuple[Job, float]]] = {}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.failures: dict[int, Failure] = {}
        self.num_stopped = 0  # jobs that a person has stopped
        self.width: int | None = None  # columns of the terminal, where there is one

    def opening(self) -> str:
        """The first line."""
        return f"{count(self.total, 'job')} to do; Snakemake's log: .snakemake/log"

    def start(self, fields: Mapping[str, Any]) -> list[str]:
        """A job starts; the lines of stages of which none runs any more."""
        wildcards = dict(fields["wildcards"])
        iteration = wildcards.pop("iteration", None)
        stage = (f"iter{iteration}" if iteration else "", fields["rule_name"])
        detail = ", ".join(str(value) for value in wildcards.values())
        logs = [str(path) for path in fields["log"]]
        self.failures.pop(fields["jobid"], None)  # it is tried again
        self.running[fields["jobid"]] = Job(stage, detail, logs, self.clock())
        return self.closed_stages()

    def finish(self, jobid: int) -> list[str]:
        """A job has ended well; the lines of what its stage has to say."""
        job = self.running.pop(jobid, None)
        if job is None:
            return []
        self.failures.pop(jobid, None)
        seconds = self.clock() - job.started
        self.seconds[job.stage[1]].append(seconds)
        self.ended.setdefault(job.stage, []).append((job, seconds))
        said = [line for log in job.logs for line in tail(log).splitlines()]
        return [
            f"{name_of(job.stage, [job.detail])}: {line.removeprefix(NOTE)}"
            for line in said
            if line.startswith(NOTE)
        ]

    def count(self, done: int, total: int) -> None:
        """Snakemake's own count, which knows of jobs found on the way."""
        self.done, self.total = done, total

    def fail(self, fields: Mapping[str, Any]) -> list[str]:
        """A job has failed; the line that says so at once."""
        jobid = fields["jobid"]
        job = self.running.pop(jobid, None)
        rule = fields["rule_name"]
        what = rule if job is None else name_of(job.stage, [job.detail])
        logs = [str(path) for path in fields["log"]]
        said = fields.get("rule_msg")
        why = explain(logs, said)
        if why[-1] == "KeyboardInterrupt":
            self.num_stopped += 1
            return []
        self.failures[jobid] = Failure(what, why, first_written(logs))
        sentence = next((line for line in why if line.startswith(ERROR)), why[-1])
        line = f"FAILED  {what}: {sentence.removeprefix(ERROR)}"
        # What rules/slurm.smk found out, before what the plugin says of every job.
        cause, at_slurm, _ = (said or "").partition(" SLURM-job ")
        return [f"{line} ({cause})" if at_slurm and cause not in line else line]

    def closed_stages(self) -> list[str]:
        """The lines of what has ended, a stage a line, where none of it runs."""
        busy = {job.stage for job in self.running.values()}
        over = [(one, self.ended.pop(one)) for one in [*self.ended] if one not in busy]
        return [
            self.stage_line(stage, jobs)
            for stage, jobs in over
            if sum(seconds for _, seconds in jobs) >= SECONDS_WORTH_A_LINE
        ]

    def stage_line(self, stage: tuple[str, str], ended: list[tuple[Job, float]]) -> str:
        """A stage that has ended: jobs done of all, which, how fast, what is left."""
        name = name_of(stage, [job.detail for job, _ in ended])
        seconds = sum(spent for _, spent in ended)
        spent = duration(seconds)
        told = [one for job, _ in ended for one in progress_of(job.logs)]
        if told:
            number = sum(one.total for one in told)
            spent += f", {number} {told[0].unit}, {number / seconds:.1f}/s"
        done = f"{self.done:>{len(str(self.total))}}/{self.total}"
        return lay_out(done, name, spent, self.time_left(), self.width)

    def state(self) -> str:
        """What runs now, in one line: counts, time, and the stage's own progress."""
        parts = [f"{self.done}/{self.total} jobs"]
        parts.append(duration(self.clock() - self.started))
        if left := self.time_left():
            parts.append(left)
        jobs = sorted(self.running.values(), key=lambda job: job.started)
        for job in jobs[:1]:
            name = name_of(job.stage, [job.detail])
            # Every second: of the log no more than its last lines.
            for one in progress_of(job.logs, TAIL_BYTES)[-1:]:
                name += f" {one.name}" * (one.name not in ("", job.stage[1]))
                name += f" {one.done}/{one.total} {one.unit}"
                name += f", {one.rate} {one.per_second}" if one.rate else ""
            parts.append(name)
        if len(jobs) > 1:
            parts.append(f"{len(jobs) - 1} more")
        return " | ".join(parts)

    def time_left(self) -> str:
        """About how long the rest may take, from how long jobs of each rule took.

        A rule of which none has ended counts as the others' mean; "" before three
        jobs have ended, and at the end.
        """
        spent = [one for each in self.seconds.values() for one in each]
        elapsed = self.clock() - self.started
        if len(spent) < 3 or elapsed < 5 or self.done >= self.total:
            return ""
        mean = sum(spent) / len(spent)
        left = 0.0
        for rule, number in self.to_do.items():
            known = self.seconds.get(rule, [])
            each = sum(known) / len(known) if known else mean
            left += max(0, number - len(known)) * each
        side_by_side = max(1.0, sum(spent) / elapsed)
        return f"about {duration(left / side_by_side)} left"

    def closing(self) -> list[str]:
        """The last lines: stages that ended, and of each failure what, why, where."""
        self.running.clear()
        lines = self.closed_stages()
        took = duration(self.clock() - self.started)
        if not self.failures:
            if self.num_stopped:
                lines.append(
                    f"stopped by you after {took}: {self.done}/{self.total} jobs done. "
                    "The same command goes on from here."
                )
            elif self.done < self.total:
                lines.append(
                    f"stopped after {took}: {self.done}/{self.total} jobs done"
                )
            else:
                lines.append(f"{count(self.done, 'job')} done in {took}")
            return lines
        lines.append(
            f"{count(len(self.failures), 'job')} failed, {self.done}/{self.total} "
            f"done in {took}"
        )
        for failure in self.failures.values():
            lines += ["", failure.what, *(f"  {line}" for line in failure.why)]
            if failure.log:
                lines.append(f"  log: {Path(failure.log).absolute()}")
        return lines


class Told(NamedTuple):
    """How far a stage says it is: ``done`` of ``total``, and how fast.

    ``name``: as the stage calls itself; "" of a training.
    """

    name: str
    done: int
    total: int
    unit: str
    rate: float
    per_second: str


def progress_of(logs: Iterable[str], num_bytes: int = PROGRESS_BYTES) -> list[Told]:
    """The last progress of each stage that a job's logs tell of, in their order.

    A job may do one thing after another: responses are sampled, then rewritten.
    ``num_bytes`` is how much of the end of each log is read.
    """
    for log in logs:
        said, last = tail(log, num_bytes), dict[str, Told]()
        for name, done, total, unit, rate, per_second in PROGRESS.findall(said):
            last[name] = Told(
                name, int(done), int(total), unit or "steps", float(rate), per_second
            )
        if last:
            return list(last.values())
    return []


def explain(logs: Iterable[str], said: str | None) -> list[str]:
    """Why a job failed: what the cluster said, and the last error that it wrote.

    An error of our scripts is a line "error: ..." and what follows it; of anything
    else the last lines stand for themselves.
    """
    why = [said.strip().splitlines()[0]] if said and said.strip() else []
    for log in logs:
        lines = [line for line in tail(log).splitlines() if line.strip()]
        at = [i for i, line in enumerate(lines) if line.startswith(ERROR)]
        if at or lines:
            return why + (lines[at[-1] :][:3] if at else lines[-LOG_LINES:])
    return why or ["it wrote nothing" + (": the disk is full" if on_full(logs) else "")]


def on_full(logs: Iterable[str]) -> bool:
    """Whether the disk of a job's logs has no room for a sentence."""
    folders = [Path(log).absolute().parent for log in logs]
    there = [folder for folder in folders if folder.is_dir()]
    return any(shutil.disk_usage(folder).free < TAIL_BYTES for folder in there)


def first_written(logs: Iterable[str]) -> str | None:
    """The log to read: the first that holds anything."""
    return next((log for log in logs if tail(log)), None)


def tail(log: str, most: int = TAIL_BYTES) -> str:
    """The end of a log; "" where there is none yet."""
    try:
        with open(log, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - most))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def name_of(stage: tuple[str, str], details: list[str]) -> str:
    """A stage as people read it, with what its jobs were of."""
    iteration, rule = stage
    named = f"{iteration} {rule}".strip()
    if len(details) > 1:
        return f"{named} ({count(len(details), 'job')})"
    return f"{named} ({details[0]})" if details[0] else named


def lay_out(done: str, name: str, spent: str, left: str, width: int | None) -> str:
    """A stage's line, in columns.

    Where a terminal is narrow, what is left is said by the line that is drawn again
    alone.
    """
    lines = [
        f"{done}  {name:<36} {spent:<30} {left}".rstrip(),
        f"{done}  {name:<36} {spent}",
        f"{done}  {name}  {spent}",
    ]
    fitting = (line for line in lines if width is None or len(line) <= width)
    return next(fitting, lines[-1])


def count(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time that people can read: 41 s, 12 min, 3.4 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def fit(line: str, width: int) -> str:
    """A line cut to a terminal's width."""
    return line if len(line) < width else f"{line[: max(0, width - 4)]}..."
