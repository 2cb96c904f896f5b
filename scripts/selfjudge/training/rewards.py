"""What a rollout is worth: a right verdict as much as the other order is right too.

Paid for each order alone, a judge that always says "A" would have half of the reward,
and one that says "A" more often than it should would rarely be told so.
"""

from collections import defaultdict
from collections.abc import Sequence

from selfjudge.ground.records import Order
from selfjudge.judging.verdicts import read_stated


def reward_rollouts(
    pair_ids: Sequence[str],
    orders: Sequence[Order],
    texts: Sequence[str | None],
    parsed_reward: float,
) -> list[float]:
    """The reward of each rollout, 0 to 1, in the order given.

    A right verdict earns ``parsed_reward``, and of what is left to 1 the share of the
    pair's rollouts in the other order that are right: the mean of standing with each of
    them, both right or nothing, in place of one draw.  Any other verdict earns
    ``parsed_reward``; a text that states none, or is None (cut off before its end),
    earns 0.  Length is worth nothing.  Raises ValueError where a pair has rollouts in
    one order alone.
    """
    preferences = [
        None if text is None else read_stated(text, order)
        for text, order in zip(texts, orders, strict=True)
    ]
    found: dict[str, dict[Order, list[bool]]] = defaultdict(dict)
    for pair_id, order, one in zip(pair_ids, orders, preferences, strict=True):
        found[pair_id].setdefault(order, []).append(bool(one))
    for pair_id, by_order in found.items():
        if len(by_order) < 2:
            (only,) = by_order
            raise ValueError(f"pair {pair_id}: must have both orders (got {only})")
    rewards = []
    for pair_id, order, one in zip(pair_ids, orders, preferences, strict=True):
        (other,) = (rest for name, rest in found[pair_id].items() if name != order)
        share = sum(other) / len(other) if one else 0.0
        least = 0.0 if one is None else parsed_reward
        rewards.append(least + (1 - least) * share)
    return rewards
