"""Is a rewrite the response with one injected error?

The model is asked for one false detail in the same style and length.  A tiny
or lazy model may change nothing, write something else, or confess what it did;
such a rewrite would teach the judge to spot style, not errors.
"""

import re
from difflib import SequenceMatcher
from typing import Literal

from selfjudge.ground.records import Settings

AlterationReason = Literal[
    "empty", "unchanged", "too_short", "too_long", "too_different", "confesses"
]

CONFESSION = re.compile(
    r"\b(?:altered|modified|rewritten|revised|edited|changed|incorrect|false) "
    r"(?:version|response|description|answer|detail|text)"
    r"|\bhere(?:'s| is) (?:the|a|my|your) (?:re|new|alter|modif|chang|edit)"
    r"|\bi (?:have |'ve )?(?:changed|altered|modified|replaced|injected|introduced)\b"
    r"|\binstead of the (?:original|correct)\b|\bas an ai\b|\bi (?:can't|cannot)\b",
    re.IGNORECASE,
)


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
    """Why a rewrite cannot serve as the rejected response, or None if it can."""
    if not altered.strip():
        return "empty"
    old, new = response.split(), altered.split()
    if bare(old) == bare(new):
        return "unchanged"
    if CONFESSION.search(altered) and not CONFESSION.search(response):
        return "confesses"
    rate = len(new) / max(1, len(old))
    if rate < bounds.min_length_rate:
        return "too_short"
    if rate > bounds.max_length_rate:
        return "too_long"
    if SequenceMatcher(None, old, new, autojunk=False).ratio() < (
        bounds.min_overlap_rate
    ):
        return "too_different"
    return None


def bare(words: list[str]) -> list[str]:
    """Words without case and surrounding punctuation; empty ones left out."""
    stripped = (word.strip(".,;:!?\"'()*").casefold() for word in words)
    return [word for word in stripped if word]
