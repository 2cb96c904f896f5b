import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from selfjudge.ground.lines import read_json, write_json
from selfjudge.report.headlines import (
    accuracy_table,
    headline,
    list_controls,
    main_result,
    main_sentence,
    tell_controls,
    tell_scored,
    tell_sources,
)
from selfjudge.report.page import build_report, csp_hash, read_parts
from selfjudge.report.page_tables import read_table
from small_project import ROOT, TEMPLATES, config_of, hostile_pairs, write_project

HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'


def build(project: Path, **changes: Any) -> str:
    """The page about a project."""
    return build_report(config_of(**changes), project, read_parts(TEMPLATES))


def data_of(page: str) -> dict[str, Any]:
    """The records and thumbnails in a page."""
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</', page)
    return dict(json.loads(data))


def comparison_row(**changes: Any) -> dict[str, Any]:
    """A row of a comparison, as JSON has it."""
    row = {
        "group": "overall",
        "iteration": 2,
        "filter": "majority",
        "num_pairs": 8,
        "coverage": 1.0,
        "accuracy": 0.625,
        "low": 0.25,
        "high": 0.75,
        "p_value_base": 0.0312,
    }
    return row | changes


BASE = comparison_row(iteration=0, filter="base", accuracy=0.5, p_value_base=None)


def comparison(*rows: dict[str, Any], protocol: str = "selfjudge") -> dict[str, Any]:
    """A comparison of these rows."""
    release = {"name": None, "format": "vl_rewardbench"}
    named = {"benchmark": "vlrb", "protocol": protocol, "release": release}
    iteration = max((row["iteration"] for row in rows), default=0)
    return named | {"iteration": iteration, "rows": list(rows), "twins": {}}


def told(*comparisons: dict[str, Any]) -> str:
    """The main sentence on the filter majority."""
    return main_sentence(main_result(comparisons, "vlrb", "majority"), "vlrb")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        pytest.param([], "Nothing is scored yet: vlrb.", id="nothing"),
        pytest.param(
            [BASE],
            "The base model is right in 50.0 % (25.0 to 75.0) of judgments on vlrb "
            "(8 pairs); no judge is scored yet.",
            id="base-alone",
        ),
        pytest.param(
            [BASE, comparison_row(iteration=1, accuracy=0.1), comparison_row()],
            "On vlrb, the judge of iteration 2 (majority) is right in 62.5 % (25.0 to "
            "75.0) of judgments, the base model in 50.0 % (25.0 to 75.0) (8 pairs in "
            "both orders; exact sign-flip test: p = 0.031).",
            id="latest",
        ),
    ],
)
def test_the_main_sentence(rows: list[dict[str, Any]], sentence: str) -> None:
    """It speaks of the latest judge beside the base model, or says what there is."""
    assert told(comparison(*rows)) == sentence


def test_the_main_sentence_keeps_to_our_protocol() -> None:
    """Another protocol's score of the same judge is another number."""
    assert "Nothing" in told(comparison(BASE, comparison_row(), protocol="official"))


def test_the_main_sentence_names_the_control() -> None:
    """Of the same iteration only: an earlier control is no comparison."""
    control = comparison_row(filter="unchecked", accuracy=0.5)
    balanced = comparison_row(filter="consistent", accuracy=0.55)
    rows = [BASE, comparison_row(), balanced, control]
    assert told(comparison(*rows)).endswith(
        " Of 12.5 points, 5.0 come with agreement alone."
    )
    sentences = list_controls(main_result([comparison(*rows)], "vlrb", "majority"))
    assert [one.partition(":")[0] for one in sentences] == [
        "Of 12.5 points above the base, 5.0 come with agreement alone",
        "Of 12.5 points above the base, 0.0 come with balance alone",
    ]
    assert sentences[1].endswith("it is right in 50.0 % (25.0 to 75.0).")
    earlier = comparison(BASE, comparison_row(), control | {"iteration": 1})
    assert list_controls(main_result([earlier], "vlrb", "majority")) == []


@pytest.mark.parametrize(("judge", "control"), [(0.45, 0.4), (0.6, 0.7), (0.6, 0.4)])
def test_no_share_is_told_of_what_is_no_part(judge: float, control: float) -> None:
    """A loss has no parts, and a control may gain more, or lose."""
    rows = [BASE, comparison_row(accuracy=judge)]
    rows.append(comparison_row(filter="consistent", accuracy=control))
    gains = [f"{100 * (accuracy - 0.5):.1f}" for accuracy in (judge, control)]
    expected = f" It gains {gains[0]} points, and with agreement alone {gains[1]}."
    assert told(comparison(*rows)).endswith(expected)


def test_a_gain_has_the_same_parts_in_headline_and_limits() -> None:
    """A control that loses less than is shown loses nothing: no -0.0 in one of two."""
    rows = [BASE, comparison_row(accuracy=0.587)]
    rows.append(comparison_row(filter="consistent", accuracy=0.4998))
    assert told(comparison(*rows)).endswith(
        " Of 8.7 points, 0.0 come with agreement alone."
    )
    (sentence,) = list_controls(main_result([comparison(*rows)], "vlrb", "majority"))
    assert sentence.startswith("Of 8.7 points above the base, 0.0 come with agreement")


@pytest.mark.parametrize(
    ("base", "judge", "share"),
    [
        pytest.param((0.8, 0.48), (1.0, 0.6), "Of 12.0 points .*, 12.0", id="all"),
        pytest.param((0.8, 0.48), (1.0, 0.72), "Of 24.0 points .*, 12.0", id="half"),
        pytest.param((0.8, 0.48), (1.0, 0.5), "It gains 2.0 .* 12.0", id="less-right"),
        pytest.param((1.0, 0.6), (0.8, 0.64), "It gains 4.0 .* -12.0", id="fewer"),
        pytest.param((1.0, 0.6), (0.8, 0.48), "It gains -12.0 .* -12.0", id="a-loss"),
        pytest.param((0.0, 0.0), (1.0, 0.5), "Of 50.0 points .*, 50.0", id="from-none"),
        pytest.param((0.99, 0.5), (1.0, 0.6), None, id="no-matter"),
        pytest.param((1.0, 0.5), (1.0, 0.6), None, id="none"),
    ],
)
def test_verdicts_that_are_stated_are_no_skill(
    base: tuple[float, float], judge: tuple[float, float], share: str | None
) -> None:
    """What a judge gains by stating more verdicts, as often right as the base's."""
    rows = [
        BASE | {"coverage": base[0], "accuracy": base[1]},
        comparison_row(coverage=judge[0], accuracy=judge[1]),
    ]
    found = list_controls(main_result([comparison(*rows)], "vlrb", "majority"))
    assert tell_controls(comparison(*rows)) == " ".join(found)
    assert len(found) == bool(share)
    assert not share or re.match(f"{share} come with (more|fewer) verdicts", found[0])
    # Where an unparsed judgment is not wrong, none is gained by stating it.
    assert tell_controls(comparison(*rows, protocol="official")) == ""


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "Nothing is scored yet"),
        ([BASE], "No judge is scored yet"),
        ([BASE, comparison_row()], "+12.5 points over the base model, beyond chance"),
        (
            [BASE, comparison_row(accuracy=0.4)],
            "-10.0 points: worse than the base model, beyond chance",
        ),
        (
            [BASE, comparison_row(p_value_base=0.05)],
            "No better than the base model (+12.5 points, within chance)",
        ),
        (
            [BASE, comparison_row(p_value_base=None)],
            "No better than the base model (+12.5 points, within chance)",
        ),
    ],
)
def test_the_headline(rows: list[dict[str, Any]], words: str) -> None:
    """Better, worse, or within chance: in words, whatever the number."""
    assert headline(main_result([comparison(*rows)], "vlrb", "majority")) == words


@pytest.mark.parametrize(
    ("release", "about", "words"),
    [
        ({"name": "VL-RewardBench"}, "shapes", "vlrb"),
        ({}, "shapes", "vlrb (shapes, not VL-RewardBench)"),
        ({}, None, "vlrb (rows of no release that is known, not VL-RewardBench)"),
        ({"format": "pairs"}, None, "vlrb"),
        ({"format": "pairs"}, "X-rays", "vlrb (X-rays)"),
    ],
)
def test_what_was_scored_is_taken_for_nothing_else(
    release: dict[str, Any], about: str | None, words: str
) -> None:
    """A benchmark's key in the config is no proof of what lies in the file."""
    scored = comparison(BASE)
    scored["release"] |= release
    assert tell_scored([scored], "vlrb", about) == words


def test_a_run_without_a_benchmark_says_so() -> None:
    result = main_result([comparison(BASE)], None, "majority")
    assert headline(result) == "Nothing is scored yet"
    told = main_sentence(result, tell_scored([comparison(BASE)], None, None))
    assert told.startswith("Nothing is scored yet: no benchmark is configured")


def test_a_twin_is_told() -> None:
    """On the page and in the terminal, of the last iteration."""
    twin = comparison_row(filter="majority_matched")
    twins = {"majority_matched": "majority"}
    found = comparison(BASE, comparison_row(), twin) | {"twins": twins}
    sentence = (
        "majority_matched accepts what majority accepts: one judge, trained once, in "
        "no test."
    )
    assert list_controls(main_result([found], "vlrb", "majority")) == [sentence]
    assert tell_controls(found) == sentence


def test_another_protocol_has_a_name_of_its_own() -> None:
    """Rows of one benchmark differ in their first column, which a phone shows."""
    table = accuracy_table([comparison(BASE), comparison(BASE, protocol="blind")], "")
    assert table is not None
    assert [row[0] for row in table.rows] == ["vlrb", "vlrb_blind"]


def test_the_base_model_stands_in_every_row() -> None:
    """Each filter's row begins with the base model, which has no row of its own."""
    table = accuracy_table(
        [
            comparison(BASE, comparison_row(iteration=1, accuracy=None)),
            comparison(BASE, comparison_row(), comparison_row(filter="unchecked")),
        ],
        "Accuracy",
    )
    assert table is not None
    assert table.columns == [
        "benchmark", "average", "filter", "iteration 0", "iteration 1", "iteration 2",
        "pairs", "protocol",
    ]  # fmt: skip
    start = "50.0 (25.0 to 75.0)"
    assert [row[2:7] for row in table.rows] == [
        ["majority", start, "none decided", "62.5 (25.0 to 75.0)", "8"],
        ["unchecked", start, "", "62.5 (25.0 to 75.0)", "8"],
    ]


def test_a_whole_page_misses_nothing(tmp_path: Path) -> None:
    """All sections in order; the same input gives the same page."""
    page = build(write_project(tmp_path / "project"))
    assert "What is missing" not in page
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert titles == [
        "+33.3 points over the base model, beyond chance",
        "Accuracy by iteration",
        "Cost",
        "Records",
    ]
    assert page == build(tmp_path / "project")


def test_half_a_page_names_what_is_missing(tmp_path: Path) -> None:
    """A run that has not ended gives a page about what is there."""
    project = write_project(tmp_path / "project")
    (project / "results/iter2/vlrb.json").unlink()
    (project / "results/iter2/majority/accepted.jsonl").unlink()
    shutil.rmtree(project / "results/plots")
    page = build(project)
    assert "9 of 12 files exist" in page
    for name in (
        "iter2/vlrb.json",
        "iter2/majority/accepted.jsonl",
        "plots/index.json",
    ):
        assert f"<code>results/{name}</code>" in page
    assert "judge of iteration 1 (majority)" in page
    assert {record["iteration"] for record in data_of(page)["records"]} == {1}


def test_nothing_at_all_is_a_page_too(tmp_path: Path) -> None:
    """A project that has not begun has a page that says so."""
    page = build(tmp_path)
    assert "Nothing is scored yet: vlrb." in page
    assert "0 of 12 files exist" in page
    assert data_of(page) == {"records": [], "thumbnails": []}


def test_a_sample_says_so(tmp_path: Path) -> None:
    """The page tells how many records it shows, and of how many."""
    project = write_project(tmp_path / "project")
    page = build(project, report={"max_records": 6})
    assert "A sample: 6 of 16 pairs" in page
    assert "All 16 pairs that were judged are in this page." in build(project)


def test_the_policy_is_of_what_is_inlined(tmp_path: Path) -> None:
    """Script and style have their hashes; no attribute acts; nothing is loaded."""
    page = build(write_project(tmp_path / "project"))
    script, style = (TEMPLATES / f"report.{end}" for end in ("js", "css"))
    assert csp_hash(script.read_text()) in page and csp_hash(style.read_text()) in page
    assert "default-src 'none'" in page
    body = page.partition("<body>")[2]
    assert not re.search(r"<[^>]*\s(?:style|on\w+)=", body)
    sources = re.findall(r"<[^>]*\s(?:src|href)=\"([^\"]*)", page)
    assert all(source.startswith(("#", "data:")) for source in sources)


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """What files say outside of records is escaped."""
    project = write_project(tmp_path / "project", hostile_pairs(HOSTILE))
    path = project / "results/iter2/vlrb.json"
    comparison = read_json(path)
    comparison["release"]["warnings"] = [HOSTILE]
    write_json(path, comparison)
    (project / "results/plots/cost.csv").write_text(
        f"{HOSTILE.replace(chr(34), '')}\n1\n"
    )
    page = build(project)
    assert "<script>alert" not in page and "onerror=alert(1)>" not in page
    assert page.count("<script") == page.count("</script>") == 2


def test_hostile_bytes_make_a_valid_page(tmp_path: Path) -> None:
    """NUL, overrides and long texts end in a small page that is UTF-8."""
    texts = ["\0" * 50, "\u202e" * 50, "\u0301" * 5000, "x" * 10_000_000]
    page = build(write_project(tmp_path / "project", hostile_pairs(*texts)))
    assert len(page.encode()) < 1_000_000
    assert not set(page) & set("\0\u202e")


def test_no_path_of_this_machine(tmp_path: Path) -> None:
    """Where the images lie does not reach a page that is mailed."""
    project = write_project(tmp_path / "project")
    page = build(project, image_root=str(project / "images"))
    assert str(tmp_path) not in page
    assert data_of(page)["thumbnails"][0] is not None


def test_the_page_keeps_below_its_bytes(tmp_path: Path) -> None:
    """Drawings that leave no room are refused, with what to look at."""
    project = write_project(tmp_path / "project")
    drawing = project / "results/plots/accuracy.svg"
    drawing.write_text(drawing.read_text().replace("L580", "L9 9" * 5_000_000))
    with pytest.raises(ValueError, match="the page without records must be below"):
        build(project)


def test_the_script_reads_the_projects_config(tmp_path: Path) -> None:
    """By hand, without Snakemake, the project's config.yaml is laid over ours."""
    project = write_project(tmp_path / "project")
    output = tmp_path / "page.html"
    script = ROOT / "scripts" / "build_report.py"
    command = [sys.executable, str(script), "--project", str(project)]
    subprocess.run([*command, "--output", str(output)], check=True)
    assert output.read_text() == build(project)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("0.610317", "0.6103"),
        ("-0.031746", "-0.03175"),
        ("0.000123456", "0.0001235"),
        ("1.234567e-07", "1.235e-07"),
        ("0.5", "0.5"),
        ("1e-05", "1e-05"),
        ("12.345678", "12.345678"),
        ("0123456789", "0123456789"),
        ("2.13.0", "2.13.0"),
        ("", ""),
    ],
)
def test_a_table_shows_four_digits_of_a_share(
    tmp_path: Path, cell: str, shown: str
) -> None:
    """Shares and p-values alone: versions, hashes and counts stay as they are."""
    path = tmp_path / "table.csv"
    path.write_text(f"name,value\nx,{cell}\n")
    table = read_table(path, "a caption")
    assert (table.columns, table.rows) == (["name", "value"], [["x", shown]])


def test_the_terminal_shows_the_last_iteration_by_number(tmp_path: Path) -> None:
    """Iteration 10 comes after 2, in the columns and for the details below them."""
    project = write_project(tmp_path / "project")
    (project / "results/iter2").rename(project / "results/iter10")
    path = project / "results/iter10/vlrb.json"
    comparison = read_json(path)
    for row in comparison["rows"]:
        row["iteration"] = 10 if row["iteration"] else 0
    write_json(path, comparison)
    script = str(ROOT / "scripts" / "show_scores.py")
    command = [sys.executable, script, str(project), "vlrb"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    head, *lines = done.stdout.strip().splitlines()[1:]
    assert head.index("iteration 1 ") < head.index("iteration 10")
    judges = {line.split("  ")[0] for line in lines if line.startswith("majority ")}
    assert "majority 10" in judges and "majority 1" not in judges


def test_a_run_ends_in_eight_lines(tmp_path: Path) -> None:
    """The headline first, with its numbers; all tables only when asked for."""
    project = write_project(tmp_path / "project")
    script = str(ROOT / "scripts" / "show_scores.py")

    def show(*words: str) -> list[str]:
        command = [sys.executable, script, str(project), *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip().splitlines()

    lines = show()
    assert len(lines) <= 8
    assert lines[0] == "+33.3 points over the base model, beyond chance."
    (row,) = [
        row
        for row in read_json(project / "results/iter2/vlrb.json")["rows"]
        if (row["iteration"], row["group"]) == (2, "overall")
    ]
    assert f"{100 * row['accuracy']:.1f}" in lines[2]
    assert len(show("--all")) > 20


def test_dropped_rows_are_told_where_the_result_is(tmp_path: Path) -> None:
    """With the commonest reasons, among what limits it; nothing where none was."""
    project = write_project(tmp_path / "project")
    assert tell_sources(project / "results") is None
    report = {"num_rows": 90, "num_dropped": 0, "dropped": {}}
    path = project / "results" / "prompts_report.json"
    write_json(path, report)
    assert tell_sources(project / "results") is None
    dropped = {"a": 1, "b": 4, "c": 2, "d": 1, "e": 1, "f": 1}
    write_json(path, report | {"num_dropped": 10, "dropped": dropped})
    told = "10 of 90 rows of the sources dropped (b 4, c 2, a 1, d 1, others 2): "
    script = str(ROOT / "scripts" / "show_scores.py")
    command = [sys.executable, script, str(project)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert f"{told}results/dropped_prompts.jsonl" in shown
    assert len(shown.strip().splitlines()) <= 8


def test_a_plan_is_aligned_without_statistics() -> None:
    """What a plan prints loads no library of the tests and intervals."""
    code = "import sys, selfjudge.run.plan_text; print('statsmodels' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "scripts",
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n"
