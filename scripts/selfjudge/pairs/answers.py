"""The short answer inside a response, in a form in which equal answers are equal.

English only.  The normalisation, in this order: Unicode NFKC, lower case,
markdown and LaTeX marks and quotes off, thousands separators off, number words
up to a hundred to digits, articles off (unless nothing else is left),
punctuation and quotes at the ends off.  By answer format:

- `number`: the number alone, without trailing zeros; a unit, a currency sign or
  a percent sign beside it is split off ("3.28 km" and "3.280" are both "3.28").
- `choice`: the letter in lower case; an option's text counts as its letter.
- `yes_no`: "yes" or "no".
- `phrase`: the words, single-spaced.
"""

import re
import unicodedata
from collections import Counter
from decimal import Decimal, InvalidOperation

from selfjudge.ground.records import AnswerFormat

# A phrase longer than this is a sentence, not a short answer.
MAX_PHRASE_WORDS = 8

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
MARKS = re.compile(r"[*_`\"“”‘{}$]|\\(?:boxed|text\w*|mathrm|mathbf)\b|\\[()\[\]]")
MARKER = re.compile(
    r"(?:\banswer[\s*_]*(?:is|:|would be)|\\boxed)\s*:?\s*(?=\S)", re.IGNORECASE
)
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:\.\d+)?|\.\d+)")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
BARE_POINT = re.compile(r"(?<![\w.])\.(?=\d)")
ARTICLE = re.compile(r"\b(?:a|an|the)\b")
ENDS = " .,;:!?'"
# A dot after one of these ends no sentence: "Mt. Fuji" is not the answer "Mt".
ABBREVIATIONS = (
    "Mt St Dr Mr Mrs Ms Jr Sr Prof Gen Sgt Lt Ft vs etc e.g i.e approx".split()
)
SENTENCE_END = re.compile(
    "".join(rf"(?<!\b{re.escape(word)}\.)" for word in ABBREVIATIONS)
    + r"(?<=[.!?])\s+|\n+"
)
# Who does not know must not vote, least of all with all others who do not.
REFUSAL = re.compile(
    r"\b(?:cannot|can ?'?t|can not|could not|unable to|don ?'?t know|do not know"
    r"|not sure|unsure|unclear|unknown|uncertain|not enough information"
    r"|not (?:visible|specified|possible))\b"
)
OPTION = re.compile(
    r"(?:^|\n|\s)\(?([A-Ja-j])[.):]\s*(.+?)(?=(?:\n|\s)\(?[A-Ja-j][.):]\s|\n|$)"
)
LEADING_LETTER = re.compile(
    r"^\W*(?:option\s+|choice\s+)?([a-j])(?:\W*$|[.):]\s)", re.IGNORECASE
)
BRACKETED_LETTER = re.compile(r"\(([a-j])\)", re.IGNORECASE)


def normalise(text: str) -> str:
    """The text in the common form described at the head of this module."""
    # Again until nothing changes: what one rule takes away may bare what another
    # one speaks of ("-.one").
    while (normal := normalise_once(text)) != text:
        text = normal
    return text


def normalise_once(text: str) -> str:
    """The text after each rule has been applied once."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = THOUSANDS.sub("", MARKS.sub(" ", text).replace("’", "'"))
    text = " ".join(text.split())
    text = BARE_POINT.sub("0.", text)
    text = NUMBER_WORD.sub(lambda match: str(NUMBER_WORDS[match.group()]), text)
    text = text.strip(ENDS)
    without_articles = " ".join(ARTICLE.sub(" ", text).split()).strip(ENDS)
    return without_articles or text


def parse_options(question: str) -> dict[str, str]:
    """The options of a choice question: letter to normalised text, or empty.

    Options count only if their letters run from "a" without a gap.
    """
    found = {
        letter.lower(): normalise(text) for letter, text in OPTION.findall(question)
    }
    letters = sorted(found)
    expected = [chr(ord("a") + place) for place in range(len(letters))]
    return found if len(letters) >= 2 and letters == expected else {}


def extract_answer(
    text: str, answer_format: AnswerFormat, question: str = ""
) -> str | None:
    """The normalised short answer that a response gives, or None if it is unclear.

    What follows the last "answer is", "Answer:" or ``\\boxed`` decides, if there
    is one; else the whole text, by the rules of the answer format.  A text that
    names two different answers gives None: it must not vote.
    """
    *_, start = (0, *(match.end() for match in MARKER.finditer(text)))
    stated = SENTENCE_END.split(text[start:].strip())[0] if start else text
    if answer_format == "number":
        return parse_number(stated)
    if answer_format == "choice":
        return parse_choice(stated, parse_options(question))
    if answer_format == "yes_no":
        return parse_yes_no(stated)
    return parse_phrase(stated)


def parse_number(text: str) -> str | None:
    """The one number of the text, or of its last sentence, in shortest form."""
    for part in (text, last_sentence(text)):
        normal = re.sub(r"[a-z]+-\d+", " ", normalise(part))
        numbers = {shortest_number(found) for found in NUMBER.findall(normal)}
        if len(numbers) == 1:
            return numbers.pop()
    return None


def shortest_number(text: str) -> str:
    """A decimal number without sign plus, leading or trailing zeros."""
    try:
        value = Decimal(text).normalize()
    except InvalidOperation:  # more digits than Decimal carries
        return text
    return format(value + 0, "f")


def parse_choice(text: str, options: dict[str, str]) -> str | None:
    """The letter chosen, by itself, in brackets, or by its option's text."""
    normal = normalise(text)
    by_text = [letter for letter, option in options.items() if option == normal]
    if len(by_text) == 1:
        return by_text[0]
    plain = MARKS.sub(" ", text).strip(" '")
    letters = {letter.lower() for letter in BRACKETED_LETTER.findall(plain)}
    if match := LEADING_LETTER.match(plain):
        letters.add(match.group(1).lower())
    named = letters or {
        letter
        for letter, option in options.items()
        if option and re.search(rf"\b{re.escape(option)}\b", normal)
    }
    return str(named.pop()) if len(named) == 1 else None


def parse_yes_no(text: str) -> str | None:
    """ "yes" or "no": the first word if it is one, else the only one named."""
    words = re.findall(r"[a-z]+", normalise(text))
    if words[:1] in (["yes"], ["no"]):
        return str(words[0])
    named = {word for word in words if word in ("yes", "no")}
    return str(named.pop()) if len(named) == 1 else None


def parse_phrase(text: str) -> str | None:
    """The text itself if it is short enough to be an answer, and no refusal."""
    normal = normalise(text)
    if REFUSAL.search(normal):
        return None
    return normal if 1 <= len(normal.split()) <= MAX_PHRASE_WORDS else None


def last_sentence(text: str) -> str:
    """The last sentence or line of a text."""
    parts = [part for part in SENTENCE_END.split(text.strip()) if part.strip()]
    return parts[-1] if parts else ""


def normalise_gold(answer: str, answer_format: AnswerFormat, question: str) -> str:
    """A gold answer in the form that `extract_answer` gives."""
    return extract_answer(answer, answer_format, question) or normalise(answer)


def majority_answer(answers: Counter[str], threshold: int) -> tuple[str | None, str]:
    """The answer of most parsed responses, and None or why there is none.

    ``answers`` counts parsed answers only: the unparsed never vote.  The
    reasons are `no_parsed_response`, `unanimous`, `tie` and `below_threshold`
    (fewer than ``threshold`` votes); with a majority the reason is "".
    """
    if not answers:
        return None, "no_parsed_response"
    if len(answers) == 1:
        return None, "unanimous"
    (first, votes), (_, runner_up) = answers.most_common(2)
    if votes == runner_up:
        return None, "tie"
    if votes < threshold:
        return None, "below_threshold"
    return first, ""
