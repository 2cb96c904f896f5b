"""The common form of a short text, in which equal answers are equal.

English only.  In this order: Unicode NFKC, lower case, signs and exponents in
ASCII, markdown and LaTeX marks and quotes off, thousands separators off, number
words up to a hundred to digits, articles off (unless nothing else is left, and
never the last word: "Vitamin A"), punctuation and quotes at the ends off.
"""

import re
import unicodedata
from functools import lru_cache

SMALL_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBER_WORDS = {
    **{word: value for value, word in enumerate(SMALL_NUMBERS)},
    **{word: 10 * tens for tens, word in enumerate(TENS, start=2)},
    **{
        f"{word}{sign}{SMALL_NUMBERS[unit]}": 10 * tens + unit
        for tens, word in enumerate(TENS, start=2)
        for unit in range(1, 10)
        for sign in "- "
    },
    "none": 0,
    "hundred": 100,
    "one hundred": 100,
}
# The longest first, so that "twenty-one" is not 20; "one-third" is no number word.
NUMBER_WORD = re.compile(
    rf"(?<![\w-])(?:{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})(?![\w-])"
)
MARKS = re.compile(
    r"[*_`\"\u201c\u201d\u2018{}$]|\\(?:boxed|text\w*|mathrm|mathbf)\b|\\[()\[\]]|</?[a-z]{1,6}>"
)
# What may stand before a sign and changes nothing: "5\\%", "5 %".
LOOSE = re.compile(r"\\(?=[%$#&])|\s(?=%)")
MINUS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63"), "-")
MINUS[ord("\u2019")] = "'"
# What NFKC would make a digit like any other.
RAISED = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b"
RAISED_RUN = re.compile(f"[{RAISED}]+")
LOWERED = str.maketrans(RAISED, "0123456789-")
GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]|\.\d+,)")
SPACES = re.compile(r"\\[,;! ]|\\?~|\\quad\b")
BARE_POINT = re.compile(r"(?<![\w.])\.(?=\d)")
ARTICLE = re.compile(r"(?<![\w'-])(?:a|an|the)(?=\s+\S)")
FIRST_ARTICLE = re.compile(r"(?:a|an|the)\s+(?=\S)")
ENDS = " .,;:!?'"


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """The text in the common form described at the head of this module."""
    return settle(text, ARTICLE)


@lru_cache(maxsize=4096)
def normalise_name(text: str) -> str:
    """The common form of an option's text, which keeps all articles but the first.

    "Solution A" and "Solution B" differ in what elsewhere is an article.
    """
    return settle(text, FIRST_ARTICLE)


def settle(text: str, article: re.Pattern[str]) -> str:
    """The text after all rules, applied until nothing changes.

    What one rule takes away may bare what another one speaks of ("-.one").
    """
    while (normal := normalise_once(text, article)) != text:
        text = normal
    return text


def normalise_once(text: str, article: re.Pattern[str]) -> str:
    """The text after each rule has been applied once."""
    text = fold(text)
    text = GROUPED.sub(join_groups, MARKS.sub(" ", LOOSE.sub("", text)))
    text = " ".join(text.split())
    text = BARE_POINT.sub("0.", text)
    text = NUMBER_WORD.sub(lambda match: str(NUMBER_WORDS[match.group()]), text)
    text = text.strip(ENDS)
    if article is FIRST_ARTICLE:
        first = article.match(text)
        return text[first.end() :] if first else text
    return " ".join(article.sub(" ", text).split()).strip(ENDS) or text


def fold(text: str) -> str:
    """The text in lower case, NFKC and one minus; a raised 5 is ^5."""
    if text.isascii():
        return text.lower()
    text = RAISED_RUN.sub(lambda run: "^" + run.group().translate(LOWERED), text)
    return unicodedata.normalize("NFKC", text.translate(MINUS)).casefold()


def join_groups(match: re.Match[str]) -> str:
    """A number without its thousands separators; a list of numbers as it was.

    "100,200,300" may be three numbers, "100,000,000" is one.
    """
    first, *others = match.group().split(",")
    if len(first) == 3 and len(others) > 1 and "000" not in others:
        return match.group()
    return first + "".join(others)
