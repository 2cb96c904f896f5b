"""Figures of scores: by iteration, by group, filter against filter, protocols."""

from collections.abc import Iterator, Sequence

from selfjudge.benchmarks.scores import MACRO
from selfjudge.benchmarks.votes import OVERALL
from selfjudge.report.charts import Axis, Level, line_panels, range_panels
from selfjudge.report.figures import Figure, as_words, by_iteration, course_of
from selfjudge.report.results_folder import Comparison, Row, Run, missing_comparisons
from selfjudge.report.score_tables import (
    filter_test_table,
    group_table,
    groups_of,
    parts_only,
    protocol_table,
    published_table,
    score_table,
)

MOST_PUBLISHED = 3  # lines of others in the main figure


def score_figures(run: Run) -> Iterator[Figure]:
    """Every figure of scores that the run has, or would have if it were whole."""
    targets = list(dict.fromkeys([*run.expected.targets, *run.comparisons]))
    scored = [target for target in targets if target in run.comparisons]
    if scored and scored[0] == targets[0]:
        yield from main_figure(run, scored[0])
    for target in targets:
        yield accuracy_figure(run, target)
    for target in scored:
        yield from published_figures(run, target)
    for target in scored:
        if is_plain(run, target):
            yield group_figure(run, target)
        yield table_figure(run, target)
    for target in scored:
        if is_plain(run, target) and len(run.expected.filters) > 1:
            yield filter_figure(run, target)
    yield from protocol_figures(run, scored)


def is_plain(run: Run, target: str) -> bool:
    """Whether a target is a benchmark asked and scored our way, and no other."""
    return bool(target == last_of(run, target)["benchmark"])


def last_of(run: Run, target: str) -> Comparison:
    """The comparison of the last iteration that a target has."""
    comparisons = run.comparisons[target]
    return comparisons[max(comparisons)]


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


def accuracy_figure(run: Run, target: str) -> Figure:
    """Accuracy by iteration over all pairs and over groups: the paper's Figure 2."""
    figure = Figure(
        kind="accuracy",
        of=target,
        section="accuracy",
        title=f"Accuracy on {target} by iteration",
        alt="No judge has been scored yet.",
        table=[],
        missing=missing_comparisons(run, [target]),
    )
    if target not in run.comparisons:
        return figure
    last = last_of(run, target)
    rows = score_table(run.comparisons[target])
    groups = [group for group in (OVERALL, MACRO) if has_group(run, target, group)]
    drawn = by_iteration(judges_of(rows, groups), "accuracy", "group")
    release = last["release"]
    name = release["name"] or "a release that is not a known one"
    return figure._replace(
        note=f"Protocol {last['protocol']}, {release['num_pairs']} pairs of {name}.",
        alt=f"Lines of accuracy by iteration. {course_of(drawn)}",
        table=rows,
        chart=line_panels(
            drawn, "iteration", Axis("accuracy"), controls_of(rows, groups)
        ),
    )


def main_figure(run: Run, target: str) -> Iterator[Figure]:
    """The curve of the page's first screen: all pairs of the main benchmark.

    With the best published scores of the same rows under the same protocol, if any.
    """
    last = last_of(run, target)
    if not has_group(run, target, OVERALL):
        return
    rows = score_table(run.comparisons[target])
    drawn = by_iteration(judges_of(rows, [OVERALL]), "accuracy", "group")
    published = [
        Level(row["model"], row[OVERALL])
        for row in published_table(last)
        if row["comparable"] and row.get(OVERALL) is not None
    ]
    coin = [one for one in controls_of(rows, [OVERALL]) if one.label == "coin"]
    best = sorted(published, key=lambda level: -level.value)[:MOST_PUBLISHED]
    yield Figure(
        kind="main",
        section="result",
        title=f"Right on {target}, by iteration",
        alt=f"Lines of accuracy by iteration. {course_of(drawn)}",
        table=[row for row in rows if row["group"] == OVERALL],
        chart=line_panels(drawn, "iteration", Axis(None), [*coin, *best]),
        missing=missing_comparisons(run, [target]),
    )


def has_group(run: Run, target: str, group: str) -> bool:
    """Whether a comparison has rows of a group or an average."""
    return group in groups_of(run.comparisons[target])


def published_figures(run: Run, target: str) -> Iterator[Figure]:
    """What others published, as a table; drawn beside ours where both compare."""
    last = last_of(run, target)
    table = published_table(last)
    if not table:
        return
    comparable = [row for row in table if row["comparable"]]
    figure = Figure(
        kind="published",
        of=target,
        section="accuracy",
        title=f"Published scores of {target}",
        alt=f"{len(table)} published rows, none of which compares with ours.",
        table=table,
    )
    if comparable:
        group = OVERALL if has_group(run, target, OVERALL) else MACRO
        drawn = published_rows(last, comparable, group)
        told = "; ".join(f"{row['name']}: {as_words(row['x'])}" for row in drawn)
        figure = figure._replace(
            alt=f"Points of accuracy on {group}, ours and published. {told}.",
            chart=range_panels(drawn, Axis("accuracy"), [0.5]),
        )
    yield figure


def published_rows(last: Comparison, others: Sequence[Row], group: str) -> list[Row]:
    """Our judges of the last iteration among published ones, best first."""
    found = [
        {"name": f"{row['filter']} {row['iteration']}"}
        | {"series": "ours", "panel": group}
        | {"x": row["accuracy"], "low": row["low"], "high": row["high"]}
        for row in last["rows"]
        if row["group"] == group and row["accuracy"] is not None
    ] + [
        {"name": row["model"], "series": "published", "panel": group, "x": row[group]}
        for row in others
        if row.get(group) is not None
    ]
    return sorted(found, key=lambda row: -row["x"])


def group_figure(run: Run, target: str) -> Figure:
    """Accuracy by group: the paper's Figure 5."""
    comparisons = run.comparisons[target]
    groups = parts_only(groups_of(comparisons))
    rows = [row for row in score_table(comparisons) if row["group"] in groups]
    drawn = by_iteration(judges_of(rows, groups), "accuracy", "group")
    levels = controls_of(rows, groups)
    return Figure(
        kind="groups",
        of=target,
        section="groups",
        title=f"Accuracy on {target} by group",
        alt=f"Lines of accuracy, a panel for each group. {course_of(drawn)}",
        table=rows,
        chart=line_panels(drawn, "iteration", Axis("accuracy"), levels, columns=2),
        missing=missing_comparisons(run, [target]),
    )


def table_figure(run: Run, target: str) -> Figure:
    """Groups side by side: the paper's Table 2."""
    return Figure(
        kind="table",
        of=target,
        section="groups",
        title=f"All groups of {target} side by side",
        alt="A table of accuracy by judge and group.",
        table=group_table(run.comparisons[target]),
        missing=missing_comparisons(run, [target]),
    )


def filter_figure(run: Run, target: str) -> Figure:
    """Filters against each other at the last iteration: the paper's Figure 4."""
    rows = filter_test_table(run.comparisons[target])
    drawn = [
        {"name": f"{row['other']} - {row['filter']}", "x": row["difference"]}
        | {"low": row["low"], "high": row["high"]}
        | {"panel": f"iteration {row['iteration']}"}
        for row in rows
        if row["group"] == OVERALL
    ]
    told = "; ".join(
        f"{row['panel']}, {row['name']}: {100 * row['x']:+.1f} points" for row in drawn
    )
    axis = Axis("difference", "+.0%", zero=True)
    return Figure(
        kind="filters",
        of=target,
        section="filters",
        title=f"Filters compared on {target}",
        alt=f"Differences between filters with intervals. {told or 'None yet'}.",
        table=rows,
        chart=range_panels(drawn, axis, [0.0]) if drawn else None,
        missing=missing_comparisons(run, [target]),
    )


def protocol_figures(run: Run, targets: Sequence[str]) -> Iterator[Figure]:
    """The same judges under each protocol: ours, greedy, blind, those of others."""
    benchmarks: dict[str, list[str]] = {}
    for target in targets:
        benchmarks.setdefault(last_of(run, target)["benchmark"], []).append(target)
    for benchmark, names in benchmarks.items():
        if len(names) < 2:
            continue
        rows = protocol_table(run, names)
        filters = [row["filter"] for row in rows if row["filter"] != "base"]
        drawn = [
            {"x": row["iteration"], "y": row["accuracy"], "series": row["target"]}
            | {"panel": panel, "low": row["low"], "high": row["high"]}
            for panel in dict.fromkeys(filters or ["base"])
            for row in rows
            if row["filter"] in (panel, "base") and row["accuracy"] is not None
        ]
        coin = [Level("coin", 0.5)]
        yield Figure(
            kind="protocols",
            of=benchmark,
            section="filters",
            title=f"{benchmark} under each protocol",
            alt=f"Lines of accuracy, a panel for each filter. {course_of(drawn)}",
            table=rows,
            chart=line_panels(drawn, "iteration", Axis("accuracy"), coin, columns=2),
            missing=missing_comparisons(run, names),
        )
