"""What is to be known of a kind of release, and the manifest that follows from it.

A new benchmark is one file that defines a `FORMAT`, a `SCORING` and, where its authors
fixed how to ask, an `OFFICIAL`, and a line in each list of `registry`.  The file's
docstring becomes its page of the docs (`docs/make_pages.py`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfjudge.benchmarks.manifests import Errata, Manifest, find_repeats
from selfjudge.benchmarks.releases import ReleaseRow
from selfjudge.ground.records import Pair

Rows = Sequence[ReleaseRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A kind of release: how its file is read, and how it is recognised.

    ``title`` is what people call the release that was published in this format, if
    any.  ``read`` yields the rows of a file; RecordError names one that does not fit.
    ``num_rows`` is what a plan expects before the release is there.
    ``local`` says what ``path`` must be where the Hub has no file of this format,
    and ``image_folder`` where images lie beside the file, if they are not inside.
    ``has_criteria``: whether rows may name a criterion that alone decides.
    ``identify`` names the published release that the rows are, None for any other;
    it is None itself where nothing was published.  ``known_files`` are the sha256 of
    files that are known, whatever revision they were fetched from.
    """

    name: str
    title: str | None = None
    read: Callable[[Path], Iterator[ReleaseRow]]
    num_rows: int
    local: str | None = None
    image_folder: str = "images"
    has_criteria: bool = False
    identify: Callable[[Rows], str | None] | None = None
    find_errata: Callable[[Rows], Errata] | None = None
    known_files: tuple[str, ...] = ()
    warn: Callable[[Manifest, Rows], list[str]] = lambda manifest, rows: []


def describe_release(
    release: Format, rows: Sequence[ReleaseRow], pairs: Sequence[Pair], **told: Any
) -> Manifest:
    """The manifest of a release with these rows, of which these pairs were kept.

    ``told`` are the manifest's fields that do not follow from the rows.
    """
    manifest = Manifest(
        format=release.name,
        release=release.identify(rows) if release.identify else None,
        num_rows=len(rows),
        num_pairs=len(pairs),
        num_chosen_first=sum(row.chosen_first for row in rows if row.refused is None),
        groups=dict(sorted(Counter(pair.category or "" for pair in pairs).items())),
        subsets=dict(sorted(Counter(row.subset for row in rows).items())),
        repeats=find_repeats(rows),
        errata=release.find_errata(rows) if release.find_errata else None,
        warnings=[],
        **told,
    )
    manifest.warnings.extend(warn_of(release, manifest))
    manifest.warnings.extend(release.warn(manifest, rows))
    return manifest


def warn_of(release: Format, manifest: Manifest) -> list[str]:
    """What a reader of scores on any release must know, a sentence each."""
    warnings = []
    if manifest.release is None and release.identify:
        warnings.append(
            f"{manifest.num_rows} rows with these groups are no release that is known "
            "here: scores on them do not compare with published ones."
        )
    known = manifest.source_sha256 in release.known_files
    if manifest.revision in ("main", "master") and not known:
        warnings.append(
            f"the revision {manifest.revision!r} may become other rows: name a commit."
        )
    reasons = Counter(row["reason"] for row in manifest.dropped)
    if reasons:
        told = ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))
        warnings.append(f"{len(manifest.dropped)} rows are left out: {told}.")
    return warnings
