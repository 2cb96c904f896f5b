"""Checkpoints of a training that has not ended, and which of them to trust."""

import logging
import re
import shutil
from pathlib import Path
from typing import Any

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
