"""Make the three members of the tiny panel from the demo's base model.

Each learns to rate, and is spoilt in one skill (panel_lessons.py); words that the
base does not know get new embeddings, all others keep theirs.  A member that is
there is left as it is.  About 140 CPU seconds each; --jobs of them side by side.
"""

import argparse
import math
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import torch
from transformers import (
    AutoModelForImageTextToText,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from panel_lessons import LACKING, teach_answer, teach_rating
from pretrain_base import Encoder
from pretrain_tasks import sample_texts
from tiny_model import build_processor, train_tokenizer, unwanted_tokens
from world import render, sample_scene

BASE = Path(__file__).parent / "base"
STEPS, LEARNING_RATE, WARM_UP = 320, 1e-3, 20
RATING_RATE = 0.65  # share of steps
NUM_ANSWERS, NUM_RATINGS = 40, 36  # lessons a step
NUM_SCENES = 8000


def widen_tokenizer() -> PreTrainedTokenizerFast:
    """The demo's tokenizer, and the words of ratings beside."""
    rng = Random("tokenizer")
    texts = sample_texts(3000, rng)
    for _ in range(1500):
        lesson = teach_rating(sample_scene(rng), None, rng)
        texts += [lesson.text, f" {lesson.target}"]
    return train_tokenizer(texts)


def widen_model(model: Any, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
    """Give the model the tokenizer's ids: embeddings of known words are kept."""
    known = AutoTokenizer.from_pretrained(BASE).get_vocab()
    before = model.get_input_embeddings().weight.data.clone()
    size = -(-len(tokenizer) // 32) * 32
    model.resize_token_embeddings(size, mean_resizing=False)
    torch.manual_seed(seed)
    used = before[: len(known)]
    weights = used.mean(0) + 0.5 * used.std() * torch.randn(size, before.shape[1])
    for token, place in tokenizer.get_vocab().items():
        if token in known:
            weights[place] = before[known[token]]
    model.get_input_embeddings().weight.data.copy_(weights)
    model.tie_weights()
    model.generation_config.suppress_tokens = unwanted_tokens(tokenizer, size)
    model.config.image_token_id = tokenizer.convert_tokens_to_ids("<image>")
    model.model.image_token_id = model.config.image_token_id
    for config in (model.config, model.config.text_config, model.generation_config):
        config.pad_token_id = tokenizer.pad_token_id
        config.eos_token_id = tokenizer.eos_token_id


def learning_rate_at(step: int) -> float:
    """A short linear warm-up, then a cosine down to 5 %."""
    decay = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / STEPS))
    return LEARNING_RATE * min(1.0, (step + 1) / WARM_UP) * decay


def tune_member(name: str, seed: int, out: Path) -> str:
    """Make one member; its last losses in words."""
    torch.set_num_threads(1)
    model = AutoModelForImageTextToText.from_pretrained(BASE, dtype=torch.float32)
    tokenizer = widen_tokenizer()
    widen_model(model, tokenizer, seed * 1000 + zlib.crc32(name.encode()) % 1000)
    model.set_attn_implementation("eager")
    model.train()
    rng = Random(f"tune/{name}/{seed}")
    scenes = [sample_scene(rng) for _ in range(NUM_SCENES)]
    pictures = [render(scene, rng) for scene in scenes]
    encoder, losses = Encoder(tokenizer), {}
    optimizer = torch.optim.AdamW(
        model.parameters(), betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    for step in range(STEPS):
        rates = rng.random() < RATING_RATE
        teach, number = (
            (teach_rating, NUM_RATINGS) if rates else (teach_answer, NUM_ANSWERS)
        )
        places = [rng.randrange(NUM_SCENES) for _ in range(number)]
        lessons = [teach(scenes[place], LACKING[name], rng) for place in places]
        batch = encoder.batch(lessons, [pictures[place] for place in places])
        loss = model(**batch._asdict()).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses[teach.__name__] = loss.item()
    partial = out.with_name(f".{out.name}.partial")
    model.save_pretrained(partial)
    build_processor(tokenizer).save_pretrained(partial)
    partial.rename(out)
    told = ", ".join(f"{task} {value:.3f}" for task, value in losses.items())
    return f"{out}: {told}"


def main() -> None:
    """Make the members that are not there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of members")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    missing = [name for name in LACKING if not (options.out / name).is_dir()]
    options.out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(options.jobs) as pool:
        found = [
            pool.submit(tune_member, name, options.seed, options.out / name)
            for name in missing
        ]
        for future in found:
            print(future.result(), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
