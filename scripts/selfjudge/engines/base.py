"""What a stage may ask of a model, whoever runs it."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from selfjudge.ground.records import Record
from selfjudge.ground.requests import Generation, Request


class EngineSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The config section `engine`: who runs a model, and how.

    ``name``: `transformers`, `vllm`, `openai`, `replay` (a journal alone, no
    weights), or `simulator` (no model: marked texts by seed).
    ``dtype``: `auto` takes the checkpoint's own.
    ``device``: `auto` is CUDA where there is one, else the CPU; or torch's name.  A
    job that was given a GPU takes no other: see `devices`.
    ``batch_size``: the most sequences run at once.
    ``max_batch_tokens``: the most tokens of a batch, padded prompts and room for
    the answers together; None sets no limit.
    ``trust_remote_code``: whether Python files beside the weights may run.
    ``max_pixels_shown``: of an image; one of more is scaled down before any model
    sees it.  In the config it is `images.max_pixels_shown`, for training too.
    ``vllm``: what only that engine asks; it takes neither batch_size nor
    max_batch_tokens.
    ``openai``: what only that engine asks; it takes nothing else of this section.
    ``simulator``: what only that engine asks; it takes batch_size too.

    These three are as they stand in the config: `sections` has what they mean,
    and only the engine that is opened reads its own.
    """

    name: Literal["transformers", "vllm", "openai", "replay", "simulator"] = (
        "transformers"
    )
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str = "auto"
    batch_size: int = 8
    max_batch_tokens: int | None = None
    trust_remote_code: bool = False
    max_pixels_shown: int | None = None
    vllm: dict[str, Any] = msgspec.field(default_factory=dict)
    openai: dict[str, Any] = msgspec.field(default_factory=dict)
    simulator: dict[str, Any] = msgspec.field(default_factory=dict)


class Refusal(Record, frozen=True, kw_only=True):
    """In place of a generation: the engine could not answer this request.

    ``reason`` is a line for people.  It is no answer, and is never journalled; the
    other requests have theirs.
    """

    request_id: str
    reason: str


class Engine(Protocol):
    """A model that answers requests.

    ``fingerprint`` names the exact weights and files that determine an answer;
    two engines with the same fingerprint answer alike.  It is a file name: it
    also names the directory of the answers in the journal.  ``num_gpus`` are the
    GPUs that it occupies.  ``depends_on_batch``: whether an answer may be another
    one in another batch; if so a batch is journalled whole, else each answer
    stands for itself.
    """

    fingerprint: str
    num_gpus: int
    depends_on_batch: bool

    @property
    def waiting_seconds(self) -> float | None:
        """The seconds since the engine was made in which it could have run more
        requests than were ready; None if it cannot tell."""
        ...

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """The requests, each exactly once, cut into the units that `generate` takes.

        The plan depends on the requests alone, so a resumed stage cuts alike.
        """
        ...

    def show(self, request: Request) -> str:
        """A request as the model reads it: after its chat template, with placeholders
        for images; its messages as JSON where a server writes the template."""
        ...

    def start(self) -> None:
        """Make ready to be asked, if that takes long and is not done yet.

        Called before the first batch, and not at all if there is none to ask.
        """
        ...

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation | Refusal]:
        """One generation, or refusal, for each request of the batch, in any order.

        No special token is ever part of a text.
        """
        ...

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """For each request its id and the log-probability of each choice.

        The last message must be an assistant turn; a choice is the text that
        continues it, and its log-probability (natural log) is the sum over its
        tokens.  Probabilities over the choices alone are their softmax.
        """
        ...
