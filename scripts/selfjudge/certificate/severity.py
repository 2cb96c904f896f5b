"""Pairs that differ in more than one injected error: a rewrite, rewritten again."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from selfjudge.ground.lines import dropped
from selfjudge.ground.records import Altered, Pair, Response
from selfjudge.pairs.alterations import AlterationBounds
from selfjudge.pairs.checks import bare_rewrite
from selfjudge.pairs.labelling import PairReason, rewrite_fault
from selfjudge.pairs.spellings import content_words

NUM_ROUNDS = 2  # rewrites of a rewrite: of two changes, of three
SeverityReason = PairReason | Literal["no_further_change"]


class Chain(NamedTuple):
    """A pair's texts of one, two, ... changes, as far as they are what they should be.

    ``rejected`` has one text for each number of changes from 1; ``dropped`` is the
    rewrite that ended the chain early, with the reason.
    """

    pair: Pair
    rejected: list[Response]
    dropped: dict[str, object] | None


def rewritten(pairs: Iterable[Pair]) -> Iterator[Response]:
    """The rejected responses that a model has rewritten, in the order of the pairs."""
    for pair in pairs:
        if pair.origin == "alteration":
            yield rejected_of(pair)


def rejected_of(pair: Pair) -> Response:
    """The rejected text of a pair as a response, under the id of its rewrite."""
    assert pair.rejected_response_id is not None
    return Response(
        id=pair.rejected_response_id,
        prompt_id=pair.prompt_id,
        sample=0,
        seed=0,
        text=pair.rejected,
        finish_reason="stop",
    )


def as_response(rewrite: Altered) -> Response:
    """A rewrite as what is to be rewritten next, whole or not."""
    return Response(
        id=rewrite.id,
        prompt_id=rewrite.prompt_id,
        sample=0,
        seed=rewrite.seed,
        text=rewrite.text,
        finish_reason=rewrite.finish_reason,
    )


def follow_chain(
    pair: Pair, next_of: Mapping[str, Altered], bounds: AlterationBounds
) -> Chain:
    """How far a pair's rejected response was rewritten well.

    ``next_of`` are rewrites by the id of what they rewrite.  Each step must be one
    changed detail, as a first rewrite must, and change a place of the chosen response
    that no step before it has changed: a step may take another one back.
    """
    texts = [rejected_of(pair)]
    while rewrite := next_of.get(texts[-1].id):
        before = texts[-1]
        bare = bare_rewrite(before, rewrite)
        reason: SeverityReason | None = rewrite_fault(before, bare, bounds)
        if reason is None and not goes_further(pair.chosen, before.text, bare.text):
            reason = "no_further_change"
        if reason:
            return Chain(pair, texts, dropped(rewrite, reason))
        texts.append(as_response(bare))
    return Chain(pair, texts, None)


def goes_further(original: str, before: str, after: str) -> bool:
    """Whether a text differs from the original in more words than the one before."""
    return num_changed_words(original, after) > num_changed_words(original, before)


def num_changed_words(original: str, text: str) -> int:
    """The words of a text, or of the original, that the other has not in that place."""
    matcher = SequenceMatcher(
        None, content_words(original), content_words(text), autojunk=False
    )
    return sum(
        max(end - start, other_end - other_start)
        for kind, start, end, other_start, other_end in matcher.get_opcodes()
        if kind != "equal"
    )
