"""Filters against each other on the very same pairs of a benchmark."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from statsmodels.stats.multitest import multipletests

from selfjudge.comparisons import check_alike, p_value_of
from selfjudge.scores import Scores, mean, rounded
from selfjudge.seeds import seed_for
from selfjudge.statistics import cluster_interval
from selfjudge.votes import OVERALL, PairOutcome


def compare_filters(
    scores: Sequence[Scores], groups: Sequence[str]
) -> list[dict[str, Any]]:
    """A row for each two filters of one iteration and each group.

    `difference` is the mean of `other` less that of `filter` over the pairs that
    both decide, of which `num_better` and `num_worse` changed.
    `low` and `high` are its bootstrap interval of 95 % over prompts, for all
    pairs only; `p_value` is exact and paired, as in the comparisons.
    Raises ValueError if two scores are not of the same pairs.
    """
    return [
        row
        for one, other in combinations(scores, 2)
        for group in groups
        if (row := compare_two(one, other, group))
    ]


def compare_two(one: Scores, other: Scores, group: str) -> dict[str, Any] | None:
    """One row; None if there is no pair in the group that both decide."""
    check_alike(one, other)
    p_value = p_value_of(group, one, other)
    changes, prompts = paired_changes(one, other, group)
    if not changes:
        return None
    low = high = None
    if group == OVERALL:
        seed = seed_for(0, "difference", one.benchmark)
        low, high = cluster_interval(changes, prompts, seed)
    return {
        "iteration": one.iteration,
        "group": group,
        "filter": one.filter,
        "other": other.filter,
        "num_pairs": len(changes),
        "num_better": sum(change > 0 for change in changes),
        "num_worse": sum(change < 0 for change in changes),
        "difference": rounded(mean(changes)),
        "low": rounded(low),
        "high": rounded(high),
        "p_value": p_value,
    }


def paired_changes(
    one: Scores, other: Scores, group: str
) -> tuple[list[float], list[str]]:
    """How much each pair's score rose, and the prompt of each."""
    before = {outcome.pair_id: outcome for outcome in one.outcomes}
    both = [
        (outcome.accuracy, before[outcome.pair_id].accuracy, outcome.prompt_id)
        for outcome in other.outcomes
        if is_in_group(outcome, group)
    ]
    found = [(a - b, key) for a, b, key in both if a is not None and b is not None]
    return [change for change, _ in found], [key for _, key in found]


def is_in_group(outcome: PairOutcome, group: str) -> bool:
    """Whether a pair counts for a group, or for one of its splits."""
    return group in (OVERALL, outcome.group, outcome.split)


def adjust(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `p_value_holm`: Holm's correction over all rows of a group."""
    adjusted: dict[int, float] = {}
    for group in {row["group"] for row in rows}:
        places = [at for at, row in enumerate(rows) if row["group"] == group]
        values = multipletests([rows[at]["p_value"] for at in places], method="holm")[1]
        adjusted |= {at: float(value) for at, value in zip(places, values, strict=True)}
    return [
        row | {"p_value_holm": rounded(adjusted[at])} for at, row in enumerate(rows)
    ]
