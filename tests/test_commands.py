import argparse
import json
from pathlib import Path

import pytest

from selfjudge.commands import Shard, json_of, parse_shard, run
from selfjudge.filtering import FilterSettings
from selfjudge.records import Samples


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
    settings = json_of(FilterSettings)('{"accept": "single", "max_per_category": 3}')
    assert settings == FilterSettings(accept="single", max_per_category=3)


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
        pytest.param('{"accept": "both"}', "Invalid enum value 'both'", id="value"),
        pytest.param('{"accept": "single"}', "`max_per_category`", id="missing"),
        pytest.param("@no_such_file.json", "No such file", id="no-file"),
    ],
)
def test_bad_settings_are_refused(text: str, why: str) -> None:
    """The fault is told as a fault of the argument."""
    with pytest.raises(argparse.ArgumentTypeError, match=why):
        json_of(FilterSettings)(text)


@pytest.mark.parametrize(
    "error", [ValueError("a.jsonl:3: wrong"), FileNotFoundError("no a.jsonl")]
)
def test_peoples_mistakes_end_in_one_line(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback for what a person can mend; status 1."""

    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert (ended.value.code, capsys.readouterr().err) == (1, f"error: {error}\n")


def test_our_mistakes_keep_their_traceback() -> None:
    """A bug is not dressed up as a mistake of the user."""

    def main() -> None:
        assert False, "ours"  # noqa: B011

    with pytest.raises(AssertionError, match="ours"):
        run(main)
