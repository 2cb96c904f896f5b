"""Figures to files: a drawing and a table each, and an index of what there is."""

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import pandas as pd

from selfjudge.ground.lines import write_json, writing
from selfjudge.report.drawings import render
from selfjudge.report.figures import Figure
from selfjudge.report.plot_index import IndexEntry
from selfjudge.report.results_folder import Row


def read_captions(folder: Path) -> dict[str, str]:
    """The captions of figures by kind, each in one line."""
    return {
        path.stem: " ".join(path.read_text(encoding="utf-8").split())
        for path in sorted(folder.glob("*.rst"))
    }


def write_plots(
    figures: Sequence[Figure], captions: Mapping[str, str], folder: Path
) -> list[IndexEntry]:
    """Write every figure and the index; what an earlier run left there goes away."""
    entries = [
        write_figure(figure, captions[figure.kind], folder) for figure in figures
    ]
    write_json(folder / "index.json", entries)
    kept = {name for entry in entries for name in (entry.svg, entry.csv)}
    for path in [*folder.glob("*.svg"), *folder.glob("*.csv")]:
        if path.name not in kept:
            path.unlink()
    return entries


def write_figure(figure: Figure, caption: str, folder: Path) -> IndexEntry:
    """Write one figure's drawing and table, as far as there are any."""
    svg = csv = None
    if figure.chart is not None:
        svg = f"{figure.name}.svg"
        drawn = render(figure.chart, figure.name, figure.title, figure.alt)
        write_text(folder / svg, drawn)
    if figure.table:
        csv = f"{figure.name}.csv"
        write_text(folder / csv, as_csv(figure.table))
    return IndexEntry(
        name=figure.name,
        section=figure.section,
        title=figure.title,
        caption=f"{figure.note} {caption}".strip(),
        alt=figure.alt,
        svg=svg,
        csv=csv,
        missing=list(figure.missing),
    )


def as_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV: counts as whole numbers, nothing where there is none."""
    table = pd.DataFrame(rows).convert_dtypes()
    buffer = StringIO()
    table.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with writing(path) as file:
        file.write(text.encode())
