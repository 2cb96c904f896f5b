"""Tables as a page shows them: every cell a text, numbers known as such."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?%?", re.IGNORECASE)
# A share or a p-value, not a version: a number below one, as a file has it.
LONG_FRACTION = re.compile(r"-?0\.\d{5,}|-?\d\.\d+e-\d+")


class Table(NamedTuple):
    """A table of texts; ``is_numeric`` says of each column whether it is of numbers."""

    caption: str
    columns: list[str]
    rows: list[list[str]]
    is_numeric: list[bool]


def make_table(caption: str, rows: Iterable[Mapping[str, Any]]) -> Table | None:
    """Rows as a table, with the columns of all rows; None if there is no row.

    None as a cell, and a column that a row lacks, are empty; of a number with a long
    fraction four digits are shown.
    """
    listed = list(rows)
    columns = list(dict.fromkeys(name for row in listed for name in row))
    cells = [[cell_of(row.get(name)) for name in columns] for row in listed]
    return table_of(caption, columns, cells) if cells else None


def cell_of(value: Any) -> str:
    """A value as a reader wants it; a text stays as it is, whatever it looks like."""
    if value is None:
        return ""
    return shorten(str(value)) if isinstance(value, float) else str(value)


def read_table(path: Path, caption: str) -> Table:
    """A CSV file as a table; the first line names the columns.

    A reader wants four digits of a share; the file has them all.
    """
    with open(path, encoding="utf-8", newline="") as file:
        columns, *rows = list(csv.reader(file)) or [[]]
    return table_of(caption, columns, [[shorten(cell) for cell in row] for row in rows])


def shorten(cell: str) -> str:
    """A fraction of more than four places with four significant digits."""
    return f"{float(cell):.4g}" if LONG_FRACTION.fullmatch(cell) else cell


def table_of(caption: str, columns: list[str], rows: Sequence[list[str]]) -> Table:
    """A table whose numeric columns are found by looking at all of their cells."""
    is_numeric = [
        all(not row[at] or NUMBER.fullmatch(row[at]) for row in rows)
        and any(row[at] for row in rows)
        for at in range(len(columns))
    ]
    return Table(caption, columns, list(rows), is_numeric)
