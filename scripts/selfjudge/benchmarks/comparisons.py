"""Scores of several judges side by side, with paired tests and published scores."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import msgspec
from statsmodels.stats.multitest import multipletests

from selfjudge.benchmarks.leaderboard import PublishedTable, published_beside
from selfjudge.benchmarks.protocols import find_protocol
from selfjudge.benchmarks.scores import MACRO, Release, Scores, mean, rounded
from selfjudge.benchmarks.statistics import cluster_interval, paired_p_value
from selfjudge.benchmarks.votes import OVERALL, PairOutcome
from selfjudge.ground.seeds import seed_for


def compare(
    scores: Sequence[Scores],
    base: Scores,
    previous: Mapping[str, Scores],
    tables: Sequence[PublishedTable] = (),
) -> dict[str, Any]:
    """The rows of all judges of one iteration beside the base model's, with tests.

    ``previous`` holds the scores one iteration before, by filter; where a
    filter has none there, its previous judge is the base model.  Raises
    ValueError if two scores are not of the same pairs under the same protocol.
    """
    for score in (*scores, *previous.values()):
        check_alike(base, score)
    rows = list(base.rows)
    for score in scores:
        if score.iteration == 0:
            continue
        before = previous.get(score.filter, base)
        rows += [
            msgspec.structs.replace(
                row,
                p_value_base=p_value_of(row.group, base, score),
                p_value_previous=p_value_of(row.group, before, score),
            )
            for row in score.rows
        ]
    protocol = find_protocol(base.release.format, base.protocol)
    return {
        "benchmark": base.benchmark,
        "protocol": base.protocol,
        "collection": base.collection,
        "release": join_warnings(base, [*scores, *previous.values()]),
        "cannot_imitate": base.cannot_imitate,
        "iteration": max([score.iteration for score in scores], default=0),
        "rows": rows,
        "filter_tests": filter_tests(scores),
        "baselines": base.baselines,
        "published": published_beside(tables, base.release, protocol),
    }


def filter_tests(scores: Sequence[Scores]) -> list[dict[str, Any]]:
    """Whether the filters of one iteration differ, each two of them by group.

    ``difference`` is the accuracy of ``other`` less that of ``filter``, None
    where one has none; ``p_value`` is the exact paired one.
    """
    return [
        {
            "filter": one.filter,
            "other": other.filter,
            "group": before.group,
            "difference": difference(before.accuracy, after.accuracy),
            "p_value": p_value_of(before.group, one, other),
        }
        for one, other in combinations(scores, 2)
        for before, after in zip(one.rows, other.rows, strict=True)
        if before.group != MACRO
    ]


def difference(before: float | None, after: float | None) -> float | None:
    """How much a share rose, six digits; None where one of them is None."""
    if before is None or after is None:
        return None
    return round(after - before, 6)


def join_warnings(base: Scores, others: Sequence[Scores]) -> Release:
    """The release with what any of the scores warns of, each warning once."""
    warnings = [text for score in (base, *others) for text in score.release.warnings]
    unique = list(dict.fromkeys(warnings))
    return msgspec.structs.replace(base.release, warnings=unique)


def check_alike(base: Scores, score: Scores) -> None:
    """Check that two scores may stand in one table."""
    for what, must, got in (
        ("benchmark", base.benchmark, score.benchmark),
        ("protocol", base.protocol, score.protocol),
        ("collection", base.collection, score.collection),
        ("release", base.release.source_sha256, score.release.source_sha256),
    ):
        if must != got:
            raise ValueError(
                f"{score.benchmark}: scores of iteration {score.iteration} "
                f"({score.filter}) must have the {what} {must!r} of iteration "
                f"{base.iteration} ({base.filter}) (got {got!r})"
            )


def p_value_of(group: str, before: Scores, after: Scores) -> float | None:
    """The exact paired p-value of one group between two judges.

    It is over the pairs that both decide.
    """
    if group == MACRO:
        return None
    old = {outcome.pair_id: outcome for outcome in before.outcomes}
    new = {outcome.pair_id: outcome for outcome in after.outcomes}
    if old.keys() != new.keys():
        raise ValueError(
            f"{after.benchmark}: scores of iteration {after.iteration} "
            f"({after.filter}) must be of the same pairs as those of iteration "
            f"{before.iteration} ({before.filter}); got {len(new)} and {len(old)} "
            f"pairs, {len(old.keys() & new.keys())} in common"
        )
    both = [
        (outcome.accuracy, new[key].accuracy)
        for key, outcome in old.items()
        if group in (OVERALL, outcome.group, outcome.split)
    ]
    decided = [(b, a) for b, a in both if b is not None and a is not None]
    value = paired_p_value([b for b, _ in decided], [a for _, a in decided])
    return round(value, 6)


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
