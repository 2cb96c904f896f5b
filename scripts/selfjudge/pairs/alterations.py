"""Which error a response can carry, and whether a rewrite is it with that one error.

The model is asked for one false detail in the same style and length.  A tiny
or lazy model may change nothing, write something else, leave out half of it or go on,
or confess what it did; a chatty one dresses what it wrote.  Such a rewrite would teach
the judge to spot style or length, not errors.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from selfjudge.ground.records import Category, Settings
from selfjudge.pairs.dressings import is_dressed
from selfjudge.pairs.spellings import DIGITS, content_words
from selfjudge.pairs.stated import SENTENCE_END

AlterationReason = Literal[
    "empty",
    "unchanged",
    "too_short",
    "too_long",
    "no_changed_place",
    "too_different",
    "confesses",
]

# At most so many places are changed: the detail, and what was said of it elsewhere.
MOST_PLACES = 4
# Words, as `compared_words` has them, that go with another: "two dogs are", "a dog is".
AGREEING = frozenset(
    "a an the i are wa were ha have do doe it he she hi her him they their them thi"
    " that these those there one".split()
)
MARKS = ".,;:!?\"'`*_()[]"
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

    ``min_length_rate`` and ``max_length_rate`` bound the words of the rewrite as a
    share of the response's; ``min_overlap_rate`` is the smallest share of words, in
    order, that both texts must have in common: it decides where they are short.
    ``max_changed_words``: the most words of both texts together that differ, each
    change counted once however often it is made, and without words that agree with
    others.
    """

    min_length_rate: float
    max_length_rate: float
    min_overlap_rate: float
    max_changed_words: int = 20


def check_alteration(
    response: str, altered: str, bounds: AlterationBounds
) -> AlterationReason | None:
    """Why a rewrite cannot serve as the rejected response, or None if it can.

    It is `unchanged` if only marks, case or the spelling of numbers differ,
    `confesses` if it tells or shows that it is a rewrite, and has `no_changed_place` if
    it only leaves out or adds sentences, or moves them.
    """
    if not altered.strip():
        return "empty"
    if content_words(response) == content_words(altered):
        return "unchanged"
    if is_dressed(response, altered):
        return "confesses"
    rate = len(altered.split()) / max(1, len(response.split()))
    if rate < bounds.min_length_rate:
        return "too_short"
    if rate > bounds.max_length_rate:
        return "too_long"
    if find_change(response, altered) is None:
        return "no_changed_place"
    is_one = is_one_detail(compared_words(response), compared_words(altered), bounds)
    return None if is_one else "too_different"


class Change(NamedTuple):
    """The place of an alteration: sentences of one text that the other has not."""

    response: str
    rewrite: str


def find_change(response: str, rewrite: str) -> Change | None:
    """What the response says where it was altered, and what the rewrite says there.

    The order of sentences, marks, case and spelling are no change; how often one is
    said is.  None where a sentence was only added or only left out: then one of the
    two says nothing.
    """
    own, new = (
        " ".join(left_over(text, other)).rstrip(". ")
        for text, other in ((response, rewrite), (rewrite, response))
    )
    return Change(own, new) if own and new else None


def left_over(text: str, other: str) -> Iterator[str]:
    """The sentences of a text that another has not, or not as often: the last ones."""
    known = Counter(tuple(content_words(one)) for one in SENTENCE_END.split(other))
    for sentence in SENTENCE_END.split(text):
        words = tuple(content_words(sentence))
        known[words] -= 1
        if words and known[words] < 0:
            yield sentence.strip()


def compared_words(text: str) -> list[str]:
    """The words between blanks, without case, the marks around them and a last "s"."""
    words = (word.strip(MARKS).casefold() for word in text.split())
    return [word.removesuffix("s") for word in words if word]


def is_one_detail(old: list[str], new: list[str], bounds: AlterationBounds) -> bool:
    """Whether two texts differ in few words, and these stand in few places."""
    # A word that one text lacks is in some place: a paraphrase needs no search.
    if len((set(old) ^ set(new)) - AGREEING) > bounds.max_changed_words:
        return False
    changes = changed_words(old, new)
    num_changed = sum(len(before) + len(after) for before, after in changes)
    if num_changed > (1 - bounds.min_overlap_rate) * (len(old) + len(new)):
        return False
    places = {(without_agreeing(one), without_agreeing(two)) for one, two in changes}
    places.discard(((), ()))
    num_words = sum(len(before) + len(after) for before, after in places)
    return len(places) <= MOST_PLACES and num_words <= bounds.max_changed_words


def changed_words(
    old: list[str], new: list[str]
) -> list[tuple[Sequence[str], Sequence[str]]]:
    """What stands in each place where two texts differ, in the one and the other.

    What both begin and end with is set aside first where it is half of them: one
    changed place costs no search, and is found as one.
    """
    before = num_alike(old, new)
    after = num_alike(old[before:][::-1], new[before:][::-1])
    if 4 * (before + after) >= len(old) + len(new):
        old, new = (words[before : len(words) - after] for words in (old, new))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        (old[first:last], new[other:other_last])
        for kind, first, last, other, other_last in matcher.get_opcodes()
        if kind != "equal"
    ]


def num_alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two texts begin with alike."""
    same = (word == its for word, its in zip(one, other, strict=False))
    return next(
        (place for place, is_same in enumerate(same) if not is_same),
        min(len(one), len(other)),
    )


def without_agreeing(words: Sequence[str]) -> tuple[str, ...]:
    """The words that say something themselves."""
    return tuple(word for word in words if word not in AGREEING)


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
