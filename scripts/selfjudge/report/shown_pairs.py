"""Which pairs a page shows: evenly over iteration, filter, outcome, category.

One pass over the files of a branch reads what became of each pair and remembers
twelve bytes of it; the sample is drawn from those numbers alone.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Pair
from selfjudge.ground.seeds import seed_for
from selfjudge.judging.acceptance import Outcome, outcome_of_pair, pair_category
from selfjudge.judging.joining import AcceptedHead, DroppedHead, join_outcomes
from selfjudge.report.results_folder import Branch


class Stratum(NamedTuple):
    """Pairs that are alike to someone who looks for examples."""

    iteration: int
    filter: str
    outcome: Outcome
    category: str


class Sampled(NamedTuple):
    """A pair to show: its branch, its place in the pairs file, and its turn.

    Every stratum shows its first pair before any shows its second.
    """

    turn: int
    stratum: Stratum
    branch: Branch
    place: int


def read_outcomes(branch: Branch) -> Iterator[tuple[Pair, Outcome]]:
    """Every pair of a branch with its outcome, in the order of the pairs.

    Raises ValueError where accepted and dropped judgments are not of these pairs.
    """
    folder = branch.folder
    joined = join_outcomes(
        read_records(folder / "pairs.jsonl", Pair),
        read_records(folder / "accepted.jsonl", AcceptedHead),
        read_records(folder / "dropped_judgments.jsonl", DroppedHead),
    )
    try:
        for pair, outcomes in joined:
            yield pair, outcome_of_pair(outcomes.values())
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None


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
        for pair, outcome in read_outcomes(branch):
            category = pair_category(pair)
            stratum = Stratum(branch.iteration, branch.filter, outcome, category)
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
