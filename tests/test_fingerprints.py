"""The hash of a folder's content."""

import os
import shutil
from pathlib import Path

import pytest

from selfjudge.ground.fingerprints import folder_fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, one of them deeper."""
    for name, text in {"a.txt": "a", "sub/b.txt": "b"}.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(text)
    return tmp_path / "folder"


def version(folder: Path) -> str:
    """The fingerprint of a folder, with its cache beside it."""
    return folder_fingerprint(folder, folder.parent / "cache.json")


def test_touching_does_not_change_a_folder(folder: Path) -> None:
    """Times are no content."""
    before = version(folder)
    os.utime(folder / "a.txt", (1, 1))
    assert version(folder) == before


@pytest.mark.parametrize("name", ["a.txt", "sub/b.txt", "new.txt"])
def test_content_changes_a_folder(folder: Path, name: str) -> None:
    """Another content, deep down or new, is another folder."""
    before = version(folder)
    (folder / name).write_text("other")
    assert version(folder) != before


def test_a_name_is_content(folder: Path) -> None:
    """A renamed file makes another folder."""
    before = version(folder)
    (folder / "a.txt").rename(folder / "c.txt")
    assert version(folder) != before


def test_removing_changes_a_folder(folder: Path) -> None:
    """A folder that lost a file is another one."""
    before = version(folder)
    (folder / "a.txt").unlink()
    assert version(folder) != before


def test_a_copied_folder_is_the_same(folder: Path, tmp_path: Path) -> None:
    """Where a folder lies does not count."""
    shutil.copytree(folder, tmp_path / "copy")
    cache = tmp_path / "other_cache.json"
    assert folder_fingerprint(tmp_path / "copy", cache) == version(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a.txt": 3}'])
def test_a_broken_cache_is_no_harm(folder: Path, content: str) -> None:
    """A cache cut short by a crash is written anew."""
    before = version(folder)
    (folder.parent / "cache.json").write_text(content)
    assert version(folder) == before


def test_a_dangling_link_is_no_content(folder: Path) -> None:
    """A link to nothing neither fails nor counts."""
    before = version(folder)
    (folder / "link").symlink_to("nothing")
    assert version(folder) == before


def test_a_link_to_a_folder_is_content(folder: Path, tmp_path: Path) -> None:
    """Where it leads to counts, not what lies there; one in a circle ends."""
    before = version(folder)
    (tmp_path / "big").mkdir()
    (folder / "more").symlink_to("../big")
    (folder / "sub/circle").symlink_to("..")
    linked = version(folder)
    (tmp_path / "big/c.txt").write_text("c")
    assert before != linked == version(folder)
    (folder / "more").unlink()
    (folder / "more").symlink_to("../elsewhere")
    (tmp_path / "elsewhere").mkdir()
    assert version(folder) not in (before, linked)


def test_a_name_that_is_no_utf8_is_content(folder: Path) -> None:
    """On Linux it may be any bytes."""
    before = version(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.png")).write_text("x")
    first = version(folder)
    assert before != first == version(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.png")).write_text("yy")
    assert version(folder) not in (before, first)


def test_fingerprints_are_as_they_were(folder: Path) -> None:
    """Another way to write a name down would make every project stale."""
    (folder / "\u00fc \u6f22.txt").write_text("c")
    assert version(folder) == "d9ddd7a407696f0c"


def test_no_folder_is_absent(tmp_path: Path) -> None:
    """A folder that will be made later has a fingerprint too."""
    assert version(tmp_path / "nothing") == "absent"
