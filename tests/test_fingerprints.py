import os
import shutil
from pathlib import Path

import pytest

from selfjudge.fingerprints import (
    bare_source,
    code_files,
    code_fingerprint,
    folder_fingerprint,
    imported_files,
)

# A script, and a package whose modules it reaches by each form of import.
FILES = {
    "stage.py": '''"""What it does."""
from kit.direct import first
from kit import second

def main():
    """Run."""
    from kit.lazy import third
    return first() + second.value + third  # a sum
''',
    "kit/__init__.py": '"""A kit."""\n',
    "kit/direct.py": "import kit.deep\n\ndef first():\n    return kit.deep.value\n",
    "kit/deep.py": "value = 1\n",
    "kit/second.py": "value = 2\n",
    "kit/lazy.py": "third = 3\n",
    "kit/unused.py": "value = 4\n",
}


def fingerprint(folder: Path, **changes: str) -> str:
    """The fingerprint of the script in a fresh copy of the tree, some files changed."""
    renamed = {"stage": "stage.py"} | {
        Path(name).stem: name for name in FILES if name.startswith("kit/")
    }
    files = FILES | {renamed[stem]: text for stem, text in changes.items()}
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return code_fingerprint(folder / "stage.py")


def clear_caches() -> None:
    """Forget the files that were read: they are about to change."""
    for function in (code_files, imported_files, bare_source):
        function.cache_clear()


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        pytest.param("stage", '"""What it does."""', '"""Other."""', id="docstring"),
        pytest.param("stage", '    """Run."""\n', "", id="no-docstring"),
        pytest.param("stage", "  # a sum", "", id="comment"),
        pytest.param("stage", "  # a sum", "\n\n\n", id="blank-lines"),
        pytest.param("second", "value = 2", "value = (\n  2\n)", id="format"),
        pytest.param("deep", "value = 1", "value  =  1  # one", id="imported-comment"),
        pytest.param("direct", "    return", "\n\n    return", id="imported-format"),
        pytest.param("unused", "4", "5", id="not-imported"),
    ],
)
def test_what_is_no_code_does_not_count(
    tmp_path: Path, module: str, old: str, new: str
) -> None:
    """Docstrings, comments, formatting and other modules rerun nothing."""
    name = "stage.py" if module == "stage" else f"kit/{module}.py"
    text = FILES[name].replace(old, new)
    before = fingerprint(tmp_path / "before")
    assert text != FILES[name]
    assert fingerprint(tmp_path / "after", **{module: text}) == before


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        pytest.param("stage", "first() +", "first() -", id="script"),
        pytest.param("direct", "return", "return 0 *", id="imported-name"),
        pytest.param("second", "2", "20", id="from-package-import-module"),
        pytest.param("lazy", "3", "30", id="inside-function"),
        pytest.param("deep", "1", "10", id="imported-by-imported"),
        pytest.param("__init__", '"""A kit."""', "x = 1", id="package"),
        pytest.param("stage", '"""Run."""', '"""Run."""; 1', id="beside-docstring"),
    ],
)
def test_what_is_code_counts(tmp_path: Path, module: str, old: str, new: str) -> None:
    """A real edit of the script or of anything it reaches reruns the stage."""
    name = "stage.py" if module == "stage" else f"kit/{module}.py"
    text = FILES[name].replace(old, new)
    before = fingerprint(tmp_path / "before")
    assert fingerprint(tmp_path / "after", **{module: text}) != before


def test_a_module_that_is_named_counts(tmp_path: Path) -> None:
    """What the run imports by name is code of its stages, with all that it imports."""
    fingerprint(tmp_path)
    script, unused = tmp_path / "stage.py", tmp_path / "kit/unused.py"
    alone, before = code_fingerprint(script), code_fingerprint(script, "kit.unused")
    unused.write_text("from kit import late\nvalue = 4\n")
    (tmp_path / "kit/late.py").write_text("value = 5\n")
    clear_caches()
    with_late = code_fingerprint(script, "kit.unused")
    (tmp_path / "kit/late.py").write_text("value = 6\n")
    clear_caches()
    assert len({alone, before, with_late, code_fingerprint(script, "kit.unused")}) == 4
    assert code_fingerprint(script) == alone


def test_a_moved_tree_does_not_count(tmp_path: Path) -> None:
    """A clone elsewhere has the same fingerprints."""
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b" / "deeper")


def test_a_string_that_is_no_docstring_counts(tmp_path: Path) -> None:
    """A text that the code uses is code."""
    one = fingerprint(tmp_path / "one", lazy="third = '3'\n")
    assert one != fingerprint(tmp_path / "two", lazy="third = '4'\n")


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


def test_no_folder_is_absent(tmp_path: Path) -> None:
    """A folder that will be made later has a fingerprint too."""
    assert version(tmp_path / "nothing") == "absent"
