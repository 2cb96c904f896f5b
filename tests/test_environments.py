"""Every environment resolves: its exact pins fit each other on its platform."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CONDA = sorted((ROOT / "envs").glob("*.yaml"))
LISTS = sorted(ROOT.glob("requirements*.txt"))
NO_TORCH = {"decide", "orchestrator"}
# How uv says that it did not get to ask.
UNREACHABLE = re.compile(
    r"Failed to fetch|error sending request|dns error|Could not connect|timed out"
)


def read_requirements(path: Path) -> list[str]:
    """What pip is asked for by an environment or a requirements file."""
    if path.suffix == ".txt":
        lines = [line.partition("#")[0].strip() for line in path.open()]
        return [line for line in lines if line and not line.startswith("./")]
    (pip,) = [
        item["pip"]
        for item in yaml.safe_load(path.read_text())["dependencies"]
        if isinstance(item, dict)
    ]
    return list(pip)


def resolve(requirements: list[str], folder: Path) -> dict[str, str]:
    """Name and version of everything that would be installed; skips if offline."""
    if importlib.util.find_spec("uv") is None:
        pytest.skip("uv is not installed")
    (folder / "in.txt").write_text("\n".join(requirements))
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
    command += ["--no-annotate", "--python-version", "3.11"]
    command += ["--python-platform", "x86_64-unknown-linux-gnu", "in.txt"]
    # Wheels that a machine has beside the index, such as torch's builds for CPUs.
    found = {"UV_FIND_LINKS": links} if (links := os.getenv("PIP_FIND_LINKS")) else {}
    done = subprocess.run(
        command, cwd=folder, env=os.environ | found, capture_output=True, text=True
    )
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip(f"the package index is not reached: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    return dict(re.findall(r"^([\w.-]+)==(\S+)", done.stdout, re.MULTILINE))


def normal(name: str) -> str:
    """A package's name as indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.network
@pytest.mark.parametrize("path", [*CONDA, *LISTS], ids=lambda path: path.stem)
def test_environment_resolves(path: Path, tmp_path: Path) -> None:
    """pip would find one set of versions in which every pin holds."""
    requirements = read_requirements(path)
    resolved = resolve(requirements, tmp_path)
    for requirement in requirements:
        name, _, version = requirement.partition("==")
        assert resolved[normal(name)].partition("+")[0] == version.partition("+")[0]
    assert ("torch" in resolved) == (path.stem not in NO_TORCH)


@pytest.mark.network
def test_a_resolution_can_fail(tmp_path: Path) -> None:
    """Pins that do not fit are found: vLLM 0.10.2 wants torch 2.8.0."""
    with pytest.raises(AssertionError, match=r"No solution found"):
        resolve(["vllm==0.10.2", "torch==2.13.0"], tmp_path)


@pytest.mark.parametrize("path", CONDA, ids=lambda path: path.stem)
def test_conda_could_read_it(path: Path) -> None:
    """Channels, then one Python, pip itself, and what pip installs; nothing else."""
    spec = yaml.safe_load(path.read_text())
    assert spec.keys() == {"channels", "dependencies"}
    assert spec["channels"] == ["conda-forge"]
    python, pip, installed = spec["dependencies"]
    assert (python, pip, list(installed)) == ("python=3.11", "pip", ["pip"])
