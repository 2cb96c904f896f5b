"""The figures of a run in the order of the page: a table each, most of them drawn."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from selfjudge.charts import Axis, Level, Spec, line_panels, range_panels
from selfjudge.runs import Run, missing_comparisons, missing_reports
from selfjudge.scores import MACRO
from selfjudge.tables import (
    Row,
    accepted_table,
    benchmark_health_table,
    dropped_table,
    filter_test_table,
    group_table,
    groups_of,
    has_overall,
    health_table,
    parts_only,
    published_table,
    purity_table,
    score_table,
    way_table,
)
from selfjudge.votes import OVERALL

PERCENT = Axis("share")


class Figure(NamedTuple):
    """A table with what is said of it, and how it is drawn; None if it is not.

    ``missing`` names files that would make it whole; ``name`` is a file name.
    """

    name: str
    section: str
    title: str
    caption: str
    alt: str
    table: list[Row]
    chart: Spec | None = None
    missing: Sequence[str] = ()


def all_figures(run: Run) -> list[Figure]:
    """Every figure that the run has, or would have if it were whole."""
    targets = list(dict.fromkeys([*run.expected.targets, *run.comparisons]))
    ours = [target for target in targets if target in run.comparisons]
    figures = [accuracy_figure(run, target) for target in targets]
    figures += [figure for target in ours for figure in published_figures(run, target)]
    figures += [figure for target in ours for figure in group_figures(run, target)]
    figures += [figure for target in ours for figure in filter_figures(run, target)]
    figures += way_figures(run, ours)
    figures += [*accepted_figures(run), *dropped_figures(run)]
    figures += [*health_figures(run, ours), *purity_figures(run)]
    return figures


def by_iteration(
    rows: Sequence[Row], y: str, panel: str | None = None, title: str = ""
) -> list[Row]:
    """The rows that a line over iterations draws, a series for each filter.

    Every filter's line starts at the base model, if there is any filter.
    """
    filters = list(
        dict.fromkeys(row["filter"] for row in rows if row["filter"] != "base")
    )
    found = []
    for row in rows:
        if row[y] is None:
            continue
        own = [row["filter"]]
        for name in (filters or own) if row["filter"] == "base" else own:
            found.append(
                {"x": row["iteration"], "y": row[y], "series": name}
                | {"panel": row[panel] if panel else title}
                | {end: row[end] for end in ("low", "high") if row.get(end) is not None}
            )
    return sorted(found, key=lambda row: filters.index(row["series"]) if filters else 0)


def judges_of(rows: Sequence[Row], groups: Sequence[str]) -> list[Row]:
    """The rows of judges on some groups, in the order of the groups."""
    return [
        row | {"filter": row["name"]}
        for group in groups
        for row in rows
        if row["group"] == group and row["kind"] in ("base", "judge")
    ]


def controls_of(rows: Sequence[Row], groups: Sequence[str]) -> list[Level]:
    """The heights of the controls in each group's panel."""
    return [
        Level(row["name"].replace("_", " "), row["accuracy"], row["group"])
        for row in rows
        if row["kind"] == "control"
        and row["group"] in groups
        and row["accuracy"] is not None
    ]


def course_of(rows: Sequence[Row]) -> str:
    """In words, from where to where each line of drawn rows goes, panel by panel."""
    lines: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        lines.setdefault((row["panel"], row["series"]), []).append(row)
    told = []
    for (panel, series), points in lines.items():
        points.sort(key=lambda row: row["x"])
        values = ", ".join(as_words(point["y"]) for point in points)
        told.append(f"{panel}, {series}: {values}")
    return "; ".join(told) + "."


def as_words(value: float) -> str:
    """A share in percent with one digit, a larger number as it is."""
    return f"{100 * value:.1f} %" if 0 <= value <= 1 else f"{value:g}"


def accuracy_figure(run: Run, target: str) -> Figure:
    """Accuracy by iteration over all pairs and over groups: the paper's Figure 2."""
    missing = missing_comparisons(run, [target])
    title = f"Accuracy on {target} by iteration"
    name = f"accuracy_{target}"
    if target not in run.comparisons:
        why = "No judge has been scored yet."
        return Figure(name, "accuracy", title, why, why, [], None, missing)
    comparisons = run.comparisons[target]
    last = comparisons[max(comparisons)]
    rows = score_table(comparisons)
    groups = [group for group in (OVERALL, MACRO) if group in groups_of(comparisons)]
    drawn = by_iteration(judges_of(rows, groups), "accuracy", "group")
    levels = controls_of(rows, groups)
    release = last["release"]
    caption = (
        f"Protocol {last['protocol']}, {release['num_pairs']} pairs of "
        f"{release['name'] or 'a release that is not known'}. "
        "overall is the mean over all pairs, macro the plain mean over groups; "
        "iteration 0 is the base model. Bars are 95 % intervals (Wilson's over "
        "pairs; on macro the bootstrap's over prompts). Thin lines are judges "
        "without eyes on the same judgments. unchecked is a control: the same "
        "amount of training data, right or wrong alike."
    )
    alt = f"Lines of accuracy by iteration. {course_of(drawn)}"
    chart = line_panels(drawn, "iteration", Axis("accuracy"), levels)
    return Figure(name, "accuracy", title, caption, alt, rows, chart, missing)


def published_figures(run: Run, target: str) -> Iterator[Figure]:
    """What others published, as a table; drawn beside ours where both compare."""
    comparisons = run.comparisons[target]
    last = comparisons[max(comparisons)]
    table = published_table(last)
    if not table:
        return
    comparable = [row for row in table if row["comparable"]]
    caption = (
        "Published scores of the same benchmark. They stand in one drawing with ours "
        "only where the source scored the same rows under the same protocol; "
        "what keeps the others from comparing is in their notes."
    )
    chart, alt = None, f"{len(table)} published rows, {len(comparable)} comparable."
    group = OVERALL if has_overall(run, target) else MACRO
    if comparable:
        drawn = published_rows(last, comparable, group)
        chart = range_panels(drawn, Axis("accuracy"), [0.5])
        best, worst = drawn[0], drawn[-1]
        alt = (
            f"Points of accuracy on {group}, ours and published, from "
            f"{best['name']} ({as_words(best['x'])}) down to "
            f"{worst['name']} ({as_words(worst['x'])})."
        )
    title = f"Published scores of {target}"
    yield Figure(f"published_{target}", "accuracy", title, caption, alt, table, chart)


def published_rows(
    last: dict[str, Any], others: Sequence[Row], group: str
) -> list[Row]:
    """Our judges of the last iteration among published ones, best first."""
    found = [
        {
            "name": f"{row['filter']} {row['iteration']}",
            "series": "ours",
            "panel": group,
        }
        | {"x": row["accuracy"], "low": row["low"], "high": row["high"]}
        for row in last["rows"]
        if row["group"] == group and row["accuracy"] is not None
    ] + [
        {"name": row["model"], "series": "published", "panel": group, "x": row[group]}
        for row in others
        if row.get(group) is not None
    ]
    return sorted(found, key=lambda row: -row["x"])


def group_figures(run: Run, target: str) -> Iterator[Figure]:
    """Accuracy by group: the paper's Figure 5 and Table 2."""
    comparisons = run.comparisons[target]
    missing = missing_comparisons(run, [target])
    groups = parts_only(groups_of(comparisons))
    rows = score_table(comparisons)
    drawn = by_iteration(judges_of(rows, groups), "accuracy", "group")
    chart = line_panels(
        drawn, "iteration", Axis("accuracy"), controls_of(rows, groups), columns=2
    )
    caption = "Accuracy in each group with 95 % intervals (Wilson's over pairs)."
    alt = f"Lines of accuracy by iteration, a panel for each group. {course_of(drawn)}"
    table = [row for row in rows if row["group"] in groups]
    title = f"Accuracy on {target} by group"
    yield Figure(
        f"groups_{target}", "groups", title, caption, alt, table, chart, missing
    )
    yield Figure(
        f"table_{target}",
        "groups",
        f"All groups of {target} side by side",
        "Accuracy, a column for each group and average.",
        "A table of accuracy by judge and group.",
        group_table(comparisons),
        None,
        missing,
    )


def filter_figures(run: Run, target: str) -> Iterator[Figure]:
    """Filters against each other at each iteration: the paper's Figure 4."""
    if len(run.expected.filters) < 2:
        return
    rows = filter_test_table(run, target)
    missing = missing_comparisons(run, [target])
    title = f"Filters compared on {target}"
    name = f"filters_{target}"
    if not rows:
        why = "No two filters have been scored at one iteration yet."
        yield Figure(name, "filters", title, why, why, [], None, missing)
        return
    drawn = [
        {"name": f"{row['filter']} - {row['other']}", "x": row["difference"]}
        | {"low": row["low"], "high": row["high"]}
        | {"panel": f"iteration {row['iteration']}"}
        for row in rows
        if row["group"] == OVERALL and row["low"] is not None
    ]
    caption = (
        "Difference of accuracy between two filters on the very same pairs, with its "
        "95 % bootstrap interval over prompts. p_value is of the exact paired test "
        "(McNemar's where scores are 0 or 1, else the sign test over pairs whose "
        "score changed); p_value_holm is Holm's correction over all filters and "
        "iterations of a group. majority_matched is majority with no more closed "
        "pairs than correctness: it tells a better label from more data."
    )
    told = "; ".join(
        f"{row['panel']}, {row['name']}: {100 * row['x']:+.1f} points" for row in drawn
    )
    chart = (
        range_panels(drawn, Axis("difference", "+.0%", True), [0.0]) if drawn else None
    )
    alt = f"Differences between filters with intervals. {told}."
    yield Figure(name, "filters", title, caption, alt, rows, chart, missing)


def way_figures(run: Run, targets: Sequence[str]) -> Iterator[Figure]:
    """The same judges asked and scored otherwise: blind, greedy, other protocols."""
    benchmarks: dict[str, list[str]] = {}
    for target in targets:
        last = run.comparisons[target][max(run.comparisons[target])]
        benchmarks.setdefault(last["benchmark"], []).append(target)
    for benchmark, names in benchmarks.items():
        if len(names) < 2:
            continue
        rows = way_table(run, names)
        filters = [row["filter"] for row in rows if row["filter"] != "base"]
        drawn = [
            {"x": row["iteration"], "y": row["accuracy"], "series": row["target"]}
            | {"panel": panel, "low": row["low"], "high": row["high"]}
            for panel in dict.fromkeys(filters or ["base"])
            for row in rows
            if row["filter"] in (panel, "base") and row["accuracy"] is not None
        ]
        caption = (
            "The same judges on the same pairs, asked and scored in other ways: "
            "blind shows a grey picture of the same size, greedy decodes without "
            "sampling, other protocols are those of other harnesses. What a judge "
            "scores blind it did not see."
        )
        yield Figure(
            f"ways_{benchmark}",
            "filters",
            f"Other ways to ask and score {benchmark}",
            caption,
            f"Lines of accuracy, a panel for each filter. {course_of(drawn)}",
            rows,
            line_panels(drawn, "iteration", Axis("accuracy"), [Level("coin", 0.5)], 2),
            missing_comparisons(run, names),
        )


def accepted_figures(run: Run) -> Iterator[Figure]:
    """The share of judgments accepted, by kind and category: the paper's Figure 3."""
    rows = accepted_table(run.filter_reports)
    missing = missing_reports(run, "filter_report.json", run.filter_reports)
    title = "Share of judgments accepted"
    if not rows:
        why = "No judgment has been filtered yet."
        yield Figure("accepted", "accepted", title, why, why, [], None, missing)
        return
    named = [
        row | {"panel": panel_of(row), "order": (row["kind"] != "all", row["kind"])}
        for row in rows
    ]
    named.sort(key=lambda row: (row["order"], row["category"], row["iteration"]))
    drawn = by_iteration(named, "accepted_rate", "panel")
    order = list(dict.fromkeys(row["panel"] for row in named))
    drawn.sort(key=lambda row: order.index(row["panel"]))
    caption = (
        "Accepted judgments of all judgments of an iteration's pairs, judged by the "
        "judge of the iteration before. Closed pairs are told apart by whose answer "
        "labels them, open pairs by the injected error."
    )
    chart = line_panels(drawn, "iteration", Axis("accepted", zero=True), (), 2)
    alt = f"Lines of the accepted share by iteration. {course_of(drawn)}"
    yield Figure("accepted", "accepted", title, caption, alt, rows, chart, missing)


def panel_of(row: Row) -> str:
    """The heading of a kind and category."""
    if row["kind"] == "all":
        return "all judgments"
    return f"{row['kind']}: {row['category'].replace('_', ' ')}"


def dropped_figures(run: Run) -> Iterator[Figure]:
    """Why judgments and prompts were dropped, a panel for each reason."""
    for name, title, reports, file, whole, caption in (
        (
            "dropped_judgments",
            "Why judgments were dropped",
            run.filter_reports,
            "filter_report.json",
            ["num_judgments"],
            "Shares of all judgments; with the accepted ones they add up to all.",
        ),
        (
            "dropped_pairs",
            "Why prompts and rewrites gave no pair",
            run.pairs_reports,
            "pairs_report.json",
            ["num_pairs", "num_dropped"],
            "Shares of all closed prompts and of all rewrites of open ones; with the "
            "pairs they add up to all.",
        ),
    ):
        missing = missing_reports(run, file, reports)
        rows = dropped_table(reports, whole)
        named = [row | {"panel": row["reason"].replace("_", " ")} for row in rows]
        drawn = by_iteration(named, "dropped_rate", "panel")
        order = list(dict.fromkeys(row["panel"] for row in named))
        drawn.sort(key=lambda row: order.index(row["panel"]))
        chart = (
            line_panels(drawn, "iteration", Axis("share", zero=True), (), 2)
            if drawn
            else None
        )
        alt = f"Lines of dropped shares by iteration. {course_of(drawn)}"
        yield Figure(name, "accepted", title, caption, alt, rows, chart, missing)


HEALTH = {
    "first_rate": "prefers the first response",
    "agreement_rate": "agrees in both orders",
    "unparsed_rate": "unparsed",
    "truncated_rate": "cut at the token limit",
    "accepted_first_rate": "accepted with chosen first",
}


def health_figures(run: Run, targets: Sequence[str]) -> Iterator[Figure]:
    """Position bias, agreement, unparsed, length, balance, by iteration."""
    rows = health_table(run.filter_reports)
    missing = missing_reports(run, "filter_report.json", run.filter_reports)
    caption = (
        "How the judge of the iteration before judged an iteration's training pairs. "
        "A judge without a preference for a place prefers the first response in half "
        "of its verdicts; training data is balanced where chosen stands first in "
        "half of it."
    )
    yield health_figure(
        "health", "Health of training judgments", caption, rows, HEALTH, missing
    )
    lengths = [
        row | {"panel": title, "value": row[column]}
        for column, title in (
            ("mean_characters", "all judgments"),
            ("mean_characters_accepted", "accepted judgments"),
        )
        for row in rows
    ]
    drawn = by_iteration(lengths, "value", "panel")
    yield Figure(
        "length",
        "health",
        "Length of judgments",
        "Mean number of characters of a judgment.",
        f"Lines of mean length by iteration. {course_of(drawn)}",
        [row for row in rows if row["mean_characters"] is not None],
        line_panels(drawn, "iteration", Axis("characters", "d"), (), 2)
        if drawn
        else None,
        missing,
    )
    for target in targets:
        rows = benchmark_health_table(run.comparisons[target])
        caption = f"How each judge judged {target}, over all pairs."
        title = f"Health of judgments on {target}"
        missing = missing_comparisons(run, [target])
        yield health_figure(f"health_{target}", title, caption, rows, HEALTH, missing)


def health_figure(
    name: str,
    title: str,
    caption: str,
    rows: Sequence[Row],
    measures: dict[str, str],
    missing: Sequence[str],
) -> Figure:
    """Shares by iteration, a panel for each measure that has any."""
    named = [
        row | {"panel": heading, "value": row[column]}
        for column, heading in measures.items()
        for row in rows
        if row.get(column) is not None
    ]
    drawn = by_iteration(named, "value", "panel")
    order = list(measures.values())
    drawn.sort(key=lambda row: order.index(row["panel"]))
    halves = [measures[key] for key in ("first_rate", "accepted_first_rate")]
    levels = [Level("no bias", 0.5, half) for half in halves]
    chart = line_panels(drawn, "iteration", PERCENT, levels, 2) if drawn else None
    alt = f"Lines of shares by iteration, a panel for each measure. {course_of(drawn)}"
    return Figure(name, "health", title, caption, alt, list(rows), chart, missing)


def purity_figures(run: Run) -> Iterator[Figure]:
    """How many labels are right, where gold answers or the project know it."""
    rows = purity_table(run.pairs_reports)
    if rows:
        drawn = [
            {"x": row["num_votes"], "y": row["right_rate"], "series": row["filter"]}
            | {"low": row["low"], "high": row["high"]}
            | {"panel": f"iteration {row['iteration']}"}
            for row in rows
        ]
        yield Figure(
            "purity",
            "health",
            "Labels that the gold answer confirms, by votes",
            "Of pairs labelled by the majority answer whose prompt has a gold answer: "
            "the share whose chosen response gives it, by the number of votes, with "
            "Wilson's 95 % intervals. In the rest both responses are wrong or the "
            "label is reversed. Gold answers label no pair here.",
            f"Lines of the share of right labels by votes. {course_of(drawn)}",
            rows,
            line_panels(drawn, "votes for the majority answer", Axis("right"), (), 2),
            missing_reports(run, "pairs_report.json", run.pairs_reports),
        )
    truths = run.truths
    if truths:
        whole = [
            row | {"panel": row["measure"].replace("_", " "), "value": row["rate"]}
            for row in truths
            if all(row.get(key) is None for key in ("kind", "category", "num_votes"))
        ]
        drawn = by_iteration(whole, "value", "panel")
        order = list(dict.fromkeys(row["panel"] for row in whole))
        drawn.sort(key=lambda row: order.index(row["panel"]))
        yield Figure(
            "truth",
            "health",
            "Labels and judgments against the truth",
            "What the project knows of its own world, over all pairs; the table has "
            "it by kind, category and votes too. Wilson's 95 % intervals.",
            f"Lines of measures by iteration. {course_of(drawn)}",
            truths,
            line_panels(drawn, "iteration", PERCENT, (), 2) if drawn else None,
            missing_reports(run, "truth.json", truths),
        )
