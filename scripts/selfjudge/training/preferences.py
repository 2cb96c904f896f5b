"""Train a member of a panel on preferences, by one of the losses of `losses`.

TRL's SimPO is of texts alone.  Here both texts are whole conversations, which the
collator of the SFT encodes, so that every family works that a judge can be of.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from accelerate.utils import gather_object

from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import encode, read_records
from selfjudge.ground.records import Accepted, Preference
from selfjudge.training.conversations import ConversationCollator
from selfjudge.training.losses import Objective, preference_loss, sum_log_probs
from selfjudge.training.models import load_model
from selfjudge.training.rows import (
    MOST_LEFT_OUT_RATE,
    TokenCounter,
    defuse_texts,
    find_fault,
    refuse_simulated,
)
from selfjudge.training.settings import TrainSettings
from selfjudge.training.trainer import (
    Base,
    JudgeTrainer,
    Selected,
    make_collator,
    make_trainer,
    run_training,
)

logger = logging.getLogger(__name__)

Sides = tuple[Accepted, Accepted]


class PairCollator(ConversationCollator):
    """Turns dataset rows into one batch: all chosen texts, then all rejected ones.

    A row is ``{"row": its two conversations as JSON}``, and where a reference takes
    part `reference`: both sums of log-probabilities before the training.
    """

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """The batch, of twice as many conversations as there are rows."""
        pairs = [msgspec.json.decode(row["row"], type=Sides) for row in rows]
        sides = [pair[0] for pair in pairs] + [pair[1] for pair in pairs]
        batch = super().__call__([{"row": encode(side).decode()} for side in sides])
        if "reference" in rows[0]:
            before = [row["reference"][at] for at in (0, 1) for row in rows]
            batch["reference"] = torch.tensor(before)
        return batch


class ChosenCollator(ConversationCollator):
    """Turns such rows into a batch of their chosen texts alone, for "sft".

    Nothing is cut from a batch of both: what belongs to which text differs from one
    family to another, as the patches of all images in a row.
    """

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """The batch, of as many conversations as there are rows."""
        pairs = [msgspec.json.decode(row["row"], type=Sides) for row in rows]
        return super().__call__([{"row": encode(pair[0]).decode()} for pair in pairs])


class PreferenceTrainer(JudgeTrainer):
    """The trainer of a judge, with a loss over pairs."""

    objective: Objective

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The mean loss of the batch's pairs."""
        labels, reference = inputs.pop("labels"), inputs.pop("reference", None)
        inputs["use_cache"] = False
        outputs = model(**inputs)
        sums, counts = sum_log_probs(outputs.logits, labels)
        loss = preference_loss(sums, counts, self.objective, reference)
        return (loss, outputs) if return_outputs else loss


def train_member(
    *,
    preferences: Path,
    member: str,
    image_root: Path,
    base: Base,
    output: Path,
    work: Path,
    settings: TrainSettings,
    objective: Objective,
    seed: int,
    code: str,
    usage: Usage,
) -> Path:
    """Train on the member's ``preferences`` and write its directory; returns it.

    As `train_judge` otherwise: checkpoints in ``work``, resumed after an
    interruption, one GPU or several, LoRA or full, provenance beside the weights.
    """

    def select(processor: Any) -> Selected:
        rows, left_out = select_pairs(
            preferences, member, image_root, base.path, processor, settings
        )
        return rows, {"num_rows_left_out": len(left_out), "rows_left_out": left_out}

    def build(rows: Any, start: Path, processor: Any, arguments: Any) -> Any:
        before = (
            sums_before(rows, image_root, base.path, processor, arguments, settings)
            if objective.needs_reference
            else None
        )
        return build_trainer(
            rows, before, objective, image_root, start, processor, arguments, settings
        )

    return run_training(
        preferences,
        base=base,
        output=output,
        work=work,
        settings=settings,
        seed=seed,
        code=code,
        usage=usage,
        select=select,
        build=build,
        told={"objective": msgspec.to_builtins(objective), "member": member},
    )


def select_pairs(
    preferences: Path,
    member: str,
    image_root: Path,
    base: Path,
    processor: Any,
    settings: TrainSettings,
) -> tuple[list[Sides], list[str]]:
    """The pairs that a member learns from, and the ids of those too long for it.

    Raises ValueError, naming file and row, on one that cannot be trained on, and where
    more than a tenth are too long.
    """
    defuse = read_special_tokens(processor, None, base).defuse
    counter = TokenCounter(processor, image_root, settings.max_pixels_shown)
    kept: list[Sides] = []
    lengths: dict[str, int] = {}  # of those left out
    for row in read_records(preferences, Preference):
        if row.for_member not in (None, member):
            continue
        sides = conversation_of(row, row.chosen), conversation_of(row, row.rejected)
        refuse_simulated(preferences, sides)
        for side in sides:
            if fault := find_fault(side):
                raise ValueError(f"{preferences}: the preference {row.id} {fault}")
        pair = defuse_texts(sides[0], defuse), defuse_texts(sides[1], defuse)
        num_tokens = longest(pair, counter) if settings.max_length else 0
        if settings.max_length and num_tokens > settings.max_length:
            lengths[row.id] = num_tokens
        else:
            kept.append(pair)
    if not kept and not lengths:
        raise ValueError(
            f"{preferences}: must hold at least one preference for {member} (got "
            "none). Hint: panel_report.json counts why prompts gave none."
        )
    if lengths:
        check_left_out(preferences, member, len(kept), lengths, settings)
    return kept, list(lengths)


def check_left_out(
    preferences: Path,
    member: str,
    num_kept: int,
    lengths: Mapping[str, int],
    settings: TrainSettings,
) -> None:
    """Warn of pairs left out, of these ``lengths``; ValueError where they are many."""
    number = num_kept + len(lengths)
    logger.warning(
        "%d of %d preferences have more than %d tokens and are left out",
        len(lengths),
        number,
        settings.max_length,
    )
    if len(lengths) > MOST_LEFT_OUT_RATE * number:
        raise ValueError(
            f"{preferences}: at least {1 - MOST_LEFT_OUT_RATE:.0%} of {member}'s "
            "preferences must have texts of at most 'max_length' tokens, "
            f"{settings.max_length} (got {num_kept} of {number}; the longest has "
            f"{max(lengths.values())}). Hint: raise 'train.max_length', or set "
            "'images.max_pixels_shown' lower: an image's tokens count."
        )


def longest(pair: Sides, counter: TokenCounter) -> int:
    """The tokens of the longer text of a pair, image tokens included."""
    return max(map(counter.count_tokens, pair))


def conversation_of(row: Preference, turns: Iterable[dict[str, Any]]) -> Accepted:
    """One text of a preference as the whole conversation that the SFT reads.

    Its errors name the judgment: here the preference.
    """
    return Accepted(
        images=row.images,
        messages=[*row.prompt, *turns],
        prompt_id=row.prompt_id,
        pair_id=row.id,
        judgment_id=row.id,
        order="chosen_first",
    )


def as_text(pair: Sides) -> str:
    """Both conversations of a pair as JSON."""
    return msgspec.json.encode(pair).decode()


def sums_before(
    rows: Sequence[Sides],
    image_root: Path,
    base: Path,
    processor: Any,
    arguments: Any,
    settings: TrainSettings,
) -> list[list[float]]:
    """Of each pair both sums of log-probabilities under the model in ``base``.

    Each process computes its share; a resumed training computes them again, as what
    it goes on from is no reference.
    """
    model = load_model(base, settings).to(arguments.device).eval()
    collate = make_collator(PairCollator, model, base, image_root, processor, settings)
    places = range(arguments.process_index, len(rows), arguments.world_size)
    found: list[tuple[int, list[float]]] = []
    is_half = settings.dtype == "bfloat16"
    for at in range(0, len(places), settings.batch_size):
        some = places[at : at + settings.batch_size]
        batch = collate([{"row": as_text(rows[place])} for place in some])
        batch = {name: value.to(model.device) for name, value in batch.items()}
        labels = batch.pop("labels")
        with (
            torch.no_grad(),
            torch.autocast(model.device.type, torch.bfloat16, enabled=is_half),
        ):
            sums, _ = sum_log_probs(model(**batch, use_cache=False).logits, labels)
        pairs = sums.view(2, -1).T.tolist()
        found += zip(some, pairs, strict=True)
    return [sums for _, sums in sorted(gather_object(found))]


def build_trainer(
    rows: Sequence[Sides],
    before: Sequence[Sequence[float]] | None,
    objective: Objective,
    image_root: Path,
    start: Path,
    processor: Any,
    arguments: Any,
    settings: TrainSettings,
) -> PreferenceTrainer:
    """The trainer of the model in ``start``; images are opened batch by batch.

    ``before`` is of `sums_before`, None where the loss has no reference.
    """
    columns: dict[str, list[Any]] = {"row": [as_text(pair) for pair in rows]}
    if before is not None:
        columns["reference"] = list(before)
    trainer = make_trainer(
        PreferenceTrainer,
        ChosenCollator if objective.objective == "sft" else PairCollator,
        columns,
        image_root,
        start,
        processor,
        arguments,
        settings,
    )
    trainer.objective = objective
    # The loss is a mean over pairs, and not over tokens of all accumulated batches.
    trainer.model_accepts_loss_kwargs = False
    return trainer
