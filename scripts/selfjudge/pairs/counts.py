"""The counts of `pairs_report.json`."""

from collections import Counter
from typing import Any

from selfjudge.pairs.building import TRUTHS, Outcome, Truth


class PairCounts:
    """The counts behind `pairs_report.json`, gathered while outcomes pass by."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.origins: Counter[str] = Counter()
        self.categories: Counter[str] = Counter()
        self.votes: Counter[int] = Counter()
        self.truths: Counter[tuple[int, Truth]] = Counter()
        self.reasons: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        if outcome.dropped is not None:
            self.reasons[outcome.dropped["reason"]] += 1
        if outcome.pair is not None:
            self.kinds[outcome.pair.kind] += 1
            self.origins[outcome.pair.origin] += 1
            if outcome.pair.category:
                self.categories[outcome.pair.category] += 1
            if outcome.pair.num_votes is not None:
                self.votes[outcome.pair.num_votes] += 1
                if outcome.truth is not None:
                    self.truths[outcome.pair.num_votes, outcome.truth] += 1

    def report(self) -> dict[str, Any]:
        """Pairs by kind, origin, category and votes; dropped records by reason.

        `purity` is of majority pairs that have a gold answer: by votes, in how
        many chosen is right, neither response is, or rejected is.
        """
        known = sorted({votes for votes, _ in self.truths})
        return {
            "num_pairs": self.kinds.total(),
            "num_closed": self.kinds["closed"],
            "num_open": self.kinds["open"],
            "num_dropped": self.reasons.total(),
            "origins": dict(sorted(self.origins.items())),
            "categories": dict(sorted(self.categories.items())),
            "votes": {str(votes): n for votes, n in sorted(self.votes.items())},
            "purity": {
                str(votes): {truth: self.truths[votes, truth] for truth in TRUTHS}
                for votes in known
            },
            "dropped": dict(sorted(self.reasons.items())),
        }
