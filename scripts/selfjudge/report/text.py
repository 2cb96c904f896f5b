"""Comparisons as tables of text, for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any


def format_beside(comparison: Mapping[str, Any]) -> str:
    """What stands beside accuracies: the protocol, tests, baselines, others' scores."""
    release = comparison["release"]
    lines = [
        f"protocol {comparison['protocol']}, "
        f"release {release['name'] or 'unknown'} ({release['num_rows']} rows, "
        f"sha256 {release['source_sha256'][:12]})",
        *(f"! {warning}" for warning in release["warnings"]),
        *(f"! {sentence}" for sentence in comparison["cannot_imitate"]),
        "\n" + format_details(comparison["rows"]),
        *format_filter_tests(comparison["filter_tests"]),
        "\n" + format_baselines(comparison["baselines"]),
    ]
    for table in comparison["published"]:
        lines.append(f"\npublished: {table['source']}")
        lines += [f"! {warning}" for warning in table["warnings"]]
        lines.append(format_columns(table["rows"]))
    return "\n".join(lines)


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
    """The baselines, a line each, a group a column."""
    blind: dict[str, dict[str, Any]] = {}
    for row in rows:
        named = blind.setdefault(row["baseline"], {"baseline": row["baseline"]})
        named[row["group"]] = row["accuracy"]
    return format_columns(list(blind.values()))


def format_columns(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of names, counts and shares as a table for a terminal."""
    head, *_ = map(list, rows)
    lines = [
        [cell if isinstance(cell, str) else as_text(cell) for cell in row.values()]
        for row in rows
    ]
    return align([head, *lines])


def as_text(value: float | None) -> str:
    """A count as it is, a share in percent, nothing where there is nothing."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{100 * value:.1f}"


def align(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells with each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
