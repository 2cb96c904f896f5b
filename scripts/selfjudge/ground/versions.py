"""Which version of this program runs."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def own_version() -> str:
    """The version of this program, as it is installed or as its clone says."""
    try:
        return version("selfjudge")
    except PackageNotFoundError:
        project = Path(__file__).parents[3] / "pyproject.toml"
        told = tomllib.loads(project.read_text(encoding="utf-8"))
        return str(told["project"]["version"])
