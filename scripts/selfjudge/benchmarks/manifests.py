"""What a manifest holds of a release: what came, what repeats, what is missing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from selfjudge.benchmarks.releases import ReleaseRow
from selfjudge.ground.records import Record


class Errata(Record, frozen=True, kw_only=True):
    """Where corrections of labels stand in a release whose authors published some.

    Of VL-RewardBench's of 2025-05-13, fifteen turned labels and three dropped rows
    are known by content; a sixteenth label was turned too, but which is not known.
    """

    num_labels_corrected: int
    num_labels_uncorrected: int
    num_dropped_rows_present: int


class Repeats(Record, frozen=True, kw_only=True):
    """Rows that share an id or a content; rows count from 0.

    ``rows`` have the prompt, both responses and the criterion of an earlier row, and
    ``contradicting_rows`` the opposite label too.  A tie has no label.
    """

    num_repeated_ids: int
    rows: list[int]
    contradicting_rows: list[int]


class Manifest(Record, frozen=True, kw_only=True):
    """What came from a release, and what did not.

    ``revision`` is where a fetched source is from, None for a local file.
    ``release`` names the known release that the rows are, None for any other.
    ``num_chosen_first`` counts rows in which the preferred response stands
    first.  ``dropped`` names rows whose image cannot be read, or that are no pair
    to score, with the reason.
    """

    benchmark: str
    format: str
    source: str
    source_sha256: str
    revision: str | None
    release: str | None
    num_rows: int
    num_pairs: int
    num_chosen_first: int
    groups: dict[str, int]
    subsets: dict[str, int]
    repeats: Repeats
    errata: Errata | None
    dropped: list[dict[str, Any]]
    image_modes: dict[str, int]
    warnings: list[str]


def find_repeats(rows: Sequence[ReleaseRow]) -> Repeats:
    """The rows that say again what an earlier row says, or the opposite."""
    ids = Counter(row.release_id for row in rows)
    seen: set[tuple[Any, ...]] = set()
    labels: dict[tuple[Any, ...], str] = {}
    again, against = [], []
    for number, row in enumerate(rows):
        texts = sorted((row.chosen, row.rejected))
        key = (row.images, row.question, row.criterion, *texts)
        if key in seen:
            again.append(number)
        seen.add(key)
        if row.refused != "tie" and labels.setdefault(key, row.chosen) != row.chosen:
            against.append(number)
    return Repeats(
        num_repeated_ids=sum(count > 1 for count in ids.values()),
        rows=again,
        contradicting_rows=against,
    )
