"""How records are read and written: JSON Lines and documents, whole or not at all.

Reading checks every line once and names file and line in the error; after that
the code may trust what it holds.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, TypeVar, get_args, get_origin

import msgspec

# Bytes read or written at once: lines are long, and the default of 8 kB would
# mean a system call every few of them.
BUFFER_BYTES = 1 << 20
ENCODER = msgspec.json.Encoder()


class RecordError(ValueError):
    """A line of a file is not the record it should be; says where and why."""


R = TypeVar("R", bound=msgspec.Struct)


def content_id(*parts: object) -> str:
    """The first 16 hex digits of the sha256 of the parts, as JSON."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def file_sha256(path: str | Path) -> str:
    """The hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Each non-blank line with its number from 1, line end (LF or CRLF) removed."""
    with open(path, "rb", buffering=BUFFER_BYTES) as file:
        for number, line in enumerate(file, start=1):
            if not line.isspace():
                yield number, line.rstrip(b"\r\n")


def read_records(path: str | Path, record_type: type[R]) -> Iterator[R]:
    """The records of a JSON Lines file, one at a time.

    Raises RecordError on the first line that is not a whole ``record_type``.
    """
    decode = msgspec.json.Decoder(record_type).decode
    for number, line in read_lines(path):
        try:
            record = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordError(
                f"{path}:{number}: {explain(line, record_type, error)}"
            ) from None
        yield record


def explain(line: bytes, record_type: type[msgspec.Struct], error: Exception) -> str:
    """What is wrong with a line: field, what it must be, what it is."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as decode_error:
        at = decode_error.start + 1
        return f"the line must be UTF-8 (got byte 0x{line[at - 1]:02x} at column {at})"
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as decode_error:
        return (
            f"the line must be one JSON object ({decode_error}; got {clip_line(line)})"
        )
    if not isinstance(row, dict):
        return f"the line must be a JSON object (got {clip_line(line)})"
    fields = {field.name: field for field in msgspec.structs.fields(record_type)}
    for name, field in fields.items():
        if name not in row:
            if field.required:
                have = clip(", ".join(map(repr, row)), 200)
                return f"field '{name}' is missing (the line has {have})"
            continue
        try:
            msgspec.convert(row[name], field.type)
        except msgspec.ValidationError:
            got = clip(repr(row[name]))
            return f"'{name}' must be {describe_type(field.type)} (got {got})"
    for name in row:
        if name not in fields:
            return f"unknown field '{clip(name)}' (must be one of {', '.join(fields)})"
    return str(error)


def describe_type(kind: Any) -> str:
    """A field's type in words."""
    if get_origin(kind) is Literal:
        values = ", ".join(map(repr, get_args(kind)))
        return f"one of {values}" if len(get_args(kind)) > 1 else values
    words = {str: "a string", int: "a whole number", float: "a number"}
    words |= {bool: "true or false", type(None): "null"}
    if kind in words:
        return words[kind]
    if get_origin(kind) in (tuple, list):
        inner = describe_type(get_args(kind)[0])
        return f"a list, each {inner}"
    if get_origin(kind) is not dict and (args := get_args(kind)):
        return " or ".join(describe_type(arg) for arg in args)
    return "an object"


def clip(text: str, width: int = 60) -> str:
    """The start of a text, for an error message."""
    return text if len(text) <= width else f"{text[:width]}..."


def clip_line(line: bytes) -> str:
    """The start of a line, quoted, for an error message."""
    return repr(clip(line[:200].decode("utf-8", "replace")))


@contextmanager
def writing(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under its name only when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb", buffering=BUFFER_BYTES) as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def encode(record: msgspec.Struct | dict[str, Any]) -> bytes:
    """A record as one line of JSON, line end included."""
    return ENCODER.encode_lines([record])


def write_records(
    path: str | Path, records: Iterable[msgspec.Struct | dict[str, Any]]
) -> int:
    """Write a JSON Lines file whole or not at all; the number of lines written."""
    count = 0
    with writing(path) as file:
        for record in records:
            file.write(encode(record))
            count += 1
    return count


def write_json(path: str | Path, value: Any) -> None:
    """Write one JSON document, indented for people, whole or not at all."""
    with writing(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_json(path: str | Path) -> Any:
    """One JSON document; RecordError names the file where it is not one."""
    try:
        return msgspec.json.decode(Path(path).read_bytes())
    except msgspec.DecodeError as error:
        raise RecordError(f"{path}: must be one JSON document ({error})") from None


def read_document(path: str | Path, record_type: type[R]) -> R:
    """One JSON document of a known type; RecordError names the file if it is not."""
    content = Path(path).read_bytes()
    try:
        return msgspec.json.decode(content, type=record_type)
    except msgspec.DecodeError as error:
        raise RecordError(f"{path}: {explain(content, record_type, error)}") from None


def dropped(record: msgspec.Struct, reason: str) -> dict[str, Any]:
    """The record as it was, plus the reason why it goes no further."""
    return {**msgspec.to_builtins(record), "reason": reason}


def dropped_line(record: msgspec.Struct, reason: str) -> bytes:
    """The line of a `dropped` record; faster, for files of millions."""
    return encode(record)[:-2] + f',"reason":"{reason}"}}\n'.encode()


def link_or_copy(source: str, target: str) -> None:
    """A hard link to a file; a copy where the disk has no such links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
