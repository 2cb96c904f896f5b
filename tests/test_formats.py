"""A new benchmark is one file and a line in each list: nothing else knows of it."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from examples import image_bytes, judge_both
from selfjudge.benchmarks import registry
from selfjudge.benchmarks.comparisons import compare
from selfjudge.benchmarks.formats import Format
from selfjudge.benchmarks.leaderboard import read_leaderboard
from selfjudge.benchmarks.preparing import prepare_benchmark
from selfjudge.benchmarks.protocols import Scoring
from selfjudge.benchmarks.registry import FORMATS, SCORINGS
from selfjudge.benchmarks.releases import ReleaseRow, find_image, read_json_rows
from selfjudge.benchmarks.scores import MACRO, ScoredJudge, ScoreRow, release_of
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.benchmarks.votes import CRITERIA_ROWS, OVERALL
from selfjudge.ground.lines import encode
from selfjudge.run.contradictions import check_config
from test_config import CONFIG, SCHEMA, lay_over
from test_planning import BENCHMARK, plan

ROOT = Path(__file__).parents[1]
# All that may say a format's name: its own file, the list, and data that users choose.
ALLOWED = {"registry.py", "leaderboard.yaml"}


def test_the_lists_name_the_same_benchmarks() -> None:
    """By the name that the benchmark's own file says, which is the file's."""
    assert list(FORMATS) == list(SCORINGS)
    asked = [
        n for n, s in SCORINGS.items() if "official" in {p.name for p in s.protocols}
    ]
    assert asked == list(registry.OFFICIAL)
    for name, release in FORMATS.items():
        assert name == release.name
        assert release.read.__module__ == f"selfjudge.benchmarks.{name}"


# "pairs" is an everyday word here.
@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"pairs"}))
def test_no_other_code_names_a_benchmark(name: str) -> None:
    """Neither module, script, rule nor schema: what differs is data of its file."""
    code = [
        *(ROOT / "scripts").rglob("*.py"),
        *(ROOT / "scripts").rglob("*.yaml"),
        *(ROOT / "rules").glob("*.smk"),
        ROOT / "Snakefile",
        ROOT / "config.schema.yaml",
    ]
    naming = {path.name for path in code if re.search(rf"\b{name}\b", path.read_text())}
    assert naming - ALLOWED - {f"{name}.py"} == set()


def test_pages_are_made_from_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/benchmarks/ holds what `make docs` would write, and nothing else."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    pages = importlib.import_module("make_pages").make_pages()
    there = {
        path.name: path.read_text(encoding="utf-8")
        for path in (ROOT / "docs/benchmarks").iterdir()
    }
    assert there == pages, "make docs"
    assert pages.keys() == {"README.md", *(f"{name}.md" for name in FORMATS)}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_page_says_what_a_user_needs(name: str) -> None:
    """What the release is, by which rule, with which traps, under which licence."""
    page = (ROOT / "docs/benchmarks" / f"{name}.md").read_text(encoding="utf-8")
    for heading in ("Release.", "Rule", "Traps.", "Licence.", "## Protocols"):
        assert heading in page


def test_published_tables_are_of_known_benchmarks() -> None:
    """Each says its source, and whatever was not checked stands in a note."""
    path = ROOT / "scripts/selfjudge/benchmarks/leaderboard.yaml"
    tables = read_leaderboard(path)
    assert {table.format for table in tables} <= FORMATS.keys()
    unsaid = [t for t in tables if t.protocol is None or t.release is None]
    assert unsaid and all(table.notes for table in unsaid)


def read_haiku(source: Path) -> Iterator[ReleaseRow]:
    """The rows of a format that nobody has heard of."""
    for number, row in enumerate(read_json_rows(source)):
        yield ReleaseRow(
            release_id=str(number),
            group=row["season"],
            subset=row["season"],
            split=row["season"],
            question="Which haiku?",
            chosen=row["good"],
            rejected=row["bad"],
            chosen_first=True,
            images=(find_image(source.parent, row["image"]),),
        )


@pytest.fixture
def haiku(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A new format, listed; and a release of it."""
    known = Format(name="haiku", read=read_haiku, num_rows=7, local="a file")
    monkeypatch.setitem(registry.FORMATS, "haiku", known)
    monkeypatch.setitem(registry.SCORINGS, "haiku", Scoring())
    (tmp_path / "0.png").write_bytes(image_bytes())
    rows = [
        {"season": season, "good": f"{season} frog", "bad": f"{n}", "image": "0.png"}
        for n, season in enumerate(["spring", "spring", "autumn"])
    ]
    source = tmp_path / "haiku.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return source


def spec(**changes: Any) -> dict[str, Any]:
    """A config section of the benchmark."""
    names = ("path", "dataset", "revision", "file", "sha256")
    section = dict.fromkeys(names) | {"format": "haiku", "protocols": ["greedy"]}
    return {"benchmarks": {"poems": section | changes}}


def test_a_listed_benchmark_is_configured_and_planned(
    haiku: Path, tmp_path: Path
) -> None:
    """Its protocols and its number of rows are known; its faults are named."""
    good = spec(path=str(haiku))
    check_config(lay_over(CONFIG, good), SCHEMA)
    with pytest.raises(ValueError, match=r"poems\.path' must be a file \(got None\)"):
        check_config(lay_over(CONFIG, spec()), SCHEMA)
    with pytest.raises(
        ValueError, match=r"must be some of greedy, blind, reworded .got 'offic"
    ):
        check_config(lay_over(CONFIG, spec(path="x", protocols=["official"])), SCHEMA)
    with pytest.raises(ValueError, match=r"poems\.format' must be one of vl_rewardb"):
        check_config(lay_over(CONFIG, spec(path="x", format="sonnet")), SCHEMA)
    asked = {("poems", "greedy")}
    row = plan(tmp_path, {BENCHMARK: 8}, asked=asked, **good)[BENCHMARK]
    assert row.num_requests == 2 * 7


def test_a_listed_benchmark_is_scored_like_any_other(
    haiku: Path, tmp_path: Path
) -> None:
    """Its groups are rows of one shape, beside an average of both kinds."""
    release = registry.FORMATS["haiku"]
    prepared = prepare_benchmark("poems", release, haiku, tmp_path / "out", 100)
    judged = [judge_both(pair, "A", "B") for pair in prepared.pairs]
    scores = score_benchmark(
        ScoredJudge("poems", 0, "base"),
        registry.find_protocol("haiku", "selfjudge"),
        release_of(prepared.manifest),
        prepared.pairs,
        prepared.rows,
        [judgment for own in judged for judgment in own],
    )
    comparison = json.loads(encode(compare([], scores, {})))
    assert [row["group"] for row in comparison["rows"]] == [
        *("autumn", "spring", OVERALL, MACRO)
    ]
    fields = [field.name for field in msgspec.structs.fields(ScoreRow)]
    assert all(list(row) == fields for row in comparison["rows"])
    assert not set(CRITERIA_ROWS) & {row["group"] for row in comparison["rows"]}
