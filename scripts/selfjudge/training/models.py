"""The model a training starts from, and which of its weights may change."""

import re
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    GenerationConfig,
    TrainerCallback,
)

from selfjudge.engines.mllama import hide_images_from_text_before
from selfjudge.training.settings import TrainSettings

# What every family calls its language model; all else sees: vision tower,
# connector, projector.
LANGUAGE_PART = re.compile(r"(^|\.)(language_model|text_model|lm_head)\.")


def load_processor(base: Path, trust_remote_code: bool) -> Any:
    """The processor of a directory, able to pad."""
    processor = AutoProcessor.from_pretrained(base, trust_remote_code=trust_remote_code)
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def load_model(base: Path, settings: TrainSettings) -> Any:
    """The model of a directory, with the weights frozen that must not change.

    With LoRA nothing is frozen here: the adapters freeze everything else.
    """
    full = settings.method == "full"
    keep_float32 = full or settings.dtype == "float32"
    model = AutoModelForImageTextToText.from_pretrained(
        base,
        dtype=torch.float32 if keep_float32 else torch.bfloat16,
        trust_remote_code=settings.trust_remote_code,
    )
    keep_special_ids(model)
    hide_images_from_text_before(model)
    if full:
        freeze_vision(model)
    return model


def freeze_vision(model: Any) -> None:
    """Leave only the language model trainable; ValueError if there is none."""
    num_trained = 0
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(LANGUAGE_PART.search(name) is not None)
        num_trained += parameter.requires_grad
    if not num_trained:
        names = ", ".join(name for name, _ in model.named_children())
        raise ValueError(
            "base model: must have a part named language_model or text_model for "
            f"'method: full' (got parts {names}). Hint: 'method: lora' takes any "
            "expression in 'lora_target_modules'."
        )


class VisionAtRest(TrainerCallback):  # type: ignore[misc]
    """Keeps the frozen vision part out of the backward pass.

    For gradient checkpointing transformers and TRL make the output of every
    sub-model's input embedding require a gradient, the vision tower's patches too:
    its activations are then kept and a backward pass through it is computed, for
    nothing.  Losses and gradients are the same without.
    """

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any, **_: Any
    ) -> None:
        """Take the hooks off all but the language model, once all of them are on."""
        if not any(LANGUAGE_PART.search(name) for name, _ in model.named_parameters()):
            return  # of names that we cannot tell apart
        for name, module in model.named_modules():
            if LANGUAGE_PART.search(f"{name}."):
                continue
            for key, hook in list(module._forward_hooks.items()):
                if getattr(hook, "__name__", "") == "make_inputs_require_grads":
                    del module._forward_hooks[key]


def lora_config(settings: TrainSettings) -> LoraConfig | None:
    """The adapters to train, None in a full training."""
    if settings.method == "full":
        return None
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=settings.lora_target_modules,
        task_type="CAUSAL_LM",
    )


def keep_special_ids(model: Any) -> None:
    """Leave in the generation settings only which tokens begin, end and pad.

    Old files (a temperature, but no do_sample) can be read, and then stop the
    saving of a checkpoint.  Training generates nothing; the judge gets the base's
    file.
    """
    before = model.generation_config
    model.generation_config = GenerationConfig(
        bos_token_id=before.bos_token_id,
        eos_token_id=before.eos_token_id,
        pad_token_id=before.pad_token_id,
    )
