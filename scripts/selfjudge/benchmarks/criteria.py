"""Several criteria of one prompt: whether a judge heeds the one that it is given.

Pairs of the same prompt and the same two responses that name different criteria may
have labels that disagree.  Their outcomes come to three more rows, after Multi-Crit's
PAcc, TOS and CMR (`_compute_metrics` of its task in lmms-eval).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

from selfjudge.benchmarks.scores import (
    Decided,
    ScoredJudge,
    ScoreRow,
    find_intervals,
    score_row,
)
from selfjudge.benchmarks.votes import CRITERIA_ROWS, OVERALL, PairOutcome
from selfjudge.ground.records import Pair

# The prompt, and its two responses in a fixed order.
Compared = tuple[str, str, str]


def compared(pair: Pair) -> Compared:
    """What pairs of several criteria have in common."""
    first, second = sorted((pair.chosen, pair.rejected))
    return pair.prompt_id, first, second


def criteria_rows(
    judge: ScoredJudge, pairs: Mapping[str, Pair], outcomes: Sequence[PairOutcome]
) -> list[ScoreRow]:
    """The rows over criteria; none where no pair names one, or no labels conflict.

    ``num_pairs`` counts prompts, prompts with conflicting labels, and conflicting
    pairs of criteria; judgments are counted over the whole benchmark.
    """
    overall = score_row(judge, OVERALL, outcomes)
    return [
        msgspec.structs.replace(
            overall,
            group=group,
            num_pairs=len(found),
            num_decided=len(found),
            agreement_rate=None,
            first_rate=None,
            **find_intervals(judge.benchmark, found),
        )
        for group, found in decided_by_criteria(pairs, outcomes).items()
    ]


def decided_by_criteria(
    pairs: Mapping[str, Pair], outcomes: Iterable[PairOutcome]
) -> dict[str, list[Decided]]:
    """What each prompt, or conflict of its labels, scores by each row."""
    judged: dict[Compared, list[tuple[Pair, PairOutcome]]] = {}
    for outcome in outcomes:
        pair = pairs[outcome.pair_id]
        if pair.criterion is not None:
            judged.setdefault(compared(pair), []).append((pair, outcome))
    found: dict[str, list[Decided]] = {group: [] for group in CRITERIA_ROWS}
    for (prompt_id, *_), own in judged.items():
        right = [is_right(outcome) for _, outcome in own]
        conflicts = [
            (right[at], right[other])
            for at, other in combinations(range(len(own)), 2)
            if are_in_conflict(own[at][0], own[other][0])
        ]
        # Labels disagree: who is right on both, or wrong on both, tells them apart.
        told_apart = any(one is not None and one == two for one, two in conflicts)
        scores = {
            "all_criteria": [all(right)],
            "tradeoffs": [told_apart] if conflicts else [],
            "conflicts": [one is True and two is True for one, two in conflicts],
        }
        for group, values in scores.items():
            found[group] += [Decided(float(value), prompt_id, 1) for value in values]
    return {group: values for group, values in found.items() if values}


def are_in_conflict(pair: Pair, other: Pair) -> bool:
    """Whether two criteria prefer different responses of the same two."""
    return pair.criterion != other.criterion and pair.chosen == other.rejected


def is_right(outcome: PairOutcome) -> bool | None:
    """Whether most judgments prefer chosen; None where they prefer neither more."""
    if outcome.accuracy is None:
        return None
    # An unparsed judgment counts as wrong, but prefers nothing.
    right = round(outcome.accuracy * outcome.num_judgments)
    wrong = outcome.num_judgments - outcome.num_unparsed - right
    most = outcome.num_judgments / 2
    return True if right > most else False if wrong > most else None


def most_preferred(pairs: Sequence[Pair]) -> dict[str, bool]:
    """For each pair, whether most labels of its prompt agree with its own.

    Empty where no pair has a criterion.  Of as many on both sides, the response that
    comes first in the alphabet is taken.
    """
    if all(pair.criterion is None for pair in pairs):
        return {}
    votes: dict[Compared, Counter[str]] = {}
    for pair in pairs:
        votes.setdefault(compared(pair), Counter())[pair.chosen] += 1
    best = {
        key: min(counts, key=lambda text: (-counts[text], text))
        for key, counts in votes.items()
    }
    return {pair.id: pair.chosen == best[compared(pair)] for pair in pairs}
