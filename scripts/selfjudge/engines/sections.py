"""The sections of single engines: what they may hold, and how one is read.

Apart from `base`, which all engines share, and from the engines, whose code names
their answers in the journal: a default here makes no other engine's stage stale and
no answer unknown.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

Section = TypeVar("Section", bound=msgspec.Struct)
MLLAMA_MOST_SEQS = 32
MLLAMA_LEAST_LEN = 8192


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
    ``top_k``: whether the server knows it (vLLM and SGLang do, OpenAI does not), and
    with it `min_p` and `repetition_penalty`.
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
    ``batch_invariant``: kernels in which a row's numbers do not depend on the rows
    beside it, so that a resumed shard is the unbroken one's to the byte.
    """

    max_num_seqs: int = 256
    max_model_len: int | None = None
    gpu_memory_utilization: float = 0.9
    tensor_parallel_size: int = 1
    enforce_eager: bool = False
    lora: bool = False
    batch_invariant: bool = False


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


def check_for_mllama(settings: VLLMSettings) -> None:
    """Raise ValueError if vLLM 0.10.2 would fail on Mllama with these settings.

    It measures its memory with ``max_num_seqs`` images of four tiles at once, and
    holds the 6404 tokens of such an image against ``max_model_len``.
    """
    hint = "Hint: overlays/llama_3_2_11b_vllm.yaml has settings that fit."
    if settings.max_num_seqs > MLLAMA_MOST_SEQS:
        raise ValueError(
            f"'engine.vllm.max_num_seqs' must be at most {MLLAMA_MOST_SEQS} for Mllama "
            f"(got {settings.max_num_seqs}): its images alone would take 0.1 GB each "
            f"in a first pass, beside the weights. {hint}"
        )
    if (settings.max_model_len or MLLAMA_LEAST_LEN) < MLLAMA_LEAST_LEN:
        raise ValueError(
            f"'engine.vllm.max_model_len' must be at least {MLLAMA_LEAST_LEN}, or "
            f"null, for Mllama (got {settings.max_model_len}): a large image is 6404 "
            f"tokens, and vLLM 0.10.2 ends at the first that does not fit. {hint}"
        )
    if settings.batch_invariant:
        raise ValueError(
            "'engine.vllm.batch_invariant' must be false for Mllama (got true): vLLM "
            "0.10.2 has no such kernels."
        )


def read_section(section: Mapping[str, Any], kind: type[Section], name: str) -> Section:
    """The settings in a section of the config; ValueError if it is not as it must."""
    try:
        return msgspec.convert(section, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(
            f"engine.{name}: must be a section as config.schema.yaml has it (got one "
            f"where: {error}). Hint: config.yaml shows it whole"
        ) from None
