import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfjudge.benchmarks.statistics import (
    macro_interval,
    paired_p_value,
    wilson_interval,
)

SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("count", "size", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_published_intervals(
    count: int, size: int, low: float, high: float
) -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    interval = wilson_interval(count / size, size)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(SHARES, st.integers(1, 10_000))
def test_wilson_holds_the_share(share: float, count: int) -> None:
    """The interval lies in 0 to 1 and around the share."""
    low, high = wilson_interval(share, count)
    assert 0 <= low <= share + 1e-9 and share - 1e-9 <= high <= 1


@given(st.lists(st.lists(SHARES, min_size=1, max_size=5), min_size=1, max_size=3))
def test_macro_interval_lies_between_extremes(groups: list[list[float]]) -> None:
    """A mean of means is no smaller than the least and no larger than the largest."""
    low, high = macro_interval(groups, seed=0)
    least = sum(map(min, groups)) / len(groups)
    largest = sum(map(max, groups)) / len(groups)
    assert least - 1e-9 <= low <= high <= largest + 1e-9


def test_macro_interval_of_constant_groups_is_their_mean() -> None:
    """Groups weigh alike whatever their sizes."""
    interval = macro_interval([[1.0] * 90, [0.0] * 10], seed=0)
    assert interval == (0.5, 0.5)


def test_macro_interval_repeats_itself() -> None:
    """One seed, one interval."""
    groups = [[0.0, 1.0, 1.0], [0.5, 0.0]]
    assert macro_interval(groups, seed=3) == macro_interval(groups, seed=3)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # 1 fell, 5 rose: 2 (C(6,0) + C(6,1)) / 2**6 = 14 / 64.
        pytest.param([1] + [0] * 5, [0] + [1] * 5, 0.21875, id="one-against-five"),
        # 6 rose: 2 / 2**6.
        pytest.param([0] * 6 + [1] * 9, [1] * 15, 0.03125, id="six-rose"),
        pytest.param([0, 1], [1, 0], 1.0, id="balance"),
        pytest.param([0, 1], [0, 1], 1.0, id="no-change"),
        pytest.param([0, 0.5, 0.5], [0.5, 1, 0.5], 0.5, id="shares"),
    ],
)
def test_paired_p_value(
    before: list[float], after: list[float], expected: float
) -> None:
    """McNemar's exact test, by hand."""
    assert paired_p_value(before, after) == pytest.approx(expected)


@given(st.lists(st.tuples(SHARES, SHARES), max_size=12))
def test_paired_p_value_is_symmetric(scores: list[tuple[float, float]]) -> None:
    """Rising and falling are treated alike."""
    before, after = [b for b, _ in scores], [a for _, a in scores]
    assert paired_p_value(before, after) == pytest.approx(paired_p_value(after, before))
