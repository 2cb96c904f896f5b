"""Rows as aligned columns of text, for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any


def format_columns(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of names, counts and shares as a table for a terminal."""
    head, *_ = map(list, rows)
    lines = [
        [cell if isinstance(cell, str) else format_cell(cell) for cell in row.values()]
        for row in rows
    ]
    return align([head, *lines])


def format_cell(value: float | None) -> str:
    """A count as it is, a share in percent, nothing where there is nothing."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{100 * value:.1f}"


def align(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells with each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
