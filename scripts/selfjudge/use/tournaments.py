"""An order of n responses from comparisons of two, and how many that takes.

Up to six responses all pairs are compared.  Beyond, a Swiss tournament: in each of
ceil(log2 n) rounds the responses are paired with those that have come to as much so
far, and with one that they have not met while there is any.  Strengths are those of
Bradley and Terry (1952), by Hunter's algorithm (2004), with a game as a prior that is
half won.
"""

from collections.abc import Sequence
from itertools import combinations
from math import ceil, log2
from typing import NamedTuple

import numpy as np

MOST_FULL = 6  # responses of which all pairs are compared
PRIOR = 0.5  # wins, and as many losses, against one of strength 1
MOST_STEPS = 1000
CLOSE = 1e-10


class Game(NamedTuple):
    """Two places of a tournament, and the probability that the first is better."""

    first: int
    second: int
    probability: float


def count_games(num_responses: int) -> int:
    """The comparisons that a tournament takes, known before it begins."""
    if num_responses <= MOST_FULL:
        return num_responses * (num_responses - 1) // 2
    return (num_responses // 2) * count_rounds(num_responses)


def count_rounds(num_responses: int) -> int:
    """The rounds of a tournament: each is known from those before."""
    return 1 if num_responses <= MOST_FULL else ceil(log2(num_responses))


def next_games(num_responses: int, played: Sequence[Game]) -> list[tuple[int, int]]:
    """The pairs of places of the next round."""
    if num_responses <= MOST_FULL:
        return list(combinations(range(num_responses), 2))
    points = [0.0] * num_responses
    num_played = [0] * num_responses
    met: set[frozenset[int]] = set()
    for game in played:
        points[game.first] += game.probability
        points[game.second] += 1 - game.probability
        num_played[game.first] += 1
        num_played[game.second] += 1
        met.add(frozenset((game.first, game.second)))
    num_rounds = len(played) // (num_responses // 2)
    # A rest counts as a win: else whoever rests first meets no strong one any more.
    points = [
        point + num_rounds - num for point, num in zip(points, num_played, strict=True)
    ]
    standing = ranking(points)
    if num_responses % 2:  # the last that has not rested, or not as often
        most = max(num_played)
        rests = [place for place in standing if num_played[place] == most][-1]
        standing.remove(rests)
    return pair_up(standing, met)


def pair_up(standing: Sequence[int], met: set[frozenset[int]]) -> list[tuple[int, int]]:
    """Neighbours in standing, none with one whom it has met while others are left."""
    left = list(standing)
    games = []
    while left:
        first = left.pop(0)
        fresh = [place for place in left if frozenset((first, place)) not in met]
        second = (fresh or left)[0]
        left.remove(second)
        games.append((first, second))
    return games


def strengths(num_responses: int, games: Sequence[Game]) -> list[float]:
    """The log-strength (natural) of each place; their mean is 0.

    The probability that one is better than another is the logistic function of the
    difference.  A game counts by its probability, as so much of a win.
    """
    wins = np.full(num_responses, PRIOR)
    counts = np.zeros((num_responses, num_responses))
    for first, second, probability in games:
        wins[first] += probability
        wins[second] += 1 - probability
        counts[first, second] += 1
        counts[second, first] += 1
    found = np.ones(num_responses)
    for _ in range(MOST_STEPS):
        shares = (counts / (found[:, None] + found[None, :])).sum(axis=1)
        new = wins / (shares + 2 * PRIOR / (found + 1))
        is_close = np.abs(np.log(new / found)).max() < CLOSE
        found = new
        if is_close:
            break
    logs = np.log(found)
    return [float(value) for value in logs - logs.mean()]


def ranking(values: Sequence[float]) -> list[int]:
    """Places from the strongest to the weakest; equal ones in their order."""
    return sorted(range(len(values)), key=lambda place: (-values[place], place))
