"""Real rows of the benchmarks, where this machine has them, as releases on disk."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from examples import image_bytes, make_judgment
from selfjudge.benchmarks.preparing import Prepared, prepare_benchmark
from selfjudge.benchmarks.protocols import Protocol
from selfjudge.benchmarks.registry import FORMATS
from selfjudge.benchmarks.scores import ScoredJudge, Scores, release_of
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.ground.records import BenchmarkRow, Judgment, Pair

VARIABLE = "SELFJUDGE_BENCHMARK_DATA"
PIXELS = 1_000_000
VLRB_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("query", pa.string()),
        ("response", pa.list_(pa.string())),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("human_ranking", pa.list_(pa.int64())),
        ("models", pa.list_(pa.string())),
        ("judge", pa.string()),
        ("rationale", pa.string()),
        ("query_source", pa.string()),
        ("ground_truth", pa.string()),
    ]
)
MMRB_FILES = (
    "knowledge",
    "open_generation_correctness_task",
    "open_generation_preference_task",
    "reasoning",
    "safety",
    "vqa",
)


def data_folder() -> Path:
    """The folder of published rows; skips the test where there is none."""
    if VARIABLE not in os.environ:
        pytest.skip(f"{VARIABLE} is not set: no published rows on this machine")
    return Path(os.environ[VARIABLE])


def read_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a JSON or JSON Lines file of the data folder."""
    text = (data_folder() / name).read_text(encoding="utf-8")
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in text.splitlines()]
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def picture(name: str) -> bytes:
    """An image that differs with its name: the real ones are not here."""
    red, green, blue, *_ = hashlib.sha256(name.encode()).digest()
    return image_bytes(color=(red, green, blue))


def write_vlrb(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write rows as the Hub serves them: parquet, images inside."""
    table = [
        {key: row.get(key) for key in VLRB_SCHEMA.names}
        | {"image": {"bytes": picture(name), "path": name}}
        for row in rows
        for name in [row.get("image") or row["image_path"]]
    ]
    parquet.write_table(pa.Table.from_pylist(table, schema=VLRB_SCHEMA), path)
    return path


def prepare_vlrb(folder: Path, rows: Iterable[dict[str, Any]]) -> Prepared:
    """Rows of VL-RewardBench, written and prepared."""
    source = write_vlrb(folder / "test.parquet", rows)
    return prepare_benchmark(
        "vlrb", FORMATS["vl_rewardbench"], source, folder / "images", PIXELS
    )


def prepare_mmrb(folder: Path, rows: Sequence[dict[str, Any]]) -> Prepared:
    """Rows of Multimodal RewardBench, written with images beside, and prepared."""
    source = folder / "data" / "all_data.json"
    for name in {row["Image"] for row in rows}:
        (source.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (source.parent / name).write_bytes(picture(name))
    source.write_text(json.dumps(list(rows)))
    images = folder / "images"
    release = FORMATS["multimodal_rewardbench"]
    return prepare_benchmark("mmrb", release, source, images, PIXELS)


def judge_rows(
    prepared: Prepared, ask: Callable[[Pair, BenchmarkRow], Iterable[tuple[str, str]]]
) -> list[Judgment]:
    """A judgment for every order and text that ``ask`` yields; samples count up."""
    pairs = {pair.id: pair for pair in prepared.pairs}
    judgments = []
    for row in prepared.rows:
        seen: dict[str, int] = {}
        pair = pairs[row.pair_id]
        for order, text in ask(pair, row):
            sample = seen.get(order, 0)
            seen[order] = sample + 1
            judgments.append(make_judgment(pair, order, text, sample=sample))
    return judgments


def score(
    prepared: Prepared, protocol: Protocol, judgments: Iterable[Judgment]
) -> Scores:
    """The scores of these judgments."""
    return score_benchmark(
        ScoredJudge(prepared.manifest.benchmark, 0, "base"),
        protocol,
        release_of(prepared.manifest),
        prepared.pairs,
        prepared.rows,
        judgments,
    )


def accuracies(scores: Scores) -> dict[str, float | None]:
    """The accuracy of every group and average."""
    return {row.group: row.accuracy for row in scores.rows}


def both_orders(prefers_chosen: bool) -> list[tuple[str, str]]:
    """The judgments of a judge that is right, or wrong, in both orders."""
    first, second = ("A", "B") if prefers_chosen else ("B", "A")
    return [
        ("chosen_first", f"Verdict: [[{first}]]"),
        ("rejected_first", f"Verdict: [[{second}]]"),
    ]


ALWAYS_FIRST = [
    ("chosen_first", "Verdict: [[A]]"),
    ("rejected_first", "Verdict: [[A]]"),
]
