"""What comparisons say, as flat tables: a row a judge and group, shares of 0 to 1."""

from collections.abc import Mapping, Sequence
from typing import Any

from selfjudge.benchmarks.scores import MACRO
from selfjudge.benchmarks.votes import OVERALL
from selfjudge.report.results_folder import Comparisons, Row, Run, judge_rows

SCORES = (
    "num_pairs",
    "num_decided",
    "num_unparsed",
    "coverage",
    "accuracy",
    "low",
    "high",
    "agreement_rate",
    "first_rate",
    "p_value_base",
    "p_value_previous",
)


def score_table(comparisons: Comparisons) -> list[Row]:
    """Every judge's row of every group; `kind` is base, judge, control or published.

    Controls are judges without eyes on the same judgments.  Of published scores
    only those stand here that are of the same rows under the same protocol.
    """
    rows = [
        {"kind": "base" if row["iteration"] == 0 else "judge", "name": row["filter"]}
        | {name: row.get(name) for name in ("iteration", "group", *SCORES)}
        for _, row in judge_rows({"": comparisons})
    ]
    last = comparisons[max(comparisons)]
    for row in last["baselines"]:
        label = {"kind": "control", "name": row["baseline"], "iteration": None}
        rows.append(label | {name: row.get(name) for name in ("group", *SCORES)})
    groups = groups_of(comparisons)
    for row in published_table(last):
        if row["comparable"]:
            label = {"kind": "published", "name": row["model"], "iteration": None}
            rows += [
                label
                | {"group": group}
                | dict.fromkeys(SCORES)
                | {"accuracy": row[group]}
                for group in groups
                if row.get(group) is not None
            ]
    return rows


def published_table(comparison: Mapping[str, Any]) -> list[Row]:
    """Every published row of a benchmark, and whether it may be compared."""
    columns: dict[str, None] = {}
    for table in comparison["published"]:
        for row in table["rows"]:
            columns |= dict.fromkeys(name for name in row if name != "model")
    return [
        {"model": row["model"], "comparable": is_comparable(table, comparison)}
        | {name: row.get(name) for name in columns}
        | {"source": table["source"], "notes": " ".join(table["warnings"])}
        for table in comparison["published"]
        for row in table["rows"]
    ]


def is_comparable(table: Mapping[str, Any], comparison: Mapping[str, Any]) -> bool:
    """Whether published scores are of the same rows under the same protocol."""
    same_release = table["release"] == comparison["release"]["name"] is not None
    return bool(same_release and table["protocol"] == comparison["protocol"])


def groups_of(comparisons: Comparisons) -> list[str]:
    """The groups that have rows, averages last, as the comparisons list them."""
    rows = [row["group"] for _, row in judge_rows({"": comparisons})]
    return list(dict.fromkeys(rows))


def whole_of(comparisons: Comparisons) -> str:
    """The group of all pairs, or where the protocol has none, the average."""
    return OVERALL if OVERALL in groups_of(comparisons) else MACRO


def parts_only(groups: Sequence[str]) -> list[str]:
    """The groups without averages; the averages where there is nothing else."""
    return [group for group in groups if group not in (OVERALL, MACRO)] or [*groups]


def group_table(comparisons: Comparisons) -> list[Row]:
    """A row for each judge, a column for each group: the paper's Table 2."""
    wide: dict[tuple[int, str], Row] = {}
    for _, row in judge_rows({"": comparisons}):
        place = row["iteration"], row["filter"]
        label = {"iteration": row["iteration"], "filter": row["filter"]}
        wide.setdefault(place, label)[row["group"]] = row["accuracy"]
    names = dict.fromkeys(name for row in wide.values() for name in row)
    return [{name: row.get(name) for name in names} for row in wide.values()]


def filter_test_table(comparisons: Comparisons) -> list[Row]:
    """Filters against each other on the same pairs, where they are tested."""
    return [
        {"iteration": iteration} | test
        for iteration in sorted(comparisons)
        for test in comparisons[iteration]["filter_tests"]
    ]


def protocol_table(run: Run, targets: Sequence[str]) -> list[Row]:
    """All pairs of one benchmark under each protocol that the run has it under."""
    return [
        {"target": target, "collection": comparison["collection"]}
        | {"protocol": comparison["protocol"]}
        | {name: row.get(name) for name in ("iteration", "filter", *SCORES)}
        for target, row in judge_rows({name: run.comparisons[name] for name in targets})
        if row["group"] == whole_of(run.comparisons[target])
        for comparison in [run.comparisons[target][max(run.comparisons[target])]]
    ]


def benchmark_health_table(comparisons: Comparisons) -> list[Row]:
    """How each judge behaved on a benchmark: all pairs, or the average."""
    return [
        {"iteration": row["iteration"], "filter": row["filter"]}
        | {"num_pairs": row["num_pairs"]}
        | {name: row.get(name) for name in ("first_rate", "agreement_rate")}
        | {"unparsed_rate": round(1 - row["coverage"], 6)}
        for _, row in judge_rows({"": comparisons})
        if row["group"] == whole_of(comparisons)
    ]
