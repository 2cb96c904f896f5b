"""Public benchmark releases to pairs; one adapter a release format.

Neither benchmark's ids are unique and the order of the responses leaks the
label, so a pair is keyed by its row and content, and which response stands
first is decided when judgments are asked for, never by the file.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import Image

from selfjudge.images import ImageReason, check_image
from selfjudge.records import Pair, RecordError, content_id, file_sha256, writing

BenchmarkFormat = Literal["vl_rewardbench", "multimodal_rewardbench"]

# VL-RewardBench, cal.py at 9b10abd, lines 39-62: the id up to its first "_" or
# "-" is the source; a source that is not named here is general.
VLRB_GROUPS = {
    "hallucination": "hallucination",
    "RLAIF": "hallucination",
    "RLHF": "hallucination",
    "mathverse": "reasoning",
    "mmmu": "reasoning",
}
MMRB_CATEGORIES = (
    "open_generation/correctness_task",
    "open_generation/preference_task",
    "knowledge",
    "reasoning",
    "safety",
    "vqa",
)
VLRB_COLUMNS = ("id", "query", "response", "image", "human_ranking")
MMRB_FIELDS = ("ID", "Category", "Text", "Image", "Output1", "Output2", "Better")


class BenchmarkRow(NamedTuple):
    """One row of a release: what is compared, and its group.

    ``image`` is the image file's bytes, or the reason why there are none.
    """

    row_id: str
    group: str
    question: str
    chosen: str
    rejected: str
    image: bytes | ImageReason


def read_vl_rewardbench(source: Path) -> Iterator[BenchmarkRow]:
    """The rows of VL-RewardBench's parquet file (images inside).

    ``human_ranking`` holds ranks: the chosen response is where the 0 stands.
    """
    import pyarrow.parquet as parquet

    try:
        table = parquet.ParquetFile(source)
    except Exception as error:
        raise RecordError(f"{source}: must be a parquet file ({error})") from None
    missing = [name for name in VLRB_COLUMNS if name not in table.schema_arrow.names]
    if missing:
        have = ", ".join(table.schema_arrow.names)
        raise RecordError(f"{source}: must have the columns {missing} (got {have})")
    number = 0
    for batch in table.iter_batches(batch_size=64, columns=list(VLRB_COLUMNS)):
        for row in batch.to_pylist():
            number += 1
            for name in ("id", "query"):
                if not isinstance(row[name], str):
                    raise RecordError(
                        f"{source}: row {number}: '{name}' must be a string "
                        f"(got {row[name]!r})"
                    )
            ranking, responses = row["human_ranking"], row["response"]
            if sorted(ranking or []) != [0, 1] or len(responses or []) != 2:
                raise RecordError(
                    f"{source}: row {number}: 'human_ranking' must rank two responses "
                    f"as 0 and 1 (got {ranking} for {len(responses or [])} responses)"
                )
            chosen = ranking.index(0)
            image = (row["image"] or {}).get("bytes")
            yield BenchmarkRow(
                row_id=row["id"],
                group=vlrb_group(row["id"]),
                question=row["query"].replace("<image>", "").strip(),
                chosen=responses[chosen],
                rejected=responses[1 - chosen],
                image="missing_image" if image is None else image,
            )


def vlrb_group(row_id: str) -> str:
    """The group of a VL-RewardBench id, by its prefix; case matters."""
    prefix = row_id.replace("-", "_").split("_")[0]
    return VLRB_GROUPS.get(prefix, "general")


def read_multimodal_rewardbench(source: Path) -> Iterator[BenchmarkRow]:
    """The rows of Multimodal RewardBench's ``all_data.json``, images beside it."""
    try:
        rows = json.loads(source.read_bytes())
    except ValueError as error:
        raise RecordError(f"{source}: must be one JSON list ({error})") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RecordError(f"{source}: must be a JSON list of objects")
    for number, row in enumerate(rows, start=1):
        where = f"{source}: row {number}"
        missing = [name for name in MMRB_FIELDS if not isinstance(row.get(name), str)]
        if missing:
            have = ", ".join(row)
            raise RecordError(f"{where}: must have strings {missing} (got {have})")
        if row["Better"] not in ("Output1", "Output2"):
            raise RecordError(
                f"{where}: 'Better' must be 'Output1' or 'Output2' "
                f"(got {row['Better']!r})"
            )
        if row["Category"] not in MMRB_CATEGORIES:
            known = ", ".join(MMRB_CATEGORIES)
            raise RecordError(
                f"{where}: 'Category' must be one of {known} (got {row['Category']!r})"
            )
        worse = "Output2" if row["Better"] == "Output1" else "Output1"
        yield BenchmarkRow(
            row_id=row["ID"],
            group=row["Category"],
            question=row["Text"].strip(),
            chosen=row[row["Better"]],
            rejected=row[worse],
            image=read_image(source.parent.resolve(), row["Image"]),
        )


def read_image(root: Path, name: str) -> bytes | ImageReason:
    """The bytes of an image below a folder, or the reason why there are none."""
    if "\0" in name:
        return "bad_image_path"
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        return "image_outside_root"
    return path.read_bytes() if path.is_file() else "missing_image"


ADAPTERS: dict[BenchmarkFormat, Callable[[Path], Iterator[BenchmarkRow]]] = {
    "vl_rewardbench": read_vl_rewardbench,
    "multimodal_rewardbench": read_multimodal_rewardbench,
}


def prepare_benchmark(
    benchmark: str, release: BenchmarkFormat, source: Path, images: Path, pixels: int
) -> tuple[list[Pair], dict[str, Any]]:
    """The pairs of a release in prompt order, and its manifest.

    Images are written below ``images`` under their own sha256, bytes as they
    are.  A row whose image cannot be read is left out, counted and named in the
    manifest.  ``pixels`` is the largest image accepted.
    """
    pairs: list[Pair] = []
    dropped: list[dict[str, Any]] = []
    modes: Counter[str] = Counter()
    number = -1
    for number, row in enumerate(ADAPTERS[release](source)):
        name, found = store_image(row.image, images, pixels)
        if name is None:
            dropped.append({"row": number, "id": row.row_id, "reason": found})
            continue
        modes[found] += 1
        pairs.append(to_pair(benchmark, number, row, name))
    pairs.sort(key=lambda pair: (pair.prompt_id, pair.id))
    manifest = {
        "benchmark": benchmark,
        "format": release,
        "source": source.name,
        "source_sha256": file_sha256(source),
        "num_rows": number + 1,
        "num_pairs": len(pairs),
        "groups": dict(sorted(Counter(pair.category for pair in pairs).items())),
        "dropped": dropped,
        "image_modes": dict(sorted(modes.items())),
    }
    return pairs, manifest


def store_image(
    content: bytes | ImageReason, folder: Path, pixels: int
) -> tuple[str | None, str]:
    """The stored image's name below the folder and its mode, or None and why not."""
    if isinstance(content, str):
        return None, content
    digest = hashlib.sha256(content).hexdigest()
    try:
        with Image.open(BytesIO(content)) as image:
            suffix = (image.format or "bin").lower()
    except (OSError, SyntaxError, ValueError):
        return None, "unreadable_image" if content else "empty_image"
    name = f"{digest[:2]}/{digest}.{suffix}"
    if not (folder / name).exists():
        with writing(folder / name) as file:
            file.write(content)
    found = check_image(folder, name, pixels)
    return (None, found) if found.endswith("_image") else (name, found)


def to_pair(benchmark: str, number: int, row: BenchmarkRow, image: str) -> Pair:
    """A release row as a pair, keyed by row index and content."""
    return Pair(
        id=content_id(benchmark, number, image, row.question, row.chosen, row.rejected),
        prompt_id=content_id(benchmark, image, row.question),
        images=(image,),
        question=row.question,
        kind="open",
        chosen=row.chosen,
        rejected=row.rejected,
        origin="benchmark",
        category=row.group,
        num_votes=None,
        num_votes_rejected=None,
    )
