"""The graph of a workflow's rules: which rule's files another one reads."""

import re
from typing import Any, NamedTuple

from selfjudge.report.charts import COLORS
from selfjudge.report.drawings import FONT, WIDTH, Spec

NODE = re.compile(r'^\s*(\d+)\[label = "([^"\\]*)', re.MULTILINE)
EDGE = re.compile(r"^\s*(\d+) -> (\d+)", re.MULTILINE)
LAST = "all"  # only collects targets
NAME_WIDTH = 6.5  # of the longest name, in heights of a line


class Rules(NamedTuple):
    """Rules in an order in which data flows, and who reads whose files."""

    names: list[str]
    edges: list[tuple[str, str]]

    def table(self) -> list[dict[str, Any]]:
        """A row for each edge; one that leads back is to the next iteration."""
        place = {name: at for at, name in enumerate(self.names)}
        return [
            {"from": one, "to": other, "next_iteration": place[one] >= place[other]}
            for one, other in sorted(
                self.edges, key=lambda edge: (place[edge[0]], place[edge[1]])
            )
        ]


def read_rules(dot: str) -> Rules:
    """The rules of a graph in DOT, as `--rulegraph` prints it.

    The loop over iterations makes circles of rules: the order is that in which the
    rules are needed, searched from those whose files no other reads, so that what
    leads back is what an iteration takes from the one before.
    """
    names = {number: name for number, name in NODE.findall(dot) if name != LAST}
    edges = {
        (names[one], names[other])
        for one, other in EDGE.findall(dot)
        if one in names and other in names
    }
    needs: dict[str, list[str]] = {name: [] for name in sorted(names.values())}
    for one, other in sorted(edges):
        needs[other].append(one)
    read = {one for one, other in edges if one != other}
    order: list[str] = []
    for name in [*(name for name in needs if name not in read), *needs]:
        visit(name, needs, set(), order)
    return Rules(order, sorted(edges))


def visit(
    name: str, needs: dict[str, list[str]], on_way: set[str], order: list[str]
) -> None:
    """Append a rule to ``order`` once everything that it needs is there."""
    if name in order or name in on_way:
        return
    on_way.add(name)
    for other in needs[name]:
        visit(other, needs, on_way, order)
    order.append(name)


def draw_rules(rules: Rules) -> Spec:
    """The rules below each other, joined by arcs: down on the right, back on the left.

    A rule that reads its own files, of another iteration or filter, has no arc.
    """
    place = {name: at for at, name in enumerate(rules.names)}
    points = [
        point
        for one, other in rules.edges
        if one != other
        for point in arc(f"{one} {other}", place[one], place[other])
    ]
    reach = max([abs(point["x"]) for point in points], default=1.0)
    # Names are written from 0 on, and arcs that go down start where they end.
    for point in points:
        point["x"] += 0 if point["back"] else NAME_WIDTH
    x: Spec = {"field": "x", "type": "quantitative", "axis": None}
    x["scale"] = {"domain": [-reach / 2, NAME_WIDTH + reach], "nice": False}
    y: Spec = {"field": "y", "type": "quantitative", "axis": None}
    y["scale"] = {"domain": [len(place) - 0.4, -0.6], "nice": False}
    names = [{"name": name, "x": 0.2, "y": at} for name, at in place.items()]
    back = {"field": "back", "type": "nominal", "legend": None}
    colors = {"domain": [False, True], "range": list(COLORS[:2])}
    dashes = {"domain": [False, True], "range": [[1, 0], [4, 3]]}
    line = {"type": "line", "interpolate": "basis", "strokeWidth": 1.3}
    text = {"type": "text", "align": "left", "color": "currentColor", "fontSize": FONT}
    return {
        "width": WIDTH,
        "height": 24 * len(place),
        "layer": [
            {
                "data": {"values": points},
                "mark": line,
                "encoding": {
                    "x": x,
                    "y": y,
                    "order": {"field": "at", "type": "quantitative"},
                    "detail": {"field": "edge", "type": "nominal"},
                    "color": back | {"scale": colors},
                    "strokeDash": back | {"scale": dashes},
                },
            },
            {
                "data": {"values": names},
                "mark": text,
                "encoding": {"x": x, "y": y, "text": {"field": "name"}},
            },
        ],
    }


def arc(edge: str, start: int, end: int) -> list[dict[str, Any]]:
    """The points that an arc bends around; the further it leads, the wider."""
    back = start > end
    step = -0.12 if back else 0.12  # what enters a rule stays apart from what leaves
    width = 0.4 + 0.6 * abs(end - start) ** 0.8
    bend = -width if back else width
    corners = [(0.0, start + step), (bend, start + step)]
    corners += [(bend, end - step), (0.0, end - step)]
    return [
        {"edge": edge, "back": back, "at": at, "x": x, "y": y}
        for at, (x, y) in enumerate(corners)
    ]
