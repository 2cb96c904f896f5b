"""What a run cost: its ledgers and Snakemake's benchmark files, by stage."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from selfjudge.ground.ledgers import Ledger, read_ledgers
from selfjudge.ground.places import Place, locate, locate_member
from selfjudge.report.results_folder import Row

COUNTS = (
    "num_requests",
    "num_from_journal",
    "num_calls",
    "num_prompt_tokens",
    "num_cached_prompt_tokens",
    "num_output_tokens",
)


def day_of(results: Path) -> str | None:
    """The day of the last run of a model stage, in UTC; None where none was run."""
    ledgers = read_ledgers(results / "ledgers").values()
    return max((line.started[:10] for lines in ledgers for line in lines), default=None)


def cost_table(results: Path) -> list[Row]:
    """What every stage really spent, unfinished runs too; sums over ledger lines.

    What a panel spent stands under ballot and member, such as "informed/ada".

    `gpu_hours` is null where no run had a GPU.  Tokens from a cache are null if
    no engine could tell.
    """
    found: dict[tuple[Place, str, str], list[Ledger]] = {}
    for path, lines in read_ledgers(results / "ledgers").items():
        if placed := place_of(path):
            for line in lines:
                key = placed[0], line.stage, line.engine
                found.setdefault(key, []).append(line)
    return [
        {"iteration": place.iteration, "filter": place.filter}
        | {"stage": stage, "engine": engine}
        | {"num_runs": len(lines)}
        | {"num_unfinished": sum(not line.finished for line in lines)}
        | {name: total(lines, name) for name in COUNTS}
        | {"start_seconds": round(sum(line.start_seconds for line in lines), 3)}
        | {"seconds": round(sum(line.seconds for line in lines), 3)}
        | {"gpu_hours": gpu_hours(lines)}
        for (place, stage, engine), lines in sorted(
            found.items(), key=lambda item: (item[0][0].iteration, str(item[0]))
        )
    ]


def place_of(path: str) -> tuple[Place, str] | None:
    """Whose work a path is, of either loop, and what it is called; None if nobody's."""
    if located := locate(path):
        return located.place, located.name
    if member := locate_member(path):
        whose = f"{member.ballot}/{member.member}"
        return Place(member.iteration, whose), member.name.partition("/")[0]
    return None


def total_table(rows: Sequence[Row]) -> list[Row]:
    """Rows of `cost_table` summed by stage and engine; the last row is the whole run.

    Hours are those that the stages' runs took, one after the other.
    """
    parts: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        parts.setdefault((row["stage"], row["engine"]), []).append(row)
    labelled = [*parts.items(), (("all", ""), list(rows))] if rows else []
    return [
        {"stage": stage, "engine": engine}
        | {name: sum_known(part, name) for name in ("num_runs", *COUNTS)}
        | {"hours": round(sum(map(seconds_of, part)) / 3600, 4)}
        | {"gpu_hours": sum_known(part, "gpu_hours")}
        for (stage, engine), part in labelled
    ]


def seconds_of(row: Row) -> float:
    """What the runs of a row took, starting included."""
    return float(row["start_seconds"] + row["seconds"])


def sum_known(rows: Sequence[Row], name: str) -> float | None:
    """The sum of a column over those rows that know it; None if none does."""
    known = [row[name] for row in rows if row[name] is not None]
    return round(sum(known), 4) if known else None


def total(lines: Sequence[Ledger], name: str) -> int | None:
    """The sum of a count over those lines that know it."""
    known = [value for line in lines if (value := getattr(line, name)) is not None]
    return sum(known) if known else None


def gpu_hours(lines: Sequence[Ledger]) -> float | None:
    """Hours of GPUs held, starting included; None where there was none."""
    held = sum(line.num_gpus * (line.start_seconds + line.seconds) for line in lines)
    return round(held / 3600, 4) if any(line.num_gpus for line in lines) else None


def timing_table(timings: Path) -> list[Row]:
    """Jobs by rule, as Snakemake measured their last run: time, memory, CPU load.

    `seconds` is the sum over the jobs, `max_memory_mb` the most that one held.
    """
    found: dict[tuple[Place, str], list[Row]] = {}
    for path in sorted(timings.rglob("*.tsv")):
        if key := place_of(path.relative_to(timings).with_suffix("").as_posix()):
            found.setdefault(key, []).extend(read_timings(path))
    return [
        {"iteration": place.iteration, "filter": place.filter}
        | {"rule": rule, "num_jobs": len(rows)}
        | {"seconds": round(sum(row["s"] or 0.0 for row in rows), 1)}
        | {"max_memory_mb": max((row["max_rss"] or 0.0 for row in rows), default=None)}
        | {"cpu_seconds": round(sum(row["cpu_time"] or 0.0 for row in rows), 1)}
        for (place, rule), rows in sorted(
            found.items(), key=lambda item: (item[0][0].iteration, str(item[0]))
        )
    ]


def read_timings(path: Path) -> Iterator[dict[str, float | None]]:
    """The runs in one of Snakemake's benchmark files; None where it could not tell."""
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield {
                name: parse_number(row.get(name))
                for name in ("s", "max_rss", "cpu_time")
            }


def parse_number(text: str | None) -> float | None:
    """A number, or None of "NA", "-" and nothing."""
    try:
        return float(text or "")
    except ValueError:
        return None
