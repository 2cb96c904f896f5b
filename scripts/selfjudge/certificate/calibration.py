"""Whether a judge knows when it knows: temperature, reliability, abstention.

Everything is of probabilities that the judge prefers chosen, one a pair, as
`judging.probabilities` averages them.  One half of the pairs fits, the other measures.
"""

from collections.abc import Mapping, Sequence
from math import exp, log

from scipy.optimize import minimize_scalar
from scipy.stats import beta, binom

from selfjudge.ground.records import Order, Record
from selfjudge.ground.shares import round_share
from selfjudge.judging.probabilities import chosen_probability

Weights = Sequence[Mapping[Order, tuple[float, float]]]  # of each pair

TEMPERATURES = (0.05, 50.0)
NUM_BINS = 5
# Shares right that an answering judge is held to, and how sure of that we are.
TARGETS = (0.9, 0.95)
CONFIDENCE = 0.9
# Shares of pairs that are answered, of which the limits to choose from are made.
SHARES = tuple(number / 10 for number in range(10, 0, -1))
LEAST = 1e-6  # of a probability whose logarithm is taken


class Bin(Record, frozen=True, kw_only=True):
    """Pairs of like confidence, ``low`` to ``high``: how sure, and how often right."""

    low: float
    high: float
    num_pairs: int
    confidence: float
    right_rate: float


class Abstention(Record, frozen=True, kw_only=True):
    """How many pairs a judge answers if it is to be right on a share of them.

    It abstains where the more probable response has less than ``abstain_below``.
    ``right_rate`` is of the ``num_answered`` of ``num_pairs``, and ``low`` its bound by
    Clopper and Pearson at `CONFIDENCE`, one side, as if the limit had not been chosen
    on the same pairs: what is promised is the target.  All None where no limit can
    promise it.
    """

    target: float
    num_pairs: int
    abstain_below: float | None
    num_answered: int | None
    answered_rate: float | None
    right_rate: float | None
    low: float | None


def fit_temperature(weights: Weights) -> float:
    """The temperature under which chosen is most probable; 1.0 of no pairs."""

    def loss(log_temperature: float) -> float:
        temperature = exp(log_temperature)
        return -sum(
            log(max(LEAST, chosen_probability(one, temperature))) for one in weights
        )

    if not weights:
        return 1.0
    low, high = map(log, TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return round(exp(float(found.x)), 4)


def confidence_of(probability: float) -> float:
    """The probability of the response that a judge prefers."""
    return max(probability, 1 - probability)


def rightness_of(probability: float) -> float:
    """1 if chosen is preferred, 0 if not, .5 of a coin."""
    return 0.5 if probability == 0.5 else float(probability > 0.5)


def reliability(probabilities: Sequence[float]) -> list[Bin]:
    """How often a judge is right that is so sure, in bins of like width."""
    bins: dict[int, list[float]] = {}
    for probability in probabilities:
        place = int((confidence_of(probability) - 0.5) * 2 * NUM_BINS)
        bins.setdefault(min(NUM_BINS - 1, place), []).append(probability)
    return [
        Bin(
            low=round(0.5 + place / 2 / NUM_BINS, 6),
            high=round(0.5 + (place + 1) / 2 / NUM_BINS, 6),
            num_pairs=len(own),
            confidence=round(sum(map(confidence_of, own)) / len(own), 6),
            right_rate=round(sum(map(rightness_of, own)) / len(own), 6),
        )
        for place, own in sorted(bins.items())
    ]


def calibration_error(probabilities: Sequence[float]) -> float | None:
    """The expected calibration error: the mean gap of sureness and rightness by bin."""
    bins = reliability(probabilities)
    gaps = (one.num_pairs * abs(one.confidence - one.right_rate) for one in bins)
    return sum(gaps) / len(probabilities) if probabilities else None


def abstain(
    fitting: Sequence[float], measuring: Sequence[float], target: float
) -> Abstention:
    """The limit that answers most pairs and is right on ``target`` of them.

    Limits are the quantiles of the fitting half's confidences, tested on the other
    half in the order in which the first makes them likely to hold, each by the exact
    binomial test that no more than 1 - target are wrong, until one fails.  So the
    promise holds with `CONFIDENCE` whatever the distribution of pairs, if they are
    independent (fixed-sequence testing of "Learn then Test", arXiv 2110.01052, section
    3); pairs that share a picture may not be.
    """
    limits = sorted(find_limits(fitting), key=lambda one: p_value(fitting, one, target))
    held = []
    for limit in limits:
        if p_value(measuring, limit, target) > 1 - CONFIDENCE:
            break
        held.append(limit)
    number = len(measuring)
    if not held:
        return Abstention(
            target=target,
            num_pairs=number,
            abstain_below=None,
            num_answered=None,
            answered_rate=None,
            right_rate=None,
            low=None,
        )
    limit = min(held)
    answered, right = count_answered(measuring, limit)
    return Abstention(
        target=target,
        num_pairs=number,
        abstain_below=limit,
        num_answered=answered,
        answered_rate=round_share(answered / number),
        right_rate=round_share(right / answered),
        low=round_share(lower_bound(right, answered)),
    )


def find_limits(probabilities: Sequence[float]) -> set[float]:
    """Limits from which on given shares of pairs are answered, with six digits."""
    ordered = sorted(map(confidence_of, probabilities), reverse=True)
    # Cut, not rounded: a limit must not lie above the pair that it is of.
    cut = [int(one * 10**6) / 10**6 for one in ordered]
    return {cut[max(0, round(share * len(cut)) - 1)] for share in SHARES if cut}


def count_answered(probabilities: Sequence[float], limit: float) -> tuple[int, int]:
    """How many pairs are answered, and how many of them right."""
    answered = [one for one in probabilities if confidence_of(one) >= limit]
    return len(answered), sum(one > 0.5 for one in answered)


def p_value(probabilities: Sequence[float], limit: float, target: float) -> float:
    """How likely so few would be wrong if more than 1 - target were; 1.0 of none."""
    answered, right = count_answered(probabilities, limit)
    return float(binom.cdf(answered - right, answered, 1 - target)) if answered else 1.0


def lower_bound(right: int, answered: int) -> float:
    """The one-sided bound of a share right, of Clopper and Pearson, at `CONFIDENCE`."""
    if not right:
        return 0.0
    return float(beta.ppf(1 - CONFIDENCE, right, answered - right + 1))
