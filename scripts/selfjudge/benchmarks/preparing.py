"""Releases of benchmarks to pairs, and what scoring needs beside them.

Ids of releases are not unique and the order of the responses leaks the
label, so a pair is keyed by its row and content, and which response stands
first is decided when judgments are asked for, never by the file.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from selfjudge.benchmarks.formats import Format, describe_release
from selfjudge.benchmarks.manifests import Manifest
from selfjudge.benchmarks.releases import ReleaseRow
from selfjudge.ground.images import (
    ImageReason,
    check_image,
    format_of,
    open_rgb,
    store_bytes,
    write_grey,
)
from selfjudge.ground.lines import RecordError, content_id, file_sha256
from selfjudge.ground.records import BenchmarkRow, Pair


class Prepared(NamedTuple):
    """A benchmark as the workflow uses it.

    ``pairs`` come in prompt order, ``rows`` in the order of the release; only
    ``pairs`` may be shown to a judge.
    """

    pairs: list[Pair]
    rows: list[BenchmarkRow]
    manifest: Manifest


def prepare_benchmark(
    benchmark: str,
    release: Format,
    source: Path,
    images: Path,
    pixels: int,
    revision: str | None = None,
    sha256: str | None = None,
) -> Prepared:
    """The pairs, rows and manifest of a release.

    Images are written below ``images`` under their own sha256, bytes as they
    are, once every row has been checked.  A row with an image that cannot be read
    is left out, counted and named in the manifest, and so is one that is refused.
    ``pixels`` is the largest image accepted, ``revision`` where a fetched source is
    from.  Raises RecordError on a row that does not fit its format, and on a source
    without this ``sha256``.
    """
    digest = file_sha256(source)
    if sha256 is not None and digest != sha256:
        raise RecordError(
            f"{source}: must have the sha256 {sha256} (got {digest}). Hint: the "
            "release has changed; scores on it do not compare with earlier ones. "
            f"To use it all the same, change 'benchmarks.{benchmark}.sha256'."
        )
    found = list(release.read(source))
    if not found:
        raise RecordError(f"{source}: must have at least one row (got none)")
    images.mkdir(parents=True, exist_ok=True)
    pairs: list[Pair] = []
    rows: list[BenchmarkRow] = []
    dropped: list[dict[str, Any]] = []
    modes: Counter[str] = Counter()
    for number, row in enumerate(found):
        wanted = row.images if row.refused is None else ()
        stored = [store_image(image, images, pixels) for image in wanted]
        faults = [mode for name, mode in stored if name is None]
        if row.refused or faults:
            reason = row.refused or faults[0]
            dropped.append({"row": number, "id": row.release_id, "reason": reason})
            continue
        modes.update(mode for _, mode in stored)
        names = tuple(name for name, _ in stored if name)
        pairs.append(to_pair(benchmark, number, row, names))
        rows.append(to_row(pairs[-1], number, row))
    manifest = describe_release(
        release,
        found,
        pairs,
        benchmark=benchmark,
        source=source.name,
        source_sha256=digest,
        revision=revision,
        dropped=dropped,
        image_modes=dict(sorted(modes.items())),
    )
    pairs.sort(key=lambda pair: (pair.prompt_id, pair.id))
    return Prepared(pairs, rows, manifest)


def store_image(
    source: bytes | Path | ImageReason, folder: Path, pixels: int
) -> tuple[str | None, str]:
    """The stored image's name below the folder and its mode, or None and why not."""
    if isinstance(source, str):
        return None, source
    content = source.read_bytes() if isinstance(source, Path) else source
    suffix = format_of(content)
    if suffix is None:
        return None, "unreadable_image" if content else "empty_image"
    name = store_bytes(content, folder, suffix)
    found = check_image(folder, name, pixels)
    return (None, found) if found.endswith("_image") else (name, found)


def to_pair(
    benchmark: str, number: int, row: ReleaseRow, images: tuple[str, ...]
) -> Pair:
    """A release row as a pair, keyed by row index and content."""
    prompt = (*images, row.question) if row.prompt is None else (row.prompt,)
    return Pair(
        id=content_id(
            benchmark, number, *images, row.question, row.chosen, row.rejected
        ),
        prompt_id=content_id(benchmark, *prompt),
        chosen_response_id=None,
        rejected_response_id=None,
        images=images,
        question=row.question,
        kind="open",
        chosen=row.chosen,
        rejected=row.rejected,
        origin="benchmark",
        category=row.group,
        num_votes=None,
        num_votes_rejected=None,
        criterion=row.criterion,
    )


def to_row(pair: Pair, number: int, row: ReleaseRow) -> BenchmarkRow:
    """What scoring needs to know of a pair's row in the release."""
    return BenchmarkRow(
        pair_id=pair.id,
        row=number,
        release_id=row.release_id,
        subset=row.subset,
        split=row.split,
        chosen_first=row.chosen_first,
    )


def blind_pairs(pairs: Iterable[Pair], seen: Path, blind: Path) -> Iterator[Pair]:
    """The pairs with a flat grey image in place of each of their images.

    Images below ``seen`` lend their size (a turned photo's is the upright one);
    the grey ones are written below ``blind`` under their own sha256, so that
    those of one size are one file.  Ids stay: it is the same pair, and the same
    seed, without the picture.  Raises OSError where an image cannot be read.
    """

    @cache
    def blind_name(name: str) -> str:
        return write_grey(open_rgb(seen / name).size, blind)

    for pair in pairs:
        images = tuple(blind_name(name) for name in pair.images)
        yield msgspec.structs.replace(pair, images=images)
