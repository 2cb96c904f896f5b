"""Train on whatever rows: arguments, resuming, sharding, checks, and what is written.

`sft`, `preferences` and `reinforcement` say which rows, and by what loss.
"""

import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from datasets import Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils.logging import disable_progress_bar
from trl import SFTConfig, SFTTrainer

from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.ground.ledgers import Usage
from selfjudge.training.checkpoint import (
    copy_other_files,
    finish_judge,
    save_adapter,
    save_merged_weights,
    save_trained_weights,
)
from selfjudge.training.conversations import IGNORED, ConversationCollator
from selfjudge.training.identity import training_identity
from selfjudge.training.merging import Merge
from selfjudge.training.models import (
    VisionAtRest,
    load_model,
    load_processor,
    lora_config,
)
from selfjudge.training.progress import ProgressLog, UsageCount, summarize
from selfjudge.training.resuming import (
    CheckpointMark,
    StopWhenTold,
    holds_whole_model,
    last_checkpoint,
    prepare_work,
    remove_work,
)
from selfjudge.training.settings import TrainSettings, count_accumulated
from selfjudge.training.sharding import (
    gather_head_before_use,
    is_sharded,
    keep_sums_in_float32,
    sharding_options,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The model that a training starts from.

    ``name`` and ``revision`` are as the user wrote them, ``path`` is its local
    directory, ``fingerprint`` names exactly what is in it.
    """

    name: str
    revision: str | None
    path: Path
    fingerprint: str


class QuietTrainer(Trainer):  # type: ignore[misc]
    """What our trainers share: they call nobody and write no model card.

    ``watched`` is the key of the trainer's log that tells how a training goes.
    """

    watched = "loss"

    def num_seen_an_epoch(self) -> int:
        """How many rows the judge sees in an epoch."""
        return len(self.train_dataset)

    def batch_to_check(self) -> dict[str, Any]:
        """A batch with labels, by which `check_adapter` compares."""
        return dict(self.data_collator([self.train_dataset[0]]))

    def check_learnt(self) -> None:
        """Raise ValueError where a training that has ended can have taught nothing."""

    def _load_from_checkpoint(self, checkpoint: str, model: Any = None) -> None:
        # A whole model is what `build_trainer` read from the checkpoint.  Here it
        # would be read again under the names in the file; Mllama's are not those
        # in memory, and all weights would be passed over with a warning.
        if not holds_whole_model(Path(checkpoint)):
            super()._load_from_checkpoint(checkpoint, model)

    def _send_telemetry(self) -> None:
        pass

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing: a model card with each checkpoint is of no use."""


class JudgeTrainer(QuietTrainer, SFTTrainer):  # type: ignore[misc]
    """TRL's trainer on conversations that a judge, or a member, shall have."""


# What is trained on, and what provenance says of what was left out.
Selected = tuple[Sequence[Any], dict[str, Any]]


def run_training(
    source: Path,
    *,
    base: Base,
    output: Path,
    work: Path,
    settings: TrainSettings,
    seed: int,
    code: str,
    usage: Usage,
    select: Callable[[Any], Selected],
    build: Callable[[Any, Path, Any, Any], QuietTrainer],
    configure: Callable[[TrainSettings, Path, int], TrainingArguments] | None = None,
    told: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """Train on what ``select`` takes of a file, with the trainer of ``build``.

    All that `train_judge` says of checkpoints, ends and files.  ``configure``: makes
    TRL's arguments, those of its SFT if None.  ``told``: what decides the weights
    besides, for the identity of the training.
    """
    started = time.monotonic()
    disable_progress_bar()
    arguments = (configure or training_arguments)(settings, work, seed)
    processor = load_processor(base.path, settings.trust_remote_code)
    rows, left_out = select(processor)
    identity = training_identity(
        source, base.fingerprint, settings, seed, code, arguments.world_size
    )
    identity |= told
    if arguments.process_index == 0:
        prepare_work(work, identity)
    arguments.distributed_state.wait_for_everyone()
    checkpoint = last_checkpoint(work)
    if checkpoint:
        logger.info("resuming from %s", checkpoint)
    whole = checkpoint and holds_whole_model(checkpoint)
    start = checkpoint if checkpoint and whole else base.path
    trainer = build(rows, start, processor, arguments)
    stop = StopWhenTold()
    trainer.add_callback(UsageCount(usage, trainer.num_seen_an_epoch()))
    trainer.add_callback(stop)
    usage.num_gpus = arguments.world_size if torch.cuda.is_available() else 0
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if stop.has_stopped:
        sys.exit(128 + signal.SIGTERM)
    trainer.check_learnt()
    history, window = trainer.state.log_history, settings.logging_steps
    provenance = {
        **identity,
        "settings": settings,
        "base_model": {
            "name": base.name,
            "revision": base.revision,
            "is_on_hub": base.path != Path(base.name),
        },
        "num_rows": len(rows),
        **left_out,
        "num_steps": trainer.state.global_step,
        "num_tokens": trainer.state.num_input_tokens_seen,
        trainer.watched: summarize(history, trainer.watched, window),
        "resumed_from": checkpoint.name if checkpoint else None,
        "seconds": round(time.monotonic() - started, 1),
    }
    write_judge(trainer, base, output, work, settings, provenance)
    return output


def training_arguments(settings: TrainSettings, work: Path, seed: int) -> SFTConfig:
    """TRL's arguments for these settings; joins the other processes if any."""
    return SFTConfig(
        **shared_arguments(settings, work, seed),
        include_num_input_tokens_seen="non_padding",
        # Longer rows are left out before; TRL would cut through image tokens.
        max_length=None,
        # The collator needs all columns, and makes the labels.
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )


def shared_arguments(settings: TrainSettings, work: Path, seed: int) -> dict[str, Any]:
    """The arguments of every one of TRL's trainers."""
    has_gpu = torch.cuda.is_available()
    sharded = is_sharded(settings.method)
    num_devices = int(os.environ.get("WORLD_SIZE", "1"))  # as torchrun says
    return {
        "output_dir": str(work),
        "learning_rate": settings.learning_rate,
        "num_train_epochs": settings.num_epochs,
        "per_device_train_batch_size": settings.batch_size,
        "gradient_accumulation_steps": count_accumulated(settings, num_devices),
        "warmup_steps": settings.warmup_ratio,  # below 1 it is a share
        "lr_scheduler_type": settings.lr_scheduler,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "gradient_checkpointing": settings.gradient_checkpointing and not sharded,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "fsdp": sharded,
        "fsdp_config": sharding_options(settings) if sharded else None,
        "bf16": settings.dtype == "bfloat16",
        "use_cpu": not has_gpu,
        "seed": seed % 2**32,  # numpy takes no more
        "save_steps": settings.save_steps,
        # Two: the older one is deleted before the newer is marked as whole.
        "save_total_limit": 2,
        # Every step is recorded, for the means; ProgressLog writes fewer lines.
        "logging_steps": 1,
        "disable_tqdm": True,
        "report_to": "none",
        # All wait while the first merges and writes: half an hour is short for 90B.
        "ddp_timeout": 4 * 3600,
        # A GPU should not wait for images to be decoded.
        "dataloader_num_workers": 4 if has_gpu else 0,
        "dataloader_pin_memory": has_gpu,
    }


T = TypeVar("T", bound=JudgeTrainer)
C = TypeVar("C", bound=ConversationCollator)


def make_trainer(
    kind: type[T],
    collator: type[ConversationCollator],
    columns: dict[str, list[Any]],
    image_root: Path,
    start: Path,
    processor: Any,
    arguments: SFTConfig,
    settings: TrainSettings,
) -> T:
    """A trainer of the model in ``start`` on the columns of a data set."""
    model = load_model(start, settings)
    trainer = kind(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        data_collator=make_collator(
            collator, model, start, image_root, processor, settings
        ),
        processing_class=processor,
        peft_config=lora_config(settings),
        callbacks=list_callbacks(settings),
    )
    if is_sharded(settings.method):
        gather_head_before_use(model)
        keep_sums_in_float32(trainer.accelerator)
    trainer.remove_callback(PrinterCallback)
    return trainer


def make_collator(
    kind: type[C],
    model: Any,
    start: Path,
    image_root: Path,
    processor: Any,
    settings: TrainSettings,
) -> C:
    """The collator of batches for the model in ``start``."""
    listed = model.generation_config.eos_token_id
    end_ids = frozenset(read_special_tokens(processor, listed, start).end_ids)
    return kind(processor, image_root, end_ids, settings.max_pixels_shown)


def list_callbacks(settings: TrainSettings) -> list[TrainerCallback]:
    """What every training tells and saves on its way."""
    return [
        ProgressLog(settings.logging_steps, settings.rows_per_step),
        CheckpointMark(),
        VisionAtRest(),
    ]


def check_adapter(trainer: QuietTrainer, model: Any) -> None:
    """Raise ValueError if the judge answers its first row alike without its adapter.

    A family may compute past the layers that the adapter is laid over.
    """
    batch = trainer.batch_to_check()
    batch = {name: value.to(model.device) for name, value in batch.items()}
    labels = batch.pop("labels")[:, 1:]
    batch.pop("reference", None)  # of a preference loss
    ids, learnt = batch["input_ids"][:, 1:, None], labels != IGNORED

    def logprobs() -> torch.Tensor:
        logits = model(**batch).logits[:, :-1][learnt].float()
        return logits.log_softmax(dim=-1).gather(-1, ids[learnt])

    model.eval()
    with torch.no_grad(), trainer.compute_loss_context_manager():
        adapted = logprobs()
        with model.disable_adapter():
            is_same = torch.equal(adapted, logprobs())
    if is_same:
        raise ValueError(
            "train: the judge's adapter must change what it answers (got the same "
            "log-probabilities with and without it). Hint: with one optimizer step "
            "the learning rate is still 0; else see which layers "
            "'lora_target_modules' meets in this family."
        )


def write_judge(
    trainer: QuietTrainer,
    base: Base,
    output: Path,
    work: Path,
    settings: TrainSettings,
    provenance: dict[str, Any],
) -> None:
    """Write what was trained as a judge's directory; only the first process writes."""
    # Every process takes part: with sharded weights each holds a piece.
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if trainer.is_world_process_zero():
        partial = output.with_name(f".{output.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        model = trainer.accelerator.unwrap_model(trainer.model)
        trusted, merge = settings.trust_remote_code, Merge(provenance["seed"])
        if settings.method == "lora":
            check_adapter(trainer, model)
            adapter = partial / "adapter"
            save_adapter(model, state, base.name, base.revision, adapter)
            save_merged_weights(base.path, adapter, partial, trusted, merge)
        else:
            save_trained_weights(model, state, base.path, partial, trusted, merge)
        copy_other_files(base.path, partial)
        finish_judge(partial, output, provenance | {"merge": merge.summary()})
        remove_work(work)
    trainer.accelerator.wait_for_everyone()
