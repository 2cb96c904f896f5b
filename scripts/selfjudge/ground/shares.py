"""Shares of 0 to 1 as they stand in files: six digits, None of nothing; counts;
probabilities of log-odds."""

from collections import Counter
from collections.abc import Mapping
from math import exp
from typing import TypeVar

Reason = TypeVar("Reason", bound=str)


def round_share(share: float | None) -> float | None:
    """A share, a difference of two or a p-value with six digits."""
    return None if share is None else round(share, 6)


def logistic(log_odds: float) -> float:
    """The probability that log-odds mean, however large they are."""
    if log_odds < 0:  # exp of a large number would overflow
        return exp(log_odds) / (1 + exp(log_odds))
    return 1 / (1 + exp(-log_odds))


def share_of(part: int, whole: int) -> float | None:
    """The share that a part is of a whole; None of nothing."""
    return round_share(part / whole if whole else None)


def tell_counts(counts: Mapping[Reason, int], most: int = 4) -> str:
    """Counts by reason for people, the commonest first, after ``most`` "others"."""
    ordered = Counter(counts).most_common()
    told = [f"{reason} {number}" for reason, number in ordered[:most] if number]
    others = sum(number for _, number in ordered[most:])
    return ", ".join([*told, *([f"others {others}"] if others else [])])
