"""Count the tokens that a judge computes for each accepted trace.

Compared are a naive run (separate calls, text before image), the same with vLLM's
prefix cache, and the prompt layout of this repository (image and instruction first,
orders and samples of one image together) with it.

Measured: the prompt tokens of every request of the real stage, and how many of
them vLLM found in its prefix cache, on a small random-weight Idefics3.  Assumed: the
length of a trace, and verdicts drawn by seed (a random model has no opinion).  The
cache holds everything here; on a GPU old prefixes make room for new ones.
Without vLLM it says so and measures nothing.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]


from selfjudge.benchmarks.collections import asking_of
from selfjudge.engines import open_engine
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.journal import group_by_image
from selfjudge.ground.lines import content_id
from selfjudge.ground.records import ORDERS, Judgment, Pair
from selfjudge.ground.requests import Request, Samples, Sampling
from selfjudge.ground.templates import load_template
from selfjudge.judging.asks import (
    JUDGE_FIELDS,
    JUDGE_TEMPLATE,
    ask_pairs,
    judgment_requests,
)
from selfjudge.judging.filtering import decide
from selfjudge.judging.joining import join_judgments
from selfjudge.judging.verdicts import chosen_verdict
from selfjudge.pairs.filters import FILTERS

os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
SEED = 0
MAX_SHARE = 0.5  # of the naive run's tokens
MIN_PROMPT_TOKENS = 512
IMAGE_PIXELS = 672  # 16 tiles and an overview of 36 tokens each, as many as LLaVA's 576
QUESTION_WORDS, RESPONSE_WORDS = 60, 230
WORDS = (
    "the response says a dog beside two red chairs while image shows one blue table "
    "near window and its count is wrong so claim about colour holds what where how "
    "many people stand left right behind holding small large sign text reads"
).split()


class Workload(NamedTuple):
    """Traces for each pair and order, and questions about each image."""

    num_samples: int
    num_questions: int


# The default of config.yaml; four traces; four questions about an image.
WORKLOADS = [Workload(1, 1), Workload(4, 1), Workload(1, 4)]
# The one whose naive run has separate calls to speak of.
BOUND = Workload(4, 1)


class Cost(NamedTuple):
    """Prompt tokens of a request, and those of them that were not in the cache."""

    num_prompt_tokens: int
    num_computed: int


def main() -> None:
    """Read the arguments, measure, print; status 1 if the bound is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--images", type=int, default=12, help="images of each workload")
    add("--trace-tokens", type=int, default=350, help="assumed length of a trace")
    add(
        "--right-rate", type=float, default=0.65, help="assumed share of right verdicts"
    )
    add("--draws", type=int, default=3, help="draws of the verdicts")
    args = parser.parse_args()
    if find_spec("vllm") is None:
        print(
            "tokens of a judge: left out, since vLLM is not installed in "
            f"{sys.prefix}. Hint: make .venv-vllm"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), args)
        kept = [bench.measure(workload) for workload in WORKLOADS]
    sys.exit(0 if all(kept) else 1)


class Bench:
    """One engine, and what is asked of it in every layout."""

    def __init__(self, folder: Path, args: argparse.Namespace) -> None:
        self.folder = folder
        self.args = args
        self.template = load_template(
            ROOT / "scripts" / "templates" / "judge.txt", *JUDGE_FIELDS
        )
        build_model(folder / "model", self.template)
        settings = EngineSettings(name="vllm", dtype="float32", device="cpu")
        model = str(folder / "model")
        self.engine: Any = open_engine(settings, model, None, journal=folder / "unused")

    def measure(self, workload: Workload) -> bool:
        """Print the tokens of a workload in each layout; True if within bounds."""
        args = self.args
        pairs = list(make_pairs(self.folder, args.images, workload))
        naive = self.ask(self.requests(pairs, workload, text_first=True))
        layout = self.ask(self.requests(pairs, workload))
        prompts = [cost.num_prompt_tokens for cost in naive.values()]
        assert min(prompts) >= MIN_PROMPT_TOKENS
        print(
            f"judge tokens, traces a pair and order: {workload.num_samples}, questions "
            f"an image: {workload.num_questions}; {len(pairs)} pairs, prompts of "
            f"{min(prompts)} to {max(prompts)} tokens (measured), traces of "
            f"{args.trace_tokens} tokens and {args.right_rate:.0%} right verdicts "
            f"(assumed), {args.draws} draws of the verdicts"
        )
        tokens = {
            "naive": self.spent(naive.values(), is_cached=False),
            "prefix cache, text first": self.spent(naive.values()),
            "prefix layout": self.spent(layout.values()),
        }
        rows: dict[str, list[float]] = {}
        for seed in range(args.draws):
            judgments = draw_judgments(pairs, workload, args.right_rate, seed)
            num_accepted = count_accepted(pairs, judgments)
            if not num_accepted:
                sys.exit("failed: no trace is accepted. Hint: raise --images")
            for name, count in tokens.items():
                rows.setdefault(name, []).append(count / num_accepted)
        return print_rows(rows, workload)

    def spent(self, costs: Any, is_cached: bool = True) -> int:
        """The computed tokens of requests: prompts, less those cached, and traces."""
        return sum(
            self.args.trace_tokens
            + (cost.num_computed if is_cached else cost.num_prompt_tokens)
            for cost in costs
        )

    def requests(
        self, pairs: Sequence[Pair], workload: Workload, text_first: bool = False
    ) -> list[Request]:
        """What the judging stage asks, as it asks it, or with the image at the end."""
        sampling = Sampling(max_tokens=1, temperature=0.6, top_k=50, top_p=0.9)
        settings = Samples(num_samples=workload.num_samples, sampling=sampling)
        asks = ask_pairs(pairs, (), asking_of("paired", settings), SEED)
        known = {pair.id: pair for pair in pairs}
        templates = {JUDGE_TEMPLATE: self.template}
        requests = list(judgment_requests(known, asks, templates, self.folder))
        return (
            [turn_around(request) for request in requests] if text_first else requests
        )

    def ask(self, requests: Sequence[Request]) -> dict[str, Cost]:
        """The cost of each request, by id, where nothing is cached before."""
        if self.engine.llm is not None:
            assert self.engine.llm.reset_prefix_cache()
        costs = {}
        plan = self.engine.plan_batches(group_by_image(requests))
        self.engine.start()
        for batch in plan:
            for generation in self.engine.generate(batch):
                length = generation.num_prompt_tokens
                computed = length - generation.num_cached_prompt_tokens
                costs[generation.request_id] = Cost(length, computed)
        return costs


def print_rows(rows: dict[str, list[float]], workload: Workload) -> bool:
    """Print a line for each layout; False if the bound is broken."""
    kept = True
    for name, row in rows.items():
        shares = [own / naive for own, naive in zip(row, rows["naive"], strict=True)]
        if workload == BOUND and name == "prefix layout":
            kept = mean(shares) <= MAX_SHARE
        print(
            f"  {name:<26}{mean(row):6.0f} tokens an accepted trace ({min(row):.0f} to "
            f"{max(row):.0f}), {mean(shares):6.1%} of naive ({min(shares):.1%} to "
            f"{max(shares):.1%})",
            flush=True,
        )
    if workload == BOUND:
        print(f"  prefix layout: at most {MAX_SHARE:.0%} of naive")
    return kept


def turn_around(request: Request) -> Request:
    """The same request with the text before the image."""
    (turn,) = request.messages
    content = list(reversed(turn["content"]))
    return msgspec.structs.replace(request, messages=[{**turn, "content": content}])


def make_pairs(folder: Path, num_images: int, workload: Workload) -> Iterator[Pair]:
    """Pairs of long open responses, in the order of their prompts' ids."""
    pairs = []
    for image in range(num_images):
        name = f"{workload.num_samples}-{workload.num_questions}-{image}.png"
        pixels = np.random.default_rng(image).integers(
            0, 255, (IMAGE_PIXELS, IMAGE_PIXELS, 3), dtype=np.uint8
        )
        Image.fromarray(pixels).save(folder / name)
        for number in range(workload.num_questions):
            rng = random.Random(f"{name} {number}")
            prompt_id = content_id(name, number)
            pairs.append(
                Pair(
                    id=content_id("pair", prompt_id),
                    prompt_id=prompt_id,
                    chosen_response_id=content_id(prompt_id, 0),
                    rejected_response_id=content_id(prompt_id, 1),
                    images=(name,),
                    question=prose(rng, QUESTION_WORDS),
                    kind="open",
                    chosen=prose(rng, RESPONSE_WORDS),
                    rejected=prose(rng, RESPONSE_WORDS),
                    origin="alteration",
                    category="object",
                    num_votes=None,
                    num_votes_rejected=None,
                )
            )
    return iter(sorted(pairs, key=lambda pair: pair.prompt_id))


def prose(rng: random.Random, num_words: int) -> str:
    """Words, a full stop after every twelfth."""
    words = rng.choices(WORDS, k=num_words)
    return " ".join(f"{w}." if n % 12 == 11 else w for n, w in enumerate(words))


def draw_judgments(
    pairs: Sequence[Pair], workload: Workload, right_rate: float, seed: int
) -> list[Judgment]:
    """Judgments of both orders, right with a probability of the pair and order.

    That is Beta(rate, 1 - rate), so samples of one pair and order correlate by 0.5.
    """
    judgments = []
    for pair in pairs:
        rng = random.Random(f"{seed} {pair.id}")
        for order in ORDERS:
            probability = rng.betavariate(right_rate, 1 - right_rate)
            for sample in range(workload.num_samples):
                right = chosen_verdict(order)
                letter = right if rng.random() < probability else "BA"[right == "B"]
                judgments.append(
                    Judgment(
                        id=content_id(pair.id, order, sample),
                        pair_id=pair.id,
                        order=order,
                        sample=sample,
                        seed=0,
                        text=f"Verdict: [[{letter}]]",
                        finish_reason="stop",
                    )
                )
    return judgments


def count_accepted(pairs: Sequence[Pair], judgments: Sequence[Judgment]) -> int:
    """How many traces the filter accepts."""
    spec = FILTERS["majority"]
    decided = decide(lambda: join_judgments(pairs, judgments), spec, None, SEED)
    return sum(one.outcomes.count("accepted") for one in decided)


def build_model(folder: Path, template: str) -> None:
    """Write a random Idefics3 that sees long prompts, with a tokenizer of our words."""
    import torch
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
        LlamaConfig,
    )

    from tiny_models import (
        CHAT_TEMPLATE,
        IDEFICS3_SPECIALS,
        TEXT_SIZES,
        VISION_SIZES,
        end_ids,
        save,
        train_tokenizer,
    )

    torch.manual_seed(0)
    tokenizer = train_tokenizer(
        IDEFICS3_SPECIALS, extra_special_tokens={"image_token": "<image>"}
    )
    rng = random.Random(0)
    texts = [template] * 8 + [prose(rng, 60) for _ in range(200)]
    tokenizer = tokenizer.train_new_from_iterator(texts, 2048, show_progress=False)
    tokenizer.model_max_length = 4096
    ids = end_ids(tokenizer)
    config = Idefics3Config(
        vision_config={
            "model_type": "idefics3_vision",
            "num_attention_heads": 2,
            **VISION_SIZES,
            "image_size": IMAGE_PIXELS // 4,
        },
        text_config=LlamaConfig(
            vocab_size=(len(tokenizer) // 64 + 1) * 64,
            num_hidden_layers=2,
            head_dim=32,
            **{**TEXT_SIZES, "max_position_embeddings": 4096},
            **ids,
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        **ids,
    )
    image_processor = Idefics3ImageProcessorPil(
        size={"longest_edge": IMAGE_PIXELS},
        max_image_size={"longest_edge": IMAGE_PIXELS // 4},
        do_image_splitting=True,
    )
    processor = Idefics3Processor(
        image_processor,
        tokenizer,
        image_seq_len=36,
        chat_template=CHAT_TEMPLATE.replace("IMAGE", "<image>"),
    )
    save(Idefics3ForConditionalGeneration(config), processor, ids, folder)


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
