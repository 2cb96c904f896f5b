"""Pairs side by side with what was judged of them; one pass, in the order of pairs."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

import msgspec

from selfjudge.ground.records import Judgment, Pair
from selfjudge.judging.acceptance import Outcome


def join_judgments(
    pairs: Iterable[Pair], judgments: Iterable[Judgment]
) -> Iterator[tuple[Pair, list[Judgment]]]:
    """Each pair with its judgments; judgments come in the order of the pairs.

    Raises ValueError on a pair without judgments, on judgments of unknown pairs
    or out of order.
    """
    judgments = iter(judgments)
    waiting = next(judgments, None)
    for pair in pairs:
        own: list[Judgment] = []
        while waiting is not None and waiting.pair_id == pair.id:
            own.append(waiting)
            waiting = next(judgments, None)
        if not own:
            raise ValueError(
                f"judgments: the next 'pair_id' must be {pair.id!r}, in the order of "
                f"the pairs (got {waiting.pair_id if waiting else None!r}). "
                "Hint: a shard may be missing, or the files are not of one run."
            )
        yield pair, own
    if waiting is not None:
        raise ValueError(
            "judgments: 'pair_id' must be a pair of the pairs file, in its order "
            f"(got {waiting.pair_id!r})"
        )


class AcceptedHead(msgspec.Struct, frozen=True):
    """Which judgment of which pair was accepted."""

    pair_id: str
    judgment_id: str


class DroppedHead(msgspec.Struct, frozen=True):
    """Which judgment of which pair was dropped, and why."""

    id: str
    pair_id: str
    reason: Outcome


def join_outcomes(
    pairs: Iterable[Pair],
    accepted: Iterable[AcceptedHead],
    dropped: Iterable[DroppedHead],
) -> Iterator[tuple[Pair, dict[str, Outcome]]]:
    """Each pair with what became of its judgments, by their ids; all in pair order.

    Raises ValueError where a pair has neither accepted nor dropped judgments, and
    where some are of no pair.
    """
    accepted_groups = groupby(accepted, key=attrgetter("pair_id"))
    dropped_groups = groupby(dropped, key=attrgetter("pair_id"))
    next_accepted = next(accepted_groups, None)
    next_dropped = next(dropped_groups, None)
    hint = "Hint: the files are not of one run."
    for pair in pairs:
        outcomes: dict[str, Outcome] = {}
        if next_accepted and next_accepted[0] == pair.id:
            outcomes.update((head.judgment_id, "accepted") for head in next_accepted[1])
            next_accepted = next(accepted_groups, None)
        if next_dropped and next_dropped[0] == pair.id:
            outcomes.update((head.id, head.reason) for head in next_dropped[1])
            next_dropped = next(dropped_groups, None)
        if not outcomes:
            raise ValueError(
                f"pair {pair.id}: must have an accepted or a dropped judgment, in the "
                f"order of the pairs (got none). {hint}"
            )
        yield pair, outcomes
    if next_accepted or next_dropped:
        raise ValueError(
            "accepted and dropped judgments must be of the pairs, in their order (got "
            f"others). {hint}"
        )
