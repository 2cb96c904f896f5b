"""What is asked of a model, and what it answered, in no library's terms."""

from collections.abc import Mapping
from typing import Any

import msgspec

from selfjudge.ground.records import FinishReason, Record, Settings

# What every text of the engine `simulator` begins with.
SIMULATED_MARK = "(simulated)"


class Sampling(Record, frozen=True, kw_only=True):
    """How a text is drawn.  Temperature 0 is greedy; top_k 0 keeps every token."""

    max_tokens: int
    temperature: float
    top_p: float = 1.0
    top_k: int = 0


class Draws(Settings, frozen=True, kw_only=True):
    """The settings of a stage that draws one text for each of its inputs."""

    sampling: Sampling


class Samples(Draws, frozen=True, kw_only=True):
    """The settings of a stage that draws ``num_samples`` texts for each input."""

    num_samples: int


def read_samples(section: Mapping[str, Any]) -> Samples:
    """How many texts a section of the config draws for each input, and how."""
    chosen = {name: section[name] for name in ("num_samples", "sampling")}
    return msgspec.convert(chosen, Samples, strict=False)


class Request(Record, frozen=True, kw_only=True):
    """One call of a model, in no library's terms.

    ``messages`` are chat turns ``{"role", "content": [{"type": "image"} |
    {"type": "text", "text"}]}``; the image parts take ``images`` (readable file
    paths) in order.  ``seed`` alone decides the random draws of this request.
    An image of more than ``max_pixels`` is shown scaled down; None shows it as it is.
    ``choices`` are words whose log-probabilities are wanted where the text has one of
    them: see `LastChoice`.  They change no text.
    """

    id: str
    messages: list[dict[str, Any]]
    images: tuple[str, ...]
    sampling: Sampling
    seed: int
    max_pixels: int | None = None
    choices: tuple[str, ...] = ()


def show_messages(request: Request) -> str:
    """The messages of a request as JSON, for people."""
    return msgspec.json.format(msgspec.json.encode(request.messages)).decode()


class LastChoice(Record, frozen=True, kw_only=True):
    """The last token of a text that is one of its request's choices and no more.

    ``start`` characters of the text stand before it.  ``logprobs`` has the natural
    log-probability of each choice in its place, before temperature and cuts: what an
    engine's `choice_logprobs` tells of a conversation that ends there, up to rounding
    and to a number that all choices share; where a server wrote other tokens than it
    would read, of these.
    """

    start: int
    logprobs: dict[str, float]


class Generation(Record, frozen=True, kw_only=True):
    """What a model answered to one request; lengths are in tokens.

    ``num_cached_prompt_tokens`` of the prompt's were not computed, because an
    earlier request shared them; None where the engine cannot tell.  ``last_choice``
    is None where the request has no choices or the text none of them, and where the
    engine cannot tell, which `choice_logprobs` can.
    """

    request_id: str
    text: str
    finish_reason: FinishReason
    num_prompt_tokens: int
    num_output_tokens: int
    num_cached_prompt_tokens: int | None = None
    last_choice: LastChoice | None = None
