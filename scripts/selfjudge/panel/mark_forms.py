"""How models write a mark, and where in a text they give one to a criterion.

A mark is a whole number from 1 to 5: "4", "**4/5**", "4 out of 5", "4.0", "4 - it is
right".  What could be another is none: "4.5", "4-5", "4/10", "4 (or 5)", "4 dogs".
A criterion's stands beside its name ("Correctness (1-5): 4", a row of a table, a key
of JSON), or alone in the line below.

What a remark says of the response does not matter, whatever numbers it names: a rater
that says what is wrong would lose its low marks else, and one that praises keep its
high ones.  So the mark before "the answer should be 5" counts; only a remark that is
itself a mark ("actually 3", "yes, 5"), ends in ", so 3" or says "3/5", leaves none.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

# Signs and digits as they are set among Chinese letters.
NARROW = {ord(sign) + 0xFEE0: sign for sign in ":;,./=|-()[]0123456789"}
NARROW[0xA0] = " "  # no break
# Possessive and bounded throughout: a text may be 20,000 signs of one kind.
NOISE = r"(?:[^\w\n]|_)"
OPENERS = r"[ \t*_`\"'\[({$]{0,20}+"
CLOSERS = r"[ \t*_`\"'\])}$]{0,20}+"
WORD = r"(?:score|rating|mark|grade)s?"
MARK = re.compile(
    rf"{OPENERS}(?:{WORD}{CLOSERS}[:=]?{OPENERS})?([1-5])(?:\.0+)?(?!\d){CLOSERS}"
    rf"(?:(?:/|\(?(?:out[ \t]+)?of)[ \t]*(?:5(?:\.0+)?(?!\d)|five\b){CLOSERS})?"
    rf"(?:(?:stars?|points?)\b{CLOSERS})?",
    re.IGNORECASE,
)
# What may follow a mark: nothing but signs, or a remark that is set off.
SIGNS = re.compile(
    r"[.,;:|!]*+[\u20e3\u2600-\u27bf\u2b50\ufe0f\U0001f300-\U0001faff \t]*+[.,;|]*+"
)
REMARK = re.compile(
    r"(?:[-\u2013:]+[ \t]|\u2014|\.[ \t]|[,;][ \t]+(?=[^\W\d])|[(\[|#]"
    r"|because\b|since\b)(.*)",
    re.IGNORECASE | re.DOTALL,
)
# Where a remark gives the mark anew: it, or a cell, is another mark with nothing but
# words that doubt or affirm one; or it ends in ", so 3", or has a mark "of five".
HEDGE = (
    rf"(?:or|but|no|yes|so|to|an?|it|i|my|{WORD}|maybe|perhaps|possibly|rather|even"
    r"|wait|actually|indeed|exactly|(?:could|might)[ \t]be|worth|deserves)\b"
)
AGAIN = re.compile(
    rf"(?:(?:^|\|)[^\w|]{{0,20}}+(?:{HEDGE}[^\w|]{{1,20}}+){{0,6}}|[.,;:][ \t]+so[ \t])"
    r"(?:[1-5](?:\.\d+)?(?!\w)|(?:one|two|three|four|five)\b)[^\w|]{0,20}+(?:\||$)"
    r"|\b[1-5](?:\.\d+)?[ \t]?(?:/[ \t]?5\b|out of (?:5|five)\b(?![ \t]*\w))",
    re.IGNORECASE,
)
# A remark by which the number before it was no mark: of another scale, or of an item.
NO_MARK = re.compile(
    r"[-.:,;([|\u2013 \t]*+(?:out of|on a scale of)\b"
    r"|([-.:\u2013])[ \t].*?(?:[.,;][ \t]*2[ \t]?\1|\b2[ \t]?\1[ \t]+(?-i:[a-z]))",
    re.IGNORECASE,
)
# A line about the marks below it: they are of another scale.
OTHER_SCALE = re.compile(
    rf"(?=.{{0,100}}$){NOISE}*+(?:on a|[^\d\n]*\b(?:{WORD}|rated?))\b[^\d\n]*"
    r"(?:\bof|[01][ \t]*(?:-|\u2013|to))[ \t]*(?:10|ten|100)[\W_]*",
    re.IGNORECASE,
)
# What may stand before the first criterion of a line.
LEAD = re.compile(
    rf"{NOISE}*+(?:\d{{1,2}}|[a-z][.)]|(?:(?:my|the|final|overall)[ \t]+)*"
    rf"(?:ratings?|scores?|marks?|evaluation){CLOSERS}:)?{NOISE}*+",
    re.IGNORECASE,
)
EMPTY = re.compile(r"[ \t*_`\"'\[({|:]*+")
BULLET = re.compile(r"[ \t]*(?:[-*+>#\u2022][ \t]+)?")
PROSE = re.compile(rf"{BULLET.pattern}{OPENERS}(?:[^\W\d]|$)")


class Statement(NamedTuple):
    """What a text gives a criterion: a mark, None if it states none; in which lines.

    It is prose if it has words in place of a mark.
    """

    criterion: str
    mark: str | None
    is_prose: bool
    first_line: int
    last_line: int


class Forms(NamedTuple):
    """The patterns of criteria: any name, a statement, where a line is cut; names."""

    name: re.Pattern[str]
    statement: re.Pattern[str]
    cut: re.Pattern[str]
    names: dict[str, str]


@cache
def name_of(criteria: tuple[str, ...]) -> str:
    """A pattern of their names; words of a name are joined as one likes."""
    longest = sorted(criteria, key=len, reverse=True)
    names = ("[ \t_-]".join(map(re.escape, one.split("_"))) for one in longest)
    return rf"(?:{'|'.join(names)})(?![A-Za-z0-9])"


@cache
def forms_of(criteria: tuple[str, ...]) -> Forms:
    """The patterns of criteria."""
    name = name_of(criteria)
    statement = (
        rf"(?P<before>{NOISE}*+(?:(?:\d{{1,2}}|[a-z])[ \t]*[.)|]{NOISE}*+)?)"
        rf"(?P<name>{name}){CLOSERS}(?:{WORD}\b{CLOSERS})?"
        rf"(?:\((?P<scale>[^()\n]*)\){CLOSERS})?"
        r"(?P<sign>[-=]>|\u2192|[:=]+|(?<=[ \t])[-\u2013]+(?=[ \t])|\u2014|\|)?"
        r"(?P<said>.*)"
    )
    key = r"[A-Za-z](?:\w|[ \t](?=\w)){0,30}+[*_\"']*+[ \t]{0,3}+[:=]"
    cut = (
        rf"[,;|](?={NOISE}{{0,12}}+(?:{name}|{key}))"
        rf"|(?<![ \t])[ \t]++(?={OPENERS}{name}{CLOSERS}[:=])"
    )
    names = {plain(one): one for one in criteria}
    patterns = [re.compile(one, re.IGNORECASE) for one in (name, statement, cut)]
    return Forms(patterns[0], patterns[1], patterns[2], names)


def plain(name: str) -> str:
    """A name in the one form in which all ways to write it agree."""
    return re.sub(r"[ \t-]", "_", name).lower()


def narrow(text: str) -> str:
    """The text with full-width signs and digits as ASCII has them."""
    return text if text.isascii() else text.translate(NARROW)


def read_mark(text: str) -> str | None:
    """The one mark that a text states, with a remark at most; None if unclear."""
    found = MARK.match(text)
    if found is None:
        return None
    rest = text[found.end() :]
    if SIGNS.fullmatch(rest):
        return found[1]
    remark = REMARK.match(rest)
    if remark is None or NO_MARK.match(rest) or AGAIN.search(remark[1]):
        return None
    return found[1]


def read_bare(text: str) -> str | None:
    """The mark that a line states, if it holds nothing else."""
    bullet = BULLET.match(text)
    assert bullet is not None
    found = MARK.match(text, bullet.end())
    return found[1] if found and SIGNS.fullmatch(text, found.end()) else None


def find_statements(
    lines: Sequence[str], criteria: Sequence[str]
) -> Iterator[Statement]:
    """What the lines of a text give criteria, in their order.

    A line gives one a mark where it begins with it; more where they follow it in the
    line, or are keys of JSON.
    """
    forms = forms_of(tuple(criteria))
    for at, line in enumerate(lines):
        if not forms.name.search(line):
            continue
        pieces = forms.cut.split(line)
        may_begin, is_list = True, False
        for place, piece in enumerate(pieces, 1):
            found = forms.statement.match(piece)
            if found is None:
                may_begin = may_begin and is_lead(piece)
            elif is_list or may_begin or is_key(found):
                is_list = True
                below = find_below(lines, at) if place == len(pieces) else at
                line_below = lines[below] if below != at else ""
                mark, end = read_statement(found, at, below, line_below)
                if end is not None:
                    criterion = forms.names[plain(found["name"])]
                    is_prose = mark is None and has_words(found["said"], line_below)
                    yield Statement(criterion, mark, is_prose, at, end)


def is_lead(piece: str) -> bool:
    """Whether it leads to criteria: signs, a number, "a)", or "Final scores:"."""
    return LEAD.fullmatch(piece) is not None


def is_key(found: re.Match[str]) -> bool:
    """Whether a criterion stands in quotes of its own, as a key of JSON."""
    quote = found["before"][-1:]
    return quote in ('"', "'") and found.string[found.end("name") :].startswith(quote)


def has_words(said: str, line_below: str) -> bool:
    """Whether a criterion has words in place of a mark, none that give one either."""
    place = line_below if EMPTY.fullmatch(said) else said
    return bool(PROSE.match(place)) and not AGAIN.search(BULLET.sub("", place, 1))


def has_other_scale(lines: Sequence[str], at: int) -> bool:
    """Whether the line above that has words says so of the marks in and below one."""
    places = range(at - 1, -1, -1)
    above = (lines[place] for place in places if re.search(r"[^\W_]", lines[place]))
    return OTHER_SCALE.fullmatch(next(above, "")) is not None


def find_below(lines: Sequence[str], at: int) -> int:
    """The line below that is not blank, of the next two; the line itself without."""
    near = range(at + 1, min(at + 3, len(lines)))
    return next((below for below in near if lines[below].strip()), at)


def read_statement(
    found: re.Match[str], at: int, below: int, line_below: str
) -> tuple[str | None, int | None]:
    """The mark that a criterion is given, and the last line of that.

    Without a mark the line still gives it one that cannot be read, unless it has no
    sign between name and text: then there is no line, as it is prose or a heading.
    """
    said, scale = found["said"], found["scale"]
    beside = read_mark(scale) if scale else None
    if scale and beside is None and set(re.findall(r"\d+", scale)) - {"1", "5"}:
        return None, at  # of another scale
    if EMPTY.fullmatch(said):
        if beside is None and line_below:
            mark = read_bare(line_below)
            return (mark, below) if mark else (None, at if found["sign"] else None)
        return beside, at if beside or found["sign"] else None
    mark = read_mark(said) if found["sign"] else read_bare(said)
    if beside and not re.match(r"[\W_]*\d", said):
        return beside, at  # and then the reason
    if beside not in (None, mark):
        return None, at
    return mark, at if mark or found["sign"] else None
