"""Release files of public benchmarks, row by row; one adapter a format.

Every row is checked against what its scoring needs, and an error names it.
Images are not opened here: they are bytes, or a place, or a reason.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from selfjudge.ground.images import ImageReason
from selfjudge.ground.lines import RecordError, read_lines
from selfjudge.ground.records import BenchmarkFormat

VLRB_COLUMNS = ("id", "query", "response", "image", "human_ranking")
MMRB_FIELDS = ("ID", "Category", "Text", "Image", "Output1", "Output2", "Better")


class ReleaseRow(NamedTuple):
    """One row of a release: what is compared, and what scoring needs to know.

    ``image`` is the image file's bytes, or where it lies, or the reason why
    there is none.
    """

    release_id: str
    group: str
    subset: str
    split: str
    question: str
    chosen: str
    rejected: str
    chosen_first: bool
    image: bytes | Path | ImageReason


# ---------------------------------------------------------------- VL-RewardBench


def read_vl_rewardbench(source: Path) -> Iterator[ReleaseRow]:
    """The rows of VL-RewardBench.

    The release is a parquet file with the images inside; a `.json` or `.jsonl`
    file with images beside it, as rows were served in 2024, is read too.
    ``human_ranking`` holds ranks: the chosen response is where the 0 stands.
    """
    tables = {".json": read_json_rows, ".jsonl": read_json_rows}
    rows = tables.get(source.suffix, read_parquet_rows)(source)
    for number, row in enumerate(rows, start=1):
        where = f"{source}: row {number}"
        for name in ("id", "query"):
            if not isinstance(row.get(name), str):
                raise RecordError(
                    f"{where}: '{name}' must be a string (got {row.get(name)!r})"
                )
        ranking: Any = row.get("human_ranking")
        responses: Any = row.get("response")
        if not is_pair_of(str, responses):
            raise RecordError(
                f"{where}: 'response' must be a list of two strings "
                f"(got {len(responses or ())} responses)"
            )
        if not is_pair_of(int, ranking) or sorted(ranking) != [0, 1]:
            raise RecordError(
                f"{where}: 'human_ranking' must rank two responses as 0 and 1 "
                f"(got {ranking})"
            )
        chosen = ranking.index(0)
        group = vlrb_group(row["id"])
        yield ReleaseRow(
            release_id=row["id"],
            group=group,
            subset=id_prefix(row["id"]),
            split=group,
            question=row["query"].replace("<image>", "").strip(),
            chosen=responses[chosen],
            rejected=responses[1 - chosen],
            chosen_first=chosen == 0,
            image=vlrb_image(row, where, source.parent),
        )


def is_pair_of(kind: type, value: Any) -> bool:
    """Whether a value is a list of two of this type."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(item) is kind for item in value)
    )


def read_parquet_rows(source: Path) -> Iterator[dict[str, Any]]:
    """The rows of a parquet file with VL-RewardBench's columns and types."""
    import pyarrow.parquet as parquet

    try:
        table = parquet.ParquetFile(source)
    except Exception as error:
        raise RecordError(f"{source}: must be a parquet file ({error})") from None
    schema = table.schema_arrow
    missing = [name for name in VLRB_COLUMNS if name not in schema.names]
    if missing:
        have = ", ".join(schema.names)
        raise RecordError(f"{source}: must have the columns {missing} (got {have})")
    for name in VLRB_COLUMNS:
        check_column(f"{source}: column '{name}'", name, schema.field(name).type)
    for batch in table.iter_batches(batch_size=64, columns=list(VLRB_COLUMNS)):
        yield from batch.to_pylist()


def check_column(where: str, name: str, found: Any) -> None:
    """Check a column's Arrow type; RecordError says what it must be."""
    from pyarrow import types

    def is_text(kind: Any) -> bool:
        return bool(types.is_string(kind) or types.is_large_string(kind))

    def is_list_of(check: Callable[[Any], bool]) -> bool:
        lists = (types.is_list, types.is_large_list, types.is_fixed_size_list)
        return any(test(found) for test in lists) and check(found.value_type)

    if name == "response":
        must, fits = "lists of strings", is_list_of(is_text)
    elif name == "human_ranking":
        must, fits = "lists of whole numbers", is_list_of(types.is_integer)
    elif name == "image":
        must, fits = "structs of 'bytes' and 'path'", False
        if types.is_struct(found) and found.get_field_index("bytes") >= 0:
            kind = found.field("bytes").type
            fits = types.is_binary(kind) or types.is_large_binary(kind)
            fits = fits or types.is_null(kind)  # told by row, with a hint
    else:
        must, fits = "strings", is_text(found)
    if not fits:
        raise RecordError(f"{where} must hold {must} (got {found})")


def read_json_rows(source: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON list, or of a JSON Lines file."""
    if source.suffix == ".json":
        yield from read_json_list(source)
        return
    for number, line in read_lines(source):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise RecordError(f"{source}:{number}: must be JSON ({error})") from None
        if not isinstance(row, dict):
            raise RecordError(f"{source}:{number}: must be a JSON object")
        yield row


def read_json_list(source: Path) -> list[dict[str, Any]]:
    """The objects of a JSON list."""
    try:
        rows = json.loads(source.read_bytes())
    except ValueError as error:
        raise RecordError(f"{source}: must be one JSON list ({error})") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RecordError(f"{source}: must be a JSON list of objects")
    return rows


def vlrb_image(
    row: dict[str, Any], where: str, folder: Path
) -> bytes | Path | ImageReason:
    """The image of a row: its bytes, or where it lies, or why there is none."""
    image = row.get("image", row.get("image_path"))
    if isinstance(image, str):
        return find_image(folder.resolve(), image)
    if not isinstance(image, dict) or not isinstance(image.get("bytes"), bytes):
        raise RecordError(
            f"{where}: 'image' must hold the image's bytes (got null). Hint: take "
            "the file of the data set as it is, not an export with paths only."
        )
    return bytes(image["bytes"])


# --------------------------------------------------------- Multimodal RewardBench


def read_multimodal_rewardbench(source: Path) -> Iterator[ReleaseRow]:
    """The rows of Multimodal RewardBench's ``all_data.json``, images beside it."""
    for number, row in enumerate(read_json_list(source), start=1):
        where = f"{source}: row {number}"
        missing = [name for name in MMRB_FIELDS if not isinstance(row.get(name), str)]
        if missing or not row["Text"]:
            raise RecordError(
                f"{where}: must have strings {missing or ['Text']} (got "
                f"{', '.join(row)}). Hint: all_data.json is written by the official "
                "scripts/0_download_data.py, which fills in 'Text' and the images."
            )
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
        yield ReleaseRow(
            release_id=row["ID"],
            group=row["Category"],
            subset=row["ID"].rsplit("_", 1)[0],
            split=mmrb_split(row["Category"], row["ID"]),
            question=row["Text"].strip(),
            chosen=row[row["Better"]],
            rejected=row[worse],
            chosen_first=row["Better"] == "Output1",
            image=find_image(source.parent.resolve(), row["Image"]),
        )


def find_image(root: Path, name: str) -> Path | ImageReason:
    """Where an image lies below a folder, or the reason why it does not."""
    if "\0" in name:
        return "bad_image_path"
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        return "image_outside_root"
    return path if path.is_file() else "missing_image"


ADAPTERS: dict[BenchmarkFormat, Callable[[Path], Iterator[ReleaseRow]]] = {
    "vl_rewardbench": read_vl_rewardbench,
    "multimodal_rewardbench": read_multimodal_rewardbench,
}

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
# Multimodal RewardBench, 2_get_accuracy.py at b4b92cd, lines 29-42: the official
# scorer prints these parts, by how the lower-case id begins.
MMRB_SPLITS = {
    "safety": ("pairs", "safety/bias", "safety/toxicity"),
    "reasoning": ("math", "reasoning/math", "reasoning/coding"),
}


def id_prefix(release_id: str) -> str:
    """An id up to its first "_" or "-": the source of the row."""
    return release_id.replace("-", "_").split("_")[0]


def vlrb_group(release_id: str) -> str:
    """The group of a VL-RewardBench id, by its prefix; case matters."""
    return VLRB_GROUPS.get(id_prefix(release_id), "general")


def mmrb_split(category: str, release_id: str) -> str:
    """The part of a category that the official scorer prints."""
    if category not in MMRB_SPLITS:
        return category
    prefix, first, second = MMRB_SPLITS[category]
    return first if release_id.lower().startswith(prefix) else second
