"""The sections of single engines: what they may hold, and how one is read.

Apart from `base`, which all engines share, and from the engines, whose code names
their answers in the journal: a default here makes no other engine's stage stale and
no answer unknown.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

Section = TypeVar("Section", bound=msgspec.Struct)


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


def read_section(section: Mapping[str, Any], kind: type[Section], name: str) -> Section:
    """The settings in a section of the config; ValueError if it is not as it must."""
    try:
        return msgspec.convert(section, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(
            f"engine.{name}: must be a section as config.schema.yaml has it (got one "
            f"where: {error}). Hint: config.yaml shows it whole"
        ) from None
