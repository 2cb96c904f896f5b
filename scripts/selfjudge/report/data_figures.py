"""Figures of training data: what was accepted, what was dropped, how judges behave."""

from collections.abc import Iterator, Mapping, Sequence

from selfjudge.report.charts import Axis, Level, line_panels
from selfjudge.report.data_tables import (
    accepted_table,
    dropped_table,
    health_table,
    purity_table,
    samples_table,
)
from selfjudge.report.figures import Figure, by_iteration, course_of
from selfjudge.report.results_folder import (
    Row,
    Run,
    missing_comparisons,
    missing_reports,
)
from selfjudge.report.score_tables import benchmark_health_table

SHARE = Axis("share")
FROM_ZERO = Axis("share", zero=True)
HEALTH = {
    "first_rate": "prefers the first response",
    "agreement_rate": "agrees in both orders",
    "unparsed_rate": "unparsed",
    "truncated_rate": "cut at the token limit",
    "accepted_first_rate": "accepted with chosen first",
}
SAMPLES = {
    "unparsed_rate": "without an answer",
    "refused_rate": "says that it cannot tell",
    "cut_off_rate": "cut at the token limit",
}
LENGTHS = {
    "mean_characters": "all judgments",
    "mean_characters_accepted": "accepted judgments",
}


def data_figures(run: Run, bounds: Mapping[str, float]) -> Iterator[Figure]:
    """Every figure of training data and of the judges' health.

    ``bounds``: the config section `probe`, of which the figures warn too.
    """
    yield accepted_figure(run)
    yield from dropped_figures(run)
    yield samples_figure(run, bounds)
    yield from health_figures(run)
    yield from purity_figures(run)
    yield from truth_figures(run)


def accepted_figure(run: Run) -> Figure:
    """The share of judgments accepted, by kind and category: the paper's Figure 3."""
    rows = accepted_table(run.filter_reports)
    named = sorted(
        (row | {"panel": panel_of(row)} for row in rows),
        key=lambda row: (row["kind"] != "all", row["kind"], row["category"]),
    )
    drawn = by_iteration(named, "accepted_rate", "panel")
    return Figure(
        kind="accepted",
        section="accepted",
        title="Share of judgments accepted",
        alt=f"Lines of the accepted share by iteration. {course_of(drawn)}",
        table=rows,
        chart=line_panels(drawn, "iteration", FROM_ZERO, columns=2) if drawn else None,
        missing=missing_reports(run, "filter_report.json", run.filter_reports),
    )


def panel_of(row: Row) -> str:
    """The heading of a kind and category."""
    if row["kind"] == "all":
        return "all judgments"
    return f"{row['kind']}: {row['category'].replace('_', ' ')}"


def dropped_figures(run: Run) -> Iterator[Figure]:
    """Why judgments and prompts were dropped, a panel for each reason."""
    for kind, title, reports, file, whole in (
        (
            "dropped_judgments",
            "Why judgments were dropped",
            run.filter_reports,
            "filter_report.json",
            ["num_judgments"],
        ),
        (
            "dropped_pairs",
            "Why prompts and rewrites gave no pair",
            run.pairs_reports,
            "pairs_report.json",
            ["num_pairs", "num_dropped"],
        ),
    ):
        rows = dropped_table(reports, whole)
        named = [row | {"panel": row["reason"].replace("_", " ")} for row in rows]
        drawn = by_iteration(named, "dropped_rate", "panel")
        chart = line_panels(drawn, "iteration", FROM_ZERO, columns=2) if drawn else None
        yield Figure(
            kind=kind,
            section="accepted",
            title=title,
            alt=f"Lines of dropped shares, a panel for each reason. {course_of(drawn)}",
            table=rows,
            chart=chart,
            missing=missing_reports(run, file, reports),
        )


def samples_figure(run: Run, bounds: Mapping[str, float]) -> Figure:
    """The share of samples that give no answer, by format, a panel for each reason."""
    rows = samples_table(run.pairs_reports)
    drawn = by_iteration(
        [
            row | {"panel": heading, "value": row[column], "filter": name}
            for column, heading in SAMPLES.items()
            for row in rows
            for name in [row["answer_format"].replace("_", " ")]
        ],
        "value",
        "panel",
    )
    return Figure(
        kind="samples",
        section="accepted",
        title="Samples of closed prompts without an answer",
        note=warn_of_samples(rows, bounds),
        alt=f"Lines by iteration, a panel for each reason. {course_of(drawn)}",
        table=rows,
        chart=line_panels(drawn, "iteration", FROM_ZERO, columns=2) if drawn else None,
        missing=missing_reports(run, "pairs_report.json", run.pairs_reports),
    )


def warn_of_samples(rows: Sequence[Row], bounds: Mapping[str, float]) -> str:
    """In words, of which formats too few samples have an answer; "" of none."""
    least = bounds.get("min_parsed_rate", 0.0)
    few = [
        f"{row['answer_format']} {100 * row['parsed_rate']:.1f} % at iteration "
        f"{row['iteration']}"
        for row in rows
        if row["parsed_rate"] < least
    ]
    warning = f"Warning: less than {100 * least:g} % of samples have an answer: "
    return f"{warning}{', '.join(few)}." if few else ""


def health_figures(run: Run) -> Iterator[Figure]:
    """Position bias, agreement, unparsed, length, balance, by iteration."""
    rows = health_table(run.filter_reports)
    trained = Figure(
        kind="health",
        section="health",
        title="Health of training judgments",
        alt="",
        table=rows,
        missing=missing_reports(run, "filter_report.json", run.filter_reports),
    )
    yield draw_measures(trained, HEALTH, SHARE)
    length = trained._replace(kind="length", title="Length of judgments")
    yield draw_measures(length, LENGTHS, Axis("characters", "d"))
    for target in run.comparisons:
        figure = Figure(
            kind="health_benchmark",
            of=target,
            section="health",
            title=f"Health of judgments on {target}",
            alt="",
            table=benchmark_health_table(run.comparisons[target]),
            missing=missing_comparisons(run, [target]),
        )
        yield draw_measures(figure, HEALTH, SHARE)


def draw_measures(figure: Figure, measures: Mapping[str, str], axis: Axis) -> Figure:
    """The figure with a chart: a panel for each measure that has a value.

    Its table is cut to the columns that say what a row is of, and the measures.
    """
    others = (HEALTH | LENGTHS).keys() - measures.keys()
    named = [
        row | {"panel": heading, "value": row[column]}
        for column, heading in measures.items()
        for row in figure.table
        if row.get(column) is not None
    ]
    drawn = by_iteration(named, "value", "panel")
    halves = [HEALTH[key] for key in ("first_rate", "accepted_first_rate")]
    levels = [Level("no bias", 0.5, half) for half in halves]
    return figure._replace(
        alt=f"Lines by iteration, a panel for each measure. {course_of(drawn)}",
        chart=line_panels(drawn, "iteration", axis, levels, 2) if drawn else None,
        table=[
            {key: value for key, value in row.items() if key not in others}
            for row in figure.table
        ],
    )


def purity_figures(run: Run) -> Iterator[Figure]:
    """How many labels the gold answers confirm, by votes, where there are any."""
    rows = purity_table(run.pairs_reports)
    if not rows:
        return
    drawn = [
        {"x": row["num_votes"], "y": row["right_rate"], "series": row["filter"]}
        | {"low": row["low"], "high": row["high"]}
        | {"panel": f"iteration {row['iteration']}"}
        for row in rows
    ]
    yield Figure(
        kind="purity",
        section="health",
        title="Labels that the gold answer confirms, by votes",
        alt=f"Lines of the share of right labels by votes. {course_of(drawn)}",
        table=rows,
        chart=line_panels(drawn, "votes for the majority answer", SHARE, columns=2),
        missing=missing_reports(run, "pairs_report.json", run.pairs_reports),
    )


def truth_figures(run: Run) -> Iterator[Figure]:
    """Labels and judgments against what a project knows of its own world."""
    whole = [
        row | {"panel": row["measure"].replace("_", " ")}
        for row in run.truths
        if all(row.get(key) is None for key in ("kind", "category", "num_votes"))
    ]
    if not run.truths:
        return
    drawn = by_iteration(whole, "rate", "panel")
    yield Figure(
        kind="truth",
        section="health",
        title="Labels and judgments against the truth",
        alt=f"Lines by iteration, a panel for each measure. {course_of(drawn)}",
        table=run.truths,
        chart=line_panels(drawn, "iteration", SHARE, columns=2) if drawn else None,
        missing=missing_reports(run, "truth.json", run.truths),
    )
