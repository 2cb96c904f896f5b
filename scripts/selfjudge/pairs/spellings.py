"""The words of a text whose spelling says nothing: what makes two texts the same."""

import re

from selfjudge.pairs.normal import NUMBER_WORD, NUMBER_WORDS

DIGITS = {word: str(value) for word, value in NUMBER_WORDS.items() if word != "none"}
SHORT_FORM = re.compile(
    r"\b(?:(?P<verb>ca|wo|\w+)n't|(?P<one>it|that|there|here|he|she|what|who)'s"
    r"|(?P<subject>i|you|we|they)'(?P<rest>m|re|ve|ll))\b|\bcannot\b"
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
# A number, a word, or a sign that is no mere mark.
CONTENT = re.compile(
    r"(?<!\w)-?\d+(?:[.,:]\d+)*|[^\W_]+(?:'[^\W_]+)*"
    r"|[^\w\s.,;:!?\"'`()\[\]{}*_#|~/\\<>"
    r"\u2010-\u2015\u2018-\u201f\u2022\u2026\u00ab\u00bb-]"
)


def content_words(text: str) -> list[str]:
    """Words, numbers and signs of a text: no case, marks or bullets, one spelling.

    That is "2" for "two", "is not" for "isn't" and "gray" for "grey".
    """
    text = BULLET.sub("", text).replace("\u2019", "'").casefold()
    text = NUMBER_WORD.sub(in_digits, SHORT_FORM.sub(spell_out, text))
    words = [THOUSANDS.sub("", word) for word in CONTENT.findall(text)]
    return [DIGITS.get(word) or SPELLINGS.get(word, word) for word in words]


def in_digits(word: re.Match[str]) -> str:
    """A number word in digits."""
    return DIGITS.get(word[0], word[0])


def spell_out(short: re.Match[str]) -> str:
    """The full form of "isn't", "cannot", "it's", "they're"."""
    if short["one"]:
        return f"{short['one']} is"
    if short["subject"]:
        return f"{short['subject']} {FULL[short['rest']]}"
    verb = short["verb"] or "can"
    return f"{FULL.get(verb, verb)} not"
