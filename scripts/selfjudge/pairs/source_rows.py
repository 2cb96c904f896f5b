"""Rows of prompts files: what a line may say, and what is said of any other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from selfjudge.ground.lines import RecordError, explain, read_lines
from selfjudge.ground.records import AnswerFormat, Kind, Settings
from selfjudge.pairs.contamination import Contamination
from selfjudge.pairs.readers import MARK, check_mark
from selfjudge.pairs.shapes import describe_shape

PromptReason = (
    Contamination
    | Literal[
        "line_too_long",
        "nul_byte",
        "no_image",
        "empty_question",
        "duplicate",
        "benchmark_question",
    ]
)


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a user's prompts file; its other fields are kept aside.

    So are those of an object ``other_fields``, which may have names of ours.

    ``images`` are paths below the image root.  ``answer`` is a gold answer for
    the `correctness` filter.  ``kind`` and ``answer_format`` override routing.
    """

    images: tuple[str, ...]
    question: str
    answer: str | None = None
    kind: Kind | None = None
    answer_format: AnswerFormat | None = None
    source: str | None = None


class ImportLimits(Settings, frozen=True, kw_only=True):
    """Limits on input: pixels of an image, bytes of a line."""

    max_pixels: int
    max_line_bytes: int


def read_rows(
    path: Path, limits: ImportLimits
) -> Iterator[tuple[int, bytes, SourceRow | PromptReason]]:
    """Each line of a source: number, bytes, and the row or why there is none."""
    decode = msgspec.json.Decoder(SourceRow).decode
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing there"
        raise ValueError(f"{path}: must be a JSON Lines file (got {got})")
    for number, line in read_lines(path):
        if number == 1:
            check_mark(path, line)
            line = line.removeprefix(MARK)
        if len(line) > limits.max_line_bytes:
            yield number, line, "line_too_long"
            continue
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if b"\0" in line:
                yield number, line, "nul_byte"
                continue
            raise RecordError(
                f"{path}:{number}: {explain(line, SourceRow, error)}{hint_shape(line)}"
            ) from None
        yield number, line, row


def hint_shape(line: bytes) -> str:
    """How a line of another shape can be read, if it is of one that is known."""
    begun = line.lstrip()
    if begun.startswith(b"["):
        return ". Hint: 'kind: rows' reads a JSON array"
    if begun.startswith((b"#", b"//")):
        return ". Hint: JSON Lines have no comments: take the line out"
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if isinstance(row, dict) and {"images", "question"} <= row.keys():
        if isinstance(row["images"], str):
            return ". Hint: 'kind: rows' reads an image without a list"
        texts = row["question"], row.get("answer")
        if any(isinstance(text, int | float) for text in texts):
            return ". Hint: 'kind: rows' reads numbers as text"
        return ""
    shape = describe_shape(row) if isinstance(row, dict) else None
    return f". Hint: this is {shape}: 'kind: rows' reads it" if shape else ""


def other_fields(line: bytes, where: str) -> dict[str, Any]:
    """What a line says beyond a `SourceRow`; its `prompt_id` is no id of ours.

    Raises RecordError with ``where`` it stands on what a `SourceRow` passes over, such
    as a number beyond all limits.
    """
    try:
        row = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise RecordError(f"{where}: {explain(line, SourceRow, error)}") from None
    fields = {k: v for k, v in row.items() if k not in SourceRow.__struct_fields__}
    if isinstance(fields.get("other_fields"), dict):
        fields |= fields.pop("other_fields")
    if "prompt_id" in fields:
        fields["prompt_id_of_row"] = fields.pop("prompt_id")
    return fields


def drop_row(source: str, line: bytes, row: SourceRow | str) -> dict[str, Any]:
    """The row as it was (a bad line only its start), with its source."""
    if isinstance(row, SourceRow):
        return msgspec.structs.asdict(row) | {"source": row.source or source}
    start = line[:200].decode("utf-8", "replace")
    return {"start": start, "num_bytes": len(line), "source": source}
