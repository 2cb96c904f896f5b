"""The main result of a run: one sentence, and one table."""

from collections.abc import Sequence
from typing import NamedTuple

from selfjudge.benchmarks.scores import MACRO
from selfjudge.benchmarks.votes import OVERALL
from selfjudge.report.page_tables import Table, make_table
from selfjudge.report.results_folder import Comparison, Row


def main_sentence(
    comparisons: Sequence[Comparison], benchmark: str | None, filter_name: str
) -> str:
    """What the latest judge of a filter scores, beside the base and the control.

    ``benchmark`` is the main one; None where there is none.
    """
    if benchmark is None:
        return "No benchmark is configured: a certificate says what a judge can do."
    rows = [
        row
        for comparison in comparisons
        if (comparison["benchmark"], comparison["protocol"]) == (benchmark, "selfjudge")
        for row in comparison["rows"]
        if row["group"] == OVERALL and row["accuracy"] is not None
    ]
    base = next((row for row in rows if row["iteration"] == 0), None)
    if base is None:
        return f"Nothing is scored on {benchmark} yet."
    trained = [row for row in rows if row["filter"] == filter_name]
    if not trained:
        return (
            f"The base model is right in {in_percent(base)} of judgments on "
            f"{benchmark} ({base['num_pairs']} pairs); no judge is scored yet."
        )
    last = max(trained, key=lambda row: int(row["iteration"]))
    beside = {
        row["filter"]: row
        for row in rows
        if row["iteration"] == last["iteration"] and row["filter"] != filter_name
    }
    control = tell_balance(last, base, beside.get("consistent"))
    if "unchecked" in beside:
        control += (
            " The control unchecked, trained on at most as many judgments, right or "
            "wrong, as many of each letter, is right in "
            f"{in_percent(beside['unchecked'])}."
        )
    return (
        f"On {benchmark}, the judge of iteration {last['iteration']} ({filter_name}) "
        f"is right in {in_percent(last)} of judgments, the base model in "
        f"{in_percent(base)} ({last['num_pairs']} pairs in both orders; exact paired "
        f"test against the base: {p_value(last)}).{control}"
    )


def tell_balance(last: Row, base: Row, control: Row | None) -> str:
    """How much of a gain a control without labels has too; "" without one."""
    if control is None:
        return ""
    gain, alone = (
        100 * (row["accuracy"] - base["accuracy"]) for row in (last, control)
    )
    told = f"Of {gain:.1f} points above the base, {alone:.1f} come with balance alone"
    if not 0 <= alone <= gain:
        told = f"It gains {gain:.1f} points, and with balance alone {alone:.1f}"
    return (
        f" {told}: the control consistent is trained on at most as many judgments, of "
        "pairs on which both orders agree, right or wrong."
    )


def in_percent(row: Row) -> str:
    """An accuracy with its interval, in a sentence."""
    return (
        f"{100 * row['accuracy']:.1f} % "
        f"(95 % interval {100 * row['low']:.1f} to {100 * row['high']:.1f})"
    )


def p_value(row: Row) -> str:
    """The p-value of a test against the base model, in words."""
    value = row["p_value_base"]
    if value is None:
        return "none"
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def accuracy_table(comparisons: Sequence[Comparison], caption: str) -> Table | None:
    """Accuracy in percent with its interval, an iteration a column.

    A row for each benchmark, protocol, average over groups, and filter; iteration
    0 is the base model, whatever the filter.  Empty where there is nothing yet;
    None where there is nothing at all.
    """
    cells: dict[Line, dict[int, str]] = {}
    for comparison in comparisons:
        for row in comparison["rows"]:
            if row["group"] in (OVERALL, MACRO):
                line = Line(
                    comparison["benchmark"],
                    comparison["protocol"],
                    row["group"],
                    row["filter"],
                    row["num_pairs"],
                )
                cells.setdefault(line, {})[row["iteration"]] = accuracy_cell(row)
    iterations = sorted({i for known in cells.values() for i in known})
    trained = {line[:3] for line in cells if line.filter != "base"}
    rows = []
    for line, known in cells.items():
        base = cells.get(line._replace(filter="base"), {})
        if line.filter != "base" or line[:3] not in trained:
            both = base | known
            named = line._asdict()
            # On a phone the first columns are what one sees: they tell rows apart.
            if line.protocol != "selfjudge":
                named["benchmark"] = f"{line.benchmark}_{line.protocol}"
            last = {name: named.pop(name) for name in ("pairs", "protocol")}
            rows.append(
                named | {f"iteration {i}": both.get(i) for i in iterations} | last
            )
    return make_table(caption, rows)


class Line(NamedTuple):
    """What a row of the main table is about."""

    benchmark: str
    protocol: str
    average: str
    filter: str
    pairs: int


def accuracy_cell(row: Row) -> str:
    """An accuracy with its interval, in percent, in a table."""
    if row["accuracy"] is None:
        return "none decided"
    low, high = row["low"], row["high"]
    return f"{100 * row['accuracy']:.1f} ({100 * low:.1f} to {100 * high:.1f})"
