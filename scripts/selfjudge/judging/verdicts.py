"""What a judgment says: the letters A and B, and what they mean in each order.

This is the one module in which a position has a letter; everywhere else there
is only chosen and rejected.  (`asks` puts the two responses in their places.)
"""

import re
from typing import Literal, get_args

from selfjudge.ground.records import Judgment, Order
from selfjudge.ground.thoughts import strip_thought
from selfjudge.judging.statements import last_statement

Verdict = Literal["A", "B"]

# Last lines as a judge is asked for them: most judgments end in one.
AS_ASKED: dict[str, Verdict] = {
    form.replace("X", letter): letter
    for letter in get_args(Verdict)
    for form in ("Verdict: [[X]]", "**Verdict: [[X]]**", "**Verdict:** [[X]]")
}
# The last line as the second prompt asks for it, whatever stands around it.
REWORDED = re.compile(
    r"^[ \t*_#>`\"'-]*trust[ \t*_`\"']*[=:][ \t*_`\"']*(?:answer )?([12])\b"
    r"[ \t*_`\"'.!]*$",
    re.IGNORECASE | re.MULTILINE,
)
# What names a response by its place.
RESPONSE = re.compile(
    r"\b(?:[Rr]esponse|[Aa]ssistant|Answer|[Mm]odel|[Cc]aption)[ \t]+([AB12])\b"
    r"|\b([Ff]irst|[Ss]econd)[ \t]+(?:response|assistant|answer|model|caption)\b"
)
# What, at the end of the text before, may make it another's or one of several.
MARKS = " *_`\"'"
INTRODUCES = (":", "]", "or", "Or", "OR")


def parse_verdict(text: str) -> Verdict | None:
    """The last verdict that a judgment states, or None if it is unparsed.

    `statements` says what is stated; a thought is no part of the text.  None too
    where what is stated last is not A or B: an earlier one must not stand in.
    """
    said = strip_thought(text)
    if said is None:
        return None
    before, _, last = said.rstrip().rpartition("\n")
    verdict = AS_ASKED.get(last)
    if verdict and is_sentence_end(before[-40:]):
        return verdict
    content = last_statement(said)
    return "A" if content == "A" else "B" if content == "B" else None


def is_sentence_end(text: str) -> bool:
    """Whether a text ends in a way that introduces nothing."""
    line = text.rstrip(MARKS)
    words = line.rstrip(MARKS + "\n")
    return line.endswith(("\n", ".")) and not words.endswith(INTRODUCES)


def chosen_verdict(order: Order) -> Verdict:
    """The verdict that prefers the chosen response when shown in this order."""
    return "A" if order == "chosen_first" else "B"


def prefers_chosen(verdict: Verdict | None, order: Order) -> bool | None:
    """True if the verdict prefers the chosen response, None if it is unparsed."""
    return None if verdict is None else verdict == chosen_verdict(order)


def stated_letter(order: Order, prefers: bool) -> Verdict:
    """The letter of a verdict in this order that prefers chosen, or does not."""
    return "A" if prefers == (chosen_verdict(order) == "A") else "B"


def parse_reworded(text: str) -> Verdict | None:
    """The verdict of a judgment by `judge_reworded.txt`, or None if it is unparsed.

    It is asked for as a last line "Trust = 1" or "Trust = 2"; of several such lines
    the last counts.
    """
    found = [*REWORDED.finditer(strip_thought(text) or "")]
    return ("A" if found[-1][1] == "1" else "B") if found else None


def read_reworded(text: str, order: Order) -> bool | None:
    """True if a judgment by the second prompt prefers the chosen response."""
    return prefers_chosen(parse_reworded(text), order)


def read_stated(text: str, order: Order) -> bool | None:
    """True if a judgment's last stated verdict prefers the chosen response."""
    return prefers_chosen(parse_verdict(text), order)


def read_whole(judgment: Judgment) -> bool | None:
    """Whether a judgment prefers chosen; None also for one that was cut off."""
    if judgment.finish_reason == "length":
        return None
    return read_stated(judgment.text, judgment.order)


def name_responses(text: str, order: Order, chosen: str, rejected: str) -> str:
    """A judgment with these names for "Response A", "second answer" and the like."""
    first, second = chosen, rejected
    if chosen_verdict(order) != "A":
        first, second = second, first
    names = {"a": first, "1": first, "first": first}

    def rename(match: re.Match[str]) -> str:
        return names.get((match[1] or match[2]).lower(), second)

    return RESPONSE.sub(rename, text)
