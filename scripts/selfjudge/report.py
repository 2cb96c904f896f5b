"""The report: what came out of a run, as one self-contained page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from selfjudge.records import read_json


def read_labelled(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The reports of several iterations and filters, each with where it is from.

    A report lies in ``iter{iteration}/{filter}/``.
    """
    return [
        {"iteration": path.parts[-3].removeprefix("iter"), "filter": path.parts[-2]}
        | read_json(path)
        for path in paths
    ]


def accuracy_table(comparisons: Sequence[dict[str, Any]], benchmark: str) -> str:
    """Accuracy in percent with its interval, by iteration; a row a filter and group.

    HTML; the base model's row is iteration 0 of every filter.
    """
    rows = pd.DataFrame(
        [
            row
            for comparison in comparisons
            if comparison["benchmark"] == benchmark
            for row in comparison["rows"]
        ]
    ).drop_duplicates(["iteration", "filter", "group"])
    rows["cell"] = [
        f"{100 * accuracy:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        for accuracy, low, high in rows[["accuracy", "low", "high"]].to_numpy(float)
    ]
    table = rows.pivot(
        index=["filter", "group", "num_pairs"], columns="iteration", values="cell"
    )
    return str(table.fillna("").to_html(escape=True, border=0))


def counts_table(reports: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """The named counts of several reports, and what was dropped why; HTML."""
    rows = [
        {name: report[name] for name in ("iteration", "filter", *columns)}
        | {f"dropped: {reason}": n for reason, n in report["dropped"].items()}
        for report in reports
    ]
    table = pd.DataFrame(rows).fillna(0).set_index(["filter", "iteration"])
    for column in table.columns:
        if not column.endswith("_rate"):
            table[column] = table[column].astype(int)
    return str(table.sort_index().to_html(escape=True, border=0))


def render_report(
    template: str,
    comparisons: Sequence[dict[str, Any]],
    filter_reports: Sequence[dict[str, Any]],
    pairs_reports: Sequence[dict[str, Any]],
) -> str:
    """The page: scores by benchmark, accepted judgments, pairs."""
    names = sorted({comparison["benchmark"] for comparison in comparisons})
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(template)
    return page.render(
        benchmarks={name: accuracy_table(comparisons, name) for name in names},
        protocols=sorted({comparison["protocol"] for comparison in comparisons}),
        accepted=counts_table(
            filter_reports, ["num_judgments", "num_accepted", "accepted_rate"]
        ),
        pairs=counts_table(pairs_reports, ["num_pairs", "num_closed", "num_open"]),
    )
