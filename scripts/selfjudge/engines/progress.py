"""What a run has done so far, for a person to watch and a report to keep."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta

import msgspec

Log = Callable[[str], None]

SECONDS_BETWEEN_LINES = 5.0


def log_to_stderr(line: str) -> None:
    """Print one line for people, at once."""
    print(line, file=sys.stderr, flush=True)


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What a run cost; tokens and seconds are those of its own calls.

    ``num_from_journal`` requests were answered by the journal and ``num_calls``
    by the model; the rest repeat another request of the same run.
    """

    num_requests: int
    num_from_journal: int
    num_calls: int
    num_prompt_tokens: int
    num_output_tokens: int
    seconds: float


class Progress:
    """Counts what a run does, and says so every few seconds.

    ``copies`` tells for each key how many requests it answers; ``known`` holds
    the keys that need no call.
    """

    def __init__(
        self, stage: str, copies: Counter[str], known: Iterable[str], log: Log
    ) -> None:
        self.stage = stage
        self.copies = copies
        self.log = log
        self.num_requests = copies.total()
        self.num_from_journal = sum(copies[key] for key in known)
        self.num_calls = self.num_done = 0  # done by calls, repeats included
        self.num_prompt_tokens = self.num_output_tokens = 0
        self.started = self.last_line = time.monotonic()

    def add(self, key: str, num_prompt_tokens: int, num_output_tokens: int) -> None:
        """Count one answer of the model."""
        self.num_calls += 1
        self.num_done += self.copies[key]
        self.num_prompt_tokens += num_prompt_tokens
        self.num_output_tokens += num_output_tokens
        if time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self.report()

    def report(self) -> None:
        """Log one line; speed and time left speak of calls, not of the journal."""
        self.last_line = time.monotonic()
        num_answered = self.num_from_journal + self.num_done
        rate = self.num_done / max(self.last_line - self.started, 1e-9)
        num_left = self.num_requests - num_answered
        if num_left == 0:
            eta = str(timedelta(0))
        else:
            eta = str(timedelta(seconds=round(num_left / rate))) if rate else "unknown"
        self.log(
            f"{self.stage}: {num_answered}/{self.num_requests} records, "
            f"{rate:.1f} records/s, ETA {eta}, {self.num_from_journal} from the "
            f"journal, {self.num_output_tokens} tokens"
        )

    def ledger(self) -> Ledger:
        """The counts so far, for a report."""
        return Ledger(
            num_requests=self.num_requests,
            num_from_journal=self.num_from_journal,
            num_calls=self.num_calls,
            num_prompt_tokens=self.num_prompt_tokens,
            num_output_tokens=self.num_output_tokens,
            seconds=round(time.monotonic() - self.started, 3),
        )
