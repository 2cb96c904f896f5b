"""Muon (Jordan et al. 2024) in float32, for many small matrices at once.

What `torch.optim.Muon` computes with ``adjust_lr_fn="match_rms_adamw"``; but that
orthogonalizes one matrix after the other, and in bfloat16, for which a CPU without it
takes twenty times as long.  Every weight must have a gradient; the momentum is not in
the state that can be saved.
"""

import math
from collections import defaultdict

import torch

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
NUM_ITERATIONS = 5


def orthogonalize(wide: torch.Tensor) -> torch.Tensor:
    """Of matrices (n, rows, columns), rows <= columns: their singular values near 1.

    Five Newton-Schulz iterations of a quintic; none ends above 1.3, and those that
    were near zero stay small.
    """
    a, b, c = COEFFICIENTS
    wide = wide / torch.linalg.matrix_norm(wide, keepdim=True).clamp(min=1e-7)
    for _ in range(NUM_ITERATIONS):
        gram = wide @ wide.mT
        update = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        wide = torch.baddbmm(wide, update, wide, beta=a)
    return wide


class Muon(torch.optim.Optimizer):
    """Momentum by Nesterov, made orthogonal; for weights of two dimensions.

    Updates are as large as AdamW's: 0.2 times the root of the longer side.
    """

    def __init__(
        self, weights: list[torch.nn.Parameter], lr: float, weight_decay: float
    ) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})
        self.stacks: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
        for weight in weights:
            self.stacks[self.wide(weight).shape].append(weight)
        self.momenta: dict[torch.Size, torch.Tensor] = {}

    @staticmethod
    def wide(weight: torch.Tensor) -> torch.Tensor:
        """The matrix, or its transpose where that has fewer rows."""
        return weight.mT if weight.shape[0] > weight.shape[1] else weight

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update of all weights."""
        (group,) = self.param_groups
        for shape, weights in self.stacks.items():
            gradient = torch.stack([self.wide(weight.grad) for weight in weights])
            momentum = self.momenta.setdefault(shape, torch.zeros_like(gradient))
            momentum.lerp_(gradient, 1 - MOMENTUM)
            update = orthogonalize(gradient.lerp(momentum, MOMENTUM))
            places = [self.wide(weight) for weight in weights]
            torch._foreach_mul_(places, 1 - group["lr"] * group["weight_decay"])
            size = 0.2 * math.sqrt(shape[1]) * group["lr"]
            torch._foreach_add_(places, list(update), alpha=-size)
