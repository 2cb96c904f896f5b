"""What of a training is left once it is added to coarsely stored weights."""

import pytest
import torch

from selfjudge.training.merging import LEAST_KEPT, Merge, round_by_chance


def weights(seed: int, *shape: int, spread: float = 0.02) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator) * spread


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_chance_rounds_to_a_neighbour_and_is_right_in_the_mean(
    dtype: torch.dtype,
) -> None:
    """Never further than a step; the mean of many draws is the number itself."""
    numbers = torch.tensor([0.02001, -0.02001, 1.003, -7e-6, 0.0, 300.7, 0.5])
    target = numbers.repeat(20_000, 1)
    nearest = target.to(dtype)
    rounded = round_by_chance(target, nearest, torch.Generator().manual_seed(0))
    assert rounded.dtype == dtype
    for place, number in enumerate(numbers.tolist()):
        found = set(rounded[:, place].double().tolist())
        near = numbers[place].to(dtype)
        up, down = (
            torch.nextafter(near, torch.tensor(side, dtype=dtype)).double().item()
            for side in (torch.inf, -torch.inf)
        )
        assert found <= {near.double().item(), up, down} and len(found) <= 2
        assert min(found) <= number <= max(found)
        mean = rounded[:, place].double().mean().item()
        assert abs(mean - number) <= 4 * (max(found) - min(found)) * 20_000**-0.5 / 2
    assert len(set(rounded[:, 6].tolist())) == 1, "what lies on the grid stays"


@pytest.mark.parametrize("size", [1e-6, 1e-5, 1e-4, 1e-3])
def test_a_change_of_any_size_is_kept(size: float) -> None:
    """Rounding to the nearest loses nearly all of the smaller ones."""
    before = weights(0, 512, 512).bfloat16()
    change = weights(1, 512, 512, spread=size)
    merge = Merge(seed=3)
    after = merge.add("layer", before, change)
    kept = (after.float() - before.float()).flatten() @ change.flatten()
    kept_rate = float(kept / change.square().sum())
    assert kept_rate > LEAST_KEPT
    summary = merge.summary()
    assert summary["kept_rate"] == pytest.approx(kept_rate, abs=1e-3)
    nearest = (before.float() + change).bfloat16().float() - before.float()
    by_nearest = float(nearest.flatten() @ change.flatten() / change.square().sum())
    assert summary["num_rounded_by_chance"] == (by_nearest < LEAST_KEPT)
    assert (by_nearest < 0.5) == (size <= 1e-5)
    merge.check()


def test_the_seed_and_the_name_decide_the_chance() -> None:
    before, change = weights(0, 64, 64).bfloat16(), weights(1, 64, 64, spread=1e-5)
    drawn = [
        Merge(seed).add(name, before, change)
        for seed, name in [(1, "a"), (1, "a"), (1, "b"), (2, "a")]
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2]) and not torch.equal(drawn[0], drawn[3])


def test_float32_takes_a_change_as_it_is() -> None:
    before, change = weights(0, 64, 64), weights(1, 64, 64, spread=1e-4)
    merge = Merge(seed=0)
    assert torch.equal(merge.add("layer", before, change), before + change)
    assert merge.summary() | {"lowest_kept_weight": ""} == {
        "kept_rate": 1.0,
        "error_rate": 0.0,
        "lowest_kept_rate": pytest.approx(1.0, abs=1e-3),
        "lowest_kept_weight": "",
        "num_weights": 1,
        "num_rounded_by_chance": 0,
    }


def test_a_judge_that_is_its_base_is_refused() -> None:
    """A change of nothing at all, or one that no rounding keeps."""
    before = weights(0, 8, 8).bfloat16()
    merge = Merge(seed=0)
    assert torch.equal(merge.add("layer", before, torch.zeros(8, 8)), before)
    with pytest.raises(ValueError, match=r"change the model .*a change of 0"):
        merge.check()
    merge.total.change, merge.total.projection = 1.0, 0.3
    with pytest.raises(ValueError, match=r"keep at least 0\.9 .*0\.300"):
        merge.check()
