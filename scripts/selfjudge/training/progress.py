"""What a training tells while it runs, and how it went in a few numbers."""

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback

from selfjudge.ground.ledgers import Usage

logger = logging.getLogger(__name__)


class ProgressLog(TrainerCallback):  # type: ignore[misc]
    """One log line every ``logging_steps`` steps: done, loss or reward, speed, time."""

    def __init__(self, logging_steps: int, rows_per_step: int) -> None:
        self.logging_steps = logging_steps
        self.rows_per_step = rows_per_step
        self.first_step = 0
        self.started = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock at the step that training starts or resumes from."""
        self.first_step, self.started = state.global_step, time.monotonic()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any
    ) -> None:
        """Write the line, at the first process only."""
        step = state.global_step
        is_due = step % self.logging_steps == 0 or step == state.max_steps
        if "loss" not in logs or not is_due or not state.is_world_process_zero:
            return
        steps_per_second = (step - self.first_step) / (time.monotonic() - self.started)
        told = "reward" if "reward" in logs else "loss"
        logger.info(
            "step %d/%d, %s %.4f, %.2f rows/s, %s left",
            step,
            state.max_steps,
            told,
            logs[told],
            steps_per_second * self.rows_per_step,
            format_duration((state.max_steps - step) / steps_per_second),
        )


class UsageCount(TrainerCallback):  # type: ignore[misc]
    """Counts into ``usage`` the rows, tokens and steps of this process run."""

    def __init__(self, usage: Usage, num_rows: int) -> None:
        self.usage = usage
        self.num_rows = num_rows
        self.first_step = self.first_tokens = 0
        self.first_epoch = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Remember where training starts or resumes from."""
        self.first_step = state.global_step
        self.first_tokens = state.num_input_tokens_seen
        self.first_epoch = state.epoch or 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count up to here."""
        self.usage.num_calls = state.global_step - self.first_step
        # Not by steps: the last batch of an epoch may be a small one.
        num_epochs = state.epoch - self.first_epoch
        self.usage.num_requests = round(num_epochs * self.num_rows)
        num_tokens = state.num_input_tokens_seen - self.first_tokens
        # Where the judge writes its rows itself, they are counted as it does.
        self.usage.num_prompt_tokens = int(num_tokens) - self.usage.num_output_tokens


def format_duration(seconds: float) -> str:
    """A duration such as "1:02:03", in hours, minutes and seconds."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"


def summarize(
    history: Sequence[dict[str, Any]], key: str, window: int
) -> dict[str, Any]:
    """A value over the first and last ``window`` steps, and each epoch's mean.

    ``history`` is the trainer's log, one entry with the ``key`` a step.
    """
    entries = [entry for entry in history if key in entry]
    values = [entry[key] for entry in entries]
    by_epoch: dict[int, list[float]] = defaultdict(list)
    for entry in entries:
        # "epoch" is the share of data seen after the step: 1.0 ends the first.
        by_epoch[max(0, -int(-entry["epoch"] // 1) - 1)].append(entry[key])
    return {
        "first": mean(values[:window]),
        "last": mean(values[-window:]),
        "by_epoch": [mean(by_epoch[epoch]) for epoch in sorted(by_epoch)],
    }


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value, to six digits after the point."""
    return round(sum(values) / len(values), 6)
