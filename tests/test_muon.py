"""The optimizer of the demo's base: what torch's own computes, in float32."""

import pytest
import torch
from torch.nn import Parameter

from muon import Muon, orthogonalize

SHAPES = [(8, 20), (20, 8), (8, 8), (8, 20)]


def test_steps_are_those_of_torch() -> None:
    """Up to bfloat16, in which torch's orthogonalizes; transposes share a stack."""
    torch.manual_seed(0)
    ours = [Parameter(torch.randn(shape)) for shape in SHAPES]
    theirs = [Parameter(weight.detach().clone()) for weight in ours]
    muon = Muon(ours, lr=0.01, weight_decay=0.1)
    torchs = torch.optim.Muon(
        theirs,
        lr=0.01,
        weight_decay=0.1,
        momentum=0.95,
        adjust_lr_fn="match_rms_adamw",
    )
    for scale in (1.0, 1e-3, 100.0):
        before = [weight.detach().clone() for weight in ours]
        for own, other in zip(ours, theirs, strict=True):
            own.grad = scale * torch.randn_like(own)
            other.grad = own.grad.clone()
        muon.step()
        torchs.step()
        for own, other, start in zip(ours, theirs, before, strict=True):
            assert (own - other).norm() < 0.05 * (own - start).norm()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_all_directions_of_a_step_are_as_long(scale: float) -> None:
    """Singular values that differ a hundredfold come out near 1."""
    torch.manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(3, n, n))[0] for n in (6, 10))
    values = torch.diag(torch.logspace(-1, 1, 6)) @ torch.eye(6, 10)
    found = torch.linalg.svdvals(orthogonalize(scale * left @ values @ right))
    assert found.min() > 0.5 and found.max() < 1.3


def test_no_direction_of_a_square_step_is_long() -> None:
    """Its smallest singular values are near zero, and stay below the others."""
    torch.manual_seed(0)
    found = torch.linalg.svdvals(orthogonalize(torch.randn(3, 64, 64)))
    assert found.max() < 1.3 and found.median() > 0.6


def test_a_gradient_of_nothing_moves_nothing() -> None:
    """Not a division by zero."""
    weight = Parameter(torch.ones(2, 3))
    weight.grad = torch.zeros(2, 3)
    Muon([weight], lr=0.1, weight_decay=0.0).step()
    assert weight.equal(torch.ones(2, 3))
