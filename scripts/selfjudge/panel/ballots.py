"""What each ballot is, as data: whose word counts on a response, and how it is asked.

The sources conflict on whether a member votes on its own response: the formula of
the paper sums over all members, its prose says that the others score.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from selfjudge.ground.records import Settings, Vote
from selfjudge.panel.rating import Wording

Voters = Literal["peers", "all", "weighted", "self", "nobody", "gold"]
# The least weight of a rater that agrees with nobody: never none, nor a negative one.
LEAST_WEIGHT = 0.02


class Ballot(Settings, frozen=True, kw_only=True):
    """One way to count.

    ``voters``: whose rewards of a response make its own: ``peers`` all but its
    author's, ``all`` everyone's, ``weighted`` everyone's by reliability, ``self`` its
    author's, and each member learns from its own responses alone; ``nobody``: two
    texts are drawn; ``gold``: the gold answer decides.  ``wording``: how ratings are
    asked for, None if there are none.
    """

    voters: Voters
    wording: Wording | None


BALLOTS: dict[str, Ballot] = {
    # The paper's prose, and the default.
    "peers": Ballot(voters="peers", wording="plain"),
    # Ours: a rating begins with the rater's own answer.
    "informed": Ballot(voters="peers", wording="informed"),
    # The paper's formula.
    "all": Ballot(voters="all", wording="plain"),
    # Ours: reliability is estimated from agreement alone, by answer format.
    "weighted": Ballot(voters="weighted", wording="plain"),
    # The paper's comparison: no peers.
    "self": Ballot(voters="self", wording="plain"),
    "self_informed": Ballot(voters="self", wording="informed"),
    # Controls: as many preferences as the first ballot with ratings, of no worth;
    # and labels, where prompts have gold answers.
    "random": Ballot(voters="nobody", wording=None),
    "gold": Ballot(voters="gold", wording=None),
}


def panel_reward(
    vote: Vote,
    authors: Sequence[str],
    voters: Voters,
    weights: Mapping[str, float],
    min_votes: int,
) -> float | None:
    """What a candidate is worth, 0 to 1: the mean over its authors.

    As the response of each author it is worth what the raters give whose word counts
    there.  ``weights`` are of the raters, where the ballot has them.  None if for one
    author fewer than ``min_votes`` ratings that count are parsed (under `self` one):
    a text must not pass more easily because many wrote it.
    """
    copies = [
        author_reward(vote, author, voters, weights, min_votes) for author in authors
    ]
    known = [(reward, 1.0) for reward in copies if reward is not None]
    return weighted_mean(known) if len(known) == len(copies) else None


def author_reward(
    vote: Vote,
    author: str,
    voters: Voters,
    weights: Mapping[str, float],
    min_votes: int,
) -> float | None:
    """What a candidate is worth as the response of one of its authors."""
    is_weighted = voters == "weighted"
    counted = [
        (reward, max(LEAST_WEIGHT, weights.get(rater, 0.0)) if is_weighted else 1.0)
        for rater, reward in zip(vote.raters, vote.rewards, strict=True)
        if reward is not None and counts_on(rater, author, voters)
    ]
    if len(counted) < (1 if voters == "self" else min_votes):
        return None
    return weighted_mean(counted)


def counts_on(rater: str, author: str, voters: Voters) -> bool:
    """Whether a rater's reward counts on a response of the author."""
    if voters == "self":
        return rater == author
    return voters != "peers" or rater != author


def weighted_mean(pairs: Sequence[tuple[float, float]]) -> float:
    """The mean of values with their weights; six digits."""
    total = sum(weight for _, weight in pairs)
    return round(sum(value * weight for value, weight in pairs) / total, 6)
