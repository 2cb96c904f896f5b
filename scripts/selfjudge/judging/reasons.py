"""What a sentence of a judge says of the statements that it is about.

Words alone are read, clause by clause, in English:

- A word such as "wrong" faults, one such as "correct" or "omits" upholds.  It is said
  of the nearest statement in its clause; where there is none, of the response that the
  clause names, else of the nearest statement in a clause before, or after.
- A word such as "visible" or "image" tells what is seen.  It upholds too, but not in a
  clause that names a response or denies: "Response A mentions a red ball in the
  image", "whether it is red cannot be told from the image".
- "Not" or "no" are said of the next word, with no more than words such as "in the" or
  "see any" between them: "not green" faults green, "not visible" faults, "not wrong"
  and "not relevant" say nothing.  At the end of a clause they fault.
- What stands after "instead of" or "rather than" is not what a clause is about.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from selfjudge.pairs.spellings import content_words
from selfjudge.pairs.stated import SENTENCE_END

Words = frozenset[str]

FAULTS = frozenset(
    "false wrong wrongly incorrect incorrectly inaccurate inaccurately error errors"
    " mistake mistakes mistaken mistakenly misidentifies misidentified misreads"
    " misstates confuses invents invented fabricates fabricated hallucinates"
    " hallucinated hallucination contradicts unsupported untrue absent"
    " nonexistent".split()
)
UPHOLDS = frozenset(
    "true correct correctly right rightly accurate accurately match matches consistent"
    " confirms confirmed supported faithful faithfully precise precisely"
    # What is left out is so.
    " misses missed omits omitted overlooks ignores lacks fails".split()
)
SEEN = frozenset(
    "indeed actually exactly visible clearly image picture photo photograph see seen"
    " shown appear appears there".split()
)
NEGATIONS = frozenset("not no never nor neither without nothing hardly".split())
TELLING = FAULTS | UPHOLDS | SEEN | NEGATIONS
# What may stand between a negation and its word.
BETWEEN = frozenset(
    "a an any at all in on the way really entirely completely to be is see show contain"
    " include depict have what".split()
)
# Words that every text has, and that tell of no thing in it.
COMMON = frozenset(
    "a an the of in on at to by with and or is are was were be has have it its his her"
    " their one there".split()
)
# A word that names both responses, and what stands for the name of either.
BOTH = "both"
CHOSEN, REJECTED = "chosenresponse", "rejectedresponse"
CLAUSE_END = re.compile(
    r"[.!?,;:](?=\s)|[()]|\b(?:and|but|while|whereas|yet|though|although)\b",
    re.IGNORECASE,
)
CONTRASTED = re.compile(r"\b(?:instead of|rather than)\b[^.,;:()]*", re.IGNORECASE)
GOES_ON = re.compile(
    r"\W*(?:this|that|which|however|but|it|so|thus|hence|therefore)\b", re.IGNORECASE
)


class Statement(NamedTuple):
    """The words of something that a response says.

    ``new`` are those that the other response has not in its place, and ``unique`` those
    of them that no other statement has; ``is_added`` where it has nothing in its place.
    """

    words: Words
    new: Words
    unique: Words = frozenset()
    is_added: bool = False

    def is_named(self, said: Words) -> bool:
        """Whether a sentence with these words has all that is new, and more of it."""
        rest = self.words - self.new
        return self.new <= said and (not rest or not rest.isdisjoint(said))

    def count_rest(self, said: Words) -> int:
        """How many of its words that are not new such a sentence has."""
        return len((self.words - self.new) & said)


# Words of a clause that does not tell what is seen: a response does, or nobody can.
HEARSAY = NEGATIONS | {CHOSEN, REJECTED}
# The responses themselves, of which it may also be said that they are wrong.
RESPONSES = tuple(
    Statement(frozenset({name}), frozenset({name})) for name in (CHOSEN, REJECTED)
)


class Said(NamedTuple):
    """What a sentence faults and upholds: statements, and `RESPONSES`.

    ``denies`` where it denies a word that both responses have: "no helmet".
    """

    faulted: set[Statement]
    upheld: set[Statement]
    denies: bool


class Sentence(NamedTuple):
    """The words of a sentence, and those of its clauses one after the other."""

    words: Words
    clauses: list[list[str]]

    def weigh(self, about: set[Statement], common: Words) -> Said:
        """What it says of the statements that it is about.

        A word of theirs tells nothing else: an answer of "no" is no denial.  ``common``
        are the words that both responses have.
        """
        own = frozenset[str]().union(*(one.words for one in about)) - SEEN
        faulted: set[Statement] = set()
        upheld: set[Statement] = set()
        denies = False
        for place, clause in enumerate(self.clauses):
            denied = find_denied(clause, own)
            for at, word in enumerate(clause):
                is_denied = at in denied
                if is_denied and any(word in one.new for one in about):
                    faulted |= {one for one in about if word in one.new}
                elif word not in TELLING:
                    denies |= is_denied and word in common
                elif word in own:
                    continue
                elif is_fault(word, is_denied=is_denied, is_last=at == len(clause) - 1):
                    faulted |= self.find_meant(place, at, about)
                elif is_upholding(word, clause) and not is_denied:
                    upheld |= self.find_meant(place, at, about)
        return Said(faulted, upheld - faulted, denies)

    def find_meant(self, place: int, at: int, about: set[Statement]) -> set[Statement]:
        """Of what the word ``at`` of a clause is said."""
        clause = self.clauses[place]
        if BOTH in clause:
            return {one for one in about if not one.new.isdisjoint(clause)}
        found = find_nearest(clause, at, about) or find_nearest(clause, at, RESPONSES)
        # Of a clause before, its end is the nearest; of one after, its beginning.
        for before in reversed(self.clauses[:place]):
            found = found or find_nearest(before, len(before), about)
        for after in self.clauses[place + 1 :]:
            found = found or find_nearest(after, -1, about)
        return found


def is_fault(word: str, *, is_denied: bool, is_last: bool) -> bool:
    """Whether a word faults: by itself, by a denial, or as one that ends a clause."""
    if word in NEGATIONS:
        return is_last
    return word in UPHOLDS | SEEN if is_denied else word in FAULTS


def is_upholding(word: str, clause: list[str]) -> bool:
    """Whether a word upholds, in this clause."""
    if word in SEEN:
        return HEARSAY.isdisjoint(clause)
    return word in UPHOLDS


def find_nearest(
    clause: list[str], near: int, among: Iterable[Statement]
) -> set[Statement]:
    """Of some statements those that have a new word nearest to a place of a clause."""
    found = [
        ((abs(spot - near), spot < near), one)
        for spot, word in enumerate(clause)
        for one in among
        if word in one.new
    ]
    nearest = min((distance for distance, _ in found), default=None)
    return {one for distance, one in found if distance == nearest}


def find_denied(clause: list[str], own: Words) -> set[int]:
    """The places of the words that are denied, as "green" is in "not a green one"."""
    denied = set()
    for at, word in enumerate(clause):
        if word in NEGATIONS - own:
            after = at + 1
            while after < len(clause) - 1 and clause[after] in BETWEEN:
                after += 1
            denied.add(after)
    return denied


def sentences_of(text: str) -> Iterator[Sentence]:
    """Each sentence; what goes on with the one before is part of it."""
    joined: list[str] = []
    for sentence in SENTENCE_END.split(text):
        if joined and GOES_ON.match(sentence):
            joined[-1] += f" {sentence}"
        else:
            joined.append(sentence)
    for sentence in joined:
        if words := frozenset(content_words(sentence)):
            told = CONTRASTED.sub(" ", sentence)
            yield Sentence(words, [*map(content_words, CLAUSE_END.split(told))])
