"""The one value that a mathematical text states, in a form in which equal ones are
equal.

Values are exact: "1/2", "0.5", and "\\frac{2}{4}" are "1/2", "2 sqrt(3)" and
"\\sqrt{12}" are "2*sqrt(3)"; a decimal that was rounded is another value.  LaTeX is
read by `math-verify`, equal forms are made one by SymPy.  What holds words, a
relation, a range or several values states none.
"""

import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from selfjudge.ground.records import AnswerFormat
from selfjudge.pairs.normal import MINUS
from selfjudge.pairs.numbers import BOUND, EXPRESSION, SCALES, parse_number

# LaTeX, a root, pi, or a fraction in digits that is no date.
MATH = re.compile(
    r"\\[dt]?frac(?![a-z])|sqrt(?![a-z])|(?<![a-z])pi\b|[\u221a\u03c0\u2044\u00bc-\u00be\u2150-\u215e]"
    r"|(?<![\d/.])\d{1,4}\s?/\s?\d{1,4}(?![\d/])"
)
# Without any of these a formula has a power, or a letter beside a sum.
FORMULA = re.compile(r"\^|\*\*|[a-z)]\s?[-+]\s?[\da-z(]|\d\s?[-+]\s?\d*[a-z(]")
# An answer stands at the end of a text.
LOOKED_AT = 300
MAX_CHARACTERS = 80
MOST_READ = 4 * MAX_CHARACTERS  # units, and what is said again, included
MAX_DEPTH = 4
SIGNS = {
    "\u03c0": r"\pi ",
    "\u00d7": r"\times ",
    "\u00b7": r"\cdot ",
    "\u00f7": "/",
    r"\div": "/",
    "\u2044": "/",
    "\u00b2": "^2",
    "\u00b3": "^3",
    "**": "^",
}
VULGAR = re.compile("(\\d*)\\s?([\u00bc-\u00be\u2150-\u215e])")
ROOT = re.compile(
    r"(?:\u221a|\\sqrt|(?<![a-z\\])sqrt)\s?(?:\(([^()]{1,30})\)|(\d+|[a-z]))"
)
MIXED = re.compile(r"(?<![\d/^.])(\d+)\s(\d+)\s?/\s?(\d+)(?![\d/])")
# "4/3 pi r^3"; without the blank it may be one over all of the rest.
FACTOR = re.compile(r"(?<![\d/^.])(\d+)/(\d+)\s+(?=\\pi|\\sqrt|\(|[a-z](?![a-z]))")
PI = re.compile(r"(?<![a-z\\])pi\b")
WRAPPED = re.compile(
    r"\\(?:text|mathrm|mathbf|operatorname)(?:bf|it)?\s?\{([^{}]*)\}"
    r"(?:\s?\^\s?\{?\d\}?)?|\\[()\[\],;! ]|\$"
)
# "The area is about 16 pi"
LEAD = re.compile(
    r"^(?:[a-z][a-z ]{0,60}\b(?:is|are|was|equals|be)\s+)?"
    r"(?:(?:about|around|approximately|roughly|exactly|just|only|equal to)\s+)?"
    r"(?=[\d\\(.-]|sqrt|pi\b)",
    re.IGNORECASE,
)
# "4/5 (80%)", "1/2 (half of it)", "3/4 (0.75)", but not the command of a root or a
# fraction, and no sum: "2 (1+\sqrt{2})" is a product.
ASIDE = re.compile(
    r"\s+[(\[](?:[^()\[\]]*?(?:%|(?<![\\a-z])[a-z]{3})[^()\[\]]*"
    r"|(?![^()\[\]]*[\w})]\s*[-+])[^()\[\]]*?\d\.\d+[^()\[\]]*)[)\]]\s*$"
)
# A bracket at the end, which may be an aside or a factor; after a sign it is neither.
BRACKET = re.compile(
    r"(?<=[\w})\]])(?<!\\times)(?<!\\cdot)(?P<gap>\s*)(?:\\left\s?)?[(\[]"
    r"(?P<inner>(?:[^()\[\]]|[(\[][^()\[\]]*[)\]])*?)(?:\\right\s?)?[)\]]\s*$"
)
SUM = re.compile(r"[\w})\]]\s*[-+]")
# "16\pi cm^2", "3 pi square units", "3/5 of the cake", "1/2 L"
UNITS = re.compile(
    r"(?<=[\w)}\s])\s+(?:of\s[a-z\s]+|(?:(?:square|sq|cubic|cu)\.?\s)?(?:[a-z]{2,12}"
    r"|[mgslA-Z])(?:\s?\^\s?\{?[23]\}?)?)\s*$"
)
# "1/2 bh", "1/3 lwh": letters of a formula, and no unit.
LETTERS = re.compile(r"\s*(?:bh|lw|lwh|rh|ab|abc|xy|xyz)\s*")
NO_UNIT = re.compile(rf"\b(?:{'|'.join(SCALES)}|percent|per cent|pct)s?\b")
COMMAND = re.compile(r"\\([a-z]+)", re.IGNORECASE)
KNOWN = frozenset("frac dfrac tfrac sqrt pi times cdot left right".split())
WORD = re.compile(r"[a-z]{2,}", re.IGNORECASE)
SYMBOL = re.compile(r"[a-z]", re.IGNORECASE)
# What is a value and not a letter alone.
VALUE = re.compile(r"\d|\\pi|\\sqrt")
# Two values, of which the last "=" would hide one.
SEVERAL = re.compile(r"\b(?:or|and|not)\b|[,;]")
# Ranges, ratios, lists, bounds, factorials, towers of powers, dates, "5M", "1e9",
# "1 000", "(3/4) 0.75", "1/2x", and brackets to a power that takes long to write out.
UNCLEAR = re.compile(
    r"\d\s?(?:[KMB]\b|e[-+]?\d)|[,;:<>\u2264\u2265\u00b1!?&#%'\"|]|\\pm|\^[^^]*\^"
    r"|\^\s?\{?\s?-?\d{3}|\d{16}|[\d)\]}]\s+\d|/\s?\d+(?:\\pi|\\sqrt|[a-z(])|/[\s\d]+/"
    r"|^\s*\d+(?:[./]\d+)?\s*-\s*\d+(?:[./]\d+)?\s*$|[)}\]]\s?\^\s?\{?\s?-?\d{2}"
)
OPENING, CLOSING = "([{", ")]}"


def holds_math(text: str) -> bool:
    """Whether something in a text is written in mathematics."""
    if text.isascii() and not any(sign in text for sign in ("\\", "/", "pi", "sqrt")):
        return False
    return bool(MATH.search(text))


def widen_format(answer_format: AnswerFormat, responses: Iterable[str]) -> AnswerFormat:
    """The format in which responses to one prompt are read.

    A number where one of them writes mathematics is an expression, in which "0.5"
    and "1/2" are one answer.
    """
    is_wider = answer_format == "number" and any(
        holds_math(response[-LOOKED_AT:]) for response in responses
    )
    return "expression" if is_wider else answer_format


@lru_cache(maxsize=1 << 14)
def parse_expression(text: str, *, is_marked: bool) -> str | None:
    """The value that a marked or bare text states, None if it is none or unclear."""
    if not holds_math(text):
        number = parse_number(text, is_marked=is_marked)
        if number is not None:
            return settle(number)
        if not FORMULA.search(text) or len(set(SYMBOL.findall(text))) > 1:
            return None
    return value_of(to_latex(text))


def value_of(latex: str | None) -> str | None:
    """The value of an expression in LaTeX, None if it is none or unclear."""
    return None if latex is None or is_unclear(latex) else settle(latex)


def is_unclear(latex: str) -> bool:
    """Whether an expression is too long, or holds what is no single value."""
    if len(latex) > MAX_CHARACTERS or UNCLEAR.search(latex) or too_deep(latex):
        return True
    if WORD.search(COMMAND.sub(" ", latex)) or not VALUE.search(latex):
        return True
    return bool({name.lower() for name in COMMAND.findall(latex)} - KNOWN)


def to_latex(text: str) -> str | None:
    """The text with its signs in LaTeX, without what leads to the value or its unit.

    None where the unit is none ("1/2 million"), or where it states several values.
    """
    text = WRAPPED.sub(unwrap, text.strip().strip("*_`").translate(MINUS))
    text = re.split(r"\\approx\b|\u2248", text)[0]
    text = VULGAR.sub(write_vulgar, text)
    for sign, latex in SIGNS.items():
        text = text.replace(sign, latex)
    text = ROOT.sub(lambda match: rf"\sqrt{{{match[1] or match[2]}}}", text)
    # "x = 3/4" and "A = pi r = 3 pi" state their last side.
    *before, text = text.split("=")
    if any(map(SEVERAL.search, before)):
        return None
    text = PI.sub(r"\\pi", text)
    return without_unit(LEAD.sub("", text.strip(" .*_`").rstrip("\\")))


def without_unit(text: str) -> str | None:
    """LaTeX without a unit, and without a bracket that says the value again.

    None where the unit is none, and where a bracket may be a factor or an aside.
    """
    if len(text) > MOST_READ:
        return None
    text = ASIDE.sub("", text)
    if unit := UNITS.search(text):
        if not is_unit(unit[0].partition("^")[0].lower()):
            return None
        text = text[: unit.start()]
    if bracket := BRACKET.search(text):
        head, inner = text[: bracket.start()], bracket["inner"]
        before, is_apart = without_unit(head), bool(bracket["gap"])
        value = value_of(before)
        if value is None or value != value_of(without_unit(inner)):
            is_product = not is_apart or is_factor(inner, text)
        elif is_apart and not head.endswith((")", "]")):
            return before
        else:  # "(x+1)(x+1)", but not "0.75(3/4)"
            is_product = head.strip("()[] ") == inner.strip()
        if not is_product:
            return None
    text = MIXED.sub(r"(\1+\\frac{\2}{\3})", text)
    return FACTOR.sub(r"\\frac{\1}{\2} ", text).strip()


def is_factor(inner: str, text: str) -> bool:
    """Whether a bracket apart is a factor: a sum, with a letter or with no decimal.

    "2.414 (1+\\sqrt{2})" is rounded.
    """
    if not SUM.search(inner):
        return False
    return "." not in text or bool(SYMBOL.search(COMMAND.sub(" ", inner)))


def is_unit(words: str) -> bool:
    """Whether the words after a value leave it as it is."""
    if NO_UNIT.search(words) or BOUND.search(words) or EXPRESSION.search(words):
        return False
    return LETTERS.fullmatch(words) is None


def unwrap(match: re.Match[str]) -> str:
    """What LaTeX sets in upright or bold, if it is a value and no unit."""
    content = match[1] or ""
    return content if any(map(str.isdigit, content)) else " "


def write_vulgar(match: re.Match[str]) -> str:
    """A fraction of one sign, and the whole number before it, in LaTeX."""
    over, _, under = unicode_fraction(match[2])
    whole = f"{match[1]}+" if match[1] else ""
    return rf"({whole}\frac{{{over}}}{{{under}}})"


def unicode_fraction(sign: str) -> tuple[str, str, str]:
    """The two numbers of a fraction of one sign."""
    return unicodedata.normalize("NFKC", sign).partition("\u2044")


def too_deep(text: str) -> bool:
    """Whether brackets stand in brackets too often for a short answer.

    The parser's time doubles with each.
    """
    depth = deepest = 0
    for sign in text:
        depth += (sign in OPENING) - (sign in CLOSING)
        deepest = max(deepest, depth)
    return deepest > MAX_DEPTH


def settle(latex: str) -> str | None:
    """The one form of an expression's value; None where it cannot be read, or is no
    number and no formula."""
    sympy, parse = load_parser()
    read = parse(latex)
    if not isinstance(read, sympy.Expr) or read.has(sympy.zoo, sympy.oo, sympy.nan):
        return None
    # It takes some letters for units.
    known = {symbol.name for symbol in read.free_symbols} | {"e", "i"}
    if not known >= set(SYMBOL.findall(COMMAND.sub(" ", latex))):
        return None
    exact = sympy.nsimplify(read.doit(), rational=True)
    if exact.free_symbols:
        return str(sympy.cancel(sympy.expand(exact)))
    if exact.is_finite is False:
        return None
    return str(sympy.radsimp(sympy.expand(exact)))


@lru_cache(maxsize=1)
def load_parser() -> tuple[Any, Any]:
    """SymPy, and a function from LaTeX to its expression, or None.

    Imported where the first expression is met: most stages meet none.
    """
    import sympy
    from math_verify import LatexExtractionConfig, parse

    # It warns that it has no limit of time; the limits on the text are one.
    logging.getLogger("math_verify.parser").setLevel(logging.ERROR)
    config = [LatexExtractionConfig()]

    def read(latex: str) -> Any:
        found = parse(
            f"${latex}$", config, fallback_mode="no_fallback", parsing_timeout=None
        )
        return found[0] if len(found) == 1 else None

    return sympy, read
