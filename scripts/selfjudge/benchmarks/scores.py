"""Outcomes of pairs to rows of scores: groups, averages, intervals."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from selfjudge.benchmarks.collections import Collection
from selfjudge.benchmarks.manifests import Manifest
from selfjudge.benchmarks.protocols import Protocol
from selfjudge.benchmarks.statistics import Sample, mean_interval
from selfjudge.benchmarks.votes import OVERALL, BaselineName, PairOutcome
from selfjudge.ground.records import Record
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.shares import round_share, share_of

MACRO = "macro"


class ScoreRow(Record, frozen=True, kw_only=True):
    """One judge on one group of a benchmark; shares of 0 to 1.

    ``accuracy`` is over the ``num_decided`` pairs that the protocol does not
    leave undecided, and None if there are none; each weighs as many judgments as it
    has with a verdict, where the protocol counts judgments.  ``coverage`` is the share
    of judgments that were parsed, and ``first_rate`` the share of these that prefer
    the response that stands first; None if none was.  ``low`` and ``high`` are
    the bootstrap's interval of 95 % over prompts.
    ``agreement_rate`` is None where no pair was judged in both orders.  P-values
    are None where there is nothing to compare with, where pairs weigh by their
    judgments, and on `macro`, which is no sample of pairs.
    """

    benchmark: str
    group: str
    iteration: int
    filter: str
    num_pairs: int
    num_decided: int
    num_unparsed: int
    coverage: float
    accuracy: float | None
    low: float | None
    high: float | None
    agreement_rate: float | None
    first_rate: float | None
    p_value_base: float | None = None
    p_value_previous: float | None = None


class BaselineRow(Record, frozen=True, kw_only=True):
    """What a judge without eyes scores on the same judgments of a group.

    `ignores_criterion` has eyes, and the labels: the most that a judge can score who
    gives all criteria of a prompt the same verdict.
    """

    baseline: BaselineName
    group: str
    num_pairs: int
    accuracy: float | None


class Release(Record, frozen=True, kw_only=True):
    """Which rows were scored; ``name`` is None if the release is not a known one."""

    format: str
    name: str | None
    source_sha256: str
    revision: str | None
    num_rows: int
    num_pairs: int
    warnings: list[str]


class Scores(Record, frozen=True, kw_only=True):
    """The content of a scores file."""

    benchmark: str
    protocol: str
    collection: Collection
    iteration: int
    filter: str
    release: Release
    cannot_imitate: list[str]
    rows: list[ScoreRow]
    baselines: list[BaselineRow]
    outcomes: list[PairOutcome]


class Decided(NamedTuple):
    """What one pair scores that is not undecided, its prompt, and what it weighs."""

    accuracy: float
    prompt_id: str
    weight: int


class ScoredJudge(NamedTuple):
    """Which judge is scored on which benchmark."""

    benchmark: str
    iteration: int
    filter: str


def release_of(manifest: Manifest) -> Release:
    """What scores say of the release that they are on."""
    return Release(
        format=manifest.format,
        name=manifest.release,
        source_sha256=manifest.source_sha256,
        revision=manifest.revision,
        num_rows=manifest.num_rows,
        num_pairs=manifest.num_pairs,
        warnings=manifest.warnings,
    )


def score_rows(
    judge: ScoredJudge, protocol: Protocol, outcomes: Sequence[PairOutcome]
) -> list[ScoreRow]:
    """A row for each group, its parts if it has any, and each average."""
    rows = [
        score_row(judge, name, part, protocol.counts_judgments)
        for name, part in parts_of(protocol, outcomes)
    ]
    if "macro" in protocol.averages:
        overall = score_row(judge, OVERALL, outcomes)
        groups = list(group_outcomes(outcomes).values())
        rows.append(macro_row(overall, groups, protocol.macro_digits))
    return rows


def parts_of(
    protocol: Protocol, outcomes: Sequence[PairOutcome]
) -> list[tuple[str, Sequence[PairOutcome]]]:
    """What the protocol gives a row to: groups, their splits, and all pairs."""
    parts: list[tuple[str, Sequence[PairOutcome]]] = []
    for name, group in group_outcomes(outcomes).items():
        parts.append((name, group))
        for split in sorted({outcome.split for outcome in group} - {name}):
            parts.append((split, [o for o in group if o.split == split]))
    if "overall" in protocol.averages:
        parts.append((OVERALL, outcomes))
    return parts


def group_outcomes(outcomes: Iterable[PairOutcome]) -> dict[str, list[PairOutcome]]:
    """The outcomes by group; groups by name."""
    groups: dict[str, list[PairOutcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.group, []).append(outcome)
    return dict(sorted(groups.items()))


def keep_decided(
    outcomes: Iterable[PairOutcome], by_judgment: bool = False
) -> list[Decided]:
    """The pairs that are not undecided; they weigh alike, or by their judgments."""
    return [
        Decided(
            outcome.accuracy,
            outcome.prompt_id,
            outcome.num_judgments - outcome.num_unparsed if by_judgment else 1,
        )
        for outcome in outcomes
        if outcome.accuracy is not None
    ]


def mean(shares: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return sum(shares) / len(shares) if shares else None


def mean_accuracy(found: Sequence[Decided]) -> float | None:
    """The mean accuracy by weight, or None of nothing."""
    total = sum(one.weight for one in found)
    return sum(one.accuracy * one.weight for one in found) / total if total else None


def score_row(
    judge: ScoredJudge,
    group: str,
    outcomes: Sequence[PairOutcome],
    by_judgment: bool = False,
) -> ScoreRow:
    """The row of one group; ``by_judgment`` if pairs weigh by their judgments."""
    num_judgments = sum(outcome.num_judgments for outcome in outcomes)
    num_unparsed = sum(outcome.num_unparsed for outcome in outcomes)
    num_first = sum(outcome.num_first for outcome in outcomes)
    num_parsed = num_judgments - num_unparsed
    found = keep_decided(outcomes, by_judgment)
    intervals = find_intervals(judge.benchmark, found)
    agreement = mean([o.agreement for o in outcomes if o.agreement is not None])
    return ScoreRow(
        benchmark=judge.benchmark,
        group=group,
        iteration=judge.iteration,
        filter=judge.filter,
        num_pairs=len(outcomes),
        num_decided=len(found),
        num_unparsed=num_unparsed,
        coverage=round(1 - num_unparsed / num_judgments, 6),
        **intervals,
        agreement_rate=round_share(agreement),
        first_rate=share_of(num_first, num_parsed),
    )


def find_intervals(benchmark: str, found: Sequence[Decided]) -> dict[str, float | None]:
    """The fields of a row that say an accuracy and its intervals."""
    accuracy = mean_accuracy(found)
    low = high = None
    if accuracy is not None:
        low, high = mean_interval([sample_of(found)], interval_seed(benchmark))
    return {
        "accuracy": round_share(accuracy),
        "low": round_share(low),
        "high": round_share(high),
    }


def sample_of(found: Sequence[Decided]) -> Sample:
    """What an interval is drawn from."""
    return Sample(*zip(*found, strict=True))


def interval_seed(benchmark: str) -> int:
    """A seed by the benchmark alone: every judge's interval uses the same draws."""
    return seed_for(0, "interval", benchmark)


def macro_row(
    overall: ScoreRow,
    groups: Sequence[Sequence[PairOutcome]],
    digits: int | None = None,
) -> ScoreRow:
    """The row of the plain mean over groups; None if a group has nothing decided."""
    found = [keep_decided(group) for group in groups]
    accuracy = low = high = None
    if all(found):
        accuracy = macro_accuracy(groups, digits)
        samples = [sample_of(group) for group in found]
        low, high = mean_interval(samples, interval_seed(overall.benchmark))
    agreements = [
        mean([o.agreement for o in group if o.agreement is not None])
        for group in groups
    ]
    return msgspec.structs.replace(
        overall,
        group=MACRO,
        accuracy=round_share(accuracy),
        low=round_share(low),
        high=round_share(high),
        agreement_rate=round_share(mean([a for a in agreements if a is not None])),
    )


def macro_accuracy(
    groups: Iterable[Sequence[PairOutcome]], digits: int | None = None
) -> float | None:
    """The plain mean of the accuracies of groups; None if one has none.

    With ``digits`` each is rounded to so many before.
    """
    means = [mean_accuracy(keep_decided(group)) for group in groups]
    known = [
        value if digits is None else round(value, digits)
        for value in means
        if value is not None
    ]
    return mean(known) if len(known) == len(means) else None
