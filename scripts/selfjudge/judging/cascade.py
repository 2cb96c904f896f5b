"""Judging the second order only where the first verdict leaves a chance.

A pair counts only if it is right in both orders, so one that is wrong in the
first need not be asked for again.  A random slice of pairs is, so that what is
said of the judge's bias rests on pairs that no verdict has chosen.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from selfjudge.ground.records import ORDERS, Judgment, Pair
from selfjudge.judging.acceptance import check_judgment
from selfjudge.judging.filtering import join_judgments
from selfjudge.judging.orders import keeps_both_orders
from selfjudge.judging.verdicts import read_stated
from selfjudge.pairs.filters import Filter


def select_second_order(
    pairs: Iterable[Pair],
    judgments: Iterable[Judgment],
    spec: Filter,
    both_orders_rate: float,
    seed: int,
) -> Iterator[Pair]:
    """The pairs to be judged in their second order, in the order of the pairs.

    These are the pairs of which a first judgment could be accepted, and the
    random slice, ``both_orders_rate`` of all pairs.  Raises ValueError as
    `join_judgments` does.
    """
    for pair, own in join_judgments(pairs, judgments):
        is_hopeful = any(
            check_judgment(judgment, read_stated(judgment.text, judgment.order), spec)
            == "accepted"
            for judgment in own
        )
        if is_hopeful or keeps_both_orders(pair.id, both_orders_rate, seed):
            yield pair


def merge_orders(
    first: Iterable[Judgment], second: Iterable[Judgment]
) -> Iterator[Judgment]:
    """All judgments of both stages, laid out as if they had been made in one.

    Pairs come in the order of ``first``; of each pair the judgments with chosen
    first come before the others.  Raises ValueError on a second judgment of a
    pair that has no first one, or out of order.
    """
    others = groupby(second, key=lambda judgment: judgment.pair_id)
    waiting, later = next(others, (None, iter(())))
    for pair_id, own in groupby(first, key=lambda judgment: judgment.pair_id):
        group = list(own)
        if pair_id == waiting:
            group += later
            waiting, later = next(others, (None, iter(())))
        yield from sorted(group, key=lambda j: (ORDERS.index(j.order), j.sample))
    if waiting is not None:
        raise ValueError(
            "judgments in the second order: 'pair_id' must be a pair that was judged "
            f"in the first, in its order (got {waiting!r}). Hint: a shard may be "
            "missing, or the files are not of one run."
        )
