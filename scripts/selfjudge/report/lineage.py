"""Which record of a run came from which: a graph, read from an index of its lines.

A line is about one node, and names the nodes above it.  Both directions are read
from these two facts, so that what is reached downwards leads up again.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from selfjudge.ground.lines import file_sha256
from selfjudge.report.lineage_files import Line, digests_in
from selfjudge.report.lineage_index import Index

NodeKind = Literal[
    "image",
    "prompt",
    "response",
    "altered",
    "pair",
    "judgment",
    "candidate",
    "rating",
    "preference",
]
MOST_LISTED = 10

# The fields that name what a record came from, nearest first, with its role.
PARENT_FIELDS: dict[str, tuple[str, NodeKind]] = {
    "chosen_response_id": ("chosen", "response"),
    "rejected_response_id": ("rejected", "response"),
    "response_id": ("", "response"),
    "pair_id": ("", "pair"),
    # Of a panel.
    "chosen_id": ("chosen", "candidate"),
    "rejected_id": ("rejected", "candidate"),
    "candidate_ids": ("", "candidate"),
    "response_ids": ("", "response"),
    "prompt_id": ("", "prompt"),
}
# Files of rewrites of what is itself a rewrite.
REWRITTEN_AGAIN = (
    "results/certificate/altered_again.jsonl",
    "results/certificate/variants/dropped_rewrites.jsonl",
)
RECORD_KINDS = frozenset(get_args(NodeKind)) - {"image"}


class Node(NamedTuple):
    """A record of a run, or an image; an image goes by its path or its sha256."""

    kind: NodeKind
    id: str


def node_of(line: Line) -> Node | None:
    """What a line is about; None for a row that never became a prompt."""
    kind: NodeKind
    match line.kind:
        case "source row":
            return None
        case "dropped prompt" | "dropped preference":
            kind, field = "prompt", "prompt_id"
        case "vote":
            kind, field = "candidate", "candidate_id"
        case "accepted":
            kind, field = "judgment", "judgment_id"
        case "dropped judgment":
            kind, field = "judgment", "id"
        case "release row" | "outcome" | "picked":
            kind, field = "pair", "pair_id"
        case "variant":
            kind, field = "pair", "id"
        case "dropped pair":
            is_pair, is_altered = "chosen" in line.record, "response_id" in line.record
            kind = "pair" if is_pair else "altered" if is_altered else "prompt"
            field = "id"
        case record_kind:
            kind, field = record_kind, "id"
    one = line.record.get(field)
    return Node(kind, one) if one else None


def is_record(line: Line) -> bool:
    """Whether a line is the record itself, not what became of it."""
    return line.kind in RECORD_KINDS


def images_of(line: Line) -> list[str]:
    """The images that a line came from: paths, and sha256s where they are known."""
    record, node = line.record, node_of(line)
    if node is None or node.kind == "prompt":
        return [*record.get("images", ()), *record.get("image_sha256s", ())]
    if record.get("origin") == "benchmark":
        return [*record["images"], *digests_in(record["images"])]
    return []


def parents_of(line: Line) -> list[tuple[str, Node]]:
    """The nodes that a line names above its own, each with its role."""
    node, record = node_of(line), line.record
    found: list[tuple[str, Node]] = []
    for field in PARENT_FIELDS:
        named = record.get(field) or ()
        role, kind = PARENT_FIELDS[field]
        is_injected = role == "rejected" and record.get("origin") == "alteration"
        is_again = field == "response_id" and line.file in REWRITTEN_AGAIN
        kind = "altered" if is_injected or is_again else kind
        for one in [named] if isinstance(named, str) else named:
            if node is not None and one != node.id:
                found.append((role, Node(kind, one)))
    return found + [("", Node("image", name)) for name in images_of(line)]


class Graph:
    """The nodes of a run as its index has them."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def names_of(self, node: Node) -> list[str]:
        """The ids that a node goes by: an image its paths and sha256, others one."""
        if node.kind != "image":
            return [node.id]
        names = {node.id: None}
        for line in self.index.lines_with(node.id):
            images = line.record.get("images", ())
            digests = line.record.get("image_sha256s") or digests_in(images)
            for path, digest in zip(images, digests, strict=False):
                if node.id in (path, digest):
                    names |= {path: None, digest: None}
        return list(names)

    def lines_of(self, node: Node) -> Iterator[Line]:
        """Every line that names a node, by any of its names, each once."""
        seen = set()
        for name in self.names_of(node):
            for line in self.index.lines_with(name):
                key = (line.file, line.number, node_of(line))
                if key not in seen:
                    seen.add(key)
                    yield line

    def look_at(self, node: Node) -> tuple[list[Line], list[Node]]:
        """The lines about a node, and the nodes that came from it, as they stand."""
        names = set(self.names_of(node))
        about: list[Line] = []
        children: dict[Node, None] = {}
        for line in self.lines_of(node):
            of = node_of(line)
            if of == node or (node.kind == "image" and of is None):
                about.append(line)
            elif of and any(parent.id in names for _, parent in parents_of(line)):
                children[of] = None
        return about, list(children)

    def find(self, text: str) -> Node:
        """The node that a person means by an id, its beginning, or an image file.

        Raises ValueError if there is none, or several.
        """
        found = self.index.ids_from(text, MOST_LISTED + 1) if text else []
        found = [text] if text in found else found
        path = Path(text)
        for file in (path, self.index.project / path):
            if not found and file.is_file():
                found = self.index.ids_from(file_sha256(file), 1)
        nodes = list(dict.fromkeys(self.node_named(one) for one in found))
        if len(nodes) > 1 and {node.id for node in nodes} - {*self.names_of(nodes[0])}:
            raise ValueError(explain_several(text, nodes))
        if not nodes:
            raise ValueError(explain_unknown(text, self.index))
        return nodes[0]

    def node_named(self, one: str) -> Node:
        """The node of an id that stands somewhere: as a record, or as named by one."""
        named: list[Node] = []
        for line in self.index.lines_with(one):
            node = node_of(line)
            if node is not None and node.id == one:
                return node
            named += [parent for _, parent in parents_of(line) if parent.id == one]
        return named[0] if named else Node("image", one)


def explain_several(text: str, nodes: list[Node]) -> str:
    """The error text for the beginning of several ids."""
    listed = "".join(f"\n  {node.kind} {node.id}" for node in nodes[:MOST_LISTED])
    more = "\n  and more" if len(nodes) > MOST_LISTED else ""
    return f"{text}: must begin one id (it begins several). Type more of:{listed}{more}"


def explain_unknown(text: str, index: Index) -> str:
    """The error text for an id that stands nowhere."""
    return (
        f"{text!r}: must be an id of {index.project}, its beginning, or an image "
        f"(none of its {len(index.stamps)} files of records has it). Hint: is it of "
        "this project? --project names another; an id of an earlier run is gone."
    )
