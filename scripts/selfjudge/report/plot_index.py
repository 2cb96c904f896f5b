"""The index of a run's plots: what `make_plots` writes and the page reads."""

from pathlib import Path

import msgspec

from selfjudge.ground.lines import RecordError
from selfjudge.ground.records import Record


class IndexEntry(Record, frozen=True, kw_only=True):
    """One figure of `index.json`; ``svg`` and ``csv`` are file names beside it.

    ``svg`` is None where there is nothing to draw, ``csv`` where there is no row.
    ``missing`` names the files, from the project directory, that a whole run has
    and that were not there yet.
    """

    name: str
    section: str
    title: str
    caption: str
    alt: str
    svg: str | None
    csv: str | None
    missing: list[str]


def read_index(folder: Path) -> list[IndexEntry]:
    """The figures in a folder of plots, in page order; none if nothing is drawn yet."""
    path = folder / "index.json"
    if not path.is_file():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[IndexEntry])
    except msgspec.DecodeError as error:
        raise RecordError(f"{path}: must be a list of plots ({error})") from None
