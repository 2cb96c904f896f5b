"""Fine-tune a judge on the judgments that the filter accepted."""

import logging
from pathlib import Path
from typing import Any

from trl import SFTConfig

from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import encode
from selfjudge.ground.records import Accepted
from selfjudge.training.conversations import ConversationCollator
from selfjudge.training.rows import (
    MOST_LEFT_OUT_RATE,
    LongRow,
    TokenCounter,
    defuse_texts,
    read_rows,
    refuse_simulated,
    split_by_length,
    strip_judgment,
)
from selfjudge.training.settings import TrainSettings
from selfjudge.training.trainer import (
    Base,
    JudgeTrainer,
    Selected,
    make_trainer,
    run_training,
)

logger = logging.getLogger(__name__)


def train_judge(
    *,
    accepted: Path,
    image_root: Path,
    base: Base,
    output: Path,
    work: Path,
    settings: TrainSettings,
    seed: int,
    code: str,
    usage: Usage,
) -> Path:
    """Train on ``accepted`` and write the judge's directory; returns ``output``.

    Checkpoints go to ``work`` and are deleted at the end; a call that was
    interrupted continues from the last one.  ``output`` appears when it is
    whole: merged weights, `adapter/` when LoRA, `provenance.json`, and every
    other file as ``base`` has it.  The same arguments give the same bytes on one
    CPU.  What it costs is counted into ``usage`` while it runs.  ``code`` is the hash
    of the code that trains; checkpoints of other code are of another training.  Raises
    ValueError on rows or a base that cannot be trained; exits with 143 where a
    SIGTERM ended it, with a checkpoint of the last step.
    """

    def select(processor: Any) -> Selected:
        rows, left_out = select_rows(
            accepted, image_root, base.path, processor, settings
        )
        return rows, {"num_rows_left_out": len(left_out), "rows_left_out": left_out}

    def build(rows: Any, start: Path, processor: Any, arguments: SFTConfig) -> Any:
        return build_trainer(rows, image_root, start, processor, arguments, settings)

    return run_training(
        accepted,
        base=base,
        output=output,
        work=work,
        settings=settings,
        seed=seed,
        code=code,
        usage=usage,
        select=select,
        build=build,
    )


def select_rows(
    accepted: Path,
    image_root: Path,
    base: Path,
    processor: Any,
    settings: TrainSettings,
) -> tuple[list[Accepted], list[LongRow]]:
    """The rows to train on, and those left out because they are too long."""
    special = read_special_tokens(processor, None, base)
    rows = [
        strip_judgment(defuse_texts(row, special.defuse)) for row in read_rows(accepted)
    ]
    refuse_simulated(accepted, rows)
    if settings.max_length is None:
        return rows, []
    counter = TokenCounter(processor, image_root, settings.max_pixels_shown)
    kept, left_out = split_by_length(rows, counter, settings.max_length)
    for row in left_out:
        logger.info("left out: %s, %d tokens", row.judgment_id, row.num_tokens)
    if left_out:
        logger.warning(
            "%d of %d rows have more than %d tokens and are left out",
            len(left_out),
            len(rows),
            settings.max_length,
        )
    if len(left_out) > MOST_LEFT_OUT_RATE * len(rows):
        longest = max(row.num_tokens for row in left_out)
        raise ValueError(
            f"{accepted}: at least {1 - MOST_LEFT_OUT_RATE:.0%} of the rows must have "
            f"at most 'max_length' tokens, {settings.max_length} (got "
            f"{len(kept)} of {len(rows)}; the longest has {longest}). Hint: raise "
            "'train.max_length', or set 'images.max_pixels_shown' lower: an image's "
            "tokens count."
        )
    return kept, left_out


def build_trainer(
    rows: list[Accepted],
    image_root: Path,
    start: Path,
    processor: Any,
    arguments: SFTConfig,
    settings: TrainSettings,
) -> JudgeTrainer:
    """The trainer of the model in ``start``; images are opened batch by batch."""
    columns: dict[str, list[Any]] = {
        "images": [list(row.images) for row in rows],
        "row": [encode(row).decode() for row in rows],
    }
    return make_trainer(
        JudgeTrainer,
        ConversationCollator,
        columns,
        image_root,
        start,
        processor,
        arguments,
        settings,
    )
