"""The shortcut through a journal: never another answer, only fewer bytes."""

import json
import os
import secrets
from pathlib import Path

import pytest

from selfjudge.engines.journal_files import Answer, Journal
from selfjudge.engines.journal_index import index_path, lines_with

NUM_BATCHES = 6


def make_answers(batch: int) -> list[Answer]:
    """Three answers of one batch."""
    return [
        Answer(
            key=f"{batch * 3 + place:064x}"[::-1],
            text=f"text {batch} {place}",
            finish_reason="stop",
            num_prompt_tokens=1,
            num_output_tokens=1,
        )
        for place in range(3)
    ]


BATCHES = [make_answers(batch) for batch in range(NUM_BATCHES)]
ALL_KEYS = {answer.key for batch in BATCHES for answer in batch}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The journal file of a process that wrote six batches."""
    journal = Journal(tmp_path, stage="test")
    for batch in BATCHES:
        journal.append(batch)
    journal.close()
    (path,) = tmp_path.glob("*.jsonl")
    return path


def texts(path: Path, keys: set[str]) -> dict[str, str]:
    """The texts that a journal has for the keys."""
    found = Journal(path.parent, stage="test", log=print).read(keys)
    return {key: answer.text for key, answer in found.items()}


EXPECTED = {answer.key: answer.text for batch in BATCHES for answer in batch}


def test_only_lines_with_wanted_keys_are_read(written: Path) -> None:
    """One batch is one line; keys that nobody has are none."""
    key = BATCHES[4][1].key
    (line,) = lines_with(written, {key})
    assert key in [row["key"] for row in json.loads(line)]
    assert list(lines_with(written, {"f" * 64})) == []
    assert list(lines_with(written, ALL_KEYS)) == written.read_bytes().splitlines(True)


def test_index_cut_anywhere_changes_no_answer(written: Path) -> None:
    """What an index does not cover, or cannot be read of, is read from the file."""
    path = index_path(written)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert texts(written, ALL_KEYS) == EXPECTED
        key = BATCHES[5][0].key
        assert texts(written, {key}) == {key: EXPECTED[key]}


def test_journal_without_index_is_read(written: Path) -> None:
    """Journals of before there was an index still answer."""
    index_path(written).unlink()
    assert texts(written, ALL_KEYS) == EXPECTED


def test_broken_index_changes_no_answer(written: Path) -> None:
    """Zeros, as a crash of the machine leaves, end the shortcut."""
    path = index_path(written)
    lines = path.read_bytes().splitlines(True)
    lines[2] = b"\0" * len(lines[2])
    path.write_bytes(b"".join(lines))
    assert texts(written, ALL_KEYS) == EXPECTED


def test_line_of_a_killed_writer_is_passed_over(written: Path) -> None:
    """A line that was begun after the last entry is unreadable, and no more."""
    with open(written, "ab") as file:
        file.write(b'[{"key":"')
    assert texts(written, ALL_KEYS) == EXPECTED


def test_little_is_read_of_a_long_journal(tmp_path: Path) -> None:
    """A shard among many reads a small part of what the others wrote."""
    journal = Journal(tmp_path, stage="test")
    for _ in range(50):
        journal.append(
            [
                Answer(
                    key=secrets.token_hex(32),
                    text="x" * 1000,
                    finish_reason="stop",
                    num_prompt_tokens=1,
                    num_output_tokens=1,
                )
                for _ in range(20)
            ]
        )
    journal.close()
    (path,) = tmp_path.glob("*.jsonl")
    assert list(lines_with(path, {"f" * 64})) == []
    size = os.path.getsize(path)  # noqa: PTH202
    assert os.path.getsize(index_path(path)) < size / 40  # noqa: PTH202
