"""The interval and the test of everything: over prompts, by numpy.

Judgments of one prompt depend on each other, so that what is drawn, and what is
exchanged, is a prompt with all that it has.
"""

from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
NUM_RESAMPLES = 2000
# In so many steps changes are told apart at most.  Shares of up to so many judgments,
# of one number of them or a few, are whole steps; what needs more is rounded to these.
MOST_STEPS = 1680
# A score may be anything from 0 to 1, and a change from -1 to 1.
OF_SCORES, OF_CHANGES = (0.0, 1.0), (-1.0, 1.0)


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


class Sample(NamedTuple):
    """Scores with the prompt of each; ``weights`` are None if all weigh alike."""

    scores: Sequence[float]
    prompts: Sequence[Hashable]
    weights: Sequence[float] | None = None


def mean_interval(
    groups: Sequence[Sample], seed: int, ends: tuple[float, float] = OF_SCORES
) -> Interval:
    """The interval of the mean of some groups' means, of one group's mean if one.

    It is the bootstrap's, by percentiles: prompts are drawn within their group,
    `NUM_RESAMPLES` times.  To each group come two prompts of mean weight that nobody
    has seen, one at each of the ``ends``: without these few prompts, or many alike,
    would have an interval of no width.  (Agresti and Coull, The American Statistician
    52 (1998), do so with shares.)  The mean itself is always within.
    """
    rng = np.random.default_rng(seed)
    means, drawn = [], []
    for sample in groups:
        table = sums_and_weights(sample)
        means.append(table[:, 0].sum() / table[:, 1].sum())
        kinds, counts = np.unique(with_ends(table, ends), axis=0, return_counts=True)
        number = counts.sum()
        totals = rng.multinomial(number, counts / number, size=NUM_RESAMPLES) @ kinds
        drawn.append(totals[:, 0] / totals[:, 1])
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.mean(drawn, axis=0), [tail, 100 - tail])
    mean = np.mean(means)
    return Interval(float(min(low, mean)), float(max(high, mean)))


def share_interval(share: float, count: int, seed: int = 0) -> Interval:
    """As `mean_interval`, of a share of ``count`` prompts that are it or are not."""
    number = round(share * count)
    scores = [1.0] * number + [0.0] * (count - number)
    return mean_interval([Sample(scores, range(count))], seed)


def sums_and_weights(sample: Sample) -> npt.NDArray[np.float64]:
    """A row for each prompt: the weighed sum of its scores, and its weight."""
    rows: dict[Hashable, list[float]] = {}
    weights: Iterable[float] = sample.weights or [1.0] * len(sample.scores)
    for prompt, score, weight in zip(
        sample.prompts, sample.scores, weights, strict=True
    ):
        row = rows.setdefault(prompt, [0.0, 0.0])
        row[0] += weight * score
        row[1] += weight
    return np.array(list(rows.values()))


def with_ends(
    table: npt.NDArray[np.float64], ends: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Such rows with one more at each end, of mean weight."""
    weight = table[:, 1].mean()
    return np.concatenate([table, [[end * weight, weight] for end in ends]])


def paired_p_value(
    before: Sequence[float], after: Sequence[float], prompts: Sequence[Hashable]
) -> float:
    """The exact two-sided p-value that the mean of some scores did not change.

    Under that a prompt's change might as well have had the other sign: the value is
    the share of all exchanges of signs that give as large a mean change.  It speaks
    of the difference of two means, as a test of how many rose and fell does not.
    1.0 if nothing changed.  It is exact where one of at most `MOST_STEPS` equal steps
    divides all scores; others are rounded to so many.
    """
    changes = [new - old for old, new in zip(before, after, strict=True)]
    if not changes:
        return 1.0
    sums = sums_and_weights(Sample(changes, prompts))[:, 0]
    moved = np.rint(sums * count_steps({*before, *after})).astype(int)
    moved = moved // max(1, np.gcd.reduce(moved))
    found = abs(int(moved.sum()))
    sizes, counts = np.unique(np.abs(moved), return_counts=True)
    # Sums of signed numbers have the product of cosines as characteristic function.
    number = 2 * int(sizes @ counts) + 1
    angles = 2 * np.pi * np.arange(number) / number
    function = np.ones(number)
    for size, count in zip(sizes, counts, strict=True):
        function *= np.cos(size * angles) ** count
    shares = np.fft.fft(function).real / number
    return (
        float(np.clip(shares[found : number - found + 1].sum(), 0, 1)) if found else 1.0
    )


def largest_by_chance(changes: npt.NDArray[np.float64], seed: int) -> float:
    """How far several sums of changes may be off nothing by chance, all at once.

    ``changes`` has a row for each group of prompts and a column for each sum.  In 95 %
    of draws no sum is farther off than this many roots of its sum of squares; 0.0 where
    nothing changed.  Drawn are signs, `NUM_RESAMPLES` times, one a group for all of its
    columns: the test of `paired_p_value`, of many sums instead of one.
    """
    roots = np.sqrt((changes**2).sum(axis=0))
    if not roots.any():
        return 0.0
    ratios = changes[:, roots > 0] / roots[roots > 0]
    rng = np.random.default_rng(seed)
    signs = 1.0 - 2 * rng.integers(0, 2, size=(NUM_RESAMPLES, len(ratios)))
    largest = np.abs(signs @ ratios).max(axis=1)
    return float(np.quantile(largest, CONFIDENCE, method="higher"))


def count_steps(scores: Iterable[float]) -> int:
    """The fewest equal steps from 0 to 1 of which all scores are whole numbers.

    `MOST_STEPS` if there must be more.
    """
    shares = (Fraction(score).limit_denominator(MOST_STEPS) for score in scores)
    return min(MOST_STEPS, lcm(*(share.denominator for share in shares)))
