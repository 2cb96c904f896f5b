"""The certificate of one judge: every figure, and what they come to."""

from collections.abc import Iterator, Mapping, Sequence

from selfjudge.certificate.answers import Answered, Answers
from selfjudge.certificate.calibration import (
    TARGETS,
    Abstention,
    Bin,
    abstain,
    calibration_error,
    fit_temperature,
    reliability,
)
from selfjudge.certificate.figures import Figure, beside_base, figure_of
from selfjudge.certificate.groups import Groups
from selfjudge.certificate.measures import measure
from selfjudge.certificate.words import say
from selfjudge.ground.records import ORDERS, Order, Pair, Record
from selfjudge.ground.seeds import seed_for
from selfjudge.judging.probabilities import chosen_probability, order_probability

GREEDY = 1e-3  # a temperature at which the likelier letter has all
WeighedPairs = Mapping[str, Mapping[Order, tuple[float, float]]]  # by pair id


class Outcome(Record, frozen=True, kw_only=True):
    """What a judge made of one held-out pair.

    ``group`` names the pictures that it shares with others: pairs of one group are not
    independent.  ``coverage`` is the share of both orders with a verdict, ``accuracy``
    that of those that prefer chosen; ``expected`` is how large that is on average over
    draws of the verdicts stated, the reasoning being as it was: of this ``accuracy`` is
    one draw.  ``probability`` that it prefers chosen after both, at the certificate's
    temperature, where a verdict that was not stated is asked for.
    """

    pair_id: str
    group: str
    coverage: float
    accuracy: float
    expected: float
    probability: float


class Certificate(Record, frozen=True, kw_only=True):
    """What can be said of a judge without labels.

    ``words`` say it in sentences.  A judge's probabilities are to be made with
    ``temperature``, and it should not answer where the more probable response has less
    than ``abstain_below``: that of the first of ``abstentions``, or None where no limit
    can promise its target.
    """

    iteration: int
    filter: str
    words: str
    num_pairs: int
    num_unparsed: int
    temperature: float
    abstain_below: float | None
    abstentions: list[Abstention]
    figures: list[Figure]
    reliability: list[Bin]
    outcomes: list[Outcome]


class Leak(Record, frozen=True, kw_only=True):
    """What tells the held-out pairs apart without the picture."""

    figures: list[Figure]


def certify(
    iteration: int,
    filter_name: str,
    answers: Answers,
    weighed: WeighedPairs,
    groups: Groups,
    leak: Sequence[Figure],
    base: Certificate | None,
    seed: int,
    sampling_temperature: float,
) -> Certificate:
    """The certificate of a judge; ``base`` is that of the base model, None in its own.

    ``expected`` is over draws at ``sampling_temperature``, 0 of greedy judgments.
    ``groups`` are those of the pairs, as `group_pairs` finds them.  A pair that was not
    weighed in both orders, since there was no room for a judgment, is unparsed there,
    and as probable as a coin.  Raises ValueError where one that was judged was not
    weighed.
    """
    original = answers["original"]
    pairs = [one.pair for one in original.values()]
    whole = whole_weights(original, weighed)
    fitting, measuring = halve(pairs, groups, seed)
    temperature = fit_temperature([whole[p.id] for p in fitting if p.id in whole])

    def probabilities(some: Sequence[Pair], at: float = temperature) -> list[float]:
        return [
            chosen_probability(whole[pair.id], at) if pair.id in whole else 0.5
            for pair in some
        ]

    fitted, measured = probabilities(fitting), probabilities(measuring)
    abstentions = [abstain(fitted, measured, target) for target in TARGETS]
    figures = [
        *measure(answers, groups, seed),
        *leak,
        *error_figures(probabilities(measuring, 1.0), measured),
        *map(answered_figure, abstentions),
    ]
    if base is not None:
        figures = beside_base(figures, base.figures)
    return Certificate(
        iteration=iteration,
        filter=filter_name,
        words=say(figures, abstentions),
        num_pairs=len(pairs),
        num_unparsed=count_unparsed(original),
        temperature=temperature,
        abstain_below=abstentions[0].abstain_below,
        abstentions=abstentions,
        figures=figures,
        reliability=reliability(measured),
        outcomes=[
            outcome_of(
                one,
                groups[one.pair.id],
                expect(one, weighed, sampling_temperature),
                probability,
            )
            for one, probability in zip(
                original.values(), probabilities(pairs), strict=True
            )
        ],
    )


def outcome_of(
    answered: Answered, group: str, expected: float, probability: float
) -> Outcome:
    """What a judge makes of one pair, as it is written."""
    return Outcome(
        pair_id=answered.pair.id,
        group=group,
        coverage=answered.coverage,
        accuracy=answered.accuracy,
        expected=round(expected, 6),
        probability=round(probability, 6),
    )


def expect(
    answered: Answered, weighed: WeighedPairs, sampling_temperature: float
) -> float:
    """The share of both orders that prefer chosen, on average over draws of the
    verdicts stated; an unparsed judgment is wrong however it would weigh one."""
    own = weighed.get(answered.pair.id, {})
    return sum(
        order_probability(own[order], order, max(sampling_temperature, GREEDY))
        for order in ORDERS
        if answered.preferences[order] is not None
    ) / len(ORDERS)


def error_figures(before: Sequence[float], after: Sequence[float]) -> Iterator[Figure]:
    """The calibration error of probabilities, at temperature 1 and at the fitted."""
    named = {"calibration error before": before, "calibration error": after}
    for name, some in named.items():
        error = calibration_error(some)
        yield figure_of("knows", "error", name, len(some), error, None)


def count_unparsed(original: Mapping[str, Answered]) -> int:
    """The judgments without a verdict, of both orders of all pairs."""
    return sum(
        preference is None
        for one in original.values()
        for preference in one.preferences.values()
    )


def whole_weights(
    original: Mapping[str, Answered], weighed: WeighedPairs
) -> WeighedPairs:
    """The weights of the pairs that have them in both orders."""
    found = {}
    for key, answered in original.items():
        own = weighed.get(key, {})
        for order in ORDERS:
            if order not in own and answered.preferences[order] is not None:
                raise ValueError(
                    f"pair {key}: a judgment must be weighed (got none of {order})"
                )
        if len(own) == len(ORDERS):
            found[key] = own
    return found


def halve(
    pairs: Sequence[Pair], groups: Groups, seed: int
) -> tuple[list[Pair], list[Pair]]:
    """Two halves of the pairs, by seed; those of a group stay together."""
    halves: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in pairs:
        halves[seed_for(seed, "half", groups[pair.id]) % 2].append(pair)
    return halves


def answered_figure(abstention: Abstention) -> Figure:
    """The share of pairs that a judge answers if it is to be right as often."""
    name = f"answers if {100 * abstention.target:.0f} % are to be right"
    share = abstention.answered_rate
    number = abstention.num_pairs
    return figure_of("knows", "answered", name, number, share or 0.0, None)
