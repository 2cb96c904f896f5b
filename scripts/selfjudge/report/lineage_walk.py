"""Walks along the lineage: up to an image and its row, down to what it touched."""

from collections.abc import Iterator
from typing import NamedTuple

from selfjudge.report.lineage import Graph, Node, NodeKind, node_of, parents_of
from selfjudge.report.lineage_ends import ends_above, ends_below
from selfjudge.report.lineage_files import Line

# What is shown below a record, and what only where nothing nearer has it.
CHILD_KINDS: dict[NodeKind, tuple[tuple[NodeKind, ...], ...]] = {
    "image": (("prompt", "pair"),),
    "prompt": (
        *(("response", "pair"), ("altered",), ("judgment",)),
        *(("candidate",), ("rating", "preference")),
    ),
    "response": (("altered", "pair", "candidate"),),
    "altered": (("altered", "pair"),),
    "pair": (("judgment",),),
    "judgment": (),
    "candidate": (("rating", "preference"),),
    "rating": (),
    "preference": (),
}


class Step(NamedTuple):
    """A node on a walk with all lines about it, and the walk from there.

    ``role`` is what it is to the step before: `chosen`, `rejected` or nothing.
    ``ends`` says where the thread breaks.  ``is_told`` means that the walk has been
    here before, and does not go on again.
    """

    node: Node
    role: str
    lines: list[Line]
    steps: list["Step"]
    ends: list[str]
    is_told: bool = False


def walk_up(
    graph: Graph, node: Node, role: str = "", told: set[Node] | None = None
) -> Step:
    """A node and everything that it came from."""
    told = set() if told is None else told
    if node in told:
        return Step(node, role, [], [], [], is_told=True)
    told |= {Node(node.kind, name) for name in graph.names_of(node)}
    lines, _ = graph.look_at(node)
    lines = [line for line in lines if node_of(line)]  # of an image: no other's rows
    parents = dict.fromkeys(parent for line in lines for parent in parents_of(line))
    steps = [
        walk_up(graph, parent, parent_role, told)
        for parent_role, parent in parents
        if parent_role or parent not in told
    ]
    ends = ends_above(graph, node, lines)
    return Step(node, role, [*lines, *source_rows(graph, lines)], steps, ends)


def source_rows(graph: Graph, lines: list[Line]) -> list[Line]:
    """The rows of sources that a prompt came from: the same images and question."""
    found: dict[str, Line] = {}
    for line in lines:
        images = line.record.get("images") if line.kind == "prompt" else None
        for row in graph.index.lines_with(images[0]) if images else ():
            question = str(row.record.get("question", "")).strip()
            is_same = (images, line.record["question"]) == (
                row.record["images"],
                question,
            )
            if row.kind == "source row" and is_same:
                found[row.place] = row
    return list(found.values())


def walk_down(graph: Graph, node: Node, told: set[Node] | None = None) -> Step:
    """A node and everything that came from it, each once."""
    told = {node} if told is None else told
    lines, children = graph.look_at(node)
    steps: list[Step] = []
    for kinds in CHILD_KINDS[node.kind]:
        fresh = [
            child
            for kind in kinds
            for child in children
            if child.kind == kind and child not in told
        ]
        told.update(fresh)
        steps += [walk_down(graph, child, told) for child in fresh]
    return Step(node, "", lines, steps, ends_below(graph, node, lines, told))


def every_step(step: Step) -> Iterator[Step]:
    """A step and all that follow from it."""
    yield step
    for below in step.steps:
        yield from every_step(below)
