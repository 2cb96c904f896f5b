"""Train a member of a panel on preferences: SimPO, or SFT on what was chosen.

SimPO (Meng, Xia and Chen 2024, arXiv 2405.14734, equation 6) has no reference model:
its reward is the mean log-probability of a response's tokens.  What other libraries
call SimPO often has an SFT term beside (TRL's `cpo_alpha`, ms-swift's too, 1 by
default): here that is `sft_weight`, and 0 is SimPO as published.

TRL's own is of texts alone.  Here both texts are whole conversations, which the
collator of the SFT encodes, so that every family works that a judge can be of.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from torch.nn import functional

from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import encode, read_records
from selfjudge.ground.records import Accepted, Preference
from selfjudge.training.conversations import IGNORED, ConversationCollator
from selfjudge.training.rows import (
    TokenCounter,
    defuse_texts,
    find_fault,
    refuse_simulated,
)
from selfjudge.training.settings import TrainSettings, check
from selfjudge.training.trainer import (
    Base,
    JudgeTrainer,
    Selected,
    make_trainer,
    run_training,
)


class Objective(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a training on preferences makes small.

    ``beta`` scales the difference of mean log-probabilities (natural log, a token),
    ``gamma`` is what is asked of it beyond; ``sft_weight`` the part of the chosen
    text's own loss.  With ``objective`` "sft" only chosen texts are learnt.
    """

    objective: Literal["simpo", "sft"]
    beta: float
    gamma: float
    sft_weight: float

    def __post_init__(self) -> None:
        """Raise ValueError on a number out of bounds."""
        check("beta", "above 0", self.beta, self.beta > 0)
        check("gamma", "at least 0", self.gamma, self.gamma >= 0)
        check("sft_weight", "at least 0", self.sft_weight, self.sft_weight >= 0)


Sides = tuple[Accepted, Accepted]


class PairCollator(ConversationCollator):
    """Turns dataset rows into one batch: all chosen texts, then all rejected ones.

    A row is ``{"row": its two conversations as JSON}``.
    """

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """The batch, of twice as many conversations as there are rows."""
        pairs = [msgspec.json.decode(row["row"], type=Sides) for row in rows]
        sides = [pair[0] for pair in pairs] + [pair[1] for pair in pairs]
        return super().__call__([{"row": encode(side).decode()} for side in sides])


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
        labels = inputs.pop("labels")
        inputs["use_cache"] = False
        if self.objective.objective == "sft":
            inputs, labels = first_half(inputs), labels[: len(labels) // 2]
        outputs = model(**inputs)
        sums, counts = sum_log_probs(outputs.logits, labels)
        loss = preference_loss(sums, counts, self.objective)
        return (loss, outputs) if return_outputs else loss


def first_half(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs of the chosen texts alone."""
    number = len(inputs["input_ids"]) // 2
    return {
        name: value[: len(value) // 2]
        if isinstance(value, torch.Tensor) and len(value) == 2 * number
        else value
        for name, value in inputs.items()
    }


def sum_log_probs(
    logits: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum of the learnt tokens' log-probabilities of each row, and their number.

    Logits are (rows, tokens, vocabulary), labels (rows, tokens) with -100 where
    nothing is learnt; both results are (rows,), in float32.
    """
    labels = labels[:, 1:]
    learnt = labels != IGNORED
    # Only learnt places: a vocabulary of 128,000 in float32 is half a MB a token.
    chosen = logits[:, :-1][learnt].float()
    found = -functional.cross_entropy(chosen, labels[learnt], reduction="none")
    sums = torch.zeros(len(labels), device=found.device, dtype=found.dtype)
    rows = torch.arange(len(labels), device=found.device)
    sums = sums.index_add(0, rows[:, None].expand_as(learnt)[learnt], found)
    return sums, learnt.sum(dim=1)


def preference_loss(
    sums: torch.Tensor, counts: torch.Tensor, objective: Objective
) -> torch.Tensor:
    """The loss of a batch whose first half is chosen, and second half rejected.

    Under "sft" the whole batch is chosen, and the loss the mean over its tokens.
    """
    if objective.objective == "sft":
        return -sums.sum() / counts.sum()
    means = sums / counts
    chosen, rejected = means.chunk(2)
    loss = simpo_loss(chosen, rejected, objective.beta, objective.gamma).mean()
    if objective.sft_weight:
        half = len(chosen)
        loss = loss - objective.sft_weight * sums[:half].sum() / counts[:half].sum()
    return loss


def simpo_loss(
    chosen: torch.Tensor, rejected: torch.Tensor, beta: float, gamma: float
) -> torch.Tensor:
    """SimPO's loss of each pair, from mean log-probabilities of both texts."""
    return -functional.logsigmoid(beta * (chosen - rejected) - gamma)


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
        trainer = build_trainer(rows, image_root, start, processor, arguments, settings)
        trainer.objective = objective
        return trainer

    return run_training(
        preferences,
        base=base,
        output=output,
        work=work,
        settings=settings,
        seed=seed,
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

    Raises ValueError, naming file and row, on one that cannot be trained on.
    """
    defuse = read_special_tokens(processor, None, base).defuse
    counter = TokenCounter(processor, image_root, settings.max_pixels_shown)
    kept: list[Sides] = []
    left_out: list[str] = []
    for row in read_records(preferences, Preference):
        if row.for_member not in (None, member):
            continue
        sides = conversation_of(row, row.chosen), conversation_of(row, row.rejected)
        refuse_simulated(preferences, sides)
        for side in sides:
            if fault := find_fault(side):
                raise ValueError(f"{preferences}: the preference {row.id} {fault}")
        pair = defuse_texts(sides[0], defuse), defuse_texts(sides[1], defuse)
        if settings.max_length and longest(pair, counter) > settings.max_length:
            left_out.append(row.id)
        else:
            kept.append(pair)
    if not kept:
        raise ValueError(
            f"{preferences}: must hold at least one preference for {member} of at most "
            f"'max_length' tokens, {settings.max_length} (got none; {len(left_out)} "
            "are longer). Hint: panel_report.json counts why prompts gave none."
        )
    return kept, left_out


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


def build_trainer(
    rows: Sequence[Sides],
    image_root: Path,
    start: Path,
    processor: Any,
    arguments: Any,
    settings: TrainSettings,
) -> PreferenceTrainer:
    """The trainer of the model in ``start``; images are opened batch by batch."""
    columns = {"row": [msgspec.json.encode(pair).decode() for pair in rows]}
    trainer = make_trainer(
        PreferenceTrainer,
        PairCollator,
        columns,
        image_root,
        start,
        processor,
        arguments,
        settings,
    )
    # The loss is a mean over pairs, and not over tokens of all accumulated batches.
    trainer.model_accepts_loss_kwargs = False
    return trainer
