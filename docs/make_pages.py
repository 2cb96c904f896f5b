"""Write the pages of docs/benchmarks/ from what the benchmarks' own files say.

Reads the docstring, the protocols and the published scores of every benchmark that
`selfjudge.benchmarks.registry` lists; writes a page each, and a list of them all.

    make docs
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from selfjudge.benchmarks.leaderboard import PublishedTable, read_leaderboard
from selfjudge.benchmarks.protocols import OURS, Protocol
from selfjudge.benchmarks.registry import FORMATS, SCORINGS

DOCS = Path(__file__).parent
LEADERBOARD = DOCS.parent / "scripts/selfjudge/benchmarks/leaderboard.yaml"


def make_pages() -> dict[str, str]:
    """Every page's text by file name."""
    tables = read_leaderboard(LEADERBOARD)
    pages = {"README.md": list_pages()}
    for name in FORMATS:
        title, *paragraphs = split_docstring(name)
        parts = [f"# {title}", *paragraphs, *describe_protocols(name)]
        parts += describe_published([t for t in tables if t.format == name])
        made = f"Made by `make docs` from `scripts/selfjudge/benchmarks/{name}.py`."
        pages[f"{name}.md"] = "\n\n".join([*parts, made]) + "\n"
    return pages


def split_docstring(name: str) -> list[str]:
    """The paragraphs of a benchmark's docstring, each on a line; a table as it is."""
    module = sys.modules[FORMATS[name].read.__module__]
    blocks = str(module.__doc__).strip().split("\n\n")
    return [block if block[0] in "|`" else unwrap(block) for block in blocks]


def unwrap(block: str) -> str:
    """A paragraph on one line, or a list with an item on each."""
    return "\n- ".join(" ".join(item.split()) for item in block.split("\n- "))


def list_pages() -> str:
    """The list of all pages."""
    rows = [
        (f"[{split_docstring(name)[0]}]({name}.md)", f"{known.num_rows:,}")
        for name, known in FORMATS.items()
    ]
    table = make_table(["Benchmark (`format`)", "Rows that a plan expects"], rows)
    made = "Made by `make docs` from the files that `registry.py` lists."
    about = "What holds for all of them: [benchmarks.md](../benchmarks.md)."
    return f"# Benchmarks, one by one\n\n{table}\n\n{about}\n\n{made}\n"


def describe_protocols(name: str) -> list[str]:
    """The protocols that a benchmark has beside those that every one has."""
    own = [one for one in SCORINGS[name].protocols if one not in OURS]
    names = ", ".join(f"`{one.name}`" for one in OURS)
    said = f"{names}, as for every benchmark" + ("; and these:" if own else ".")
    parts = ["## Protocols", said[0].upper() + said[1:]]
    if own:
        head = ["Protocol", "Judgments", "Order", "Unparsed", "Averages"]
        parts.append(make_table(head, map(protocol_row, own)))
    for one in own:
        items = "\n".join(f"- {text}" for text in one.cannot)
        parts.append(f"What a score under `{one.name}` does not imitate:\n\n{items}")
    return parts


def protocol_row(one: Protocol) -> Sequence[str]:
    """A protocol's line of the table."""
    averages = ", ".join(one.averages) + (", parts of groups" if one.splits else "")
    unparsed = one.unparsed.replace("_", " ")
    return f"`{one.name}`", f"`{one.collection}`", one.order, unparsed, averages


def describe_published(tables: Sequence[PublishedTable]) -> list[str]:
    """The published scores that are recorded, table by table."""
    parts = ["## Published scores"] if tables else []
    for table in tables:
        rows = [
            (model, *("" if value is None else str(value) for value in values))
            for model, values in table.models.items()
        ]
        known = [
            f"Protocol: {table.protocol or 'not said'}; rows: "
            f"{table.release or 'not said'}; in {table.unit}.",
            *table.notes,
        ]
        columns = ["Model", *(column.replace("_", " ") for column in table.columns)]
        told = "\n".join(f"- {text}" for text in known)
        parts += [f"**{table.source}**", told, make_table(columns, rows)]
    return parts


def make_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Write all pages."""
    folder = DOCS / "benchmarks"
    folder.mkdir(exist_ok=True)
    for name, text in make_pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
