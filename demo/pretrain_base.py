"""Train the demo's tiny base model from nothing, on one CPU thread or a GPU.

Reads only the templates beside this file.  Writes a directory that
`AutoProcessor` and `AutoModelForImageTextToText` load.

The base is a plausible but weak judge: it sees well and writes whole judgments,
but its verdict often says "A", or prefers of two short answers the one with the more
familiar words.  Position bias and language prior are PLANTED, by the shares ``--bias``
and ``--prior`` of verdicts, smaller ones until the last part of its training.

In float32, on a GPU in TensorFloat-32: many CPUs compute bfloat16 twenty times as
slowly.  9000 steps took 1.7 hours on one core with AVX2; on an H100 8700 took nine
minutes beside five others.  What comes late is comparing claims, and
answers to "where" and "left of".
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from muon import Muon
from pretrain_tasks import TEACHERS, Flaws, Lesson, sample_texts
from tiny_model import (
    IMAGE_MEAN,
    IMAGE_STD,
    NUM_IMAGE_TOKENS,
    build_model,
    build_processor,
    train_tokenizer,
)
from world import Picture, Scene, render, sample_scene

# Share of the steps and lessons a step, for each task.
MIX = {
    "describe": (0.08, 48),
    "answer": (0.36, 96),
    "alter": (0.09, 32),
    "judge_open": (0.30, 24),
    "judge_closed": (0.17, 48),
}
NUM_SCENES = 20000
HIDDEN, LAYERS = 128, 5  # of the text model
MUON_LR, ADAMW_LR = 4e-3, 2e-3
WARM_UP = 0.05  # share of the time in which the model only learns to describe
EARLY = Flaws(bias=0.1, prior=0.3)
PLANTING = 0.75  # share of the time after which verdicts have the full flaws


class Batch(NamedTuple):
    """Token ids, attention mask and labels (batch, tokens), and pixel values."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor
    pixel_values: torch.Tensor


def pixels(pictures: list[Picture]) -> torch.Tensor:
    """What the image processor makes of the pictures: (batch, 1, 3, 72, 72)."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    return ((stacked / 255 - IMAGE_MEAN) / IMAGE_STD).unsqueeze(1)


class Encoder:
    """Lessons to batches, as the chat template and the processor would do it."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        mark = "<fake_token_around_image>"
        image = f"{mark}<global-img>{'<image>' * NUM_IMAGE_TOKENS}{mark}"
        self.head = f"<user>{image}"
        self.tail = "<end_of_utterance><assistant>"

    def encode(self, texts: list[str]) -> list[list[int]]:
        """The token ids of each text."""
        ids = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return list(ids)

    def batch(self, lessons: list[Lesson], pictures: list[Picture]) -> Batch:
        """One right-padded batch with the loss on the targets only."""
        asked = self.encode([f"{self.head}{x.text}{self.tail}" for x in lessons])
        said = self.encode([f" {x.target}<end_of_utterance>" for x in lessons])
        width = max(len(a) + len(b) for a, b in zip(asked, said, strict=True))
        ids = torch.full((len(lessons), width), self.tokenizer.pad_token_id)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for row, (a, b) in enumerate(zip(asked, said, strict=True)):
            end = len(a) + len(b)
            ids[row, :end] = torch.tensor(a + b)
            mask[row, :end] = 1
            labels[row, len(a) : end] = torch.tensor(b)
        return Batch(ids, mask, labels, pixels(pictures))


class Optimizer:
    """Muon for the hidden matrices, AdamW for the rest; one schedule over both."""

    def __init__(self, model: torch.nn.Module, muon: float, adamw: float) -> None:
        groups: dict[str, list[torch.nn.Parameter]] = {"hidden": [], "patch": []}
        groups["rest"] = []
        for name, parameter in model.named_parameters():
            is_hidden = parameter.ndim == 2 and "embed" not in name
            is_hidden = is_hidden and "lm_head" not in name
            kind = "hidden" if is_hidden else "rest"
            groups["patch" if "patch_embedding" in name else kind].append(parameter)
        rest = [
            {"params": groups["rest"], "lr": adamw},
            {"params": groups["patch"], "lr": 0.3 * adamw},
        ]
        self.parts: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, betas=(0.9, 0.98), weight_decay=0.01),
            Muon(groups["hidden"], lr=muon, weight_decay=0.01),
        ]
        for group in self.groups():
            group["full_lr"] = group["lr"]

    def groups(self) -> Iterator[dict[str, Any]]:
        """The parameter groups of both."""
        for part in self.parts:
            yield from part.param_groups

    def step(self, share: float) -> None:
        """One update at ``share`` of the full learning rates."""
        for group in self.groups():
            group["lr"] = share * group["full_lr"]
        for part in self.parts:
            part.step()
            part.zero_grad(set_to_none=True)


def learning_rate_share(step: int, done: float) -> float:
    """A short linear warm-up, then a cosine down to 2 % of the full rate."""
    decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))
    return min(1.0, (step + 1) / 100) * decay


def draw_scenes(seed: int) -> tuple[list[Scene], list[Picture]]:
    """The scenes of the pretraining, and their pictures."""
    rng = Random(f"pretraining/{seed}")
    scenes = [sample_scene(rng) for _ in range(NUM_SCENES)]
    return scenes, [render(scene, rng) for scene in scenes]


def train(model: Any, encoder: Encoder, options: argparse.Namespace) -> None:
    """Train until the steps or the minutes are used up, printing the losses."""
    scenes, pictures = draw_scenes(options.seed)
    optimizer = Optimizer(model, muon=MUON_LR, adamw=ADAMW_LR)
    rng = Random(f"lessons/{options.seed}")
    names, shares = list(MIX), [share for share, _ in MIX.values()]
    losses: dict[str, torch.Tensor] = {}
    start, step = time.monotonic(), 0
    while (done := progress(step, start, options)) < 1:
        task = "describe" if done < WARM_UP else rng.choices(names, shares)[0]
        flaws = Flaws(options.bias, options.prior) if done > PLANTING else EARLY
        places = [rng.randrange(len(scenes)) for _ in range(MIX[task][1])]
        lessons = [TEACHERS[task](scenes[place], flaws, rng) for place in places]
        batch = encoder.batch(lessons, [pictures[place] for place in places])
        batch = Batch(*(part.to(options.device) for part in batch))
        loss = model(**batch._asdict(), use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step(learning_rate_share(step, done))
        loss = loss.detach()
        losses[task] = 0.95 * losses.get(task, loss) + 0.05 * loss
        step += 1
        if step % 100 == 0:
            shown = ", ".join(f"{task} {value:.3f}" for task, value in losses.items())
            seconds = time.monotonic() - start
            print(f"{seconds:5.0f} s, step {step}: {shown}", flush=True)


def progress(step: int, start: float, options: argparse.Namespace) -> float:
    """The share of the training that is done, by steps or by the clock."""
    if options.steps:
        return step / options.steps
    return (time.monotonic() - start) / 60 / options.minutes


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="directory to write")
    parser.add_argument("--seed", type=int, default=0)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int, help="number of updates (reproducible)")
    length.add_argument("--minutes", type=float, help="or: how long to train")
    parser.add_argument(
        "--bias", type=float, default=0.2, help="share of verdicts planted as A"
    )
    parser.add_argument(
        "--prior",
        type=float,
        default=0.5,
        help="share of verdicts planted for the more familiar words",
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()
    if not 0 <= options.bias <= options.bias + options.prior <= 1:
        parser.error(
            "--bias and --prior must be shares with a sum of 1 at most "
            f"(got {options.bias} and {options.prior})"
        )
    return options


def main() -> None:
    """Train, then save model and processor."""
    options = parse_options()
    torch.set_num_threads(1)
    if options.device == "cuda":
        torch.set_float32_matmul_precision("high")  # TensorFloat-32
    tokenizer = train_tokenizer(sample_texts(20000, Random("tokenizer")))
    model = build_model(tokenizer, HIDDEN, LAYERS, options.seed)
    print(f"{model.num_parameters() / 1e6:.2f} M parameters, {len(tokenizer)} tokens")
    model.to(options.device).train()
    train(model, Encoder(tokenizer), options)
    model.save_pretrained(options.out)
    build_processor(tokenizer).save_pretrained(options.out)


if __name__ == "__main__":
    main()
