"""What happens to a pair's judgments, as far as the pair alone decides it."""

from typing import Literal, NamedTuple, get_args

from selfjudge.ground.records import Judgment, Order, Pair, Settings
from selfjudge.ground.seeds import seed_for
from selfjudge.pairs.filters import Filter

Outcome = Literal[
    "accepted",
    "unparsed",
    "truncated",
    "wrong_verdict",
    "wrong_in_first_order",
    "wrong_in_other_order",
    "extra_trace",
    "over_category_cap",
    "unbalanced_order",
    "over_matched_size",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class FilterSettings(Settings, frozen=True, kw_only=True):
    """What is accepted beyond a right verdict.

    ``accept``: `both_orders` needs a right judgment in each order of the pair,
    `single` in one.  ``max_per_category``: most pairs of one category (for
    closed pairs, of one origin), or None for no cap.
    """

    accept: Literal["both_orders", "single"]
    max_per_category: int | None


class Decided(NamedTuple):
    """A pair, its judgments, what each prefers, and what happens to it.

    A preference is True for chosen, False for rejected, None if unparsed.
    """

    pair: Pair
    judgments: list[Judgment]
    preferences: list[bool | None]
    outcomes: list[Outcome]


def decide_pair(
    own: list[Judgment],
    preferences: list[bool | None],
    spec: Filter,
    settings: FilterSettings,
    seed: int,
) -> list[Outcome]:
    """What happens to one pair's judgments, as far as the pair alone decides it."""
    outcomes = [
        check_judgment(judgment, preference, spec)
        for judgment, preference in zip(own, preferences, strict=True)
    ]
    if "wrong_verdict" in outcomes and not is_in_both_orders(own):
        # A cascade: the other order was not asked for, since this one was wrong.
        outcomes = [
            "wrong_in_first_order" if outcome == "wrong_verdict" else outcome
            for outcome in outcomes
        ]
    places: dict[Order, list[int]] = {"chosen_first": [], "rejected_first": []}
    for place, outcome in enumerate(outcomes):
        if outcome == "accepted":
            places[own[place].order].append(place)
    is_whole = all(places.values())
    for right in places.values():
        if settings.accept == "both_orders" and not is_whole:
            for place in right:
                outcomes[place] = "wrong_in_other_order"
        elif len(right) > 1:
            right.sort(key=lambda place: seed_for(seed, "trace", own[place].id))
            for place in right[1:]:
                outcomes[place] = "extra_trace"
    return outcomes


def is_in_both_orders(own: list[Judgment]) -> bool:
    """Whether a pair was judged in both orders."""
    return any(judgment.order != own[0].order for judgment in own)


def check_judgment(
    judgment: Judgment, preference: bool | None, spec: Filter
) -> Outcome:
    """Whether a judgment by itself could be accepted, or why not."""
    if preference is None:
        return "unparsed"
    if judgment.finish_reason == "length":
        # It would teach the judge to go on after its verdict.
        return "truncated"
    if spec.accept == "right" and not preference:
        return "wrong_verdict"
    return "accepted"


def pair_category(pair: Pair) -> str:
    """What a cap counts: the injected error, or for closed pairs the origin."""
    return pair.category or pair.origin
