"""What a judgment says: the letters A and B, and what they mean in each order.

This is the one module in which a position has a letter; everywhere else there
is only chosen and rejected.  (`rendering` puts the two responses in their
places and is kept apart on purpose: a better parser must not cost a judgment.)
"""

import re
from typing import Literal

from selfjudge.ground.records import Order

Verdict = Literal["A", "B"]

# What may stand between the word and the brackets: "**Verdict:** [[A]]".
WORD_BEFORE = re.compile(r"verdict\W{0,8}\Z", re.IGNORECASE)
LETTER = re.compile(r"\[\[([^\[\]\n]{0,40})\]\]")
END = re.compile(r"[\s.*]*\Z")


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
