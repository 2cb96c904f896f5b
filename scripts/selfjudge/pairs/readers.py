"""Files and folders that people have as rows, each by the library that reads it."""

import codecs
import csv
import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from selfjudge.ground.lines import RecordError, clip, clip_line, read_lines

MARK = codecs.BOM_UTF8  # what Excel and Windows write before UTF-8
# What begins a file of wide letters; of two that fit, the first.
WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
TABLES = {".csv": ",", ".tsv": "\t"}  # with what stands between two cells
JSON = (".json", ".jsonl", ".ndjson")
AS_UTF_8 = "Hint: save it again as UTF-8."
# What `datasets.save_to_disk` leaves in its folder.
SAVED = ("dataset_dict.json", "state.json")
KNOWN = ".jsonl, .json, .csv, .tsv, .parquet, .tar, or a folder of `save_to_disk`"
ROWS_AT_ONCE = 64  # of a parquet file; they hold images


def read_foreign(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file or folder, one at a time, images as undecoded bytes.

    Raises RecordError with file and line where a row is none, and with the file where
    it is broken or cut short; ValueError on a file of an unknown kind.
    """
    if path.is_dir():
        yield from read_saved(path)
        return
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next((s for s in reversed(suffixes) if s != ".gz"), "")
    if kind == ".parquet":
        yield from read_parquet(path)
    elif kind == ".tar":
        yield from read_webdataset(path)
    elif kind in (*TABLES, *JSON):
        yield from read_text(path, kind)
    else:
        raise ValueError(f"{path}: must be {KNOWN} (got {kind or 'no ending'!r})")


@contextmanager
def naming(path: Path, kind: str) -> Iterator[None]:
    """Raise RecordError with file and kind where a library cannot read on.

    What it raises then may be anything, from EOFError to an error of pickle's.
    """
    try:
        yield
    except Exception as error:
        # The disk's or the folder's fault says so itself.
        if isinstance(error, RecordError | MemoryError) or getattr(
            error, "errno", None
        ):
            raise
        why = clip(" ".join(str(error).split()) or type(error).__name__, 200)
        raise RecordError(f"{path}: must be a whole {kind} (got: {why})") from error


def read_text(path: Path, kind: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of text, by its ending.

    Raises RecordError that names the first line that is not UTF-8.
    """
    packed = path.suffix.lower() == ".gz"
    with naming(path, "gzip file" if packed else f"{kind} file"):
        with opener_of(path)(path, "rb") as file:
            check_mark(path, file.read(4))
        try:
            if kind in TABLES:
                yield from read_table(path, TABLES[kind])
            else:
                yield from read_json_rows(path)
        except UnicodeDecodeError:
            check_encoding(path)
            raise


def opener_of(path: Path) -> Callable[..., IO[Any]]:
    """What opens a file: one that ends in .gz is unpacked."""
    return gzip.open if path.suffix.lower() == ".gz" else open


def check_mark(path: Path, start: bytes) -> None:
    """Raise RecordError if a file that starts so is marked as no UTF-8."""
    for mark, name in WIDE_MARKS.items():
        if start.startswith(mark):
            raise RecordError(f"{path}: must be UTF-8 (got {name}). {AS_UTF_8}")


def check_encoding(path: Path) -> None:
    """Raise RecordError at the first line of a file that is not UTF-8."""
    with opener_of(path)(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                at = error.start
                raise RecordError(
                    f"{path}:{number}: the line must be UTF-8 (got byte "
                    f"0x{line[at]:02x} at column {at + 1}). {AS_UTF_8}"
                ) from None


def read_table(path: Path, delimiter: str) -> Iterator[dict[str, Any]]:
    """The rows of a table whose first line names its columns.

    Cells may be as long as an image in base64 is.
    """
    csv.field_size_limit(sys.maxsize)
    with opener_of(path)(path, "rt", encoding="utf-8-sig", newline="") as file:
        # Cells beyond the last name.
        yield from csv.DictReader(file, delimiter=delimiter, restkey="unnamed")


def read_json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON array, which is read whole, or of JSON Lines."""
    opener = opener_of(path)
    with opener(path, "rb") as file:
        start = file.read(4096).removeprefix(MARK).lstrip()
    if start.startswith(b"["):
        with opener(path, "rb") as file:
            try:
                rows = msgspec.json.decode(file.read().removeprefix(MARK))
            except msgspec.DecodeError as error:
                raise RecordError(f"{path}: must be one JSON array ({error})") from None
        for number, row in enumerate(rows, start=1):
            yield check_row(row, f"{path}: row {number}")
        return
    lines = (
        enumerate(opener(path, "rb"), 1) if opener is gzip.open else read_lines(path)
    )
    for number, line in lines:
        if line.isspace():
            continue
        try:
            row = msgspec.json.decode(line.removeprefix(MARK))
        except (msgspec.DecodeError, RecursionError) as error:
            raise RecordError(
                f"{path}:{number}: the line must be one JSON object ({error}; got "
                f"{clip_line(line)})"
            ) from None
        yield check_row(row, f"{path}:{number}")


def check_row(row: Any, where: str) -> dict[str, Any]:
    """The row, if it is an object; RecordError says where it is not."""
    if not isinstance(row, dict):
        raise RecordError(f"{where}: must be a JSON object (got {str(row)[:60]!r})")
    return row


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a parquet file, a few at a time: they hold images.

    Raises RecordError that names the file, where it cannot be opened or read on.
    """
    from pyarrow import parquet

    with naming(path, "parquet file"), parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
            yield from batch.to_pylist()


def read_webdataset(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of a tar: files of one name, by their endings.

    What stands in a sample's .json is laid over it.
    """
    import datasets

    files = {"train": [str(path)]}
    with naming(path, "webdataset tar file"):
        stream = datasets.load_dataset(
            "webdataset", data_files=files, split="train", streaming=True
        )
        for sample in stream.decode(False):
            inner = sample.pop("json", None)
            yield {**sample, **inner} if isinstance(inner, dict) else sample


def read_saved(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a folder that `datasets.save_to_disk` wrote, of all its splits."""
    if not any((path / name).is_file() for name in SAVED):
        raise ValueError(
            f"{path}: must be a folder of `save_to_disk` (got one without "
            f"{' or '.join(SAVED)}). Hint: 'kind: images' takes a folder of images, "
            "'kind: hub' one that is laid out as on the Hub."
        )
    import datasets

    with naming(path, "folder of `save_to_disk`"):
        found = datasets.load_from_disk(str(path))
        parts = found.values() if isinstance(found, datasets.DatasetDict) else [found]
        for part in parts:
            yield from part.to_iterable_dataset().decode(False)
