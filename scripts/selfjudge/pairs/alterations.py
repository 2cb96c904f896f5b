"""Which error a response can carry, and whether a rewrite is it with that one error.

The model is asked for one false detail in the same style and length.  A tiny
or lazy model may change nothing, write something else, or confess what it did; a
chatty one dresses what it wrote.  Such a rewrite would teach the judge to spot style,
not errors.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal

from selfjudge.ground.records import Category, Settings
from selfjudge.pairs.dressings import is_dressed
from selfjudge.pairs.spellings import DIGITS, content_words

AlterationReason = Literal[
    "empty", "unchanged", "too_short", "too_long", "too_different", "confesses"
]

# Characters of a response in which such a sign is looked for.
LOOKED_AT = 10_000
# What shows that a response can carry an error of a category; the others always can.
SIGNS: dict[Category, re.Pattern[str]] = {
    "count": re.compile(
        r"(?<![$.,:/])\b(?:\d{1,3}(?!\d|%|[.,:/]\d)|a pair|pairs? of|several|both"
        r"|couple|few|many|dozens?|multiple|single|trio|(?:group|number) of"
        r"|(?<!no )(?<!the )(?<!this )(?<!that )one (?!another|can|could|of|side|would)"
        rf"|(?:{'|'.join(list(DIGITS)[2:])})\b)",
        re.IGNORECASE,
    ),
    "spatial": re.compile(
        r"\b(?:left|right|above|below|under|underneath|beneath|over|behind|beside"
        r"|between|among|near|nearby|next to|in front|top|bottom|middle|cent(?:er|re)"
        r"|corner|edge|side|inside|outside|within|around|along|across|against"
        r"|opposite|background|foreground|upper|lower|adjacent|close to|upon"
        r"|(?:in|on|at|into|onto) (?:an?|the|its|his|her|their|one) "
        r"(?!image|picture|photo|scene|question|answer|other hand))\b",
        re.IGNORECASE,
    ),
    "text": re.compile(
        r"[\"\u201c\u00ab]|\d[\d.,:%]|[$\u20ac\u00a3]\d|\b[A-Z]{3,}\b"
        r"|\b(?:text|words?|letters?|signs?|label(?:l?ed|s)?|logo|brand|title|titled"
        r"|reads|written|says|caption|spells?|inscription|named)\b"
    ),
}


class AlterationBounds(Settings, frozen=True, kw_only=True):
    """What still counts as one changed detail.

    ``min_length_rate`` and ``max_length_rate`` bound the words of the rewrite
    as a share of the response's; ``min_overlap_rate`` is the smallest share of
    words, in order, that both texts must have in common.
    """

    min_length_rate: float
    max_length_rate: float
    min_overlap_rate: float


def check_alteration(
    response: str, altered: str, bounds: AlterationBounds
) -> AlterationReason | None:
    """Why a rewrite cannot serve as the rejected response, or None if it can.

    It is `unchanged` if only marks, case or the spelling of numbers differ, and
    `confesses` if it tells or shows that it is a rewrite.
    """
    if not altered.strip():
        return "empty"
    old, new = response.split(), altered.split()
    if content_words(response) == content_words(altered):
        return "unchanged"
    if is_dressed(response, altered):
        return "confesses"
    rate = len(new) / max(1, len(old))
    if rate < bounds.min_length_rate:
        return "too_short"
    if rate > bounds.max_length_rate:
        return "too_long"
    return None if overlaps(old, new, bounds.min_overlap_rate) else "too_different"


def overlaps(old: Sequence[str], new: Sequence[str], least: float) -> bool:
    """Whether two texts have so large a share of their words in common, in order.

    Where one detail changed, what stands before and after it decides.
    """
    short, total = min(len(old), len(new)), len(old) + len(new)
    same = (one == other for one, other in zip(old, new, strict=False))
    num_before = next((n for n, is_same in enumerate(same) if not is_same), short)
    left = short - num_before
    same = (old[-n] == new[-n] for n in range(1, left + 1))
    num_after = next((n for n, is_same in enumerate(same) if not is_same), left)
    if 2 * (num_before + num_after) >= least * total:
        return True
    return SequenceMatcher(None, old, new, autojunk=False).ratio() >= least


def draw_category(response: str, categories: Sequence[Category], draw: int) -> Category:
    """The category of error that a number draws among those that a response can carry.

    A count wants a number or a word of amount, a place a word of place, a text
    something quoted or written.  An object, an attribute, a relation or an action is
    nearly always there, and not told from few words.  Where none can be carried, all
    may be drawn.
    """
    said = response[:LOOKED_AT]
    possible = [
        name for name in categories if name not in SIGNS or SIGNS[name].search(said)
    ]
    drawn = possible or categories
    return drawn[draw % len(drawn)]
