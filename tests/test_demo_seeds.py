import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

import run_seeds
from measure_choices import MOST_BEHIND, format_choices, read_choices, sum_up
from measure_spread import COMPARISONS, find_runs, format_spread, measure_spread
from selfjudge.ground.lines import read_json, write_json
from selfjudge.run.contradictions import check_config
from spread_goals import GROUPS, split_branches

ROOT = Path(__file__).parents[1]
FILTERS = ("majority", "correctness", "unchecked")
METHODS = ("majority", "correctness", "reinforced", "grounded")
# Other for each group, so that none can stand for another.
START = dict(zip(GROUPS, (0.4, 0.45, 0.55), strict=True))
START |= {"overall": 0.5, "macro": 0.48}
Row = tuple[str, str, str]
RUNS = [(base, loop) for base in (1, 2, 3) for loop in (0, 1)]


def load(path: str) -> Any:
    """A YAML file of the repository."""
    return yaml.safe_load((ROOT / path).read_text())


# ------------------------------------------------------------------ making the runs


@pytest.mark.parametrize("base_seed", [1, 3])
def test_a_run_is_the_demo_but_for_what_seeds_yaml_says(base_seed: int) -> None:
    """Another seed of the loop and another base; no setting of the loop differs."""
    demo, changes = load("demo/config.yaml"), load("demo/seeds.yaml")
    found = run_seeds.run_config(base_seed, 5)
    same = demo.keys() - changes.keys() - {"seed", "base_model", "templates"}
    assert {key: found[key] for key in same} == {key: demo[key] for key in same}
    assert changes.keys() == {"filters", "benchmarks"}
    assert found["seed"] == 5
    asked = found["benchmarks"]["vlrb"]
    assert asked == demo["benchmarks"]["vlrb"] | {"protocols": ["greedy", "blind"]}
    assert {"selfjudge", *asked["protocols"]} == set(COMPARISONS.values())
    merged = load("config.yaml")
    update_config(merged, found)
    check_config(merged, load("config.schema.yaml"))


def test_paths_of_a_run_are_the_demos() -> None:
    """Templates and bases lie where a run's directory says, whatever its folder."""
    for name in ("seeds", "certified"):
        folder = run_seeds.DEMO / name / run_seeds.run_name(3, 0)
        over = (
            run_seeds.DEMO / f"{name}{'.yaml' if name == 'seeds' else '/config.yaml'}"
        )
        config = run_seeds.run_config(3, 0, over)
        assert (folder / config["templates"]).resolve() == ROOT / "demo/templates"
        assert (folder / config["base_model"]).resolve() == ROOT / "demo/base"
        for seed, base in run_seeds.BASES.items():
            other = folder / run_seeds.run_config(seed, 0, over)["base_model"]
            assert other.resolve() == base


def test_a_second_call_touches_nothing(tmp_path: Path) -> None:
    """What is as it must be keeps its time; what is not is written anew."""
    folder = tmp_path / "base3_loop0"
    run_seeds.make_project(folder, run_seeds.run_config(3, 0))
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    run_seeds.make_project(folder, run_seeds.run_config(3, 0))
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    run_seeds.make_project(folder, run_seeds.run_config(3, 1))
    assert yaml.safe_load((folder / "config.yaml").read_text())["seed"] == 1


@pytest.mark.workflow
def test_shipped_bases_differ_in_their_weights_alone(tmp_path: Path) -> None:
    """The recipe, here of one step, writes the same files with any seed."""
    made = tmp_path / "base"
    command = [sys.executable, "demo/pretrain_base.py", "--steps", "1"]
    subprocess.run([*command, "--out", str(made)], cwd=ROOT, check=True)
    names = {path.name for path in made.iterdir()}
    for base in run_seeds.BASES.values():
        assert {path.name for path in base.iterdir()} == names
        for name in names - {"model.safetensors"}:
            assert (base / name).read_bytes() == (made / name).read_bytes(), name
    contents = {
        (base / "model.safetensors").read_bytes() for base in run_seeds.BASES.values()
    }
    assert len(contents) == len(run_seeds.BASES)


# -------------------------------------------------------------- measuring the spread


def write_run(
    folder: Path,
    rise: float,
    rises: dict[Row, float] | None = None,
    p_values: dict[Row, float] | None = None,
    **changes: Any,
) -> None:
    """A run of two iterations in which filters rise by ``rise``, controls not.

    ``rises`` of other rows, and p-values against the base other than 0.5; each row
    by protocol, filter and group.  ``filters`` and ``scored``: those that the config
    names, and those that have rows.
    """
    folder.mkdir()
    filters = changes.get("filters", FILTERS)
    seed = folder.name.rpartition("loop")[2]
    (folder / "config.yaml").write_text(
        f"iterations: 1\nseed: {seed}\nfilters: [{', '.join(filters)}]\n"
    )
    for iteration in (0, 1):
        for name, protocol in (
            ("vlrb", "selfjudge"),
            ("vlrb_greedy", "greedy"),
            ("vlrb_blind", "blind"),
        ):
            names = changes.get("scored", filters) if iteration else ("base",)
            rows = []
            for each, group in product(names, START):
                place = protocol, each, group
                moves = protocol != "blind" and each in METHODS
                step = (rises or {}).get(place, rise if moves else 0.0)
                p_value = (p_values or {}).get(place, 0.5)
                rows.append(
                    {
                        "filter": each,
                        "group": group,
                        "iteration": iteration,
                        "num_pairs": 9,
                        "accuracy": START[group] + iteration * step,
                        "low": 0.4,
                        "high": 0.6,
                        "coverage": 1.0,
                        "agreement_rate": 0.5,
                        "p_value_base": p_value if iteration else None,
                    }
                )
            tests = [
                {"filter": "majority", "other": "correctness", "group": "overall"}
                | {"difference": changes.get("difference", 0.01), "p_value": 0.4}
            ]
            comparison = {
                "protocol": protocol,
                "release": {"source_sha256": changes.get("sha256", "0" * 64)},
                "rows": rows,
                "filter_tests": tests if iteration else [],
            }
            write_json(folder / f"results/iter{iteration}/{name}.json", comparison)


def spread_of(folder: Path) -> dict[str, Any]:
    """What is measured of the runs below a folder, as it is written."""
    spread, scores = measure_spread(*find_runs(folder))
    assert format_spread(spread, scores)
    write_json(folder / "spread.json", spread)
    return dict(json.loads((folder / "spread.json").read_text()))


def is_reached(spread: dict[str, Any], of: str, part: str) -> bool:
    """Whether the one goal of something, with a word in it, is reached."""
    (found,) = [
        goal["is_reached"]
        for goal in spread["goals"]
        if goal["of"] == of and part in goal["goal"]
    ]
    assert isinstance(found, bool)
    return found


def test_goals_are_reached_by_runs_that_rise(tmp_path: Path) -> None:
    """Three bases, two loops, all up by twelve points, controls where they were."""
    for base, loop in RUNS:
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.12)
    spread = spread_of(tmp_path)
    assert all(goal["is_reached"] for goal in spread["goals"])
    assert len(spread["goals"]) == 1 + 2 * 2 * 2 + 2 + 2
    (row,) = [
        row
        for row in spread["summary"]
        if (row["protocol"], row["filter"], row["group"], row["iteration"])
        == ("selfjudge", "majority", "overall", 1)
    ]
    assert (row["num_runs"], row["mean"], row["min"]) == (6, 0.62, 0.62)
    starts = [r for r in spread["rows"] if r["iteration"] == 0]
    assert {row["filter"] for row in starts} == set(FILTERS)


def test_every_branch_of_the_config_has_its_goals(tmp_path: Path) -> None:
    """As many branches as are named; a control near majority misses, a method that
    does not rise."""
    filters = ("majority", "consistent", "reinforced", "unchecked")
    rises = {
        ("selfjudge", "consistent", "overall"): 0.05,
        ("selfjudge", "reinforced", "overall"): 0.01,
    }
    for base, loop in RUNS:
        run = tmp_path / f"base{base}_loop{loop}"
        write_run(run, rise=0.12, rises=rises, filters=filters)
    spread = spread_of(tmp_path)
    missed = {goal["of"] for goal in spread["goals"] if not goal["is_reached"]}
    assert missed == {"consistent", "reinforced"}
    assert len(spread["goals"]) == 1 + 2 * 2 * 2 + 2 * 2 + 2
    for iteration in (0, 1):
        rows = [row for row in spread["summary"] if row["iteration"] == iteration]
        assert {row["filter"] for row in rows} == set(filters)
        assert {row["num_runs"] for row in rows} == {len(RUNS)}


def test_the_sweep_knows_a_goal_of_each_branch_it_runs() -> None:
    """What seeds.yaml names is a method or a control, each once."""
    filters = load("demo/seeds.yaml")["filters"]
    methods, controls = split_branches([*filters, *filters])
    assert sorted(methods + controls) == sorted(filters)
    assert set(controls) == {"consistent", "unchecked"}
    assert set(methods) == set(METHODS)


def test_a_branch_without_scores_is_an_error(tmp_path: Path) -> None:
    """A table without it would look like a sweep that was never asked for it."""
    filters = ("majority", "consistent")
    write_run(tmp_path / "base1_loop0", 0.2, filters=filters, scored=("majority",))
    with pytest.raises(ValueError, match="got none of consistent"):
        spread_of(tmp_path)


@pytest.mark.parametrize(
    ("protocol", "of"), [("selfjudge", "majority"), ("greedy", "greedy majority")]
)
def test_one_base_that_rises_less_is_enough_to_miss(
    tmp_path: Path, protocol: str, of: str
) -> None:
    """The mean over bases would hide it; other filters and protocols are their own."""
    for base, loop in RUNS:
        rises = {(protocol, "majority", "overall"): 0.09} if base == 2 else {}
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.3, rises=rises)
    spread = spread_of(tmp_path)
    missed = [goal for goal in spread["goals"] if not goal["is_reached"]]
    assert [(goal["of"], goal["goal"][:4]) for goal in missed] == [(of, "rise")]
    assert missed[0]["found"] == {"base 1": 0.3, "base 2": 0.09, "base 3": 0.3}


def test_one_group_that_falls_is_enough_to_miss(tmp_path: Path) -> None:
    """However much the others rise; on average over runs."""
    for base, loop in RUNS:
        rises = {
            ("selfjudge", "majority", "reasoning"): -0.01,
            ("selfjudge", "correctness", "general"): 0.2 if loop else -0.1,
        }
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.3, rises=rises)
    spread = spread_of(tmp_path)
    missed = [goal for goal in spread["goals"] if not goal["is_reached"]]
    assert [(goal["of"], goal["goal"][:18]) for goal in missed] == [
        ("majority", "rise in each group")
    ]


def test_ten_points_are_ten_points(tmp_path: Path) -> None:
    """0.6 - 0.5 is a little less than 0.1 to a computer."""
    for base, loop in RUNS:
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.1)
    assert is_reached(spread_of(tmp_path), "majority", "every base seed")


def test_loop_seeds_of_a_base_are_averaged(tmp_path: Path) -> None:
    """Five and twenty points make twelve and a half."""
    for base, loop in RUNS:
        write_run(tmp_path / f"base{base}_loop{loop}", rise=[0.05, 0.2][loop])
    spread = spread_of(tmp_path)
    assert is_reached(spread, "majority", "every base seed")
    (found,) = [
        goal["found"]
        for goal in spread["goals"]
        if goal["of"] == "majority" and "every base" in goal["goal"]
    ]
    assert found == {"base 1": 0.125, "base 2": 0.125, "base 3": 0.125}


@pytest.mark.parametrize(("p_value", "expected"), [(0.006, False), (0.02, True)])
def test_the_blind_judge_is_tested_with_holms_correction(
    tmp_path: Path, p_value: float, expected: bool
) -> None:
    """One run of six: 0.006 times six is significant, 0.02 times six is not."""
    controls = {
        "blind majority": ("blind", "majority", "overall"),
        "blind correctness": ("blind", "correctness", "overall"),
    }
    for of, row in controls.items():
        folder = tmp_path / of
        folder.mkdir()
        for base, loop in RUNS:
            value = p_value if (base, loop) == (1, 1) else 0.9
            run = folder / f"base{base}_loop{loop}"
            write_run(run, rise=0.2, p_values={row: value})
        spread = spread_of(folder)
        for other in controls:
            found = is_reached(spread, other, "within noise")
            assert found is (expected or other != of)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [((0.03, 0.04, 0.02), False), ((0.03, -0.04, 0.02), True), ((0.02,) * 3, False)],
)
def test_the_blind_judge_must_not_move_on_average(
    tmp_path: Path, steps: tuple[float, ...], expected: bool
) -> None:
    """Small steps the same way in every run are no noise, whatever each test says."""
    for base, loop in RUNS:
        rises = {("blind", "majority", "overall"): steps[base - 1]}
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.2, rises=rises)
    spread = spread_of(tmp_path)
    assert is_reached(spread, "blind majority", "within noise") is expected
    assert is_reached(spread, "blind correctness", "within noise")


@pytest.mark.parametrize(
    ("protocol", "of"), [("selfjudge", "unchecked"), ("greedy", "greedy unchecked")]
)
def test_a_control_that_comes_near_on_one_base_misses(
    tmp_path: Path, protocol: str, of: str
) -> None:
    """Its rise alone says nothing: `majority` must be 8 points above it everywhere."""
    for base, loop in RUNS:
        rises = {(protocol, "unchecked", "overall"): 0.13 if base == 2 else 0.02}
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.2, rises=rises)
    spread = spread_of(tmp_path)
    (missed,) = [goal for goal in spread["goals"] if not goal["is_reached"]]
    assert missed["of"] == of
    assert missed["found"] == {"base 1": 0.18, "base 2": 0.07, "base 3": 0.18}


@pytest.mark.parametrize(
    ("rate", "behind", "missed"),
    [(0.15, 0.02, []), (0.16, 0.0, ["wrong reason"]), (0.1, 0.03, ["behind majority"])],
)
def test_right_reasons_must_not_cost_accuracy(
    tmp_path: Path, rate: float, behind: float, missed: list[str]
) -> None:
    """Of `grounded`, open pairs, the last iteration; nothing else stands for it."""
    filters = ("majority", "grounded")
    for base, loop in RUNS:
        folder = tmp_path / f"base{base}_loop{loop}"
        rises = {("selfjudge", "grounded", "overall"): 0.2 - behind}
        write_run(folder, rise=0.2, rises=rises, filters=filters)
        for name, kind in product(filters, ("open", "closed", None)):
            share = rate if (name, kind) == ("grounded", "open") else 0.9
            row = {"measure": "wrong_reasons", "kind": kind, "category": None}
            row |= {"num_votes": None, "n": 9, "num_pairs": 9, "rate": share}
            path = folder / f"results/iter1/{name}/truth.json"
            rows = read_json(path)["rows"] if path.is_file() else []
            truth = {"iteration": 1, "filter": name, "rows": [*rows, row]}
            write_json(path, truth)
    goals = spread_of(tmp_path)["goals"]
    assert sum(goal["of"] == "grounded" for goal in goals) == 4
    found = [goal["goal"] for goal in goals if not goal["is_reached"]]
    assert len(found) == len(missed)
    assert all(part in goal for part, goal in zip(missed, found, strict=True))


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        # Loops of a base agree, bases do not: six runs would look like a difference.
        (((0.01, 0.01), (0.04, 0.04), (0.01, 0.01)), False),
        (((0.00, 0.06), (0.02, 0.04), (0.07, -0.01)), True),
        (((0.0, 0.0),) * 3, False),
    ],
)
def test_the_base_is_the_unit_of_a_test_between_filters(
    tmp_path: Path, differences: tuple[tuple[float, float], ...], expected: bool
) -> None:
    """Two loops of one base are one case, and the line says how little three show."""
    for base, loop in RUNS:
        apart = differences[base - 1][loop]
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.2, difference=apart)
    found = spread_of(tmp_path)["filter_differences"]
    assert [row["do_differ"] for row in found] == [expected] * 3
    assert [row["protocol"] for row in found] == ["selfjudge", "greedy", "blind"]
    assert {row["num_bases"] for row in found} == {3}
    assert all((row["mean"] > row["least_shown"]) is expected for row in found)


def test_one_base_shows_no_difference(tmp_path: Path) -> None:
    """However large: there is no spread to hold it against."""
    for loop in (0, 1):
        write_run(tmp_path / f"base3_loop{loop}", rise=0.2, difference=0.3)
    spread = spread_of(tmp_path)
    assert {row["do_differ"] for row in spread["filter_differences"]} == {False}
    for row in spread["filter_differences"]:
        assert row["p_value"] is None and row["least_shown"] is None
    assert not is_reached(spread, "blind majority", "within noise")


def test_unfinished_runs_are_named_and_left_out(tmp_path: Path) -> None:
    """A comparison is missing, or iterations are: the repository's default is 4."""
    for base, loop in RUNS[:3]:
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.2)
    (tmp_path / "base2_loop0/results/iter1/vlrb_blind.json").unlink()
    (tmp_path / "base1").mkdir()
    write_run(tmp_path / "base3_loop0", rise=0.2)
    (tmp_path / "base3_loop0/config.yaml").write_text(
        f"seed: 0\nfilters: {[*FILTERS]}\n"
    )
    spread = spread_of(tmp_path)
    assert spread["runs"] == ["base1_loop0", "base1_loop1"]
    assert spread["unfinished_runs"] == ["base2_loop0", "base3_loop0"]
    assert not is_reached(spread, "runs", "at least 3 base seeds")


def test_a_run_that_failed_is_a_goal_missed(tmp_path: Path) -> None:
    """Enough others do not make up for it: it may have failed for being bad."""
    for base, loop in (*RUNS, (4, 0)):
        write_run(tmp_path / f"base{base}_loop{loop}", rise=0.2)
    assert is_reached(spread_of(tmp_path), "runs", "at least 3") is False
    write_run(tmp_path / "base4_loop1", rise=0.2)
    assert is_reached(spread_of(tmp_path), "runs", "at least 3")
    (tmp_path / "base4_loop1/results/iter1/vlrb.json").unlink()
    write_run(tmp_path / "base4_loop2", rise=0.2)
    assert is_reached(spread_of(tmp_path), "runs", "at least 3") is False


def test_runs_of_two_configs_are_refused(tmp_path: Path) -> None:
    """A run that an older config left behind would be taken for one of these."""
    write_run(tmp_path / "base1_loop0", rise=0.2)
    write_run(tmp_path / "base1_loop1", rise=0.2)
    path = tmp_path / "base1_loop1/config.yaml"
    path.write_text(path.read_text() + "train: {learning_rate: 1}\n")
    with pytest.raises(ValueError, match="got 2 versions"):
        spread_of(tmp_path)


def test_runs_on_two_benchmarks_are_refused(tmp_path: Path) -> None:
    """Their accuracies do not compare."""
    write_run(tmp_path / "base1_loop0", rise=0.2)
    write_run(tmp_path / "base1_loop1", rise=0.2, sha256="1" * 64)
    with pytest.raises(ValueError, match="got 2 releases"):
        spread_of(tmp_path)


def test_reasons_without_truth_are_no_goal_reached(tmp_path: Path) -> None:
    """A base whose truth is missing would drop out of "on every base seed"."""
    for base, loop in RUNS:
        run = tmp_path / f"base{base}_loop{loop}"
        write_run(run, rise=0.2, filters=("majority", "grounded"))
    assert not is_reached(spread_of(tmp_path), "grounded", "wrong reason")
    row = {"measure": "wrong_reasons", "kind": "open", "category": None}
    row |= {"num_votes": None, "n": 9, "num_pairs": 9, "rate": 0.1}
    for base in (1, 2, 3):
        path = tmp_path / f"base{base}_loop0/results/iter1/grounded/truth.json"
        write_json(path, {"iteration": 1, "filter": "grounded", "rows": [row]})
        reached = is_reached(spread_of(tmp_path), "grounded", "wrong reason")
        assert reached is (base == 3)


def test_a_sweep_without_majority_is_refused(tmp_path: Path) -> None:
    """Nothing is left to hold the others against."""
    write_run(tmp_path / "base1_loop0", 0.2, filters=("correctness", "consistent"))
    with pytest.raises(ValueError, match=r"must have majority.*got correctness, con"):
        spread_of(tmp_path)


def test_truth_is_summarised_over_runs(tmp_path: Path) -> None:
    """A row for each measure and place, with its mean, least and most."""
    for loop, rate in ((0, 0.5), (1, 0.7)):
        folder = tmp_path / f"base1_loop{loop}"
        write_run(folder, rise=0.2)
        row = {"measure": "purity", "kind": None, "category": None, "num_votes": None}
        row |= {"n": 9, "num_pairs": 9, "rate": rate, "low": 0.1, "high": 0.9}
        truth = {"iteration": 1, "filter": "majority", "rows": [row]}
        write_json(folder / "results/iter1/majority/truth.json", truth)
    (row,) = spread_of(tmp_path)["truth"]
    assert (row["measure"], row["num_runs"]) == ("purity", 2)
    assert (row["mean"], row["min"], row["max"]) == (0.6, 0.5, 0.7)


# --------------------------------------------------------- choices of certified runs


def write_beside(folder: Path, benchmark: list[float], chosen: int) -> None:
    """What a certified run says of its base and judges, one an iteration."""
    judges = [
        {"iteration": iteration, "filter": "majority", "benchmark": value}
        for iteration, value in enumerate(benchmark)
    ]
    best = max(benchmark[1:])
    beside = {
        "num_pairs": 200,
        "purity": 0.8,
        "judges": judges,
        "correlations": [
            {"of": "certificate", "with": "truth", "rank_correlation": -1.0},
            {"of": "certificate", "with": "benchmark", "rank_correlation": 0.5},
        ],
        "chosen": {"iteration": chosen, "filter": "majority"},
        "best": best,
        "chosen_behind_best": best - benchmark[chosen],
        "last_behind_best": best - benchmark[-1],
    }
    path = folder / "results/certificate/beside_truth.json"
    path.parent.mkdir(parents=True)
    write_json(path, beside)


def test_choices_are_told_by_run(tmp_path: Path) -> None:
    """Each with how far it and the last judge are behind; unfinished runs are none."""
    write_beside(tmp_path / "base1_loop0", [0.5, 0.6, 0.75, 0.7], chosen=2)
    write_beside(tmp_path / "base1_loop1", [0.5, 0.6, 0.75, 0.7], chosen=1)
    write_beside(tmp_path / "base12_loop0", [0.9, 0.6, 0.65, 0.66], chosen=2)
    (tmp_path / "base2_loop0" / "results").mkdir(parents=True)
    found = sum_up(list(read_choices(tmp_path)))
    assert [(row["base_seed"], row["loop_seed"]) for row in found["runs"]] == [
        (1, 0),
        (1, 1),
        (12, 0),
    ]
    behind = [row["chosen_behind_best"] for row in found["runs"]]
    assert behind == pytest.approx([0, 0.15, 0.01])
    last = [row["last_behind_best"] for row in found["runs"]]
    assert last == pytest.approx([0.05, 0.05, 0])
    assert found["num_near"] == 2 and MOST_BEHIND == 0.015
    assert found["chosen_behind_best"] == pytest.approx(0.16 / 3)
    assert found["rank_correlation"] == pytest.approx(0.5)
    *_, goal = format_choices(found)
    assert "2 of 3" in goal
