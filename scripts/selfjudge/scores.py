"""Judgments of a benchmark to scores, and scores of several judges side by side.

The `selfjudge` protocol: every pair is judged in both orders; a pair's score is
the share of its judgments that prefer the chosen response; an unparsed judgment
counts as wrong, and the coverage says how many there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from selfjudge.filtering import join_judgments
from selfjudge.records import Judgment, Pair, Record
from selfjudge.seeds import seed_for
from selfjudge.statistics import macro_interval, paired_p_value, wilson_interval
from selfjudge.verdicts import parse_verdict, prefers_chosen

PROTOCOL = "selfjudge"
OVERALL, MACRO = "overall", "macro"


class PairOutcome(Record, frozen=True, kw_only=True):
    """What the judgments of one pair came to.

    ``accuracy`` is the share that prefers the chosen response; ``agreement`` the
    share of samples that prefer the same response in both orders.
    """

    pair_id: str
    prompt_id: str
    group: str
    num_judgments: int
    num_unparsed: int
    accuracy: float
    agreement: float


class ScoreRow(Record, frozen=True, kw_only=True):
    """One judge on one group of a benchmark; p-values are None where there is
    nothing to compare with, and on `macro`, which is no sample of pairs.
    """

    benchmark: str
    group: str
    iteration: int
    filter: str
    num_pairs: int
    num_unparsed: int
    coverage: float
    accuracy: float
    low: float
    high: float
    agreement_rate: float
    p_value_base: float | None = None
    p_value_previous: float | None = None


class Scores(Record, frozen=True, kw_only=True):
    """The content of a `scores.json`."""

    benchmark: str
    protocol: str
    iteration: int
    filter: str
    rows: list[ScoreRow]
    outcomes: list[PairOutcome]


def score_pair(pair: Pair, judgments: Sequence[Judgment]) -> PairOutcome:
    """The outcome of one pair.

    Raises ValueError if it was not judged equally often in both orders.
    """
    preferences: dict[tuple[str, int], bool | None] = {}
    for judgment in judgments:
        key = (judgment.order, judgment.sample)
        if key in preferences:
            raise ValueError(f"pair {pair.id}: judged twice as {key}")
        verdict = parse_verdict(judgment.text)
        preferences[key] = prefers_chosen(verdict, judgment.order)
    samples = {sample for _, sample in preferences}
    if not samples or len(preferences) != 2 * len(samples):
        raise ValueError(
            f"pair {pair.id}: every sample must have both orders "
            f"(got {sorted(preferences)})"
        )
    agreeing = sum(
        preferences["chosen_first", sample] is not None
        and preferences["chosen_first", sample] == preferences["rejected_first", sample]
        for sample in samples
    )
    return PairOutcome(
        pair_id=pair.id,
        prompt_id=pair.prompt_id,
        group=pair.category or OVERALL,
        num_judgments=len(preferences),
        num_unparsed=sum(value is None for value in preferences.values()),
        accuracy=sum(value is True for value in preferences.values())
        / len(preferences),
        agreement=agreeing / len(samples),
    )


def score_benchmark(
    benchmark: str,
    iteration: int,
    filter_name: str,
    pairs: Iterable[Pair],
    judgments: Iterable[Judgment],
) -> Scores:
    """The scores of one judge: a row for each group, overall and macro."""
    outcomes = [score_pair(pair, own) for pair, own in join_judgments(pairs, judgments)]
    if not outcomes:
        raise ValueError(f"{benchmark}: must have at least one pair (got none)")
    groups: dict[str, list[PairOutcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.group, []).append(outcome)
    names = sorted(groups)
    rows = [
        score_row(benchmark, name, iteration, filter_name, groups[name])
        for name in names
    ]
    overall = score_row(benchmark, OVERALL, iteration, filter_name, outcomes)
    rows += [overall, macro_row(overall, [groups[name] for name in names])]
    return Scores(
        benchmark=benchmark,
        protocol=PROTOCOL,
        iteration=iteration,
        filter=filter_name,
        rows=rows,
        outcomes=outcomes,
    )


def score_row(
    benchmark: str,
    group: str,
    iteration: int,
    filter_name: str,
    outcomes: Sequence[PairOutcome],
) -> ScoreRow:
    """The row of one group; rates are rounded to six digits."""
    num_pairs = len(outcomes)
    num_judgments = sum(outcome.num_judgments for outcome in outcomes)
    num_unparsed = sum(outcome.num_unparsed for outcome in outcomes)
    accuracy = sum(outcome.accuracy for outcome in outcomes) / num_pairs
    low, high = wilson_interval(accuracy, num_pairs)
    return ScoreRow(
        benchmark=benchmark,
        group=group,
        iteration=iteration,
        filter=filter_name,
        num_pairs=num_pairs,
        num_unparsed=num_unparsed,
        coverage=round(1 - num_unparsed / num_judgments, 6),
        accuracy=round(accuracy, 6),
        low=round(low, 6),
        high=round(high, 6),
        agreement_rate=round(
            sum(outcome.agreement for outcome in outcomes) / num_pairs, 6
        ),
    )


def macro_row(overall: ScoreRow, groups: Sequence[Sequence[PairOutcome]]) -> ScoreRow:
    """The row of the plain mean over groups, with a bootstrap interval."""
    scores = [[outcome.accuracy for outcome in group] for group in groups]
    accuracy = sum(sum(group) / len(group) for group in scores) / len(scores)
    agreement = [
        sum(outcome.agreement for outcome in group) / len(group) for group in groups
    ]
    # Seeded by the benchmark alone: every judge's interval uses the same draws.
    low, high = macro_interval(scores, seed_for(0, "macro", overall.benchmark))
    return msgspec.structs.replace(
        overall,
        group=MACRO,
        accuracy=round(accuracy, 6),
        low=round(low, 6),
        high=round(high, 6),
        agreement_rate=round(sum(agreement) / len(agreement), 6),
    )


def compare(
    scores: Sequence[Scores], base: Scores, previous: Mapping[str, Scores]
) -> dict[str, Any]:
    """The rows of all judges of one iteration beside the base model's, with tests.

    ``previous`` holds the scores one iteration before, by filter; where a
    filter has none there, its previous judge is the base model.  Raises
    ValueError if two scores are not of the same pairs.
    """
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
    return {
        "benchmark": base.benchmark,
        "protocol": base.protocol,
        "iteration": max([score.iteration for score in scores], default=0),
        "rows": rows,
    }


def p_value_of(group: str, before: Scores, after: Scores) -> float | None:
    """The exact paired p-value of one group between two judges."""
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
    ids = [key for key, o in old.items() if group in (OVERALL, o.group)]
    value = paired_p_value(
        [old[key].accuracy for key in ids], [new[key].accuracy for key in ids]
    )
    return round(value, 6)
