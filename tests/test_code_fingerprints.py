"""The hash of a stage's code: what it covers, and what it must not."""

import ast
import random
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from selfjudge.engines import ENGINES
from selfjudge.ground.code_fingerprints import (
    code_fingerprint,
    module_text,
    reached_definitions,
)
from selfjudge.ground.code_links import Whole, link

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
TRANSFORMERS = f"selfjudge.engines.{ENGINES['transformers']}"
OPENAI = f"selfjudge.engines.{ENGINES['openai']}"

# A script, and a package whose definitions it reaches in every way there is.
FILES = {
    "stage.py": '''"""What it does."""
import json
from kit.direct import first
from kit import second
import kit.chain
from kit.passed_on import carried
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kit.typing_only import Shape

def main(shape: "Shape"):
    """Run."""
    from kit.lazy import third
    return first() + second.value + third, kit.chain.link(), carried  # a sum

if __name__ == "__main__":
    main(None)
''',
    "kit/__init__.py": '"""A kit."""\n',
    "kit/direct.py": '''import re as words
from kit import deep
from kit.typing_only import Shape
from kit.fields import Row

LIMIT: int = 3

def first(shape: Shape = None) -> Shape:
    """The first."""
    number: Shape = deep.value
    assert number, f"no number: {number}"
    if number > LIMIT:
        raise ValueError(f"too large: {explain(number)}") from None
    return Row(words.compile("x"), number)

def explain(number):
    return number

def lonely():
    return 0
''',
    "kit/deep.py": "value = 1\nother = 2\n",
    "kit/second.py": "value = 2\n",
    "kit/lazy.py": "third = 3\nfourth = 4\n",
    "kit/chain.py": "def link(length=2):\n    return length\n",
    "kit/passed_on.py": "from kit.origin import source as carried\n",
    "kit/origin.py": "from functools import cache\n\n@cache\ndef source(): return 5\n",
    "kit/fields.py": '''class Cell:
    x: int

class Row:
    """A row."""
    cells: "list[Cell]"
    name: str = "row"

    def size(self, other: int = 0) -> int:
        return 1
''',
    "kit/typing_only.py": "class Shape:\n    side: int = 1\n",
    "kit/unused.py": "value = 4\n",
}


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """A fresh tree of the files; its script."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "stage.py"


def edited(name: str, old: str, new: str) -> dict[str, str]:
    """The files with one text in one of them replaced."""
    assert old in FILES[name]
    return FILES | {name: FILES[name].replace(old, new, 1)}


def hash_of(folder: Path, files: dict[str, str], *entries: str) -> str:
    """The fingerprint of the script in a tree of its own, read for the first time."""
    number = len(list(folder.iterdir()))
    return code_fingerprint(write_files(folder / str(number), files), *entries)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("stage.py", '"""What it does."""', '"""Other."""', id="docstring"),
        pytest.param("stage.py", '    """Run."""\n', "", id="no-docstring"),
        pytest.param("stage.py", "  # a sum", "", id="comment"),
        pytest.param("stage.py", "import json\n", "", id="import-not-used"),
        pytest.param("stage.py", "  # a sum", "\n\n\n", id="blank-lines"),
        pytest.param("stage.py", ': "Shape"', "", id="string-annotation"),
        pytest.param("kit/second.py", "value = 2", "value = (\n 2\n)", id="format"),
        pytest.param("kit/deep.py", "other = 2", "other = 3", id="beside"),
        pytest.param("kit/direct.py", "return 0", "return 1", id="function-beside"),
        pytest.param("kit/direct.py", "too large:", "must be small:", id="wording"),
        pytest.param("kit/direct.py", "return number", "return 0", id="told-in-raise"),
        pytest.param("kit/direct.py", " from None", "", id="cause"),
        pytest.param("kit/direct.py", 'f"no number: {number}"', '""', id="assert"),
        pytest.param("kit/direct.py", "number: Shape", "number", id="local-annotation"),
        pytest.param("kit/direct.py", "(shape: Shape", "(shape: int", id="parameter"),
        pytest.param("kit/direct.py", "-> Shape", "-> int", id="returns"),
        pytest.param("kit/fields.py", "other: int", "other: str", id="method"),
        pytest.param("kit/fields.py", '"""A row."""', '"""Cells."""', id="class"),
        pytest.param("kit/typing_only.py", "1", "2", id="annotation-class"),
        pytest.param("kit/lazy.py", "4", "5", id="beside-lazy"),
        pytest.param("kit/unused.py", "4", "5", id="not-imported"),
        pytest.param("kit/unused.py", "value = 4", "print()", id="runs-not-imported"),
        pytest.param("kit/__init__.py", '"""A kit."""', "x = 1", id="package-binds"),
    ],
)
def test_what_no_result_depends_on_does_not_count(
    tmp_path: Path, name: str, old: str, new: str
) -> None:
    """Wording, formatting and what the script does not reach rerun nothing."""
    assert hash_of(tmp_path, edited(name, old, new)) == hash_of(tmp_path, FILES)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("stage.py", "first() +", "first() -", id="script"),
        pytest.param("stage.py", "main(None)", "main(1)", id="script-block"),
        pytest.param("stage.py", '"""Run."""', '"""Run."""; 1', id="beside-docstring"),
        pytest.param("kit/direct.py", "number >", "number <", id="body"),
        pytest.param("kit/direct.py", "raise ValueError", "raise OSError", id="raised"),
        pytest.param("kit/direct.py", "assert number", "assert 1", id="asserted"),
        pytest.param("kit/direct.py", "LIMIT: int = 3", "LIMIT: int = 4", id="limit"),
        pytest.param("kit/direct.py", "= None", "= 1", id="default"),
        pytest.param("kit/direct.py", "import re as", "import json as", id="library"),
        pytest.param("kit/deep.py", "value = 1", "value = 10", id="module-attribute"),
        pytest.param("kit/deep.py", "other = 2", "value += 1", id="bound-again"),
        pytest.param("kit/second.py", "2", "20", id="from-package-import-module"),
        pytest.param("kit/lazy.py", "3", "30", id="inside-function"),
        pytest.param("kit/chain.py", "length=2", "length=3", id="dotted"),
        pytest.param("kit/origin.py", "return 5", "return 6", id="passed-on"),
        pytest.param("kit/origin.py", "@cache\n", "", id="decorator"),
        pytest.param("kit/origin.py", "import cache", "import lru_cache as cache"),
        pytest.param("kit/fields.py", "x: int", "x: str", id="field-in-string"),
        pytest.param("kit/fields.py", 'name: str = "row"', 'name: int = "row"'),
        pytest.param("kit/fields.py", "return 1", "return 2", id="method"),
        pytest.param("kit/deep.py", "other = 2", "print()", id="runs-at-import"),
        pytest.param("kit/deep.py", "other = 2", "import kit.unused\nkit.x = 1"),
        pytest.param("kit/__init__.py", '"""A kit."""', "print()", id="package-runs"),
        pytest.param("kit/lazy.py", "fourth = 4", "third.x = 4", id="runs-lazily"),
        pytest.param("kit/typing_only.py", "class", "print()\nclass", id="transitive"),
    ],
)
def test_what_runs_counts(tmp_path: Path, name: str, old: str, new: str) -> None:
    """A real edit of the script or of anything it reaches reruns the stage."""
    assert hash_of(tmp_path, edited(name, old, new)) != hash_of(tmp_path, FILES)


def test_what_import_time_code_names_is_reached(tmp_path: Path) -> None:
    """What a module runs when it is imported may call what nobody else does."""
    text = "value = 1\ndef note(x=1): return x\nfor _ in range(2):\n    note()\n"
    one = FILES | {"kit/deep.py": text}
    two = FILES | {"kit/deep.py": text.replace("x=1", "x=2")}
    assert hash_of(tmp_path, one) != hash_of(tmp_path, two)


# A script with a module that it imports, and what an edit of that module replaces.
REACHED = {
    "exit-code": ("from m import f\nraise SystemExit(f())", "def f(): return 1", "1"),
    "alias": ("from m import T\nT", 'T = list["C"]\nclass C:\n    x = 1', "1"),
    "global": ("from m import f\nf()", "def f():\n    global n\n    n = 2\nn = 1", "1"),
    "globals": ("from m import f\nf()", "def f(): return globals()\nn = 1", "1"),
    "added-to": ("import m", "n = 1\nn += 2", "1"),
    "relative": ("from k.m import f\nf()", "n = 1", "1"),
    "future": ("import m", "from __future__ import annotations", "annotations"),
    "typing-else": (
        "from m import n\nn",
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    n = 0\nelse:\n    n = 1",
        "1",
    ),
    "typing-reached": (
        "from m import n\nn",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    n = 1",
        "1",
    ),
    "block-import": (
        "from m import g\ng()",
        "try:\n    from o import g\nexcept ImportError:\n    g = 1",
        "1",
    ),
    "block-imported": ("from p import g\ng()", "def g(): return 1", "1"),
    "class-import": ("from q import A\nA.g()", "def g(): return 1", "1"),
    "unpacked": ("from m import b\nb", "a, (b, *c) = 1, (2, 3)", "1"),
    "written-to": ("import m", "class A: x = 1\nA.y = 2", "1"),
}
BESIDE = {
    "o.py": "def g(): return 1\n",
    "p.py": "try:\n    from m import g\nexcept ImportError:\n    g = None\n",
    "q.py": "class A:\n    from m import g\n",
    "k/m.py": "from ..m import n\nfrom . import o\ndef f(): return n, o.x\n",
    "k/o.py": "x = 1\n",
}


@pytest.mark.parametrize(("stage", "text", "old"), REACHED.values(), ids=REACHED)
def test_what_a_name_hides_is_reached(
    tmp_path: Path, stage: str, text: str, old: str
) -> None:
    """Names in strings, blocks, classes and exit codes are names too."""
    new = {"1": "7", "annotations": "generator_stop"}[old]
    files = BESIDE | {"stage.py": stage, "m.py": text}
    edited = files | {"m.py": text.replace(old, new)}
    assert hash_of(tmp_path, files) != hash_of(tmp_path, edited)


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("import m", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    n = 1"),
        ("import m", "n: int = 1"),
        ("from m import f\nf()", "def f(): return [n for n in ()]\nclass n1: x = 1"),
        ("from m import f\nf()", "x = [i for i in (1,)]\ndef f(i): return i"),
    ],
    ids=["typing", "binds", "other-name", "comprehension"],
)
def test_what_only_looks_alike_is_not_reached(
    tmp_path: Path, stage: str, text: str
) -> None:
    """What never runs and what nobody names stays out."""
    files = BESIDE | {"stage.py": stage, "m.py": text}
    edited = files | {"m.py": text.replace("1", "7")}
    assert hash_of(tmp_path, files) == hash_of(tmp_path, edited)


WHOLE = {
    "star": "from kit.unused import *\ndef run(): return value",
    "star-in-block": "try:\n    from kit.unused import *\nexcept OSError:\n    pass\n"
    "def run(): return value",
    "passed-along": "from kit import unused\ndef run(): return vars(unused)",
    "getattr": "import kit.unused as u\ndef run(n): return getattr(u, n)",
    "missing": "from kit.unused import absent\ndef run(): return absent",
    "missing-attribute": "from kit import unused\ndef run(): return unused.absent",
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("new", ["value = 5", "value = 4\nmore = 1"])
def test_where_no_name_is_known_the_module_counts(
    tmp_path: Path, text: str, new: str
) -> None:
    """Too much is safe: what may be any part of a module is all of it."""
    files = FILES | {"stage.py": "from kit.any import run\nrun()", "kit/any.py": text}
    before = hash_of(tmp_path, files)
    assert hash_of(tmp_path, files | {"kit/unused.py": new + "\n"}) != before


def test_a_module_that_makes_its_names_counts_whole(tmp_path: Path) -> None:
    """`__getattr__` of a module may hand out anything."""
    stage = {"stage.py": "from kit.made import any_name\nany_name()"}
    made = "def __getattr__(name): return 1\nhidden = 1\n"
    files = FILES | stage | {"kit/made.py": made}
    other = files | {"kit/made.py": made.replace("hidden = 1", "hidden = 2")}
    assert hash_of(tmp_path, files) != hash_of(tmp_path, other)


PAIR = {
    "stage.py": "from kit.f import f\nfrom kit.k import k\nf(), k()",
    "kit/k.py": "from kit.x import g\ndef k(): return g()\n",
    "kit/f.py": "from kit.x import g\nfrom kit.y import g as h\n"
    "def f(): return g() - h()\n",
    "kit/x.py": "def g(): return 1\n",
    "kit/y.py": "def g(): return 2\n",
}
SWAPPED = {
    "imports": {
        "kit/f.py": PAIR["kit/f.py"].replace("kit.x", "kit.z").replace(".y", ".x")
    }
    | {"kit/z.py": PAIR["kit/y.py"]},
    "one-user": {"kit/k.py": PAIR["kit/k.py"].replace("kit.x", "kit.y")},
    "contents": {"kit/x.py": PAIR["kit/y.py"], "kit/y.py": PAIR["kit/x.py"]},
}


@pytest.mark.parametrize("change", SWAPPED.values(), ids=SWAPPED)
def test_definitions_of_one_name_are_told_apart(
    tmp_path: Path, change: dict[str, str]
) -> None:
    """Two of the same name that change places are another code."""
    assert hash_of(tmp_path, PAIR | change) != hash_of(tmp_path, PAIR)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("x.g() - y.g() - x.g()", "x.g() - y.g() - y.g()"),
        ("x.g() - y.g()", "y.g() - x.g()"),
    ],
)
def test_attributes_of_one_name_are_told_apart(
    tmp_path: Path, one: str, two: str
) -> None:
    """`x.g` is not `y.g`, wherever the two stand."""
    text = "from kit import x, y\ndef f(): return {}\n"
    trees = [PAIR | {"kit/f.py": text.format(body)} for body in (one, two)]
    assert hash_of(tmp_path, trees[0]) != hash_of(tmp_path, trees[1])


def rename(files: dict[str, str], old: str, new: str) -> dict[str, str]:
    """The files with a module of the kit under another name."""
    return {
        name.replace(f"kit/{old}.py", f"{new}.py"): text.replace(
            f"kit.{old} ", f"{new.replace('/', '.')} "
        )
        for name, text in files.items()
    }


def split(files: dict[str, str], moved: str) -> dict[str, str]:
    """The files with a function's fellow in a module of its own."""
    kept = files["kit/direct.py"]
    definition = {
        "LIMIT": "LIMIT: int = 3\n",
        "explain": "def explain(number):\n    return number\n",
    }[moved]
    assert definition in kept
    kept = f"from kit.split import {moved}\n{kept.replace(definition, '')}"
    return files | {"kit/direct.py": kept, "kit/split.py": definition}


MOVED = {
    "renamed": rename(FILES, "direct", "kit/zebra"),
    "renamed-lazy": rename(FILES, "lazy", "kit/aaa"),
    "deeper": rename(FILES, "origin", "kit/down/there/origin"),
    "outside": rename(FILES, "fields", "elsewhere"),
    "constant": split(FILES, "LIMIT"),
    "function": split(FILES, "explain"),
    "imported-otherwise": edited("kit/direct.py", "from kit import deep", "")
    | {
        "kit/direct.py": FILES["kit/direct.py"]
        .replace("from kit import deep", "import kit.deep")
        .replace("deep.value", "kit.deep.value")
    },
    "without-re-export": edited(
        "stage.py", "passed_on import", "origin import source as"
    ),
    "imported-in-function": edited("kit/direct.py", "from kit.fields import Row\n", "")
    | {
        "kit/direct.py": FILES["kit/direct.py"]
        .replace("from kit.fields import Row\n", "")
        .replace("    number:", "    from kit.fields import Row\n    number:")
    },
}


@pytest.mark.parametrize("files", MOVED.values(), ids=MOVED)
def test_where_definitions_lie_does_not_count(
    tmp_path: Path, files: dict[str, str]
) -> None:
    """Moving, renaming and splitting modules reruns nothing."""
    assert files != FILES
    assert hash_of(tmp_path, files) == hash_of(tmp_path, FILES)


@pytest.mark.parametrize("seed", range(20))
def test_functions_may_lie_in_any_modules(tmp_path: Path, seed: int) -> None:
    """However functions that call each other are spread, the hash is one; yet an edit
    of any one of them is seen wherever it lies."""
    draw = random.Random(seed)
    calls = {i: draw.sample(range(8), draw.randint(0, 3)) for i in range(8)}
    calls[0] = list(range(1, 8))

    def tree(draw: random.Random, changed: int | None = None) -> dict[str, str]:
        homes = {i: f"kit.m{draw.randrange(4)}" for i in calls}
        files = {"stage.py": f"from {homes[0]} import f0\nf0()\n"}
        for i, called in calls.items():
            body = "".join(
                f"    from {homes[j]} import f{j}\n    f{j}()\n" for j in called
            )
            name = homes[i].replace(".", "/") + ".py"
            value = i + 100 * (i == changed)
            files[name] = (
                files.get(name, "") + f"def f{i}():\n{body}    return {value}\n"
            )
        return files

    one, two = (hash_of(tmp_path, tree(random.Random(seed + n))) for n in (1, 2))
    assert one == two
    assert hash_of(tmp_path, tree(draw, changed=draw.randrange(8))) != one


def test_a_moved_tree_does_not_count(tmp_path: Path) -> None:
    """A clone elsewhere has the same fingerprints."""
    deeper = tmp_path / "deeper"
    deeper.mkdir()
    assert hash_of(tmp_path, FILES) == hash_of(deeper, FILES)


def test_an_entry_counts(tmp_path: Path) -> None:
    """What the run finds by name is code of its stages: one definition, or all."""
    text = "class A:\n    x = 1\n\nclass B:\n    x = 1\n"
    files = FILES | {"kit/late.py": text}
    other = FILES | {"kit/late.py": text.replace("B:\n    x = 1", "B:\n    x = 2")}
    entries: list[tuple[str, ...]] = [(), ("kit.late:A",), ("kit.late:B",)]
    before = [hash_of(tmp_path, files, *entry) for entry in [*entries, ("kit.late",)]]
    after = [hash_of(tmp_path, other, *entry) for entry in [*entries, ("kit.late",)]]
    assert len(set(before)) == 4
    assert [a == b for a, b in zip(before, after, strict=True)] == [1, 1, 0, 0]


def test_importing_an_entry_runs_its_module(tmp_path: Path) -> None:
    """What an entry's module does at import counts with one of its classes."""
    files = FILES | {"kit/late.py": "class A: pass\n"}
    other = FILES | {"kit/late.py": "class A: pass\nprint()\n"}
    one, two = (hash_of(tmp_path, tree, "kit.late:A") for tree in (files, other))
    assert one != two


@pytest.mark.parametrize(
    "entry", ["", "kit.none", "kit.deep:none", "json", "kit.deep:"]
)
def test_an_entry_must_be_there(tmp_path: Path, entry: str) -> None:
    """A name of nothing would leave code out without a word."""
    with pytest.raises(ValueError, match=rf"must name a module .*got '{entry}'"):
        hash_of(tmp_path, FILES, entry)


def test_broken_code_is_named(tmp_path: Path) -> None:
    """The error says which line of which file is no Python."""
    with pytest.raises(ValueError, match=r"deep\.py:2: must be Python \(got: "):
        hash_of(tmp_path, FILES | {"kit/deep.py": "value = 1\nx = = 2\n"})


def test_modules_may_import_each_other(tmp_path: Path) -> None:
    """A circle of imports ends, also one that hands a name round."""
    files = {
        "stage.py": "from a import f, lost\nf(lost)",
        "a.py": "from b import g, lost\ndef f(x): return g(x)",
        "b.py": "import a\nfrom a import lost\ndef g(x): return x or a.f(x)",
    }
    assert hash_of(tmp_path, files) == hash_of(tmp_path, files)


def test_definitions_come_in_the_order_met(tmp_path: Path) -> None:
    """The script's own first, then what they name."""
    found = reached_definitions(write_files(tmp_path, PAIR))
    assert [(one.path.name, one.names) for one in found] == [
        ("stage.py", ()),
        ("f.py", ("f",)),
        ("k.py", ("k",)),
        ("x.py", ("g",)),
        ("y.py", ("g",)),
    ]


def reached(script: str, *entries: str) -> set[tuple[str, str]]:
    """Path below the package and name of all that one of our scripts reaches."""
    found = reached_definitions(SCRIPTS / f"{script}.py", *entries)
    return {
        (one.path.relative_to(SCRIPTS).as_posix(), name)
        for one in found
        for name in one.names or ("",)
    }


def test_selecting_prompts_parses_no_answer() -> None:
    """A better parser of answers leaves the prompts of an iteration alone."""
    found = reached("select_prompts")
    assert ("selfjudge/pairs/pool.py", "select_prompts") in found
    assert not any(path == "selfjudge/pairs/answers.py" for path, _ in found)


def test_what_errors_say_is_not_reached() -> None:
    """The words about a broken line make no record another one."""
    assert ("selfjudge/ground/lines.py", "explain") not in reached("filter_judgments")


@pytest.mark.parametrize("script", ["train_judge", "generate_responses"])
def test_an_engine_is_no_code_of_who_does_not_ask_it(script: str) -> None:
    """Training, and another engine's stages, know no server's settings."""
    entries = [TRANSFORMERS] if script == "generate_responses" else []
    names = {name for _, name in reached(script, *entries)}
    assert not names & {"OpenAISettings", "VLLMSettings", "SimulatorSettings"}


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        (
            "engines/sections.py",
            "timeout_seconds: float = 600.0",
            "timeout_seconds: float = 900.0",
            {OPENAI},
        ),
        (
            "engines/transformers_engine.py",
            "half = (len(batch) + 1) // 2",
            "half = len(batch) // 2",
            {TRANSFORMERS},
        ),
        ("ground/seeds.py", "sha256", "sha512", {OPENAI, TRANSFORMERS}),
    ],
)
def test_an_edit_reaches_the_engines_it_touches(
    tmp_path: Path, file: str, old: str, new: str, stale: set[str]
) -> None:
    """On the real scripts: a default of one engine is no code of another's stage."""
    before, after = (tmp_path / name for name in ("before", "after"))
    for folder in (before, after):
        shutil.copytree(SCRIPTS, folder)
    text = (after / "selfjudge" / file).read_text()
    assert old in text
    (after / "selfjudge" / file).write_text(text.replace(old, new))
    changed = {
        entry
        for entry in (OPENAI, TRANSFORMERS)
        if code_fingerprint(before / "generate_responses.py", entry)
        != code_fingerprint(after / "generate_responses.py", entry)
    }
    assert changed == stale


def test_every_engine_is_an_entry() -> None:
    """The registry's text names the class, for the run and for the fingerprint."""
    script = SCRIPTS / "generate_responses.py"
    hashes = {
        code_fingerprint(script, f"selfjudge.engines.{name}")
        for name in ENGINES.values()
    }
    assert len(hashes) == len(ENGINES)


def test_the_demo_names_what_it_measures_by() -> None:
    """The stage of the demo that reads our decisions lies elsewhere: the params of
    its rule (demo/project.smk) hold the code that it imports."""
    project = (ROOT / "demo/project.smk").read_text()
    (listed,) = re.findall(r"^MEASURED_BY = (\[.*?^\])", project, re.M | re.S)
    covered = reached("count_judgments", *ast.literal_eval(listed))
    imported = {
        alias.name
        for name in ("measure_truth", "truth")
        for node in ast.walk(ast.parse((ROOT / f"demo/{name}.py").read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("selfjudge")
        for alias in node.names
    }
    assert imported - {name for _, name in covered} == set()


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_every_name_of_the_real_package_is_known(script: str) -> None:
    """No module of ours counts whole, which would be no error but too much."""
    whole = [
        (definition.names, name)
        for definition in reached_definitions(SCRIPTS / f"{script}.py")
        for name, found in link(definition).references
        if any(isinstance(meaning, Whole) for meaning in found)
    ]
    assert whole == []


def test_all_scripts_are_hashed_quickly() -> None:
    """Snakemake asks for all of them whenever it is started."""
    clock = time.process_time()
    hashes: dict[str, Any] = {
        path.stem: code_fingerprint(path) for path in SCRIPTS.glob("*.py")
    }
    assert time.process_time() - clock < 4
    assert len(set(hashes.values())) == len(hashes)


@pytest.mark.parametrize(
    ("call", "is_help"),
    [
        ('parser.add_argument("--x", help="{}")', True),
        ('add("--x", type=int, metavar="{}")', True),
        ('add("--x", default="{}")', False),
        ('explain(help="{}")', False),
    ],
)
def test_what_an_argument_says_of_itself_does_not_count(
    tmp_path: Path, call: str, is_help: bool
) -> None:
    """The help of a command line is no code of its stage; a default is."""
    files = {"stage.py": f"def main():\n    {call}\n"}
    hashes = [
        hash_of(tmp_path, {name: text.format(word) for name, text in files.items()})
        for word in ("one", "two")
    ]
    assert (hashes[0] == hashes[1]) is is_help


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("f(1)", "f(2)", False),
        ("import one as f", "import two as f", False),
        ("b.one(x)", "b.two(x)", False),
        ("import b", "import c as b", True),
        ("'too large'", "'large'", True),
        ("# why", "", True),
    ],
)
def test_a_module_by_itself(tmp_path: Path, old: str, new: str, is_same: bool) -> None:
    """Its own code counts, and which names it calls, not what these do or where."""
    lines = ["import b", "from d import one as f", "def g(x):  # why"]
    lines += ["    if x: raise ValueError('too large')", "    return b.one(x) + f(1)"]
    ours = "def one(x): return x\ndef two(x): return -x\n"
    texts = []
    for number, text in enumerate(
        ("\n".join(lines), "\n".join(lines).replace(old, new))
    ):
        folder = tmp_path / str(number)
        write_files(folder, {"a.py": text, "b.py": ours, "c.py": ours, "d.py": ours})
        texts.append(module_text(folder, "a"))
    assert (texts[0] == texts[1]) is is_same


def test_a_module_that_is_not_there_has_no_text(tmp_path: Path) -> None:
    """The folder and the name are said."""
    with pytest.raises(ValueError, match=r"must have a module 'a\.b'"):
        module_text(tmp_path, "a.b")
