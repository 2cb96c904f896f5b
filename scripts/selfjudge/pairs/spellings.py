"""The words of a text whose spelling says nothing: what makes two texts the same."""

import re

from selfjudge.pairs.normal import SMALL_NUMBERS, TENS

DIGITS = {word: str(number) for number, word in enumerate(SMALL_NUMBERS)} | {
    word: str(10 * number) for number, word in enumerate(TENS, start=2)
}
TENS_DIGITS = frozenset(DIGITS[word] for word in TENS)
SHORT_FORM = re.compile(
    r"(?P<verb>\w+)n't|(?P<one>it|that|there|here|he|she|what|who)'s"
    r"|(?P<subject>i|you|we|they)'(?P<rest>m|re|ve|ll)"
)
FULL = {"ca": "can", "wo": "will", "m": "am", "re": "are", "ve": "have", "ll": "will"}
# British spellings that descriptions of images have.
SPELLINGS = {
    "grey": "gray",
    "greyish": "grayish",
    "colour": "color",
    "colours": "colors",
    "coloured": "colored",
    "colourful": "colorful",
    "centre": "center",
    "centred": "centered",
    "theatre": "theater",
    "metre": "meter",
    "metres": "meters",
    "moustache": "mustache",
    "tyre": "tire",
    "tyres": "tires",
    "jewellery": "jewelry",
    "neighbour": "neighbor",
    "favourite": "favorite",
}
THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
BULLET = re.compile(r"^[ \t]*(?:[-*+\u2022\u25e6\u25aa]|#{1,6})[ \t]+", re.MULTILINE)
# A number, a word, "C#", or a sign that is no mere mark.  So is "<" before a value, but
# not in a tag; ">" need not count to differ from it, and may be a quote's.
CONTENT = re.compile(
    r"(?<!\w)-?\d+(?:[.,:]\d+)*|[^\W_]+(?:'[^\W_]+)*|(?<=[^\W\d_])#"
    r"|(?<=[\w)\]} \t])<(?=[-= \t\d])"
    r"|[^\w\s.,;:!?\"'`()\[\]{}*_#|~/\\<>"
    r"\u2010-\u2015\u2018-\u201f\u2022\u2026\u00ab\u00bb-]"
)


def content_words(text: str) -> list[str]:
    """Words, numbers and signs of a text: no case, marks or bullets, one spelling.

    That is "2" for "two", "is not" for "isn't" and "gray" for "grey".
    """
    text = BULLET.sub("", text).replace("\u2019", "'").casefold()
    words = [SPELLINGS.get(word, word) for word in CONTENT.findall(text)]
    if "'" in text or "cannot" in text:
        words = [full for word in words for full in spell_out(word)]
    if "," in text:
        words = [THOUSANDS.sub("", word) for word in words]
    return join_tens([DIGITS.get(word, word) for word in words])


def join_tens(words: list[str]) -> list[str]:
    """Words in which "20" and "1" of "twenty-one" are "21"."""
    if TENS_DIGITS.isdisjoint(words):
        return words
    joined: list[str] = []
    for word in words:
        is_rest = len(word) == 1 and word.isdecimal() and word != "0"
        if is_rest and joined and joined[-1] in TENS_DIGITS:
            joined[-1] = joined[-1][0] + word
        else:
            joined.append(word)
    return joined


def spell_out(word: str) -> tuple[str, ...]:
    """The words of "isn't", "cannot", "it's", "they're"; another word as it is."""
    if word == "cannot":
        return "can", "not"
    short = SHORT_FORM.fullmatch(word) if "'" in word else None
    if short is None:
        return (word,)
    if short["verb"]:
        return FULL.get(short["verb"], short["verb"]), "not"
    if short["one"]:
        return short["one"], "is"
    return short["subject"], FULL[short["rest"]]


def fold_question(question: str) -> str:
    """A question by its words alone: no case, punctuation or space."""
    return " ".join(re.findall(r"\w+", question.casefold()))
