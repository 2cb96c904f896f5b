"""Rollouts of a training by reward written by vLLM, in the process that learns.

TRL starts it beside the weights that learn, on the same GPU, and hands it the new ones
before each step.  TRL 1.16 warns of vLLM 0.32, which is newer than what it was tried
with; tests/test_vllm_rollouts.py holds that the two agree on what was written.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

from selfjudge.engines.special_tokens import SpecialTokens
from selfjudge.engines.vllm_dialects import installed_version, is_cpu_build
from selfjudge.training.settings import Rollouts, TrainSettings

CPU_CACHE_GIB = "1"  # for keys and values; other work shares a laptop


def vllm_arguments(settings: TrainSettings, rollouts: Rollouts) -> dict[str, Any]:
    """What TRL's arguments say of vLLM; nothing where transformers writes.

    Raises ValueError if vLLM is asked for and not there.
    """
    if rollouts.vllm_memory is None:
        return {}
    if not installed_version():
        raise ValueError(
            "'reinforce.vllm_memory' must be null where no vLLM is installed beside "
            f"TRL (got {rollouts.vllm_memory}, and none in {sys.prefix}). Hint: set "
            "'interpreters.train' to the Python of an environment that has both; see "
            "envs/reinforce.yaml"
        )
    # The weights are handed over within one process.
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    if is_cpu_build():
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", CPU_CACHE_GIB)
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    return {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": rollouts.vllm_memory,
        "vllm_max_model_length": settings.max_length,
    }


def vllm_sampling(special: SpecialTokens, width: int) -> dict[str, Sequence[int]]:
    """Arguments of `SamplingParams`: which of ``width`` ids may be written, or end."""
    return {
        "allowed_token_ids": [one for one in special.writable_ids if one < width],
        "stop_token_ids": special.end_ids,
    }
