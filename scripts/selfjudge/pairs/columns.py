"""Columns of other people's tables: which are known, and what to say where none is."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from selfjudge.ground.lines import RecordError, clip
from selfjudge.pairs.readers import TABLES
from selfjudge.pairs.shapes import (
    ANSWER_NAMES,
    IMAGE_NAMES,
    QUESTION_NAMES,
    TURN_NAMES,
)

# What every file of rows has in one row at least: its question, and its image.
NEEDED = ((*QUESTION_NAMES, *TURN_NAMES), (*IMAGE_NAMES, *TURN_NAMES))
NUM_SHOWN = 8  # columns of a file without a known one
SEPARATORS = {",": "commas", "\t": "tabs"}
FIRST_LINE = ". Hint: the first line of a table names its columns."


def known_rows(rows: Iterable[dict[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, their columns by the names that are known.

    Raises RecordError behind the last one where there was none, or none had a question
    or an image under a known name.
    """
    needed = list(NEEDED)
    columns: dict[str, bool] = {}  # whether one holds rows itself
    num_rows = 0
    for given in rows:
        num_rows += 1
        row = with_known_names(given)
        needed = [names for names in needed if not any(name in row for name in names)]
        if needed:
            columns |= {name: holds_rows(value) for name, value in row.items()}
        yield row
    if not num_rows:
        hint = FIRST_LINE if delimiter_of(path) else ""
        raise RecordError(f"{path}: must hold at least one row (got none){hint}")
    if needed:
        raise RecordError(
            f"{path}: must have one of {', '.join(needed[0])} (got "
            f"{tell_columns(columns)}). Hint: {hint_columns(columns, path)}."
        )


def with_known_names(row: dict[str, Any]) -> dict[str, Any]:
    """A row, a known name written as ours is: ` Question` is `question`.

    A row that has such a name as it is stays.
    """
    for names in (QUESTION_NAMES, ANSWER_NAMES, IMAGE_NAMES):
        if any(name in row for name in names):
            continue
        written = {given.strip().lower(): given for given in reversed(row)}
        if name := next((name for name in names if name in written), None):
            row = {
                name if given == written[name] else given: value
                for given, value in row.items()
            }
    return row


def holds_rows(value: Any) -> bool:
    """Whether a field is a list of objects, as those of a file around its rows are."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def tell_columns(columns: Iterable[str]) -> str:
    """The names of columns, the first ones if they are many."""
    shown = [repr(clip(name, 60)) for name in columns]
    more = [f"{len(shown) - NUM_SHOWN} more"] if len(shown) > NUM_SHOWN else []
    return ", ".join(shown[:NUM_SHOWN] + more) or "no field"


def hint_columns(columns: dict[str, bool], path: Path) -> str:
    """What to do with a file that has no known column."""
    own = delimiter_of(path)
    if own and any(mark in name for name in columns for mark in {*";|\t,"} - {own}):
        return f"separate the columns of such a file by {SEPARATORS[own]}"
    if around := next((name for name, holds in columns.items() if holds), None):
        return f"write the list in '{around}' alone, without what is around it"
    return "rename the column"


def delimiter_of(path: Path) -> str | None:
    """What stands between two cells of a table; None of a file that is none."""
    suffixes = (suffix.lower() for suffix in path.suffixes)
    return next((TABLES[suffix] for suffix in suffixes if suffix in TABLES), None)
