"""A figure: a table, what is said of it, and how it is drawn."""

from collections.abc import Sequence
from typing import NamedTuple

from selfjudge.report.drawings import Spec
from selfjudge.report.results_folder import Row


class Figure(NamedTuple):
    """A table with what is said of it, and how it is drawn; None if it is not.

    ``kind`` names the caption, ``of`` what the figure is of where there are
    several of a kind.  ``note`` is said before the caption.  ``missing`` names
    files that would make the figure whole.
    """

    kind: str
    section: str
    title: str
    alt: str
    table: Sequence[Row]
    chart: Spec | None = None
    missing: Sequence[str] = ()
    of: str | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """What the figure's files are called."""
        return self.kind if self.of is None else f"{self.kind}_{self.of}"


def by_iteration(rows: Sequence[Row], y: str, panel: str) -> list[Row]:
    """The rows that a line over iterations draws, a series for each filter.

    ``y`` and ``panel`` name columns.  Every filter's line starts at the base model,
    if there is any filter.
    """
    filters = [row["filter"] for row in rows if row["filter"] != "base"]
    panels = list(dict.fromkeys(row[panel] for row in rows))
    names = list(dict.fromkeys(filters)) or ["base"]
    found = [
        {"x": row["iteration"], "y": row[y], "series": name, "panel": row[panel]}
        | {end: row[end] for end in ("low", "high") if row.get(end) is not None}
        for row in rows
        if row[y] is not None
        for name in (names if row["filter"] == "base" else [row["filter"]])
    ]
    return sorted(
        found, key=lambda row: (panels.index(row["panel"]), names.index(row["series"]))
    )


def course_of(rows: Sequence[Row]) -> str:
    """In words, from where to where each line of drawn rows goes, panel by panel."""
    lines: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        lines.setdefault((row["panel"], row["series"]), []).append(row)
    told = []
    for (panel, series), points in lines.items():
        points.sort(key=lambda row: row["x"])
        values = ", ".join(as_words(point["y"]) for point in points)
        told.append(f"{panel}, {series}: {values}")
    return "; ".join(told) + "."


def as_words(value: float) -> str:
    """A share in percent with one digit, a count or length as it is."""
    if isinstance(value, float) and 0 <= value <= 1:
        return f"{100 * value:.1f} %"
    return f"{value:g}"
