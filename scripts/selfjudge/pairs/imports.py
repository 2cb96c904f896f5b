"""Imports of prompts: from whatever the user has to checked, unique prompts."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from selfjudge.ground.images import ImageReason, check_image
from selfjudge.ground.lines import (
    RecordError,
    content_id,
    explain,
    file_sha256,
    read_lines,
)
from selfjudge.ground.records import AnswerFormat, Kind, Prompt, Record, Settings
from selfjudge.pairs.routing import route

PromptReason = Literal[
    "line_too_long", "nul_byte", "no_image", "empty_question", "duplicate"
]
# Of each route of a source so many questions are shown, each so far.
NUM_QUESTIONS = 3
MAX_CHARACTERS = 200
IMAGE_REASONS = frozenset(get_args(ImageReason))


class SourceRow(Record, frozen=True, kw_only=True):
    """One line of a user's prompts file.

    ``images`` are paths below the image root.  ``answer`` is a gold answer for
    the `correctness` filter.  ``kind`` and ``answer_format`` override routing.
    """

    images: tuple[str, ...]
    question: str
    answer: str | None = None
    kind: Kind | None = None
    answer_format: AnswerFormat | None = None
    source: str | None = None


class ImageCheck(NamedTuple):
    """What is known of an image file: why it cannot be used, or mode and digest."""

    reason: str | None
    mode: str | None
    sha256: str | None


class ImportLimits(Settings, frozen=True, kw_only=True):
    """Limits on input: pixels of an image, bytes of a line."""

    max_pixels: int
    max_line_bytes: int


class Imported(NamedTuple):
    """The prompts in id order, the dropped rows with reasons, and counts."""

    prompts: list[Prompt]
    dropped: list[dict[str, Any]]
    report: dict[str, Any]


def import_prompts(
    sources: Mapping[str, Path],
    image_root: Path,
    limits: ImportLimits,
    threads: int = 4,
) -> Imported:
    """Every usable prompt of the source files, which are by the source's name.

    Rows of a later file lose to earlier; only a gold answer that the earlier row
    lacks is taken over.
    Raises RecordError on a malformed line, ValueError on a file without rows.
    """
    images = check_images(sources.values(), image_root, limits, threads)
    prompts: dict[str, Prompt] = {}
    dropped: list[dict[str, Any]] = []
    for source, path in sources.items():
        before = len(prompts) + len(dropped)
        for number, line, row in read_rows(path, limits):
            where = {"file": path.as_posix(), "line": number}
            outcome = row if isinstance(row, str) else to_prompt(row, source, images)
            if isinstance(outcome, Prompt) and outcome.id not in prompts:
                prompts[outcome.id] = outcome
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
    return Imported(ordered, dropped, count(ordered, dropped, images))


def read_rows(
    path: Path, limits: ImportLimits
) -> Iterator[tuple[int, bytes, SourceRow | PromptReason]]:
    """Each line of a source: number, bytes, and the row or why there is none."""
    decode = msgspec.json.Decoder(SourceRow).decode
    for number, line in read_lines(path):
        if len(line) > limits.max_line_bytes:
            yield number, line, "line_too_long"
            continue
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if b"\0" in line:
                yield number, line, "nul_byte"
                continue
            raise RecordError(
                f"{path}:{number}: {explain(line, SourceRow, error)}"
            ) from None
        yield number, line, row


def check_images(
    sources: Iterable[Path], image_root: Path, limits: ImportLimits, threads: int
) -> dict[str, ImageCheck]:
    """What is known of every image that the sources name, by name."""
    rows = (row for path in sources for _, _, row in read_rows(path, limits))
    named = {
        name: None for row in rows if isinstance(row, SourceRow) for name in row.images
    }

    def check(name: str) -> ImageCheck:
        found = check_image(image_root, name, limits.max_pixels)
        if found in IMAGE_REASONS:
            return ImageCheck(found, None, None)
        return ImageCheck(None, found, file_sha256(image_root / name))

    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(named, pool.map(check, named), strict=True))


def to_prompt(
    row: SourceRow, source: str, images: dict[str, ImageCheck]
) -> Prompt | str:
    """The prompt that a row is, or the reason why it is none."""
    question = row.question.strip()
    if "\0" in question or "\0" in (row.answer or ""):
        return "nul_byte"
    if not question:
        return "empty_question"
    if not row.images:
        return "no_image"
    digests: list[str] = []
    for name in row.images:
        check = images[name]
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
        images=row.images,
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


def drop_row(source: str, line: bytes, row: SourceRow | str) -> dict[str, Any]:
    """The row as it was (a bad line only its start), with its source."""
    if isinstance(row, SourceRow):
        return msgspec.structs.asdict(row) | {"source": row.source or source}
    start = line[:200].decode("utf-8", "replace")
    return {"start": start, "num_bytes": len(line), "source": source}


def count(
    prompts: list[Prompt], dropped: list[dict[str, Any]], images: dict[str, ImageCheck]
) -> dict[str, Any]:
    """The counts of an import: prompts by kind and format, rows by reason."""
    modes = Counter(check.mode for check in images.values() if check.mode)
    return {
        "num_rows": len(prompts) + len(dropped),
        "num_prompts": len(prompts),
        "num_dropped": len(dropped),
        "kinds": dict(sorted(Counter(prompt.kind for prompt in prompts).items())),
        "answer_formats": dict(
            sorted(
                Counter(prompt.answer_format or "open" for prompt in prompts).items()
            )
        ),
        "routes": count_routes(prompts),
        "num_with_gold_answer": sum(prompt.answer is not None for prompt in prompts),
        "dropped": dict(sorted(Counter(row["reason"] for row in dropped).items())),
        "image_modes": dict(sorted(modes.items())),
        "num_images_converted": sum(modes.values()) - modes["RGB"],
    }


def count_routes(prompts: Iterable[Prompt]) -> dict[str, dict[str, dict[str, Any]]]:
    """The prompts of each source by answer format or "open", with three questions.

    An example is the start of a question; a rule that fits a source badly is seen
    there before anything is paid.
    """
    routes: dict[str, dict[str, dict[str, Any]]] = {}
    for prompt in prompts:
        by_format = routes.setdefault(prompt.source, {})
        name = prompt.answer_format or "open"
        route = by_format.setdefault(name, {"num_prompts": 0, "questions": []})
        route["num_prompts"] += 1
        if len(route["questions"]) < NUM_QUESTIONS:
            route["questions"].append(prompt.question[:MAX_CHARACTERS])
    return {
        source: dict(sorted(by_format.items()))
        for source, by_format in sorted(routes.items())
    }


def log_report(report: dict[str, Any]) -> None:
    """Print an import's counts to the log."""
    print(msgspec.json.encode(report).decode(), file=sys.stderr)
