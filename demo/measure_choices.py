"""Put the choices of certified runs beside the best judge of each.

    PYTHONPATH=scripts python demo/measure_choices.py demo/certified

Reads results/certificate/beside_truth.json of each run that run_seeds.py made below the
folder (--over demo/certified/config.yaml); writes choices.json there: for each run by
how much the chosen judge and the last one of the first filter, which one would take
without a certificate, are behind the best by the benchmark, and the rank correlation of
certificate and benchmark over its judges, the base among them; prints it as a table,
with the goal.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from run_seeds import find_projects, run_name
from selfjudge.ground.lines import read_json, write_json
from selfjudge.report.text_columns import align
from selfjudge.run.commands import arguments, run

# Of the issue that this answers: the chosen judge's accuracy behind the best one's.
MOST_BEHIND = 0.015


def choice_row(
    base_seed: int, loop_seed: int, beside: Mapping[str, Any]
) -> dict[str, Any]:
    """What the choice of one run was worth; accuracies are shares, 0 to 1."""
    correlation = next(
        found["rank_correlation"]
        for found in beside["correlations"]
        if (found["of"], found["with"]) == ("certificate", "benchmark")
    )
    return {
        "base_seed": base_seed,
        "loop_seed": loop_seed,
        "num_pairs": beside["num_pairs"],
        "purity": beside["purity"],
        "best": beside["best"],
        "chosen": beside["chosen"],
        "chosen_behind_best": beside["chosen_behind_best"],
        "last_behind_best": beside["last_behind_best"],
        "rank_correlation": correlation,
        "judges": beside["judges"],
    }


def read_choices(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of all finished runs below a folder, by base and loop seed."""
    for (base_seed, loop_seed), run_folder in find_projects(folder).items():
        path = run_folder / "results/certificate/beside_truth.json"
        if path.is_file():
            yield choice_row(base_seed, loop_seed, read_json(path))


def sum_up(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All rows, how many choices are near the best, and the means."""
    correlations = [row["rank_correlation"] for row in rows]
    known = [value for value in correlations if value is not None]
    behind = [row["chosen_behind_best"] for row in rows]
    return {
        "runs": list(rows),
        "most_behind": MOST_BEHIND,
        "num_near": sum(value <= MOST_BEHIND for value in behind),
        "chosen_behind_best": fmean(behind),
        "last_behind_best": fmean(row["last_behind_best"] for row in rows),
        "rank_correlation": fmean(known) if known else None,
    }


def format_choices(found: Mapping[str, Any]) -> Iterator[str]:
    """A line a run, then the goal; accuracies in percent."""
    head = ("run", "chosen", "best", "behind", "last behind", "rank correlation")
    rows = [
        (
            run_name(row["base_seed"], row["loop_seed"]),
            f"{row['chosen']['filter']}, iteration {row['chosen']['iteration']}",
            percent(row["best"]),
            *summed(row),
        )
        for row in found["runs"]
    ]
    yield align([head, *rows, ("mean", "", "", *summed(found))])
    yield (
        f"at most {percent(found['most_behind'])} points behind the best in "
        f"{found['num_near']} of {len(rows)} runs (goal: all)"
    )


def summed(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The cells that a run and the mean of all have."""
    correlation = row["rank_correlation"]
    return (
        percent(row["chosen_behind_best"]),
        percent(row["last_behind_best"]),
        "" if correlation is None else f"{correlation:.2f}",
    )


def percent(share: float) -> str:
    """A share in percent, or a difference of shares in points."""
    return f"{100 * share:.1f}"


def main() -> None:
    """Read the arguments, measure, write and print."""
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path, help="of the runs")
    folder = parser.parse_args().folder
    rows = list(read_choices(folder))
    if not rows:
        raise ValueError(
            f"{folder}: must hold finished runs, base3_loop0 and so on (got none). "
            "Hint: make demo-choices"
        )
    found = sum_up(rows)
    write_json(folder / "choices.json", found)
    print("\n".join(format_choices(found)))


if __name__ == "__main__":
    run(main)
