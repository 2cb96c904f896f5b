from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from selfjudge.benchmarks.statistics import (
    OF_CHANGES,
    Sample,
    largest_by_chance,
    mean_interval,
    paired_p_value,
    share_interval,
)

SHARES = st.floats(0, 1)
# Of pairs with two judgments, and of pairs with thirteen.
PARTS = st.sampled_from([2, 13])
GROUPS = st.lists(st.lists(SHARES, min_size=1, max_size=5), min_size=1, max_size=3)


def samples(groups: list[list[float]]) -> list[Sample]:
    """Groups of scores, each of a prompt of its own."""
    return [Sample(scores, range(len(scores))) for scores in groups]


@given(GROUPS)
def test_an_interval_holds_the_mean(groups: list[list[float]]) -> None:
    """It lies in 0 to 1, has a width, and the mean of the means within it."""
    low, high = mean_interval(samples(groups), seed=0)
    mean = sum(sum(scores) / len(scores) for scores in groups) / len(groups)
    assert 0 <= low <= mean + 1e-9 and mean - 1e-9 <= high <= 1
    assert high - low > 0.01


@pytest.mark.parametrize(("number", "least"), [(1, 0.0), (10, 0.7), (100, 0.96)])
def test_all_right_is_no_certainty(number: int, least: float) -> None:
    """The more prompts, the narrower; about 3 of n, as where none of n was wrong."""
    low, high = share_interval(1.0, number)
    assert (round(low, 2) >= least, low < 1 - 2 / (number + 2), high) == (True, True, 1)


def test_scores_that_are_all_alike_have_a_width() -> None:
    """A judge that always says A scores a half in every pair."""
    low, high = mean_interval([Sample([0.5] * 400, range(400))], seed=0)
    assert 0.49 < low < 0.5 < high < 0.51


def test_pairs_of_one_prompt_are_drawn_together() -> None:
    """Ten pairs of two prompts are two draws."""
    scores = [1.0] * 5 + [0.0] * 5
    together = mean_interval([Sample(scores, [0] * 5 + [1] * 5)], seed=0)
    apart = mean_interval([Sample(scores, range(10))], seed=0)
    assert together == (0.0, 1.0) and apart.low > 0.15 and apart.high < 0.85


def test_groups_weigh_alike_whatever_their_sizes() -> None:
    """The mean of means of a large group and a small one."""
    low, high = mean_interval(samples([[1.0] * 90, [0.0] * 90]), seed=0)
    assert 0.45 < low < 0.5 < high < 0.55


def test_a_score_counts_by_its_weight() -> None:
    """A pair of nine judgments says more than one of one."""
    scores, prompts = [1.0, 0.0] * 20, range(40)
    even = mean_interval([Sample(scores, prompts)], seed=0)
    heavy = mean_interval([Sample(scores, prompts, [9.0, 1.0] * 20)], seed=0)
    assert even.high < heavy.low


def test_changes_may_fall() -> None:
    """What is drawn besides rises as far as it falls."""
    low, high = mean_interval([Sample([0.0] * 50, range(50))], 0, OF_CHANGES)
    assert -0.1 < low < 0 < high < 0.1


def test_an_interval_repeats_itself() -> None:
    """One seed, one interval."""
    groups = samples([[0.0, 1.0, 1.0], [0.5, 0.0]])
    assert mean_interval(groups, seed=3) == mean_interval(groups, seed=3)


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
        # Two up by a half, one down by one: the mean stays.
        pytest.param([0, 0, 1], [0.5, 0.5, 0], 1.0, id="many-small-against-one"),
        # Of 13: two fall, by 5 and 4, two rise by 2; 10 of 16 sums are 5 and more.
        pytest.param(
            [5 / 13] * 4,
            [0, 1 / 13, 7 / 13, 7 / 13],
            0.625,
            id="thirteen-judgments",
        ),
        pytest.param([], [], 1.0, id="nothing"),
    ],
)
def test_paired_p_value(
    before: list[float], after: list[float], expected: float
) -> None:
    """Counted by hand."""
    prompts = range(len(before))
    assert paired_p_value(before, after, prompts) == pytest.approx(expected)


def test_the_p_value_speaks_of_the_mean() -> None:
    """More pairs rise than fall, and still the mean falls: no sign of a rise."""
    before, after = [0.0] * 100 + [1.0] * 60, [0.5] * 100 + [0.0] * 60
    assert paired_p_value(before, after, range(160)) == pytest.approx(0.3033, abs=1e-4)


def test_one_prompt_proves_nothing() -> None:
    """However many pairs it has."""
    assert paired_p_value([0.0] * 20, [1.0] * 20, ["p"] * 20) == 1.0


PAIRED = st.lists(
    st.tuples(st.integers(0, 13), st.integers(0, 13), st.integers(0, 4)), max_size=9
)


@given(PAIRED, PARTS)
def test_the_p_value_counts_all_exchanges(
    paired: list[tuple[int, int, int]], parts: int
) -> None:
    """As going through all signs of all prompts does, however many judgments."""
    paired = [(old % (parts + 1), new % (parts + 1), at) for old, new, at in paired]
    before = [old / parts for old, _, _ in paired]
    after = [new / parts for _, new, _ in paired]
    prompts = [prompt for _, _, prompt in paired]
    changes: dict[int, int] = {}
    for old, new, prompt in paired:
        changes[prompt] = changes.get(prompt, 0) + new - old
    found = abs(sum(changes.values()))
    sums = [
        abs(
            sum(
                sign * change
                for sign, change in zip(signs, changes.values(), strict=True)
            )
        )
        for signs in product((1, -1), repeat=len(changes))
    ]
    expected = sum(one >= found for one in sums) / len(sums)
    assert paired_p_value(before, after, prompts) == pytest.approx(expected)


@given(st.lists(st.tuples(SHARES, SHARES), max_size=12))
def test_paired_p_value_is_symmetric(scores: list[tuple[float, float]]) -> None:
    """Rising and falling are treated alike."""
    before, after = [b for b, _ in scores], [a for _, a in scores]
    prompts = range(len(scores))
    forth = paired_p_value(before, after, prompts)
    assert 0 <= forth <= 1
    assert forth == pytest.approx(paired_p_value(after, before, prompts))


CHANGES = st.lists(st.integers(-3, 3), min_size=1, max_size=12)


@given(CHANGES, st.booleans())
def test_one_sum_beyond_chance_has_a_small_p_value(
    changes: list[int], is_twice: bool
) -> None:
    """And no other; the same sum once more is no second chance to be lucky."""
    p_value = paired_p_value([0.0] * len(changes), changes, range(len(changes)))
    assume(not 0.035 < p_value < 0.065)  # which draws of signs may not tell
    table = np.array([changes] * (1 + is_twice), dtype=float).T
    root = (table[:, 0] @ table[:, 0]) ** 0.5
    is_told = abs(sum(changes)) > largest_by_chance(table, 0) * root + 1e-9
    assert is_told == (p_value < 0.05)


def test_nothing_has_no_chance_of_being_off() -> None:
    """Where judges are one there is nothing to divide by."""
    assert largest_by_chance(np.zeros((4, 3)), 0) == 0
    assert largest_by_chance(np.array([[0.0, 2.0]]), 0) == 1
