"""Where every id of a run stands: an index of its files, which may be lost any time.

One SQLite file below `.snakemake/selfjudge` knows file, line and offset of each id.
It is built beside and renamed, never locked, opened to read only, and no rule knows
of it; a file whose size or time has changed is read again, the others are not.
"""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from json import JSONDecoder
from pathlib import Path
from typing import IO, Any

import msgspec

from selfjudge.ground.lines import writing
from selfjudge.report.lineage_files import Line, LineKind, Stamp, read_ids, stamp_files

OUTCOME_BYTES = 4096  # more than an outcome takes
VERSION = 2  # of the tables below: an index of another version is not used
TABLES = """
CREATE TABLE files (file INTEGER PRIMARY KEY, name, kind, size, mtime_ns);
CREATE TABLE places (id TEXT, file INTEGER, line INTEGER, offset INTEGER,
                     PRIMARY KEY (id, file, line, offset)) WITHOUT ROWID;
"""


@contextmanager
def open_index(project: Path, sources: Sequence[str] = ()) -> Iterator["Index"]:
    """The index of a project as its files are now.

    Where it cannot be kept, it is built in a temporary folder, with a word about it.
    """
    stamps = stamp_files(project, sources)
    place = project / ".snakemake" / "selfjudge" / "lineage.sqlite"
    with tempfile.TemporaryDirectory() as spare:
        if {name: was for name, (_, was) in read_stamps(place).items()} != stamps:
            try:
                build_index(project, stamps, place, place)
            except (OSError, sqlite3.Error) as error:
                print(
                    f"note: {place} cannot be written ({error}): the index is built "
                    "in a temporary folder, and anew the next time.",
                    file=sys.stderr,
                )
                old, place = place, Path(spare) / "lineage.sqlite"
                build_index(project, stamps, old, place)
        with closing(connect(place, "mode=ro&immutable=1")) as database:
            yield Index(project, database, stamps)


class Index:
    """The lines of a project by the ids in them."""

    def __init__(
        self, project: Path, database: sqlite3.Connection, stamps: dict[str, Stamp]
    ) -> None:
        self.project = project
        self.database = database
        self.stamps = stamps

    def ids_from(self, prefix: str, most: int) -> list[str]:
        """The ids that begin with a text, in order, at most so many."""
        query = "SELECT DISTINCT id FROM places WHERE id >= ? AND id < ? LIMIT ?"
        values = (prefix, prefix + "\U0010ffff", most)
        return [one for (one,) in self.database.execute(query, values)]

    def lines_with(self, one: str) -> Iterator[Line]:
        """Every line in which an id stands, file by file.

        Raises ValueError if a file is no longer what was read.
        """
        query = (
            "SELECT name, kind, line, offset FROM places JOIN files USING (file) "
            "WHERE id = ? ORDER BY name, line, offset"
        )
        rows = self.database.execute(query, (one,)).fetchall()
        for (name, kind), places in groupby(rows, key=lambda row: row[:2]):
            with open(self.project / name, "rb") as file:
                for _, _, number, offset in places:
                    file.seek(offset)
                    line = Line(name, number, kind, read_record(file, kind))
                    yield line._replace(record=checked(line, one))


def read_record(file: IO[bytes], kind: LineKind) -> dict[str, Any]:
    """The record that begins here; of an outcome what follows its pair's id.

    {} where there is no record: the file has changed.
    """
    try:
        if kind != "outcome":
            return dict(msgspec.json.decode(file.readline()))
        text = "{" + file.read(OUTCOME_BYTES).decode("utf-8", "replace")
        return dict(JSONDecoder().raw_decode(text)[0])
    except (ValueError, TypeError):
        return {}


def checked(line: Line, one: str) -> dict[str, Any]:
    """The record of a line, once it is known to hold an id that the index found."""
    texts = msgspec.json.encode(line.record).decode()
    if one not in texts and msgspec.json.encode(one).decode()[1:-1] not in texts:
        raise ValueError(
            f"{line.place}: must hold {one} (it holds something else: the file has "
            "changed just now). Hint: run this again."
        )
    return line.record


def connect(path: Path, options: str) -> sqlite3.Connection:
    """A database that nobody locks: it is of this process alone, or never changes."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True)


def read_stamps(path: Path) -> dict[str, tuple[int, Stamp]]:
    """The files that an index knows with their numbers; none if it cannot be used."""
    try:
        with closing(connect(path, "mode=ro&immutable=1")) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            rows = database.execute(
                "SELECT name, file, kind, size, mtime_ns FROM files"
            )
            known = {name: (file, Stamp(*rest)) for name, file, *rest in rows}
    except sqlite3.Error:
        return {}
    return known if version == VERSION else {}


def build_index(project: Path, stamps: dict[str, Stamp], old: Path, new: Path) -> None:
    """Write an index of all files; what an old one knows of them is taken over."""
    known = read_stamps(old)
    kept = {name for name, (_, was) in known.items() if stamps.get(name) == was}
    with writing(new) as file:
        if kept:
            shutil.copyfile(old, file.name)
        with closing(connect(Path(file.name), "nolock=1")) as database:
            database.executescript(
                "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                f"PRAGMA cache_size=-64000; PRAGMA user_version={VERSION};"
                "CREATE TEMP TABLE fresh (id TEXT, file, line, offset);"
            )
            if not kept:
                database.executescript(TABLES)
            gone = [(file,) for name, (file, _) in known.items() if name not in kept]
            forget_files(database, gone if kept else [])
            for name in sorted(stamps.keys() - kept):
                add_file(database, project, name, stamps[name])
            # In order: a table that grows at its end is written once.
            database.execute(
                "INSERT INTO places SELECT * FROM fresh ORDER BY id, file, line, offset"
            )
            database.commit()


def forget_files(database: sqlite3.Connection, gone: list[tuple[int]]) -> None:
    """Delete what an index knows of files that are gone or have changed."""
    numbers = ",".join(str(number) for (number,) in gone)
    if gone:
        database.execute(f"DELETE FROM places WHERE file IN ({numbers})")
        database.execute(f"DELETE FROM files WHERE file IN ({numbers})")


def add_file(
    database: sqlite3.Connection, project: Path, name: str, stamp: Stamp
) -> None:
    """Put the ids of a file where they wait to be sorted."""
    values = "(name, kind, size, mtime_ns) VALUES (?, ?, ?, ?)"
    number = database.execute(f"INSERT INTO files {values}", (name, *stamp)).lastrowid
    rows = read_ids(project / name, stamp, name)
    database.executemany(f"INSERT INTO fresh VALUES (?, {number}, ?, ?)", rows)
