"""A full training cut over several GPUs (FSDP2), and what it takes to be right."""

import os
from typing import Any

import torch
from torch.distributed.fsdp import MixedPrecisionPolicy

from selfjudge.training.settings import TrainSettings


def is_sharded(method: str) -> bool:
    """Whether weights are cut over the processes that torchrun started.

    A full training keeps 16 bytes for each weight: float32 weight, gradient and
    Adam's two means.  Adapters are small: each GPU holds the whole model (DDP).
    """
    return method == "full" and int(os.environ.get("WORLD_SIZE", "1")) > 1


def sharding_options(settings: TrainSettings) -> dict[str, Any]:
    """The `fsdp_config` of transformers' TrainingArguments.

    Layers are the units (the family's `_no_split_modules`); checkpoints hold
    whole weights, which another number of GPUs could read.
    """
    return {
        "version": 2,
        "state_dict_type": "FULL_STATE_DICT",
        "activation_checkpointing": settings.gradient_checkpointing,
    }


def keep_sums_in_float32(accelerator: Any) -> None:
    """Have FSDP2 add up gradients in float32, as DDP does.

    accelerate's default for bfloat16 keeps less than three digits of the sums.
    Layers still compute in bfloat16, and so the logged loss has two or three digits.
    """
    plugin = accelerator.state.fsdp_plugin
    before = plugin.mixed_precision_policy if plugin else None
    if before is not None:
        plugin.mixed_precision_policy = MixedPrecisionPolicy(
            param_dtype=before.param_dtype,
            reduce_dtype=torch.float32,
            output_dtype=before.output_dtype,
            cast_forward_inputs=before.cast_forward_inputs,
        )


def gather_head_before_use(model: Any) -> None:
    """Have FSDP2 gather the output layer before each forward pass of the model.

    TRL multiplies by the output layer's weight without calling the layer, so no
    hook of FSDP2 gathers it.  TRL 1.16 then does so itself, by `full_tensor()`,
    whose backward pass adds nothing up over the processes: each would train its
    piece of the output layer on its own rows alone.  Gathered here, the weight is
    a plain tensor, and FSDP2 averages its gradient with all others.
    """

    def gather(module: Any, _: Any) -> None:
        head = module.get_output_embeddings()
        if hasattr(head, "unshard"):  # FSDP2 gives it to the layers that it cuts
            head.unshard()

    model.register_forward_pre_hook(gather)
