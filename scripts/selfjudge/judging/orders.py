"""In which order a cascade judges a pair first, and which pairs keep both orders.

Apart from `cascade`: a better parser must make no judgment stale.
"""

from typing import Literal

from selfjudge.ground.records import ORDERS, Order
from selfjudge.ground.seeds import seed_for

Turn = Literal["first", "second"]
TURNS: tuple[Turn, ...] = ("first", "second")


def order_at(turn: Turn, pair_id: str, seed: int) -> Order:
    """The order in which a pair is judged first, or second, in a cascade.

    Drawn by the seed of the run and the pair alone, so that over many pairs the
    chosen response stands first as often as second.
    """
    draw = seed_for(seed, "first order", pair_id)
    return ORDERS[(draw + TURNS.index(turn)) % 2]


def keeps_both_orders(pair_id: str, rate: float, seed: int) -> bool:
    """Whether a cascade judges a pair in both orders whatever the first verdict.

    ``rate`` is the share of all pairs, 0 to 1.  No verdict has a part in the draw:
    what is measured on these pairs is measured on a random sample of all.
    """
    return seed_for(seed, "both orders", pair_id) < rate * 2**63
