"""Intervals and tests, by statsmodels, scipy and numpy; every share is of 0 to 1."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, bootstrap
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


def macro_interval(
    groups: Sequence[Sequence[float]],
    seed: int,
    clusters: Sequence[Sequence[str]] | None = None,
) -> Interval:
    """The bootstrap percentile interval of the mean of group means.

    What is drawn, within its group and `NUM_RESAMPLES` times, is a pair; or,
    where ``clusters`` names the prompt of every score, a prompt with all its pairs.
    """
    samples = [
        sums_and_counts(scores, clusters[at] if clusters else range(len(scores)))
        for at, scores in enumerate(groups)
    ]
    return bootstrap_interval(samples, seed)


def cluster_interval(
    scores: Sequence[float],
    clusters: Sequence[str],
    seed: int,
    weights: Sequence[float] | None = None,
) -> Interval:
    """The bootstrap percentile interval of a mean whose scores come in clusters.

    ``weights`` are those of the scores in the mean; None if all weigh alike.
    """
    return bootstrap_interval([sums_and_counts(scores, clusters, weights)], seed)


def bootstrap_interval(
    samples: Sequence[npt.NDArray[np.float64]], seed: int
) -> Interval:
    """The interval of the mean over samples, each of sums and counts by cluster."""
    found = bootstrap(
        samples,
        mean_of_ratios,
        axis=-1,
        vectorized=True,
        batch=500,
        n_resamples=NUM_RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def sums_and_counts(
    scores: Sequence[float],
    clusters: Iterable[object],
    weights: Sequence[float] | None = None,
) -> npt.NDArray[np.float64]:
    """A column for each cluster: the sum of its scores, and their number or weight."""
    columns: dict[object, list[float]] = {}
    weighed = weights if weights is not None else [1.0] * len(scores)
    for cluster, score, weight in zip(clusters, scores, weighed, strict=True):
        column = columns.setdefault(cluster, [0.0, 0.0])
        column[0] += weight * score
        column[1] += weight
    table = np.array(list(columns.values())).T
    # scipy wants two observations; drawing one twice draws nothing else.
    return table if len(columns) > 1 else np.repeat(table, 2, axis=1)


def mean_of_ratios(
    *samples: npt.NDArray[np.float64], axis: int
) -> npt.NDArray[np.float64]:
    """The mean over groups of the sum of scores by the number of scores."""
    totals = [sample.sum(axis=axis) for sample in samples]
    ratios = [total[0] / total[1] for total in totals]
    return np.asarray(np.mean(ratios, axis=0))


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
