import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pandas as pd
import pytest

from examples import (
    judge_both,
    make_judgment,
    make_pair,
    make_prompt,
    make_release,
    make_row,
)
from selfjudge.benchmarks.comparisons import compare
from selfjudge.benchmarks.protocols import SELFJUDGE
from selfjudge.benchmarks.scores import ScoredJudge, Scores
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.ground.ledgers import Ledger, append_ledger
from selfjudge.ground.lines import read_json, write_json
from selfjudge.ground.records import DroppedLine
from selfjudge.judging.counts import FilterCounts
from selfjudge.pairs.counts import count_pairs
from selfjudge.pairs.filters import FILTER_NAMES
from selfjudge.report.charts import (
    COLORS,
    SHAPES,
    UNCUT,
    Level,
    level_rows,
    series_scale,
)
from selfjudge.report.costs import cost_table, timing_table, total_table
from selfjudge.report.plots import read_captions
from selfjudge.report.run_table import run_table
from selfjudge.report.score_tables import published_table

SCRIPTS = Path(__file__).parents[1] / "scripts"
SCRIPT = str(SCRIPTS / "make_plots.py")
CAPTIONS = read_captions(SCRIPTS / "templates" / "captions")
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert("x")</script>&"\u202e'
FILTERS = ["majority", "unchecked"]
CONFIG = {
    "probe": {"min_parsed_rate": 0.9},
    "seed": 7,
    "image_root": "/home/me/images",
    "iterations": 2,
    "filters": FILTERS,
    "benchmarks": {"vlrb": {"protocols": []}, "mmrb": None},
}
# Verdicts of six pairs in both orders, by iteration and filter.
VERDICTS = {
    (0, "base"): "AA AA AB BB BA AC",
    (1, "majority"): "AB AA AB BB AB AB",
    (1, "unchecked"): "AA AA AA BB BA AC",
    (2, "majority"): "AB AB AB AB AB AB",
    (2, "unchecked"): "BA BA AB BB BA CC",
}


def score(iteration: int, filter_name: str, hostile: bool = False) -> Scores:
    """The scores of a judge, by its verdicts, on two groups of three pairs."""
    groups = ["general", HOSTILE if hostile else "reasoning"]
    verdicts = VERDICTS[iteration, filter_name].split()
    pairs = [
        make_pair(n, origin="benchmark", category=groups[n % 2])
        for n in range(len(verdicts))
    ]
    judgments = [
        judgment
        for pair, (first, second) in zip(pairs, verdicts, strict=True)
        for judgment in judge_both(pair, first, second)
    ]
    rows = [make_row(pair, n) for n, pair in enumerate(pairs)]
    release = make_release(num_rows=len(pairs), num_pairs=len(pairs))
    judge = ScoredJudge("vlrb", iteration, filter_name)
    return score_benchmark(judge, SELFJUDGE, release, pairs, rows, judgments)


def write_comparison(results: Path, iteration: int, hostile: bool = False) -> None:
    """Write one iteration's comparison, as the workflow does."""
    scores = {
        name: score(i, name, hostile) for i, name in VERDICTS if i in (0, iteration)
    }
    others = [found for name, found in scores.items() if name != "base" and iteration]
    comparison = compare(others, scores["base"], {})
    write_json(results / f"iter{iteration}/vlrb.json", comparison)


def write_reports(results: Path, iteration: int, filter_name: str) -> None:
    """Write the reports of two judged pairs, and of what gave no pair."""
    counts = FilterCounts()
    closed, opened = make_pair(0), make_pair(1, kind="open", category="count")
    prompts = [make_prompt(0, answer="3"), make_prompt(1, kind="open")]
    right = judge_both(closed, "A", "B")
    wrong = [make_judgment(opened, order, "?") for order in ("chosen_first",)]
    counts.add(closed, right, ["accepted", "accepted"])
    counts.add(opened, wrong, ["unparsed"])
    pair_counts = count_pairs(prompts, [closed, opened], [DroppedLine("unanimous")])
    outcomes = {"parsed": 12, "cut_off": 1, "refused": 3, "unparsed": 0}
    pair_counts["samples"] = {"number": outcomes, "yes_no": outcomes | {"refused": 0}}
    folder = results / f"iter{iteration}" / filter_name
    write_json(folder / "filter_report.json", counts.report())
    write_json(folder / "pairs_report.json", pair_counts)


def ledger(**changes: Any) -> Ledger:
    """The ledger line of a small run."""
    line = Ledger(
        stage="judge_pairs",
        engine="transformers",
        model="abc",
        started="2026-01-01T00:00:00Z",
        num_gpus=2,
        num_requests=10,
        num_from_journal=4,
        num_calls=6,
        num_prompt_tokens=1000,
        num_cached_prompt_tokens=None,
        num_output_tokens=200,
        start_seconds=60.0,
        seconds=300.0,
        finished=True,
    )
    return msgspec.structs.replace(line, **changes)


def write_run(folder: Path, hostile: bool = False) -> Path:
    """The project directory of a whole small run."""
    results = folder / "results"
    for iteration in range(3):
        write_comparison(results, iteration, hostile)
        for filter_name in FILTERS if iteration else []:
            write_reports(results, iteration, filter_name)
    append_ledger(results / "ledgers/iter1/majority/judgments/1of1.jsonl", ledger())
    timings = folder / "timings/iter1/majority/judge_pairs/1of1.tsv"
    timings.parent.mkdir(parents=True)
    timings.write_text("s\th:m:s\tmax_rss\tcpu_time\n12.5\t0:00:12\t300.0\t9.0\n")
    truth = {"measure": "purity", "kind": None, "category": None, "num_votes": None}
    truth |= {"n": 4, "rate": 0.75, "low": 0.3, "high": 0.95}
    write_json(results / "iter1/majority/truth.json", {"rows": [truth]})
    return folder


def draw(project: Path, name: str = "plots", **changes: Any) -> Path:
    """The plots that the script makes of a project."""
    options: dict[str, Any] = {
        "results": project / "results",
        "timings": project / "timings",
        "config": json.dumps(CONFIG),
        "output": project / name,
    }
    options |= changes
    arguments = [SCRIPT]
    for key, value in options.items():
        arguments += [f"--{key}", str(value)] if value is not None else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", arguments)
        runpy.run_path(SCRIPT, run_name="__main__")
    return project / name


def index_of(plots: Path) -> dict[str, dict[str, Any]]:
    """The entries of an index by name."""
    return {entry["name"]: entry for entry in read_json(plots / "index.json")}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole small run; do not write into it."""
    return write_run(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def plots(project: Path) -> Path:
    """The plots of the whole small run."""
    return draw(project)


def drawings(plots: Path) -> Iterator[ElementTree.Element]:
    """The drawings in a folder, parsed."""
    for path in sorted(plots.glob("*.svg")):
        yield ElementTree.parse(path).getroot()


def test_the_index_lists_the_files_and_nothing_else(plots: Path) -> None:
    """Every file has an entry, every entry its files; a whole run misses nothing."""
    index = index_of(plots)
    named = {index[name][kind] for name in index for kind in ("svg", "csv")} - {None}
    assert named == {path.name for path in plots.iterdir()} - {"index.json"}
    assert [name for name in index if index[name]["missing"]] == ["truth"]
    assert all(entry["alt"] and entry["caption"] for entry in index.values())


def test_sections_stand_in_the_order_of_the_page(plots: Path) -> None:
    """A section is one stretch of the index."""
    sections = [entry["section"] for entry in read_json(plots / "index.json")]
    order = list(dict.fromkeys(sections))
    assert sections == sorted(sections, key=order.index)
    assert order == [
        "result",
        "accuracy",
        "groups",
        "filters",
        "accepted",
        "health",
        "cost",
        "run",
    ]


def test_accuracy_is_what_the_comparison_says(project: Path, plots: Path) -> None:
    """Every number of every row of every iteration, and the controls."""
    table = pd.read_csv(plots / "accuracy_vlrb.csv")
    judges = table[table["kind"].isin(["base", "judge"])].set_index(
        ["iteration", "name", "group"]
    )
    comparisons = [read_json(project / f"results/iter{i}/vlrb.json") for i in range(3)]
    told = {
        (r["iteration"], r["filter"], r["group"]): r
        for c in comparisons
        for r in c["rows"]
    }
    assert set(judges.index) == set(told)
    for place, row in told.items():
        for column in (
            "num_pairs",
            "accuracy",
            "low",
            "high",
            "coverage",
            "first_rate",
        ):
            assert judges.loc[place, column] == row[column]
        p_value = judges.loc[place, "p_value_base"]
        assert (None if pd.isna(p_value) else p_value) == row["p_value_base"]
    controls = table[table["kind"] == "control"]
    assert list(controls["accuracy"]) == [
        r["accuracy"] for r in comparisons[2]["baselines"]
    ]


def test_groups_stand_side_by_side(project: Path, plots: Path) -> None:
    """The wide table has the same accuracies, a column for each group."""
    table = pd.read_csv(plots / "table_vlrb.csv").set_index(["iteration", "filter"])
    for row in read_json(project / "results/iter2/vlrb.json")["rows"]:
        assert (
            table.loc[(row["iteration"], row["filter"]), row["group"]]
            == row["accuracy"]
        )


def test_counts_stay_whole_numbers(plots: Path) -> None:
    """A column with gaps keeps its counts without a decimal point."""
    table = pd.read_csv(plots / "accuracy_vlrb.csv", dtype=str, keep_default_na=False)
    assert set(table["num_pairs"]) == {"3", "6"}
    assert set(table["iteration"]) == {"", "0", "1", "2"}


@pytest.mark.parametrize(
    ("name", "share", "parts"),
    [
        pytest.param("dropped_judgments", "dropped_rate", ["unparsed"], id="judgments"),
        pytest.param("dropped_pairs", "dropped_rate", ["unanimous"], id="pairs"),
    ],
)
def test_dropped_shares(plots: Path, name: str, share: str, parts: list[str]) -> None:
    """A third of the judgments, and of what could have given a pair."""
    table = pd.read_csv(plots / f"{name}.csv")
    assert list(table["reason"].unique()) == parts
    assert set(table[share]) == {0.333333}


def test_samples_without_an_answer_are_drawn_and_warned_of(plots: Path) -> None:
    """Once an iteration, whatever the filters; below the probe's bound is said."""
    table = pd.read_csv(plots / "samples.csv")
    assert list(table["answer_format"]) == ["number", "yes_no"] * 2
    assert set(table["refused_rate"]) == {3 / 16, 0}
    (entry,) = [e for e in read_json(plots / "index.json") if e["name"] == "samples"]
    assert "number 75.0 % at iteration 2" in entry["caption"]
    assert "yes_no" not in entry["caption"]


def test_accepted_and_dropped_add_up_to_all(plots: Path) -> None:
    """Shares of each iteration and filter sum to one, and categories to all."""
    accepted = pd.read_csv(plots / "accepted.csv")
    dropped = pd.read_csv(plots / "dropped_judgments.csv")
    place = ["iteration", "filter"]
    whole = accepted[accepted["kind"] == "all"].set_index(place)
    shares = whole["accepted_rate"] + dropped.groupby(place)["dropped_rate"].sum()
    assert shares.round(5).eq(1).all()
    parts = accepted[accepted["kind"] != "all"].groupby(place)[
        ["num_judgments", "num_accepted"]
    ]
    assert parts.sum().equals(whole[["num_judgments", "num_accepted"]].sort_index())


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, plots: Path) -> None:
    """Another folder, and another process with another hash seed: nothing differs."""
    project = write_run(tmp_path / "elsewhere")
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    code += "from pathlib import Path; import test_plots\n"
    code += f"test_plots.draw(Path({str(project)!r}))"
    environment = {"PYTHONPATH": str(SCRIPTS), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    again = project / "plots"
    names = sorted(path.name for path in plots.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    differ = [n for n in names if (plots / n).read_bytes() != (again / n).read_bytes()]
    assert differ == []


def test_an_earlier_plot_goes_away(tmp_path: Path) -> None:
    """What no figure writes any more is not left to be taken for new."""
    project = write_run(tmp_path)
    (project / "plots").mkdir()
    (project / "plots/accuracy_gone.svg").write_text("<svg/>")
    assert not (draw(project) / "accuracy_gone.svg").exists()


@pytest.mark.parametrize("config", [json.dumps(CONFIG), None], ids=["told", "untold"])
def test_an_empty_folder_gives_an_index(tmp_path: Path, config: str | None) -> None:
    """Nothing to draw yet is no error; if told of the whole run, it says what lacks."""
    (tmp_path / "results").mkdir()
    plots = draw(tmp_path, config=config)
    index = index_of(plots)
    written = {path.name for path in plots.iterdir()} - {"run.csv"}
    assert written == {"index.json"}
    assert index["accepted"]["svg"] is None
    if config:
        assert index["accuracy_vlrb"]["missing"] == [
            f"results/iter{iteration}/vlrb.json" for iteration in range(3)
        ]
        assert index["accepted"]["missing"] == [
            f"results/iter{iteration}/{name}/filter_report.json"
            for iteration in (1, 2)
            for name in FILTERS
        ]


def test_a_half_finished_run_draws_what_there_is(tmp_path: Path) -> None:
    """The base model alone, then one iteration with one report."""
    results = tmp_path / "results"
    write_comparison(results, 0)
    index = index_of(draw(tmp_path))
    assert index["accuracy_vlrb"]["svg"] and index["filters_vlrb"]["svg"] is None
    write_comparison(results, 1)
    write_reports(results, 1, "majority")
    index = index_of(draw(tmp_path))
    assert index["accuracy_vlrb"]["missing"] == ["results/iter2/vlrb.json"]
    assert index["filters_vlrb"]["svg"] and index["accepted"]["svg"]
    assert "results/iter1/unchecked/filter_report.json" in index["health"]["missing"]


def test_by_hand_it_finds_what_stands_beside_the_results(tmp_path: Path) -> None:
    """Config and timings need not be told: the same plots come out."""
    project = write_run(tmp_path)
    config = {"iterations": 2, "filters": FILTERS, "benchmarks": {"mmrb": None}}
    (project / "config.yaml").write_text(json.dumps(config))
    untold = dict.fromkeys(("timings", "config"))
    index = index_of(draw(project, **untold))
    assert index["timings"]["csv"]
    facts = pd.read_csv(project / "plots/run.csv").set_index("key")["value"]
    assert facts["filters"] == ", ".join(FILTERS)
    assert index["accuracy_vlrb"]["missing"] == []


def test_what_another_config_left_is_not_drawn(tmp_path: Path) -> None:
    """Iterations and filters beyond the expected ones are none of this run's."""
    smaller = CONFIG | {"iterations": 1, "filters": ["majority"]}
    plots = draw(write_run(tmp_path), config=json.dumps(smaller))
    for name in ("accepted", "health"):
        table = pd.read_csv(plots / f"{name}.csv")
        assert (set(table["iteration"]), set(table["filter"])) == ({1}, {"majority"})
    assert set(pd.read_csv(plots / "table_vlrb.csv")["iteration"]) == {0, 1}


def test_a_run_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong folder is a person's mistake, in one line."""
    with pytest.raises(SystemExit):
        draw(tmp_path)
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "results: must be a results folder" in printed


def test_a_score_that_decided_nothing_is_drawn_empty(tmp_path: Path) -> None:
    """The workflow promises this drawing, and Snakemake looks for it."""
    project = write_run(tmp_path)
    for path in project.glob("results/iter*/vlrb.json"):
        comparison = read_json(path)
        for row in comparison["rows"] + comparison["baselines"]:
            row |= {"accuracy": None, "low": None, "high": None}
        write_json(path, comparison)
    index = index_of(draw(project))
    assert index["accuracy_vlrb"]["svg"] and index["groups_vlrb"]["svg"]


def test_drawings_carry_nothing_that_runs_or_loads(plots: Path) -> None:
    """No style, script, link or handler: a strict policy shows them as they are."""
    tags, keys = set(), set()
    for root in drawings(plots):
        tags |= {element.tag.removeprefix(SVG) for element in root.iter()}
        keys |= {key for element in root.iter() for key in element.attrib}
    assert tags <= {"svg", "g", "path", "text", "line", "rect", "title", "desc", "defs"}
    assert not [key for key in keys if key.startswith("on") or "href" in key]
    assert "style" not in keys


def test_drawings_take_the_colour_of_their_surroundings(plots: Path) -> None:
    """Text and axes are currentColor, data of the palette; nothing is black."""
    values = set()
    for root in drawings(plots):
        for element in root.iter():
            values |= {element.get("fill"), element.get("stroke")}
    assert values - {None, "none", "transparent"} <= {
        "currentColor",
        "#ffffff",
        *COLORS,
    }


def test_drawings_are_told_to_those_who_do_not_see_them(plots: Path) -> None:
    """Title and description come first, and are what the root is labelled by."""
    index = index_of(plots)
    for root in drawings(plots):
        title, description = list(root)[:2]
        entry = index[str(root.get("id"))]
        assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
        assert (title.text, description.text) == (entry["title"], entry["alt"])
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == title.get("id")


def test_ids_are_unique_on_one_page(plots: Path) -> None:
    """All drawings inlined together share no id, and refer to none of another."""
    ids = [e.get("id") for root in drawings(plots) for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids)) > 0
    for path in plots.glob("*.svg"):
        referred = set(re.findall(r"url\(#([^)]*)\)", path.read_text()))
        assert all(name.startswith(path.stem) for name in referred)


def test_drawings_fit_a_phone(plots: Path) -> None:
    """Text of 12 units is at least 9 pixels on a page of 390."""
    for root in drawings(plots):
        assert float(str(root.get("width"))) <= 12 / 9 * 390


def test_filters_differ_in_more_than_colour() -> None:
    """A colour with a mark is of one filter; two that learn from labels, of the same
    pairs or of others, have two colours, and none is the grey of the controls."""
    assert len(set(COLORS)) == len(set(SHAPES)) >= 4
    assert UNCUT == ["majority", "correctness", "grounded", "reinforced"]
    colors = series_scale("color", [*UNCUT, "consistent"])["range"]
    assert len(set(colors)) == 5
    assert series_scale("color", ["unchecked"])["range"] == colors[-1:]
    scales = [series_scale(kind, FILTER_NAMES)["range"] for kind in ("color", "shape")]
    assert len(set(zip(*scales, strict=True))) == len(FILTER_NAMES)


def test_labels_of_close_levels_stand_apart() -> None:
    """The lower one below its line; those of one height share a label."""
    levels = [Level("coin", 0.5), Level("first", 0.5), Level("longer", 0.49)]
    apart = level_rows([*levels, Level("high", 0.6)], ["all"], 0.02)
    assert apart == [
        {"panel": "all", "level": 0.49, "below": "longer"},
        {"panel": "all", "level": 0.5, "left": "coin, first"},
        {"panel": "all", "level": 0.6, "right": "high"},
    ]
    assert "left" in level_rows(levels, ["all"], 0.005)[0]


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """A group comes from a benchmark's file: markup in it stays text."""
    plots = draw(write_run(tmp_path, hostile=True))
    texts = [element.text for root in drawings(plots) for element in root.iter()]
    assert any(text and "<script>" in text for text in texts)
    tags = {element.tag for root in drawings(plots) for element in root.iter()}
    assert f"{SVG}script" not in tags
    table = pd.read_csv(plots / "accuracy_vlrb.csv")
    assert HOSTILE in set(table["group"])


def test_every_kind_of_figure_has_a_caption(plots: Path) -> None:
    """Captions are read by kind, and Snakemake's report reads the same files."""
    index = index_of(plots)
    drawn = {kind for kind in CAPTIONS if any(name.startswith(kind) for name in index)}
    assert CAPTIONS.keys() - drawn == {"published", "protocols"}  # not in this run
    assert all(text and "{" not in text for text in CAPTIONS.values())


def test_filter_tests_are_those_of_the_comparisons(project: Path, plots: Path) -> None:
    """Every test of every iteration, with nothing but the comparisons to read."""
    table = pd.read_csv(plots / "filters_vlrb.csv")
    told = [
        {"iteration": iteration} | test
        for iteration in (1, 2)
        for test in read_json(project / f"results/iter{iteration}/vlrb.json")[
            "filter_tests"
        ]
    ]
    assert len(told) == 6 and list(table["p_value_holm"]) == [
        test["p_value_holm"] for test in told
    ]
    drawn = table.astype(object).where(table.notna(), None)
    assert drawn.to_dict("records") == told


def published(protocol: str | None, release: str | None) -> dict[str, Any]:
    """A published table as a comparison holds it."""
    rows = [{"model": "theirs", "overall": 0.6}]
    return {
        "source": "a paper",
        "protocol": protocol,
        "release": release,
        "warnings": ["Other rows."],
        "rows": rows,
    }


@pytest.mark.parametrize(
    ("protocol", "release", "name", "comparable"),
    [
        pytest.param("selfjudge", "vlrb_1250", "vlrb_1250", True, id="same"),
        pytest.param("official", "vlrb_1250", "vlrb_1250", False, id="protocol"),
        pytest.param("selfjudge", "vlrb_1247", "vlrb_1250", False, id="rows"),
        pytest.param("selfjudge", None, None, False, id="unknown-rows"),
        pytest.param(None, "vlrb_1250", "vlrb_1250", False, id="unknown-protocol"),
    ],
)
def test_published_scores_compare_only_where_rows_and_protocol_do(
    tmp_path: Path,
    protocol: str | None,
    release: str | None,
    name: str | None,
    comparable: bool,
) -> None:
    """Such a row is drawn beside ours; another one stands in the table alone."""
    project = write_run(tmp_path)
    path = project / "results/iter2/vlrb.json"
    comparison = read_json(path)
    comparison["release"]["name"] = name
    comparison["published"] = [published(protocol, release)]
    write_json(path, comparison)
    assert published_table(comparison)[0]["comparable"] is comparable
    plots = draw(project)
    entry = index_of(plots)["published_vlrb"]
    assert (entry["svg"] is not None) is comparable
    table = pd.read_csv(plots / "accuracy_vlrb.csv")
    assert ("theirs" in set(table["name"])) is comparable


def test_costs_are_sums_over_all_runs(tmp_path: Path) -> None:
    """Interrupted runs count; a stage of all filters has none; both shards are one."""
    ledgers = tmp_path / "ledgers"
    pairs = ledgers / "iter1/majority/judgments"
    append_ledger(pairs / "1of2.jsonl", ledger(finished=False))
    append_ledger(pairs / "1of2.jsonl", ledger(num_cached_prompt_tokens=7))
    append_ledger(pairs / "2of2.jsonl", ledger())
    shared = ledgers / "iter1/responses/1of1.jsonl"
    append_ledger(shared, ledger(stage="generate_responses", num_gpus=0))
    bench = ledgers / "iter1/majority/benchmarks/1of1.jsonl"
    append_ledger(bench, ledger(stage="judge_benchmarks"))
    rated = ledgers / "panel/iter2/informed/ada/ratings/informed"
    append_ledger(rated / "1of1.jsonl", ledger(stage="rate_responses"))
    rows = {row["stage"]: row for row in cost_table(tmp_path)}
    of_panel = rows["rate_responses"]
    assert (of_panel["iteration"], of_panel["filter"]) == (2, "informed/ada")
    judged = rows["judge_pairs"]
    assert (judged["num_runs"], judged["num_unfinished"]) == (3, 1)
    assert (judged["num_requests"], judged["num_prompt_tokens"]) == (30, 3000)
    assert judged["num_cached_prompt_tokens"] == 7
    assert judged["gpu_hours"] == 0.6  # three times two GPUs for six minutes
    shared_row = rows["generate_responses"]
    assert (shared_row["filter"], shared_row["gpu_hours"]) == (None, None)
    assert rows["judge_benchmarks"]["filter"] == "majority"
    assert rows["judge_benchmarks"]["num_runs"] == 1


def test_totals_are_sums_of_the_costs(tmp_path: Path) -> None:
    """A row for each stage, whatever the iteration, and one that is the sum of all."""
    assert total_table([]) == []
    for number in (1, 2):
        folder = tmp_path / "ledgers" / f"iter{number}"
        append_ledger(folder / "majority/judgments/1of1.jsonl", ledger())
        append_ledger(
            folder / "responses/1of1.jsonl",
            ledger(stage="generate_responses", num_gpus=0, num_calls=1),
        )
    costs = cost_table(tmp_path)
    *parts, whole = total_table(costs)
    assert {row["stage"]: row["num_runs"] for row in parts} == {
        "generate_responses": 2,
        "judge_pairs": 2,
    }
    assert (whole["stage"], whole["num_runs"]) == ("all", 4)
    for name in ("num_requests", "num_calls", "num_output_tokens", "gpu_hours"):
        known = [row[name] for row in costs if row[name] is not None]
        assert whole[name] == pytest.approx(sum(known)) and sum(known) > 0
    spent = sum(row["start_seconds"] + row["seconds"] for row in costs)
    assert whole["hours"] == pytest.approx(spent / 3600, abs=1e-4)
    assert whole["num_cached_prompt_tokens"] is None


def test_timings_are_read_as_snakemake_writes_them(tmp_path: Path) -> None:
    """Jobs of a rule together; what it could not measure is left out."""
    head = "s\th:m:s\tmax_rss\tcpu_time\n"
    for name, line in (
        ("1of2", "2.5\t0:00:02\t10.5\t2.0"),
        ("2of2", "1.5\t0:00:01\tNA\t-"),
    ):
        path = tmp_path / f"iter1/majority/judge_pairs/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{head}{line}\n")
    (tmp_path / "iter1/majority/train_judge.tsv").write_text(
        f"{head}9\t0:00:09\t1\t8\n"
    )
    (tmp_path / "other.tsv").write_text("x\n")
    judged, trained = timing_table(tmp_path)
    assert (judged["rule"], judged["filter"], judged["num_jobs"]) == (
        "judge_pairs",
        "majority",
        2,
    )
    assert (judged["seconds"], judged["max_memory_mb"], judged["cpu_seconds"]) == (
        4.0,
        10.5,
        2.0,
    )
    assert (trained["rule"], trained["seconds"]) == ("train_judge", 9.0)


def test_facts_tell_no_path_of_the_machine(tmp_path: Path) -> None:
    """Absolute paths keep their last part; relative ones and ids stay."""
    config = {
        "base_model": "org/name@abc",
        "image_root": "/home/me/images/",
        "train": {"rate": 1e-5, "gold": True, "max_length": None},
        "data": "file:///home/me/z.jsonl",
        "prompts": {"sources": [{"path": "~/x.jsonl"}, {"path": "data/y.jsonl"}]},
        "filters": ["majority", "unchecked"],
    }
    rows = {row["key"]: row["value"] for row in run_table(tmp_path, config, 4)}
    assert rows == {
        "base_model": "org/name@abc",
        "image_root": ".../images",
        "train.rate": "1e-05",
        "train.gold": "true",
        "train.max_length": "",
        "data": ".../z.jsonl",
        "prompts.sources.0.path": ".../x.jsonl",
        "prompts.sources.1.path": "data/y.jsonl",
        "filters": "majority, unchecked",
    }


def test_facts_name_judges_versions_and_data(tmp_path: Path) -> None:
    """What training and preparation wrote down; what repeats stands once."""
    for number in (1, 2):
        folder = tmp_path / f"iter{number}/majority"
        write_json(folder / "judge.json", {"fingerprint": f"f{number}"})
        provenance = {
            "versions": {"torch": "2"},
            "num_rows": number,
            "settings": {"x": 1},
        }
        write_json(folder / "judge/provenance.json", provenance)
    manifest = {"source": "/data/test.parquet", "source_sha256": "0" * 64}
    write_json(tmp_path / "benchmarks/vlrb_manifest.json", manifest)
    rows = [tuple(row.values()) for row in run_table(tmp_path, {}, 2)]
    assert rows.count(("libraries of the training", "torch", "2")) == 1
    assert ("judge iter2/majority", "fingerprint", "f2") in rows
    assert ("training iter2/majority", "num_rows", "2") in rows
    assert ("benchmark vlrb", "source", ".../test.parquet") in rows
    assert ("benchmark vlrb", "source_sha256", "0" * 64) in rows
