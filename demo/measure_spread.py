"""Measure the spread of the demo over base seeds and loop seeds.

Reads the finished runs that run_seeds.py left in a folder (their comparisons
under the protocols selfjudge, greedy and blind, and their truth files); writes
spread.json and spread.csv beside them and prints tables.  spread.json holds a
row for each run, protocol, filter, group and iteration, their mean, least and
most over runs, the tests between filters, the same of the truth files, and for
each goal (spread_goals.py) what it asks, what was found, and whether it is reached.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from run_seeds import find_projects
from selfjudge.ground.lines import read_json, write_json, writing
from selfjudge.run.commands import arguments, run
from selfjudge.run.config import read_config
from spread_goals import SIGNIFICANCE, across_bases, goals, rounded

# The name of a comparison, and its protocol.
COMPARISONS = {"vlrb": "selfjudge", "vlrb_greedy": "greedy", "vlrb_blind": "blind"}
Runs = dict[tuple[int, int], Path]  # by base and loop seed
SHOWN = [
    *("base_seed", "loop_seed", "protocol", "filter", "group", "iteration"),
    *("num_pairs", "accuracy", "low", "high", "coverage", "agreement_rate"),
    "p_value_base",
]


def find_runs(folder: Path) -> tuple[Runs, Runs]:
    """The finished runs below a folder and the others.

    A run is finished if it has every comparison of every iteration it asks for.
    """
    finished: Runs = {}
    unfinished: Runs = {}
    for seeds, path in find_projects(folder).items():
        is_finished = all(map(Path.is_file, comparison_paths(path)))
        (finished if is_finished else unfinished)[seeds] = path
    return finished, unfinished


def comparison_paths(run: Path) -> list[Path]:
    """The comparisons that a run is to have, by protocol and iteration."""
    iterations = range(read_config(run)["iterations"] + 1)
    return [
        run / f"results/iter{iteration}/{name}.json"
        for name in COMPARISONS
        for iteration in iterations
    ]


def settings_of(run: Path) -> dict[str, Any]:
    """The configuration of a run without what every run has of its own."""
    config: dict[str, Any] = yaml.safe_load((run / "config.yaml").read_text())
    return {k: v for k, v in config.items() if k not in ("seed", "base_model")}


def named(seeds: tuple[int, int]) -> dict[str, int]:
    """The seeds of a run, each under its name."""
    return dict(zip(("base_seed", "loop_seed"), seeds, strict=True))


def read_tables(runs: Runs) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of all runs, and tests between their filters.

    The base model stands in every filter's place at iteration 0.  Raises
    ValueError if two runs differ in more than their seeds and base models, or were
    not scored on the same benchmark, or lack a branch that their config names.
    """
    configs = {json.dumps(settings_of(path), sort_keys=True) for path in runs.values()}
    if len(configs) > 1:
        raise ValueError(
            "config.yaml of the runs must be the same but for 'seed' and 'base_model' "
            f"(got {len(configs)} versions). Hint: make demo-seeds"
        )
    scores, tests, releases = [], [], set()
    branches = read_config(next(iter(runs.values())))["filters"]
    if "majority" not in branches:
        raise ValueError(
            "'filters' of the runs must have majority, which the others are held "
            f"against (got {', '.join(branches)}). Hint: make demo-seeds"
        )
    for seeds, path in runs.items():
        for file in comparison_paths(path):
            found = read_json(file)
            assert found["protocol"] == COMPARISONS[file.stem]
            iteration = int(file.parent.name.removeprefix("iter"))
            place = named(seeds) | {"protocol": found["protocol"]}
            releases.add(found["release"]["source_sha256"])
            rows = [row for row in found["rows"] if row["iteration"] == iteration]
            if iteration and (lost := set(branches) - {row["filter"] for row in rows}):
                raise ValueError(
                    f"{file}: must have a row of each of 'filters' (got none of "
                    f"{', '.join(sorted(lost))}). Hint: make demo-seeds"
                )
            for row in rows:
                names = branches if iteration == 0 else [row["filter"]]
                scores += [place | row | {"filter": name} for name in names]
            tests += [
                place | {"iteration": iteration} | test
                for test in found["filter_tests"]
            ]
    if len(releases) > 1:
        raise ValueError(
            f"runs must be scored on one benchmark (got {len(releases)} releases)"
        )
    return pd.DataFrame(scores)[SHOWN], pd.DataFrame(tests)


def read_truth(runs: Runs) -> pd.DataFrame:
    """The rows of all truth files; empty where there is none."""
    rows = []
    for seeds, path in runs.items():
        for file in sorted((path / "results").glob("iter*/*/truth.json")):
            found = read_json(file)
            place = named(seeds) | {key: found[key] for key in ("iteration", "filter")}
            rows += [place | row for row in found["rows"]]
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame, value: str, keys: list[str]) -> pd.DataFrame:
    """A row for each setting of the keys: number of runs, mean, least and most."""
    groups = table.groupby(keys, sort=False, dropna=False)[value]
    found = groups.agg(num_runs="count", mean="mean", min="min", max="max")
    return found.round(6).reset_index()


def filter_differences(tests: pd.DataFrame) -> list[dict[str, Any]]:
    """Whether each two filters differ at the last iteration, over all pairs.

    They do if the test of `across_bases` says so.
    """
    rows = tests[
        (tests["group"] == "overall") & (tests["iteration"] == tests["iteration"].max())
    ]
    found = []
    for key, part in rows.groupby(["protocol", "filter", "other"], sort=False):
        across = across_bases(part.set_index("base_seed")["difference"])
        found.append(
            dict(zip(["protocol", "filter", "other"], key, strict=True))
            | {
                "num_runs": len(part),
                "min_difference": rounded(part["difference"].min()),
                "max_difference": rounded(part["difference"].max()),
                **across,
                "do_differ": across["p_value"] is not None
                and across["p_value"] < SIGNIFICANCE,
            }
        )
    return found


def measure_spread(runs: Runs, unfinished: Runs) -> tuple[dict[str, Any], pd.DataFrame]:
    """The content of spread.json, and its rows as a table."""
    scores, tests = read_tables(runs)
    truth = read_truth(runs)
    keys = ["protocol", "filter", "group", "iteration"]
    places = ["filter", "iteration", "measure", "kind", "category", "num_votes"]
    spread = {
        "runs": [path.name for path in runs.values()],
        "unfinished_runs": [path.name for path in unfinished.values()],
        "goals": list(goals(scores, truth, len(unfinished))),
        "filter_differences": filter_differences(tests),
        "summary": records(summarise(scores, "accuracy", keys)),
        "truth": records(summarise(truth, "rate", places)) if len(truth) else [],
        "rows": records(scores),
        "filter_tests": records(tests),
    }
    return spread, scores


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain values; nothing where there is no number."""
    return list(json.loads(table.to_json(orient="records")))


def format_spread(spread: dict[str, Any], scores: pd.DataFrame) -> str:
    """The tables for a terminal: overall by run, groups over runs, what it comes to."""
    lines = []
    overall = scores[scores["group"] == "overall"]
    for protocol, part in overall.groupby("protocol", sort=False):
        table = part.pivot(
            index=["filter", "base_seed", "loop_seed"],
            columns="iteration",
            values="accuracy",
        )
        lines.append(f"\n{protocol}: overall accuracy in percent by iteration")
        lines.append((100 * table).round(1).to_string())
    summary = pd.DataFrame(spread["summary"])
    last = summary["iteration"].max()
    ends = summary[summary["iteration"].isin([0, last]) & (summary["group"] != "macro")]
    lines.append("\nfirst and last iteration over runs, percent: mean (least to most)")
    lines.append(format_means(ends, ["protocol", "filter"], ["group", "iteration"]))
    if spread["truth"]:
        truth = pd.DataFrame(spread["truth"])
        whole = truth[truth["category"].isna() & truth["num_votes"].isna()]
        whole = whole.fillna({"kind": "all"})
        lines.append("\nby the truth, percent: mean over runs (least to most)")
        lines.append(format_means(whole, ["measure", "kind", "filter"], ["iteration"]))
    return "\n".join([*lines, "", *format_findings(spread)])


def format_means(table: pd.DataFrame, index: list[str], columns: list[str]) -> str:
    """Mean, least and most of each setting, in percent."""
    cells = [
        f"{100 * row['mean']:.1f} ({100 * row['min']:.1f} to {100 * row['max']:.1f})"
        for row in table.to_dict("records")
    ]
    table = table.assign(cell=cells)
    wide = table.pivot(index=index, columns=columns, values="cell").fillna("")
    return str(wide.to_string())


def format_findings(spread: dict[str, Any]) -> list[str]:
    """What the spread comes to, a line each: filters, goals, runs left out."""
    lines = [
        f"{found['protocol']}: {found['filter']} and {found['other']} "
        f"{'differ' if found['do_differ'] else 'are not shown to differ'} (mean "
        f"difference {100 * found['mean']:.1f} points, {format_test(found)})"
        for found in spread["filter_differences"]
    ]
    lines += [
        f"{'reached' if goal['is_reached'] else 'NOT REACHED'}: {goal['of']}: "
        f"{goal['goal']}: {goal['found']}"
        for goal in spread["goals"]
    ]
    unfinished = spread["unfinished_runs"]
    return [*lines, f"unfinished: {', '.join(unfinished)}"] if unfinished else lines


def format_test(found: dict[str, Any]) -> str:
    """What `across_bases` found, in words."""
    if found["p_value"] is None:
        return "one base: not tested"
    return (
        f"p = {found['p_value']:.3f} over {found['num_bases']} bases, which would show "
        f"{100 * found['least_shown']:.1f} points and more"
    )


def main() -> None:
    """Read the runs, measure, write, print."""
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path, help="with a directory for each run")
    args = parser.parse_args()
    finished, unfinished = find_runs(args.folder)
    if not finished:
        raise ValueError(f"{args.folder}: must hold at least one finished run")
    spread, scores = measure_spread(finished, unfinished)
    write_json(args.folder / "spread.json", spread)
    with writing(args.folder / "spread.csv") as file:
        file.write(scores.to_csv(index=False).encode())
    print(format_spread(spread, scores))


if __name__ == "__main__":
    run(main)
