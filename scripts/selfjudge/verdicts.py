"""What a judgment says: the letters A and B, and what they mean in each order.

This is the one module in which a position has a letter; everywhere else there
is only chosen and rejected.  (`rendering` puts the two responses in their
places and is kept apart on purpose: a better parser must not cost a judgment.)
"""

import re
from collections.abc import Callable
from typing import Literal

from selfjudge.records import Order

Verdict = Literal["A", "B"]

# What may stand between the word and the brackets: "**Verdict:** [[A]]".
WORD_BEFORE = re.compile(r"verdict\W{0,8}\Z", re.IGNORECASE)
LETTER = re.compile(r"\[\[([^\[\]\n]{0,40})\]\]")
END = re.compile(r"[\s.*]*\Z")

ParserName = Literal["stated", "overall_judgment", "answer_is_better", "first_brackets"]

# VL-RewardBench, inference_hf.py at 9b10abd, lines 67-79: a greedy gap, so the last
# "Answer N is better" after the first trigger; no adverb but "slightly"; any number.
ANSWER_IS_BETTER = re.compile(
    r"(?:overall judgment|therefore).*"
    r"answer\s*(\d{1,9})\s*is\s*(?:the\s*)?(?:slightly\s*)?better",
    re.IGNORECASE,
)
# The same phrase read by us: two answers, and how much better does not matter.
OVERALL_JUDGMENT = re.compile(
    r"overall judge?ment\W*answer\s*([12])\s*is\s*"
    r"(?:the\s*|[a-z]+ly\s*|much\s*)?better",
    re.IGNORECASE,
)


def parse_verdict(text: str) -> Verdict | None:
    """The last verdict that a judgment states, or None if it is unparsed.

    Stated is ``[[X]]`` after the word "verdict", or at the very end of the
    text; a [[A]] quoted from a response in mid-text is neither.  None too where
    the last stated verdict is not A or B: an earlier one must not stand in.
    """
    end = len(text)
    # From the end: a judgment is long, and its verdict comes last.
    while (start := text.rfind("[[", 0, end)) >= 0:
        match = LETTER.match(text, start)
        if match and (
            WORD_BEFORE.search(text, max(0, start - 16), start)
            or END.match(text, match.end())
        ):
            letter = match.group(1).strip()
            return "A" if letter == "A" else "B" if letter == "B" else None
        end = start + 1
    return None


def chosen_verdict(order: Order) -> Verdict:
    """The verdict that prefers the chosen response when shown in this order."""
    return "A" if order == "chosen_first" else "B"


def prefers_chosen(verdict: Verdict | None, order: Order) -> bool | None:
    """True if the verdict prefers the chosen response, None if it is unparsed."""
    return None if verdict is None else verdict == chosen_verdict(order)


def read_stated(text: str, order: Order) -> bool | None:
    """True if a judgment's last stated verdict prefers the chosen response."""
    return prefers_chosen(parse_verdict(text), order)


def read_overall_judgment(text: str, order: Order) -> bool | None:
    """As `read_stated` for "Overall Judgment: Answer 1 is better"; the last counts."""
    found = OVERALL_JUDGMENT.findall(text.replace("*", ""))
    return prefers_chosen("A" if found[-1] == "1" else "B", order) if found else None


def read_answer_is_better(text: str, order: Order) -> bool | None:
    """What VL-RewardBench's own parser makes of a judgment, quirks included.

    Every number but that of the rejected response agrees: "Answer 3 is better"
    prefers the chosen one.
    """
    found = ANSWER_IS_BETTER.search(text.replace("\n", "").replace("*", ""))
    rejected = 2 if chosen_verdict(order) == "A" else 1
    return int(found.group(1)) != rejected if found else None


def read_first_brackets(text: str, order: Order) -> bool | None:
    """What Multimodal RewardBench's own parser makes of a judgment.

    A [[A]] anywhere is A, even beside a later [[B]] (2_get_accuracy.py at
    b4b92cd, lines 13-23).
    """
    verdict: Verdict | None = "A" if "[[A]]" in text else None
    if verdict is None and "[[B]]" in text:
        verdict = "B"
    return prefers_chosen(verdict, order)


# How a judgment's text becomes a preference for the chosen response, by name.
PARSERS: dict[ParserName, Callable[[str, Order], bool | None]] = {
    "stated": read_stated,
    "overall_judgment": read_overall_judgment,
    "answer_is_better": read_answer_is_better,
    "first_brackets": read_first_brackets,
}
