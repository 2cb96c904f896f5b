"""TRL's trainer by reward, on pairs in both orders, and what it asks of a model."""

import time
from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOTrainer

from selfjudge.ground.images import open_rgb
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.records import ORDERS, Accepted
from selfjudge.training.conversations import ConversationCollator, text_ids
from selfjudge.training.pair_sampler import PairSampler
from selfjudge.training.progress import summarize
from selfjudge.training.settings import Rollouts
from selfjudge.training.trainer import QuietTrainer

DECODE = msgspec.json.Decoder(Accepted).decode
# TRL's name of the share of questions whose rollouts were all worth the same.
SAME = "frac_reward_zero_std"
# What TRL 1.16 hands on of what a processor makes, in its update.
HANDED_ON = {
    *("input_ids", "attention_mask", "labels", "pixel_values", "pixel_attention_mask"),
    *("image_grid_thw", "spatial_shapes", "image_sizes", "image_position_ids"),
    *("token_type_ids", "mm_token_type_ids"),
}


class ReinforcementTrainer(QuietTrainer, GRPOTrainer):  # type: ignore[misc]
    """TRL's trainer, of pairs in both orders, that counts what it spends."""

    watched = "reward"
    rollouts: Rollouts
    usage: Usage
    image_root: Path
    max_pixels: int | None
    collator: ConversationCollator
    asked: list[Any]
    hand_over: Callable[[Any, Any], None] | None
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
        if self.hand_over is None:
            return super()._generate_single_turn(prompt_ids, images, *others, **options)
        if self.state.global_step != self._last_loaded_step:
            self.hand_over(self.model, self.vllm_generation.llm)
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
                both = zip(own, others, strict=False)
                alike = takewhile(lambda pair: pair[0] == pair[1], both)
                raise ValueError(
                    "'reinforce.vllm_gpu_memory_utilization' must be null for this "
                    "model: vLLM must read the prompt that is learnt from (got "
                    f"{len(others)} tokens for {len(own)}, the first other one at "
                    f"{len(list(alike))})"
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


def check_inputs(batch: Iterable[str], model: Path) -> None:
    """Raise ValueError if a model reads what TRL would not hand on in an update."""
    unknown = sorted(set(batch) - HANDED_ON)
    if unknown:
        raise ValueError(
            f"{model}: training by reward needs a model that reads only what TRL hands "
            f"on (got {', '.join(unknown)} beside). Hint: this family can be trained "
            "by the other filters."
        )
