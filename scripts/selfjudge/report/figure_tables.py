"""What comparisons and reports say, as flat tables: a row a fact, shares of 0 to 1."""

from collections.abc import Mapping, Sequence
from typing import Any

from selfjudge.benchmarks.scores import MACRO
from selfjudge.benchmarks.statistics import wilson_interval
from selfjudge.benchmarks.votes import OVERALL
from selfjudge.ground.records import ORDERS
from selfjudge.ground.shares import round_share, share_of
from selfjudge.report.run_files import Comparisons, Run, judge_rows

Row = dict[str, Any]

SCORES = (
    "num_pairs",
    "num_decided",
    "num_unparsed",
    "coverage",
    "accuracy",
    "low",
    "high",
    "cluster_low",
    "cluster_high",
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
    """Filters against each other on the same pairs, at each iteration."""
    return [
        {"iteration": iteration} | test
        for iteration in sorted(comparisons)
        for test in comparisons[iteration]["filter_tests"]
    ]


def way_table(run: Run, targets: Sequence[str]) -> list[Row]:
    """All pairs of one benchmark by each way of asking and scoring it."""
    return [
        {"target": target, "collection": comparison["collection"]}
        | {"protocol": comparison["protocol"]}
        | {name: row.get(name) for name in ("iteration", "filter", *SCORES)}
        for target, row in judge_rows({name: run.comparisons[name] for name in targets})
        if row["group"] == whole_of(run.comparisons[target])
        for comparison in [run.comparisons[target][max(run.comparisons[target])]]
    ]


def accepted_table(reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Accepted judgments by iteration and filter, all and by kind and category.

    `kind` and `category` are "all" for all judgments; the category of a closed
    pair is what its label is from.
    """
    rows = []
    for report in reports:
        label = {"iteration": report["iteration"], "filter": report["filter"]}
        counts = {("all", "all"): (report["num_judgments"], report["num_accepted"])}
        for name, category in report["categories"].items():
            outcomes = category.get("outcomes")
            if outcomes is not None:
                place = category["kind"], name
                counts[place] = sum(outcomes.values()), outcomes.get("accepted", 0)
        for (kind, name), (number, accepted) in counts.items():
            rows.append(
                label
                | {"kind": kind, "category": name}
                | {"num_judgments": number, "num_accepted": accepted}
                | {"accepted_rate": share_of(accepted, number)}
            )
    return rows


def dropped_table(
    reports: Sequence[Mapping[str, Any]], whole: Sequence[str]
) -> list[Row]:
    """What was dropped by reason, with its share of the sum of the named counts."""
    reasons = dict.fromkeys(
        reason for report in reports for reason in report["dropped"]
    )
    return [
        {"iteration": report["iteration"], "filter": report["filter"]}
        | {"reason": reason, "num_dropped": number, "num_all": total}
        | {"dropped_rate": share_of(number, total)}
        for report in reports
        for total in [sum(report[name] for name in whole)]
        for reason in reasons
        for number in [report["dropped"].get(reason, 0)]
    ]


def health_table(reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """How the judge of the iteration before behaved on this iteration's pairs.

    What a report of an older version lacks is None.
    """
    rows = []
    for report in reports:
        bias = report.get("position_bias", {})
        lengths = report.get("mean_characters", {})
        dropped, number = report["dropped"], report["num_judgments"]
        rows.append(
            {"iteration": report["iteration"], "filter": report["filter"]}
            | {"num_judgments": number}
            | {"first_rate": bias.get("first_rate")}
            | {"agreement_rate": bias.get("agreement_rate")}
            | {"unparsed_rate": share_of(dropped.get("unparsed", 0), number)}
            | {"truncated_rate": share_of(dropped.get("truncated", 0), number)}
            | {"mean_characters": lengths.get("judgments")}
            | {"mean_characters_accepted": lengths.get("accepted")}
            | {f"num_accepted_{order}": report["orders"][order] for order in ORDERS}
            | {
                "accepted_first_rate": share_of(
                    report["orders"]["chosen_first"], sum(report["orders"].values())
                )
            }
        )
    return rows


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


def purity_table(reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Of majority pairs with a gold answer, how many are labelled right, by votes."""
    rows = []
    for report in reports:
        for votes, truths in report.get("purity", {}).items():
            number = sum(truths.values())
            low, high = wilson_interval(truths["right"] / number, number)
            rows.append(
                {"iteration": report["iteration"], "filter": report["filter"]}
                | {"num_votes": int(votes), "num_pairs": number}
                | {f"num_{truth}": count for truth, count in truths.items()}
                | {"right_rate": share_of(truths["right"], number)}
                | {"low": round_share(low), "high": round_share(high)}
            )
    return rows
