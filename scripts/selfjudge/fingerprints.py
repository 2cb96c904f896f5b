"""Hashes that change when, and only when, what they stand for really changes."""

import ast
import hashlib
from functools import cache
from pathlib import Path

import msgspec

from selfjudge.images import iter_files
from selfjudge.records import file_sha256, writing


def code_fingerprint(script: Path, *modules: str) -> str:
    """A hash of a script and of every module below its folder that it imports.

    ``modules`` are imported too, but by a name that only the run knows, such as
    "selfjudge.engines.replay".  Comments, docstrings and formatting do not count,
    nor where the files lie.
    """
    digest = hashlib.sha256()
    for path in code_files(script, modules):
        digest.update(path.name.encode() + b"\0" + bare_source(path).encode() + b"\0")
    return digest.hexdigest()[:16]


@cache
def code_files(script: Path, modules: tuple[str, ...] = ()) -> tuple[Path, ...]:
    """The script and the modules it imports, sorted by path within the package."""
    found: set[Path] = set()
    named = [script.parent.joinpath(*name.split(".")) for name in modules]
    queue = [script, *(path.with_suffix(".py") for path in named)]
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue += imported_files(path, script.parent)
    return tuple(sorted(found, key=lambda path: path.relative_to(script.parent)))


@cache
def imported_files(path: Path, root: Path) -> tuple[Path, ...]:
    """The files below ``root`` that one file imports; other modules are not ours."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
            names.add(node.module)
    parents = {
        ".".join(name.split(".")[:end])
        for name in names
        for end in range(1, name.count(".") + 1)
    }
    files: list[Path] = []
    for name in names | parents:
        stem = root.joinpath(*name.split("."))
        files += [
            file
            for file in (stem.with_suffix(".py"), stem / "__init__.py")
            if file.is_file()
        ]
    return tuple(files)


@cache
def bare_source(path: Path) -> str:
    """The code of a file without comments and docstrings, in one formatting."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


class HashedFile(msgspec.Struct, frozen=True):
    """What the cache knows of a file: it is read again if size or time differ."""

    size: int
    mtime_ns: int
    sha256: str


def folder_fingerprint(folder: Path, cache_file: Path) -> str:
    """A hash of all files below a folder: names and contents, not times.

    "absent" if there is no such folder.  Contents are read once and remembered
    in ``cache_file`` by size and modification time, as git's index does.
    """
    if not folder.is_dir():
        return "absent"
    known: dict[str, HashedFile] = {}
    try:
        raw = cache_file.read_bytes()
        known = msgspec.json.decode(raw, type=dict[str, HashedFile])
    except (OSError, msgspec.DecodeError):
        pass  # no cache, or one cut short: hash everything again
    found: dict[str, HashedFile] = {}
    for path in iter_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            stat = path.stat()
            entry = known.get(name)
            if entry is None or (entry.size, entry.mtime_ns) != (
                stat.st_size,
                stat.st_mtime_ns,
            ):
                entry = HashedFile(stat.st_size, stat.st_mtime_ns, file_sha256(path))
            found[name] = entry
        except OSError:
            continue  # a dangling link is not content; the import names it
    if found != known:
        with writing(cache_file) as file:
            file.write(msgspec.json.encode(found))
    listing = [(name, entry.sha256) for name, entry in found.items()]
    return hashlib.sha256(msgspec.json.encode(listing)).hexdigest()[:16]
