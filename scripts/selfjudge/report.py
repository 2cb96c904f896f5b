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
    labelled = []
    for path in paths:
        iteration, name = path.parts[-3:-1]
        where = {"iteration": int(iteration.removeprefix("iter")), "filter": name}
        labelled.append(where | read_json(path))
    return labelled


def accuracy_table(
    comparisons: Sequence[dict[str, Any]], benchmark: str
) -> pd.DataFrame:
    """Accuracy in percent with its 95 % interval, an iteration a column.

    A row for each filter and group, with its number of pairs; iteration 0 is the
    base model, whatever the filter.  Texts, empty where there is nothing yet.
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
        if accuracy == accuracy  # not NaN: no pair was decided
        else "none decided"
        for accuracy, low, high in rows[["accuracy", "low", "high"]].to_numpy(float)
    ]
    is_base = rows["iteration"] == 0
    filters = rows.loc[~is_base, "filter"].unique()
    if len(filters):
        base = [rows[is_base].assign(filter=name) for name in filters]
        rows = pd.concat([*base, rows[~is_base]])
    index = ["filter", "group", "num_pairs"]
    return rows.pivot(index=index, columns="iteration", values="cell").fillna("")


def counts_table(reports: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """The named counts of several reports, and what was dropped why; HTML."""
    if not reports:
        return "<p>Nothing yet.</p>"
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
        benchmarks={
            name: accuracy_table(comparisons, name).to_html(escape=True, border=0)
            for name in names
        },
        protocols=sorted({comparison["protocol"] for comparison in comparisons}),
        accepted=counts_table(
            filter_reports, ["num_judgments", "num_accepted", "accepted_rate"]
        ),
        pairs=counts_table(pairs_reports, ["num_pairs", "num_closed", "num_open"]),
    )
