"""The main result of a run: one sentence, and one table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from selfjudge.benchmarks.scores import MACRO
from selfjudge.benchmarks.votes import OVERALL
from selfjudge.report.page_tables import Table, make_table
from selfjudge.report.results_folder import Comparison, Row


def main_sentence(
    comparisons: Sequence[Comparison], benchmark: str, filter_name: str
) -> str:
    """What the latest judge of a filter scores, beside the base and the control."""
    own = [
        comparison
        for comparison in comparisons
        if (comparison["benchmark"], comparison["protocol"]) == (benchmark, "selfjudge")
    ]
    rows = [
        row
        for comparison in own
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
    control = tell_gains(last, base, beside) + tell_twins(
        {
            name: other
            for comparison in own
            if comparison["iteration"] == last["iteration"]
            for name, other in comparison.get("twins", {}).items()
        }
    )
    return (
        f"On {benchmark}, the judge of iteration {last['iteration']} ({filter_name}) "
        f"is right in {in_percent(last)} of judgments, the base model in "
        f"{in_percent(base)} ({last['num_pairs']} pairs in both orders; exact "
        f"sign-flip test of the difference: {p_value(last)}).{control}"
    )


def tell_controls(comparison: Comparison) -> str:
    """What of the first filter's gain controls have too, and whose judges are one.

    "" where a comparison has neither controls nor twins.
    """
    rows = {
        (row["iteration"], row["filter"]): row
        for row in comparison["rows"]
        if row["group"] == OVERALL and row["accuracy"] is not None
    }
    at = comparison["iteration"]
    trained = {name: row for (i, name), row in rows.items() if i == at and at}
    first, base = next(iter(trained), None), rows.get((0, "base"))
    told = tell_gains(trained.pop(first), base, trained) if first and base else ""
    return (told + tell_twins(comparison.get("twins", {}))).strip()


def tell_twins(twins: Mapping[str, str]) -> str:
    """Whose judges are one, a sentence each; "" where there are no such."""
    return "".join(
        f" {name} accepts what {other} accepts: one judge, trained once, in no test."
        for name, other in twins.items()
    )


# What each control is trained on, and so takes away.
CONTROLS = {
    "consistent": "balance alone: consistent is trained on pairs on which both orders "
    "agree, right or wrong",
    "unchecked": "training alone: unchecked is trained on judgments right or wrong, as "
    "many of each letter",
}


def tell_gains(last: Row, base: Row, beside: Mapping[str, Row]) -> str:
    """How much of a gain each control has too, a sentence each; "" without one."""
    gain = 100 * (last["accuracy"] - base["accuracy"])
    told = ""
    for name, what in CONTROLS.items():
        if name in beside:
            alone = 100 * (beside[name]["accuracy"] - base["accuracy"])
            share = f"Of {gain:.1f} points above the base, {alone:.1f} come with"
            if not 0 <= alone <= gain:
                share = f"It gains {gain:.1f} points, and {alone:.1f} come with"
            told += f" {share} {what}."
    return told


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
