"""How the judgments of the `official` collection are asked for, as data.

Apart from `protocols`: how judgments are scored must not make them stale.
"""

from dataclasses import dataclass
from typing import Literal

from selfjudge.records import ORDERS, BenchmarkFormat, BenchmarkRow, Order, Sampling
from selfjudge.seeds import seed_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the `official` collection of a benchmark asks for judgments.

    ``num_votes`` is None where the configuration says how many.
    """

    template: str
    order: Literal["random", "release"]
    num_votes: int | None
    sampling: Sampling


# VL-RewardBench: inference_hf.py at 9b10abd, lines 19 and 45-49.  Multimodal
# RewardBench: 1_run_model_as_judge_gpt4o.py at b4b92cd, lines 40-75.
OFFICIAL: dict[BenchmarkFormat, Asking] = {
    "vl_rewardbench": Asking(
        template="official/vl_rewardbench.txt",
        order="random",
        num_votes=None,
        sampling=Sampling(max_tokens=2048, temperature=0.2, top_p=0.2),
    ),
    "multimodal_rewardbench": Asking(
        template="official/multimodal_rewardbench.txt",
        order="release",
        num_votes=1,
        sampling=Sampling(max_tokens=1024, temperature=1.0),
    ),
}


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
