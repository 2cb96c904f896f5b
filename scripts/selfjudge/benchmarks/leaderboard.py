"""Published scores, to stand beside one's own with a plain warning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from selfjudge.benchmarks.protocols import Protocol
from selfjudge.benchmarks.scores import Release
from selfjudge.ground.lines import RecordError
from selfjudge.ground.records import Record


class PublishedTable(Record, frozen=True, kw_only=True):
    """One published table: shares of 0 to 1 or percent, as printed.

    ``protocol`` is None where the source does not say how it scored, and
    ``release`` where it does not say on which rows.  A value of None was not
    published.
    """

    format: str
    source: str
    protocol: str | None
    release: str | None
    unit: Literal["share", "percent"]
    notes: list[str]
    columns: list[str]
    models: dict[str, list[float | None]]


def read_leaderboard(path: str | Path) -> list[PublishedTable]:
    """The tables of a leaderboard file; RecordError names a row that does not fit."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        tables = msgspec.convert(content, list[PublishedTable])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise RecordError(f"{path}: must be a list of tables ({error})") from None
    for table in tables:
        for model, values in table.models.items():
            if len(values) != len(table.columns):
                raise RecordError(
                    f"{path}: {model!r} must have {len(table.columns)} values "
                    f"(got {len(values)})"
                )
    return tables


def published_beside(
    tables: Sequence[PublishedTable], release: Release, protocol: Protocol
) -> list[dict[str, Any]]:
    """The tables of the scored benchmark, each with what keeps it from comparing.

    None where the release is not a known one: there is nothing to compare with.
    """
    if release.name is None:
        return []
    return [
        {
            "source": table.source,
            "protocol": table.protocol,
            "release": table.release,
            "warnings": differences(table, release, protocol) + table.notes,
            "rows": [
                {"model": model}
                | dict(zip(table.columns, map_shares(values, table.unit), strict=True))
                for model, values in table.models.items()
            ],
        }
        for table in tables
        if table.format == release.format
    ]


def differences(
    table: PublishedTable, release: Release, protocol: Protocol
) -> list[str]:
    """In which ways a score under the protocol is not what the table holds."""
    found = []
    if table.protocol != protocol.name:
        theirs = f"'{table.protocol}'" if table.protocol else "an unknown protocol"
        found.append(
            f"Scored under {theirs}, not '{protocol.name}': the two do not compare."
        )
    if table.release != release.name:
        theirs = table.release or "unknown rows"
        found.append(f"Scored on {theirs}, not {release.name}: the two do not compare.")
    return found


def map_shares(values: Sequence[float | None], unit: str) -> list[float | None]:
    """The values as shares of 0 to 1."""
    if unit == "share":
        return list(values)
    return [None if value is None else round(value / 100, 6) for value in values]
