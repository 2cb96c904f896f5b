"""The counts of `filter_report.json`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import tee
from typing import Any

from selfjudge.ground.records import ORDERS, Judgment, Kind, Order, Pair
from selfjudge.ground.shares import share_of
from selfjudge.judging.acceptance import OUTCOMES, Outcome, pair_category
from selfjudge.judging.joining import (
    AcceptedHead,
    DroppedHead,
    join_judgments,
    join_outcomes,
)
from selfjudge.judging.verdicts import read_whole


def count_judgments(
    pairs: Iterable[Pair],
    judgments: Iterable[Judgment],
    accepted: Iterable[AcceptedHead],
    dropped: Iterable[DroppedHead],
    size: int | None = None,
) -> dict[str, Any]:
    """The report of a filter, from the files that it wrote, all in pair order.

    ``size`` is the most that it was to accept, None where it is cut to no other.
    Raises ValueError where the files are not of one run, or more was accepted.
    """
    counts = FilterCounts()
    once, again = tee(pairs)
    judged = join_judgments(once, judgments)
    decided = join_outcomes(again, accepted, dropped)
    for (pair, own), (_, outcomes) in zip(judged, decided, strict=True):
        if outcomes.keys() != {judgment.id for judgment in own}:
            raise ValueError(
                f"pair {pair.id}: accepted and dropped must be its {len(own)} "
                f"judgments (got {len(outcomes)}, or others). Hint: the files are not "
                "of one run."
            )
        counts.add(pair, own, [outcomes[judgment.id] for judgment in own])
    num_accepted = counts.outcomes["accepted"]
    if size is not None and num_accepted > size:
        raise ValueError(
            f"accepted: must be at most {size} judgments, as many as the filters that "
            f"this one is cut to (got {num_accepted}). Hint: a control with more data "
            "controls nothing; the files are not of one run."
        )
    return {"most_accepted": size, **counts.report()}


class FilterCounts:
    """Counts that gather while judged pairs pass by."""

    def __init__(self) -> None:
        self.position_bias = PositionBias()
        self.outcomes: Counter[Outcome] = Counter()
        self.orders: Counter[Order] = Counter()
        self.pairs: Counter[str] = Counter()
        self.accepted_pairs: Counter[str] = Counter()
        self.kinds: dict[str, Kind] = {}
        self.by_category: Counter[tuple[str, Outcome]] = Counter()
        self.num_characters: Counter[Outcome] = Counter()

    def add(
        self, pair: Pair, judgments: Sequence[Judgment], outcomes: Sequence[Outcome]
    ) -> None:
        """Count one pair and its judgments."""
        category = pair_category(pair)
        self.pairs[category] += 1
        self.kinds[category] = pair.kind
        for judgment, outcome in zip(judgments, outcomes, strict=True):
            self.outcomes[outcome] += 1
            self.by_category[category, outcome] += 1
            self.num_characters[outcome] += len(judgment.text)
            if outcome == "accepted":
                self.orders[judgment.order] += 1
        if "accepted" in outcomes:
            self.accepted_pairs[category] += 1
        self.position_bias.add(judgments)

    def report(self) -> dict[str, Any]:
        """Accepted and dropped add up to all, in each of the `categories` too.

        There `num_accepted` counts pairs with an accepted judgment, and `outcomes`
        judgments.  `mean_characters` is how long judgments are, None of none.
        """
        num_judgments = self.outcomes.total()
        num_accepted = self.outcomes["accepted"]
        return {
            "num_pairs": self.pairs.total(),
            "num_judgments": num_judgments,
            "num_accepted": num_accepted,
            "num_dropped": num_judgments - num_accepted,
            "accepted_rate": round(num_accepted / max(1, num_judgments), 6),
            "orders": {order: self.orders[order] for order in ORDERS},
            "dropped": {
                outcome: self.outcomes[outcome]
                for outcome in OUTCOMES
                if outcome != "accepted" and self.outcomes[outcome]
            },
            "mean_characters": {
                "judgments": self.mean_characters(*OUTCOMES),
                "accepted": self.mean_characters("accepted"),
            },
            "categories": {
                name: {
                    "kind": self.kinds[name],
                    "num_pairs": self.pairs[name],
                    "num_accepted": self.accepted_pairs[name],
                    "outcomes": {
                        outcome: self.by_category[name, outcome]
                        for outcome in OUTCOMES
                        if self.by_category[name, outcome]
                    },
                }
                for name in sorted(self.pairs)
            },
            "position_bias": self.position_bias.report(),
        }

    def mean_characters(self, *outcomes: Outcome) -> float | None:
        """The mean length of the judgments with these outcomes, None of none."""
        count = sum(self.outcomes[outcome] for outcome in outcomes)
        total = sum(self.num_characters[outcome] for outcome in outcomes)
        return round(total / count, 1) if count else None


class PositionBias:
    """Counts over pairs that were judged in both orders, whatever the verdicts."""

    def __init__(self) -> None:
        self.num_pairs = self.num_samples = self.num_agreeing = 0
        self.counts: Counter[tuple[Order, bool | None]] = Counter()

    def add(self, judgments: Sequence[Judgment]) -> None:
        """Count one pair."""
        earlier: dict[int, bool | None] = {}
        for judgment in judgments:
            preference = read_whole(judgment)
            self.counts[judgment.order, preference] += 1
            if judgment.sample not in earlier:
                earlier[judgment.sample] = preference
            elif preference is not None and preference == earlier[judgment.sample]:
                self.num_agreeing += 1
        self.num_pairs += 1
        self.num_samples += len(earlier)

    def report(self) -> dict[str, Any]:
        """The counts as shares of 0 to 1, None where there is nothing to share.

        ``first_rate``: of parsed verdicts, those for the response shown first; a
        judge without a preference for a place has 0.5.  ``right_rates``: of
        parsed verdicts in each order, those that prefer chosen.
        ``agreement_rate``: of samples, those that prefer the same response in
        both orders; an unparsed one agrees with none, as in the scores.  One that was
        cut off is unparsed, whatever it says before.
        """
        right = {order: self.counts[order, True] for order in ORDERS}
        wrong = {order: self.counts[order, False] for order in ORDERS}
        num_judgments = self.counts.total()
        num_parsed = sum(right.values()) + sum(wrong.values())
        num_first = right["chosen_first"] + wrong["rejected_first"]
        return {
            "num_pairs": self.num_pairs,
            "num_judgments": num_judgments,
            "num_unparsed": num_judgments - num_parsed,
            "first_rate": share_of(num_first, num_parsed),
            "right_rates": {
                order: share_of(right[order], right[order] + wrong[order])
                for order in ORDERS
            },
            "agreement_rate": share_of(self.num_agreeing, self.num_samples),
        }
