"""Which judge to use, by certificates alone: the one expected right most often.

Not the first within a standard error of the best, nor the last: such a rule pays for a
simpler model by up to a standard error, and all judges of a run are equally simple.

The best of several is ahead by luck, too.  So one judge is told from another where the
interval of their difference does not hold nothing, and with 95 % the intervals of all
two judges hold at once, those of a judge and the base model among them.
"""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from selfjudge.benchmarks.statistics import largest_by_chance
from selfjudge.certificate.certifying import Certificate
from selfjudge.ground.records import Record
from selfjudge.ground.seeds import seed_for


class Difference(Record, frozen=True, kw_only=True):
    """By how much more often one judge is expected to be right than another, on the
    same pairs.

    ``low`` and ``high`` are an interval; with 95 % those of all two judges hold
    at once.
    """

    gain: float
    low: float
    high: float

    @property
    def direction(self) -> int:
        """1 where a gain is told, -1 where a loss is, else 0."""
        return (self.low > 0) - (self.high < 0)


class Candidate(Record, frozen=True, kw_only=True):
    """A judge beside the chosen one, on the same pairs.

    ``accuracy`` is the share of judgments that are right, ``expected`` how large it is
    on average over draws of the verdicts.  ``behind`` is by how much more often the
    chosen one is expected to be right.
    """

    iteration: int
    filter: str
    accuracy: float
    expected: float
    behind: Difference


class Choice(Record, frozen=True, kw_only=True):
    """The judge that is chosen, and why.

    ``over_base`` is its gain over the base model, ``last_step`` that of the last
    iteration over the one before, of the same filter; None where there is one iteration
    only.  One more iteration would be told from the chosen judge if it were expected to
    be right on more than ``expected_needed`` of the same pairs.
    """

    iteration: int
    filter: str
    accuracy: float
    expected: float
    words: str
    num_pairs: int
    over_base: Difference
    last_step: Difference | None
    expected_needed: float
    candidates: list[Candidate]


class Judged(NamedTuple):
    """How far judges are expected to be right, to be compared two by two.

    ``sums`` are over pairs that share a picture: a row such a group, a column a judge.
    A difference of two is told beyond ``limit`` roots of its sum of squares.
    """

    sums: npt.NDArray[np.float64]
    num_pairs: int
    limit: float

    def difference(self, before: int, after: int) -> Difference:
        """The gain of the judge of one column over that of another."""
        changes = self.sums[:, after] - self.sums[:, before]
        gain = changes.sum() / self.num_pairs
        width = self.limit * np.sqrt(changes @ changes) / self.num_pairs
        # Six digits: what a sum in another order changes must tell nothing; no -0.0.
        gain, low, high = (
            round(float(one), 6) + 0.0
            for one in (gain, max(-1.0, gain - width), min(1.0, gain + width))
        )
        return Difference(gain=gain, low=low, high=high)


def choose(base: Certificate, certificates: Sequence[Certificate]) -> Choice:
    """The judge that is expected to be right on most of the held-out pairs.

    Certificates are in the order in which judges are preferred where they are level: by
    iteration, and the main filter first.  Pairs that share a picture count as one.
    Raises ValueError where the pairs are not the same.
    """
    judges = [base, *certificates]
    check_same(base, certificates)
    judged = lay_beside(judges)
    best = max(range(1, len(judges)), key=lambda at: (expected_of(judges[at]), -at))
    candidates = [
        candidate_of(one, judged.difference(at, best))
        for at, one in enumerate(certificates, start=1)
    ]
    chosen = candidates[best - 1]
    over_base = judged.difference(0, best)
    own = sorted(
        (one.iteration, at)
        for at, one in enumerate(certificates, start=1)
        if one.filter == chosen.filter
    )
    last = judged.difference(own[-2][1], own[-1][1]) if len(own) > 1 else None
    width = max(
        max(one.gain - one.low, one.high - one.gain) for one in (last, over_base) if one
    )
    needed = round(min(1.0, chosen.expected + width), 6)
    return Choice(
        iteration=chosen.iteration,
        filter=chosen.filter,
        accuracy=chosen.accuracy,
        expected=chosen.expected,
        words=say_choice(chosen, candidates, over_base, last, needed),
        num_pairs=judged.num_pairs,
        over_base=over_base,
        last_step=last,
        expected_needed=needed,
        candidates=candidates,
    )


def check_same(base: Certificate, certificates: Sequence[Certificate]) -> None:
    """Check that all certificates are of the same pairs, at least two."""
    known = {one.pair_id for one in base.outcomes}
    if len(known) < 2:
        raise ValueError(
            f"certificates must be of at least two pairs (got {len(known)}). Hint: "
            "raise 'certificate.share'."
        )
    for one in certificates:
        if {outcome.pair_id for outcome in one.outcomes} != known:
            raise ValueError(
                f"certificates must be of the same pairs as the base model's (got "
                f"others at iteration {one.iteration}, {one.filter})"
            )


def lay_beside(judges: Sequence[Certificate]) -> Judged:
    """What certificates of the same pairs come to, a column each in their order."""
    names = dict.fromkeys(one.group for one in judges[0].outcomes)
    rows = {name: at for at, name in enumerate(names)}
    groups = {one.pair_id: rows[one.group] for one in judges[0].outcomes}
    sums = np.zeros((len(rows), len(judges)))
    for column, judge in enumerate(judges):
        for one in judge.outcomes:
            sums[groups[one.pair_id], column] += one.expected
    firsts, seconds = zip(*combinations(range(len(judges)), 2), strict=True)
    changes = sums[:, seconds] - sums[:, firsts]
    limit = largest_by_chance(changes, seed_for(0, "choice"))
    return Judged(sums, len(groups), limit)


def expected_of(certificate: Certificate) -> float:
    """How far a judge is expected to be right, on average over pairs."""
    return fmean(one.expected for one in certificate.outcomes)


def candidate_of(certificate: Certificate, behind: Difference) -> Candidate:
    """A judge, and by how much the best one is ahead of it."""
    return Candidate(
        iteration=certificate.iteration,
        filter=certificate.filter,
        accuracy=round(fmean(one.accuracy for one in certificate.outcomes), 6),
        expected=round(expected_of(certificate), 6),
        behind=behind,
    )


def say_choice(
    chosen: Candidate,
    candidates: Sequence[Candidate],
    over_base: Difference,
    last: Difference | None,
    needed: float,
) -> str:
    """The choice in sentences."""
    place = f"of iteration {chosen.iteration}, {chosen.filter}"
    share = f"{100 * chosen.expected:.1f} %"
    best = f"it is expected to be right most often, on {share}."
    if over_base.direction > 0:
        said = [f"Use the judge {place}: of {len(candidates)} {best}"]
    else:
        said = [f"Best of {len(candidates)} is the judge {place}: {best}"]
    near = [one for one in candidates if not one.behind.direction and one is not chosen]
    if near:
        named = "; ".join(
            f"iteration {one.iteration}, {one.filter}, behind by {points(one.behind)}"
            for one in near
        )
        said.append(f"Not told from it: {named}.")
    said.append(say_base(over_base))
    if last is not None:
        steps = ("gained nothing that is told from chance", "still gained", "lost")
        said.append(f"The last iteration {steps[last.direction]}: {points(last)}.")
    said.append(
        f"One more would have to be expected right on more than {100 * needed:.1f} % "
        "to be told from it."
        if needed < 1
        else "None more would be told from it: the pairs are too few."
    )
    said.append(
        "All that is told holds with 95 % at once, of any two of these judges and the "
        "base model."
    )
    return " ".join(said)


def say_base(over_base: Difference) -> str:
    """How the chosen judge stands to the base model, and which of both to use."""
    told = points(over_base)
    if over_base.direction > 0:
        return f"It is above the base model by {told}."
    if over_base.direction < 0:
        return f"It is below the base model by {told}: use the base model instead."
    return (
        f"It is not told from the base model, {told}: these pairs give no reason to "
        "use it instead."
    )


def points(one: Difference) -> str:
    """A difference in points, with its interval; a loss that is told has no sign."""
    gain, low, high = 100 * one.gain, 100 * one.low, 100 * one.high
    if one.direction < 0:
        gain, low, high = -gain, -high, -low
    return f"{gain:.1f} points ({low:.1f} to {high:.1f})"
