"""How much a judge's verdict depends on which response it is shown first."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from selfjudge.records import ORDERS, Judgment, Order


class PositionBias:
    """Counts over pairs that were judged in both orders, whatever the verdicts.

    Pairs of which the second order was asked for because of the first verdict
    must not be added: they are those that the judge got right.
    """

    def __init__(self) -> None:
        self.num_pairs = self.num_samples = self.num_agreeing = 0
        self.counts: Counter[tuple[Order, bool | None]] = Counter()

    def add(
        self, judgments: Sequence[Judgment], preferences: Sequence[bool | None]
    ) -> None:
        """Count one pair; a preference is True for chosen, None if unparsed."""
        earlier: dict[int, bool | None] = {}
        for judgment, preference in zip(judgments, preferences, strict=True):
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
        both orders; an unparsed one agrees with none, as in the scores.
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
            "first_rate": share(num_first, num_parsed),
            "right_rates": {
                order: share(right[order], right[order] + wrong[order])
                for order in ORDERS
            },
            "agreement_rate": share(self.num_agreeing, self.num_samples),
        }


def share(part: int, whole: int) -> float | None:
    """A share of 0 to 1 with six digits; None of nothing."""
    return round(part / whole, 6) if whole else None
