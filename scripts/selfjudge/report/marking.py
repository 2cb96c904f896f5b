"""Model text as a page may show it: bounded, with nothing invisible, changes marked."""

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from selfjudge.pairs.alterations import num_alike

# A word with the blanks after it, or blanks at the start.
WORD = re.compile(r"\S+\s*|\s+")


class Span(NamedTuple):
    """A piece of a text, and whether the other text has something else there."""

    text: str
    is_changed: bool


def cut_text(text: str, most: int) -> tuple[str, int]:
    """The first ``most`` characters, and the number of those left out."""
    return text[:most], max(0, len(text) - most)


def show_controls(text: str) -> str:
    """The text with every character made visible that would act, not show.

    C0 controls become their pictures (U+2400 and on); other controls, direction
    marks and overrides, lone surrogates and private or unassigned characters
    become ``<U+202E>``.  Line ends and tabs stay; so do the joiners of scripts
    and emoji.
    """
    return "".join(
        character if is_plain(character) else picture_of(character)
        for character in text
    )


def is_plain(character: str) -> bool:
    """Whether a character shows itself, or is one that ordinary text needs."""
    if character in "\n\t\u200c\u200d":
        return True
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl"}


def picture_of(character: str) -> str:
    """What stands for a character that would not show."""
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else f"<U+{code:04X}>"


def mark_changes(old: str, new: str) -> tuple[list[Span], list[Span]]:
    """Both texts cut into spans that both have, and spans that differ, by words.

    The spans of a text, joined, are the text.  What both begin and end with is set
    aside first: in a long text the matcher overlooks words that come often, and
    would mark all of a text of few different words.
    """
    before, after = WORD.findall(old), WORD.findall(new)
    bare_before, bare_after = bare_words(before), bare_words(after)
    start = num_alike(bare_before, bare_after)
    end = num_alike(bare_before[start:][::-1], bare_after[start:][::-1])
    last, new_last = len(before) - end, len(after) - end
    matcher = SequenceMatcher(None, bare_before[start:last], bare_after[start:new_last])
    steps = [
        (False, 0, start, 0, start),
        *(
            (tag != "equal", start + a, start + b, start + c, start + d)
            for tag, a, b, c, d in matcher.get_opcodes()
        ),
        (False, last, len(before), new_last, len(after)),
    ]
    old_spans: list[Span] = []
    new_spans: list[Span] = []
    for is_changed, first, stop, new_first, new_stop in steps:
        old_spans += make_spans("".join(before[first:stop]), is_changed)
        new_spans += make_spans("".join(after[new_first:new_stop]), is_changed)
    return old_spans, new_spans


def make_spans(text: str, is_changed: bool) -> Iterator[Span]:
    """A text as spans that are not empty; blanks at its end are never changed."""
    words = text.rstrip() if is_changed else ""
    if words:
        yield Span(words, True)
    if text[len(words) :]:
        yield Span(text[len(words) :], False)


def bare_words(words: list[str]) -> list[str]:
    """Words without the blanks after them: where a line breaks is no change."""
    return [word.rstrip() for word in words]
