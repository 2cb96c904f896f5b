"""How the judgments of each collection are asked for, as data.

`paired` asks as the loop does, in both orders; `greedy` the same at temperature 0;
`blind` as `paired`, of pairs whose images are grey.  `official` asks as the authors
of a benchmark do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

from selfjudge.ground.records import (
    ORDERS,
    Ask,
    BenchmarkFormat,
    BenchmarkRow,
    Order,
    Pair,
)
from selfjudge.ground.requests import Samples, Sampling
from selfjudge.ground.seeds import seed_for
from selfjudge.judging.asks import ask_both_orders, make_ask

Collection = Literal["paired", "greedy", "blind", "official"]
COLLECTIONS: tuple[Collection, ...] = get_args(Collection)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialAsking:
    """How the `official` collection of a benchmark asks for judgments.

    ``template`` is a path below the folder of templates.  ``num_votes`` is None
    where the configuration says how many.
    """

    template: str
    order: Literal["random", "release"]
    num_votes: int | None
    sampling: Sampling


# VL-RewardBench: inference_hf.py at 9b10abd, lines 19 and 45-49.  Multimodal
# RewardBench: 1_run_model_as_judge_gpt4o.py at b4b92cd, lines 40-75.
OFFICIAL: dict[BenchmarkFormat, OfficialAsking] = {
    "vl_rewardbench": OfficialAsking(
        template="official/vl_rewardbench.txt",
        order="random",
        num_votes=None,
        sampling=Sampling(max_tokens=2048, temperature=0.2, top_p=0.2),
    ),
    "multimodal_rewardbench": OfficialAsking(
        template="official/multimodal_rewardbench.txt",
        order="release",
        num_votes=1,
        sampling=Sampling(max_tokens=1024, temperature=1.0),
    ),
}


def samples_of(collection: Collection, settings: Samples) -> Samples:
    """How many judgments of a pair and order a collection draws, and how."""
    if collection != "greedy":
        return settings
    greedy = msgspec.structs.replace(
        settings.sampling, temperature=0.0, top_k=0, top_p=1.0
    )
    return Samples(num_samples=1, sampling=greedy)


def ask_officially(
    pairs: Iterable[Pair],
    rows: Iterable[BenchmarkRow],
    spec: OfficialAsking,
    num_votes: int,
    seed: int,
) -> Iterator[Ask]:
    """Asks for every vote on every pair as the benchmark's authors ask.

    ``num_votes`` holds where the authors do not fix it.  Raises ValueError where a
    pair has no row.
    """
    known = {row.pair_id: row for row in rows}
    template = spec.template.rpartition("/")[2]
    votes = spec.num_votes or num_votes
    for pair in pairs:
        if pair.id not in known:
            raise ValueError(
                f"rows: every pair must have one (got none of {pair.id}). "
                "Hint: pairs and rows may be of different releases."
            )
        orders = orders_to_ask(known[pair.id], spec.order, votes, seed)
        for sample, order in enumerate(orders):
            yield make_ask(pair.id, order, sample, template, spec.sampling, seed)


def ask_collection(
    collection: Collection,
    pairs: Iterable[Pair],
    rows: Iterable[BenchmarkRow],
    release: BenchmarkFormat,
    settings: Samples,
    num_votes: int,
    seed: int,
) -> Iterator[Ask]:
    """The asks of one collection about a benchmark's pairs, in pair order."""
    if collection == "official":
        return ask_officially(pairs, rows, OFFICIAL[release], num_votes, seed)
    drawn = samples_of(collection, settings)
    return ask_both_orders(pairs, drawn.num_samples, drawn.sampling, seed)


def release_order(row: BenchmarkRow) -> Order:
    """The order in which the release holds the two responses."""
    return "chosen_first" if row.chosen_first else "rejected_first"


def orders_to_ask(
    row: BenchmarkRow, order: Literal["random", "release"], num_votes: int, seed: int
) -> list[Order]:
    """The order of every vote on a pair in the `official` collection.

    A random order follows from the seed of the run, the pair and the vote, so
    that the release's order, which leaks the label, has no part in it.
    """
    if order == "release":
        return [release_order(row)] * num_votes
    return [
        ORDERS[seed_for(seed, "order", row.pair_id, sample) % 2]
        for sample in range(num_votes)
    ]
