import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from selfjudge.benchmarks.registry import FORMATS

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
PACKAGE = SCRIPTS / "selfjudge"

# The rooms of the package: a module imports only from rooms that stand before its own,
# and from its own.  Each room's door, __init__.py, says what the room is for.
ROOMS = (
    "ground pairs judging benchmarks certificate panel engines training use report run"
).split()
MODELS = ["engines", "training"]

MODEL_SCRIPTS = {
    "ask_questions",
    "answer_questions",
    "generate_responses",
    "check_alterations",
    "judge_pairs",
    "judge_variants",
    "alter_again",
    "probe_model",
    "train_judge",
    "reinforce_judge",
    "check_gpu",
    "answer_prompts",
    "rate_responses",
    "train_member",
    "fetch_model",
    "use_judge",
    "serve_judge",
}
DECISION_SCRIPTS = sorted({path.stem for path in SCRIPTS.glob("*.py")} - MODEL_SCRIPTS)
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# Refuses the libraries that a decision must do without, in a fresh process.
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Blocker())
"""
BLOCKED = {"torch", "transformers", "vllm", "trl", "peft", "datasets", "snakemake"}


def module_name(path: Path) -> str:
    """The dotted name of a module within the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements of a file, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def own_imports(path: Path) -> set[str]:
    """The rooms that a file imports from, or the doors themselves."""
    names = set()
    for node in imports(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif node.module == "selfjudge":
            names |= {f"selfjudge.{alias.name}" for alias in node.names}
        else:
            names.add(node.module or "")
    return {name.split(".")[1] for name in names if name.startswith("selfjudge.")}


def run_blocked(code: str, blocked: set[str]) -> str:
    """What a fresh process says that runs code with libraries blocked; "" if well."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKER.format(blocked=blocked) + code],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


def tracked_files() -> list[Path]:
    """The files that git knows; none outside of a clone."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_every_module_is_in_a_room() -> None:
    """The package has these rooms, and nothing lies beside them."""
    doors = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert doors == set(ROOMS)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_names_its_files(room: str) -> None:
    """A room's door says in which order to read all of its files, and no other.

    Benchmarks are as many as `registry` lists: their door names the list.
    """
    docstring = ast.get_docstring(
        ast.parse((PACKAGE / room / "__init__.py").read_text())
    )
    there = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}
    if room == "benchmarks":
        there -= set(FORMATS)
    assert set(re.findall(r"`(\w+)`", str(docstring))) >= there
    assert re.findall(r"`(\w+)\.py`", str(docstring)) == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_only_go_up_the_list(path: Path) -> None:
    """A module imports from its own room and from those that stand before it."""
    room = module_name(path).split(".")[0]
    allowed = ROOMS[: ROOMS.index(room) + 1] if room else []
    above = own_imports(path) - set(allowed)
    assert above == set(), f"{path}: room '{room}' must not import from {above}"


@pytest.mark.parametrize(
    "path", [*MODULES, *SCRIPTS.glob("*.py")], ids=lambda p: p.stem
)
def test_imports_name_what_they_import(path: Path) -> None:
    """No relative and no star import: of a star, all of a module would be stale."""
    strange = [
        ast.unparse(node)
        for node in imports(path)
        if isinstance(node, ast.ImportFrom)
        and (node.level > 0 or any(alias.name == "*" for alias in node.names))
    ]
    assert strange == []


@pytest.mark.parametrize("script", DECISION_SCRIPTS)
def test_decisions_import_no_model(script: str) -> None:
    """An edit of an engine or of the training makes no decision stale."""
    from selfjudge.ground.code_fingerprints import reached_definitions

    reached = reached_definitions(SCRIPTS / f"{script}.py")
    assert {one.path.parent.name for one in reached} & set(MODELS) == set()


def test_decisions_import_without_model_libraries() -> None:
    """Everything outside engines and training imports where they are not installed."""
    names = [
        f"selfjudge.{module_name(path)}"
        for path in MODULES
        if module_name(path).split(".")[0] not in ["", *MODELS]
    ]
    assert run_blocked(f"import {', '.join(names)}", BLOCKED) == ""


def test_the_package_knows_nothing_of_snakemake() -> None:
    """No module imports Snakemake."""
    named = [
        path.name
        for path in MODULES
        for node in imports(path)
        if "snakemake" in ast.unparse(node)
    ]
    assert named == []


@pytest.mark.parametrize("script", sorted(DECISION_SCRIPTS))
def test_help_needs_no_model(script: str) -> None:
    """Every decision's --help works without these libraries, and opens no room of
    models: a fault in an engine breaks no decision."""
    code = "import runpy\nsys.argv = ['x', '--help']\n"
    code += f"try: runpy.run_path('{script}.py', run_name='__main__')\n"
    code += "except SystemExit: pass\n"
    code += (
        f"opened = {{f'selfjudge.{{room}}' for room in {MODELS}}} & set(sys.modules)\n"
    )
    code += "assert not opened, opened"
    assert run_blocked(code, BLOCKED) == ""


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_scripts_say_what_they_read_and_write(script: str) -> None:
    """A script's docstring, its --help, names what comes in and what goes out."""
    docstring = ast.get_docstring(ast.parse((SCRIPTS / f"{script}.py").read_text()))
    words = str(docstring).split()
    assert "Reads" in words and "writes" in words


def pins(text: str) -> dict[str, str]:
    """The exact pins of a requirements file or an environment."""
    return dict(re.findall(r"^\s*(?:- )?([\w.-]+)==(\S+)", text, re.MULTILINE))


REQUIREMENTS = pins((ROOT / "requirements.txt").read_text())


# Environments in which nothing of ours runs.
FOREIGN = {"lmms_eval"}
OURS = sorted(
    path for path in (ROOT / "envs").glob("*.yaml") if path.stem not in FOREIGN
)
# What an environment must pin otherwise than requirements.txt, and why.
OTHERWISE = {
    # numba, which vLLM imports, takes none above 2.3.
    "generate": {"numpy"},
    "reinforce": {"numpy"},
    # The last vLLM to serve Mllama, and the libraries of its time.
    "generate_mllama": {
        *("torch", "transformers", "tokenizers", "huggingface_hub", "numpy"),
    },
}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_environments_pin_what_requirements_pin(path: Path) -> None:
    """One version of a library in all environments that have it, but for OTHERWISE."""
    shared = {
        name: version
        for name, version in pins(path.read_text()).items()
        if name in REQUIREMENTS
    }
    other = {name for name in shared if shared[name] != REQUIREMENTS[name]}
    assert shared and other == OTHERWISE.get(path.stem, set())


def test_orchestrator_can_decide() -> None:
    """Without other environments, decisions run where Snakemake itself does."""
    orchestrator, decide = (
        pins((ROOT / f"envs/{name}.yaml").read_text())
        for name in ("orchestrator", "decide")
    )
    assert decide.items() <= orchestrator.items()


def test_every_environment_reads_answers() -> None:
    """Answers are read where decisions are made, and by the probe between requests,
    which runs where a model does."""
    libraries = {"math-verify", "latex2sympy2_extended", "sympy", "msgspec"}
    for path in OURS:
        assert libraries <= pins(path.read_text()).keys(), path.name


def test_vllms_environment_can_run_the_tests() -> None:
    """Collecting those of vLLM imports every test; only the page's tests skip."""
    own = pins((ROOT / "requirements-vllm.txt").read_text()).keys()
    tools = {
        "ruff",
        "mypy",
        "snakefmt",
        "uv",
        "pytest-xdist",
        "pandas-stubs",
        "types-PyYAML",
    }
    browser = {"playwright", "axe-playwright-python"}
    assert REQUIREMENTS.keys() - own == tools | browser | {
        "snakemake-executor-plugin-slurm"
    }


def test_local_profile_places_every_rule_with_a_gpu() -> None:
    """One thread on a laptop; tests/test_profile.py has what SLURM is asked for."""
    rules = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    with_gpu = {
        name
        for name, body in re.findall(
            r"^rule (\w+):\n(.*?)(?=^\S|\Z)", rules, re.MULTILINE | re.DOTALL
        )
        if "gpu=" in body or "**MODEL_JOB" in body or "**MEMBER_JOB" in body
    }
    with_gpu |= {
        new
        for old, new in re.findall(r"^use rule (\w+) as (\w+)", rules, re.MULTILINE)
        if old in with_gpu
    }
    profile = yaml.safe_load((ROOT / "profiles/local/config.yaml").read_text())
    assert profile["set-threads"].keys() == with_gpu


def test_rule_files_give_no_name_twice() -> None:
    """Snakemake reads them into one namespace: functions would find the later value."""
    names = [
        first or second
        for path in (ROOT / "rules").glob("*.smk")
        for first, second in re.findall(
            r"^(?:def (\w+)\(|(\w+)(?:: [^=\n]+)? = )", path.read_text(), re.MULTILINE
        )
    ]
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_every_environment_is_used() -> None:
    """A rule or the documentation names each; no rule names one that is not there."""
    from selfjudge.run.families import VLLM_VERSIONS

    rules = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    named = set(re.findall(r"envs/(\w+)\.yaml", rules)) | set(VLLM_VERSIONS)
    there = {path.stem for path in (ROOT / "envs").glob("*.yaml")}
    assert named | {"orchestrator"} == there


@pytest.mark.parametrize("name", ["generate", "generate_mllama"])
def test_environments_have_the_vllm_of_the_families(name: str) -> None:
    """What refuses a wrong pairing speaks of the versions that are pinned."""
    from selfjudge.run.families import VLLM_VERSIONS

    pinned = pins((ROOT / "envs" / f"{name}.yaml").read_text())["vllm"]
    assert {**VLLM_VERSIONS}[name] == pinned  # type: ignore[index]


def test_rollouts_by_vllm_have_what_training_and_vllm_have() -> None:
    """All of training but the server's two, and vLLM with what it is pinned with."""
    train, generate, reinforce = (
        pins((ROOT / f"envs/{name}.yaml").read_text())
        for name in ("train", "generate", "reinforce")
    )
    assert reinforce == {
        name: version
        for name, version in (train | generate).items()
        if name not in ("starlette", "uvicorn")
    }


@pytest.mark.parametrize(
    "path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda p: p.stem
)
def test_environments_pin_everything(path: Path) -> None:
    """No requirement of an environment floats."""
    (pip,) = [
        item["pip"]
        for item in yaml.safe_load(path.read_text())["dependencies"]
        if isinstance(item, dict)
    ]
    assert [requirement for requirement in pip if "==" not in requirement] == []


def test_requirements_pin_everything() -> None:
    """No requirement of the laptop environment floats."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    names = [line for line in lines if line and not line.startswith(("#", "./"))]
    assert len(names) == len(REQUIREMENTS)


def test_no_file_names_this_machine() -> None:
    """No committed text holds a path of the machine it was written on."""
    house = re.compile(b"/|".join([b"/work", b"[.]{2}/shared", b"/root"]) + b"/")
    named = [
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in tracked_files()
        if path != Path(__file__)
        and b"\0" not in (content := path.read_bytes())[:8000]
        and (match := house.search(content))
    ]
    assert named == []


def test_code_is_ascii() -> None:
    """Code outside of tests is ASCII but for the characters that answers knows."""
    curly = "\u201c\u201d\u2018\u2019"
    strange = {
        path.name: character
        for path in [*MODULES, *SCRIPTS.glob("*.py"), *(ROOT / "rules").glob("*.smk")]
        for character in path.read_text(encoding="utf-8")
        if not character.isascii() and character not in curly
    }
    assert strange == {}


def test_tree_in_the_docs_is_the_tree() -> None:
    """What docs/house.md lists at the repository's root is what is there."""
    readme = ROOT / "docs/house.md"
    if readme not in tracked_files():
        pytest.skip("git knows no docs/house.md here")
    blocks = re.findall(
        r"^```\w*\n(.*?)^```$", readme.read_text(), re.DOTALL | re.MULTILINE
    )
    (tree,) = [block for block in blocks if "config.schema.yaml" in block]
    # A line is "name   what it is", or names alone; deeper lines are indented.
    listed = {
        name.rstrip("/")
        for line in tree.splitlines()
        if not line.startswith(" ")
        for name in line.partition("   ")[0].split()
    }
    top = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    top = {name for name in top if not name.startswith(".")}
    # `slurm` is a link that `--profile slurm` needs; the tree tells of it at profiles.
    assert listed == top - {"slurm"}


def test_links_lead_somewhere() -> None:
    """Every file that README and docs link to is there."""
    broken = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for link in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        if "://" not in link and not (path.parent / link).exists()
    ]
    assert broken == []
