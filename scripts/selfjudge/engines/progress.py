"""What a run has done so far, for a person to watch and a ledger to keep."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta

from selfjudge.ground.ledgers import Usage
from selfjudge.ground.requests import Generation

Log = Callable[[str], None]

SECONDS_BETWEEN_LINES = 5.0


def log_to_stderr(line: str) -> None:
    """Print one line for people, at once."""
    print(line, file=sys.stderr, flush=True)


class Progress:
    """Counts into ``usage`` what a run does, and says so every few seconds.

    ``copies`` tells for each key how many requests it answers; ``known`` holds
    the keys that need no call.
    """

    def __init__(
        self,
        stage: str,
        copies: Counter[str],
        known: Iterable[str],
        usage: Usage,
        log: Log,
    ) -> None:
        self.stage = stage
        self.copies = copies
        self.usage = usage
        self.log = log
        self.num_done = 0  # requests answered by calls, repeats included
        usage.num_requests += copies.total()
        usage.num_from_journal += sum(copies[key] for key in known)
        self.started = self.last_line = time.monotonic()

    def add(self, key: str, generation: Generation) -> None:
        """Count one answer of the model."""
        usage, num_cached = self.usage, generation.num_cached_prompt_tokens
        usage.num_calls += 1
        self.num_done += self.copies[key]
        usage.num_prompt_tokens += generation.num_prompt_tokens
        usage.num_output_tokens += generation.num_output_tokens
        if num_cached is not None:
            known = usage.num_cached_prompt_tokens or 0
            usage.num_cached_prompt_tokens = known + num_cached
        if time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self.report()

    def report(self) -> None:
        """Log one line; speed and time left speak of calls, not of the journal."""
        self.last_line = time.monotonic()
        usage = self.usage
        num_answered = usage.num_from_journal + self.num_done
        rate = self.num_done / max(self.last_line - self.started, 1e-9)
        num_left = usage.num_requests - num_answered
        if num_left == 0:
            eta = str(timedelta(0))
        else:
            eta = str(timedelta(seconds=round(num_left / rate))) if rate else "unknown"
        self.log(
            f"{self.stage}: {num_answered}/{usage.num_requests} records, "
            f"{rate:.1f} records/s, ETA {eta}, {usage.num_from_journal} from the "
            f"journal, {usage.num_output_tokens} tokens"
        )

    def end(self) -> None:
        """Log the last line, and add up the time."""
        self.report()
        self.usage.seconds += self.last_line - self.started
