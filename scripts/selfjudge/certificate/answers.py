"""What a judge answered about the pairs of each variant, read from its judgments."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from selfjudge.benchmarks.protocols import SELFJUDGE
from selfjudge.benchmarks.votes import cast_votes, check_both_orders
from selfjudge.certificate.variants import VARIANTS, VariantName
from selfjudge.ground.lines import read_records
from selfjudge.ground.records import ORDERS, Judgment, Order, Pair
from selfjudge.judging.probabilities import Weighed


class Answered(NamedTuple):
    """A pair of a variant, and whether each order prefers chosen; None is unparsed."""

    pair: Pair
    preferences: dict[Order, bool | None]

    @property
    def accuracy(self) -> float:
        """The share of both orders that prefer chosen; an unparsed one is wrong."""
        return sum(self.preferences[order] is True for order in ORDERS) / len(ORDERS)

    @property
    def coverage(self) -> float:
        """The share of both orders with a verdict."""
        return sum(self.preferences[order] is not None for order in ORDERS) / len(
            ORDERS
        )

    @property
    def agreed(self) -> bool | None:
        """What both orders prefer, chosen or not; None if they do not agree."""
        first, second = (self.preferences[order] for order in ORDERS)
        return first if first == second else None


# The answered pairs of each variant, by pair id and in prompt order.
Answers = Mapping[VariantName, Mapping[str, Answered]]


def read_answers(pairs: Path, judged: Path, shards: Iterable[str]) -> Answers:
    """The answers to all variants: ``pairs`` has a file of each, ``judged`` a folder.

    Raises ValueError where a pair was not judged once in each order.
    """
    return {
        name: read_variant(pairs / f"{name}.jsonl", judged / name, shards)
        for name in VARIANTS
    }


def read_variant(
    pairs: Path, judged: Path, shards: Iterable[str]
) -> dict[str, Answered]:
    """The answers to one variant."""
    judgments: dict[str, list[Judgment]] = {}
    for shard in shards:
        for judgment in read_records(judged / f"{shard}.jsonl", Judgment):
            judgments.setdefault(judgment.pair_id, []).append(judgment)
    answers = {}
    for pair in read_records(pairs, Pair):
        votes = cast_votes(judgments.get(pair.id, []), SELFJUDGE)
        check_both_orders(pair, votes)
        answers[pair.id] = Answered(pair, {v.order: v.preference for v in votes})
    return answers


def read_weighed(
    folder: Path, shards: Iterable[str]
) -> dict[str, dict[Order, tuple[float, float]]]:
    """How a judge weighs both verdicts on each pair in each order, by pair id."""
    found: dict[str, dict[Order, tuple[float, float]]] = {}
    for shard in shards:
        for one in read_records(folder / f"{shard}.jsonl", Weighed):
            found.setdefault(one.pair_id, {})[one.order] = one.logprobs
    return found
