"""What a definition is in one form, and what each name in it means.

The form leaves out what no result can depend on: docstrings, comments, formatting,
the wording of errors, annotations that nobody reads, and the places of our modules.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from selfjudge.ground.code_modules import (
    FUNCTIONS,
    Definition,
    ImportedName,
    Module,
    drop_docstring,
    find_module,
    iter_imported_modules,
    iter_imports,
)

# They look names up that no reader of the source sees.
SEES_ALL = ("globals", "eval", "exec")
# What an argument of a command line says of itself.
WORDS = ("help", "metavar")


class Bound(NamedTuple):
    """A definition under one of the names that it binds."""

    definition: Definition
    name: str


class Whole(NamedTuple):
    """All of a module: nobody knows which part of it is meant."""

    module: Module


# What a name may mean; a text is the dotted name of something that is not ours.
Meaning = Bound | Whole | Module | str


@dataclass(frozen=True)
class Linked:
    """A definition in one form, without docstrings, wording and places.

    ``references``: each name with all that it may mean, in order of first use.
    ``imports``: the dotted names that it imports when it runs, ours or not.
    """

    text: str
    references: tuple[tuple[str, tuple[Meaning, ...]], ...]
    imports: tuple[str, ...]


@cache
def link(definition: Definition) -> Linked:
    """A definition in one form, and what its names mean."""
    bare = Stripper().visit(definition.node)
    linker = Linker(definition)
    text = ast.unparse(linker.visit(bare) or ast.Pass())
    return Linked(text, tuple(linker.references), tuple(linker.imports))


def meanings(module: Module, name: str, seen: frozenset[ImportedName]) -> list[Meaning]:
    """What a name at the top level of a module may mean; nothing if it has none."""
    found: list[Meaning] = []
    for binding in module.bindings.get(name, []):
        if isinstance(binding, Definition):
            found.append(Bound(binding, name))
        else:
            found += import_meanings(module.root, binding, seen)
    return found


def import_meanings(
    root: Path, imported: ImportedName, seen: frozenset[ImportedName] = frozenset()
) -> list[Meaning]:
    """What an import binds, through as many modules as pass it on."""
    if imported in seen:
        return []  # two modules import it of each other: nobody has it
    module = find_module(root, imported.module)
    if module is None:
        return [".".join(filter(None, imported))]
    if not imported.name:
        return [module]
    return member_meanings(module, imported.name, seen | {imported})


def member_meanings(
    module: Module, name: str, seen: frozenset[ImportedName] = frozenset()
) -> list[Meaning]:
    """What an attribute of a module means: all of the module if nobody knows."""
    found = meanings(module, name, seen)
    inner = None if found else find_module(module.root, f"{module.name}.{name}")
    return found or [inner or Whole(module)]


def all_meanings(module: Module) -> Iterator[Meaning]:
    """Everything that a module's names mean, but for other modules."""
    for name in module.bindings:
        for meaning in meanings(module, name, frozenset()):
            if isinstance(meaning, Bound | str):
                yield meaning


class Pruner(ast.NodeTransformer):
    """A transformer after which no block is empty."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit what is inside; `pass` stands where everything was taken out."""
        super().generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node


class Stripper(Pruner):
    """Takes out what no result depends on."""

    def __init__(self) -> None:
        self.is_unread = False  # whether nobody reads annotations where we are

    def visit_scope(self, node: ast.AST) -> ast.AST:
        """A class or function without docstring, a plain one without annotations."""
        outer = self.is_unread
        drop_docstring(node)
        self.is_unread = isinstance(node, FUNCTIONS) and not node.decorator_list
        if isinstance(node, FUNCTIONS) and self.is_unread:
            node.returns = None
            for part in ast.walk(node.args):
                if isinstance(part, ast.arg):
                    part.annotation = None
        stripped = self.generic_visit(node)
        self.is_unread = outer
        return stripped

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_scope  # noqa: N815

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """A local variable's annotation is not run."""
        self.generic_visit(node)
        if not self.is_unread:
            return node
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """The words of an error are nothing that a result is made of."""
        call = node.exc
        if isinstance(call, ast.Call) and ast.unparse(call.func) != "SystemExit":
            node.cause, call.args, call.keywords = None, [], []
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Nor are those of a command line's help."""
        if ast.unparse(node.func).rpartition(".")[2] in ("add", "add_argument"):
            node.keywords = [one for one in node.keywords if one.arg not in WORDS]
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Nor are those of an assertion."""
        node.msg = None
        return self.generic_visit(node)


class Linker(Pruner):
    """Finds what names mean; takes out imports of ours and the places they name."""

    def __init__(self, definition: Definition) -> None:
        self.module = definition.module
        self.references: dict[tuple[str, tuple[Meaning, ...]], int] = {}
        self.imports: list[str] = []
        self.depth = 0  # of functions that we are in
        # Imports in a function count for all of the definition: too much is safe.
        self.inner: dict[str, list[ImportedName]] = {}
        for node in ast.walk(definition.node):
            for name, imported in iter_imports(node, self.module.package):
                if find_module(self.module.root, imported.module):
                    self.inner.setdefault(name, []).append(imported)

    def find(self, name: str) -> list[Meaning]:
        """What a plain name may mean, here or at the top level of the module."""
        root = self.module.root
        found = meanings(self.module, name, frozenset())
        for imported in self.inner.get(name, []):
            found += import_meanings(root, imported)
        return found or ([Whole(self.module)] if name in SEES_ALL else [])

    def refer(self, name: str, found: list[Meaning]) -> int:
        """The place of a name among the references; modules count whole."""
        whole = [Whole(one) if isinstance(one, Module) else one for one in found]
        key = (name, tuple(dict.fromkeys(whole)))
        return self.references.setdefault(key, len(self.references))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A name that is used refers to what it means, if that is not local."""
        found = [] if isinstance(node.ctx, ast.Store) else self.find(node.id)
        if found:
            self.refer(node.id, found)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """An attribute of a module of ours refers to what the module has there."""
        found = self.find_attribute(node)
        if not found:
            return self.generic_visit(node)
        return ast.Name(f"@{self.refer(node.attr, found)}", node.ctx)

    def find_attribute(self, node: ast.Attribute) -> list[Meaning]:
        """What an attribute of one of our modules means; nothing if it is none."""
        owner = node.value
        found: list[Meaning] = []
        if isinstance(owner, ast.Name):
            found = self.find(owner.id)
        elif isinstance(owner, ast.Attribute):
            found = self.find_attribute(owner)
        if not any(isinstance(one, Module) for one in found):
            return []
        members: list[Meaning] = []
        for one in found:
            members += (
                member_meanings(one, node.attr) if isinstance(one, Module) else [one]
            )
        return members

    def visit_imports(self, node: ast.Import | ast.ImportFrom) -> ast.AST | None:
        """The imports of a block without ours; outside of functions all are used."""
        package, root = self.module.package, self.module.root
        self.imports += iter_imported_modules(node, package)
        others = []
        for alias, (name, imported) in zip(
            node.names, iter_imports(node, package), strict=True
        ):
            if find_module(root, imported.module) is None:
                others.append(alias)
            elif not self.depth:
                self.refer(name, self.find_import(imported))
        node.names = others
        return node if others else None

    visit_Import = visit_ImportFrom = visit_imports  # noqa: N815

    def find_import(self, imported: ImportedName) -> list[Meaning]:
        """What an import outside of functions means; a star means the module."""
        name = "" if imported.name == "*" else imported.name
        return import_meanings(self.module.root, ImportedName(imported.module, name))

    def visit_function(self, node: ast.AST) -> ast.AST:
        """A function: what it imports is used where it is named."""
        self.read_strings(getattr(node, "returns", None))
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_function  # noqa: N815

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """A parameter whose annotation is still there: somebody may read it."""
        self.read_strings(node.annotation)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """A field: its annotation may be written as a string."""
        self.read_strings(node.annotation)
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Outside of functions a type's arguments, which may be strings too."""
        if not self.depth:
            self.read_strings(node.slice)
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """What is added to is read before it is written."""
        if isinstance(node.target, ast.Name):
            self.visit_Name(ast.Name(node.target.id, ast.Load()))
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        """A function that writes a module's name refers to it."""
        for name in node.names:
            self.visit_Name(ast.Name(name, ast.Load()))
        return node

    def read_strings(self, annotation: ast.AST | None) -> None:
        """Refer to the names in the strings of an annotation, where they are code."""
        for node in ast.walk(annotation) if annotation else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                try:
                    self.visit(ast.parse(node.value.strip(), mode="eval").body)
                except (SyntaxError, ValueError):
                    continue  # a text, as in Literal
