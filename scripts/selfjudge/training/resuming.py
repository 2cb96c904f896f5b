"""Checkpoints of a training that has not ended, and which of them to trust."""

import logging
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from selfjudge.ground.lines import RecordError, read_json, write_json

logger = logging.getLogger(__name__)

COMPLETE = "complete.json"  # written last, into a checkpoint that is whole
IDENTITY = "training.json"  # what the checkpoints of a folder belong to
CHECKPOINT = re.compile(r"checkpoint-(\d+)")


class CheckpointMark(TrainerCallback):  # type: ignore[misc]
    """Marks a checkpoint as whole once every process has written its part."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the mark, at the first process only."""
        args.distributed_state.wait_for_everyone()
        if state.is_world_process_zero:
            folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
            write_json(folder / COMPLETE, {"step": state.global_step})


class StopWhenTold(TrainerCallback):  # type: ignore[misc]
    """Saves a checkpoint and ends the training when the process gets a SIGTERM.

    That is what a cluster sends before a job's time is over.  The optimizer step
    under way is finished first; several processes agree on it, as each must save its
    part, and perhaps only one was told.
    """

    def __init__(self) -> None:
        self.is_told = self.has_stopped = False
        self.before: Any = signal.SIG_DFL

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Listen from here on; before, nothing would be lost."""
        self.before = signal.signal(signal.SIGTERM, self.note)

    def note(self, number: int, frame: Any) -> None:
        """Remember; torchrun sends it again to its own, which changes nothing."""
        self.is_told = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Have the trainer save and leave, if any process was told to."""
        if any_process(self.is_told, args) and state.global_step < state.max_steps:
            logger.info("told to stop: saving step %d", state.global_step)
            control.should_save = control.should_training_stop = True
            self.has_stopped = True

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Leave the signal to whoever had it before."""
        signal.signal(signal.SIGTERM, self.before)


def any_process(holds: bool, args: Any) -> bool:
    """Whether something holds in at least one process of a training."""
    if args.world_size == 1:
        return holds
    count = torch.tensor(int(holds), device=args.device)
    torch.distributed.all_reduce(count)
    return bool(count.item())


def list_checkpoints(work: Path) -> list[Path]:
    """The checkpoint folders in ``work``, whole or not, oldest first."""
    found = {
        int(match[1]): path
        for path in (work.iterdir() if work.is_dir() else ())
        if (match := CHECKPOINT.fullmatch(path.name))
    }
    return [found[step] for step in sorted(found)]


def last_checkpoint(work: Path) -> Path | None:
    """The newest checkpoint; after `prepare_work` a whole one, or None."""
    checkpoints = list_checkpoints(work)
    return checkpoints[-1] if checkpoints else None


def holds_whole_model(checkpoint: Path) -> bool:
    """Whether a checkpoint has all weights, and not only an adapter's or shards."""
    return any(checkpoint.glob("model*.safetensors"))


def prepare_work(work: Path, identity: dict[str, Any]) -> None:
    """Leave only checkpoints in ``work`` that this very training can resume from.

    ``identity`` holds all that decides the result.  Checkpoints of another
    identity, and those cut short, are deleted, with a log line.
    """
    changed = []
    if list_checkpoints(work):
        try:
            before = read_json(work / IDENTITY)
        except (OSError, RecordError):
            before = {}
        changed = [key for key, value in identity.items() if before.get(key) != value]
    for path in list_checkpoints(work):
        if changed:
            logger.info("%s is of another training: %s differ", path, changed)
        elif not (path / COMPLETE).is_file():
            logger.info("%s was cut short", path)
        else:
            continue
        shutil.rmtree(path)
    write_json(work / IDENTITY, identity)


def remove_work(work: Path) -> None:
    """Delete the checkpoints and, if nothing else is in it, the folder."""
    for path in list_checkpoints(work):
        shutil.rmtree(path)
    (work / IDENTITY).unlink(missing_ok=True)
    if not any(work.iterdir()):
        work.rmdir()
