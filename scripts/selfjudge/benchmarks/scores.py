"""Outcomes of pairs to rows of scores: groups, averages, intervals."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from selfjudge.benchmarks.collections import Collection
from selfjudge.benchmarks.manifests import Manifest
from selfjudge.benchmarks.protocols import Protocol, ProtocolName
from selfjudge.benchmarks.statistics import (
    cluster_interval,
    macro_interval,
    wilson_interval,
)
from selfjudge.benchmarks.votes import OVERALL, BaselineName, PairOutcome
from selfjudge.ground.records import BenchmarkFormat, Record
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.shares import round_share, share_of

MACRO = "macro"


class ScoreRow(Record, frozen=True, kw_only=True):
    """One judge on one group of a benchmark; shares of 0 to 1.

    ``accuracy`` is over the ``num_decided`` pairs that the protocol does not
    leave undecided, and None if there are none.  ``coverage`` is the share of
    judgments that were parsed, and ``first_rate`` the share of these that prefer
    the response that stands first; None if none was.  ``low`` and ``high`` are
    Wilson's interval of 95 %, on `macro` the bootstrap's over prompts;
    ``cluster_low`` and ``cluster_high`` the bootstrap's over prompts, None where no
    prompt repeats.
    ``agreement_rate`` is None where no pair was judged in both orders.  P-values
    are None where there is nothing to compare with, and on `macro`, which is no
    sample of pairs.
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
    cluster_low: float | None
    cluster_high: float | None
    agreement_rate: float | None
    first_rate: float | None
    p_value_base: float | None = None
    p_value_previous: float | None = None


class BaselineRow(Record, frozen=True, kw_only=True):
    """What a judge without eyes scores on the same judgments of a group."""

    baseline: BaselineName
    group: str
    num_pairs: int
    accuracy: float | None


class Release(Record, frozen=True, kw_only=True):
    """Which rows were scored; ``name`` is None if the release is not a known one."""

    format: BenchmarkFormat
    name: str | None
    source_sha256: str
    revision: str | None
    num_rows: int
    num_pairs: int
    warnings: list[str]


class Scores(Record, frozen=True, kw_only=True):
    """The content of a scores file."""

    benchmark: str
    protocol: ProtocolName
    collection: Collection
    iteration: int
    filter: str
    release: Release
    cannot_imitate: list[str]
    rows: list[ScoreRow]
    baselines: list[BaselineRow]
    outcomes: list[PairOutcome]


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
    rows = [score_row(judge, name, part) for name, part in parts_of(protocol, outcomes)]
    if "macro" in protocol.averages:
        overall = score_row(judge, OVERALL, outcomes)
        rows.append(macro_row(overall, list(group_outcomes(outcomes).values())))
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


def keep_decided(outcomes: Iterable[PairOutcome]) -> list[tuple[float, str]]:
    """The accuracy and the prompt of every pair that is not undecided."""
    return [
        (outcome.accuracy, outcome.prompt_id)
        for outcome in outcomes
        if outcome.accuracy is not None
    ]


def mean(shares: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return sum(shares) / len(shares) if shares else None


def score_row(
    judge: ScoredJudge, group: str, outcomes: Sequence[PairOutcome]
) -> ScoreRow:
    """The row of one group."""
    num_judgments = sum(outcome.num_judgments for outcome in outcomes)
    num_unparsed = sum(outcome.num_unparsed for outcome in outcomes)
    num_first = sum(outcome.num_first for outcome in outcomes)
    num_parsed = num_judgments - num_unparsed
    found = keep_decided(outcomes)
    scores, prompts = [score for score, _ in found], [prompt for _, prompt in found]
    accuracy = mean(scores)
    low = high = cluster_low = cluster_high = None
    if accuracy is not None:
        low, high = wilson_interval(accuracy, len(scores))
        if len(set(prompts)) < len(prompts):
            seed = seed_for(0, "cluster", judge.benchmark)
            cluster_low, cluster_high = cluster_interval(scores, prompts, seed)
    agreement = mean([o.agreement for o in outcomes if o.agreement is not None])
    return ScoreRow(
        benchmark=judge.benchmark,
        group=group,
        iteration=judge.iteration,
        filter=judge.filter,
        num_pairs=len(outcomes),
        num_decided=len(scores),
        num_unparsed=num_unparsed,
        coverage=round(1 - num_unparsed / num_judgments, 6),
        accuracy=round_share(accuracy),
        low=round_share(low),
        high=round_share(high),
        cluster_low=round_share(cluster_low),
        cluster_high=round_share(cluster_high),
        agreement_rate=round_share(agreement),
        first_rate=share_of(num_first, num_parsed),
    )


def macro_row(overall: ScoreRow, groups: Sequence[Sequence[PairOutcome]]) -> ScoreRow:
    """The row of the plain mean over groups; None if a group has nothing decided."""
    found = [keep_decided(group) for group in groups]
    scores = [[score for score, _ in group] for group in found]
    accuracy = low = high = None
    if all(scores):
        accuracy = macro_accuracy(groups)
        prompts = [[prompt for _, prompt in group] for group in found]
        # Seeded by the benchmark alone: every judge's interval uses the same draws.
        seed = seed_for(0, "macro", overall.benchmark)
        low, high = macro_interval(scores, seed, prompts)
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
        cluster_low=None,
        cluster_high=None,
        agreement_rate=round_share(mean([a for a in agreements if a is not None])),
    )


def macro_accuracy(groups: Iterable[Sequence[PairOutcome]]) -> float | None:
    """The plain mean of the accuracies of groups; None if one has none."""
    means = [mean([score for score, _ in keep_decided(group)]) for group in groups]
    known = [value for value in means if value is not None]
    return mean(known) if len(known) == len(means) else None
