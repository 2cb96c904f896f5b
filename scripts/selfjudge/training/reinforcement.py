"""Train a judge by reward on pairs whose better side is known (GRPO).

It writes judgments of both orders of a pair, is told which of them were right, and
is moved towards those that did better than the others of the same question (Group
Relative Policy Optimization, Shao et al. 2024, arXiv 2402.03300, as TRL has it).
Every step learns from rollouts of the weights before it: nothing is reused.

One process: a step's rollouts are compared with each other.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from selfjudge.engines.special_tokens import (
    SpecialTokens,
    read_special_tokens,
    without_thought,
)
from selfjudge.engines.vllm_dialects import installed_version
from selfjudge.ground.images import open_rgb
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import encode, read_records
from selfjudge.ground.records import ORDERS, Accepted, Order, Reinforced
from selfjudge.ground.templates import assistant_turn
from selfjudge.judging.verdicts import stated_letter
from selfjudge.training.conversations import ConversationCollator, text_ids
from selfjudge.training.models import load_model, lora_config
from selfjudge.training.pair_sampler import PairSampler
from selfjudge.training.progress import summarize
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
    QuietTrainer,
    Selected,
    list_callbacks,
    run_training,
    shared_arguments,
)
from selfjudge.training.vllm_rollouts import (
    engine_arguments,
    hand_over,
    vllm_arguments,
)

logger = logging.getLogger(__name__)

# Both orders of a pair, each a conversation that ends as a right judgment may.
BothOrders = tuple[Accepted, Accepted]
DECODE = msgspec.json.Decoder(Accepted).decode
# TRL's name of the share of questions whose rollouts were all worth the same.
SAME = "frac_reward_zero_std"


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

    def select(processor: Any) -> Selected:
        rows, left_out = select_pairs(
            picked, image_root, base.path, processor, settings, rollouts
        )
        return rows, {"num_rows_left_out": len(left_out), "rows_left_out": left_out}

    def build(rows: Any, start: Path, processor: Any, arguments: Any) -> Any:
        return build_trainer(
            rows, image_root, start, processor, arguments, settings, rollouts, usage
        )

    def configure(settings: TrainSettings, work: Path, seed: int) -> GRPOConfig:
        arguments = vllm_arguments(settings, vllm_memory) if vllm_memory else {}
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
            "vllm": installed_version() if vllm_memory else None,
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


class ReinforcementTrainer(QuietTrainer, GRPOTrainer):  # type: ignore[misc]
    """TRL's trainer, of pairs in both orders, that counts what it spends."""

    watched = "reward"
    rollouts: Rollouts
    usage: Usage
    image_root: Path
    max_pixels: int | None
    collator: ConversationCollator
    asked: list[Any]
    _last_loaded_step: int

    def _get_train_sampler(self, dataset: Dataset | None = None) -> PairSampler:
        return PairSampler(
            len(self.train_dataset) // len(ORDERS),
            self.rollouts.pairs_per_step,
            self.rollouts.num_rollouts,
            self.args.steps_per_generation,
            self.args.seed,
        )

    def num_seen_an_epoch(self) -> int:
        """How many rollouts the judge writes in an epoch."""
        return self._get_train_sampler().num_rows()

    def batch_to_check(self) -> dict[str, Any]:
        """A right answer to the first pair."""
        return self.collator([self.train_dataset[0]])

    def check_learnt(self) -> None:
        """Raise ValueError if no rollout was ever worth more than another."""
        history = self.state.log_history
        shares = [log[SAME] for log in history if SAME in log]
        if shares and min(shares) == 1:
            reward = summarize(history, self.watched, len(shares))["first"]
            raise ValueError(
                f"reinforce: of {self.rollouts.num_rollouts} rollouts of a question at "
                "least one must be worth more than another (got the same reward for "
                f"all, in each of {len(shares)} steps; {reward} on average). Hint: the "
                "pairs may all be too easy or too hard; raise 'reinforce.num_rollouts'."
            )

    def _generate_and_score_completions(
        self, inputs: list[dict[str, Any]]
    ) -> dict[str, Any]:
        # Here, and not in the data set: a step's rows are asked for many times.
        rows = [DECODE(each["row"]) for each in inputs]
        pictures = {
            name: open_rgb(self.image_root / name, self.max_pixels)
            for row in rows
            for name in row.images
        }
        filled = []
        for row in rows:
            images = [pictures[name] for name in row.images]
            own: dict[str, Any] = {"prompt": row.messages[:-1], "images": images}
            filled.append(own | {"pair_id": row.pair_id, "order": row.order})
        return dict(super()._generate_and_score_completions(filled))

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, *others: Any, **options: Any
    ) -> Any:
        """As TRL's, but vLLM is asked by prompts in which an image is one mark.

        It puts an image's tokens in itself, and TRL 1.16 hands it prompts that have
        them.  Raises ValueError where it reads another prompt than is learnt from.
        """
        if not self.use_vllm:
            return super()._generate_single_turn(prompt_ids, images, *others, **options)
        if self.state.global_step != self._last_loaded_step:
            hand_over(self.model, self.vllm_generation.llm)
            self._last_loaded_step = self.state.global_step
        processor = self.processing_class
        texts = processor.apply_chat_template(
            self.asked, add_generation_prompt=True, **self.chat_template_kwargs
        )
        short = [text_ids(processor, text) for text in texts]
        read, written, told, _ = self.vllm_generation.generate(
            short, images, self.num_generations
        )
        for own, others in zip(prompt_ids, read, strict=True):
            if list(own) != list(others):
                place = first_other(own, others)
                raise ValueError(
                    "'reinforce.vllm_memory' must be null for this model: vLLM must "
                    f"read the prompt that is learnt from (got {len(others)} tokens "
                    f"for {len(own)}, the first other one at {place})"
                )
        return written, [[drawn for drawn, *_ in row] for row in told]

    def _generate(self, prompts: list[Any]) -> Any:
        self.asked = prompts
        started = time.monotonic()
        written = super()._generate(prompts)
        assert self.usage.rollout_seconds is not None
        self.usage.rollout_seconds += time.monotonic() - started
        self.usage.num_output_tokens += sum(map(len, written[1]))
        return written

    def _calculate_rewards(self, *args: Any) -> Any:
        started = time.monotonic()
        rewards = super()._calculate_rewards(*args)
        assert self.usage.reward_seconds is not None
        self.usage.reward_seconds += time.monotonic() - started
        return rewards


def first_other(own: Sequence[int], others: Sequence[int]) -> int:
    """The first place at which two lists of ids differ."""
    same = (one == other for one, other in zip(own, others, strict=False))
    shorter = min(len(own), len(others))
    return next((at for at, is_same in enumerate(same) if not is_same), shorter)


# What TRL 1.16 hands on of what a processor makes, in its update.
HANDED_ON = {
    *("input_ids", "attention_mask", "labels", "pixel_values", "pixel_attention_mask"),
    *("image_grid_thw", "spatial_shapes", "image_sizes", "image_position_ids"),
    *("token_type_ids", "mm_token_type_ids"),
}


class UpdateClock(TrainerCallback):  # type: ignore[misc]
    """Counts as update what is neither rollout nor reward."""

    def __init__(self, usage: Usage) -> None:
        self.usage = usage
        self.started = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start all three clocks."""
        self.started = time.monotonic()
        self.usage.rollout_seconds = self.usage.reward_seconds = 0.0
        self.usage.update_seconds = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count up to here."""
        usage = self.usage
        assert usage.rollout_seconds is not None and usage.reward_seconds is not None
        other = usage.rollout_seconds + usage.reward_seconds
        usage.update_seconds = time.monotonic() - self.started - other


def build_trainer(
    rows: Sequence[BothOrders],
    image_root: Path,
    start: Path,
    processor: Any,
    arguments: GRPOConfig,
    settings: TrainSettings,
    rollouts: Rollouts,
    usage: Usage,
) -> ReinforcementTrainer:
    """The trainer of the model in ``start``; images are opened step by step."""
    model = load_model(start, settings)
    listed = model.generation_config.eos_token_id
    special = read_special_tokens(processor, listed, start)
    model.generation_config.eos_token_id = special.end_ids
    width = model.get_output_embeddings().weight.shape[0]
    blocked = unwritable_ids(special, width)
    writer: AbstractContextManager[None] = nullcontext()
    if arguments.use_vllm:
        arguments.generation_kwargs = {"stop_token_ids": special.end_ids}
        writer = engine_arguments(
            blocked,
            num_images=max(len(row.images) for both in rows for row in both),
            seed=arguments.seed,
            trusted=settings.trust_remote_code,
        )
    else:
        arguments.generation_kwargs = {"suppress_tokens": blocked}
    arguments.chat_template_kwargs = without_thought(processor)

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
        return reward_rollouts(pair_id, order, texts, rollouts.parsed_reward)

    lines = [encode(row).decode() for both in rows for row in both]
    with writer:
        trainer = ReinforcementTrainer(
            model=model,
            reward_funcs=reward,
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
    trainer.image_root, trainer.max_pixels = image_root, limit
    trainer.remove_callback(PrinterCallback)
    return trainer


def check_inputs(batch: Iterable[str], model: Path) -> None:
    """Raise ValueError if a model reads what TRL would not hand on in an update."""
    unknown = sorted(set(batch) - HANDED_ON)
    if unknown:
        raise ValueError(
            f"{model}: training by reward needs a model that reads only what TRL hands "
            f"on (got {', '.join(unknown)} beside). Hint: this family can be trained "
            "by the other filters."
        )


def unwritable_ids(special: SpecialTokens, width: int) -> list[int]:
    """Of ``width`` ids those that no rollout may hold: as the engines', all but words
    and ends.

    A vision token in a text would be read as the place of an image that is not there.
    """
    return sorted(set(range(width)) - set(special.writable_ids))
