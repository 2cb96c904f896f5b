"""The terminal of a run: a line for what ended, one for what runs, failures last.

A logger plugin of Snakemake, found by its name when it is installed: the profiles name
it where it is there.  Snakemake's full log stays in .snakemake/log.  A dry run prints
what Snakemake itself would.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from logging import ERROR, WARNING, LogRecord
from shutil import get_terminal_size
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from .stages import Run, fit

SECONDS_BETWEEN_LINES = 60.0  # where there is no terminal
SECONDS_BETWEEN_STATES = 1.0  # where there is one
# What Snakemake says before a run, and nobody has to know.
NOISE = (
    "Assuming unrestricted shared filesystem",
    "Building DAG",
    "Conda environments: ignored",
    "Using profile",
    "Using shell",
    "host:",
)
# How a failed job is told again: said only if no job is known to have failed.
REPEATED = ("RuleException", "CalledProcessError", "SpawnedJobError")


class LogHandler(LogHandlerBase):
    """Writes to the terminal; several threads come here, one at a time."""

    def __post_init__(self) -> None:
        self.stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self.is_terminal = self.stream.isatty()
        self.turn = threading.RLock()
        self.ended = threading.Event()
        self.run: Run | None = None
        self.held: list[str] = []

    @property
    def writes_to_stream(self) -> bool:
        """Snakemake's own lines stay away from the terminal."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake keeps its full log itself."""
        return False

    @property
    def has_filter(self) -> bool:
        """`--quiet` and `--printshellcmds` are Snakemake's to heed."""
        return False

    @property
    def has_formatter(self) -> bool:
        """What a dry run says is Snakemake's."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """Counts suffice."""
        return False

    def emit(self, record: LogRecord) -> None:
        """Take one event of Snakemake's."""
        try:
            with self.turn:
                if self.common_settings.dryrun:
                    self.write(self.format(record) or None)
                else:
                    self.take(record)
        except BrokenPipeError:
            raise
        except Exception:
            self.handleError(record)

    def take(self, record: LogRecord) -> None:
        """Follow the run, and say what a person should know."""
        if self.run and self.is_terminal:
            self.run.width = get_terminal_size().columns
        event = getattr(record, "event", None)
        fields: dict[str, Any] = record.__dict__
        if event == LogEvent.RUN_INFO:
            self.start(fields["stats"])
        elif self.run is None or event in (None, LogEvent.ERROR, LogEvent.SHELLCMD):
            self.pass_on(record, event)
        elif event == LogEvent.JOB_INFO:
            self.say(self.run.start(fields))
        elif event == LogEvent.JOB_FINISHED:
            self.say(self.run.finish(fields["job_id"]))
        elif event == LogEvent.PROGRESS:
            self.run.count(fields["done"], fields["total"])
            if self.run.done >= self.run.total:
                self.say_end()
        elif event == LogEvent.JOB_ERROR:
            self.say(self.run.fail(fields))

    def pass_on(self, record: LogRecord, event: LogEvent | None) -> None:
        """Say what is no event of a job, unless it only repeats or frames one."""
        text = self.format(record)
        if not text or event not in (None, LogEvent.ERROR, LogEvent.SHELLCMD):
            return
        if "to_people" in record.__dict__:  # of the Snakefile
            self.say([text])
            return
        if self.run and event is None and record.levelno < WARNING:
            return
        repeats = record.__dict__.get("exception") in REPEATED
        ended = event is None and record.levelno >= ERROR
        failed = self.run and (self.run.failures or self.run.num_stopped)
        if self.run and (repeats or ended or (failed and event)):
            self.held.append(text)
        elif not text.startswith(NOISE):
            self.say([text])

    def start(self, stats: dict[str, int]) -> None:
        """A run begins: say how many jobs, and watch it."""
        self.run = Run(stats)
        self.say([self.run.opening()])
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        """Show what runs: the last line of a terminal, else a line now and then."""
        pause = SECONDS_BETWEEN_STATES if self.is_terminal else SECONDS_BETWEEN_LINES
        while not self.ended.wait(pause):
            with self.turn, self.cleared():
                if self.run and self.run.running and not self.is_terminal:
                    self.write(self.run.state())

    def say(self, lines: list[str]) -> None:
        """Write lines that stay."""
        if lines:
            with self.cleared():
                for line in lines:
                    self.write(line)

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Take away the line that a terminal redraws, and draw it again afterwards."""
        if self.is_terminal:
            self.stream.write("\r\x1b[K")
        yield
        if self.is_terminal and self.run and not self.ended.is_set():
            self.stream.write(fit(self.run.state(), get_terminal_size().columns))
        self.stream.flush()

    def write(self, text: str | None) -> None:
        """One line, or lines."""
        if text is not None:
            self.stream.write(f"{text}\n")
            self.stream.flush()

    def close(self) -> None:
        """The run is over: what is left to say of stages, and failures last."""
        with self.turn:
            self.say_end()
        super().close()

    def say_end(self) -> None:
        """Say once how the run has ended."""
        if self.run and not self.ended.is_set():
            self.ended.set()
            self.say(self.run.closing())
            if not (self.run.failures or self.run.num_stopped):
                self.say(self.held)
