import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples import BOUNDS
from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Pair
from selfjudge.ground.requests import Samples
from selfjudge.ground.seeds import Shard
from selfjudge.pairs.alterations import AlterationBounds
from selfjudge.run.commands import check_apart, json_of, parse_shard, run


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1of1", Shard(1, 1)), ("3of8", Shard(3, 8)), ("64of64", Shard(64, 64))],
)
def test_parse_shard(text: str, expected: Shard) -> None:
    """A shard is named as in file names."""
    assert parse_shard(text) == expected


@pytest.mark.parametrize(
    "text", ["", "3", "0of8", "9of8", "of", "aof8", "-1of8", "1of"]
)
def test_parse_shard_refuses(text: str) -> None:
    """A shard that does not exist is refused."""
    with pytest.raises(argparse.ArgumentTypeError, match="must be like 3of8"):
        parse_shard(text)


def test_shards_select_every_item_once_in_order() -> None:
    """All shards one after the other are all items in id order."""
    ids = [f"{value * 2**58:016x}" for value in range(64)]
    selected = [
        item for index in range(1, 6) for item in Shard(index, 5).select(ids, str)
    ]
    assert selected == ids


def test_settings_from_text() -> None:
    """Settings are JSON on the command line."""
    text = '{"min_length_rate": 0.5, "max_length_rate": 2, "min_overlap_rate": 0.5}'
    assert json_of(AlterationBounds)(text) == BOUNDS


def test_settings_from_a_file(tmp_path: Path) -> None:
    """@ and a path read the JSON from a file."""
    path = tmp_path / "settings.json"
    text = {"num_samples": 2, "sampling": {"max_tokens": 8, "temperature": 0}}
    path.write_text(json.dumps(text))
    assert json_of(Samples)(f"@{path}").sampling.max_tokens == 8


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("{", "Input data was truncated", id="malformed"),
        pytest.param('{"min_length_rate": "a"}', "Expected `float`", id="value"),
        pytest.param('{"min_length_rate": 1}', "`max_length_rate`", id="missing"),
        pytest.param("@no_such_file.json", "No such file", id="no-file"),
    ],
)
def test_bad_settings_are_refused(text: str, why: str) -> None:
    """The fault is told as a fault of the argument."""
    with pytest.raises(argparse.ArgumentTypeError, match=why):
        json_of(AlterationBounds)(text)


def test_peoples_mistakes_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback for what a person can mend; status 1."""
    (tmp_path / "a.jsonl").write_text("{}\n")

    for main, said in [
        (
            lambda: list(read_records(tmp_path / "a.jsonl", Pair)),
            "a.jsonl:1: field 'id'",
        ),
        (lambda: (tmp_path / "b.jsonl").read_text(), "No such file or directory"),
    ]:
        with pytest.raises(SystemExit) as ended:
            run(main)
        printed = capsys.readouterr().err
        assert ended.value.code == 1
        assert printed.startswith("error: ") and printed.count("\n") == 1
        assert said in printed


def test_a_librarys_error_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A ValueError from elsewhere may be our mistake: where it came from is told."""
    with pytest.raises(SystemExit):
        run(lambda: json.loads("{"))
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback") and "\nerror: " in printed


def test_our_mistakes_keep_their_traceback() -> None:
    """A bug is not dressed up as a mistake of the user."""

    def main() -> None:
        assert False, "ours"  # noqa: B011

    with pytest.raises(AssertionError, match="ours"):
        run(main)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file that also has other names."""
    (tmp_path / "folder").mkdir()
    path = tmp_path / "rows.jsonl"
    path.write_text('{"image": "a.png", "question": "Why?"}\n')
    (tmp_path / "link.jsonl").symlink_to("rows.jsonl")
    os.link(path, tmp_path / "other.jsonl")
    (tmp_path / "same").symlink_to(".")
    return path


NAMES = [
    "rows.jsonl",
    "folder/../rows.jsonl",
    "link.jsonl",
    "other.jsonl",
    "same/rows.jsonl",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_output_is_an_input_by_any_name(rows: Path, name: str) -> None:
    """A file that is not there yet, or says the same, is another."""
    (rows.parent / "copy.jsonl").write_bytes(rows.read_bytes())
    for other in ("new.jsonl", "copy.jsonl", "folder/rows.jsonl"):
        check_apart(rows.parent / name, rows.parent / other)
        check_apart(rows.parent / other, rows.parent / name)
    with pytest.raises(ValueError, match=r"must be another file than what is read"):
        check_apart(rows.parent / name, rows.parent / "copy.jsonl", rows)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("use_judge", "compare --judge absent --input {rows} --output {rows}"),
        ("convert_prompts", "--rows {rows} --images photos --prompts {rows}"),
        (
            "import_prompts",
            "--sources {rows} --names mine --image-root . --limits "
            '{{"max_pixels":1,"max_line_bytes":99}} --prompts {rows} '
            "--dropped d --aside a --report r",
        ),
    ],
)
def test_no_script_writes_over_what_it_reads(
    rows: Path, script: str, words: str
) -> None:
    """It says so before anything else is looked at."""
    before = rows.read_bytes()
    path = Path(__file__).parents[1] / "scripts" / f"{script}.py"
    done = subprocess.run(
        [sys.executable, str(path), *words.format(rows=rows.name).split()],
        cwd=rows.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and rows.read_bytes() == before
    assert done.stderr.startswith("error: the output must be another file"), done.stderr
