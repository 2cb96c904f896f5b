"""Imports of prompts: from whatever the user has to checked, unique prompts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from selfjudge.ground.lines import content_id, file_sha256
from selfjudge.ground.records import Prompt
from selfjudge.pairs.contamination import KeptOut
from selfjudge.pairs.import_reports import count, tell_reasons
from selfjudge.pairs.pictures import PICTURE_REASONS, check_picture
from selfjudge.pairs.routing import route
from selfjudge.pairs.shapes import without_marks
from selfjudge.pairs.source_rows import (
    ImportLimits,
    SourceRow,
    drop_row,
    other_fields,
    read_rows,
)


class ImageCheck(NamedTuple):
    """What is known of an image file: why it cannot be used, or mode and digest.

    ``name`` is its path below the image root, by whatever path a row names it.
    """

    name: str
    reason: str | None
    mode: str | None
    sha256: str | None


class Imported(NamedTuple):
    """The prompts in id order, the dropped rows with reasons, and counts.

    ``aside`` has a line for each prompt whose row says more than ours do: the
    prompt's id and these fields, by which results are joined to one's own data.
    """

    prompts: list[Prompt]
    dropped: list[dict[str, Any]]
    aside: list[dict[str, Any]]
    report: dict[str, Any]


def import_prompts(
    sources: Mapping[str, Path],
    image_root: Path,
    limits: ImportLimits,
    threads: int = 4,
    kept_out: KeptOut | None = None,
) -> Imported:
    """Every usable prompt of the source files, which are by the source's name.

    Rows of a later file lose to earlier; only a gold answer that the earlier row
    lacks is taken over.  What is ``kept_out`` is dropped.
    Raises RecordError on a malformed line, ValueError on a file without rows, and
    where no row of all sources can be used.
    """
    images = check_images(sources.values(), image_root, limits, threads, kept_out)
    prompts: dict[str, Prompt] = {}
    dropped: list[dict[str, Any]] = []
    aside: list[dict[str, Any]] = []
    for source, path in sources.items():
        before = len(prompts) + len(dropped)
        for number, line, row in read_rows(path, limits):
            where = {"file": path.as_posix(), "line": number}
            outcome = row if isinstance(row, str) else to_prompt(row, source, images)
            if isinstance(outcome, Prompt) and kept_out:
                outcome = kept_out.question_reason(outcome.question) or outcome
            if isinstance(outcome, Prompt) and outcome.id not in prompts:
                prompts[outcome.id] = outcome
                if fields := other_fields(line, f"{path}:{number}"):
                    aside.append({"prompt_id": outcome.id, **fields})
                continue
            why = {"reason": outcome}
            if isinstance(outcome, Prompt):
                prompts[outcome.id] = merge_answer(prompts[outcome.id], outcome)
                why = {"prompt_id": outcome.id, "reason": "duplicate"}
            dropped.append(drop_row(source, line, row) | where | why)
        if len(prompts) + len(dropped) == before:
            raise ValueError(
                f"{path}: must hold at least one prompt (got an empty file)"
            )
    ordered = sorted(prompts.values(), key=lambda prompt: prompt.id)
    if not ordered:
        told = tell_reasons(dropped)
        raise ValueError(f"the sources must hold a usable prompt (got none: {told})")
    modes = Counter(check.mode for check in images.values() if check.mode)
    report = count(ordered, dropped, modes)
    names = Counter(name for line in aside for name in line if name != "prompt_id")
    report["fields_kept_aside"] = dict(sorted(names.items()))
    return Imported(ordered, dropped, aside, report)


def check_images(
    sources: Iterable[Path],
    image_root: Path,
    limits: ImportLimits,
    threads: int,
    kept_out: KeptOut | None = None,
) -> dict[str, ImageCheck]:
    """What is known of every image that the sources name, by name."""
    rows = (row for path in sources for _, _, row in read_rows(path, limits))
    named = {
        name: None for row in rows if isinstance(row, SourceRow) for name in row.images
    }

    def check(given: str) -> ImageCheck:
        name = below(image_root, given)
        found = check_picture(image_root, name, limits.max_pixels)
        if found in PICTURE_REASONS:
            return ImageCheck(name, found, None, None)
        path = image_root / name
        digest = file_sha256(path)
        reason = kept_out.image_reason(path, digest) if kept_out else None
        return ImageCheck(name, reason, found, None if reason else digest)

    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(named, pool.map(check, named), strict=True))


def below(image_root: Path, name: str) -> str:
    """An image's path from the image root, where it is given from elsewhere."""
    if "\0" in name or not Path(name).is_absolute():
        return name
    path, root = Path(name).resolve(), image_root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else name


def to_prompt(
    row: SourceRow, source: str, images: dict[str, ImageCheck]
) -> Prompt | str:
    """The prompt that a row is, or the reason why it is none."""
    question = without_marks(row.question)
    if "\0" in question or "\0" in (row.answer or ""):
        return "nul_byte"
    if not question:
        return "empty_question"
    if not row.images:
        return "no_image"
    digests: list[str] = []
    checks = [images[name] for name in row.images]
    for check in checks:
        if check.sha256 is None:
            return str(check.reason)
        digests.append(check.sha256)
    kind, answer_format = route(question)
    if row.answer_format is not None:
        kind, answer_format = "closed", row.answer_format
    if row.kind == "open":
        kind, answer_format = "open", None
    elif row.kind == "closed" and answer_format is None:
        kind, answer_format = "closed", "phrase"
    return Prompt(
        id=content_id(digests, question),
        images=tuple(check.name for check in checks),
        image_sha256s=tuple(digests),
        question=question,
        kind=kind,
        answer_format=answer_format,
        answer=row.answer,
        source=row.source or source,
    )


def merge_answer(kept: Prompt, duplicate: Prompt) -> Prompt:
    """The kept prompt, with the gold answer of its duplicate where it has none."""
    if kept.answer is not None:
        return kept
    return msgspec.structs.replace(kept, answer=duplicate.answer)
