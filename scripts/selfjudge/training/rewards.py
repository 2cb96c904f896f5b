"""What a rollout is worth: a verdict counts only if both orders of its pair are right.

Paid for each order alone, a judge that always says "A" would have half of the reward,
and one that says "A" more often than it should would rarely be told so.
"""

from collections import defaultdict
from collections.abc import Sequence

from selfjudge.ground.records import ORDERS, Order
from selfjudge.judging.verdicts import read_stated


def reward_rollouts(
    pair_ids: Sequence[str],
    orders: Sequence[Order],
    texts: Sequence[str | None],
    parsed_reward: float,
) -> list[float]:
    """The reward of each rollout, 0 to 1, in the order given.

    The first rollout of a pair in one order stands with the first in the other, the
    second with the second, and so on: 1 for both if both verdicts are right; else
    ``parsed_reward`` for one that states a verdict, and 0 for one that does not, or
    whose text is None: cut off before its end.  Length is worth nothing.
    Both orders of a pair must have as many rollouts.
    """
    preferences = [
        None if text is None else read_stated(text, order)
        for text, order in zip(texts, orders, strict=True)
    ]
    rewards = [parsed_reward if one is not None else 0.0 for one in preferences]
    places: dict[str, dict[Order, list[int]]] = defaultdict(
        lambda: {order: [] for order in ORDERS}
    )
    for place, (pair_id, order) in enumerate(zip(pair_ids, orders, strict=True)):
        places[pair_id][order].append(place)
    for by_order in places.values():
        for one, other in zip(*by_order.values(), strict=True):
            if preferences[one] and preferences[other]:
                rewards[one] = rewards[other] = 1.0
    return rewards
