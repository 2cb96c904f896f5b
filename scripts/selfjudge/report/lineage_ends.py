"""Where a thread ends before its end, and for want of what: a file, or ids in one."""

from collections.abc import Iterable

from selfjudge.report.lineage import Graph, Node, NodeKind, is_record, node_of
from selfjudge.report.lineage_files import Line

# What is written in the folder of a line next, by its kind and the folder's depth.
FOLLOWS = {
    ("prompt", 2): "responses.jsonl",
    ("pair", 2): "variants/original.jsonl",
    ("pair", 3): "judgments.jsonl",
    ("judgment", 3): "accepted.jsonl",
    ("judgment", 5): "scores.json",
}
# What follows pairs of these folders lies elsewhere, or came with them.
LAST = ("results/benchmarks", "results/probe")
HELD_OUT = "results/certificate/prompts.jsonl"


def ends_above(graph: Graph, node: Node, lines: list[Line]) -> list[str]:
    """Why a walk upwards cannot go on from a node, as it should."""
    missing = missing_record(graph, node, lines)
    return missing + [
        "the thread to its responses ends here: "
        f"{place} does not name them (an older code wrote it)"
        for place in silent_pairs(lines)[:1]
    ]


def ends_below(
    graph: Graph, node: Node, lines: list[Line], told: set[Node]
) -> list[str]:
    """Why a walk downwards, that has been at ``told``, cannot go on from a node."""
    ends = [*missing_record(graph, node, lines), *missing_next(graph, lines)]
    if node.kind in ("response", "altered"):
        prompts = dict.fromkeys(line.record.get("prompt_id", "") for line in lines)
        named = [line for one in prompts for line in graph.index.lines_with(one)]
        ends += [
            f"the thread to its pairs ends here: {place} does not name its responses "
            "(an older code wrote it); ask for the prompt"
            for place in silent_pairs(
                line for line in named if node_of(line) not in told
            )[:1]
        ]
    files = {line.file for line in lines if line.kind == "prompt"}
    if files and files <= {"results/prompts.jsonl", HELD_OUT}:
        ends.append(
            "held out: no iteration has it, judges are certified on it"
            if HELD_OUT in files
            else "no iteration has it: it is in no results/iter*/prompts.jsonl"
        )
    return ends


def silent_pairs(lines: Iterable[Line]) -> list[str]:
    """The places of pairs that are of responses and do not say of which."""
    return [
        line.place
        for line in lines
        if line.kind == "pair"
        and line.record.get("origin") != "benchmark"
        and "chosen_response_id" not in line.record
    ]


def missing_next(graph: Graph, lines: list[Line]) -> list[str]:
    """The files that are to follow those of the lines, and are not there."""
    files: dict[str, None] = {}
    for line in lines:
        folder = line.file.rpartition("/")[0]
        name = FOLLOWS.get((line.kind, len(folder.split("/"))))
        if name and folder not in LAST and not line.group:
            files[f"{folder}/{name}"] = None
    return [
        say_missing(graph, file) for file in files if file not in graph.index.stamps
    ]


def missing_record(graph: Graph, node: Node, lines: list[Line]) -> list[str]:
    """Where the record of a node should stand, if it stands nowhere."""
    if node.kind == "image" or any(is_record(line) for line in lines):
        return []
    named = [line for line in graph.lines_of(node) if line.kind != "dropped prompt"]
    files = dict.fromkeys(file_of(graph, node.kind, line) for line in named)
    return [say_missing(graph, file) for file in files if file]


def file_of(graph: Graph, kind: NodeKind, named: Line) -> str | None:
    """The file that should hold a record which a line names; None if no file does.

    The prompts of a benchmark are in no file of their own.
    """
    folder, _, name = named.file.rpartition("/")
    own_name = "altered.jsonl" if kind == "altered" else f"{kind}s.jsonl"
    parts = folder.split("/")
    if parts[1] == "panel":  # of shards none can be named
        return "/".join([*parts[:3], "prompts.jsonl"]) if kind == "prompt" else None
    for pool in ("certificate", "probe"):
        if pool in parts:
            return f"results/{pool}/{own_name}"
    is_of_judge = len(parts) == 5  # of a judge on a benchmark, by a collection
    if kind == "judgment" or (kind == "pair" and len(parts) == 3):
        return f"{folder}/{own_name}"
    if is_of_judge or folder == "results/benchmarks":
        benchmark = parts[3] if is_of_judge else name.removesuffix("_rows.jsonl")
        return f"results/benchmarks/{benchmark}.jsonl" if kind == "pair" else None
    pool = "/".join(parts[:2])
    if f"{pool}/prompts.jsonl" not in graph.index.stamps:
        # All iterations may draw from the pool of the first.
        is_shared = "results/iter1/prompts.jsonl" in graph.index.stamps
        pool = "results/iter1" if is_shared else pool
    return f"{pool}/{own_name}"


def say_missing(graph: Graph, file: str) -> str:
    """That a file is not there, or does not have what it should."""
    is_there = file in graph.index.stamps
    state = "has no line of it" if is_there else "is not there"
    return f"the thread ends here: {file} {state}"
