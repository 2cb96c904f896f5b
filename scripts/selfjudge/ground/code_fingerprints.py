"""Hashes that change when the code that a stage may run really changes."""

import hashlib
from pathlib import Path

from selfjudge.ground.code_links import (
    Bound,
    Linked,
    Meaning,
    all_meanings,
    link,
    meanings,
)
from selfjudge.ground.code_modules import Definition, Module, find_module, read_module


def code_fingerprint(script: Path, *entries: str) -> str:
    """A hash of a script and of all definitions that it reaches in our modules.

    Ours are the modules below the script's folder.  ``entries`` are reached too, but
    by a name that only the run knows: "selfjudge.engines.replay:ReplayEngine" is one
    definition, "selfjudge.engines.replay" all of a module.  What importing runs
    counts as well.  Where the definitions lie does not count, nor do comments,
    docstrings, formatting, and what errors say.

    Not seen: what a definition that nothing reaches does to others as it is made,
    such as a decorator that enters a function in a table.
    """
    text = "\0".join(Walk(script, entries).describe())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def reached_definitions(script: Path, *entries: str) -> list[Definition]:
    """What `code_fingerprint` hashes: a script's statements, then what they reach."""
    walk = Walk(script, entries)
    walk.describe()
    return list(walk.numbers)


def module_text(root: Path, name: str) -> str:
    """The bare code of one module below a folder, with the names that it imports.

    For what must change with the code of chosen modules alone: where the names are
    from does not count.  Raises ValueError where there is no such module.
    """
    module = find_module(root, name)
    if module is None:
        raise ValueError(f"{root}: must have a module '{name}' (got none)")
    lines: list[str] = []
    for definition in module.definitions:
        linked = link(definition)
        lines.append(linked.text)
        for name, found in linked.references:
            lines += [f"{name}={plain_name(meaning)}" for meaning in found]
    return "\n".join(lines)


def plain_name(meaning: Meaning) -> str:
    """What a name means, by its own name where it is made; a module by its last."""
    if isinstance(meaning, str):
        return meaning
    if isinstance(meaning, Bound):
        return meaning.name
    module = meaning if isinstance(meaning, Module) else meaning.module
    return module.name.rpartition(".")[2]


class Walk:
    """The definitions that a script reaches, numbered as they are met.

    The numbers stand for the definitions wherever they are named, so that neither
    files nor modules have a part in what is hashed.
    """

    def __init__(self, script: Path, entries: tuple[str, ...]) -> None:
        self.root = script.parent
        self.numbers: dict[Definition, int] = {}
        self.met: set[Module] = set()
        main = read_module(self.root, script.stem, script)
        self.queue = list(main.definitions)
        self.numbers.update(zip(self.queue, range(len(self.queue)), strict=True))
        self.meet(main)
        self.named = [self.name_all(self.find_entry(entry)) for entry in entries]

    def describe(self) -> list[str]:
        """The entries, and each definition with the numbers of what it names."""
        lines = list(self.named)
        for definition in self.queue:  # it grows on the way
            linked = link(definition)
            for name in linked.imports:
                self.meet_named(name)
            lines.append(self.describe_one(linked))
        return lines

    def describe_one(self, linked: Linked) -> str:
        """The text of a definition, and for each of its names what it means."""
        named = [f"{name}={self.name_all(found)}" for name, found in linked.references]
        return "\n".join([linked.text, *named])

    def name_all(self, found: tuple[Meaning, ...]) -> str:
        """What a name means, in numbers."""
        return ",".join(self.name_one(meaning) for meaning in found)

    def name_one(self, meaning: Meaning) -> str:
        """One thing that a name may mean: a definition, all of a module, or theirs."""
        if isinstance(meaning, str):
            return meaning
        if isinstance(meaning, Bound):
            return f"{self.number(meaning.definition)}.{meaning.name}"
        module = meaning if isinstance(meaning, Module) else meaning.module
        return f"[{self.name_all(tuple(all_meanings(module)))}]"

    def number(self, definition: Definition) -> int:
        """The number of a definition, which is now reached."""
        if definition not in self.numbers:
            self.numbers[definition] = len(self.queue)
            self.queue.append(definition)
        return self.numbers[definition]

    def meet_named(self, name: str) -> None:
        """Import a module with the packages that it is in, as far as they are ours."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            if module := find_module(self.root, ".".join(parts[:end])):
                self.meet(module)

    def meet(self, module: Module) -> None:
        """Reach what importing a module runs: first what it imports itself."""
        if module in self.met:
            return
        self.met.add(module)
        for name in module.imports:
            self.meet_named(name)
        for definition in module.running:
            self.number(definition)

    def find_entry(self, entry: str) -> tuple[Meaning, ...]:
        """What an entry means; ValueError if it names nothing below the root."""
        name, _, attribute = entry.partition(":")
        module = find_module(self.root, name)
        found: list[Meaning] = [module] if module else []
        if module and ":" in entry:
            found = meanings(module, attribute, frozenset())
        if not found:
            raise ValueError(
                f"{self.root}: an entry must name a module below this folder, or one "
                f"of its definitions as 'module:name' (got '{entry}')"
            )
        self.meet_named(name)
        return tuple(found)
