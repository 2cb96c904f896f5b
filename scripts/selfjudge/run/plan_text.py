"""A plan as people read it: a table, its totals, and what they stand on."""

from collections.abc import Mapping, Sequence
from typing import Any

from selfjudge.report.text_columns import align
from selfjudge.run.planning import PartCost, Stale, least_certain_of, total
from selfjudge.run.workload import RIDES

HEAD = (
    *("stage", "iteration", "filter", "jobs", "requests", "prompt tok", "output tok"),
    *("GPU time", "a job", "disk GB", "numbers", "cost"),
)
NOTES = {
    "measured": "cost `measured`: by ledgers of finished jobs of this stage",
    "scaled": (
        "cost `scaled`: config's guess, times what its guesses for the stages with "
        "ledgers were wrong by; judgments of benchmarks as those of pairs"
    ),
    "guessed": "cost `guessed`: by the config section `plan`; measured on no machine",
}


def format_plan(
    stale: Stale,
    rows: Sequence[PartCost],
    hours: float,
    slots: int,
    engine: str,
) -> str:
    """The whole text; ``hours`` by the clock with ``slots`` GPUs or jobs at once."""
    if not rows and not stale.num_decided:
        return "nothing to do"
    decided = f"{stale.num_decided} files are to be written by decisions"
    if not rows:
        return f"no model has work to do; {decided}"
    sums = total(rows)
    last = ["total", "", "", *amounts(sums), as_time(3600 * sums["gpu_hours"]), ""]
    last.append(as_number(sums["disk_gigabytes"]))
    lines = [HEAD, *map(row_cells, rows), [*last, *least_certain_of(rows)]]
    used = [NOTES[name] for name in NOTES if name in {row.cost for row in rows}]
    return "\n".join(
        [
            align(lines),
            "",
            f"about {as_time(3600 * hours)} by the clock, {slots} at once, if no job "
            "waits for a node",
            decided,
            f"engine: {engine}; requests that the journal answers cost nothing and are "
            "not taken off",
            *used,
        ]
    )


def row_cells(row: PartCost) -> list[str]:
    """The cells of one row."""
    part = row.part
    jobs, *others = amounts(row._asdict())
    return [
        part.stage,
        str(part.iteration),
        part.filter or "",
        "" if part.stage in RIDES else jobs,
        *others,
        as_time(3600 * row.gpu_hours),
        as_time(row.seconds_per_job),
        as_number(row.disk_gigabytes),
        row.numbers,
        row.cost,
    ]


def amounts(row: Mapping[str, Any]) -> list[str]:
    """Jobs, requests and tokens of a row or of the totals."""
    names = ("num_jobs", "num_requests", "num_prompt_tokens", "num_output_tokens")
    return [as_number(row[name]) for name in names]


def as_time(seconds: float) -> str:
    """Three digits of seconds, minutes or hours."""
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{as_number(seconds / unit)} {name}"
    return f"{seconds:.3g} s"


def as_number(value: float) -> str:
    """Three digits, with k, M or G for thousands."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 10 * unit or (value >= unit and letter != "k"):
            scaled = value / unit
            return f"{scaled:.0f}{letter}" if scaled >= 100 else f"{scaled:.3g}{letter}"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
