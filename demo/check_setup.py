"""Say what would stop an installation, before it begins: a line for each.

Needs nothing but Python, also one that is too old.
"""

import os
import shutil
import sys

LEAST_VERSION = (3, 11)
GIGABYTES = 8  # of the environment, most of it torch


def find_obstacles(folder, version=sys.version_info, which=shutil.which):
    """What would stop an installation into a folder, a sentence each."""
    found = []
    has_uv = which("uv") is not None  # it makes environments, and brings a Python
    if tuple(version[:2]) < LEAST_VERSION and not has_uv:
        found.append(
            f"Python must be 3.11 or newer (got {version[0]}.{version[1]}). "
            "Hint: make PYTHON=python3.11, or install uv, which brings one."
        )
    if not (has_uv or importable("ensurepip")):
        found.append(
            "Python must have ensurepip (got none). Hint: on Debian, apt-get "
            "install python3-venv."
        )
    if not (os.environ.get("CC") or which("cc") or which("gcc") or which("clang")):
        found.append(
            "a C compiler must be there (got none). Hint: on Debian, apt-get "
            "install build-essential."
        )
    free = shutil.disk_usage(folder).free / 1e9
    if free < GIGABYTES:
        found.append(
            f"this folder must have {GIGABYTES} GB free (got {free:.1f}). Hint: move "
            "the clone to another disk."
        )
    if not os.access(folder, os.W_OK):
        found.append("this folder must be writable (got read-only).")
    return found


def importable(name):
    """Whether a module of Python's own is installed: Debian splits some off."""
    try:
        __import__(name)
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    obstacles = find_obstacles(os.curdir)
    for obstacle in obstacles:
        print("error: " + obstacle, file=sys.stderr)
    sys.exit(1 if obstacles else 0)
