"""From two responses to one prompt to which is better: what is asked, what it comes to.

Pure: `judges` has the model.  The two texts are put into one order of their own, so
that (x, y) and (y, x) are the same question and have mirrored answers.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from selfjudge.ground.lines import content_id, file_sha256
from selfjudge.ground.records import ORDERS, Order, Pair, Record
from selfjudge.ground.requests import Generation
from selfjudge.judging.probabilities import (
    Logprobs,
    chosen_probability,
    has_no_room,
    is_abstained,
    order_probability,
)
from selfjudge.judging.verdicts import read_stated
from selfjudge.use.trust import Trust

# How a verdict was come by: stated at first, in the second try, or neither.
Source = Literal["stated", "retried", "probability"]


class Match(NamedTuple):
    """Two responses, not equal, to a question about images (readable paths)."""

    images: tuple[str, ...]
    question: str
    first: str
    second: str


class OneJudgment(Record, frozen=True, kw_only=True):
    """What the judge said in one of both orders.

    ``shown_first`` and ``prefers`` are places in the row's responses; ``prefers`` is
    what the text states, None where it states nothing.  ``probability`` is that of the
    first response of the row; None where the engine was not asked for any.
    """

    shown_first: int
    prefers: int | None
    probability: float | None
    source: Source
    text: str


class Comparison(Record, frozen=True, kw_only=True):
    """What a judge makes of a match.

    ``probability``, 0 to 1, is that the first response is better, over both orders:
    from log-probabilities, or, where none were asked for, the mean of what both texts
    state.  ``better`` is 0 or 1, the more probable response; None in a draw, where
    the judge ``abstained`` for want of certainty, or where ``reason`` says why there
    is no answer.  ``orders_agree``: both texts state the same response.
    """

    better: int | None
    probability: float | None
    abstained: bool
    orders_agree: bool
    judgments: tuple[OneJudgment, ...]
    reason: Literal["no_room"] | None = None


def pair_of(match: Match) -> Pair:
    """The match as a pair, as judges were trained to see one; chosen is neither's
    merit, but the text that sorts first."""
    chosen, rejected = sorted((match.first, match.second))
    prompt_id = content_id([picture_id(path) for path in match.images], match.question)
    return Pair(
        id=content_id(prompt_id, chosen, rejected),
        prompt_id=prompt_id,
        chosen_response_id=None,
        rejected_response_id=None,
        images=match.images,
        question=match.question,
        kind="open",
        chosen=chosen,
        rejected=rejected,
        origin="benchmark",
        category=None,
        num_votes=None,
        num_votes_rejected=None,
    )


@lru_cache(maxsize=100_000)
def picture_id(path: str) -> str:
    """What a picture is called in ids, and so in seeds: by its content, wherever it
    lies; by its path where there is none, which the engine will say."""
    try:
        return file_sha256(path)
    except OSError:
        return path


class Answered(NamedTuple):
    """The text of one order, whether of a second try, and the logprobs after it."""

    generation: Generation
    is_retried: bool
    logprobs: Logprobs | None


def settle(match: Match, answers: Mapping[Order, Answered], trust: Trust) -> Comparison:
    """What both orders of a match come to."""
    mirrored = match.first > match.second
    judgments = tuple(
        read_order(order, answers[order], trust, mirrored) for order in ORDERS
    )
    stated = [one.prefers for one in judgments]
    agree = stated[0] is not None and stated[0] == stated[1]
    if any(has_no_room(answers[order].generation) for order in ORDERS):
        return Comparison(
            better=None,
            probability=None,
            abstained=False,
            orders_agree=agree,
            judgments=judgments,
            reason="no_room",
        )
    probability = find_probability(answers, stated, trust, mirrored)
    abstained = is_abstained(probability, trust.abstain_below)
    decided = not abstained and probability != 0.5
    return Comparison(
        better=int(probability < 0.5) if decided else None,
        probability=probability,
        abstained=abstained,
        orders_agree=agree,
        judgments=judgments,
    )


def find_probability(
    answers: Mapping[Order, Answered],
    stated: Sequence[int | None],
    trust: Trust,
    mirrored: bool,
) -> float:
    """The probability that the first response is better, over both orders."""
    logprobs = {
        order: answers[order].logprobs
        for order in ORDERS
        if answers[order].logprobs is not None
    }
    if len(logprobs) == len(ORDERS):
        told = chosen_probability(logprobs, trust.temperature)  # type: ignore[arg-type]
        return 1 - told if mirrored else told
    votes = [0.5 if one is None else float(one == 0) for one in stated]
    return sum(votes) / len(votes)


def read_answer(generation: Generation, order: Order) -> bool | None:
    """Whether a text prefers chosen; None where it states nothing, as any does that
    was cut off."""
    if generation.finish_reason == "length":
        return None
    return read_stated(generation.text, order)


def read_order(
    order: Order, answered: Answered, trust: Trust, mirrored: bool
) -> OneJudgment:
    """What one order says, in places of the match instead of chosen and rejected."""
    chosen_place = int(mirrored)
    states_chosen = read_answer(answered.generation, order)
    prefers = None
    if states_chosen is not None:
        prefers = chosen_place if states_chosen else 1 - chosen_place
    probability = None
    if answered.logprobs is not None:
        told = order_probability(answered.logprobs, order, trust.temperature)
        probability = 1 - told if mirrored else told
    source: Source = "retried" if answered.is_retried else "stated"
    return OneJudgment(
        shown_first=chosen_place if order == "chosen_first" else 1 - chosen_place,
        prefers=prefers,
        probability=probability,
        source=source if prefers is not None else "probability",
        text=answered.generation.text,
    )
