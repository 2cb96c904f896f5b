"""How others read a judgment, beside our own parser."""

import re
from collections.abc import Callable
from typing import Literal

from selfjudge.ground.records import Order
from selfjudge.judging.verdicts import (
    Verdict,
    chosen_verdict,
    prefers_chosen,
    read_stated,
)

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
