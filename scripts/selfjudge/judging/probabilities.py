"""How sure a judge is: the probability that it prefers a response, over both orders.

An engine tells the log-probabilities of both letters at the place of the verdict.
One order alone holds the judge's preference for a place too; the mean of both does
not, where that preference is the same in both.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from selfjudge.ground.records import ORDERS, Order, Record
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.shares import logistic
from selfjudge.ground.templates import assistant_turn
from selfjudge.judging.verdicts import chosen_verdict, parse_verdict

# What may continue a judgment that has come to its verdict, in the order in which an
# engine is asked for the log-probability of each.  Letters alone: where each is one
# token an engine that holds the model reads the judgment once for both; a server is
# asked for the prompt without a letter and with each.
CHOICES = ("A", "B")
OPENING = "[["
# What a judgment without a verdict is continued by, before one is asked for.
STATES = "\nVerdict: [["
# A text of fewer tokens that was cut off had no room in the model's context.
LEAST_TOKENS = 16
# What is left out of the end of a text that was cut off, to have room for a verdict.
CUT_CHARACTERS = 64

Logprobs = Sequence[float]  # of each of CHOICES, natural


class Weighed(Record, frozen=True, kw_only=True):
    """How a judge weighs its verdict on a pair in one order, after its own reasoning.

    ``logprobs`` are natural log-probabilities of `CHOICES`.
    """

    pair_id: str
    order: Order
    sample: int
    logprobs: tuple[float, float]


def is_unparsed(generation: Generation) -> bool:
    """Whether a text states no verdict."""
    return parse_verdict(generation.text) is None


def has_no_room(generation: Generation) -> bool:
    """Whether the prompt was too long for the model, or its image was refused.

    There is no judgment then, and room for a verdict neither.
    """
    is_short = generation.num_output_tokens < LEAST_TOKENS
    return generation.finish_reason == "length" and is_short and is_unparsed(generation)


def weighing_requests(
    answered: Iterable[tuple[Generation, Request]],
) -> list[Request]:
    """What weighs the verdict of each judgment, but of those without room."""
    return [
        weighing_request(request, generation)
        for generation, request in answered
        if not has_no_room(generation)
    ]


def weighing_request(request: Request, generation: Generation) -> Request:
    """What asks a judge for the log-probabilities of `CHOICES` after its reasoning.

    ``request`` is what ``generation`` answers.  A text that was cut off before its
    verdict loses its end, so that there is room for one.
    """
    text = generation.text
    if generation.finish_reason == "length" and is_unparsed(generation):
        text = text[:-CUT_CHARACTERS]
    stem = assistant_turn(verdict_stem(text))
    return msgspec.structs.replace(
        request,
        choices=(),
        messages=[*request.messages, stem],
        sampling=Sampling(max_tokens=1, temperature=0.0),
        seed=0,
    )


def told_logprobs(generation: Generation) -> Logprobs | None:
    """The log-probabilities of `CHOICES` that an engine told with a judgment.

    None unless they are those of its verdict's letter: a `weighing_request` asks for
    them then.
    """
    told = generation.last_choice
    if told is None or told.start != len(verdict_stem(generation.text)):
        return None
    if not told.logprobs.keys() >= set(CHOICES):
        return None
    return [told.logprobs[choice] for choice in CHOICES]


def weighed_from(generation: Generation, request: Request) -> Weighed:
    """What an engine that weighs choices answered to a `weighing_request`."""
    pair_id, order, sample = request.id.split("/")
    return Weighed(
        pair_id=pair_id,
        order=msgspec.convert(order, Order),
        sample=int(sample),
        logprobs=msgspec.json.decode(generation.text, type=tuple[float, float]),
    )


def verdict_stem(text: str) -> str:
    """A judgment up to its verdict: what `CHOICES` continue.

    One without a verdict is asked for it where it ended.
    """
    before, stated, _ = text.rpartition(f"{OPENING}{parse_verdict(text)}]]")
    return before + OPENING if stated else text.rstrip() + STATES


def chosen_probability(
    logprobs: Mapping[Order, Logprobs], temperature: float = 1.0
) -> float:
    """The probability, 0 to 1, that the judge prefers chosen: the mean of both orders.

    ``logprobs`` are those of `CHOICES` in each order; ``temperature`` divides their
    difference before it becomes a probability: above 1 the judge is made less sure.
    Whoever has two responses and knows of none that is better calls the first one
    chosen.  1 minus it is that of the rejected response.  Raises KeyError where an
    order is missing.
    """
    return sum(
        order_probability(logprobs[order], order, temperature) for order in ORDERS
    ) / len(ORDERS)


def order_probability(
    logprobs: Logprobs, order: Order, temperature: float = 1.0
) -> float:
    """The probability that the judge prefers chosen in one order, of both letters."""
    first, second = logprobs
    difference = first - second if chosen_verdict(order) == "A" else second - first
    return logistic(difference / temperature)


def is_abstained(probability: float, abstain_below: float | None) -> bool:
    """Whether a judge that is so sure should rather not answer.

    ``abstain_below``: the least that the more probable response must have, as a
    certificate found it; None: there is no such limit, and it always answers.
    """
    return abstain_below is not None and max(probability, 1 - probability) < (
        abstain_below
    )
