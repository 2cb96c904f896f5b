"""Judgments of a benchmark to the scores of one judge, under a protocol."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from selfjudge.benchmarks.criteria import (
    criteria_rows,
    decided_by_criteria,
    most_preferred,
)
from selfjudge.benchmarks.protocols import Protocol
from selfjudge.benchmarks.scores import (
    MACRO,
    BaselineRow,
    Release,
    ScoredJudge,
    Scores,
    group_outcomes,
    keep_decided,
    macro_accuracy,
    mean_accuracy,
    parts_of,
    score_rows,
)
from selfjudge.benchmarks.votes import (
    BaselineName,
    PairOutcome,
    Vote,
    always_first,
    cast_votes,
    longer_response,
    new_coin,
    select_votes,
    settle,
)
from selfjudge.ground.records import BenchmarkRow, Judgment, Pair
from selfjudge.ground.requests import SIMULATED_MARK
from selfjudge.ground.shares import round_share


def score_benchmark(
    judge: ScoredJudge,
    protocol: Protocol,
    release: Release,
    pairs: Iterable[Pair],
    rows: Iterable[BenchmarkRow],
    judgments: Iterable[Judgment],
) -> Scores:
    """The scores of one judge under a protocol.

    Raises ValueError if the judgments are not of these pairs, or not all that
    the protocol asks for.
    """
    known = {pair.id: pair for pair in pairs}
    ordered = {row.pair_id: row for row in rows}
    check_pairs(judge, known, ordered, release)
    judgments = list(judgments)
    release = warn_of_simulation(release, judgments)
    votes = collect_votes(judge, protocol, known, ordered, judgments)
    outcomes = settle_all(protocol, known, ordered, votes)
    return Scores(
        benchmark=judge.benchmark,
        protocol=protocol.name,
        collection=protocol.collection,
        iteration=judge.iteration,
        filter=judge.filter,
        release=release,
        cannot_imitate=list(protocol.cannot),
        rows=score_rows(judge, protocol, outcomes)
        + criteria_rows(judge, known, outcomes),
        baselines=baseline_rows(protocol, known, ordered, votes),
        outcomes=outcomes,
    )


def check_pairs(
    judge: ScoredJudge,
    pairs: dict[str, Pair],
    rows: dict[str, BenchmarkRow],
    release: Release,
) -> None:
    """Check that pairs, rows and manifest come from one preparation."""
    if not pairs:
        raise ValueError(f"{judge.benchmark}: must have at least one pair (got none)")
    if pairs.keys() != rows.keys() or len(pairs) != release.num_pairs:
        raise ValueError(
            f"{judge.benchmark}: pairs, rows and manifest must be of one release (got "
            f"{len(pairs)} pairs, {len(pairs.keys() & rows.keys())} of them among "
            f"{len(rows)} rows, and {release.num_pairs} in the manifest)"
        )


def warn_of_simulation(release: Release, judgments: Sequence[Judgment]) -> Release:
    """The release with a warning if judgments were written by no model."""
    marked = sum(judgment.text.startswith(SIMULATED_MARK) for judgment in judgments)
    if not marked:
        return release
    warning = (
        f"simulated: {marked} of {len(judgments)} judgments were drawn by seed, by no "
        "model; these scores mean nothing."
    )
    return msgspec.structs.replace(release, warnings=[*release.warnings, warning])


def collect_votes(
    judge: ScoredJudge,
    protocol: Protocol,
    pairs: dict[str, Pair],
    rows: dict[str, BenchmarkRow],
    judgments: Iterable[Judgment],
) -> dict[str, list[Vote]]:
    """The votes that count of every pair, in the order of the release."""
    own: dict[str, list[Judgment]] = {}
    for judgment in judgments:
        own.setdefault(judgment.pair_id, []).append(judgment)
    if others := own.keys() - pairs.keys():
        raise ValueError(
            f"{judge.benchmark}: judgments: 'pair_id' must be a pair of the pairs file "
            f"({len(others)} of {len(own)} judged pairs are not, such as "
            f"{min(others)!r}). Hint: they may be of another revision of the release: "
            "judge this one."
        )
    votes = {}
    for row in sorted(rows.values(), key=lambda row: row.row):
        pair = pairs[row.pair_id]
        cast = cast_votes(own.get(pair.id, []), protocol)
        votes[pair.id] = select_votes(pair, row, cast, protocol)
    numbers = sorted({len(cast) for cast in votes.values()})
    if len(numbers) > 1:
        raise ValueError(
            f"{judge.benchmark}: every pair must have as many judgments (got from "
            f"{numbers[0]} to {numbers[-1]})"
        )
    return votes


def settle_all(
    protocol: Protocol,
    pairs: dict[str, Pair],
    rows: dict[str, BenchmarkRow],
    votes: dict[str, list[Vote]],
) -> list[PairOutcome]:
    """The outcomes in the order of the pairs; coins fall in that of the release."""
    coin = new_coin()
    outcomes = {
        key: settle(pairs[key], rows[key], cast, protocol, coin)
        for key, cast in votes.items()
    }
    return [outcomes[key] for key in pairs]


def baseline_rows(
    protocol: Protocol,
    pairs: dict[str, Pair],
    rows: dict[str, BenchmarkRow],
    votes: dict[str, list[Vote]],
) -> list[BaselineRow]:
    """What judges without eyes score under the protocol on the very same orders."""

    def outcomes_of(cast_by: Callable[[Pair, Vote], Vote]) -> list[PairOutcome]:
        """The outcomes of a judge that votes so in place of every vote."""
        cast = {
            key: [cast_by(pairs[key], vote) for vote in own]
            for key, own in votes.items()
        }
        return settle_all(protocol, pairs, rows, cast)

    by_first = outcomes_of(lambda pair, vote: always_first(vote))
    told = [
        # A coin is right half of the time under every protocol.
        *blind_rows("coin", protocol, pairs, by_first, 0.5),
        *blind_rows("always_first", protocol, pairs, by_first),
        *blind_rows("longer_response", protocol, pairs, outcomes_of(longer_response)),
    ]
    preferred = most_preferred(list(pairs.values()))
    if preferred:
        by_most = outcomes_of(
            lambda pair, vote: vote._replace(preference=preferred[pair.id])
        )
        told += blind_rows("ignores_criterion", protocol, pairs, by_most)
    return told


def blind_rows(
    name: BaselineName,
    protocol: Protocol,
    pairs: dict[str, Pair],
    outcomes: list[PairOutcome],
    accuracy: float | None = None,
) -> list[BaselineRow]:
    """A baseline's rows from its outcomes, or with the accuracy that it must have."""
    parts = [
        (
            group,
            len(part),
            mean_accuracy(keep_decided(part, protocol.counts_judgments)),
        )
        for group, part in parts_of(protocol, outcomes)
    ]
    if "macro" in protocol.averages:
        groups = list(group_outcomes(outcomes).values())
        macro = macro_accuracy(groups, protocol.macro_digits)
        parts.append((MACRO, len(outcomes), macro))
    if accuracy is None:
        parts += [
            (group, len(found), mean_accuracy(found))
            for group, found in decided_by_criteria(pairs, outcomes).items()
        ]
    return [
        BaselineRow(
            baseline=name,
            group=group,
            num_pairs=number,
            accuracy=round_share(found if accuracy is None else accuracy),
        )
        for group, number, found in parts
    ]
