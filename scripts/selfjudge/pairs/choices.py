"""The option that a short text names, by its letter or by its text."""

import re
from functools import lru_cache

from selfjudge.pairs.normal import MARKS, SPACES, fold, normalise_name

LETTERS = "abcdefghij"
# Full-width letters, points and brackets as narrow ones.
NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
# A question's options are read from its end; an option's text so far.
MAX_QUESTION = 20_000
MAX_OPTION = 300

OPTION_LINE = re.compile(
    r"^[ \t>*_-]{0,6}[(\[]?([A-Ja-j])[*_]{0,2}[.):\]][*_]{0,2}[ \t]*(\S.*)$",
    re.MULTILINE,
)
OPTION = re.compile(
    r"(?:^|\s)[(\[]?([A-Ja-j])[.):\]][ \t]*(\S.*?)"
    r"(?=\s[(\[]?[A-Ja-j][.):\]]\s|\s[(\[][A-Ja-j][)\]]|\n|$)"
)
# What may stand before the letter that is chosen.
LEAD = re.compile(
    r"(?:'(?:s|d|m|ll|re)\b|[\s\"'*_,:]|(?:the|so|it|is|its|i|would|will|pick|choose|chose|select|go|with"
    r"|say|be|correct|right|best|final|probably|likely|option|choice|letter|answer"
    r"|therefore|thus|hence|clearly|as)\b)*",
    re.IGNORECASE,
)
# A letter in brackets, or one that stands alone or before a reason.
HEAD = re.compile(
    r"[(\[]\s?([A-Za-z])\s?[)\]]"
    r"|([A-Za-z])(?=\s*$|[.):,;\]](?:\s|$|[)*])|\s?[(\[\u2013\u2014]|\s-|\s?:"
    r"|\s(?:because|since|as|due|based|given|for the|is (?:the )?(?:correct|right|best)"
    r"|and|or|&)\b|\s?/|\s&)"
)
# "A and C", "A, C", "A. C.", "A/B": a second letter.
SECOND = re.compile(
    r"[)\]]?\s*(?:[,.;/&]|\band\b|\bor\b)\s*(?:and\s|or\s)?[(\[]?"
    r"([A-Za-z])(?=[)\].,;/?!]|\s*$|\s(?:and|or)\b)",
    re.IGNORECASE,
)
BEFORE_POINT = re.compile(r"(?<=\w) (?=[.,;:)])")
# "A. dog, C. fox": more options than one.
LISTED = re.compile(r"[\s,;]([A-J])[.)]\s")
NEGATION = re.compile(
    r"\b(?:not|no|neither|nor|never|isn'?t|aren'?t|without|both"
    r"|except|anything but|other than|rather than|instead)\b"
)
NAMED_IN_PROSE = re.compile(
    r"\b(?:option|choice|answer|pick|choose|select|with|like|is|be)\s+"
    r"\(([A-Ja-j])\)(?!\w)"
)
IS_CORRECT = re.compile(
    r"(?:^|[\s(])([A-J])\)? is (?:the )?(?:correct|right|best)\b"
    r"|\b(?:pick|choose|chose|select|go with|option|choice)\s\(?([A-J])\b"
)


@lru_cache(maxsize=1024)
def find_options(question: str) -> tuple[tuple[str, str], ...]:
    """The options of a question as pairs of letter and text, in order, or none.

    They count only if their letters run from "a" without a gap; options on lines
    of their own before those within a line.
    """
    question = question[-MAX_QUESTION:].translate(NARROW)
    for pattern in (OPTION_LINE, OPTION):
        found = {
            letter.lower(): normalise_name(text[:MAX_OPTION])
            for letter, text in pattern.findall(question)
        }
        letters = "".join(sorted(found))
        if pattern is OPTION and not begins_options(question):
            return ()
        if len(letters) >= 2 and LETTERS.startswith(letters):
            return tuple(sorted(found.items()))
    return ()


def begins_options(question: str) -> bool:
    """Whether the first letter within a line begins options, and no "vitamin A."."""
    first = OPTION.search(question)
    if first is None or first[0].lstrip()[:1] in "([":
        return first is not None
    before = question[: first.start()].rstrip()
    return not before[-1:].isalnum() or ")" in first[0][:4]


def parse_options(question: str) -> dict[str, str]:
    """The options of a choice question: letter to text in common form, or empty."""
    return dict(find_options(question))


def parse_choice(text: str, options: dict[str, str]) -> str | None:
    """The letter chosen: by itself, or by its option's text if it names no letter.

    A letter that is no option is no answer, whatever stands after it.
    """
    plain = " ".join(SPACES.sub(" ", MARKS.sub(" ", text)).split())
    plain = BEFORE_POINT.sub("", plain)
    letter = read_letter(plain, options)
    if letter is None:
        return find_by_text(plain, options)
    return letter or None


def read_letter(text: str, options: dict[str, str]) -> str | None:
    """The letter that a text begins with; "" if it is none of the options or not
    the only one, None if the text begins with no letter."""
    lead = LEAD.match(text)
    start = lead.end() if lead else 0
    match = HEAD.match(text, start)
    if match is None:
        return None
    letter = (match[1] or match[2]).lower()
    if normalise_name(text[match.end() :]) == options.get(letter):
        return letter
    second = SECOND.match(text, match.end())
    if second and second[1].lower() != letter and second[1].lower() in LETTERS:
        return ""
    others = {found.lower() for found in LISTED.findall(text[match.end() :])}
    if others - {letter}:
        return ""
    if letter == "i" and letter not in options and match[2]:
        return None
    if letter in (options or LETTERS):
        return letter
    return None if normalise_name(text) in options.values() else ""


def find_by_text(text: str, options: dict[str, str]) -> str | None:
    """The letter of the one option whose text a short text is, or holds."""
    normal = normalise_name(fold(text))
    exact = {normal, normal.rpartition("=")[2].strip()}
    same = [letter for letter, option in options.items() if option in exact]
    if same:
        return same[0] if len(same) == 1 else None
    if NEGATION.search(normal):
        return None
    found = []
    # The longest first, each taken out, so that "quarter" is not in "quarter past".
    for letter, option in sorted(options.items(), key=lambda item: -len(item[1])):
        if len(option) < 2 and not option.isdigit():
            continue
        whole = re.compile(
            rf"(?<![\w.,/\-^*+:]){re.escape(option)}"
            r"(?![\w/^*+]|[.,:]\d|-\w|\s[+*/^]\s?\w)"
        )
        shorter = whole.sub("\0", normal)
        if shorter != normal:
            found.append(letter)
        normal = shorter
    return found[0] if len(found) == 1 and options[found[0]] not in YES_NO else None


def find_in_prose(text: str, options: dict[str, str]) -> str | None:
    """The letter that a sentence calls correct or picks, if it is one alone."""
    if NEGATION.search(text.lower()):
        return None
    named = {(a or b).lower() for a, b in IS_CORRECT.findall(text)}
    named |= {letter.lower() for letter in NAMED_IN_PROSE.findall(text)}
    if len(named) != 1:
        return None
    letter = named.pop()
    return letter if letter in (options or LETTERS) else None


# Words that prose has everywhere: as an option they must be the whole answer.
YES_NO = frozenset(["yes", "no"])
