"""What reports of pairs and filters say, as flat tables: shares of 0 to 1."""

from collections.abc import Mapping, Sequence
from typing import Any

from selfjudge.benchmarks.statistics import share_interval
from selfjudge.ground.records import ORDERS
from selfjudge.ground.shares import round_share, share_of
from selfjudge.report.results_folder import Row


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


def samples_table(reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Samples of closed prompts by iteration and format, and what they come to.

    Filters share their responses: the first report of an iteration says it for all.
    """
    firsts: dict[int, Mapping[str, Any]] = {}
    for report in reports:
        firsts.setdefault(report["iteration"], report)
    return [
        {"iteration": iteration, "answer_format": name}
        | {"num_samples": sum(outcomes.values())}
        | {
            f"{outcome}_rate": share_of(n, sum(outcomes.values()))
            for outcome, n in outcomes.items()
        }
        for iteration, report in firsts.items()
        for name, outcomes in report.get("samples", {}).items()
    ]


def purity_table(reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Of majority pairs with a gold answer, how many are labelled right, by votes."""
    rows = []
    for report in reports:
        for votes, checks in report.get("purity", {}).items():
            number = sum(checks.values())
            low, high = share_interval(checks["right"] / number, number)
            rows.append(
                {"iteration": report["iteration"], "filter": report["filter"]}
                | {"num_votes": int(votes), "num_pairs": number}
                | {f"num_{check}": count for check, count in checks.items()}
                | {"right_rate": share_of(checks["right"], number)}
                | {"low": round_share(low), "high": round_share(high)}
            )
    return rows
