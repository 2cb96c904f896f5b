"""What a stage may ask of a model, whoever runs it."""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from selfjudge.records import Generation, Request


class OpenAISettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The config section `engine.openai`.

    ``base_url``: of the server, up to /v1.
    ``api_key_env``: the environment variable that holds the key, if one is needed.
    ``max_concurrency``: the most requests under way at once.
    ``timeout_seconds``: how long one request may take.
    ``patience_seconds``: how long one that fails in a way that may pass (busy, a
    server that is away) is tried again.
    ``top_k``: whether the server knows it (vLLM and SGLang do, OpenAI does not).
    ``max_tokens_field``: the name that the server has for it.
    """

    base_url: str = "http://127.0.0.1:8000/v1"
    api_key_env: str = "OPENAI_API_KEY"
    max_concurrency: int = 64
    timeout_seconds: float = 600.0
    patience_seconds: float = 900.0
    top_k: bool = True
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"


class VLLMSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The config section `engine.vllm`.

    ``max_num_seqs``: the most sequences run at once.
    ``max_model_len``: the most tokens of a prompt and its answer together; None is
    the model's own limit.  More take more memory.
    ``gpu_memory_utilization``: the share of a GPU's memory that vLLM takes.
    ``tensor_parallel_size``: GPUs that share one model.
    ``enforce_eager``: no CUDA graphs: starts sooner, answers slower.
    ``lora``: a judge's adapter over its base model, instead of merged weights.
    """

    max_num_seqs: int = 256
    max_model_len: int | None = None
    gpu_memory_utilization: float = 0.9
    tensor_parallel_size: int = 1
    enforce_eager: bool = False
    lora: bool = False


class SimulatorSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The config section `engine.simulator`: what a simulated model is like.

    ``tokens_per_second``: output tokens; 0 does not wait at all.
    ``unanimous_rate``: share of closed prompts whose samples all agree; in the
    others a sample gives the commonest answer with ``majority_rate``.
    ``parsed_rate``: share of texts that state an answer or a verdict.
    ``alteration_valid_rate``: share of rewrites that change something.
    ``verdict_accuracy``: share of verdicts that prefer the chosen response.
    ``num_response_words``, ``num_judgment_words``: mean lengths.
    """

    tokens_per_second: float
    unanimous_rate: float
    majority_rate: float
    parsed_rate: float
    alteration_valid_rate: float
    verdict_accuracy: float
    num_response_words: int
    num_judgment_words: int


class EngineSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The config section `engine`: who runs a model, and how.

    ``name``: `transformers`, `vllm`, `openai`, `replay` (a journal alone, no
    weights), or `simulator` (no model: marked texts by seed), whose own settings
    are ``simulator``.
    ``dtype``: `auto` takes the checkpoint's own.
    ``device``: `auto` is CUDA where there is one, else the CPU; or torch's name.
    ``batch_size``: the most sequences run at once.
    ``max_batch_tokens``: the most tokens of a batch, padded prompts and room for
    the answers together; None sets no limit.
    ``trust_remote_code``: whether Python files beside the weights may run.
    ``vllm``: what only that engine asks; it takes neither batch_size nor
    max_batch_tokens.
    ``openai``: what only that engine asks; it takes nothing else of this section.
    """

    name: Literal["transformers", "vllm", "openai", "replay", "simulator"] = (
        "transformers"
    )
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str = "auto"
    batch_size: int = 8
    max_batch_tokens: int | None = None
    trust_remote_code: bool = False
    vllm: VLLMSettings = VLLMSettings()
    openai: OpenAISettings = OpenAISettings()
    simulator: SimulatorSettings | None = None


class Engine(Protocol):
    """A model that answers requests.

    ``fingerprint`` names the exact weights and files that determine an answer;
    two engines with the same fingerprint answer alike.  It is a file name: it
    also names the directory of the answers in the journal.  ``num_gpus`` are the
    GPUs that it occupies.
    """

    fingerprint: str
    num_gpus: int

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """The requests, each exactly once, cut into the units that `generate` takes.

        The plan depends on the requests alone, so a resumed stage cuts alike.
        """
        ...

    def start(self) -> None:
        """Make ready to be asked, if that takes long and is not done yet.

        Called before the first batch, and not at all if there is none to ask.
        """
        ...

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        """One generation for each request of the batch, in any order.

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
