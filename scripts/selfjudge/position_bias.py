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
        self.num_judgments: Counter[Order] = Counter()
        self.num_parsed: Counter[Order] = Counter()
        self.num_right: Counter[Order] = Counter()

    def add(
        self, judgments: Sequence[Judgment], preferences: Sequence[bool | None]
    ) -> None:
        """Count one pair; a preference is True for chosen, None if unparsed."""
        by_place = {}
        for judgment, prefers_chosen in zip(judgments, preferences, strict=True):
            by_place[judgment.order, judgment.sample] = prefers_chosen
            self.num_judgments[judgment.order] += 1
            self.num_parsed[judgment.order] += prefers_chosen is not None
            self.num_right[judgment.order] += prefers_chosen is True
        self.num_pairs += 1
        for (order, sample), preference in by_place.items():
            if order == "chosen_first":
                self.num_samples += 1
                other = by_place.get(("rejected_first", sample))
                self.num_agreeing += preference is not None and preference == other

    def report(self) -> dict[str, Any]:
        """The counts as shares of 0 to 1, None where there is nothing to share.

        ``first_rate``: of parsed verdicts, those for the response shown first; a
        judge without a preference for a place has 0.5.  ``right_rates``: of
        parsed verdicts in each order, those that prefer chosen.
        ``agreement_rate``: of samples, those that prefer the same response in
        both orders; an unparsed one agrees with none, as in the scores.
        """
        right, parsed = self.num_right, self.num_parsed
        num_first = right["chosen_first"] + (
            parsed["rejected_first"] - right["rejected_first"]
        )
        return {
            "num_pairs": self.num_pairs,
            "num_judgments": self.num_judgments.total(),
            "num_unparsed": self.num_judgments.total() - parsed.total(),
            "first_rate": share(num_first, parsed.total()),
            "right_rates": {
                order: share(right[order], parsed[order]) for order in ORDERS
            },
            "agreement_rate": share(self.num_agreeing, self.num_samples),
        }


def share(part: int, whole: int) -> float | None:
    """A share of 0 to 1 with six digits; None of nothing."""
    return round(part / whole, 6) if whole else None
