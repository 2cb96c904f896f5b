"""Which prompts are closed, decided from the question alone.

A prompt is `closed` if its question asks for one of four short answer formats;
every other prompt is `open`.  The first rule that matches decides:

1. `choice`: the question lists options A, B, ... or asks for an option's letter.
2. A request to describe, explain, write or tell something is open, unless it
   asks for a short answer in so many words.
3. `yes_no`: it asks for yes or no, or begins with a form of be, do, have, can
   or will, not followed by "you", and does not offer alternatives with "or".
4. `number`: it asks how many or how much, or for a number, or a count.
5. `phrase`: it asks for a single word, a short phrase or a short answer, or for
   a colour ("what color is ...").

The gold answer never takes part: most users have none, and a label must not
decide what becomes training data.  The papers do not say how they route; the
rule is ours.
"""

import re

from selfjudge.ground.records import AnswerFormat, Kind
from selfjudge.pairs.answers import parse_options

YES_NO = re.compile(
    r"\b(?:yes or no|yes/no|answer yes|answer no)\b"
    r"|^(?:is|are|was|were|do|does|did|has|have|can|could|will|would)\b"
    r"(?!\s+you\b)(?!.*\bor\b)",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\bhow (?:many|much)\b|\bwhat (?:is the )?number\b|\bcount the\b"
    r"|\b(?:integer|numerical|numeric) (?:answer|value|number)\b",
    re.IGNORECASE,
)
PHRASE = re.compile(
    r"\b(?:single word|one word|word or (?:a )?(?:short )?phrase|short phrase"
    r"|short answer|few words)\b|\bwhat colou?r\b|\bwhich colou?r\b",
    re.IGNORECASE,
)
SHORT = re.compile(
    r"\b(?:yes or no|yes/no|single word|one word|word or phrase|short phrase"
    r"|short answer)\b",
    re.IGNORECASE,
)
LETTER = re.compile(r"\boption'?s? letter\b|\bletter of the\b", re.IGNORECASE)


# "Could you describe ...", "Explain how many ...": a text is wanted.
REQUEST = re.compile(
    r"^(?:(?:can|could|will|would)\s+you\s+)?(?:please\s+)?"
    r"(?:describe|explain|write|tell|summari[sz]e|discuss|elaborate)\b",
    re.IGNORECASE,
)


def route(question: str) -> tuple[Kind, AnswerFormat | None]:
    """The kind of a prompt, and the answer format if it is closed."""
    question = question.strip()
    if LETTER.search(question) or parse_options(question):
        return "closed", "choice"
    if REQUEST.search(question) and not SHORT.search(question):
        return "open", None
    if YES_NO.search(question):
        return "closed", "yes_no"
    if NUMBER.search(question):
        return "closed", "number"
    if PHRASE.search(question):
        return "closed", "phrase"
    return "open", None
