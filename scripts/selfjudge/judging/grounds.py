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
  as many of its other words as of theirs.  Where that is none, it is about a statement
  of an open pair whose one new word, which no other has, is its only word of the
  responses; and about one that is only added, or left out, if it has half of the words
  that no other has.  A sentence that begins with "This" or "So" goes on with the one
  before, and so does one that names a response and no statement.
- The reasoning is grounded if a sentence faults an altered statement or upholds a lost
  one; or if one about either finds the rejected response wrong, or one about a lost
  statement finds the chosen response right.
- It is not, whatever else it says, where it upholds an altered statement, faults a
  lost or a shared one, denies what both have ("no helmet"), or tells a third number or
  colour of what changed.

How a sentence is read is in `reasons`.  The rules are of English.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from selfjudge.ground.records import Judgment, Pair
from selfjudge.ground.thoughts import strip_thought
from selfjudge.judging.reasons import (
    CHOSEN,
    COMMON,
    REJECTED,
    RESPONSES,
    SEEN,
    Sentence,
    Statement,
    Words,
    sentences_of,
)
from selfjudge.judging.verdicts import name_responses
from selfjudge.pairs.choices import parse_options
from selfjudge.pairs.spellings import content_words
from selfjudge.pairs.stated import find_stated, last_sentence

# Kinds of words of which a third one can be told, and how far it may stand from a word
# of its statement in a clause.  "One" is no count: "one of them".
NUMBER = re.compile(r"[2-9]|\d{2,}")
COLOR = re.compile(
    "red|green|blue|yellow|orange|purple|pink|brown|black|white|gray|silver|gold|beige"
)
KINDS = ((NUMBER, 1), (COLOR, 100))
# Where a judge says himself what there is.
OBSERVED = SEEN | frozenset("count counted counting".split())


class Difference(NamedTuple):
    """What the rejected response alone says, what chosen alone says, and both.

    ``known`` are the words of both responses, ``asked`` those of a closed question
    before its options.
    """

    altered: list[Statement]
    lost: list[Statement]
    shared: list[Statement]
    known: Words
    asked: Words

    def about(self, said: Words) -> set[Statement]:
        """The statements that a sentence with these words is about."""
        changed = (*self.altered, *self.lost)
        named = [one for one in (*changed, *self.shared) if one.is_named(said)]
        if not named:
            return {one for one in changed if self.is_implied(one, said)}
        most = max(len(one.words & said) for one in named)
        about = {one for one in named if len(one.words & said) == most}
        told = frozenset[str]().union(*(one.words for one in about))
        rest = min(one.count_rest(said) for one in about)
        return about | {
            one
            for one in changed
            if one in named and not one.new <= told and one.count_rest(said) >= rest
        }

    def is_implied(self, one: Statement, said: Words) -> bool:
        """Whether a sentence that names no statement is still about this one."""
        if one.is_added:
            return 0 < len(one.unique) <= 2 * len(one.unique & said)
        is_alone = one.unique == one.new == (self.known & said) - COMMON
        return is_alone and len(one.new) == 1 and not self.asked

    def has_third(self, one: Statement, sentence: Sentence) -> bool:
        """Whether a sentence tells a number or colour of it that no response has."""
        place = (one.words - one.new | self.asked) - COMMON
        for kind, reach in KINDS:
            changed = {word for word in one.new if kind.fullmatch(word)}
            is_named = not changed.isdisjoint(sentence.words)
            for clause in sentence.clauses if changed else ():
                near = {
                    beside
                    for at, word in enumerate(clause)
                    if kind.fullmatch(word) and word not in self.known | self.asked
                    for beside in clause[max(0, at - reach) : at + reach + 1]
                }
                is_told = is_named or not OBSERVED.isdisjoint(clause)
                if is_told and not place.isdisjoint(near):
                    return True
        return False


def is_grounded(judgment: Judgment, pair: Pair) -> bool:
    """Whether a judgment's reasoning names the difference that makes chosen better."""
    difference = find_difference(pair)
    altered, lost = set(difference.altered), set(difference.lost)
    changed = altered | lost
    common = difference.known.difference(COMMON, *(one.new for one in changed))
    chosen, rejected = RESPONSES
    about: set[Statement] = set()
    has_named = False
    text = strip_thought(judgment.text) or ""
    text = name_responses(text, judgment.order, CHOSEN, REJECTED)
    for sentence in sentences_of(text):
        named = difference.about(sentence.words)
        if named or sentence.words.isdisjoint(chosen.new | rejected.new):
            about = named
        said = sentence.weigh(about, common)
        if said.denies or any(difference.has_third(one, sentence) for one in changed):
            return False
        if said.upheld & altered or said.faulted - altered - {chosen, rejected}:
            return False
        has_named |= bool(said.faulted & altered or said.upheld & lost)
        has_named |= rejected in said.faulted and bool(about & changed)
        has_named |= chosen in said.upheld and bool(about & lost)
    return has_named


def find_difference(pair: Pair) -> Difference:
    """The statements of a pair; what a statement has new is told from the nearest."""
    asked: Words = frozenset()
    texts = (pair.chosen, pair.rejected)
    if pair.kind == "closed":
        options = parse_options(pair.question)
        offered = content_words(" ".join(options.values()))
        asked = frozenset(content_words(pair.question)).difference(offered)
        chosen, rejected = (answers_of(text, options) for text in texts)
    else:
        chosen, rejected = ([one.words for one in sentences_of(text)] for text in texts)
    altered = [words for words in rejected if words not in chosen]
    lost = [words for words in chosen if words not in rejected]
    counts = Counter(word for words in (*chosen, *rejected) for word in words)
    return Difference(
        altered=state_all(altered, lost, counts),
        lost=state_all(lost, altered, counts),
        shared=[Statement(words, words) for words in chosen if words in rejected],
        known=frozenset(counts),
        asked=asked,
    )


def state_all(
    statements: Iterable[Words], others: list[Words], counts: Counter[str]
) -> list[Statement]:
    """Statements with what is new beside the nearest of the others.

    Where nothing is, because words were only left out, it cannot be named.  ``counts``
    says in how many statements of the two responses a word is.
    """
    found = []
    for words in statements:
        nearest = max(others, key=lambda other: len(words & other), default=frozenset())
        new = words - nearest
        if new := new - COMMON or new:
            unique = frozenset(word for word in new if counts[word] == 1)
            found.append(Statement(words, new, unique, is_added=not others))
    return found


def answers_of(text: str, options: dict[str, str]) -> list[Words]:
    """The words of the answer that a response states, or of its last sentence.

    An option that is named by its letter is two: the letter, and its text.
    """
    words = content_words(find_stated(text) or last_sentence(text))
    told = content_words(options.get(words[0], "")) if words else []
    return [frozenset(words), *([frozenset(told)] if told else [])]
