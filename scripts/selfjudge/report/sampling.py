"""Which pairs a page shows: an even sample over iteration, filter, fate, category.

One pass over the files of a branch decides the fate of each pair and remembers
ten bytes of it; the sample is drawn from those numbers alone.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import msgspec
import numpy as np

from selfjudge.ground.lines import read_records
from selfjudge.ground.seeds import seed_for
from selfjudge.judging.acceptance import Outcome

Fate = Literal[
    "accepted",
    "right_in_one_order",
    "over_matched_size",
    "over_category_cap",
    "unbalanced_order",
    "truncated",
    "unparsed",
    "wrong_in_first_order",
    "wrong_verdict",
]
FATES: tuple[Fate, ...] = get_args(Fate)


class Branch(NamedTuple):
    """One filter at one iteration, and the folder of its files."""

    iteration: int
    filter: str
    folder: Path


class Stratum(NamedTuple):
    """Pairs that are alike to someone who looks for examples."""

    iteration: int
    filter: str
    fate: Fate
    category: str


class PairHead(msgspec.Struct, frozen=True):
    """What places a pair in a stratum."""

    id: str
    origin: str
    category: str | None


class AcceptedHead(msgspec.Struct, frozen=True):
    """Which pair an accepted judgment belongs to."""

    pair_id: str


class DroppedHead(msgspec.Struct, frozen=True):
    """Which judgment was dropped, of which pair, and why."""

    id: str
    pair_id: str
    reason: Outcome


class Sampled(NamedTuple):
    """A pair to show: its branch, its place in the pairs file, and its turn.

    Every stratum shows its first pair before any shows its second.
    """

    turn: int
    stratum: Stratum
    branch: Branch
    place: int


def pair_fate(num_accepted: int, reasons: Iterable[Outcome]) -> Fate:
    """What became of a pair, from what became of its judgments.

    A cut after the verdicts (size, cap, balance) says more than the verdicts.
    """
    if num_accepted:
        return "accepted"
    found: set[str] = set(reasons)
    if "wrong_in_other_order" in found:
        return "right_in_one_order"
    return next(fate for fate in FATES if fate in found)


def read_fates(branch: Branch) -> Iterator[tuple[PairHead, Fate]]:
    """Every pair of a branch with its fate, in the order of the pairs.

    Raises ValueError where accepted and dropped judgments are not of these pairs.
    """
    folder, owner = branch.folder, attrgetter("pair_id")
    accepted = read_records(folder / "accepted.jsonl", AcceptedHead)
    dropped = read_records(folder / "dropped_judgments.jsonl", DroppedHead)
    accepted_groups = groupby(accepted, key=owner)
    dropped_groups = groupby(dropped, key=owner)
    next_accepted = next(accepted_groups, None)
    next_dropped = next(dropped_groups, None)
    for pair in read_records(folder / "pairs.jsonl", PairHead):
        num_accepted, reasons = 0, []
        if next_accepted and next_accepted[0] == pair.id:
            num_accepted = sum(1 for _ in next_accepted[1])
            next_accepted = next(accepted_groups, None)
        if next_dropped and next_dropped[0] == pair.id:
            reasons = [head.reason for head in next_dropped[1]]
            next_dropped = next(dropped_groups, None)
        if not num_accepted and not reasons:
            raise ValueError(
                f"{folder}: every pair must have an accepted or a dropped judgment "
                f"(got none of pair {pair.id!r}). Hint: the files are not of one run."
            )
        yield pair, pair_fate(num_accepted, reasons)
    if next_accepted or next_dropped:
        raise ValueError(
            f"{folder}: accepted.jsonl and dropped_judgments.jsonl must be of the "
            "pairs in pairs.jsonl, in their order (got others). "
            "Hint: the files are not of one run."
        )


class Population:
    """All pairs of all branches as plain numbers: stratum and seeded rank."""

    def __init__(self) -> None:
        self.codes = array("I")
        self.ranks = array("Q")
        self.strata: dict[Stratum, int] = {}
        self.branches: list[tuple[Branch, int]] = []

    def add(self, branch: Branch, seed: int) -> None:
        """Read a branch; its pairs' ranks depend on neither filter nor iteration."""
        start = len(self.codes)
        for pair, fate in read_fates(branch):
            category = pair.category or pair.origin
            stratum = Stratum(branch.iteration, branch.filter, fate, category)
            self.codes.append(self.strata.setdefault(stratum, len(self.strata)))
            self.ranks.append(seed_for(seed, "sample", pair.id))
        self.branches.append((branch, start))

    def count(self) -> dict[Stratum, int]:
        """The number of pairs in each stratum."""
        counts = np.bincount(np.asarray(self.codes), minlength=len(self.strata))
        return dict(zip(self.strata, counts.tolist(), strict=True))

    def sample(self, most: int) -> list[Sampled]:
        """At most ``most`` pairs, as many of each stratum as can be, in turns."""
        codes = np.asarray(self.codes)
        by_rank = np.lexsort((np.asarray(self.ranks), codes))
        sizes = np.bincount(codes, minlength=len(self.strata))
        turns = np.empty(len(codes), np.int64)
        turns[by_rank] = np.arange(len(codes)) - np.repeat(
            np.cumsum(sizes) - sizes, sizes
        )
        first = np.lexsort((np.asarray(self.ranks), codes, turns))[:most]
        strata = list(self.strata)
        return [
            Sampled(int(turns[at]), strata[codes[at]], *self.find(int(at)))
            for at in first
        ]

    def find(self, at: int) -> tuple[Branch, int]:
        """The branch that the pair of this number is of, and its place there."""
        branch, start = next(
            (branch, start) for branch, start in reversed(self.branches) if start <= at
        )
        return branch, at - start


def survey(branches: Sequence[Branch], seed: int) -> Population:
    """The population of all branches, after one pass over their files."""
    population = Population()
    for branch in branches:
        population.add(branch, seed)
    return population
