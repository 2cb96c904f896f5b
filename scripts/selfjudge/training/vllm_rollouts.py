"""Rollouts of a training by reward written by vLLM, in the process that learns.

TRL starts it beside the weights that learn, on the same GPU.  TRL 1.16 warns of vLLM
0.32, which is newer than what it was tried with; tests/test_vllm_rollouts.py holds that
the two agree on what was written.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from transformers.core_model_loading import revert_weight_conversion

from selfjudge.engines.vllm_dialects import Dialect32, installed_version
from selfjudge.engines.vllm_engine import is_cpu_build
from selfjudge.training.settings import TrainSettings

OLDEST = [0, 32]  # of vLLM: what `Dialect32` speaks
CPU_CACHE_GIB = "1"  # for keys and values; other work shares a laptop


def vllm_arguments(settings: TrainSettings, memory: float) -> dict[str, Any]:
    """What TRL's arguments say of vLLM.

    ``memory``: its share of the GPU's.  Also tells vLLM, by the environment, what it
    reads nowhere else.  Raises ValueError if there is none that TRL can run.
    """
    version = installed_version()
    parts = [int(part) for part in version.split(".")[:2]] if version else []
    if parts < OLDEST:
        raise ValueError(
            "'reinforce.vllm_gpu_memory_utilization' must be null where no vLLM of "
            f"0.32 or later is installed beside TRL (got {memory}, and "
            f"{version or 'none'} in {sys.prefix}). Hint: set 'interpreters.train' to "
            "the Python of an environment that has both; see envs/reinforce.yaml"
        )
    set_environment()
    return {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": memory,
        "vllm_max_model_length": settings.max_length,
        # Token by token: TRL's default weighs a judgment as a whole, and takes no
        # notice of one whose many small differences multiply to more than 3.
        "vllm_importance_sampling_mode": "token_truncate",
    }


def set_environment() -> None:
    """What TRL does not hand on to vLLM: one process, no figures sent, its log."""
    # The weights are handed over within one process.
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    if is_cpu_build():
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", CPU_CACHE_GIB)
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")


@contextmanager
def started_as_ours(
    blocked: list[int], num_images: int, seed: int, trusted: bool
) -> Iterator[None]:
    """While it is open, TRL starts vLLM with these of our engine's arguments: seed,
    blocked ids, limits, and nothing of the model's own sampling.

    ``blocked``: ids that no rollout may hold; ``num_images``: the most of a prompt;
    ``trusted``: whether the model's own code may run.
    """
    from trl.generation import vllm_generation

    dialect = Dialect32()
    ours = {
        "seed": seed,
        "trust_remote_code": trusted,
        "generation_config": "vllm",
        "limit_mm_per_prompt": dialect.limits(max(num_images, 1)),
        **dialect.engine_arguments(blocked),
        **({"enforce_eager": True} if is_cpu_build() else {}),
    }
    theirs = vllm_generation.LLM
    vllm_generation.LLM = lambda **told: theirs(**(told | ours))
    try:
        with weights_left_open() if is_cpu_build() else nullcontext():
            yield
    finally:
        vllm_generation.LLM = theirs


@contextmanager
def weights_left_open() -> Iterator[None]:
    """While it is open, vLLM's CPU build loads weights that can be loaded again.

    On a CPU that knows AVX-512 or AMX it packs them, and takes no others after that.
    """
    from vllm.model_executor.layers import utils

    packs = utils.dispatch_cpu_unquantized_gemm
    utils.dispatch_cpu_unquantized_gemm = leave_open
    try:
        yield
    finally:
        utils.dispatch_cpu_unquantized_gemm = packs


def leave_open(layer: Any, remove_weight: bool) -> None:
    """In place of vLLM's packing: multiply with the weights as they stand."""
    layer.cpu_linear = torch.nn.functional.linear


def hand_over(model: Any, llm: Any) -> None:
    """Give vLLM the weights that learn, and have it forget what it read with others.

    Raises RuntimeError if it does not forget.
    """
    engine = llm.llm_engine
    taker = engine.model_executor.driver_worker.model_runner.model
    taker.load_weights(learnt_weights(model, engine.model_config.dtype))
    engine.reset_encoder_cache()
    if not llm.reset_prefix_cache():
        raise RuntimeError("vLLM still holds what it read with weights of before")


def learnt_weights(
    model: Any, dtype: torch.dtype
) -> Iterator[tuple[str, torch.Tensor]]:
    """Each weight that may have changed, by its name in a checkpoint.

    Adapters are added to what they adapt, and the model's own weights stay as they
    are: what TRL does, merging and unmerging in place, moves bfloat16 weights a
    little each time.  Raises ValueError where an adapter is on a weight that is also
    another's, which vLLM has once.
    """
    plain = model.get_base_model() if isinstance(model, PeftModel) else model
    weights = dict(model.named_parameters())
    adapted: dict[str, Any] = {
        f"{name}.base_layer.weight": module
        for name, module in model.named_modules()
        if isinstance(module, LoraLayer)
    }
    if tied := sorted(adapted.keys() - weights.keys()):
        raise ValueError(
            "'train.lora_target_modules' must match no tied weights where "
            f"'reinforce.vllm_gpu_memory_utilization' is a number (got {tied[0]})"
        )
    for name, weight in weights.items():
        module = adapted.get(name)
        if "lora_" in name or not (module or weight.requires_grad):
            continue
        value = weight.detach()
        if module:
            for adapter in module.active_adapters:
                delta = module.get_delta_weight(adapter).detach()
                value = value + delta.to(value.dtype)
        name = name.removeprefix("base_model.model.").replace(".base_layer", "")
        # transformers 5 has other names in memory than in files for some families.
        yield from revert_weight_conversion(plain, {name: value.to(dtype)}).items()
