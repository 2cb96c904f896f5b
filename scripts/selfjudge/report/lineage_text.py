"""The lineage of an id as lines of text: trees with file and line, and counts."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from selfjudge.ground.places import iteration_folders
from selfjudge.pairs.filters import FILTERS
from selfjudge.report.lineage import Graph, Node, is_record
from selfjudge.report.lineage_files import Line, LineKind
from selfjudge.report.lineage_index import Index
from selfjudge.report.lineage_walk import Step, every_step, walk_down, walk_up
from selfjudge.report.marking import cut_text, show_controls

MOST_CHARACTERS = 100
MOST_NUMBERS = 5
SIDES = ("chosen", "rejected")
COPIES = "results/certificate/variants/images"
PROTOCOL = re.compile(rb'"protocol"\s*:\s*"(\w+)"')


def show_lineage(index: Index, text: str, most: int) -> Iterator[str]:
    """Where an id came from and what it touched; ``most`` entries of a kind in a list.

    Raises ValueError if nothing, or more than one thing, goes by the text.
    """
    graph = Graph(index)
    node = graph.find(text)
    up, down = walk_up(graph, node), walk_down(graph, node)
    words = Words(index.project)
    yield words.title(node, "", [*down.lines, *up.lines])
    yield from show_names(graph, node)
    yield from indent(show_lines([*down.lines, *up.lines], words, most))
    yield from indent(dict.fromkeys([*down.ends, *up.ends]))
    for heading, steps in (("came from", up.steps), ("went to", down.steps)):
        if steps:
            yield f"\n{heading}"
            told = Words(index.project, only_records=heading == "came from")
            yield from indent(show_steps(steps, told, most))
    yield from show_judges(index, down)


def show_impact(index: Index, text: str) -> Iterator[str]:
    """What used an image, or anything else, counted by kind and file, and judges.

    Raises ValueError if nothing, or more than one thing, goes by the text.
    """
    graph = Graph(index)
    node = graph.find(text)
    down = walk_down(graph, node)
    places: dict[tuple[str, str], set[tuple[str, int]]] = defaultdict(set)
    for step in every_step(down):
        for line in step.lines:
            place = line.group or line.file
            places[line.kind, place].add((line.file, line.number))
    yield Words(index.project).title(node, "", down.lines)
    yield from show_names(graph, node)
    for (kind, place), found in sorted(places.items(), key=lambda item: item[0][1]):
        files, numbers = {file for file, _ in found}, sorted(n for _, n in found)
        first = ", ".join(map(str, numbers[:MOST_NUMBERS]))
        more = ", ..." if len(numbers) > MOST_NUMBERS else ""
        where = f"line {first}{more}" if place in files else f"in {len(files)} files"
        yield f"  {len(found):>7} {kind:<16} {place}: {where}"
    if copies := find_copies(index.project, down):
        yield f"  {len(copies):>7} {'copy':<16} {COPIES}"
    ends = dict.fromkeys(end for step in every_step(down) for end in step.ends)
    yield from indent(clip_list(list(ends), MOST_NUMBERS))
    yield from show_judges(index, down)


def find_copies(project: Path, down: Step) -> set[str]:
    """The pictures made for the variants of pairs that a walk reached, as there are."""
    names = {
        name
        for step in every_step(down)
        for line in step.lines
        if line.kind == "variant"
        for name in line.record.get("images", ())
    }
    return {name for name in names if (project / COPIES / name).is_file()}


def show_names(graph: Graph, node: Node) -> Iterator[str]:
    """What else an image goes by: paths and sha256."""
    others = [name for name in graph.names_of(node) if name != node.id]
    if others:
        yield f"  also {', '.join(map(one_line, others))}"


def show_lines(lines: Iterable[Line], words: "Words", most: int) -> list[str]:
    """What lines say, each once; of the variants of a pair only how many there are."""
    told = {words.line(line): line for line in lines}
    listed = [text for text, line in told.items() if line.kind != "variant"]
    variants = [line for line in told.values() if line.kind == "variant"]
    return [*clip_list(listed, most), *count_groups(variants)]


def count_groups(lines: Iterable[Line]) -> Iterator[str]:
    """How many lines there are in each folder of a certificate."""
    groups = Counter((line.kind, line.group) for line in lines)
    for (kind, group), number in groups.items():
        yield f"{number} of kind {kind}: {group}"


def show_steps(steps: Sequence[Step], words: "Words", most: int) -> Iterator[str]:
    """A tree, each step below the one that it follows from.

    Judgments of variants are counted.
    """
    shown: Counter[str] = Counter()
    counted: list[Line] = []
    for step in steps:
        is_judgment = step.node.kind == "judgment"
        if is_judgment and any(line.group for line in step.lines):
            counted += step.lines
            continue
        shown[step.node.kind] += 1
        if shown[step.node.kind] > most:
            continue
        told = " (told above)" if step.is_told else ""
        yield words.title(step.node, step.role, step.lines) + told
        lines = [line for line in step.lines if words.tells(line, step)]
        yield from indent(show_lines(lines, words, most))
        yield from indent(step.ends)
        yield from indent(show_steps(step.steps, words, most))
    for kind, number in shown.items():
        if number > most:
            yield f"and {number - most} more of kind {kind} (--most shows more)"
    yield from count_groups(counted)


def show_judges(index: Index, down: Step) -> Iterator[str]:
    """The judges that were trained on what a walk reached, and those that follow."""
    rows = Counter(
        line.file.rpartition("/")[0] + "/judge"
        for step in every_step(down)
        for line in step.lines
        if line.kind == learnt_kind(line.file)
    )
    starts = read_starts(index.project)
    learnt = Counter(
        f"{line.file.rpartition('/')[0]}, {line.record.get('for_member') or 'all'}"
        for step in every_step(down)
        for line in step.lines
        if line.kind == "preference"
    )
    if learnt:
        yield "\nmembers of a panel that learn from it"
        yield from indent(f"{whom}: {count_rows(n)}" for whom, n in learnt.items())
    if rows or not learnt:
        yield "\njudges trained on it" if rows else "\nno judge was trained on it"
    reached = dict.fromkeys(rows)
    for judge, number in rows.items():
        state = "" if judge in starts else " (not trained yet)"
        yield f"  {judge}: {count_rows(number)}{state}"
    for judge, start in sorted(starts.items()):
        if start in reached and judge not in rows:
            yield f"  {judge}: started from {start}"
        if start in reached:
            reached[judge] = None
    yield from show_certified(index, down)


def show_certified(index: Index, down: Step) -> Iterator[str]:
    """The certificates that judgments went into which a walk reached."""
    judged = Counter(
        line.group
        for step in every_step(down)
        for line in step.lines
        if line.kind == "judgment" and line.group
    )
    if judged:
        yield "\njudges certified on it"
    for folder, number in sorted(judged.items()):
        file = f"{folder}.json"
        state = "" if (index.project / file).is_file() else " (not written yet)"
        yield f"  {file}: {count_rows(number, 'judgment')}{state}"


def count_rows(number: int, kind: str = "row") -> str:
    """How many rows, or others, in words."""
    return f"{number} {kind}{'s' * (number != 1)}"


def learnt_kind(file: str) -> LineKind:
    """Which lines of a filter's folder its judge is trained on."""
    filters = {str(name): spec for name, spec in FILTERS.items()}
    spec = filters.get(PurePosixPath(file).parent.name)
    return "picked" if spec and spec.learns_by == "reward" else "accepted"


def read_starts(project: Path) -> dict[str, str | None]:
    """What each judge of a project started from, by its folder; in order of iteration.

    None where it started from the base model, or does not say.
    """
    starts: dict[str, str | None] = {}
    folders = [
        path.with_suffix("").relative_to(project).as_posix()
        for _, folder in iteration_folders(project / "results")
        for path in sorted(folder.glob("*/judge.json"))
    ]
    for folder in folders:
        try:
            content = (project / folder / "provenance.json").read_bytes()
            start = msgspec.json.decode(content)["base_model"]["name"]
            path = Path(start).relative_to(project) if start[:1] == "/" else Path(start)
            starts[folder] = path.as_posix()
        except (OSError, ValueError, KeyError, TypeError):
            starts[folder] = None
    return starts


def read_comparisons(project: Path) -> dict[str, list[str]]:
    """The comparisons that each scores file went into, both by path."""
    found: dict[str, list[str]] = defaultdict(list)
    paths = [
        path
        for _, folder in iteration_folders(project / "results")
        for path in sorted(folder.glob("*.json"))
    ]
    for path in paths:
        try:
            judges = msgspec.json.decode(path.read_bytes())["judges"]
            for judge in judges:
                found[judge["scores"]].append(path.relative_to(project).as_posix())
        except (msgspec.DecodeError, KeyError, TypeError):
            continue  # of older code, or no comparison
    return found


class Words:
    """What is said of nodes and lines."""

    def __init__(self, project: Path, only_records: bool = False) -> None:
        self.project = project
        self.only_records = only_records
        self.comparisons = cache(lambda: read_comparisons(project))
        self.protocol_of = cache(self.read_protocol)

    def read_protocol(self, file: str) -> str:
        """The protocol of a file of scores."""
        with open(self.project / file, "rb") as opened:
            match = PROTOCOL.search(opened.read(4096))
        return match[1].decode() if match else "an unknown protocol"

    def tells(self, line: Line, step: Step) -> bool:
        """Whether a line is shown: on the way up not what else became of a record."""
        is_own = is_record(line) or line.kind in ("source row", "dropped prompt")
        return is_own or not self.only_records or not any(map(is_record, step.lines))

    def line(self, line: Line) -> str:
        """What a line says of its node, and where it stands."""
        record = line.record
        match line.kind:
            case "dropped prompt":
                row = f"{record.get('file')}:{record.get('line')}"
                said = f"dropped, {record.get('reason')}, a row of {row}: "
            case "dropped pair" | "dropped judgment" | "dropped preference":
                said = f"dropped, {record.get('reason')}: "
            case "accepted" | "picked":
                said = f"{line.kind}: "
            case "vote":
                said = f"rewards {details_of_vote(record)}: "
            case "source row":
                said = "source row: "
            case "release row":
                said = f"row {record.get('row')}, {record.get('release_id')}: "
            case "outcome":
                protocol = self.protocol_of(line.file)
                said = f"outcome {record.get('accuracy')} under {protocol}: "
            case _:
                said = ""
        into = ", ".join(self.comparisons().get(line.file, ()))
        return said + line.place + (f" (in {into})" if into else "")

    def title(self, node: Node, role: str, lines: Iterable[Line]) -> str:
        """What a node is, in one line."""
        name = "altered response" if node.kind == "altered" else node.kind
        records = [line.record for line in lines if is_record(line)]
        is_bare = node.kind != "image" and not records
        said = "(no record of its own)" if is_bare else ""
        said = DETAILS[node.kind](records[0]) if records else said
        return f"{role} {name} {one_line(node.id)} {said}".strip()


def details_of_pair(record: dict[str, Any]) -> str:
    """What a pair compares, and why one side is held better."""
    why = [record.get("origin"), record.get("category")]
    if record.get("num_votes") is not None:
        why.append(f"{record['num_votes']} votes to {record.get('num_votes_rejected')}")
    said = ", ".join(str(one) for one in why if one)
    return f"{said}: {quote(record.get('chosen'))} over {quote(record.get('rejected'))}"


def details_of_vote(record: dict[str, Any]) -> str:
    """What each rater gives a candidate; "-" where its rating is unparsed."""
    pairs = zip(record.get("raters", ()), record.get("rewards", ()), strict=False)
    given = (f"{name} {'-' if reward is None else reward}" for name, reward in pairs)
    return ", ".join(given) or "of nobody"


def details_of_preference(record: dict[str, Any]) -> str:
    """Who learns from a preference, what both texts are worth, and what they say."""
    texts = (quote(record[side][-1]["content"][0]["text"]) for side in SIDES)
    worth = [record.get(f"reward_{side}") for side in SIDES]
    drawn = None in worth
    why = "drawn" if drawn else f"rewards {worth[0]} to {worth[1]}"
    return f"for {record.get('for_member') or 'all'}, {why}: {' over '.join(texts)}"


DETAILS: dict[str, Callable[[dict[str, Any]], str]] = {
    "image": lambda record: "",
    "prompt": lambda record: (
        f"{record.get('kind')}, of {record.get('source')}: "
        f"{quote(record.get('question'))}"
    ),
    "response": lambda record: (
        f"sample {record.get('sample')}: {quote(record.get('text'))}"
    ),
    "altered": lambda record: f"{record.get('category')}: {quote(record.get('text'))}",
    "pair": details_of_pair,
    "candidate": lambda record: (
        f"of {', '.join(record.get('members', ()))}: {quote(record.get('text'))}"
    ),
    "rating": lambda record: f"of {record.get('member')}: {quote(record.get('text'))}",
    "preference": details_of_preference,
    "judgment": lambda record: (
        f"{record.get('order')}, sample {record.get('sample')}: "
        f"{quote(record.get('text'))}"
    ),
}


def one_line(text: str) -> str:
    """A text without line ends and without characters that act."""
    return show_controls(" ".join(text.split()))


def quote(text: object) -> str:
    """The start of a text, in quotes, in one line."""
    start, num_cut = cut_text(" ".join(str(text).split()), MOST_CHARACTERS)
    return f'"{show_controls(start)}{"..." if num_cut else ""}"'


def clip_list(entries: Sequence[str], most: int) -> list[str]:
    """The first entries, and how many more there are."""
    more = len(entries) - most
    return [*entries[:most], *([f"and {more} more"] if more > 0 else [])]


def indent(lines: Iterable[str]) -> Iterator[str]:
    """The lines, a step to the right."""
    return (f"  {line}" for line in lines)
