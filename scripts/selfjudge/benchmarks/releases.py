"""Release files row by row: what every benchmark's reader gives, and reads with.

Every row is checked against what its scoring needs, and an error names it.
Images are not opened here: they are bytes, or a place, or a reason.
"""

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from selfjudge.ground.images import ImageReason
from selfjudge.ground.lines import RecordError, read_lines, writing

# Why a row that is well-formed is no pair to score; counted and named.
Refusal = Literal["tie", "equal_responses", "repeated_id", "images_in_responses"]
ColumnKind = Literal["text", "texts", "numbers", "image"]


class ReleaseRow(NamedTuple):
    """One row of a release: what is compared, and what scoring needs to know.

    Each of ``images`` is the image file's bytes, or where it lies, or the reason
    why there is none.  ``criterion`` is what alone decides, in words for a judge;
    ``prompt`` the release's own name of the prompt, None where images and question
    make it.  With ``refused`` the row is left out.
    """

    release_id: str
    group: str
    subset: str
    split: str
    question: str
    chosen: str
    rejected: str
    chosen_first: bool
    images: tuple[bytes | Path | ImageReason, ...]
    criterion: str | None = None
    prompt: str | None = None
    refused: Refusal | None = None


def read_table(
    source: Path, columns: Mapping[str, ColumnKind]
) -> Iterator[dict[str, Any]]:
    """The rows of a JSON, JSON Lines or parquet file; in parquet with these columns.

    What is no `.json` and no `.jsonl` is parquet.
    """
    if source.suffix in (".json", ".jsonl"):
        return read_json_rows(source)
    return read_parquet_rows(source, columns)


def read_parquet_rows(
    source: Path, columns: Mapping[str, ColumnKind]
) -> Iterator[dict[str, Any]]:
    """The rows of a parquet file that has these columns, of these kinds."""
    import pyarrow.parquet as parquet
    from pyarrow import ArrowException

    try:
        table = parquet.ParquetFile(source)
    except Exception as error:
        raise RecordError(f"{source}: must be a parquet file ({error})") from None
    schema = table.schema_arrow
    missing = [name for name in columns if name not in schema.names]
    if missing:
        have = ", ".join(schema.names)
        raise RecordError(f"{source}: must have the columns {missing} (got {have})")
    for name, kind in columns.items():
        check_column(f"{source}: column '{name}'", kind, schema.field(name).type)
    try:
        for batch in table.iter_batches(batch_size=64, columns=list(columns)):
            yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        why = " ".join(str(error).split())
        raise RecordError(f"{source}: must be a parquet file ({why})") from None


def join_files(sources: Sequence[Path], target: Path) -> None:
    """Write one file as it is, or the rows of several parquet files in their order.

    Raises RecordError if one of several is no parquet file of the first one's columns.
    """
    import pyarrow.parquet as parquet

    if len(sources) == 1:
        with writing(target) as file:
            file.write(sources[0].read_bytes())
        return
    opened = []
    for source in sources:
        try:
            opened.append(parquet.ParquetFile(source))
        except Exception as error:
            raise RecordError(f"{source}: must be a parquet file ({error})") from None
        if opened[-1].schema_arrow != opened[0].schema_arrow:
            raise RecordError(f"{source}: must have the columns of {sources[0]}")
    schema = opened[0].schema_arrow
    with writing(target) as file, parquet.ParquetWriter(file, schema) as joined:
        for part in opened:
            for batch in part.iter_batches(batch_size=64):
                joined.write_batch(batch)


def check_column(where: str, kind: ColumnKind, found: Any) -> None:
    """Check a column's Arrow type; RecordError says what it must be."""
    from pyarrow import types

    def is_text(kind: Any) -> bool:
        return bool(types.is_string(kind) or types.is_large_string(kind))

    def is_list_of(check: Callable[[Any], bool]) -> bool:
        lists = (types.is_list, types.is_large_list, types.is_fixed_size_list)
        return any(test(found) for test in lists) and check(found.value_type)

    if kind == "texts":
        must, fits = "lists of strings", is_list_of(is_text)
    elif kind == "numbers":
        must, fits = "lists of whole numbers", is_list_of(types.is_integer)
    elif kind == "image":
        must, fits = "structs of 'bytes' and 'path'", False
        if types.is_struct(found) and found.get_field_index("bytes") >= 0:
            held = found.field("bytes").type
            fits = types.is_binary(held) or types.is_large_binary(held)
            fits = fits or types.is_null(held)  # told by row, with a hint
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


def read_json_list(source: Path, key: str | None = None) -> list[dict[str, Any]]:
    """The objects of a JSON list, which may stand under a key of one object."""
    try:
        rows = json.loads(source.read_bytes())
    except ValueError as error:
        must = "one JSON list" if key is None else f"one JSON object with '{key}'"
        raise RecordError(f"{source}: must be {must} ({error})") from None
    if key is not None:
        rows = rows.get(key) if isinstance(rows, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        place = "" if key is None else f" under '{key}'"
        raise RecordError(f"{source}: must be a JSON list of objects{place}")
    return rows


def check_texts(where: str, row: Mapping[str, Any], *names: str) -> None:
    """Check that these fields of a row are strings."""
    for name in names:
        if not isinstance(row.get(name), str):
            raise RecordError(
                f"{where}: '{name}' must be a string (got {row.get(name)!r})"
            )


def read_image(
    row: Mapping[str, Any], where: str, folder: Path
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


def find_image(root: Path, name: str) -> Path | ImageReason:
    """Where an image lies below a folder, or the reason why it does not."""
    try:
        path = Path(os.path.realpath(root / name))
        if not path.is_relative_to(root):
            return "image_outside_root"
        return path if path.is_file() else "missing_image"
    except ValueError:  # a zero byte, or what UTF-8 does not write
        return "bad_image_path"
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # as an image in base64 is
            return "bad_image_path"
        raise
