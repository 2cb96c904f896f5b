"""The modules below a folder as code sees them: what names they bind, what runs.

A module is read from its source and never imported: its libraries may not be here.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef)


class ImportedName(NamedTuple):
    """What an import statement binds a name to; "" is the module itself."""

    module: str
    name: str


@dataclass(frozen=True, eq=False)
class Definition:
    """A statement at the top level of a module, which binds names or only runs."""

    module: "Module"
    node: ast.stmt
    names: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The file that holds it."""
        return self.module.path


@dataclass(frozen=True, eq=False)
class Module:
    """What a file binds and what importing it does, in the order of the file.

    ``name``: as an import below ``root`` has it.
    ``path``: a folder, where a package has no file of its own.
    ``bindings``: each name at its top level, with all that bind it.
    ``running``: the statements whose effect is more than to bind plain names.
    ``imports``: the dotted names that importing it imports, ours or not.
    """

    root: Path
    name: str
    path: Path
    definitions: list[Definition] = field(default_factory=list)
    bindings: dict[str, list[Definition | ImportedName]] = field(default_factory=dict)
    running: list[Definition] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)

    @property
    def package(self) -> str:
        """The package that a relative import in it starts from."""
        is_package = self.path.name == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]


@cache
def find_module(root: Path, name: str) -> Module | None:
    """Our module of a dotted name; None if there is no such file below the root."""
    if not name:
        return None
    stem = root.joinpath(*name.split("."))
    for path in (stem / "__init__.py", stem.with_suffix(".py")):
        if path.is_file():
            return read_module(root, name, path)
    if stem.is_dir() and any(stem.rglob("*.py")):
        return Module(root, name, stem)
    return None


@cache
def read_module(root: Path, name: str, path: Path) -> Module:
    """What a file binds and runs; ValueError names the line that is no Python."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise ValueError(f"{path}:{line}: must be Python (got: {error})") from None
    module = Module(root, name, path)
    drop_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.If) and is_type_checking(node):
            for inner in node.body:
                add_statement(module, inner, runs=False)
        else:
            add_statement(module, node, runs=True)
    return module


def drop_docstring(node: ast.AST) -> None:
    """Take the docstring out of a module, class or function that has one."""
    kinds = (ast.Module, *SCOPES)
    if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
        del node.body[0]


def is_type_checking(node: ast.If) -> bool:
    """Whether a block is for type checkers alone, so that it never runs."""
    test = ast.unparse(node.test)
    return not node.orelse and test in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def add_statement(module: Module, node: ast.stmt, *, runs: bool) -> None:
    """Enter a top-level statement of a module: what it binds, imports and does."""
    if runs:
        module.imports.extend(
            name
            for inner in iter_run_now(node)
            for name in iter_imported_modules(inner, module.package)
        )
    if is_plain_import(node):
        for name, imported in iter_imports(node, module.package):
            module.bindings.setdefault(name, []).append(imported)
        return
    definition = Definition(module, node, tuple(dict.fromkeys(iter_bound(node))))
    module.definitions.append(definition)
    for name in definition.names:
        module.bindings.setdefault(name, []).append(definition)
    if runs and not only_binds(node):
        module.running.append(definition)


def is_plain_import(node: ast.stmt) -> bool:
    """Whether an import binds names and no more: no star, nothing of __future__."""
    if isinstance(node, ast.ImportFrom):
        return node.module != "__future__" and node.names[0].name != "*"
    return isinstance(node, ast.Import)


def iter_run_now(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and those inside it that run with it: no function's body."""
    yield node
    if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
        for child in ast.iter_child_nodes(node):
            yield from iter_run_now(child)


def iter_imports(node: ast.AST, package: str) -> Iterator[tuple[str, ImportedName]]:
    """The names that an import statement binds, each with what it means."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.split(".")[0]
            module = alias.name if alias.asname else top
            yield alias.asname or top, ImportedName(module, "")
    elif isinstance(node, ast.ImportFrom):
        module = absolute_name(node, package)
        for alias in node.names:
            yield alias.asname or alias.name, ImportedName(module, alias.name)


def iter_imported_modules(node: ast.AST, package: str) -> Iterator[str]:
    """The dotted names that an import statement may import as modules."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = absolute_name(node, package)
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


def absolute_name(node: ast.ImportFrom, package: str) -> str:
    """The module that a `from` names, counted from the root if it is relative."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, *(node.module.split(".") if node.module else [])])


def only_binds(node: ast.stmt) -> bool:
    """Whether a statement does no more than bind plain names."""
    if isinstance(node, ast.Assign):
        return all(is_plain(target) for target in node.targets)
    if isinstance(node, ast.AnnAssign):
        return is_plain(node.target)
    return isinstance(node, (*SCOPES, ast.Pass))


def is_plain(target: ast.expr) -> bool:
    """Whether an assignment's target is a name, or names in a row."""
    if isinstance(target, ast.Tuple | ast.List):
        return all(is_plain(element) for element in target.elts)
    if isinstance(target, ast.Starred):
        return is_plain(target.value)
    return isinstance(target, ast.Name)


def iter_bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds where it stands, also those in its blocks."""
    if isinstance(node, SCOPES):
        yield node.name
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (name for name, _ in iter_imports(node, "") if name != "*")
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        yield from filter(None, [node.name])
    elif isinstance(node, ast.MatchMapping):
        yield from filter(None, [node.rest])
    for child in ast.iter_child_nodes(node):
        # The variable of a comprehension is bound in there alone.
        if not (isinstance(node, ast.comprehension) and child is node.target):
            yield from iter_bound(child)
