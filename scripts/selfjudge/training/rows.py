"""The accepted rows that a judge is trained on, and those too long for it."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from selfjudge.engines.image_lengths import ImageLengths
from selfjudge.ground.images import shown_size
from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Accepted
from selfjudge.ground.requests import SIMULATED_MARK
from selfjudge.training.conversations import render, text_ids

# A judge trained on what is short alone is another judge, and nobody would know why.
MOST_LEFT_OUT_RATE = 0.1


class LongRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row left out of training because it is longer than `max_length` tokens."""

    judgment_id: str
    num_tokens: int


def read_rows(accepted: Path) -> list[Accepted]:
    """All rows of a file, checked; ValueError names the file and the row."""
    rows = list(read_records(accepted, Accepted))
    if not rows:
        raise ValueError(
            f"{accepted}: must hold at least one accepted judgment (got an empty "
            "file). Hint: filter_report.json beside it counts why each judgment was "
            "dropped."
        )
    for row in rows:
        if fault := find_fault(row):
            raise ValueError(
                f"{accepted}: the row of judgment {row.judgment_id} {fault}"
            )
    return rows


def refuse_simulated(accepted: Path, rows: Iterable[Accepted]) -> None:
    """Raise ValueError if a row holds a text that no model wrote."""
    for row in rows:
        parts = [part for message in row.messages for part in message["content"]]
        if any(SIMULATED_MARK in part.get("text", "") for part in parts):
            raise ValueError(
                f"{accepted}: the row of judgment {row.judgment_id} must hold texts of "
                f"models (got one marked {SIMULATED_MARK}: a rehearsal's). Hint: set "
                "'engine.name' to a real engine and run again."
            )


def find_fault(row: Accepted) -> str | None:
    """Why a row cannot be trained on, or None."""
    try:
        roles = [message["role"] for message in row.messages]
        parts = [part for message in row.messages for part in message["content"]]
        kinds = Counter(part["type"] for part in parts)
        texts = [part["text"] for part in parts if part["type"] == "text"]
    except (KeyError, TypeError) as error:
        return f"must hold messages of role and content parts (got {error!r})"
    if len(roles) < 2 or roles[-1] != "assistant":
        return f"must end with an assistant's turn (got roles {roles})"
    if row.messages[-1]["content"] == [] or not str(texts[-1]).strip():
        return "must have a text to learn (got an empty assistant's turn)"
    if kinds["image"] != len(row.images):
        return (
            f"must have an image part for each image "
            f"(got {kinds['image']} parts, {len(row.images)} images)"
        )
    return None


def defuse_texts(row: Accepted, defuse: Callable[[str], str]) -> Accepted:
    """The row with special tokens that its texts spell out broken up by ``defuse``.

    The engines do the same: a judge must be trained on what it was asked.
    """
    messages = [
        {
            **message,
            "content": [
                {**part, "text": defuse(part["text"])} if "text" in part else part
                for part in message["content"]
            ],
        }
        for message in row.messages
    ]
    return msgspec.structs.replace(row, messages=messages)


def strip_judgment(row: Accepted) -> Accepted:
    """The row without white space around what the judge wrote.

    Chat templates add their own before it, or cut it: written after theirs, a blank
    or a line break would be doubled, or melt with it into a token that cannot follow
    the prompt.
    """
    *before, last = row.messages
    texts = [part["text"] for part in last["content"] if part["type"] == "text"]
    text = {"type": "text", "text": "".join(texts).strip()}
    return msgspec.structs.replace(row, messages=[*before, last | {"content": [text]}])


class TokenCounter:
    """Counts a row's tokens without decoding its images, shown in ``max_pixels``."""

    def __init__(
        self, processor: Any, image_root: Path, max_pixels: int | None = None
    ) -> None:
        self.processor = processor
        self.image_root = image_root
        self.max_pixels = max_pixels
        self.image_lengths = ImageLengths(processor)

    def count_tokens(self, row: Accepted) -> int:
        """The length of a row as the model reads it, image tokens included."""
        text = render(self.processor, row.messages)
        sizes = [
            shown_size(self.image_root / name, self.max_pixels) for name in row.images
        ]
        num_image_tokens = sum(map(self.image_lengths.count, sizes))
        return len(text_ids(self.processor, text)) + num_image_tokens


def split_by_length(
    rows: Iterable[Accepted], counter: TokenCounter, max_length: int
) -> tuple[list[Accepted], list[LongRow]]:
    """The rows of at most ``max_length`` tokens, and the others with their length."""
    kept: list[Accepted] = []
    left_out: list[LongRow] = []
    for row in rows:
        num_tokens = counter.count_tokens(row)
        if num_tokens <= max_length:
            kept.append(row)
        else:
            long = LongRow(judgment_id=row.judgment_id, num_tokens=num_tokens)
            left_out.append(long)
    return kept, left_out
