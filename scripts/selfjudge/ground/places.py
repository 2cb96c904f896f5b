"""Where in a run a file lies: iter{iteration}/{filter}/{benchmark}/{collection}.

The same folders stand below results/, results/ledgers/ and timings/, but for what a
judge was asked of all benchmarks at once: that lies in the folder of its filter.
A panel's stand apart: panel/iter{iteration}/{ballot}/{member}.
"""

import re
from pathlib import Path
from typing import NamedTuple

ITERATION = re.compile(r"iter(\d+)\Z")
# The folder of the probe, which asks a little of what iteration 1 asks.
PROBE = "probe"
# The folder of what is made of prompt sources, before iteration 1.
SOURCES = "sources"
SHARD = re.compile(r"\d+of\d+\Z")
OF_MEMBER = re.compile(r"panel/iter(\d+)/(\w+)/(\w+)/(.+)")


class Place(NamedTuple):
    """Whose work a file is; None where it serves all filters, or no benchmark."""

    iteration: int
    filter: str | None = None
    benchmark: str | None = None
    collection: str | None = None


class Located(NamedTuple):
    """A file's place, what it is called there, and which shard it is, if it is one.

    What the probe asked is a shard of iteration 1 of that name.
    """

    place: Place
    name: str
    shard: str | None


def locate(path: str) -> Located | None:
    """The place of a path without its suffix; None if it is of no iteration.

    Such as iter1/majority/vlrb/paired/judgments/1of8, or iter1/responses/1of8.
    """
    first, *parts = path.split("/")
    if first == SOURCES and len(parts) == 3:  # what was asked about a folder of images
        return Located(Place(0), parts[1], parts[2])
    if first == PROBE and len(parts) == 1:
        return Located(Place(1), parts[0], PROBE)
    match = ITERATION.match(first)
    shard = parts.pop() if parts and SHARD.match(parts[-1]) else None
    if not match or not parts:
        return None
    *folders, name = parts
    return Located(Place(int(match.group(1)), *folders[:3]), name, shard)


class MemberPlace(NamedTuple):
    """Whose work a file of a panel is, and what it is called there."""

    iteration: int
    ballot: str
    member: str
    name: str


def locate_member(path: str) -> MemberPlace | None:
    """The place of a panel's path without its suffix; None if it is of no member.

    Such as panel/iter1/peers/ada/ratings/plain/1of8, whose name is ratings/plain/1of8.
    """
    match = OF_MEMBER.fullmatch(path)
    return MemberPlace(int(match[1]), match[2], match[3], match[4]) if match else None


def iteration_folders(results: Path, last: int | None = None) -> list[tuple[int, Path]]:
    """The folders of iterations, up to ``last``, by their numbers and in that order."""
    matches = ((ITERATION.match(path.name), path) for path in results.glob("iter*"))
    found = ((int(match.group(1)), path) for match, path in matches if match)
    return sorted(item for item in found if last is None or item[0] <= last)
