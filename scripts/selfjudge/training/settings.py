"""How a judge is trained: sections `train`, `images`, `reinforce` of the config."""

import math
import re
from typing import Literal

import msgspec

from selfjudge.ground.records import Settings
from selfjudge.ground.requests import Sampling


class TrainSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Everything that decides a training besides data, weights and seed.

    Every field is required: the values stand in the configuration, not here.
    ``batch_size`` is rows a device and forward pass, ``rows_per_step`` rows an
    optimizer step, on however many devices: gradients of as many forward passes as
    that takes are added up.
    ``max_length`` is in tokens, image tokens included; None sets no limit.
    ``max_pixels_shown`` is of an image, as the engines take it.
    ``save_steps`` and ``logging_steps`` are in optimizer steps.  The ``lora_*``
    fields do nothing when ``method`` is "full".

    ``dtype`` is the number format of computing.  With "bfloat16" the adapters,
    or in a full training all weights, are still kept in float32: a step of 1e-5
    is less than half the distance between two bfloat16 numbers around 0.01, so
    most updates would be rounded away.
    """

    method: Literal["lora", "full"]
    learning_rate: float
    num_epochs: float
    batch_size: int
    rows_per_step: int
    lora_rank: int
    lora_alpha: float
    lora_dropout: float
    lora_target_modules: str
    warmup_ratio: float
    lr_scheduler: Literal["linear", "cosine", "constant"]
    weight_decay: float
    max_grad_norm: float
    gradient_checkpointing: bool
    dtype: Literal["float32", "bfloat16"]
    max_length: int | None
    max_pixels_shown: int | None
    save_steps: int
    logging_steps: int
    trust_remote_code: bool

    def __post_init__(self) -> None:
        """Raise ValueError on a number out of bounds or a broken expression."""
        for name in ("learning_rate", "num_epochs", "max_grad_norm", "lora_alpha"):
            value = getattr(self, name)
            check(name, "a finite number above 0", value, 0 < value < math.inf)
        for name in (
            *("batch_size", "rows_per_step", "lora_rank"),
            *("save_steps", "logging_steps"),
        ):
            check(name, "at least 1", getattr(self, name), getattr(self, name) >= 1)
        for name in ("warmup_ratio", "lora_dropout"):
            value = getattr(self, name)
            check(name, "at least 0 and below 1", value, 0 <= value < 1)
        check("weight_decay", "at least 0", self.weight_decay, self.weight_decay >= 0)
        if self.max_length is not None:
            check("max_length", "at least 1", self.max_length, self.max_length >= 1)
        try:
            re.compile(self.lora_target_modules)
        except re.error as error:
            expression, must = self.lora_target_modules, "a regular expression"
            check("lora_target_modules", f"{must} ({error})", expression, False)


class Rollouts(Settings, frozen=True, kw_only=True):
    """What a training by reward asks of the judge at each step.

    ``num_rollouts`` judgments of each order of ``pairs_per_step`` pairs, drawn as
    ``sampling`` says; ``parsed_reward`` is what a verdict earns that is not right in
    both orders, where 1 is earned by one that is.
    """

    pairs_per_step: int
    num_rollouts: int
    parsed_reward: float
    sampling: Sampling

    def __post_init__(self) -> None:
        """Raise ValueError on a number out of bounds."""
        size, number, reward = (
            self.pairs_per_step,
            self.num_rollouts,
            self.parsed_reward,
        )
        check("pairs_per_step", "at least 1", size, size >= 1)
        check("num_rollouts", "at least 2", number, number >= 2)
        check("parsed_reward", "at least 0 and below 1", reward, 0 <= reward < 1)
        warmth = self.sampling.temperature
        check("sampling.temperature", "above 0", warmth, warmth > 0)


def check(name: str, must: str, got: object, holds: bool) -> None:
    """Raise ValueError with field, must and got unless the condition holds."""
    if not holds:
        raise ValueError(f"'{name}' must be {must} (got {got!r})")


def count_accumulated(settings: TrainSettings, num_devices: int) -> int:
    """Forward passes of an optimizer step on each device.

    Raises ValueError unless they come out even: another number of devices must not
    be another training.
    """
    at_once = settings.batch_size * num_devices
    must = f"a multiple of batch_size x devices, {settings.batch_size} x {num_devices}"
    rows = settings.rows_per_step
    check("rows_per_step", must, rows, rows % at_once == 0)
    return rows // at_once
