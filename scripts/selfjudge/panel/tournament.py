"""A judge as a rater: verdicts on two candidates at a time, and what they come to.

A judge of the first loop compares, and marks nothing.  So the candidates of a prompt
meet in pairs, each pair in both orders, and a candidate is worth the share of its
verdicts that it won: 0.5 is the mean whatever the candidates are.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from selfjudge.ground.records import Candidate, Rating
from selfjudge.ground.seeds import random_for
from selfjudge.judging.verdicts import parse_verdict


def count_requests_each(num_opponents: int) -> int:
    """The most requests that a text of many brings: its matches, both orders of each,
    and each shared with the other text."""
    return 2 * -(-num_opponents // 2)


def draw_matches(
    candidates: Sequence[Candidate], num_opponents: int, seed: int
) -> list[tuple[Candidate, Candidate]]:
    """The pairs that are compared, each in both orders.

    All, if each has at most ``num_opponents`` others; else everyone meets its next
    neighbours in a drawn circle, half of ``num_opponents`` (rounded up) to each side.
    """
    number = len(candidates)
    circle = list(candidates)
    if number:
        random_for(seed, "tournament", candidates[0].prompt_id).shuffle(circle)
    reach = number - 1 if number - 1 <= num_opponents else -(-num_opponents // 2)
    met: dict[frozenset[int], tuple[int, int]] = {}
    for place in range(number):
        for step in range(1, reach + 1):
            other = (place + step) % number
            met.setdefault(frozenset((place, other)), (place, other))
    return [
        (circle[one], circle[other])
        for pair in met.values()
        for one, other in (pair, pair[::-1])
    ]


def win_rates(judgments: Iterable[Rating]) -> dict[str, float]:
    """The share of its parsed verdicts that each candidate won; none without any."""
    won: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for judgment in judgments:
        cut = judgment.finish_reason == "length"
        verdict = None if cut else parse_verdict(judgment.text)
        if verdict is not None:
            first, second = judgment.candidate_ids
            met.update((first, second))
            won[first if verdict == "A" else second] += 1
    return {one: round(won[one] / number, 6) for one, number in met.items()}
