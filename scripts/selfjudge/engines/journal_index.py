"""Which line of a journal file holds which keys, so that few lines need reading.

Every job of a stage looks into all files of its model's journal.  Without an index
64 shards would read and decode 64 files each, and a later iteration more.  The
index lies beside its journal file, ``.index`` instead of ``.jsonl``, a line for
each of its lines; where it is missing, cut short or behind, the journal file
itself is read from there on.  It is only ever a shortcut.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

# Enough hex digits to tell keys apart nearly always; a line is checked anyway.
NUM_DIGITS = 16


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A line of a journal file: where it ends, and the starts of its keys."""

    end: int
    keys: list[str]


def index_path(journal_file: Path) -> Path:
    """Where the index of a journal file lies."""
    return journal_file.with_suffix(".index")


def encode_entry(end: int, keys: Sequence[str]) -> bytes:
    """The index line of a journal line that ends before byte ``end``."""
    entry = Entry(end, [key[:NUM_DIGITS] for key in keys])
    return msgspec.json.encode(entry) + b"\n"


def read_entries(journal_file: Path) -> Iterator[Entry]:
    """The entries of a journal file's index, up to one that cannot be read."""
    decode = msgspec.json.Decoder(Entry).decode
    try:
        with open(index_path(journal_file), "rb") as file:
            for line in file:
                yield decode(line)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return


def lines_with(journal_file: Path, keys: Collection[str]) -> Iterator[bytes]:
    """The lines of a journal file that may hold one of the keys, in order.

    Lines that the index does not know are among them.
    """
    wanted = {key[:NUM_DIGITS] for key in keys}
    start = 0
    with open(journal_file, "rb") as file:
        for entry in read_entries(journal_file):
            if not start < entry.end:
                break
            if not wanted.isdisjoint(entry.keys):
                file.seek(start)
                line = file.read(entry.end - start)
                if not line or line.find(b"\n") != len(line) - 1:
                    break  # someone has edited the journal file
                yield line
            start = entry.end
        file.seek(start)
        yield from file
