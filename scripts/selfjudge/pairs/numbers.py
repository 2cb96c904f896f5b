"""The one number that a short text states, or None."""

import re
from decimal import Decimal

from selfjudge.pairs.notation import (
    LEAD,
    NUMBER,
    only_repeats,
    shortest_number,
    to_plain,
)

SAYS = re.compile(
    r"\b(?:is|are|was|were|see|count|counted|have|has|had|get|equals?|be|total|answer"
    r"|shows?|contains?|costs?|so|thus|therefore|hence)\b|[=:]"
)
# "One of these", "there is one thing that": a word of prose, and no count.
ONE = re.compile(
    r"\W*(?:the )?one\s+\w"
    r"|.{0,80}\bone\s(?:(?:thing|way|more|another|point|reason|of|to|by)\b"
    r"|(?:\w+\s){0,2}(?:that|which|who|where|to|about)\b)",
    re.IGNORECASE,
)
AT_HEAD = re.compile(rf"(?P<number>{NUMBER})(?P<rest>.*)")
# "The angle is 40": a short sentence may say what the number is of.
SAID_OF = re.compile(
    r"[^\d=<>]{2,80}\b(?:is|are|was|were|equals|has|have|had|be|costs?|shows?"
    r"|contains?)[\s:]+(?:(?:about|around|approximately|roughly|exactly|only|equal to"
    rf"|a|at)\s+)?(?={NUMBER})"
)
ANY_NUMBER = re.compile(rf"(?<![\w.\-]){NUMBER}|(?<=\W)-?\d+(?:\.\d+)?")
# "5M" may be a million or metres, "5!" a factorial; "First, there are 2" goes on.
UNCLEAR = re.compile(r"\d\s?(?:[KMB]|MM)\b|\d!")
OPENING = re.compile(
    r"(?:first|second|next|then|now|step|let|looking|in|at|on|by|from|to|if|when)\b"
)
LISTED = re.compile(r"\d+[.)]\s+[a-z]")
SCALES = {
    "dozen": 12,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
SCALE = re.compile(rf"[\s-]*({'|'.join(SCALES)})s?\b")
# Of letters that stand alone these are units, and others variables.
LETTER_UNITS = frozenset("mgslhvwcf\u03c9")
SHORT_UNITS = frozenset(
    "km cm mm nm um kg mg ml dl cl lb oz ft in yd mi hz kb mb gb tb px hr am pm st nd "
    "rd th kw mw kv mv ma pa ev mol mph kph kmh bpm ppm sec min deg rad cal usd eur "
    "lbs hrs mins secs fps rpm psi khz mhz ghz kpa kcal pts kwh mwh is of no up "
    "cc".split()
)
# "3 because 2 stand and 1 lies": what follows one of these gives the reason.
TAIL = re.compile(
    r"\s?[(;\[]|,\s|\s(?:because|since|as|due|based|out of|of|given|where|which|with|in"
    r"|on|at|from|for|per|that|who)\b|[.!?:]\s|\s-\s|\s?\u2014"
)
BOUND = re.compile(
    r"\b(?:more|less|fewer|greater|larger|smaller|least|most|over|under|above|below|up"
    r"|not|no|never|between|minimum|maximum|max|almost|nearly|exceeds?|exceeding|beyond|or"
    r"|than|but|except|excluding|besides|anything|everything"
    r"|versus|vs|isn't|aren't|within|past|upwards?|shy|approaching)\b"
    r"|[<>\u2264\u2265\u00b1]"
)
# "Twice 4", "the sum of 3 numbers" begin a calculation.
OPERAND = re.compile(
    r"\b(?:twice|thrice|double|triple|factorial|(?:sum|product|difference|multiple"
    r"|average|mean|square|cube) of)\s(?:the\s)?$"
)
# "Mid 30s", "close to 30" is near a number.
NEAR = re.compile(r"\b(?:close|closer|north|south|mid|early|late|some)\b[^.,;]{0,20}$")
EXPRESSION = re.compile(
    r"[+*/^\\=\u221a\u03c0\u00d7\u00f7\u2044\u221e|]"
    r"|\b(?:pi|sqrt|root|half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|tenths?"
    r"|eighths?|hundredths?|thousandths?|millionths?|squared|cubed|times|plus|minus|divided|log|ln|exp|sin|cos|tan|mod"
    r"|hundreds?|lakhs?|crores?|mil|mln|mio|mn|bn|score|gross|k)\b"
    r"|-(?:third|half|quarter|fourth|fifth)"
)
BOUND_AFTER = re.compile(
    r"\W{0,2}(?:\w+\s){0,3}(?:at (?:most|least)|(?:or|and) (?:more|less|fewer|above"
    r"|over|higher|lower|up|so))\b"
)
# "3 (+-1)", "3 (or 4)", "30-something"; and "the 90s", which may be seconds.
DECADE = re.compile(r"0s\b")
IN_DOUBT = re.compile(
    r"\s?[(\[,]\s?(?:[-+\u00b1/]{2}|\u00b1|\\pm|or\b|maybe\b|perhaps\b|possibly\b"
    r"|could\b|might\b|at (?:least|most)\b|minimum\b|maximum\b|give or take\b)"
    r"|-?(?:something|odd|ish|plus)\b"
)
JOINED = re.compile(
    r"(?:\.?\d|[:/^*+\\]|\(\s?-?[\d\\\u221a]|[-,]\s?\d|\s?[-,/:]\s?\d|\s-\d"
    r"|\s?[-+*/]\s?[\\\u221a\u03c0(]|\s[-+*/]\s[a-z]\b"
    r"|\s(?:to power|raised|choose|mod)\b"
    r"|[\u2014\u2015]\s?\d|\s[\u2014\u2015]\s?[\d.,]+\W*$"
    r"|\s?\(\s?(?:\d*[a-z]\s?[-+*/^]\s?(?:\d+|[a-z])|\d+\s?[-+*/]\s?\d*[a-z])\s?\)"
    r"|\s(?:in|to|by|per|vs?\.?|x|for)\s(?:every\s)?-?\d)"
)


def parse_number(text: str, *, is_marked: bool) -> str | None:
    """The number that a marked or bare text states, in shortest form.

    None for two numbers, a bound, a ratio, a fraction or an expression.
    """
    normal = None if UNCLEAR.search(text) else to_plain(text.strip())
    if normal is None or (not is_marked and (goes_on(normal) or ONE.match(text))):
        return None
    found = find_number(normal, is_marked=is_marked)
    if found is None:
        return None
    before, number, rest = found
    if BOUND.search(before) or EXPRESSION.search(before + " "):
        return None
    if OPERAND.search(before) or NEAR.search(before):
        return None
    if any(map(str.isdigit, before)):
        return None
    if before.rstrip().endswith("-"):
        return None
    if not is_marked and not is_counted(before, rest):
        return None
    return read_number(number, rest)


def is_counted(before: str, rest: str) -> bool:
    """Whether a bare text says how many: "3 dogs", but not "the two men talk"."""
    if SAYS.search(before):
        return True
    return len(re.split(r"[.!?,;(]", rest, maxsplit=1)[0].split()) <= 2


def goes_on(text: str) -> bool:
    """Whether a bare text is the begin of a list or of a reasoning."""
    return bool(LISTED.match(text) or OPENING.match(text))


def find_number(text: str, *, is_marked: bool) -> tuple[str, str, str] | None:
    """What stands before the number, the number, and what stands after it."""
    lead = LEAD.match(text)
    start = lead.end() if lead else 0
    match = AT_HEAD.match(text, start)
    if match is None and (said := SAID_OF.match(text)):
        start = said.end()
        match = AT_HEAD.match(text, start)
    if match is None and is_marked:
        numbers = [*ANY_NUMBER.finditer(text)]
        if len(numbers) == 1 and not text[: numbers[0].start()].rstrip().endswith(
            (" in", " at", " by", " from")
        ):
            start = numbers[0].start()
            match = AT_HEAD.match(text, start)
    return (text[:start], match["number"], match["rest"]) if match else None


def read_number(number: str, rest: str) -> str | None:
    """A number with its scale, if what follows it leaves it as it is."""
    value = shortest_number(number)
    if rest.startswith(": ") and sums_up(rest, value):
        return value
    if scale := SCALE.match(rest):
        rest = rest[scale.end() :]
    elif JOINED.match(rest):
        return None
    if scale:
        value = shortest_number(str(Decimal(number) * SCALES[scale[1]]))
    cut = TAIL.search(rest)
    head, tail = (rest[: cut.start()], rest[cut.start() :]) if cut else (rest, "")
    if BOUND_AFTER.match(rest) or IN_DOUBT.match(rest):
        return None
    if DECADE.match(number[-1:] + rest):
        return None
    if BOUND.search(head) or EXPRESSION.search(head) or not are_units(head):
        return None
    if re.match(r"[,.:]?\s(?:or|and|to|maybe|but|so|hence|thus|therefore|-?\d)", tail):
        return None if not only_repeats(tail, value) else value
    if tail.startswith((".", ":", "!", "?")) and not only_repeats(tail, value):
        return None
    return value if only_repeats(head, value) else None


def are_units(text: str) -> bool:
    """Whether the words beside a number leave it a number: no "8n", no "2ab"."""
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text)
    if not words:
        return True
    first, *others = words
    if len(first) <= 2 and first not in SHORT_UNITS | LETTER_UNITS:
        is_joined = not text[:1].isspace() or len(first) == 1
        if is_joined:
            return False
    return all(len(word) > 1 or word in LETTER_UNITS for word in others)


def sums_up(text: str, value: str) -> bool:
    """Whether the numbers of a text are two or more that add up to a value."""
    parts = [*map(Decimal, re.findall(NUMBER, text))]
    return len(parts) > 1 and shortest_number(str(sum(parts))) == value
