"""Prompt templates, and the chat turns that they become."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def load_template(path: str | Path, *fields: str, optional: Sequence[str] = ()) -> str:
    """The text of a template file that has exactly the placeholders ``fields``.

    It may have those of ``optional`` too.  Raises ValueError if one is missing or
    unknown.
    """
    template = Path(path).read_text(encoding="utf-8").rstrip("\n")
    found = set(PLACEHOLDER.findall(template))
    if found - set(optional) != set(fields):
        must, got = sorted(fields), sorted(found)
        raise ValueError(f"{path}: placeholders must be {must} (got {got})")
    return template


@cache
def split_template(template: str) -> tuple[str, ...]:
    """Plain text and the names of placeholders in turn; begins and ends with text."""
    return tuple(PLACEHOLDER.split(template))


def fill(template: str, **values: str) -> str:
    """The template with its placeholders replaced, all at once.

    A value that contains a placeholder's name or braces stays as it is.
    """
    parts = list(split_template(template))
    parts[1::2] = [values[name] for name in parts[1::2]]
    return "".join(parts)


def user_turn(num_images: int, text: str) -> dict[str, Any]:
    """One chat turn of the user: the images, then the text."""
    images: list[dict[str, str]] = [{"type": "image"} for _ in range(num_images)]
    return {"role": "user", "content": [*images, {"type": "text", "text": text}]}


def assistant_turn(text: str) -> dict[str, Any]:
    """One chat turn of the assistant."""
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def image_paths(images: tuple[str, ...], image_root: Path) -> tuple[str, ...]:
    """Readable paths of images named below the image root."""
    return tuple(str(image_root / name) for name in images)
