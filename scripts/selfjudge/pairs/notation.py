"""How a number may be written: powers, scientific signs, equations, in one form."""

import re
from decimal import Decimal, InvalidOperation

from selfjudge.pairs.normal import SPACES, fold, normalise

NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)"
# Words that may stand before the number itself.
LEAD = re.compile(
    r"(?:(?:so|thus|therefore|hence|it|this|that|there|is|are|was|were|i|we|you|see"
    r"|count|counted|can|get|have|has|a|an|the|total|sum|number|of|value|result|answer"
    r"|final|exactly|only|just|about|around|approximately|approx|roughly|circa|equals"
    r"|equal|to|would|be|say|he|she|they|how|many|[~\u2248=:,])[\s,.:]+|~)*"
)
APPROXIMATELY = re.compile(r"\\(?:approx|simeq|sim)\b")
# "6, not 2 + 3 = 5", "6 since x = 3": an equation after the number gives a reason.
FIRST_STATED = re.compile(
    rf"{LEAD.pattern}(?P<number>{NUMBER})(?:\s?[a-z%]+)?\s?"
    r"(?:[,;(\[]|\b(?:because|since|as|where|when|with|for|given)\b)"
)
# "x = 5 or x = -5", "x = 2, y = 3": two claims, unless the last follows.
OTHER_CLAIM = re.compile(r"\b(?:or|and|not|but)\b|[,;]")
FOLLOWS = re.compile(r"\b(?:so|thus|hence|therefore|then|gives?|giving)\b")
CURRENCY = re.compile("[$\u20ac\u00a3\u00a5]\\s?|\\b(?:usd|eur)\\b\\s?")
POWER = re.compile(
    rf"({NUMBER})\s?(?:x|\u00d7|\*|\\times|\\cdot|times)\s?10\s?\^\s?(-?\d+)"
)
TEN_TO = re.compile(r"(?<![\w.])10\s?\^\s?(-?\d+)")
IN_BRACES = re.compile(r"\^\s?\{\s?(-?\d{1,3})\s?\}")
WITH_E = re.compile(r"(?<![\w.])([-+]?\d+(?:\.\d+)?)e([+-]?\d+)\b")
UNIT_POWER = re.compile(r"(?<=[a-z])\s?\^\s?-?\d\b")
DEGREE = re.compile(r"\^?\s?\\circ\b|\u00b0|\u00ba|\\degree\b|\bdegrees?\b")
MINUS_WORD = re.compile(rf"\b(?:minus|negative)\s+(?={NUMBER})")
# A unit that in lower case would be a variable.
CAPITAL_UNIT = re.compile(r"(?<=\d )[NJATW](?=[\W_]*$)")
SLASHED_UNIT = re.compile(r"(?<=[a-z])/(?=[a-z])")


def to_plain(text: str) -> str | None:
    """The text in common form, powers of ten written out, after its last "="."""
    text = CAPITAL_UNIT.sub("units", text)
    text = CURRENCY.sub("", fold(text).replace("\\$", "$"))
    text = APPROXIMATELY.sub("\u2248", text)
    text = IN_BRACES.sub(r"^\1", DEGREE.sub(" ", SPACES.sub(" ", text)))
    text = POWER.sub(write_power, text)
    text = WITH_E.sub(write_power, TEN_TO.sub(write_ten, text))
    text = UNIT_POWER.sub("", SLASHED_UNIT.sub(" ", text))
    text = normalise(text)
    after = last_side(text) if "=" in text else text
    if after is None:
        return None
    head, about, tail = after.partition("\u2248")
    if about and any(map(str.isalnum, head)):
        return None
    return MINUS_WORD.sub("-", (tail if about else after).strip())


def last_side(text: str) -> str | None:
    """What stands after the last "=", None if more than it is claimed."""
    head, *middle, last = text.split("=")
    if re.search(r"\bnot\b|n't\b", head):
        return None
    first = FIRST_STATED.match(head)
    if first and not only_repeats(last, shortest_number(first["number"])):
        return None
    claims = "=".join(middle)
    if OTHER_CLAIM.search(claims) and not FOLLOWS.search(middle[-1]):
        return None
    return last


def write_power(match: re.Match[str]) -> str:
    """A number times a power of ten in digits; too large a one as it was."""
    if len(match[2]) > 3 or abs(int(match[2])) > 30:
        return match[0]
    return shortest_number(str(Decimal(match[1]).scaleb(int(match[2]))))


def write_ten(match: re.Match[str]) -> str:
    """A power of ten in digits; too large a one as it was."""
    if len(match[1]) > 3 or abs(int(match[1])) > 30:
        return match[0]
    return shortest_number(str(Decimal(1).scaleb(int(match[1]))))


def only_repeats(text: str, value: str) -> bool:
    """Whether every number in a text is this one."""
    return all(shortest_number(found) == value for found in re.findall(NUMBER, text))


def shortest_number(text: str) -> str:
    """A decimal number without sign plus, leading or trailing zeros."""
    try:
        value = Decimal(text).normalize()
    except InvalidOperation:  # more digits than Decimal carries
        return text
    return format(value + 0, "f")
