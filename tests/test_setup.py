"""What would stop an installation is said before it begins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import check_setup

TOOLS = {"cc": "/usr/bin/cc"}


def obstacles(
    folder: Path, version: tuple[int, ...] = (3, 11), tools: Any = TOOLS
) -> list[str]:
    which: Callable[[str], str | None] = tools.get
    return list(check_setup.find_obstacles(folder, version, which))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lacks nothing."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(check_setup, "importable", lambda name: True)
    monkeypatch.setattr(check_setup, "GIGABYTES", 0)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 14)])
def test_a_whole_machine_has_no_obstacle(
    tmp_path: Path, version: tuple[int, ...]
) -> None:
    assert obstacles(tmp_path, version) == []


def test_each_obstacle_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_setup, "importable", lambda name: False)
    monkeypatch.setattr(check_setup, "GIGABYTES", 10**9)
    found = obstacles(tmp_path, (3, 10), {})
    begins = ["Python must be 3.11", "Python must have ensurepip", "a C compiler"]
    assert [any(one.startswith(start) for one in found) for start in begins] == [
        True, True, True
    ]  # fmt: skip
    assert any("GB free" in one for one in found)
    assert all("\n" not in one for one in found)


def test_uv_brings_what_python_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_setup, "importable", lambda name: False)
    assert obstacles(tmp_path, (3, 9), TOOLS | {"uv": "/bin/uv"}) == []
