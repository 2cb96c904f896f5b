"""What is really true in the embedded world of pairs and judgments of the loop.

The workflow never sees this: it holds right what the majority says, or what it
has not altered itself.  Pure: no files.
"""

import re
from typing import NamedTuple

from selfjudge.ground.records import Judgment, Pair, Prompt
from selfjudge.judging.verdicts import parse_verdict, prefers_chosen
from selfjudge.pairs.answers import extract_answer, normalise_gold
from world import split_claims

TRACE = re.compile(
    r"\s*I say .*?\. A says (.*?) B says (.*?) Verdict: \[\[[AB]\]\]\s*", re.DOTALL
)


class Known(NamedTuple):
    """A prompt, and the true claims about its picture."""

    prompt: Prompt
    claims: frozenset[str]


def is_true(claim: str, known: Known) -> bool:
    """Whether one claim holds.

    To an open prompt: if it names a thing that the picture shows, where it is.
    To a closed one: if it is the gold answer, by the workflow's own comparison.
    """
    prompt = known.prompt
    if prompt.answer_format is None:
        return claim in known.claims
    assert prompt.answer is not None, "every closed prompt of the world has one"
    gold = normalise_gold(prompt.answer, prompt.answer_format, prompt.question)
    return extract_answer(claim, prompt.answer_format, prompt.question) == gold


def worth(response: str, known: Known) -> int:
    """How good a response is: its true claims less its false ones, each once.

    A response to a closed prompt is one claim: 1 if it is right, -1 if not.
    """
    if known.prompt.kind == "closed":
        return 1 if is_true(response, known) else -1
    claims = set(split_claims(response))
    return sum(1 if is_true(claim, known) else -1 for claim in claims)


def chosen_is_better(pair: Pair, known: Known) -> bool | None:
    """Whether chosen is really the better response; None if both are worth as much."""
    chosen, rejected = worth(pair.chosen, known), worth(pair.rejected, known)
    return None if chosen == rejected else chosen > rejected


def verdict_is_right(judgment: Judgment, is_better: bool | None) -> bool:
    """Whether the verdict names the really better response of its pair.

    ``is_better`` is what `chosen_is_better` says; where neither is better no
    verdict is right, and an unparsed one never is.
    """
    found = prefers_chosen(parse_verdict(judgment.text), judgment.order)
    return found is not None and found == is_better


def reasons_are_right(judgment: Judgment, pair: Pair, known: Known) -> bool:
    """Whether everything that a judgment's marks say of the two responses is true.

    A trace reads "I say ... . A says CLAIM true. CLAIM false. B says CLAIM true.
    Verdict: [[A]]".  Its reasons are right if it has that form, if what it marks
    after "A says" and "B says" are the claims of the first and of the second
    response, word by word, all of them and in their order, and if every mark is
    what `is_true` says of the claim.  What it says that it sees itself ("I say")
    is not looked at, nor whether the verdict follows from the marks.
    """
    found = TRACE.fullmatch(judgment.text)
    if not found:
        return False
    responses = [pair.chosen, pair.rejected]
    if judgment.order == "rejected_first":
        responses.reverse()
    return all(
        split_claims(marks) == true_marks(response, known)
        for marks, response in zip(found.groups(), responses, strict=True)
    )


def true_marks(response: str, known: Known) -> list[str]:
    """The claims of a response, each with the mark that it deserves."""
    return [
        f"{claim} {'true' if is_true(claim, known) else 'false'}"
        for claim in split_claims(response)
    ]
