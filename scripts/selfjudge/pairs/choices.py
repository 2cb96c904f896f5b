"""The option that a short text names, by its letter or by its text."""

import re
from functools import lru_cache

from selfjudge.pairs.normal import LOOSE, MARKS, SPACES, fold, normalise_name
from selfjudge.pairs.notation import DEGREE
from selfjudge.pairs.numbers import parse_number

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
    r"|therefore|thus|hence|clearly|as|must|should|has to|think|believe|my|guess)\b)*",
    re.IGNORECASE,
)
# A letter in brackets, or one that stands alone or before a reason.
HEAD = re.compile(
    r"[(\[]\s?([A-Za-z])\s?[)\]]"
    r"|([A-Za-z])(?=\s*$|[.):,;!\]](?:\s|$|[)*.])|\s?[(\[\u2013\u2014]|\s-|\s?:"
    r"|\s(?:because|since|as|due|based|given|for the|is (?:the )?(?:correct|right|best)"
    r"|which|where|rather than|instead of|and|or|&)\b|\s?/|\s&)"
)
# "A and C", "A, C", "A. C.", "A: C", "A/B", "A (or C)", "A, maybe C": a second letter.
SECOND = re.compile(
    r"[)\]]?(?:(?:\s?(?:[,.:;/&|\u2013\u2014(-]|\b(?:and|or|as well as|maybe|perhaps"
    r"|possibly|probably|likely|also|even|then|else|but|either|both|option|choice)\b"
    r"))+\s?|\s?(?=[(\[][A-Za-z][)\]]))[(\[]?"
    r"(?:([B-HJ])(?![\w'/+*^-]|\.\w|\s?=)"
    r"|([AI])(?![\w'/+*^-]|\.\w|\s?=|\s(?!and\b|or\b|is\b)[a-z])"
    r"|([a-j])(?=[)\].,;/?!](?!\w)|\s?$|\s(?:and|or)\b))"
)
# "A and a cat": whatever is beside the letter, it is not chosen alone.
BESIDE = re.compile(
    r"[)\]]?,?\s(?:and|or|as well as|&)\s(?!(?:not|it|this|that|i|so)\b)", re.IGNORECASE
)
# "(A). (B) and (C) are wrong": other letters that are ruled out.
RULED_OUT = re.compile(
    r"[)\]]?(?:[.;,]\s|\s?\(|\s-\s)(?:options?\s)?(?:[(\[]?[A-J][)\]]?(?:,\s|\sand\s|\sor\s|,\sand\s|\s)){1,9}"
    r"(?:is|are) (?:both |all |clearly )?(?:wrong|incorrect|false|not)\b"
)
# "B (a cat) and A", "B, a cat, or perhaps A".
ALSO = re.compile(
    r"[),]\s(?:and|or)\s(?:(?:maybe|perhaps|possibly|also)\s)?[(\[]?([A-J])(?![\w'])"
    r"(?!.{0,80}\b(?:is|are|was|were|has|have|not|no)\b)"
)
BEFORE_POINT = re.compile(r"(?<=\w) (?=[.,;:)])")
# "A. dog, C. fox": more options than one.
LISTED = re.compile(r"[\s,;]([A-J])[.):]\s|;\s([A-J]),\s")
# "B. No, A": the last one is another.
CORRECTED = re.compile(
    r"\b(?:(?:wait|actually|correction|i mean|make that|or rather)[,:.!]*|no[,:.!]+)\s"
    r"(?:[a-z']+,?\s){0,5}[(\[]?([A-J])(?![\w']|\s[a-z])",
    re.IGNORECASE,
)
NEGATION = re.compile(
    r"\b(?:not|no|neither|nor|never|isn'?t|aren'?t|wasn'?t|without|both|except"
    r"|anything but|other than|rather than|instead)\b"
)
# Beside an option's text these leave it open, or take it out.
NOT_SAID = re.compile(
    NEGATION.pattern + r"|\b(?:but|absent|missing|gone|removed|replaced|hidden|lacks?"
    r"|lacking|less|wrong|incorrect|hardly|unlikely|unlike|exclud\w+|eliminat\w+"
    r"|ruled?|than|opposite|maybe|perhaps|possibly|either|or)\b"
)
# What may stand beside an option's text that is the answer: "a hot dog" is no dog.
TEXT_BEFORE = re.compile(
    r"(?:^|[,.;:(\"'\u2014=]\s?|-\s|\b(?:a|an|the|this|that|is|are|was|were|be|been|it's"
    r"|as|like|in|on|at|by|to|from|made of|with|for|would|will|should|must|see|sees"
    r"|shows?|depicts|says|said|reads|took|takes|lasts?|lasted|about|around|called|named|has|have|just|only|probably|likely|clearly"
    r"|definitely|choose|pick|select|its|his|her|their|my)\s)$"
)
TEXT_AFTER = re.compile(
    r"\s?(?:$|[,.;:)!\"'\u2014(](?!\w)|-\s|\(|\d+\W?$|(?:is|are|was|were|here|there|in|on"
    r"|at|because|since|as|which|who|due|based|given|shown|seen|from|by|for|with|best"
    r"|would|has|it)\b)"
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
    plain = MARKS.sub(" ", LOOSE.sub("", text))
    plain = BEFORE_POINT.sub("", " ".join(SPACES.sub(" ", plain).split()))
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
    rest = text[match.end() :]
    own = options.get(letter, "").strip("()[]")
    if rest and own and normalise_name(rest).strip("()[]") == own:
        return letter
    if rest and names_another(letter, rest):
        return ""
    # "A: a fox", where the fox is another option: the mark of an answer.
    if rest.startswith(":") and normalise_name(rest).strip("()[]") in options.values():
        return ""
    if letter == "i" and letter not in options and match[2]:
        return None
    if letter in (options or LETTERS):
        return letter
    return None if normalise_name(text) in options.values() else ""


def names_another(letter: str, rest: str) -> bool:
    """Whether what follows a letter puts another one beside it or in its place."""
    if out := RULED_OUT.match(rest):
        return letter in re.findall(r"\b[a-j]\b", out[0].lower())
    if BESIDE.match(rest):
        return True
    found = {a or b for a, b in LISTED.findall(rest)} | {*CORRECTED.findall(rest)}
    found.update(ALSO.findall(rest))
    if second := SECOND.match(rest):
        found.add(second[1] or second[2] or second[3])
    return bool({other.lower() for other in found} & {*LETTERS} - {letter})


def find_by_text(text: str, options: dict[str, str]) -> str | None:
    """The letter of the one option whose text a short text is, or says of it."""
    normal = normalise_name(fold(text))
    exact = {normal, normal.rpartition("=")[2].strip()}
    same = [letter for letter, option in options.items() if option in exact]
    if same:
        return same[0] if len(same) == 1 else None
    if "\\" in text:
        return None
    by_value = find_by_value(text, options)
    if by_value is not None:
        return by_value or None
    found = []
    # The longest first, each taken out, so that "quarter" is not in "quarter past".
    for letter, option in sorted(options.items(), key=lambda item: -len(item[1])):
        if len(option) < 2 or is_bare_number(option):
            continue
        whole = re.compile(
            rf"(?<![\w.,/\-^*+:\u00b1\u221a<>]){re.escape(option)}(?!\w)"
        )
        if (place := whole.search(normal)) is None:
            continue
        before, after = normal[: place.start()], normal[place.end() :]
        is_said = TEXT_BEFORE.search(before) and TEXT_AFTER.match(after)
        found.append(letter if is_said else "")
        normal = whole.sub("\0", normal)
    if len(found) != 1 or not found[0] or NOT_SAID.search(normal):
        return None
    return found[0] if options[found[0]] not in WHOLE_ANSWERS else None


def find_by_value(text: str, options: dict[str, str]) -> str | None:
    """The letter of the one option with the number of a text, "" if it is several,
    None if it is no option's, or their units may differ."""
    if not any(map(str.isdigit, text)):
        return None
    value = parse_number(text, is_marked=False)
    same = [
        letter
        for letter, option in options.items()
        if value is not None and parse_number(option, is_marked=False) == value
    ]
    if len(same) == 1 and is_bare_number(DEGREE.sub("", options[same[0]]).strip()):
        return same[0]
    return "" if len(same) > 1 else None


def is_bare_number(option: str) -> bool:
    """Whether an option is digits alone."""
    return option.lstrip("-+").replace(".", "", 1).isdigit()


def find_option_line(lines: list[str], options: dict[str, str]) -> str | None:
    """The letter of a first or last line that is an option with its text.

    None if other lines begin with other letters: they retell the options.
    """
    found = [match for line in lines if (match := OPTION_LINE.match(line))]
    letters = {match[1].lower() for match in found}
    if len(letters) != 1 or found[0].string not in (lines[0], lines[-1]):
        return None
    letter = letters.pop()
    text = normalise_name(found[0][2][: 2 * MAX_OPTION])
    return letter if text == options.get(letter) else None


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
WHOLE_ANSWERS = frozenset(["yes", "no"])
