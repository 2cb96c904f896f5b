"""Comparisons as tables of text, for a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfjudge.report.headlines import (
    accuracy_cell,
    headline,
    main_result,
    p_value,
    tell_agreement,
    tell_controls,
    tell_scored,
    tell_sources,
    tell_stated,
)
from selfjudge.report.results_folder import Comparison, expected_by
from selfjudge.report.text_columns import format_columns


def format_result(
    comparisons: Sequence[Comparison], config: Mapping[str, Any], project: Path
) -> str:
    """The main result in eight lines at most, and where to look next.

    ``comparisons`` are of the first benchmark, at least one of them.
    """
    expected = expected_by(config)
    benchmark = next(iter(expected.targets), None)
    result = main_result(comparisons, benchmark, expected.filters[0])
    scored = tell_scored(comparisons, benchmark, config["report"]["about"])
    lines = [f"{headline(result)}.{tell_agreement(result)}"]
    if result.base:
        lines.append(f"On {scored}, {result.base['num_pairs']} pairs in both orders:")
    if result.judge:
        judge = f"{result.judge['filter']}, iteration {result.judge['iteration']}"
        lines.append(
            f"  {accuracy_cell(result.judge)} % right: the judge ({judge}; "
            f"{p_value(result.judge)})"
        )
    if result.base:
        lines.append(f"  {accuracy_cell(result.base)} % the base model; a coin: 50.0 %")
    if result.beside:
        others = "; ".join(
            f"{name} {accuracy_cell(row)}" for name, row in result.beside.items()
        )
        lines.append(f"  beside it: {others}")
    limits = [warning for one in comparisons for warning in one["release"]["warnings"]]
    told = [*limits[-1:], *filter(None, [tell_sources(project / "results")])]
    told += tell_stated(result.judge, result.base)
    if told:
        lines.append(f"Limit: {'; '.join(told)}")
    page = project / "results" / "report.html"
    if page.is_file():
        lines.append(f"Page: {page}")
    lines.append(f"All scores: python scripts/show_scores.py {project} --all")
    return "\n".join(lines)


def format_curves(comparisons: Sequence[Comparison]) -> str:
    """For a terminal: a filter and group a line, an iteration a column.

    ``comparisons`` are of one benchmark and protocol, at least one of them;
    iteration 0 is the base model, whatever the filter.
    """
    rows = [row for comparison in comparisons for row in comparison["rows"]]
    cells = {
        (row["filter"], row["group"], row["iteration"]): accuracy_cell(row)
        for row in rows
    }
    filters = list(dict.fromkeys(row["filter"] for row in rows if row["iteration"]))
    iterations = sorted({row["iteration"] for row in rows})
    groups = {row["group"]: row["num_pairs"] for row in rows}
    return format_columns(
        [
            {"filter": name, "group": group, "pairs": num_pairs}
            | {
                f"iteration {iteration}": cells.get(
                    (name if iteration else "base", group, iteration), ""
                )
                for iteration in iterations
            }
            for name in filters or ["base"]
            for group, num_pairs in groups.items()
        ]
    )


def format_beside(comparison: Comparison) -> str:
    """What stands beside accuracies: the protocol, tests, baselines, others' scores."""
    release = comparison["release"]
    lines = [
        f"protocol {comparison['protocol']}, "
        f"release {release['name'] or 'unknown'} ({release['num_rows']} rows, "
        f"sha256 {release['source_sha256'][:12]})",
        *(f"! {warning}" for warning in release["warnings"]),
        *(f"! {sentence}" for sentence in comparison["cannot_imitate"]),
        "\n" + format_details(comparison["rows"]),
        *told("\n", tell_controls(comparison)),
        *format_filter_tests(comparison["filter_tests"]),
        "\n" + format_baselines(comparison["baselines"]),
    ]
    for table in comparison["published"]:
        lines.append(f"\npublished: {table['source']}")
        lines += [f"! {warning}" for warning in table["warnings"]]
        lines.append(format_columns(table["rows"]))
    return "\n".join(lines)


def told(before: str, text: str) -> list[str]:
    """A text with what stands before it, as one line; none of nothing."""
    return [before + text] if text else []


def format_details(rows: Sequence[Mapping[str, Any]]) -> str:
    """What a score row says beside its accuracy, a line each."""
    shares = ("num_decided", "coverage", "agreement_rate")
    tests = ("p_value_base", "p_value_previous")
    return format_columns(
        [
            {"judge": f"{row['filter']} {row['iteration']}", "group": row["group"]}
            | {name: row[name] for name in shares}
            | {name: "" if row[name] is None else f"{row[name]:.3f}" for name in tests}
            for row in rows
        ]
    )


def format_filter_tests(tests: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tests between filters, a line each; nothing where there is one filter."""
    if not tests:
        return []
    rows = [
        {"filter": test["filter"], "other": test["other"], "group": test["group"]}
        | {"difference": test["difference"]}
        | {name: f"{test[name]:.3f}" for name in ("p_value", "p_value_holm")}
        for test in tests
    ]
    return ["\n" + format_columns(rows)]


def format_baselines(rows: Sequence[Mapping[str, Any]]) -> str:
    """The baselines, a line each, a group a column; not every one has each."""
    groups = dict.fromkeys(row["group"] for row in rows)
    blind: dict[str, dict[str, Any]] = {}
    for row in rows:
        empty = {"baseline": row["baseline"], **groups}
        blind.setdefault(row["baseline"], empty)[row["group"]] = row["accuracy"]
    return format_columns(list(blind.values()))
