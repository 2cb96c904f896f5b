"""What a judgment says: the letters A and B, and what they mean in each order.

This is the one module in which a position has a letter; everywhere else there
is only chosen and rejected.  (`rendering` puts the two responses in their
places and is kept apart on purpose: a better parser must not cost a judgment.)
"""

import re
from typing import Literal

from selfjudge.records import Order

Verdict = Literal["A", "B"]

# Either "Verdict: [[X]]" anywhere, markdown allowed between, or a bare [[X]]
# that ends the text.  A [[A]] quoted from a response in mid-text is neither.
STATED = re.compile(
    r"verdict\W{0,8}?\[\[([^\[\]\n]{0,40})\]\]|\[\[([^\[\]\n]{0,40})\]\][\s.*]*\Z",
    re.IGNORECASE,
)


def parse_verdict(text: str) -> Verdict | None:
    """The last verdict that a judgment states, or None if it is unparsed.

    None too where the last stated verdict is not A or B: an earlier one must
    not stand in for it.
    """
    # Nothing can be stated without "[[", and most of a judgment comes before it.
    if "[[" not in text:
        return None
    stated = None
    for stated in STATED.finditer(text):
        pass
    if stated is None:
        return None
    letter = (stated.group(1) or stated.group(2) or "").strip()
    return "A" if letter == "A" else "B" if letter == "B" else None


def chosen_verdict(order: Order) -> Verdict:
    """The verdict that prefers the chosen response when shown in this order."""
    return "A" if order == "chosen_first" else "B"


def prefers_chosen(verdict: Verdict | None, order: Order) -> bool | None:
    """True if the verdict prefers the chosen response, None if it is unparsed."""
    return None if verdict is None else verdict == chosen_verdict(order)
