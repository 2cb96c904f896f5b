"""What raters are like, from their votes alone: no gold answer takes part.

Everything is summed up in one pass over the votes, in constant memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from selfjudge.ground.joins import join_by_prompt
from selfjudge.ground.records import Prompt, Vote
from selfjudge.ground.shares import round_share, share_of

GOOD = 0.5  # a reward above it holds a text good
ALL = "all"


@dataclass(slots=True)
class Relation:
    """Running sums of pairs of numbers."""

    num: int = 0
    sum_x: float = 0.0
    sum_y: float = 0.0
    sum_xx: float = 0.0
    sum_yy: float = 0.0
    sum_xy: float = 0.0

    def add(self, x: float, y: float) -> None:
        """One pair more."""
        self.num += 1
        self.sum_x += x
        self.sum_y += y
        self.sum_xx += x * x
        self.sum_yy += y * y
        self.sum_xy += x * y

    def correlation(self) -> float | None:
        """Pearson's, -1 to 1; None of fewer than 3 pairs or where one is constant."""
        spread_x = self.sum_xx - self.sum_x**2 / max(1, self.num)
        spread_y = self.sum_yy - self.sum_y**2 / max(1, self.num)
        if self.num < 3 or min(spread_x, spread_y) <= 1e-9:
            return None
        together = self.sum_xy - self.sum_x * self.sum_y / self.num
        found: float = together / (spread_x * spread_y) ** 0.5
        return round_share(found)

    def mean_difference(self) -> float | None:
        """The mean of x less that of y; None of nothing."""
        if not self.num:
            return None
        return round_share((self.sum_x - self.sum_y) / self.num)


class Counts(NamedTuple):
    """The sums of one rater.

    ``relations`` are its rewards beside the mean of the others', by answer format;
    ``lengths`` words beside its rewards; ``own`` and ``others`` as ``relations``, of
    texts that it wrote and that only others did; ``same_side`` and ``both`` count, by
    other rater, texts that both rate, and on which they agree.
    """

    relations: dict[str, Relation]
    lengths: Relation
    own: Relation
    others: Relation
    same_side: dict[str, int]
    both: dict[str, int]


@dataclass(slots=True)
class Agreement:
    """How the raters of a panel stand to each other."""

    counts: dict[str, Counts]
    num_candidates: int = 0

    def reliability(self) -> dict[str, dict[str, float | None]]:
        """By rater and answer format, the correlation with the mean of the others."""
        return {
            member: {
                form: relation.correlation()
                for form, relation in sorted(own.relations.items())
            }
            for member, own in self.counts.items()
        }

    def report(self) -> dict[str, Any]:
        """Everything, for people.

        ``self_preference`` is by how much more a rater gives than the others to texts
        that it wrote, less the same of texts that only others wrote: taste and skill
        together.  ``length_effect`` is the correlation of rewards with words.
        """
        return {
            "num_candidates": self.num_candidates,
            "agreement_rate": {
                member: {
                    other: share_of(own.same_side[other], number)
                    for other, number in own.both.items()
                }
                for member, own in self.counts.items()
            },
            "reliability": self.reliability(),
            "self_preference": {
                member: subtract(
                    own.own.mean_difference(), own.others.mean_difference()
                )
                for member, own in self.counts.items()
            },
            "length_effect": {
                member: own.lengths.correlation() for member, own in self.counts.items()
            },
        }


def measure_agreement(
    prompts: Iterable[Prompt], votes: Iterable[Vote], members: Sequence[str]
) -> Agreement:
    """How the members agree as raters; votes are in the order of the prompts."""
    found = Agreement(
        {name: new_counts([m for m in members if m != name]) for name in members}
    )
    for prompt, (own,) in join_by_prompt(prompts, ["votes"], [votes]):
        for vote in own:
            found.num_candidates += 1
            add_vote(found, prompt.answer_format or "open", vote)
    return found


def new_counts(others: Sequence[str]) -> Counts:
    """Sums of nothing."""
    zero = dict.fromkeys(others, 0)
    return Counts({}, Relation(), Relation(), Relation(), dict(zero), dict(zero))


def add_vote(found: Agreement, form: str, vote: Vote) -> None:
    """Count one candidate in."""
    given = {
        rater: reward
        for rater, reward in zip(vote.raters, vote.rewards, strict=True)
        if reward is not None
    }
    num_words = len(vote.text.split())
    for rater, reward in given.items():
        own = found.counts[rater]
        own.lengths.add(num_words, reward)
        rest = [other for name, other in given.items() if name != rater]
        if rest:
            mean = sum(rest) / len(rest)
            for key in (form, ALL):
                own.relations.setdefault(key, Relation()).add(reward, mean)
            side = own.own if rater in vote.members else own.others
            side.add(reward, mean)
        for name, other in given.items():
            if name != rater:
                own.both[name] += 1
                own.same_side[name] += (reward > GOOD) == (other > GOOD)


def subtract(one: float | None, other: float | None) -> float | None:
    """The difference; None if either is not known."""
    return None if one is None or other is None else round_share(one - other)
