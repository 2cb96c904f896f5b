"""The rows that a user brings: read one by one, and never lost.

A row is `images` (or `image`), `question`, `responses` (or `response`), and, to be
scored, `reference`.  A row that cannot be asked about keeps its place with a reason.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from selfjudge.ground.images import ImageReason, check_image
from selfjudge.ground.lines import clip, read_lines
from selfjudge.ground.records import Record

Command = Literal["compare", "rank", "score"]
Reason = (
    ImageReason
    | Literal[
        "not_json",
        "bad_field",
        "no_image",
        "empty_question",
        "empty_response",
        "equal_responses",
        "wrong_number_of_responses",
        "no_reference",
        "no_room",
    ]
)
FIELDS = ("images", "image", "question", "responses", "response", "reference", "id")
# Width x height; a larger image is dropped, as config.yaml's images.max_pixels has it.
MAX_PIXELS = 50_000_000


class Row(Record, frozen=True, kw_only=True):
    """One row of a user's, its images as readable paths.

    ``number`` counts lines from 1; ``id`` and ``kept``, the fields that nobody here
    reads, are as they came.  With a ``reason`` it is not asked about, ``detail`` says
    more, and the other fields may be empty.
    """

    number: int
    id: Any = None
    images: tuple[str, ...] = ()
    question: str = ""
    responses: tuple[str, ...] = ()
    reference: str | None = None
    kept: dict[str, Any] = msgspec.field(default_factory=dict)
    reason: Reason | None = None
    detail: str | None = None


class RowError(ValueError):
    """Why a row cannot be asked about."""

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


def read_rows(path: Path, command: Command, image_root: Path) -> Iterator[Row]:
    """The rows of a JSON Lines file, each line one of them; blank lines are none.

    Raises ValueError where there is no such file.
    """
    if not path.is_file():
        raise ValueError(f"--input: must be a JSON Lines file (got '{path}')")
    for number, line in read_lines(path):
        fields: dict[str, Any] = {}
        try:
            fields = read_object(line)
            row = row_from(fields, number, command, image_root)
        except RowError as error:
            row = Row(
                number=number,
                id=fields.get("id"),
                kept=kept_of(fields),
                reason=error.reason,
                detail=error.detail,
            )
        yield row


def read_object(line: bytes) -> dict[str, Any]:
    """The JSON object of a line; RowError if it is none."""
    try:
        told = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RowError("not_json", str(error)) from None
    if not isinstance(told, dict):
        raise RowError("not_json", "must be a JSON object")
    return told


def row_from(
    fields: Mapping[str, Any], number: int, command: Command, image_root: Path
) -> Row:
    """The row that some fields make; RowError if the command cannot ask about it."""
    images = texts_of(fields, "images", "image")
    question = text_of(fields, "question")
    responses = texts_of(fields, "responses", "response")
    reference = fields.get("reference")
    if reference is not None and not isinstance(reference, str):
        raise RowError("bad_field", f"'reference' must be a string (got {reference!r})")
    if not images:
        raise RowError("no_image")
    if not question.strip():
        raise RowError("empty_question")
    check_responses(command, responses, reference)
    paths = tuple(find_image(image_root, name) for name in images)
    return Row(
        number=number,
        id=fields.get("id"),
        images=paths,
        question=question,
        responses=responses,
        reference=reference,
        kept=kept_of(fields),
    )


def check_responses(
    command: Command, responses: tuple[str, ...], reference: str | None
) -> None:
    """Raise RowError unless the responses are what the command compares."""
    least = 1 if command == "score" else 2
    if len(responses) < least or (command == "compare" and len(responses) > 2):
        must = "two" if command == "compare" else f"at least {least}"
        raise RowError(
            "wrong_number_of_responses", f"must be {must} (got {len(responses)})"
        )
    if command == "score" and reference is None:
        raise RowError("no_reference", "a score is the probability of being better")
    texts = [*responses, *([reference] if reference is not None else [])]
    if not all(text.strip() for text in texts):
        raise RowError("empty_response")
    if command != "score" and len(set(responses)) == 1:
        raise RowError("equal_responses")


def kept_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row that nobody here reads."""
    return {name: value for name, value in fields.items() if name not in FIELDS}


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A field that must be a string."""
    value = fields.get(name)
    if not isinstance(value, str):
        got = "nothing" if value is None else clip(repr(value))
        raise RowError("bad_field", f"'{name}' must be a string (got {got})")
    return value


def texts_of(fields: Mapping[str, Any], many: str, one: str) -> tuple[str, ...]:
    """A field of strings, or the other one that holds a single string."""
    value = fields.get(many, fields.get(one, []))
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise RowError(
            "bad_field", f"'{many}' must be a list of strings (got {clip(repr(value))})"
        )
    return tuple(value)


def find_image(image_root: Path, name: str) -> str:
    """The path of an image that can be shown; RowError says why it is none."""
    if name.startswith(("http://", "https://", "data:")):
        raise RowError("bad_image_path", "must be a file: fetch it first")
    try:
        path = str((image_root / name).resolve())
    except (OSError, ValueError):  # a name too long, or with a zero byte
        raise RowError("bad_image_path", clip(name)) from None
    reason = why_not_image(path)
    if reason is not None:
        raise RowError(reason, clip(name))
    return path


@lru_cache(maxsize=100_000)
def why_not_image(
    path: str, formats: tuple[str, ...] | None = None
) -> ImageReason | None:
    """Why a file is no image that can be shown; it is read once."""
    told = check_image(Path(path).parent, Path(path).name, MAX_PIXELS, formats)
    reasons = get_args(ImageReason)
    return told if told in reasons else None  # type: ignore[return-value]
