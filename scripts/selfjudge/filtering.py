"""Which judgments become training data: those that agree with the construction.

Most decisions concern one pair alone, and one pass over the files makes them.
Where caps, balance or a size cut across pairs, a first pass remembers one byte a
judgment and a few numbers an accepted pair, the cuts are made on those numbers,
and the second pass writes.  Memory is tens of bytes a judgment then, however long
the judgments are, and constant where one pass is enough.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from selfjudge.filters import Filter
from selfjudge.orders import keeps_both_orders
from selfjudge.position_bias import PositionBias
from selfjudge.records import (
    ORDERS,
    Accepted,
    Judgment,
    Kind,
    Order,
    Pair,
    Settings,
    dropped_line,
    encode,
    read_records,
    writing,
)
from selfjudge.rendering import assistant_turn, judge_text, user_turn
from selfjudge.seeds import seed_for
from selfjudge.verdicts import read_stated

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
CODE = {outcome: code for code, outcome in enumerate(OUTCOMES)}


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


def join_judgments(
    pairs: Iterable[Pair], judgments: Iterable[Judgment]
) -> Iterator[tuple[Pair, list[Judgment]]]:
    """Each pair with its judgments; judgments come in the order of the pairs.

    Raises ValueError on a pair without judgments, on judgments of unknown pairs
    or out of order.
    """
    judgments = iter(judgments)
    waiting = next(judgments, None)
    for pair in pairs:
        own: list[Judgment] = []
        while waiting is not None and waiting.pair_id == pair.id:
            own.append(waiting)
            waiting = next(judgments, None)
        if not own:
            raise ValueError(
                f"judgments: the next 'pair_id' must be {pair.id!r}, in the order of "
                f"the pairs (got {waiting.pair_id if waiting else None!r}). "
                "Hint: a shard may be missing, or the files are not of one run."
            )
        yield pair, own
    if waiting is not None:
        raise ValueError(
            "judgments: 'pair_id' must be a pair of the pairs file, in its order "
            f"(got {waiting.pair_id!r})"
        )


def decide(
    read: Callable[[], Iterable[tuple[Pair, list[Judgment]]]],
    spec: Filter,
    settings: FilterSettings,
    size: int | None,
    seed: int,
) -> Iterator[Decided]:
    """What happens to every judgment, in the order of the pairs.

    ``read`` gives the pairs with their judgments; it is called twice if there is
    something to cut.  ``size`` is the most judgments to accept, for a filter that
    must not have more data than another; None for no limit.
    """

    def decide_each() -> Iterator[Decided]:
        for pair, own in read():
            preferences = [
                read_stated(judgment.text, judgment.order) for judgment in own
            ]
            outcomes = decide_pair(own, preferences, spec, settings, seed)
            yield Decided(pair, own, preferences, outcomes)

    # What is right in both orders is balanced as it is.
    is_cut = size is not None or settings.max_per_category is not None
    if not is_cut and settings.accept == "both_orders":
        yield from decide_each()
        return
    codes = cut(decide_each(), settings, size, seed)
    start = 0
    for decided in decide_each():
        end = start + len(decided.judgments)
        yield decided._replace(outcomes=[OUTCOMES[code] for code in codes[start:end]])
        start = end


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


class Units:
    """What may be accepted together: one pair's chosen traces, as plain numbers.

    ``first`` and ``second`` are positions in the judgments file of the trace
    with the chosen response first, and with the rejected first; -1 for none.
    """

    def __init__(self) -> None:
        self.rank = array("Q")
        self.category = array("H")
        self.first = array("q")
        self.second = array("q")
        self.names: dict[str, int] = {}

    def add(self, rank: int, category: str, first: int, second: int) -> None:
        """Remember the positions of one pair's traces."""
        self.rank.append(rank)
        self.category.append(self.names.setdefault(category, len(self.names)))
        self.first.append(first)
        self.second.append(second)

    def positions(self, unit: int) -> list[int]:
        """The positions of a unit's judgments."""
        return [at for at in (self.first[unit], self.second[unit]) if at >= 0]

    @staticmethod
    def is_accepted(side: "array[int]", unit: int, codes: bytearray) -> bool:
        """Whether a unit has an accepted judgment on one side."""
        return side[unit] >= 0 and codes[side[unit]] == CODE["accepted"]

    def count(self, side: "array[int]", codes: bytearray) -> int:
        """The number of accepted judgments on one side."""
        return sum(self.is_accepted(side, unit, codes) for unit in range(len(side)))

    def by_rank(self) -> list[int]:
        """The units in seeded order."""
        return sorted(range(len(self.rank)), key=self.rank.__getitem__)


def cut(
    decided: Iterable[Decided], settings: FilterSettings, size: int | None, seed: int
) -> bytearray:
    """The codes of all judgments after caps, balance and size."""
    codes = bytearray()
    units = Units()
    for pair, own, _, outcomes in decided:
        accepted = {"chosen_first": -1, "rejected_first": -1}
        for judgment, outcome in zip(own, outcomes, strict=True):
            if outcome == "accepted":
                accepted[judgment.order] = len(codes)
            codes.append(CODE[outcome])
        if max(accepted.values()) >= 0:
            rank = seed_for(seed, "accept", pair.id)
            units.add(rank, pair_category(pair), *accepted.values())
    cut_categories(units, codes, settings.max_per_category)
    balance_orders(units, codes)
    cut_size(units, codes, size)
    # A cut of whole pairs may tip the balance again where some count once only.
    balance_orders(units, codes)
    return codes


def cut_categories(units: Units, codes: bytearray, most: int | None) -> None:
    """Drop what exceeds ``most`` pairs of one category, by seeded rank."""
    if most is None:
        return
    taken: Counter[int] = Counter()
    for unit in units.by_rank():
        taken[units.category[unit]] += 1
        if taken[units.category[unit]] > most:
            for at in units.positions(unit):
                codes[at] = CODE["over_category_cap"]


def balance_orders(units: Units, codes: bytearray) -> None:
    """Drop surplus judgments so that chosen stands first as often as second."""
    first, second = units.first, units.second
    surplus = units.count(first, codes) - units.count(second, codes)
    if surplus == 0:
        return
    side, other = (first, second) if surplus > 0 else (second, first)
    # Pairs that are right in both orders stay whole as long as singles suffice.
    alone_last = sorted(
        (unit for unit in units.by_rank() if units.is_accepted(side, unit, codes)),
        key=lambda unit: not units.is_accepted(other, unit, codes),
    )
    for unit in alone_last[-abs(surplus) :]:
        codes[side[unit]] = CODE["unbalanced_order"]


def cut_size(units: Units, codes: bytearray, size: int | None) -> None:
    """Drop whole pairs, by seeded rank, until at most ``size`` judgments are left."""
    if size is None:
        return
    accepted = CODE["accepted"]
    used = 0
    for unit in units.by_rank():
        positions = [at for at in units.positions(unit) if codes[at] == accepted]
        if used + len(positions) <= size:
            used += len(positions)
            continue
        for at in positions:
            codes[at] = CODE["over_matched_size"]


class FilterCounts:
    """The counts behind `filter_report.json`, gathered while pairs pass by.

    ``is_unbiased`` tells of a pair's id whether its orders were asked for whatever
    the verdicts: the judge's position bias is measured on such pairs alone.
    """

    def __init__(self, is_unbiased: Callable[[str], bool]) -> None:
        self.is_unbiased = is_unbiased
        self.position_bias = PositionBias()
        self.outcomes: Counter[Outcome] = Counter()
        self.orders: Counter[Order] = Counter()
        self.pairs: Counter[str] = Counter()
        self.accepted_pairs: Counter[str] = Counter()
        self.kinds: dict[str, Kind] = {}
        self.by_category: Counter[tuple[str, Outcome]] = Counter()
        self.num_characters: Counter[Outcome] = Counter()

    def add(self, decided: Decided) -> None:
        """Count one pair and its judgments."""
        category = pair_category(decided.pair)
        self.pairs[category] += 1
        self.kinds[category] = decided.pair.kind
        for judgment, outcome in zip(decided.judgments, decided.outcomes, strict=True):
            self.outcomes[outcome] += 1
            self.by_category[category, outcome] += 1
            self.num_characters[outcome] += len(judgment.text)
            if outcome == "accepted":
                self.orders[judgment.order] += 1
        if "accepted" in decided.outcomes:
            self.accepted_pairs[category] += 1
        if self.is_unbiased(decided.pair.id):
            self.position_bias.add(decided.judgments, decided.preferences)

    def report(self) -> dict[str, Any]:
        """Accepted and dropped add up to all, in each of the `categories` too.

        There `num_accepted` counts pairs with an accepted judgment, and `outcomes`
        judgments.  `mean_characters` is how long judgments are, None of none.
        """
        num_judgments = self.outcomes.total()
        num_accepted = self.outcomes["accepted"]
        return {
            "num_pairs": self.pairs.total(),
            "num_judgments": num_judgments,
            "num_accepted": num_accepted,
            "num_dropped": num_judgments - num_accepted,
            "accepted_rate": round(num_accepted / max(1, num_judgments), 6),
            "orders": {order: self.orders[order] for order in ORDERS},
            "dropped": {
                outcome: self.outcomes[outcome]
                for outcome in OUTCOMES
                if outcome != "accepted" and self.outcomes[outcome]
            },
            "mean_characters": {
                "judgments": self.mean_characters(*OUTCOMES),
                "accepted": self.mean_characters("accepted"),
            },
            "categories": {
                name: {
                    "kind": self.kinds[name],
                    "num_pairs": self.pairs[name],
                    "num_accepted": self.accepted_pairs[name],
                    "outcomes": {
                        outcome: self.by_category[name, outcome]
                        for outcome in OUTCOMES
                        if self.by_category[name, outcome]
                    },
                }
                for name in sorted(self.pairs)
            },
            "position_bias": self.position_bias.report(),
        }

    def mean_characters(self, *outcomes: Outcome) -> float | None:
        """The mean length of the judgments with these outcomes, None of none."""
        count = sum(self.outcomes[outcome] for outcome in outcomes)
        total = sum(self.num_characters[outcome] for outcome in outcomes)
        return round(total / count, 1) if count else None


def filter_files(
    *,
    pairs: Path,
    judgments: Path,
    accepted: Path,
    dropped: Path,
    template: str,
    spec: Filter,
    settings: FilterSettings,
    size: int | None,
    both_orders_rate: float | None,
    seed: int,
) -> dict[str, Any]:
    """The report of a filter, after writing its accepted and dropped files.

    ``both_orders_rate`` is the share of pairs that a cascade judged in both orders
    whatever the first verdict; None if all were.
    Raises ValueError, and writes nothing, if not a single judgment is accepted.
    """

    def read() -> Iterator[tuple[Pair, list[Judgment]]]:
        return join_judgments(
            read_records(pairs, Pair), read_records(judgments, Judgment)
        )

    def is_unbiased(pair_id: str) -> bool:
        rate = both_orders_rate
        return rate is None or keeps_both_orders(pair_id, rate, seed)

    counts = FilterCounts(is_unbiased)
    with writing(accepted) as accepted_file, writing(dropped) as dropped_file:
        for decided in decide(read, spec, settings, size, seed):
            counts.add(decided)
            pair, own, _, outcomes = decided
            for judgment, outcome in zip(own, outcomes, strict=True):
                if outcome == "accepted":
                    row = training_row(pair, judgment, template)
                    accepted_file.write(encode(row))
                else:
                    dropped_file.write(dropped_line(judgment, outcome))
        report = counts.report()
        if not report["num_accepted"]:
            raise ValueError(explain_nothing_accepted(report, judgments))
    return report


def training_row(pair: Pair, judgment: Judgment, template: str) -> Accepted:
    """The line that training reads: what the judge saw, and what it answered."""
    text = judge_text(pair, judgment.order, template)
    return Accepted(
        images=pair.images,
        messages=[
            user_turn(len(pair.images), text),
            assistant_turn(judgment.text),  # as generated: no token changes
        ],
        pair_id=pair.id,
        judgment_id=judgment.id,
        order=judgment.order,
    )


def explain_nothing_accepted(report: dict[str, Any], judgments: Path) -> str:
    """The error text for a filter that left nothing to train on."""
    reasons = ", ".join(f"{name} {n}" for name, n in report["dropped"].items())
    return (
        f"{judgments}: at least one judgment must agree with its pair "
        f"(got {report['num_judgments']} judgments of {report['num_pairs']} pairs, "
        f"all dropped: {reasons or 'there are none'}). "
        f"Hint: read the first lines of {judgments}; "
        "if most are unparsed, the judge may have lost the verdict format."
    )
