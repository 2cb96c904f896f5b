"""Figures of the run itself: what it cost, and what it was."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from selfjudge.report.charts import Axis, bar_panels, line_panels
from selfjudge.report.costs import cost_table, seconds_of, timing_table, total_table
from selfjudge.report.drawings import Spec
from selfjudge.report.figures import Figure, course_of
from selfjudge.report.results_folder import Row, Run
from selfjudge.report.run_table import run_table

TOKENS = {
    "num_prompt_tokens": "prompt",
    "num_cached_prompt_tokens": "prompt, cached",
    "num_output_tokens": "output",
}
# The stages in the order of a run; any other comes after.
STAGES = (
    "ask_questions",
    "answer_questions",
    "generate_responses",
    "alter_responses",
    "check_alterations",
    "judge_pairs",
    "train_judge",
    "reinforce_judge",
    "judge_benchmarks",
)
# The longest total is at least one of its unit.
UNITS = (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def in_stage_order(rows: Sequence[Row]) -> list[Row]:
    """The rows by stage, as an iteration runs them."""
    order = {stage: at for at, stage in enumerate(STAGES)}
    return sorted(rows, key=lambda row: order.get(row["stage"], len(order)))


def cost_figures(results: Path, timings: Path | None) -> Iterator[Figure]:
    """Time and tokens by stage and iteration, from ledgers and benchmark files."""
    rows = cost_table(results)
    by_stage = in_stage_order(rows)
    chart, bars = time_chart(by_stage)
    yield Figure(
        kind="cost",
        section="cost",
        title="Time by stage and iteration",
        alt=f"Bars of time by iteration, a panel for each stage. {heights_of(bars)}",
        table=rows,
        chart=chart,
        missing=[] if rows else ["results/ledgers/"],
    )
    if rows:
        yield Figure(
            kind="totals",
            section="cost",
            title="The whole run by stage",
            alt="A table of stages, and of their sum.",
            table=total_table(by_stage),
        )
    lines = token_rows(by_stage)
    if lines:
        axis = Axis("tokens", "~s", zero=True)
        yield Figure(
            kind="tokens",
            section="cost",
            title="Tokens by stage and iteration",
            alt=f"Lines of tokens, a panel for each stage. {course_of(lines)}",
            table=lines_as_table(lines),
            chart=line_panels(lines, "iteration", axis, columns=2),
        )
    measured = timing_table(timings) if timings else []
    if measured:
        yield Figure(
            kind="timings",
            section="cost",
            title="Jobs as Snakemake measured them",
            alt="A table of jobs by rule and iteration.",
            table=measured,
        )


def lines_as_table(lines: Sequence[Row]) -> list[Row]:
    """The sums that lines of tokens draw, under the names of what they are."""
    return [
        {"stage": row["panel"], "iteration": row["x"]}
        | {"tokens": row["series"], "num_tokens": row["y"]}
        for row in lines
    ]


def time_chart(rows: Sequence[Row]) -> tuple[Spec | None, list[Row]]:
    """Bars of time by stage, and what they draw: GPU hours if any GPU was held."""
    on_gpus = any(row["gpu_hours"] is not None for row in rows)
    sums: dict[tuple[str, int], float] = {}
    for row in rows:
        place = row["stage"], row["iteration"]
        amount = 3600 * (row["gpu_hours"] or 0.0) if on_gpus else seconds_of(row)
        sums[place] = sums.get(place, 0.0) + amount
    longest = max(sums.values(), default=0.0)
    unit, seconds = next(
        ((unit, length) for unit, length in UNITS if longest >= length), UNITS[-1]
    )
    drawn = [
        {
            "panel": stage.replace("_", " "),
            "x": iteration,
            "y": round(spent / seconds, 4),
        }
        for (stage, iteration), spent in sums.items()
    ]
    axis = Axis(f"GPU {unit}" if on_gpus else unit, "~g", True)
    return (bar_panels(drawn, "iteration", axis, 2) if drawn else None), drawn


def token_rows(rows: Sequence[Row]) -> list[Row]:
    """Sums of tokens by stage, iteration and sort, as lines draw them."""
    sums: dict[tuple[str, str, int], int] = {}
    for row in rows:
        for column, sort in TOKENS.items():
            if row[column] is not None:
                place = row["stage"].replace("_", " "), sort, row["iteration"]
                sums[place] = sums.get(place, 0) + row[column]
    return [
        {"panel": stage, "series": sort, "x": iteration, "y": count}
        for (stage, sort, iteration), count in sums.items()
    ]


def heights_of(rows: Sequence[Row]) -> str:
    """In words, how high each bar is."""
    return "; ".join(f"{row['panel']}, {row['x']}: {row['y']:g}" for row in rows) + "."


def run_figure(run: Run, config: Mapping[str, Any]) -> Figure:
    """The run's config, models, versions and data as a table."""
    return Figure(
        kind="run",
        section="run",
        title="The run",
        alt="A table of sections, keys and values.",
        table=run_table(run.results, config, run.expected.iterations),
        missing=[] if config else ["config.yaml"],
    )
