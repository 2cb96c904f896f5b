"""Ledgers: what a run cost, a line a run, in files that only grow."""

import os
from pathlib import Path

import pytest

from selfjudge.engines.journal_files import Journal
from selfjudge.ground.ledgers import (
    Ledger,
    Usage,
    append_ledger,
    ledger_from,
    read_ledgers,
)
from selfjudge.ground.lines import RecordError


def make_ledger(usage: Usage) -> Ledger:
    return ledger_from(
        usage,
        stage="judge_pairs",
        engine="transformers",
        model="m",
        started="2026-01-01T00:00:00+00:00",
        finished=True,
    )


def test_lines_are_read_back_in_the_order_of_the_runs(tmp_path: Path) -> None:
    """Runs of one output share a file; no folder of ledgers means none."""
    assert read_ledgers(tmp_path / "results" / "ledgers") == {}
    runs = [Usage(num_calls=number, seconds=number / 3) for number in range(3)]
    for place, usage in zip("aba", runs, strict=True):
        append_ledger(tmp_path / "iter1" / f"{place}.jsonl", make_ledger(usage))
    first, second, third = map(make_ledger, runs)
    found = read_ledgers(tmp_path)
    assert found == {"iter1/a": [first, third], "iter1/b": [second]}
    assert list(found) == ["iter1/a", "iter1/b"]


def test_every_count_is_kept() -> None:
    """Each field of a usage stands in its ledger, under the same name."""
    usage = Usage(
        **{name: number for number, name in enumerate(Usage.__slots__, start=1)}
    )
    ledger = make_ledger(usage)
    assert all(getattr(ledger, n) == getattr(usage, n) for n in Usage.__slots__)


@pytest.mark.parametrize("umask", [0o002, 0o077])
def test_who_may_go_on_is_for_the_umask_to_say(tmp_path: Path, umask: int) -> None:
    """A group's run may be finished by another of it, or by nobody else."""
    before = os.umask(umask)
    try:
        append_ledger(tmp_path / "own.jsonl", make_ledger(Usage()))
        journal = Journal(tmp_path / "journal", stage="s", log=print)
        journal.append([])
        journal.close()
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o666 & ~umask}


def test_broken_line_says_where(tmp_path: Path) -> None:
    """A damaged ledger is not passed over: its sums would be wrong."""
    path = tmp_path / "iter1.jsonl"
    append_ledger(path, make_ledger(Usage()))
    path.write_bytes(path.read_bytes() + b'{"stage"\n')
    with pytest.raises(RecordError, match=r"iter1.jsonl:2"):
        read_ledgers(tmp_path)
