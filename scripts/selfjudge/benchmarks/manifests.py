"""What is known about a release: which one it is, what repeats, what is missing.

Revisions of VL-RewardBench differ in rows and in labels, and scores on them do
not compare; Multimodal RewardBench's public rows lack a part of the paper's.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from selfjudge.benchmarks.releases import ReleaseRow
from selfjudge.ground.lines import content_id
from selfjudge.ground.records import BenchmarkFormat, Pair, Record


class Errata(Record, frozen=True, kw_only=True):
    """Where VL-RewardBench's corrections of 2025-05-13 stand in a release.

    Fifteen labels were turned and three rows dropped that are known by content;
    a sixteenth label was turned too, but which is not known.
    """

    num_labels_corrected: int
    num_labels_uncorrected: int
    num_dropped_rows_present: int


class Repeats(Record, frozen=True, kw_only=True):
    """Rows that share an id or a content; rows count from 0.

    ``rows`` have the prompt and both responses of an earlier row, and
    ``contradicting_rows`` the opposite label too.
    """

    num_repeated_ids: int
    rows: list[int]
    contradicting_rows: list[int]


class Manifest(Record, frozen=True, kw_only=True):
    """What came from a release, and what did not.

    ``revision`` is where a fetched source is from, None for a local file.
    ``release`` names the known release that the rows are, None for any other.
    ``num_chosen_first`` counts rows in which the preferred response stands
    first.  ``dropped`` names rows whose image cannot be read.
    """

    benchmark: str
    format: BenchmarkFormat
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


class KnownRelease(NamedTuple):
    """A release that tables were published on; errata is None where unknown of."""

    name: str
    format: BenchmarkFormat
    groups: Mapping[str, int]
    errata: Errata | None


# Ids of the responses, sorted, of each row whose label was turned, and of the
# response that has been preferred since; VL_RewardBench issue 7 of 2025-05-13.
TURNED_LABELS = {
    "4624d51d84b40466": "569ba17ba85bbbfa",  # mmmu_pro_test_Marketing_150
    "513e5f1c26ef5a08": "be8e2f5e6c3f9dd1",  # mathverse_2569
    "80eaac4dc5ddf067": "c5412606e63808e2",  # mathverse_3414
    "da19ec4f3fd4f2a3": "002e6e21f3ea6710",  # mathverse_2653
    "5c3b9eb0ca965331": "8dd4a6ef442be951",  # mathverse_3749
    "378874fedffbf40c": "ff1ae45fc7e33d9a",  # mathverse_1063
    "de18bc9afc0b70c9": "a10b82c002adcfee",  # mathverse_3489
    "402d36e7e254c34d": "d4cd80d8d8fa9164",  # mathverse_2113
    "49d464c20d3d4a9b": "1e42c6b6ea32532d",  # mathverse_3204
    "45018a9af219f3fc": "4b005ae880dd1b90",  # mathverse_3423
    "b08a0eed58f5be4c": "8e658d97f083f5b9",  # mathverse_2648
    "b48fea0d7b0f052f": "35cd9f9ee6e5079f",  # mmmu_pro_test_Biology_328
    "04e003321b69b753": "0a55c76ce9846602",  # mathverse_1733
    "ddff2b680eebeb1f": "d402ee0da87155f8",  # mathverse_1108
    "bc86999bb7a824c6": "9dc8cc50def6ae9b",  # mmmu_pro_validation_Geography_8
}
TWO_WRONG_ANSWERS = "8277f286c3b23fa0"  # mathverse_2279, the first of two
THREEFOLD_ROW = "d708a9dd65671b3f"  # wildvision-battle-496, -545 and -580

MMRB_GROUPS = {
    "open_generation/correctness_task": 623,
    "open_generation/preference_task": 654,
    "knowledge": 630,
    "reasoning": 1096,
    "safety": 508,
    "vqa": 1200,
}
KNOWN_RELEASES = (
    KnownRelease(
        "vlrb_1250",
        "vl_rewardbench",
        {"general": 183, "hallucination": 749, "reasoning": 318},
        Errata(
            num_labels_corrected=0,
            num_labels_uncorrected=15,
            num_dropped_rows_present=3,
        ),
    ),
    KnownRelease(
        "vlrb_1247",
        "vl_rewardbench",
        {"general": 181, "hallucination": 749, "reasoning": 317},
        Errata(
            num_labels_corrected=15,
            num_labels_uncorrected=0,
            num_dropped_rows_present=0,
        ),
    ),
    KnownRelease("mmrb_4711", "multimodal_rewardbench", MMRB_GROUPS, None),
    # With the 500 rows of Hateful Memes, which only the authors have.
    KnownRelease(
        "mmrb_5211", "multimodal_rewardbench", MMRB_GROUPS | {"safety": 1008}, None
    ),
)
# Of the parquet file with 1247 rows, as a third party recorded it.
SHA256_OF_VLRB_1247 = "500a33ecbeb6ddd4cbbb6de24b325815330c75c1f7b14e3043c1418fd285fb59"
# Shares of a visitbench question's words that occur in its responses: 0.63 as
# released, 0.17 if questions and responses are out of step.
LEAST_OVERLAP_RATE = 0.4
WORD = re.compile(r"[a-z]{4,}")


def describe_release(
    rows: Sequence[ReleaseRow], pairs: Sequence[Pair], **told: Any
) -> Manifest:
    """The manifest of a release with these rows, of which these pairs were kept.

    ``told`` are the manifest's fields that do not follow from the rows.
    """
    kind: BenchmarkFormat = told["format"]
    errata = find_errata(rows) if kind == "vl_rewardbench" else None
    groups = Counter(row.group for row in rows)
    known = [
        release.name
        for release in KNOWN_RELEASES
        if (release.format, dict(release.groups), release.errata)
        == (kind, dict(groups), errata)
    ]
    manifest = Manifest(
        release=known[0] if known else None,
        num_rows=len(rows),
        num_pairs=len(pairs),
        num_chosen_first=sum(row.chosen_first for row in rows),
        groups=dict(sorted(Counter(pair.category or "" for pair in pairs).items())),
        subsets=dict(sorted(Counter(row.subset for row in rows).items())),
        repeats=find_repeats(rows),
        errata=errata,
        warnings=[],
        **told,
    )
    manifest.warnings.extend(warn_of(manifest, rows))
    return manifest


def find_errata(rows: Sequence[ReleaseRow]) -> Errata:
    """How many of the known corrections the rows have, whatever their ids."""
    keys = [content_id(*sorted((row.chosen, row.rejected))) for row in rows]
    turned = [
        content_id(row.chosen) == TURNED_LABELS[key]
        for key, row in zip(keys, rows, strict=True)
        if key in TURNED_LABELS
    ]
    return Errata(
        num_labels_corrected=sum(turned),
        num_labels_uncorrected=len(turned) - sum(turned),
        num_dropped_rows_present=keys.count(TWO_WRONG_ANSWERS)
        + max(0, keys.count(THREEFOLD_ROW) - 1),
    )


def find_repeats(rows: Sequence[ReleaseRow]) -> Repeats:
    """The rows that say again what an earlier row says, or the opposite."""
    ids = Counter(row.release_id for row in rows)
    labels: dict[tuple[Any, ...], str] = {}
    again, against = [], []
    for number, row in enumerate(rows):
        key = (row.image, row.question, *sorted((row.chosen, row.rejected)))
        if key in labels:
            again.append(number)
            if labels[key] != row.chosen:
                against.append(number)
        labels.setdefault(key, row.chosen)
    return Repeats(
        num_repeated_ids=sum(count > 1 for count in ids.values()),
        rows=again,
        contradicting_rows=against,
    )


def warn_of(manifest: Manifest, rows: Sequence[ReleaseRow]) -> list[str]:
    """What a reader of scores on this release must know, a sentence each."""
    warnings = []
    if manifest.release is None:
        warnings.append(
            f"{manifest.num_rows} rows with these groups are no release that is known "
            "here: scores on them do not compare with published ones."
        )
    if manifest.release == "vlrb_1250":
        warnings.append(
            "1250 rows as served before 2025-05-13: at least 15 labels are the wrong "
            "way round. Published tables of that time are on these rows."
        )
    pinned = manifest.source_sha256 == SHA256_OF_VLRB_1247
    if manifest.revision in ("main", "master") and not pinned:
        warnings.append(
            f"the revision {manifest.revision!r} may become other rows: name a commit."
        )
    if manifest.release == "mmrb_4711":
        warnings.append(
            "safety is bias alone: 500 rows of Hateful Memes are not public, so safety "
            "and overall do not compare with the leaderboard's."
        )
    if manifest.dropped:
        warnings.append(
            f"{len(manifest.dropped)} rows are left out, their images cannot be read."
        )
    overlap = overlap_rate([row for row in rows if row.subset == "visitbench"])
    if manifest.release is not None and overlap < LEAST_OVERLAP_RATE:
        warnings.append(
            f"questions and responses of visitbench share {overlap:.0%} of words: the "
            "download may have put the wrong questions to the responses "
            "(multimodal_rewardbench issue 8)."
        )
    return warnings


def overlap_rate(rows: Sequence[ReleaseRow]) -> float:
    """The mean share of a question's longer words in its responses; 1 for no rows."""
    shares = []
    for row in rows:
        words = set(WORD.findall(row.question.lower()))
        said = set(WORD.findall(f"{row.chosen} {row.rejected}".lower()))
        if words:
            shares.append(len(words & said) / len(words))
    return sum(shares) / len(shares) if shares else 1.0
