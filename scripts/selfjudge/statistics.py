"""Intervals and tests, by statsmodels, scipy and numpy; every share is of 0 to 1."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE = 0.95
NUM_RESAMPLES = 2000


class Interval(NamedTuple):
    """The ends of a 95 % interval, each of 0 to 1."""

    low: float
    high: float


def wilson_interval(share: float, count: int) -> Interval:
    """The Wilson interval of a share observed over ``count`` independent pairs.

    The share may be a mean of several judgments a pair: judgments of one pair
    are not independent, so the pairs are what counts, and the interval is never
    narrower than it should be.
    """
    low, high = proportion_confint(
        share * count, count, alpha=1 - CONFIDENCE, method="wilson"
    )
    return Interval(float(low), float(high))


def macro_interval(groups: Sequence[Sequence[float]], seed: int) -> Interval:
    """The bootstrap percentile interval of the mean of group means.

    Pairs are drawn within their group, `NUM_RESAMPLES` times.
    """
    generator = np.random.default_rng(seed)
    means = np.zeros(NUM_RESAMPLES)
    for scores in groups:
        values = np.asarray(scores)
        picks = generator.integers(0, len(values), (NUM_RESAMPLES, len(values)))
        means += values[picks].mean(axis=1) / len(groups)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Interval(float(low), float(high))


def paired_p_value(before: Sequence[float], after: Sequence[float]) -> float:
    """The two-sided exact p-value that pairs rose as often as they fell.

    With scores of 0 or 1 this is McNemar's exact test; with shares in between
    it is the sign test over the pairs whose share changed.  1.0 if none did.
    """
    rose = sum(b < a for b, a in zip(before, after, strict=True))
    fell = sum(b > a for b, a in zip(before, after, strict=True))
    if rose + fell == 0:
        return 1.0
    return float(binomtest(rose, rose + fell, 0.5).pvalue)
