"""Train a judge by reward on pairs whose better side is known (GRPO).

It writes judgments of both orders of a pair, is told which of them were right, and
is moved towards those that did better than the others of the same question (Group
Relative Policy Optimization, Shao et al. 2024, arXiv 2402.03300, as TRL has it).
Every step learns from rollouts of the weights before it: nothing is reused.

One process: a step's rollouts are compared with each other.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOConfig

from selfjudge.engines.special_tokens import (
    SpecialTokens,
    read_special_tokens,
    without_thought,
)
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import encode, read_records
from selfjudge.ground.records import ORDERS, Accepted, Order, Reinforced
from selfjudge.ground.templates import assistant_turn
from selfjudge.judging.verdicts import stated_letter
from selfjudge.training.conversations import ConversationCollator
from selfjudge.training.models import load_model, lora_config
from selfjudge.training.reinforcement_trainer import (
    ReinforcementTrainer,
    UpdateClock,
    check_inputs,
)
from selfjudge.training.rewards import reward_rollouts
from selfjudge.training.rows import (
    MOST_LEFT_OUT_RATE,
    TokenCounter,
    defuse_texts,
    find_fault,
    refuse_simulated,
)
from selfjudge.training.settings import Rollouts, TrainSettings
from selfjudge.training.trainer import (
    Base,
    Selected,
    list_callbacks,
    run_training,
    shared_arguments,
)

logger = logging.getLogger(__name__)

# Named, not imported: a training without vLLM does not depend on its code.
VLLM_ROLLOUTS = "selfjudge.training.vllm_rollouts"

# Both orders of a pair, each a conversation that ends as a right judgment may.
BothOrders = tuple[Accepted, Accepted]


def reinforce_judge(
    *,
    picked: Path,
    image_root: Path,
    base: Base,
    output: Path,
    work: Path,
    settings: TrainSettings,
    rollouts: Rollouts,
    vllm_memory: float | None,
    seed: int,
    code: str,
    usage: Usage,
) -> Path:
    """Train by reward on the pairs of ``picked`` and write the judge; returns it.

    As `train_judge` otherwise: checkpoints in ``work``, resumed after an
    interruption, LoRA or full, provenance beside the weights.  ``vllm_memory`` is the
    share of the GPU's memory for vLLM, which then writes the rollouts; with None
    transformers does.  Raises ValueError where all rollouts of every question were
    worth the same.
    """

    vllm = import_module(VLLM_ROLLOUTS) if vllm_memory else None

    def select(processor: Any) -> Selected:
        rows, left_out = select_pairs(
            picked, image_root, base.path, processor, settings, rollouts
        )
        return rows, {"num_rows_left_out": len(left_out), "rows_left_out": left_out}

    def build(rows: Any, start: Path, processor: Any, arguments: Any) -> Any:
        return build_trainer(
            rows,
            image_root,
            start,
            processor,
            arguments,
            settings,
            rollouts,
            usage,
            vllm,
        )

    def configure(settings: TrainSettings, work: Path, seed: int) -> GRPOConfig:
        arguments = vllm.vllm_arguments(settings, vllm_memory) if vllm else {}
        return reinforcement_arguments(settings, rollouts, work, seed, **arguments)

    return run_training(
        picked,
        base=base,
        output=output,
        work=work,
        settings=settings,
        seed=seed,
        code=code,
        usage=usage,
        select=select,
        build=build,
        configure=configure,
        told={
            "rollouts": msgspec.to_builtins(rollouts),
            "vllm": vllm.installed_version() if vllm else None,
        },
    )


def reinforcement_arguments(
    settings: TrainSettings, rollouts: Rollouts, work: Path, seed: int, **more: Any
) -> GRPOConfig:
    """TRL's arguments: its defaults of the loss, no reference model, and ``more``."""
    shared = shared_arguments(settings, work, seed)
    sampling = rollouts.sampling
    return GRPOConfig(
        **(shared | {"dataloader_num_workers": 0}),  # rows are opened as they are asked
        num_generations=rollouts.num_rollouts,
        generation_batch_size=settings.rows_per_step,
        max_completion_length=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        # The judge that writes must be the one that learns.
        disable_dropout=True,
        **more,
    )


def select_pairs(
    picked: Path,
    image_root: Path,
    base: Path,
    processor: Any,
    settings: TrainSettings,
    rollouts: Rollouts,
) -> tuple[list[BothOrders], list[str]]:
    """The pairs to learn from, and the ids of those too long to be judged.

    Raises ValueError, naming file and pair, on one that cannot be trained on.
    """
    defuse = read_special_tokens(processor, None, base).defuse
    counter = TokenCounter(processor, image_root, settings.max_pixels_shown)
    kept: list[BothOrders] = []
    left_out: list[str] = []
    for both in read_both_orders(picked):
        refuse_simulated(picked, both)
        for row in both:
            if fault := find_fault(row):
                raise ValueError(f"{picked}: the pair {row.pair_id} {fault}")
        first, second = (defuse_texts(row, defuse) for row in both)
        # About: what a conversation has beyond its prompt is a few tokens here.
        longest = max(map(counter.count_tokens, (first, second)))
        limit = settings.max_length
        if limit and longest + rollouts.sampling.max_tokens > limit:
            left_out.append(first.pair_id)
        else:
            kept.append((first, second))
    if left_out:
        logger.warning(
            "%d of %d pairs leave no room for a judgment and are left out",
            len(left_out),
            len(left_out) + len(kept),
        )
    number = len(kept) + len(left_out)
    if not number:
        raise ValueError(f"{picked}: must hold at least one pair (got an empty file)")
    if len(left_out) > MOST_LEFT_OUT_RATE * number:
        raise ValueError(
            f"{picked}: at least {1 - MOST_LEFT_OUT_RATE:.0%} of the pairs must leave "
            f"room for a judgment within 'max_length' tokens, {settings.max_length} "
            f"(got {len(kept)} of {number}). Hint: raise 'train.max_length'; judgments "
            f"take 'reinforce.sampling.max_tokens', {rollouts.sampling.max_tokens}."
        )
    return kept, left_out


def read_both_orders(picked: Path) -> Iterator[BothOrders]:
    """The pairs of a file; ValueError where a line lacks its other order."""
    lines = read_records(picked, Reinforced)
    while both := tuple(islice(lines, len(ORDERS))):
        orders = tuple(line.order for line in both)
        if orders != ORDERS or len({line.pair_id for line in both}) > 1:
            raise ValueError(
                f"{picked}: both orders of the pair {both[0].pair_id} must stand one "
                f"after the other (got orders {', '.join(orders)})"
            )
        first, second = map(with_judgment, both)
        yield first, second


def with_judgment(line: Reinforced) -> Accepted:
    """What a judge is asked, with the shortest right answer."""
    verdict = f"Verdict: [[{stated_letter(line.order, True)}]]"
    return Accepted(
        images=line.images,
        messages=[*line.prompt, assistant_turn(verdict)],
        prompt_id=line.prompt_id,
        pair_id=line.pair_id,
        judgment_id=line.pair_id,
        order=line.order,
    )


def build_trainer(
    rows: Sequence[BothOrders],
    image_root: Path,
    start: Path,
    processor: Any,
    arguments: GRPOConfig,
    settings: TrainSettings,
    rollouts: Rollouts,
    usage: Usage,
    vllm: Any,
) -> ReinforcementTrainer:
    """The trainer of the model in ``start``; images are opened step by step.

    ``vllm``: the module `vllm_rollouts` where vLLM writes them, else None.
    """
    model = load_model(start, settings)
    listed = model.generation_config.eos_token_id
    special = read_special_tokens(processor, listed, start)
    model.generation_config.eos_token_id = special.end_ids
    width = model.get_output_embeddings().weight.shape[0]
    blocked = unwritable_ids(special, width)
    writer: AbstractContextManager[None] = nullcontext()
    if vllm:
        arguments.generation_kwargs = {"stop_token_ids": special.end_ids}
        writer = vllm.started_as_ours(
            blocked,
            num_images=max(len(row.images) for both in rows for row in both),
            seed=arguments.seed,
            trusted=settings.trust_remote_code,
        )
    else:
        arguments.generation_kwargs = {"suppress_tokens": blocked}
    arguments.chat_template_kwargs = without_thought(processor)
    lines = [encode(row).decode() for both in rows for row in both]
    with writer:
        trainer = ReinforcementTrainer(
            model=model,
            reward_funcs=rewarder(special, rollouts.parsed_reward),
            args=arguments,
            train_dataset=Dataset.from_dict({"row": lines}),
            processing_class=processor,
            peft_config=lora_config(settings),
            callbacks=[*list_callbacks(settings), UpdateClock(usage)],
        )
    ends = frozenset(special.end_ids)
    limit = settings.max_pixels_shown
    trainer.collator = ConversationCollator(processor, image_root, ends, limit)
    check_inputs(trainer.batch_to_check(), start)
    trainer.rollouts, trainer.usage = rollouts, usage
    trainer.hand_over = vllm.hand_over if vllm else None
    trainer.image_root, trainer.max_pixels = image_root, limit
    trainer.remove_callback(PrinterCallback)
    return trainer


def rewarder(special: SpecialTokens, parsed_reward: float) -> Callable[..., Any]:
    """What tells TRL the rewards of a step's rollouts; one cut off has no text.

    By TRL's names: texts as conversations, their ids, and the columns of their rows.
    """

    def reward(
        completions: list[Any],
        completion_ids: list[list[int]],
        pair_id: list[str],
        order: list[Order],
        **_: Any,
    ) -> list[float]:
        texts = [
            turns[0]["content"] if ids and ids[-1] in special.end_ids else None
            for turns, ids in zip(completions, completion_ids, strict=True)
        ]
        return reward_rollouts(pair_id, order, texts, parsed_reward)

    return reward


def unwritable_ids(special: SpecialTokens, width: int) -> list[int]:
    """Of ``width`` ids those that no rollout may hold: as the engines', all but words
    and ends.

    A vision token in a text would be read as the place of an image that is not there.
    """
    return sorted(set(range(width)) - set(special.writable_ids))
