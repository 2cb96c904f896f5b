"""Where the brackets of a judgment stand.

In which sentence of which line, below which introduction, and in whose quotes.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from selfjudge.judging.wordings import (
    ALTERNATIVE,
    ATTRIBUTED,
    BETWEEN_LINES,
    BRACKETS,
    CHOICE,
    CONTRAST,
    EXCELS,
    INSTRUCTS,
    LABEL,
    LEFT_OPEN,
    MARKUP,
    QUOTED_BY_ONE,
    SENTENCE_END,
    TITLE,
    TURNS,
    WINS,
)

Mark = re.Match[str]

# Characters around brackets that may bear on them.
NEAR = 240
# Lines between a list of forms and what introduces it.
MOST_LISTED = 8
QUOTES = (('"', '"'), ("`", "`"), ("\u201c", "\u201d"))


class Place(NamedTuple):
    """A sentence with brackets, and what its line has before and after it.

    ``intro`` is the line that introduces it, or ""; ``is_last`` where nothing but
    marks follow it in the whole text, ``later`` what else follows on later lines.
    """

    intro: str
    before: str
    sentence: str
    after: str
    is_last: bool
    later: str


def places_from_end(text: str) -> Iterator[Place]:
    """The sentences of a text that hold brackets, the last one first."""
    lines = text.split("\n")
    is_end, listed = True, None
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if "[[" in line and not line.lstrip().startswith(">"):
            form = BRACKETS.sub("", line)
            intro = find_intro(lines, at) if form != listed else None
            if intro is None:
                listed = form
            else:
                later = "\n".join(lines[at + 1 : at + 1 + MOST_LISTED])[: 4 * NEAR]
                yield from sentences_from_end(line, intro, later, is_end)
        is_end = is_end and MARKUP.match(line) is not None


def sentences_from_end(
    line: str, intro: str, later: str, is_end: bool
) -> Iterator[Place]:
    """The sentences of one line that hold brackets, the last one first."""
    stop = len(line)
    starts = [0, *(match.end() for match in SENTENCE_END.finditer(line))]
    for start in reversed(starts):
        sentence = line[start:stop]
        if "[[" in sentence:
            before, after = line[:start], line[stop : stop + NEAR]
            is_last = is_end and MARKUP.match(after) is not None
            introduced = "" if start else intro
            yield Place(introduced, before, sentence, after, is_last, later)
        stop = start


def find_intro(lines: list[str], at: int) -> str | None:
    """The line that introduces a line, "" if none does, None if it lists forms.

    Such a list has alike lines, below one such as "it must be one of these:".
    """
    form = BRACKETS.sub("", lines[at])
    is_listed = is_apart = is_other = False
    for line in reversed(lines[max(0, at - MOST_LISTED) : at]):
        if "[[" in line and BRACKETS.sub("", line) == form:
            if is_other or (MARKUP.match(form) and is_rival(line, lines[at])):
                return None
            is_listed = True
        elif ALTERNATIVE.match(line[:NEAR]):
            is_other = True
        elif BETWEEN_LINES.match(line[:NEAR]):
            is_apart = True
        else:
            return read_intro(line[-NEAR:].rstrip(" *_`\"'"), is_listed, is_apart)
    return ""


def is_rival(line: str, other: str) -> bool:
    """Whether two lines of a form hold different brackets."""
    return BRACKETS.findall(line) != BRACKETS.findall(other)


def read_intro(line: str, is_listed: bool, is_apart: bool) -> str | None:
    """As `find_intro`, of the last line before that is no part of a list."""
    is_open = line.endswith(":")
    if is_listed:
        return None if is_open and INSTRUCTS.search(line) else ""
    is_unended = not is_apart and LEFT_OPEN.search(line) and ATTRIBUTED.search(line)
    if is_open or is_unended:
        return f"{line} "
    title = TITLE.search(line)
    return f"{title.group()} " if title else ""


def spoken_head(place: Place, mark: Mark) -> str | None:
    """The words of a sentence before brackets; None where the brackets are quoted.

    What stands in quotes is spoken if a label introduces it, or if it is the line.
    """
    words = place.sentence[: mark.start()]
    rest = place.sentence[mark.end() :] + place.after
    opened = find_quote(place.before + words, rest)
    if opened is None:
        return (place.intro + words)[-NEAR:]
    opened -= len(place.before)
    if opened < 0:
        return None
    head = (place.intro + words[:opened])[-NEAR:]
    is_line = MARKUP.match(words[:opened]) and MARKUP.match(rest)
    if is_line or (MARKUP.match(words[opened:]) and claims(place.sentence, mark)):
        return (place.intro + words)[-NEAR:]
    return head if LABEL.search(head) or CHOICE.search(head) else None


def find_quote(before: str, rest: str) -> int | None:
    """Where the quote opens that brackets stand in; -1 if on an earlier line."""
    for opener, closer in QUOTES:
        opened = before.rfind(opener)
        is_open = opened > before.rfind(closer)
        if opener == closer:
            is_open = before.count(opener) % 2 == 1
        if is_open and closer in rest:
            return opened
        if not is_open and rest.startswith(closer):
            return -1
    single = QUOTED_BY_ONE.search(before[-NEAR:]) if "'" in rest else None
    return len(before) - len(single.group().lstrip()) if single else None


def claims(sentence: str, mark: Mark) -> bool:
    """Whether a sentence goes on to say that what it named is the better response."""
    rest = sentence[mark.end() : mark.end() + NEAR]
    before = sentence[max(0, mark.start() - NEAR) : mark.start()]
    won = find_win(rest, is_only=not EXCELS.search(before))
    if won is None:
        return False
    return not CONTRAST.search(rest.partition("[[")[0], won.end())


def find_win(rest: str, *, is_only: bool = True) -> Mark | None:
    """Where the words after a name say that it is the better one, if they do.

    "More accurate" says so only of the one that is praised in a sentence.
    """
    won = WINS.search(rest)
    if won is None and is_only and "[[" not in rest:
        won = EXCELS.search(rest)
    return won if won and not TURNS.search(rest, 0, won.start()) else None
