"""Write the embedded world's prompts and benchmarks.

Reads nothing.  Writes below --out: images/ and prompts.jsonl (what the workflow
imports), scenes.jsonl (what each of these images truly shows, for measure_truth.py
alone), vlrb/test.parquet (VL-RewardBench's columns), mmrb/all_data.json with
mmrb/images/ (Multimodal RewardBench's layout) and criteria/pairs.jsonl with
criteria/images/ (labelled pairs by criterion).  The same options give the same
bytes.  The benchmarks do not depend on --seed.
"""

import argparse
import hashlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from world import OPEN_QUESTIONS, Picture, Scene, ask_any, render, sample_scene
from world_benchmarks import (
    DEVELOPMENT_SEED,
    FINAL_SEED,
    build_criteria,
    build_mmrb,
    build_vlrb,
)

# What the loop may learn from; "compare" is left to the benchmarks.
PROMPT_FAMILIES = (
    *("count_kind", "count_color", "total", "at", "color"),
    *("where", "exists", "relation", "choice"),
)
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


def encode_png(picture: Picture) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def draw_prompts(
    seed: int, kind: str, number: int
) -> Iterator[tuple[dict[str, Any], Scene, Picture]]:
    """Prompts without `images`, scenes, pictures; a longer run starts the same."""
    for place in range(number):
        rng = Random(f"prompts/{seed}/{kind}/{place}")
        if kind == "open":
            scene = sample_scene(rng, (2, 3))
            row = {
                "question": rng.choice(OPEN_QUESTIONS),
                "answer": None,
                "source": "demo/describe",
                "kind": "open",
            }
        else:
            scene = sample_scene(rng)
            question = ask_any(scene, PROMPT_FAMILIES, rng)
            row = {
                "question": question.text,
                "answer": question.answer,
                "source": f"demo/{question.family}",
                "kind": "closed",
                "answer_format": question.answer_format,
            }
        yield row, scene, render(scene, rng)


def write_prompts(out: Path, seed: int, num_closed: int, num_open: int) -> int:
    """Write images, prompts.jsonl and scenes.jsonl; the number of prompts."""
    lines, scenes = [], []
    for kind, number in (("closed", num_closed), ("open", num_open)):
        for row, scene, picture in draw_prompts(seed, kind, number):
            data = encode_png(picture)
            digest = hashlib.sha256(data).hexdigest()[:16]
            name = f"{digest[:2]}/{digest}.png"
            write_bytes(out / "images" / name, data)
            lines.append(json.dumps({"images": [name], **row}) + "\n")
            claims = [thing.claim for thing in scene]
            scenes.append(json.dumps({"image": name, "claims": claims}) + "\n")
    write_bytes(out / "prompts.jsonl", "".join(lines).encode())
    write_bytes(out / "scenes.jsonl", "".join(scenes).encode())
    return len(lines)


def write_vlrb(out: Path, number: int, seed: str) -> None:
    """Write the parquet file in the columns of the public one."""
    rows = []
    for row, picture in build_vlrb(number, seed):
        image = {"bytes": encode_png(picture), "path": f"{row['id']}.png"}
        rows.append(row | {"image": image})
    path = out / "vlrb" / "test.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=VLRB_SCHEMA), path)


def write_mmrb(out: Path, number: int, seed: str) -> None:
    """Write all_data.json and its images."""
    rows = build_mmrb(number, seed)
    for row, picture in rows:
        write_bytes(out / "mmrb" / row["Image"], encode_png(picture))
    text = json.dumps([row for row, _ in rows], indent=1) + "\n"
    write_bytes(out / "mmrb" / "all_data.json", text.encode())


def write_criteria(out: Path, number: int, seed: str) -> None:
    """Write the rows of so many prompts as JSON Lines, and their images."""
    lines = []
    for row, picture in build_criteria(number, seed):
        name = f"{row['id'].partition('_')[0]}.png"
        write_bytes(out / "criteria" / "images" / name, encode_png(picture))
        lines.append(json.dumps({"images": [name], **row}) + "\n")
    write_bytes(out / "criteria" / "pairs.jsonl", "".join(lines).encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="of the prompts only")
    parser.add_argument("--num-closed", type=int, default=2000)
    parser.add_argument("--num-open", type=int, default=1200)
    parser.add_argument("--num-vlrb", type=int, default=420)
    parser.add_argument("--num-mmrb", type=int, default=200)
    parser.add_argument("--num-criteria", type=int, default=15, help="prompts")
    parser.add_argument(
        "--development",
        action="store_true",
        help="benchmarks for tuning, disjoint from the ones to report",
    )
    parser.add_argument("--out", type=Path, default=Path("data"))
    return parser.parse_args()


def main() -> None:
    """Write all files and say what was written."""
    options = parse_options()
    seed = DEVELOPMENT_SEED if options.development else FINAL_SEED
    total = write_prompts(
        options.out, options.seed, options.num_closed, options.num_open
    )
    write_vlrb(options.out, options.num_vlrb, seed)
    write_mmrb(options.out, options.num_mmrb, seed)
    write_criteria(options.out, options.num_criteria, seed)
    print(
        f"note: {total} prompts, {options.num_vlrb} rows of VL-RewardBench,"
        f" {options.num_mmrb} of Multimodal RewardBench, and {options.num_criteria}"
        " prompts by criterion",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
