"""How many ratings of a rater could not be read, and when that is too many.

A text needs votes of others than its author.  Where a rater is not heard, texts of the
others lack one: of three members only its own keep two, and all learn from it alone.
"""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from selfjudge.ground.records import Vote
from selfjudge.panel.ballots import BALLOTS, Ballot, counts_on

# Of what a rater was asked: above the first a line says so (as a probe does of samples
# below its `min_parsed_rate`), above the second there are no preferences.
WARNED_UNPARSED_RATE = 0.1
MOST_UNPARSED_RATE = 0.5

T = TypeVar("T")


class Heard:
    """Counts, while a ballot reads votes, of whom ratings that count are parsed.

    ``scorers`` compare, and were not asked where there was nothing to compare.
    """

    def __init__(self, ballot: Ballot, scorers: Collection[str]) -> None:
        self.ballot = ballot
        self.scorers = scorers
        # By raters, authors, and whether the candidate is alone: whose ratings count.
        self.counted: dict[tuple[Any, ...], list[tuple[int, str]]] = {}
        self.asked: Counter[str] = Counter()
        self.unparsed: Counter[str] = Counter()

    def watch(self, votes: Iterable[Vote]) -> Iterator[Vote]:
        """The votes as they are; counts anew."""
        self.asked.clear()
        self.unparsed.clear()
        for _, group in groupby(votes, key=lambda vote: vote.prompt_id):
            listed = list(group)
            for vote in listed if self.ballot.wording else []:
                self.add(vote, is_alone=len(listed) == 1)
            yield from listed

    def add(self, vote: Vote, is_alone: bool) -> None:
        """Count one candidate in."""
        who = vote.raters, vote.members, is_alone
        if who not in self.counted:
            self.counted[who] = [
                (place, rater)
                for place, rater in enumerate(vote.raters)
                if not (is_alone and rater in self.scorers)
                and any(
                    counts_on(rater, author, self.ballot.voters)
                    for author in vote.members
                )
            ]
        for place, rater in self.counted[who]:
            self.asked[rater] += 1
            self.unparsed[rater] += vote.rewards[place] is None

    def check(self, place: Path) -> None:
        """Tell of raters that are hardly heard; ``place`` is the votes' folder.

        Raises ValueError where one is too little heard for its panel.
        """
        for rater, asked in self.asked.items():
            unparsed = self.unparsed[rater]
            if unparsed > MOST_UNPARSED_RATE * asked:
                raise ValueError(
                    f"{place}: ratings of {rater} must be parsed in at least "
                    f"{1 - MOST_UNPARSED_RATE:.0%} of the texts on which they count "
                    f"(got {asked - unparsed} of {asked})\nHint: texts of the others "
                    "lack its votes, so that the panel learns mostly from its own. "
                    f"Read what it wrote, '{rater}/ratings' beside 'votes': where that "
                    "is cut off raise 'panel.ratings.sampling.max_tokens' (a judge's: "
                    "'judgments.sampling.max_tokens'); else word the template it is "
                    "asked by, such as rate.txt, so that it writes a line a criterion, "
                    "or leave it out of 'panel.members'."
                )
            if unparsed > WARNED_UNPARSED_RATE * asked:
                print(
                    f"note: {unparsed / asked:.0%} of the ratings of {rater} are "
                    f"unparsed ({unparsed} of {asked} in {place}), and texts of the "
                    f"others kept more seldom: read '{rater}/ratings' beside 'votes'.",
                    file=sys.stderr,
                )

    def check_after(self, everything: Iterable[T], place: Path) -> Iterator[T]:
        """Everything that is made of the votes, then `check`."""
        yield from everything
        self.check(place)


def count_unparsed(
    votes: Iterable[Vote],
    members: Sequence[str],
    only_own: bool,
    scorers: Sequence[str] = (),
) -> dict[str, Any]:
    """By rater how many candidates it was asked about, and got no reward of it.

    ``only_own``: it was asked about its own texts alone.  ``scorers`` compare, and
    were not asked where there was nothing to compare.
    """
    heard = Heard(BALLOTS["self" if only_own else "all"], scorers)
    for _ in heard.watch(votes):
        pass
    return {
        member: {
            "num_ratings": heard.asked[member],
            "num_unparsed": heard.unparsed[member],
        }
        for member in members
    }
