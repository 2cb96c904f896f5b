"""Cuts across pairs: a cap on each category, as many of each order, a size.

A pass over the judgments remembers one byte of each and a few numbers of each
accepted pair; the cuts are made on those numbers.  Memory is tens of bytes a
judgment, however long the judgments are.
"""

from array import array
from collections import Counter
from collections.abc import Iterable

from selfjudge.ground.seeds import seed_for
from selfjudge.judging.acceptance import (
    OUTCOMES,
    Decided,
    FilterSettings,
    pair_category,
)

CODE = {outcome: code for code, outcome in enumerate(OUTCOMES)}


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
