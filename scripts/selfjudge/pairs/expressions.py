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
from selfjudge.pairs.numbers import parse_number

# LaTeX, a root, pi, or a fraction in digits that is no date.
MATH = re.compile(
    r"\\[dt]?frac\b|\\sqrt\b|\\pi\b|[\u221a\u03c0\u2044\u00bc-\u00be\u2150-\u215e]"
    r"|(?<![\d/.])\d{1,4}\s?/\s?\d{1,4}(?![\d/])"
)
# An answer stands at the end of a text.
LOOKED_AT = 300
MAX_CHARACTERS = 80
MAX_DEPTH = 4
SIGNS = {
    "\u03c0": r"\pi ",
    "\u00d7": r"\times ",
    "\u00b7": r"\cdot ",
    "\u00f7": "/",
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
PI = re.compile(r"(?<![a-z\\])pi\b")
WRAPPED = re.compile(
    r"\\(?:text|mathrm|mathbf|operatorname)\s?\{[^{}]*\}(?:\s?\^\s?\{?\d\}?)?"
    r"|\\[()\[\],;! ]|\$"
)
# "16\pi cm^2", "3 pi square units", "3/5 of the cake"
UNITS = re.compile(
    r"(?<=[\w)}\s])\s+(?:of\s[a-z\s]+|(?:(?:square|sq|cubic|cu)\.?\s)?(?:[a-z]{2,12}"
    r"|[mgsl])(?:\s?\^\s?\{?[23]\}?)?)\s*$"
)
COMMAND = re.compile(r"\\([a-z]+)", re.IGNORECASE)
KNOWN = frozenset("frac dfrac tfrac sqrt pi times cdot left right".split())
WORD = re.compile(r"[a-z]{2,}", re.IGNORECASE)
# What is a value and not a letter alone.
VALUE = re.compile(r"\d|\\pi|\\sqrt")
# Ranges, ratios, lists, bounds, factorials, towers of powers, dates, "5M", "1e9".
UNCLEAR = re.compile(
    r"\d\s?(?:[KMB]\b|e[-+]?\d)|[,;:<>\u2264\u2265\u00b1\u2248!?&#%'\"|]|\\pm|\^[^^]*\^|\^\s?\{?\s?-?\d{3}|\d{16}"
    r"|^\s*\d+(?:\.\d+)?\s*-\s*\d+(?:\.\d+)?\s*$|/[\s\d]+/"
)
OPENING, CLOSING = "([{", ")]}"


def holds_math(text: str) -> bool:
    """Whether something in a text is written in mathematics."""
    if text.isascii() and "\\" not in text and "/" not in text:
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
    plain = to_latex(text)
    if len(plain) > MAX_CHARACTERS or UNCLEAR.search(plain) or too_deep(plain):
        return None
    if WORD.search(COMMAND.sub(" ", plain)) or not VALUE.search(plain):
        return None
    if {name.lower() for name in COMMAND.findall(plain)} - KNOWN:
        return None
    return settle(plain)


def to_latex(text: str) -> str:
    """The text with its signs in LaTeX, without what leads to the value or its unit."""
    text = WRAPPED.sub(" ", text.strip().translate(MINUS))
    text = VULGAR.sub(write_vulgar, text)
    for sign, latex in SIGNS.items():
        text = text.replace(sign, latex)
    text = ROOT.sub(lambda match: rf"\sqrt{{{match[1] or match[2]}}}", text)
    text = MIXED.sub(r"(\1+\\frac{\2}{\3})", PI.sub(r"\\pi", text))
    *before, value = text.split("=")
    # "x = 3/4" and "A = pi r = 3 pi" state their last side; "2x+1 = 3 or 4" has words.
    text = value if before else text
    return UNITS.sub("", text.strip(" .*_`").rstrip("\\")).strip()


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
