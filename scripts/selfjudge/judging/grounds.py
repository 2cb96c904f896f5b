"""Whether a judgment's reasoning names the difference between the two responses.

That both orders are right shows that a judge saw which response is better, not that it
saw why.  What was injected is known, so the reasons can be checked without a label:

- A response is cut into statements: the sentences of an open one; of a closed one the
  answer alone.  Those of the rejected response that the chosen one has not are
  altered, those of the chosen response that the rejected one has not are lost, and
  the others shared.
- A sentence of the reasoning is about the statement with which it has most words in
  common, if it has all words that are new in it, and another one where there are any;
  and about an altered or lost one whose new words the others do not have, where it has
  as many of its other words as of theirs.
- It faults a statement with a word such as "false", "not" or "error", and upholds it
  with one such as "true" or "correctly", where neither is the statement's own.  Of
  several statements it is the one named in the same clause, else in one before, else
  in one after, and there the nearest.  "Not wrong" and "no doubt" say nothing.  A
  sentence that begins with "This" or "However" goes on with the one before it.
- The reasoning is grounded if it faults an altered statement or upholds a lost one,
  and if it never upholds an altered statement, nor faults a lost or a shared one.

The rules are of English.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from selfjudge.ground.records import Judgment, Pair
from selfjudge.ground.thoughts import strip_thought
from selfjudge.pairs.spellings import content_words
from selfjudge.pairs.stated import SENTENCE_END, find_stated, last_sentence

Words = frozenset[str]

FAULTS = frozenset(
    "false wrong wrongly incorrect incorrectly inaccurate inaccurately error errors"
    " mistake mistakes mistaken mistakenly misidentifies misidentified misreads"
    " misstates misses missed omits omitted overlooks ignores lacks fails invents"
    " invented fabricates fabricated hallucinates hallucinated hallucination"
    " contradicts unsupported untrue not no never nor neither without absent"
    " nonexistent".split()
)
UPHOLDS = frozenset(
    "true correct correctly right rightly accurate accurately indeed actually exactly"
    " matches"
    " match consistent confirms confirmed supported faithful faithfully precise"
    " precisely visible clearly".split()
)
# Before a word of fault, or of doubt, with no more than some of `BETWEEN` between
# them: neither says anything then.
NEGATIONS = frozenset("not no never nor neither without nothing hardly".split())
DOUBTS = frozenset("doubt doubts question".split())
DENIED = (FAULTS - NEGATIONS) | DOUBTS
BETWEEN = frozenset("a an any at all in the way really entirely completely".split())
CLAUSE_END = re.compile(
    r"[,;:](?=\s)|[()]|\b(?:and|but|while|whereas|yet|though|although)\b", re.IGNORECASE
)
GOES_ON = re.compile(r"\W*(?:this|that|which|however|but|it)\b", re.IGNORECASE)


class Statement(NamedTuple):
    """The words of something that a response says, and those that are new in it."""

    words: Words
    new: Words

    def is_named(self, said: Words) -> bool:
        """Whether a sentence with these words is about it."""
        rest = self.words - self.new
        return self.new <= said and (not rest or not rest.isdisjoint(said))

    def count_rest(self, said: Words) -> int:
        """How many of its words that are not new such a sentence has."""
        return len((self.words - self.new) & said)


class Difference(NamedTuple):
    """What the rejected response alone says, what chosen alone says, and both."""

    altered: list[Statement]
    lost: list[Statement]
    shared: list[Statement]

    def about(self, said: Words) -> set[Statement]:
        """The statements that a sentence is about: with most of its words, of all."""
        named = [one for part in self for one in part if one.is_named(said)]
        most = max((len(one.words & said) for one in named), default=0)
        about = {one for one in named if len(one.words & said) == most}
        told = frozenset[str]().union(*(one.words for one in about))
        rest = min((one.count_rest(said) for one in about), default=0)
        return about | {
            one
            for one in (*self.altered, *self.lost)
            if one in named and not one.new <= told and one.count_rest(said) >= rest
        }


class Sentence(NamedTuple):
    """The words of a sentence, and those of its clauses one after the other."""

    words: Words
    clauses: list[list[str]]

    def weigh(self, about: set[Statement]) -> tuple[set[Statement], set[Statement]]:
        """Of the statements that it is about, those that it faults and upholds."""
        own = frozenset[str]().union(*(one.words for one in about))
        faulted: set[Statement] = set()
        upheld: set[Statement] = set()
        for place, clause in enumerate(self.clauses):
            silent = find_silent(clause, own)
            for at, word in enumerate(clause):
                if word in own or at in silent:
                    continue
                if word in FAULTS:
                    faulted |= self.find_meant(place, at, about)
                elif word in UPHOLDS:
                    upheld |= self.find_meant(place, at, about)
        return faulted, upheld - faulted

    def find_meant(self, place: int, at: int, about: set[Statement]) -> set[Statement]:
        """Which statements the word ``at`` of a clause is said of."""
        others = [*range(place - 1, -1, -1), *range(place + 1, len(self.clauses))]
        for other in (place, *others):
            # Of a clause before, its end is the nearest; of one after, its beginning.
            clause = self.clauses[other]
            near = at if other == place else len(clause) if other < place else -1
            found = [
                ((abs(spot - near), spot < near), one)
                for spot, word in enumerate(clause)
                for one in about
                if word in one.new
            ]
            if found:
                nearest = min(distance for distance, _ in found)
                return {one for distance, one in found if distance == nearest}
        return set()


def is_grounded(judgment: Judgment, pair: Pair) -> bool:
    """Whether a judgment's reasoning names the difference that makes chosen better."""
    difference = find_difference(pair)
    altered, lost = set(difference.altered), set(difference.lost)
    has_named = False
    for sentence in sentences_of(strip_thought(judgment.text) or ""):
        faulted, upheld = sentence.weigh(difference.about(sentence.words))
        if upheld & altered or faulted - altered:
            return False
        has_named |= bool(faulted or upheld & lost)
    return has_named


def find_silent(clause: list[str], own: Words) -> set[int]:
    """The places of a clause's words that say nothing, as those of "not wrong".

    ``own`` are the words of what it is about: an answer of "no" denies nothing.
    """
    silent: set[int] = set()
    for at, word in enumerate(clause):
        if word in NEGATIONS - own:
            after = at + 1
            while after < len(clause) and clause[after] in BETWEEN:
                after += 1
            if clause[after : after + 1] and clause[after] in DENIED:
                silent |= {at, after}
    return silent


def find_difference(pair: Pair) -> Difference:
    """The statements of a pair; what a statement has new is told from the nearest."""
    if pair.kind == "closed":
        chosen, rejected = (
            [answer_words(text)] for text in (pair.chosen, pair.rejected)
        )
    else:
        chosen, rejected = (
            [one.words for one in sentences_of(text)]
            for text in (pair.chosen, pair.rejected)
        )
    altered = [words for words in rejected if words not in chosen]
    lost = [words for words in chosen if words not in rejected]
    return Difference(
        altered=state_all(altered, lost),
        lost=state_all(lost, altered),
        shared=[Statement(words, words) for words in chosen if words in rejected],
    )


def state_all(statements: Iterable[Words], others: list[Words]) -> list[Statement]:
    """Statements with what is new beside the nearest of the others.

    Where nothing is, because words were only left out, it cannot be named.
    """
    found = []
    for words in statements:
        nearest = max(others, key=lambda other: len(words & other), default=frozenset())
        if new := words - nearest:
            found.append(Statement(words, new))
    return found


def answer_words(text: str) -> Words:
    """The words of the answer that a response states, or of its last sentence."""
    return frozenset(content_words(find_stated(text) or last_sentence(text)))


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
            yield Sentence(words, [*map(content_words, CLAUSE_END.split(sentence))])
