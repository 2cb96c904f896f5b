"""Scores of several judges side by side, with paired tests and published scores."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import msgspec

from selfjudge.leaderboard import PublishedTable, published_beside
from selfjudge.protocols import find_protocol
from selfjudge.scores import MACRO, Release, Scores
from selfjudge.statistics import paired_p_value
from selfjudge.votes import OVERALL


def compare(
    scores: Sequence[Scores],
    base: Scores,
    previous: Mapping[str, Scores],
    tables: Sequence[PublishedTable] = (),
) -> dict[str, Any]:
    """The rows of all judges of one iteration beside the base model's, with tests.

    ``previous`` holds the scores one iteration before, by filter; where a
    filter has none there, its previous judge is the base model.  Raises
    ValueError if two scores are not of the same pairs under the same protocol.
    """
    for score in (*scores, *previous.values()):
        check_alike(base, score)
    rows = list(base.rows)
    for score in scores:
        if score.iteration == 0:
            continue
        before = previous.get(score.filter, base)
        rows += [
            msgspec.structs.replace(
                row,
                p_value_base=p_value_of(row.group, base, score),
                p_value_previous=p_value_of(row.group, before, score),
            )
            for row in score.rows
        ]
    protocol = find_protocol(base.release.format, base.protocol)
    return {
        "benchmark": base.benchmark,
        "protocol": base.protocol,
        "collection": base.collection,
        "release": join_warnings(base, [*scores, *previous.values()]),
        "cannot_imitate": base.cannot_imitate,
        "iteration": max([score.iteration for score in scores], default=0),
        "rows": rows,
        "filter_tests": filter_tests(scores),
        "baselines": base.baselines,
        "published": published_beside(tables, base.release, protocol),
    }


def filter_tests(scores: Sequence[Scores]) -> list[dict[str, Any]]:
    """Whether the filters of one iteration differ, each two of them by group.

    ``difference`` is the accuracy of ``other`` less that of ``filter``, None
    where one has none; ``p_value`` is the exact paired one.
    """
    return [
        {
            "filter": one.filter,
            "other": other.filter,
            "group": before.group,
            "difference": difference(before.accuracy, after.accuracy),
            "p_value": p_value_of(before.group, one, other),
        }
        for one, other in combinations(scores, 2)
        for before, after in zip(one.rows, other.rows, strict=True)
        if before.group != MACRO
    ]


def difference(before: float | None, after: float | None) -> float | None:
    """How much a share rose, six digits; None where one of them is None."""
    if before is None or after is None:
        return None
    return round(after - before, 6)


def join_warnings(base: Scores, others: Sequence[Scores]) -> Release:
    """The release with what any of the scores warns of, each warning once."""
    warnings = [text for score in (base, *others) for text in score.release.warnings]
    unique = list(dict.fromkeys(warnings))
    return msgspec.structs.replace(base.release, warnings=unique)


def check_alike(base: Scores, score: Scores) -> None:
    """Check that two scores may stand in one table."""
    for what, must, got in (
        ("benchmark", base.benchmark, score.benchmark),
        ("protocol", base.protocol, score.protocol),
        ("collection", base.collection, score.collection),
        ("release", base.release.source_sha256, score.release.source_sha256),
    ):
        if must != got:
            raise ValueError(
                f"{score.benchmark}: scores of iteration {score.iteration} "
                f"({score.filter}) must have the {what} {must!r} of iteration "
                f"{base.iteration} ({base.filter}) (got {got!r})"
            )


def p_value_of(group: str, before: Scores, after: Scores) -> float | None:
    """The exact paired p-value of one group between two judges.

    It is over the pairs that both decide.
    """
    if group == MACRO:
        return None
    old = {outcome.pair_id: outcome for outcome in before.outcomes}
    new = {outcome.pair_id: outcome for outcome in after.outcomes}
    if old.keys() != new.keys():
        raise ValueError(
            f"{after.benchmark}: scores of iteration {after.iteration} "
            f"({after.filter}) must be of the same pairs as those of iteration "
            f"{before.iteration} ({before.filter}); got {len(new)} and {len(old)} "
            f"pairs, {len(old.keys() & new.keys())} in common"
        )
    both = [
        (outcome.accuracy, new[key].accuracy)
        for key, outcome in old.items()
        if group in (OVERALL, outcome.group, outcome.split)
    ]
    decided = [(b, a) for b, a in both if b is not None and a is not None]
    value = paired_p_value([b for b, _ in decided], [a for _, a in decided])
    return round(value, 6)


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
        | {"difference": test["difference"], "p_value": f"{test['p_value']:.3f}"}
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
