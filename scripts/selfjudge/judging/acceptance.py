"""What happens to a pair's judgments, as far as the pair alone decides it."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

from selfjudge.ground.records import Judgment, Order, Pair
from selfjudge.ground.seeds import seed_for
from selfjudge.judging.grounds import is_grounded
from selfjudge.pairs.filters import Filter

Outcome = Literal[
    "accepted",
    "unparsed",
    "truncated",
    "wrong_verdict",
    "not_grounded",
    "not_in_both_orders",
    "extra_trace",
    "over_matched_size",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class JudgedPair(NamedTuple):
    """A pair, its judgments, and what happens to each."""

    pair: Pair
    judgments: list[Judgment]
    outcomes: list[Outcome]


def decide_pair(
    pair: Pair,
    own: list[Judgment],
    preferences: list[bool | None],
    spec: Filter,
    seed: int,
) -> list[Outcome]:
    """What happens to one pair's judgments, as far as the pair alone decides it.

    Accepted is one judgment in each order of the pair, or none at all: of several
    traces, most of each order must be fit to be accepted.  Where all that parse are
    accepted, it is one of each order that has any.  Reasons are only missed where the
    pair is right in both orders without them.
    """
    agreed = agreed_preference(preferences) if spec.accept == "consistent" else None
    outcomes = [
        check_judgment(pair, judgment, preference, agreed, spec)
        for judgment, preference in zip(own, preferences, strict=True)
    ]
    places: dict[Order, list[int]] = {"chosen_first": [], "rejected_first": []}
    asked, right = dict.fromkeys(places, 0), dict.fromkeys(places, 0)
    for place, outcome in enumerate(outcomes):
        asked[own[place].order] += 1
        right[own[place].order] += outcome in ("accepted", "not_grounded")
        if outcome == "accepted":
            places[own[place].order].append(place)
    if not all(2 * right[order] > asked[order] for order in places):
        outcomes = [
            "not_in_both_orders" if outcome == "not_grounded" else outcome
            for outcome in outcomes
        ]
    is_whole = spec.accept == "parsed" or all(
        2 * len(fit) > asked[order] for order, fit in places.items()
    )
    for fit in places.values():
        if len(fit) > 1:
            fit.sort(key=lambda place: seed_for(seed, "trace", own[place].id))
        for place in fit[is_whole:]:
            outcomes[place] = "extra_trace" if is_whole else "not_in_both_orders"
    return outcomes


def agreed_preference(preferences: Iterable[bool | None]) -> bool | None:
    """Whether most verdicts on a pair prefer chosen; None if as many do not."""
    votes = Counter(one for one in preferences if one is not None)
    return None if votes[True] == votes[False] else votes[True] > votes[False]


def check_judgment(
    pair: Pair,
    judgment: Judgment,
    preference: bool | None,
    agreed: bool | None,
    spec: Filter,
) -> Outcome:
    """Whether a judgment by itself could be accepted, or why not."""
    if preference is None:
        return "unparsed"
    if judgment.finish_reason == "length":
        # It would teach the judge to go on after its verdict.
        return "truncated"
    if spec.accept in ("right", "grounded") and not preference:
        return "wrong_verdict"
    if spec.accept == "grounded" and not is_grounded(judgment, pair):
        return "not_grounded"
    if spec.accept == "consistent" and preference != agreed:
        return "not_in_both_orders"
    return "accepted"


# What became of a pair is what became of that judgment of it that says most: a cut
# to a size, after the verdicts, says more than the verdicts.
MOST_TELLING: tuple[Outcome, ...] = (
    "accepted",
    "not_grounded",
    "not_in_both_orders",
    "over_matched_size",
    "truncated",
    "unparsed",
    "wrong_verdict",
    "extra_trace",  # stands beside an accepted one
)


def outcome_of_pair(outcomes: Iterable[Outcome]) -> Outcome:
    """What became of a pair, from what became of its judgments, at least one."""
    return min(outcomes, key=MOST_TELLING.index)


def pair_category(pair: Pair) -> str:
    """What counts are by: the injected error, or for closed pairs the origin."""
    return pair.category or pair.origin
