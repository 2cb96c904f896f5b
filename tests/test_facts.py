from pathlib import Path
from typing import Any

import pytest

from selfjudge.facts import config_rows, fact_tables, hide_places
from selfjudge.records import write_json
from selfjudge.samples import Branch
from small_project import config_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("/home/me/models/base", ".../base", id="absolute"),
        pytest.param("~/models/base", ".../base", id="home"),
        pytest.param("a=/home/me/x, /tmp/y", "a=.../x, .../y", id="within"),
        pytest.param("models/base", "models/base", id="relative"),
        pytest.param("org/name@abc", "org/name@abc", id="hub"),
        pytest.param("http://host:8000/v1", "http://host:8000/v1", id="address"),
        pytest.param("http://me:pass@host/v1", "http://...@host/v1", id="password"),
        pytest.param(r".*(a|b).*\.(c|d)", r".*(a|b).*\.(c|d)", id="expression"),
    ],
)
def test_folders_of_the_machine_are_hidden(text: str, shown: str) -> None:
    """What a value names is kept, where it lies is not."""
    assert hide_places(text) == shown


def test_every_key_of_the_config_is_shown() -> None:
    """Nested keys are dotted, lists in one cell."""
    rows = {row["key"]: row["value"] for row in config_rows(config_of())}
    assert rows["judgments.sampling.temperature"] == "0.6"
    assert rows["filters"] == "majority"
    assert rows["prompts.sources.0.name"] == "llava_onevision"
    assert rows["benchmarks.mmrb"] == "null"


PROVENANCE: dict[str, Any] = {
    "base_fingerprint": "880c620e",
    "num_rows": 28,
    "num_rows_left_out": 1,
    "num_steps": 2,
    "loss": {"last": 0.05},
    "seed": 7,
    "accepted_sha256": "ab" * 32,
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
}


def test_judges_say_what_they_were_trained_on(tmp_path: Path) -> None:
    """A judge whose folder was deleted still has its version."""
    branches = [Branch(i, "majority", tmp_path / f"iter{i}") for i in (1, 2, 3)]
    for branch in branches[:2]:
        write_json(branch.folder / "judge.json", {"fingerprint": branch.folder.name})
    write_json(tmp_path / "iter1" / "judge" / "provenance.json", PROVENANCE)
    tables = fact_tables(config_of(), tmp_path, branches)
    (judges,) = [table for table in tables if table.caption == "Trained judges"]
    assert [row[:4] for row in judges.rows] == [
        ["1", "majority", "iter1", "880c620e"],
        ["2", "majority", "iter2", ""],
    ]
    (libraries,) = [table for table in tables if table.caption == "Libraries"]
    assert ["torch", "", "2.13.0"] in libraries.rows
