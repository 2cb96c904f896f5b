"""The main result of a run: one headline, one sentence, and tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from selfjudge.benchmarks.registry import FORMATS, find_protocol
from selfjudge.benchmarks.scores import MACRO
from selfjudge.benchmarks.votes import OVERALL
from selfjudge.ground.lines import read_json
from selfjudge.pairs.import_reports import tell_dropped
from selfjudge.report.page_tables import Table, make_table
from selfjudge.report.results_folder import Comparison, Row

ALPHA = 0.05
LEAST_STATED = 0.01  # a gain by stating more verdicts that is worth a sentence


class MainResult(NamedTuple):
    """The base model's row and that of the latest judge of a filter, on all pairs.

    ``beside`` are the rows of the other filters at the judge's iteration; ``twins``
    the filters whose judge is another's, by that one's name.
    """

    base: Row | None
    judge: Row | None
    beside: Mapping[str, Row]
    twins: Mapping[str, str]


def main_result(
    comparisons: Sequence[Comparison], benchmark: str | None, filter_name: str
) -> MainResult:
    """The main result of a run, as far as there is one.

    ``benchmark`` is the main one; None where none is configured.
    """
    own = [one for one in comparisons if is_main(one, benchmark)]
    rows = [
        row
        for comparison in own
        for row in comparison["rows"]
        if row["group"] == OVERALL and row["accuracy"] is not None
    ]
    base = next((row for row in rows if row["iteration"] == 0), None)
    trained = [row for row in rows if row["filter"] == filter_name]
    judge = max(trained, key=lambda row: int(row["iteration"]), default=None)
    beside = {
        row["filter"]: row
        for row in rows
        if judge
        and row["iteration"] == judge["iteration"]
        and row["filter"] != filter_name
    }
    twins = {
        name: other
        for comparison in own
        if judge and comparison["iteration"] == judge["iteration"]
        for name, other in comparison.get("twins", {}).items()
    }
    return MainResult(base, judge, beside, twins)


def is_main(comparison: Comparison, benchmark: str | None) -> bool:
    """Whether a comparison is of a benchmark under our own protocol."""
    return (comparison["benchmark"], comparison["protocol"]) == (benchmark, "selfjudge")


def headline(result: MainResult) -> str:
    """What came out, in a few words that say whether it may be chance."""
    base, judge, *_ = result
    if base is None:
        return "Nothing is scored yet"
    if judge is None:
        return "No judge is scored yet"
    points = 100 * (judge["accuracy"] - base["accuracy"])
    p_value = judge["p_value_base"]
    if p_value is None or p_value >= ALPHA:
        return f"No better than the base model ({points:+.1f} points, within chance)"
    if points < 0:
        return f"{points:+.1f} points: worse than the base model, beyond chance"
    return f"{points:+.1f} points over the base model, beyond chance"


def tell_scored(
    comparisons: Sequence[Comparison], benchmark: str | None, about: str | None
) -> str:
    """What was scored, so that nobody takes it for a release that it is not.

    ``about``: what the pairs are of, in the words of the project's config.
    """
    if benchmark is None:
        return "no benchmark is configured, a certificate says what a judge can do"
    found = [one["release"] for one in comparisons if is_main(one, benchmark)]
    if not found or found[-1]["name"]:
        return benchmark
    # What rows of this format may be taken for.
    published = FORMATS[found[-1]["format"]].title
    if about is None and published is None:
        return benchmark
    what = about or "rows of no release that is known"
    unlike = f", not {published}" if published else ""
    return f"{benchmark} ({what}{unlike})"


def main_sentence(result: MainResult, scored: str) -> str:
    """What the latest judge of a filter scores, beside the base and the control.

    ``scored``: what it was scored on, as `tell_scored` says it.
    """
    base, last, *_ = result
    if base is None:
        return f"Nothing is scored yet: {scored}."
    if last is None:
        return (
            f"The base model is right in {in_percent(base)} of judgments on "
            f"{scored} ({base['num_pairs']} pairs); no judge is scored yet."
        )
    return (
        f"On {scored}, the judge of iteration {last['iteration']} ({last['filter']}) "
        f"is right in {in_percent(last)} of judgments, the base model in "
        f"{in_percent(base)} ({last['num_pairs']} pairs in both orders; exact "
        f"sign-flip test: {p_value(last)}).{tell_agreement(result)}"
    )


def tell_agreement(result: MainResult) -> str:
    """How much of a gain the control has where both orders agree; "" without it."""
    base, last, beside, _ = result
    if base is None or last is None or "consistent" not in beside:
        return ""
    gain, alone = (points_above(base, row) for row in (last, beside["consistent"]))
    if not 0 <= alone <= gain:
        return f" It gains {gain:.1f} points, and with agreement alone {alone:.1f}."
    return f" Of {gain:.1f} points, {alone:.1f} come with agreement alone."


def points_above(base: Row, row: Row) -> float:
    """By how many points a judge is above the base model, as it is shown; no -0.0."""
    return float(round(100 * (row["accuracy"] - base["accuracy"]), 1) + 0.0)


# What each control is trained on, and so takes away.
CONTROLS = {
    "consistent": "agreement alone: consistent is trained on pairs on which both "
    "orders agree, right or wrong",
    "unchecked": "balance alone: unchecked is trained on judgments right or wrong, as "
    "many of each letter",
}


def list_controls(result: MainResult) -> list[str]:
    """How much of a gain comes without skill, and whose judges are one, a sentence
    each."""
    base, last, beside, twins = result
    found = tell_gains(last, base, beside) if base and last else []
    return tell_stated(last, base) + found + tell_twins(twins)


def tell_controls(comparison: Comparison) -> str:
    """What `list_controls` says, of the first filter of one comparison.

    Of verdicts stated only where an unparsed judgment is wrong.
    """
    rows = {
        (row["iteration"], row["filter"]): row
        for row in comparison["rows"]
        if row["group"] == OVERALL and row["accuracy"] is not None
    }
    at = comparison["iteration"]
    trained = {name: row for (i, name), row in rows.items() if i == at and at}
    first, base = next(iter(trained), None), rows.get((0, "base"))
    last = trained.pop(first) if first else None
    found = tell_gains(last, base, trained) if base and last else []
    protocol = find_protocol(comparison["release"]["format"], comparison["protocol"])
    if protocol.unparsed == "wrong":
        found = tell_stated(last, base) + found
    return " ".join(found + tell_twins(comparison.get("twins", {})))


def tell_stated(last: Row | None, base: Row | None) -> list[str]:
    """How much of a gain comes with more verdicts, or fewer: one sentence or none.

    So many more as the judge states, each as often right as those of the base model.
    """
    if base is None or last is None:
        return []
    more = last["coverage"] - base["coverage"]
    # Of none that is stated nothing is known: a coin's.
    rate = base["accuracy"] / base["coverage"] if base["coverage"] else 0.5
    if abs(more * rate) < LEAST_STATED:
        return []
    right = "of these are right" if base["coverage"] else "of a coin's were right"
    return [
        f"{share_of_gain(last, base, more * rate)} {'more' if more > 0 else 'fewer'} "
        f"verdicts alone: the base model states one in {100 * base['coverage']:.1f} % "
        f"of judgments ({100 * rate:.1f} % {right}), the judge in "
        f"{100 * last['coverage']:.1f} %."
    ]


def tell_gains(last: Row, base: Row, beside: Mapping[str, Row]) -> list[str]:
    """How much of a gain each control has too, a sentence each."""
    return [
        f"{share_of_gain(last, base, beside[name]['accuracy'] - base['accuracy'])} "
        f"{what}; it is right in {in_percent(beside[name])}."
        for name, what in CONTROLS.items()
        if name in beside
    ]


def share_of_gain(last: Row, base: Row, alone: float) -> str:
    """How a sentence begins about how much of a judge's gain comes with what."""
    points, part = points_above(base, last), round(100 * alone, 1) + 0.0
    if 0 <= part <= points:
        return f"Of {points:.1f} points above the base, {part:.1f} come with"
    return f"It gains {points:.1f} points, and {part:.1f} come with"


def tell_twins(twins: Mapping[str, str]) -> list[str]:
    """Whose judges are one, a sentence each."""
    return [
        f"{name} accepts what {other} accepts: one judge, trained once, in no test."
        for name, other in twins.items()
    ]


def tell_sources(results: Path) -> str | None:
    """How many rows of the sources were dropped, and why; None if none is known."""
    report = results / "prompts_report.json"
    return tell_dropped(read_json(report)) if report.is_file() else None


def in_percent(row: Row) -> str:
    """An accuracy with its 95 % interval, in a sentence."""
    low, high = 100 * row["low"], 100 * row["high"]
    return f"{100 * row['accuracy']:.1f} % ({low:.1f} to {high:.1f})"


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


def small_table(
    comparisons: Sequence[Comparison], benchmark: str | None
) -> Table | None:
    """The main benchmark's accuracy on all pairs: a filter a row, by iteration."""
    main = [
        one | {"rows": [row for row in one["rows"] if row["group"] == OVERALL]}
        for one in comparisons
        if is_main(one, benchmark)
    ]
    table = accuracy_table(main, f"Right in percent on {benchmark}, by iteration")
    if table is None:
        return None
    at = [i for i, name in enumerate(table.columns) if name.startswith("iteration")]
    kept = [table.columns.index("filter"), *at]
    return table._replace(
        columns=[table.columns[i].removeprefix("iteration ") for i in kept],
        rows=[[row[i] for i in kept] for row in table.rows],
        is_numeric=[table.is_numeric[i] for i in kept],
    )


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
