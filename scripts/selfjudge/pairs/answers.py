"""The short answer inside a response, in a form in which equal answers are equal.

English only; `normal` has the common form, `stated` where an answer is looked for.
What a marker states decides; without one a bare answer does: a text of few words, or
a line that holds nothing else.  Prose without a marker has no answer, nor has a
refusal, nor a thought that was never left.  By answer format:

- `number`: the number alone, without trailing zeros; a unit, a currency sign or
  a percent sign beside it is split off ("3.28 km" and "3.280" are both "3.28"), a
  scale word is multiplied ("2.5 million" is "2500000").
- `expression`: the exact value; "0.5", "1/2" and "\\frac{2}{4}" are "1/2".  A
  `number` is read so where a response writes mathematics (`expressions`).
- `choice`: the letter in lower case; an option's text counts as its letter.
- `yes_no`: "yes" or "no"; a stated "true" or "false" is one of these.
- `phrase`: the words, single-spaced, in one spelling; "it is red" is "red".
"""

from collections import Counter
from functools import lru_cache
from typing import Literal

from selfjudge.ground.records import AnswerFormat
from selfjudge.ground.thoughts import strip_thought
from selfjudge.pairs.choices import (
    find_in_prose,
    find_option_line,
    parse_choice,
    parse_options,
)
from selfjudge.pairs.expressions import parse_expression
from selfjudge.pairs.normal import fold, normalise, normalise_name
from selfjudge.pairs.numbers import parse_number
from selfjudge.pairs.spellings import content_words
from selfjudge.pairs.stated import (
    CONDITION,
    NEXT_PROMPT,
    REFUSAL,
    SECOND_THOUGHT,
    cut_run_on,
    find_stated,
    first_sentence,
    last_sentence,
    line_after,
)
from selfjudge.pairs.words import parse_phrase, parse_yes_no

# A text without a marker is an answer up to so many words.
MAX_BARE_WORDS = 8
MAX_BARE_CHARACTERS = 120
MAX_ALONE_CHARACTERS = 40
# "3. Wait" is this long.
MIN_SECOND_THOUGHT = 7
# No short answer is as long as what is read of a gold answer.
MAX_GOLD = 500
# What a phrase may begin with and be the same answer: "on the couch", "one man".
LEADING = frozenset("a an the 1 in on at of to by with from for".split())

# The commonest end by far, found without a search.
LAST_LINES = ("answer:", "final answer:")


def extract_answer(
    text: str, answer_format: AnswerFormat, question: str = ""
) -> str | None:
    """The normalised short answer that a response gives, or None if it is unclear.

    What stands after a marker decides; else the text itself if it is bare.  A text
    that names two different answers gives None: it must not vote.
    """
    spoken = strip_thought(text)
    if spoken is None:
        return None
    # Nothing but a choice depends on the question, and memory need not know it.
    asked = question if answer_format == "choice" else ""
    if len(spoken) <= MAX_BARE_CHARACTERS:
        return read_short(spoken, answer_format, asked)
    if stated := find_at_end(spoken):
        return read_marked(stated, answer_format, asked)
    return read_long(spoken, answer_format, asked)


def find_at_end(text: str) -> str | None:
    """What a last line "Answer: ..." states, if `find_stated` would find the same."""
    _, _, line = text.rpartition("\n")
    if len(line) > MAX_BARE_CHARACTERS:
        return None
    lowered = line.replace("*", "").lower()
    if not lowered.startswith(LAST_LINES) or lowered.count("answer") > 1:
        return None
    if "\\" in line or "<" in line or (line != text and NEXT_PROMPT.search(text)):
        return None
    return line_after(line, line.index(":") + 1)


@lru_cache(maxsize=1 << 14)
def read_short(text: str, answer_format: AnswerFormat, question: str) -> str | None:
    """As `read_long`, remembered: samples of one prompt often are one text."""
    return read_long(text, answer_format, question)


def read_long(text: str, answer_format: AnswerFormat, question: str) -> str | None:
    """The answer of a text without thoughts."""
    text = cut_run_on(text)
    stated = find_stated(text)
    if stated is not None:
        return read_marked(stated, answer_format, question)
    return read_bare(text, answer_format, question)


@lru_cache(maxsize=1 << 14)
def read_marked(stated: str, answer_format: AnswerFormat, question: str) -> str | None:
    """The answer that a marked line states, or None if it refuses, sets a
    condition or is taken back."""
    if len(stated) >= MIN_SECOND_THOUGHT and SECOND_THOUGHT.search(stated):
        return None
    sentence = first_sentence(stated)
    if answer_format == "choice":
        return read_choice(stated, sentence, question)
    if answer_format == "yes_no":
        return parse_yes_no(sentence)
    if REFUSAL.search(fold(sentence)) or CONDITION.search(sentence):
        return None
    if answer_format == "number":
        return parse_number(sentence, is_marked=True)
    if answer_format == "expression":
        return parse_expression(sentence, is_marked=True)
    return parse_phrase(sentence if len(sentence) > 2 else stated)


def read_choice(stated: str, sentence: str, question: str) -> str | None:
    """The letter that a marked line names."""
    options = parse_options(question)
    if {*options.values()} >= {"yes", "no"}:
        by_word = {option: letter for letter, option in options.items()}
        if found := parse_yes_no(sentence):
            return by_word[found]
    if refuses(stated, options):
        return None
    return parse_choice(stated, options)


def refuses(text: str, options: dict[str, str]) -> bool:
    """Whether a text refuses, or sets a condition, in no option's words."""
    if not is_open(fold(text)):
        return False
    normal = normalise_name(fold(text))
    for option in sorted(filter(is_open, options.values()), key=len, reverse=True):
        normal = normal.replace(option, " ")
    return is_open(normal)


def is_open(text: str) -> bool:
    """Whether a folded text refuses, or its first sentence sets a condition."""
    return bool(REFUSAL.search(text) or CONDITION.search(first_sentence(text)))


def read_bare(text: str, answer_format: AnswerFormat, question: str) -> str | None:
    """The answer of a text without a marker: all of it, or a line with nothing
    else."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    if answer_format == "yes_no":
        return read_bare_yes_no(text)
    words = text.split(maxsplit=MAX_BARE_WORDS)
    if len(words) <= MAX_BARE_WORDS and len(text) <= MAX_BARE_CHARACTERS:
        found = parse_bare(" ".join(words), lines, answer_format, question)
        if found is not None or len(lines) == 1:
            return found
    ends = {
        parse_alone(line, answer_format, question) for line in (lines[0], lines[-1])
    }
    ends -= {None}
    if len(ends) == 1 and len(lines) > 1:
        return ends.pop()
    if answer_format == "choice":
        options = parse_options(question)
        sentence = last_sentence(text)
        said = None
        if not refuses(sentence, options):
            said = find_in_prose(sentence, options)
        ends = {said, None if ends else find_option_line(lines, options)} - {None}
        return ends.pop() if len(ends) == 1 else None
    return None


def parse_bare(
    text: str, lines: list[str], answer_format: AnswerFormat, question: str
) -> str | None:
    """The answer that a text of few words is."""
    options = parse_options(question) if answer_format == "choice" else {}
    if refuses(text, options):
        return None
    if answer_format == "number":
        return parse_number(text, is_marked=False)
    if answer_format == "expression":
        return parse_expression(text, is_marked=False) if len(lines) == 1 else None
    if answer_format == "choice":
        if len(lines) > 1:
            return None
        found = read_choice(text, text, question)
        return found or find_in_prose(text, options)
    return parse_phrase(text, is_marked=False) if len(lines) == 1 else None


def parse_alone(line: str, answer_format: AnswerFormat, question: str) -> str | None:
    """The answer that a line holds with nothing else in it: no word but a unit."""
    if answer_format == "phrase" or len(line) > MAX_ALONE_CHARACTERS:
        return None
    words = normalise(line).split()
    if answer_format == "choice":
        is_letter = len(words) == 1 and len(words[0].strip("()[]")) == 1
        return parse_choice(line, parse_options(question)) if is_letter else None
    while words and words[0] in ("so", "thus", "therefore", "hence", "total", "="):
        words.pop(0)
    if answer_format == "expression":
        return parse_expression(line, is_marked=False)
    return parse_number(" ".join(words), is_marked=False) if len(words) <= 2 else None


def read_bare_yes_no(text: str) -> str | None:
    """The yes or no that a text begins or ends with, unless it ends in a refusal."""
    first, last = parse_yes_no(first_sentence(text)), parse_yes_no(last_sentence(text))
    if first is None and REFUSAL.search(fold(last_sentence(text))):
        return None
    ends = {first, last} - {None}
    return ends.pop() if len(ends) == 1 else None


def normalise_gold(answer: str, answer_format: AnswerFormat, question: str) -> str:
    """A gold answer in the form that `extract_answer` gives."""
    answer = answer.strip()[:MAX_GOLD]
    marked = read_marked(answer, answer_format, question)
    return (
        marked or extract_answer(answer, answer_format, question) or normalise(answer)
    )


def most_voted(votes: Counter[str]) -> str | None:
    """The answer with most votes; None where there is none, or a tie."""
    ranked = votes.most_common(2)
    is_tie = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return ranked[0][0] if ranked and not is_tie else None


def may_agree(one: str, other: str) -> bool:
    """Whether two normalised phrases may both be right, though they are counted apart.

    One may say more than the other: "bat" and "baseball bat", "couch" and "on the
    couch".
    """
    words, others = phrase_words(one), phrase_words(other)
    return words <= others or others <= words


def phrase_words(phrase: str) -> set[str]:
    """The words of a phrase without an article or preposition before them, as one
    and as many."""
    words = content_words(phrase)
    while len(words) > 1 and words[0] in LEADING:
        words.pop(0)
    return {word.removesuffix("s") for word in words}


VoteReason = Literal["no_parsed_response", "unanimous", "tie", "below_threshold"]


def majority_answer(
    answers: Counter[str], threshold: int
) -> tuple[str | None, VoteReason | None]:
    """The answer of most parsed responses, or None and why there is none.

    ``answers`` counts parsed answers only: the unparsed never vote.  Fewer than
    ``threshold`` votes are too few, also where all agree.
    """
    if not answers:
        return None, "no_parsed_response"
    first = most_voted(answers)
    if first is None:
        return None, "tie"
    if answers[first] < threshold:
        return None, "below_threshold"
    return (first, None) if len(answers) > 1 else (None, "unanimous")
