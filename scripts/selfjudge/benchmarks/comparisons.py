"""Scores of several judges side by side, with paired tests and published scores."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import msgspec

from selfjudge.benchmarks.leaderboard import PublishedTable, published_beside
from selfjudge.benchmarks.registry import SCORINGS, find_protocol
from selfjudge.benchmarks.scores import MACRO, Release, Scores
from selfjudge.benchmarks.statistics import (
    OF_CHANGES,
    Sample,
    mean_interval,
    paired_p_value,
)
from selfjudge.benchmarks.votes import CRITERIA_ROWS, OVERALL, PairOutcome
from selfjudge.ground.records import Record
from selfjudge.ground.seeds import seed_for


class FilterTest(Record, frozen=True, kw_only=True):
    """Two filters of one iteration on the same pairs of a group.

    ``difference`` is the mean of ``other`` less that of ``filter`` over the
    ``num_pairs`` that both decide, of which ``num_better`` and ``num_worse``
    changed.  ``low`` and ``high`` are its bootstrap interval of 95 % over prompts;
    ``p_value`` is that of the exact sign-flip test of it, and ``p_value_holm`` Holm's
    correction over the pairs of filters that are tested on the group.
    """

    group: str
    filter: str
    other: str
    num_pairs: int
    num_better: int
    num_worse: int
    difference: float
    low: float
    high: float
    p_value: float
    p_value_holm: float


class PairedScore(NamedTuple):
    """What one pair scores by two judges that both decide it."""

    before: float
    after: float
    prompt_id: str


def compare(
    scores: Sequence[Scores],
    base: Scores,
    previous: Mapping[str, Scores],
    tables: Sequence[PublishedTable] = (),
    files: Sequence[str] = (),
    twins: Mapping[str, str] | None = None,
    is_last: bool = True,
) -> dict[str, Any]:
    """The rows of all judges of one iteration beside the base model's, with tests.

    ``previous`` holds the scores one iteration before, by filter; where a
    filter has none there, its previous judge is the base model.  ``files`` are
    where base, previous and scores were read from, in this order: the outcome of
    every pair stands there.  ``twins`` are as `find_twins` has them.  Filters are
    tested against each other only where it ``is_last``: the iteration that was meant
    from the start, and one test of each two of them.
    Raises ValueError if two scores are not of the same pairs under the same protocol.
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
    if not SCORINGS[base.release.format].compares:
        tables = ()
    return {
        "benchmark": base.benchmark,
        "protocol": base.protocol,
        "collection": base.collection,
        "release": join_warnings(base, [*scores, *previous.values()]),
        "cannot_imitate": base.cannot_imitate,
        "iteration": max([score.iteration for score in scores], default=0),
        "judges": name_files([base, *previous.values(), *scores], files),
        "rows": rows,
        "twins": dict(twins or {}),
        "filter_tests": filter_tests(scores, twins or {}) if is_last else [],
        "baselines": base.baselines,
        "published": published_beside(tables, base.release, protocol),
    }


def name_files(scores: Sequence[Scores], files: Sequence[str]) -> list[dict[str, Any]]:
    """Each judge that took part, with the file of its outcomes; none unless named."""
    assert len(files) in (0, len(scores))
    return [
        {"iteration": score.iteration, "filter": score.filter, "scores": file}
        for score, file in zip(scores, files, strict=False)
    ]


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
    """The p-value of the change of one group's accuracy between two judges.

    It is over the pairs that both decide; None of what is no sample of pairs: the
    macro average, what is of several criteria of a prompt, and what is of judgments.
    """
    if group in (MACRO, *CRITERIA_ROWS) or counts_judgments(before):
        return None
    return p_value(paired_scores(group, before, after))


def counts_judgments(score: Scores) -> bool:
    """Whether pairs weigh by their parsed judgments, of which each judge has others.

    The mean change of pairs is not the change of such an accuracy then, and may have
    the other sign.
    """
    return find_protocol(score.release.format, score.protocol).counts_judgments


def p_value(paired: Sequence[PairedScore]) -> float:
    """The p-value of the change over paired scores, with six digits."""
    before, after = [one.before for one in paired], [one.after for one in paired]
    prompts = [one.prompt_id for one in paired]
    return round(paired_p_value(before, after, prompts), 6)


def paired_scores(group: str, before: Scores, after: Scores) -> list[PairedScore]:
    """The pairs of a group, or of one of its splits, that both judges decide.

    Raises ValueError if the scores are not of the same pairs.
    """
    old = {outcome.pair_id: outcome.accuracy for outcome in before.outcomes}
    new = {outcome.pair_id for outcome in after.outcomes}
    if old.keys() != new:
        raise ValueError(
            f"{after.benchmark}: scores of iteration {after.iteration} "
            f"({after.filter}) must be of the same pairs as those of iteration "
            f"{before.iteration} ({before.filter}); got {len(new)} and {len(old)} "
            f"pairs, {len(old.keys() & new)} in common"
        )
    return [
        PairedScore(was, outcome.accuracy, outcome.prompt_id)
        for outcome in after.outcomes
        if is_in_group(outcome, group)
        and (was := old[outcome.pair_id]) is not None
        and outcome.accuracy is not None
    ]


def is_in_group(outcome: PairOutcome, group: str) -> bool:
    """Whether a pair counts for a group, or for one of its splits."""
    return group in (OVERALL, outcome.group, outcome.split)


def find_twins(judges: Mapping[str, str]) -> dict[str, str]:
    """The filters whose judge is another's, and whose; the first is nobody's twin.

    ``judges`` are the fingerprints of the judges by filter, in their order.
    """
    first: dict[str, str] = {}
    for name, fingerprint in judges.items():
        first.setdefault(fingerprint, name)
    return {
        name: first[fingerprint]
        for name, fingerprint in judges.items()
        if first[fingerprint] != name
    }


def filter_tests(
    scores: Sequence[Scores], twins: Mapping[str, str]
) -> list[FilterTest]:
    """Whether the filters of one iteration differ, each two of them by group.

    A twin is no filter more, and would only raise every corrected value.  A group of
    which two filters decide no pair together is left out, and all where pairs weigh
    by their judgments.
    """
    own = [
        score
        for score in scores
        if score.filter not in twins and not counts_judgments(score)
    ]
    tests = [
        compare_two(group, one, other, paired)
        for one, other in combinations(own, 2)
        for group in (row.group for row in one.rows if row.group != MACRO)
        if (paired := paired_scores(group, one, other))
    ]
    return adjust(tests) if tests else []


def compare_two(
    group: str, one: Scores, other: Scores, paired: Sequence[PairedScore]
) -> FilterTest:
    """The test of two filters on paired scores, its p-value not corrected yet."""
    changes = [pair.after - pair.before for pair in paired]
    prompts = [pair.prompt_id for pair in paired]
    seed = seed_for(0, "difference", one.benchmark)
    low, high = mean_interval([Sample(changes, prompts)], seed, OF_CHANGES)
    found = p_value(paired)
    return FilterTest(
        group=group,
        filter=one.filter,
        other=other.filter,
        num_pairs=len(changes),
        num_better=sum(change > 0 for change in changes),
        num_worse=sum(change < 0 for change in changes),
        difference=round(sum(changes) / len(changes), 6),
        low=round(low, 6),
        high=round(high, 6),
        p_value=found,
        p_value_holm=found,
    )


def adjust(tests: Sequence[FilterTest]) -> list[FilterTest]:
    """The tests with Holm's correction over all of a group."""
    # Here, not above: most comparisons test no filters, and its import takes a second.
    from statsmodels.stats.multitest import multipletests

    adjusted = list(tests)
    for group in {test.group for test in tests}:
        places = [at for at, test in enumerate(tests) if test.group == group]
        values = multipletests([tests[at].p_value for at in places], method="holm")[1]
        for at, value in zip(places, values, strict=True):
            adjusted[at] = msgspec.structs.replace(
                tests[at], p_value_holm=round(float(value), 6)
            )
    return adjusted
