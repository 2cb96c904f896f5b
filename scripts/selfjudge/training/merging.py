"""Trained changes added to weights of a coarser format, and what is left of them.

A base model's weights lie exactly on the grid of bfloat16, eight bits wide: a change
of less than half a step is rounded away whole, and a short training makes mostly
such.  So of each weight matrix it is measured how much of its change is kept; where
rounding to the nearest keeps too little, it is rounded up or down by chance, in
proportion to the distance, which keeps the change in the mean and adds noise of less
than a step.
"""

from dataclasses import dataclass, field
from typing import Any

import torch

from selfjudge.ground.seeds import seed_for

# Of a change, along its own direction; below it a judge is not what was trained.
LEAST_KEPT = 0.9


@dataclass(slots=True)
class Sums:
    """Squares of a change, of what it lacks after rounding, and its own projection."""

    change: float = 0.0
    error: float = 0.0
    projection: float = 0.0

    def add(self, other: "Sums") -> None:
        """Count another change in."""
        self.change += other.change
        self.error += other.error
        self.projection += other.projection

    @property
    def kept_rate(self) -> float:
        """The share of the change that is kept along its own direction; 1 of none."""
        return self.projection / self.change if self.change else 1.0

    @property
    def error_rate(self) -> float:
        """The length of what is wrong, over the length of the change."""
        return (self.error / self.change) ** 0.5 if self.change else 0.0


@dataclass(slots=True)
class Merge:
    """Adds changes to weights, and keeps account of what rounding does to them.

    ``seed`` decides what falls to chance, with the weight's name.
    """

    seed: int
    total: Sums = field(default_factory=Sums)
    lowest: tuple[float, str] = (1.0, "")
    num_weights: int = 0
    num_by_chance: int = 0

    def add(self, name: str, weight: torch.Tensor, change: torch.Tensor) -> Any:
        """The weight and its change, float32, in the weight's number format."""
        change = change.float()
        target = weight.float() + change
        rounded = target.to(weight.dtype)
        sums = measure(weight, change, rounded)
        self.num_weights += 1
        if sums.kept_rate < LEAST_KEPT:
            generator = torch.Generator().manual_seed(seed_for(self.seed, name))
            rounded = round_by_chance(target, rounded, generator)
            sums = measure(weight, change, rounded)
            self.num_by_chance += 1
        self.total.add(sums)
        if sums.change:
            self.lowest = min(self.lowest, (sums.kept_rate, name))
        return rounded

    def summary(self) -> dict[str, Any]:
        """What rounding kept of the changes, for a judge's provenance."""
        return {
            "kept_rate": round(self.total.kept_rate, 4),
            "error_rate": round(self.total.error_rate, 4),
            "lowest_kept_rate": round(self.lowest[0], 4),
            "lowest_kept_weight": self.lowest[1],
            "num_weights": self.num_weights,
            "num_rounded_by_chance": self.num_by_chance,
        }

    def check(self) -> None:
        """Raise ValueError if the merged weights are not what was trained."""
        if self.total.change == 0:
            raise ValueError(
                "train: the training must change the model (got a change of 0 in all "
                f"{self.num_weights} weights). Hint: with one optimizer step the "
                "learning rate is still 0: more rows or epochs, a smaller "
                "'rows_per_step', or 'warmup_ratio: 0'."
            )
        if self.total.kept_rate < LEAST_KEPT:
            raise ValueError(
                f"train: the judge's weights must keep at least {LEAST_KEPT} of what "
                f"was learnt (got {self.total.kept_rate:.3f}; least in "
                f"{self.lowest[1]}). Hint: the change is below what the base's number "
                "format can hold; a higher 'learning_rate' or more rows make it "
                "larger. The checkpoints in the work folder are kept."
            )


def measure(before: torch.Tensor, change: torch.Tensor, rounded: torch.Tensor) -> Sums:
    """What rounding did to a change of some weights."""
    kept = rounded.float() - before.float()
    return Sums(
        change=float(change.square().sum(dtype=torch.float64)),
        error=float((kept - change).square().sum(dtype=torch.float64)),
        projection=float((kept * change).sum(dtype=torch.float64)),
    )


def round_by_chance(
    target: torch.Tensor, nearest: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Numbers rounded to one of their two neighbours, the nearer the likelier."""
    missing = target - nearest.float()
    beyond = torch.full_like(nearest, torch.inf).copysign(missing.to(nearest.dtype))
    other = torch.nextafter(nearest, beyond)
    step = (other.float() - nearest.float()).abs()
    draws = torch.rand(target.shape, generator=generator)
    return torch.where(draws.to(target.device) * step < missing.abs(), other, nearest)
