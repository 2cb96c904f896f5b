"""Small records and images for tests; every field has a plain default."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from PIL import Image

from selfjudge.benchmarks.collections import asking_of
from selfjudge.benchmarks.protocols import Protocol
from selfjudge.benchmarks.scores import Release
from selfjudge.benchmarks.votes import PairOutcome, cast_votes, select_votes, settle
from selfjudge.ground.lines import content_id
from selfjudge.ground.records import (
    Altered,
    Ask,
    BenchmarkRow,
    Judgment,
    Pair,
    Prompt,
    Response,
)
from selfjudge.ground.requests import Generation, Request, Samples, Sampling
from selfjudge.judging.asks import ask_pairs
from selfjudge.pairs.alterations import AlterationBounds

BOUNDS = AlterationBounds(
    min_length_rate=0.5, max_length_rate=2.0, min_overlap_rate=0.5
)


def make_prompt(number: int = 0, **changes: Any) -> Prompt:
    """A closed prompt that asks for a number."""
    prompt = Prompt(
        id=content_id("prompt", number),
        images=("a.png",),
        image_sha256s=("0" * 64,),
        question="How many dogs are there?",
        kind="closed",
        answer_format="number",
        answer=None,
        source="test",
    )
    return msgspec.structs.replace(prompt, **changes)


def make_responses(prompt: Prompt, *texts: str) -> list[Response]:
    """The responses with these texts to a prompt."""
    return [
        Response(
            id=content_id(prompt.id, sample),
            prompt_id=prompt.id,
            sample=sample,
            seed=sample,
            text=text,
            finish_reason="stop",
        )
        for sample, text in enumerate(texts)
    ]


def make_altered(response: Response, text: str, **changes: Any) -> Altered:
    """A rewrite of a response."""
    altered = Altered(
        id=content_id(response.id, text),
        response_id=response.id,
        prompt_id=response.prompt_id,
        category="count",
        seed=0,
        text=text,
        finish_reason="stop",
    )
    return msgspec.structs.replace(altered, **changes)


def make_pair(number: int = 0, **changes: Any) -> Pair:
    """A closed pair by majority."""
    pair = Pair(
        id=content_id("pair", number),
        prompt_id=content_id("prompt", number),
        chosen_response_id=content_id("response", number, 0),
        rejected_response_id=content_id("response", number, 1),
        images=("a.png",),
        question="How many dogs are there?",
        kind="closed",
        chosen="There are 3 dogs.",
        rejected="There are 4 dogs.",
        origin="majority_answer",
        category=None,
        num_votes=5,
        num_votes_rejected=1,
    )
    return msgspec.structs.replace(pair, **changes)


def make_row(pair: Pair, number: int = 0, **changes: Any) -> BenchmarkRow:
    """The row of a pair in a release that has chosen first."""
    row = BenchmarkRow(
        pair_id=pair.id,
        row=number,
        release_id=f"wildvision-{number}",
        subset="wildvision",
        split=pair.category or "general",
        chosen_first=True,
    )
    return msgspec.structs.replace(row, **changes)


def make_release(**changes: Any) -> Release:
    """A release of VL-RewardBench that nobody knows."""
    release = Release(
        format="vl_rewardbench",
        name=None,
        source_sha256="0" * 64,
        revision=None,
        num_rows=1,
        num_pairs=1,
        warnings=[],
    )
    return msgspec.structs.replace(release, **changes)


def make_judgment(pair: Pair, order: str, text: str, **changes: Any) -> Judgment:
    """A judgment of a pair; by default its first sample."""
    fields = {"sample": 0, "seed": 0, "finish_reason": "stop"} | changes
    return msgspec.convert(
        {
            "id": content_id(pair.id, order, fields["sample"], text),
            "pair_id": pair.id,
            "order": order,
            "text": text,
            **fields,
        },
        Judgment,
    )


def judge_both(pair: Pair, first: str, second: str, **changes: Any) -> list[Judgment]:
    """One judgment in each order, that end in these verdicts."""
    return [
        make_judgment(pair, "chosen_first", f"Verdict: [[{first}]]", **changes),
        make_judgment(pair, "rejected_first", f"Verdict: [[{second}]]", **changes),
    ]


def generate(request: Request, text: str) -> Generation:
    """What an engine would say to a request."""
    return Generation(
        request_id=request.id,
        text=text,
        finish_reason="stop",
        num_prompt_tokens=1,
        num_output_tokens=1,
    )


@cache
def image_bytes(
    mode: str = "RGB", size: tuple[int, int] = (4, 3), kind: str = "PNG", color: Any = 0
) -> bytes:
    """An image file of one colour."""
    buffer = BytesIO()
    Image.new(mode, size, color).save(buffer, kind)
    return buffer.getvalue()


def write_lines(path: Path, *lines: str | bytes) -> Path:
    """Write a text file with these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = (line.encode() if isinstance(line, str) else line for line in lines)
    path.write_bytes(b"".join(line + b"\n" for line in encoded))
    return path


def score_pair_under(
    pair: Pair,
    row: BenchmarkRow,
    judgments: Sequence[Judgment],
    protocol: Protocol,
    coin: Random,
) -> PairOutcome:
    """The outcome of one pair by the steps that scoring takes with all of them."""
    votes = select_votes(pair, row, cast_votes(judgments, protocol), protocol)
    return settle(pair, row, votes, protocol, coin)


def ask_both_orders(
    pairs: Iterable[Pair], num_samples: int, sampling: Sampling, seed: int
) -> Iterator[Ask]:
    """The asks about pairs as the loop asks: both orders, our own template."""
    settings = Samples(num_samples=num_samples, sampling=sampling)
    return ask_pairs(pairs, (), asking_of("paired", settings), seed)
