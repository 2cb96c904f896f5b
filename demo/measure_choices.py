"""Put the choices of certified runs beside the best judge of each.

    PYTHONPATH=scripts python demo/measure_choices.py demo/certified

Reads results/certificate/beside_truth.json of each run that run_seeds.py made below the
folder (--over demo/certified/config.yaml); writes choices.json there: for each run by
how much the chosen judge and the last one are behind the best by the benchmark, and
the rank correlation of certificate and benchmark over its judges, the base among them;
prints it as a table, with the goal.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from measure_spread import RUN
from run_seeds import run_name
from selfjudge.ground.lines import read_json, write_json
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
    runs = {
        (int(found[1]), int(found[2])): path / "results/certificate/beside_truth.json"
        for path in folder.iterdir()
        if (found := RUN.fullmatch(path.name))
    }
    for (base_seed, loop_seed), path in sorted(runs.items()):
        if path.is_file():
            yield choice_row(base_seed, loop_seed, read_json(path))


def sum_up(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All rows, how many choices are near the best, and the means."""
    behind = [row["chosen_behind_best"] for row in rows]
    return {
        "runs": list(rows),
        "most_behind": MOST_BEHIND,
        "num_near": sum(value <= MOST_BEHIND for value in behind),
        "chosen_behind_best": fmean(behind),
        "last_behind_best": fmean(row["last_behind_best"] for row in rows),
        "rank_correlation": fmean(row["rank_correlation"] for row in rows),
    }


def format_choices(found: Mapping[str, Any]) -> Iterator[str]:
    """A line a run, then the goal; accuracies in percent."""
    yield f"{'run':16}{'chosen':13}best  chosen behind  last behind  rank correlation"
    for row in found["runs"]:
        chosen = f"iteration {row['chosen']['iteration']}"
        yield (
            f"{run_name(row['base_seed'], row['loop_seed']):14}  {chosen:11}  "
            f"{100 * row['best']:.1f}  {100 * row['chosen_behind_best']:13.1f}  "
            f"{100 * row['last_behind_best']:11.1f}  {row['rank_correlation']:16.2f}"
        )
    yield (
        f"{'mean':35}{100 * found['chosen_behind_best']:13.1f}  "
        f"{100 * found['last_behind_best']:11.1f}  {found['rank_correlation']:16.2f}"
    )
    number = len(found["runs"])
    yield (
        f"at most {100 * found['most_behind']:.1f} points behind the best in "
        f"{found['num_near']} of {number} runs (goal: all)"
    )


def main() -> None:
    """Read the arguments, measure, write and print."""
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path, help="of the runs")
    folder = parser.parse_args().folder
    found = sum_up(list(read_choices(folder)))
    write_json(folder / "choices.json", found)
    print("\n".join(format_choices(found)))


if __name__ == "__main__":
    run(main)
