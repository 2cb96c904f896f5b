"""Rows to charts, as Vega-Lite specifications: small multiples of three kinds.

Colours are those of Okabe and Ito that stand 3:1 against white and against black,
and never tell anything alone: marks and dashes differ too.
"""

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any, NamedTuple

from selfjudge.pairs.filters import FILTER_NAMES, FILTERS, find_uncut
from selfjudge.report.drawings import FONT, WIDTH, Spec
from selfjudge.report.results_folder import Row

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F")
UNCUT = [name for name in FILTER_NAMES if not FILTERS[name].accepted_as_many_as]
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")
DASHES: tuple[list[int], ...] = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4])

# Where a level's label stands: the end of its line, and how far above or below it.
LABELS: dict[str, tuple[str, int]] = {
    "right": ("right", -5),
    "left": ("left", -5),
    "below": ("left", 7),
}
CLOSE = 0.12  # of what a panel spans: the line above would strike a label out


class Axis(NamedTuple):
    """An axis: its title, a format of d3, and ``zero`` if it must start at 0."""

    title: str | None
    format: str = "%"
    zero: bool = False


class Level(NamedTuple):
    """A height to compare with, drawn across every panel or one alone."""

    label: str
    value: float
    panel: str | None = None


def series_scale(kind: str, series: Sequence[str]) -> Spec:
    """The colours, shapes or dashes of named series; a filter's never change."""
    if kind == "color":
        chosen = [series_color(name, at) for at, name in enumerate(series)]
        return {"domain": list(series), "range": chosen}
    marks: Sequence[Any] = {"shape": SHAPES, "strokeDash": DASHES}[kind]
    known = list(FILTER_NAMES)
    places = [
        known.index(name) if name in known else at for at, name in enumerate(series)
    ]
    # Where they begin anew, one further: two of one colour are never of one mark.
    chosen = [marks[(place + place // len(marks)) % len(marks)] for place in places]
    return {"domain": list(series), "range": chosen}


def series_color(name: str, at: int) -> str:
    """A filter's colour, or that of a series by its place.

    A filter that is cut to a size has the colour of the one that it is otherwise; a
    control, which is otherwise none, is grey.
    """
    if name not in FILTER_NAMES:
        return COLORS[at % len(COLORS)]
    uncut = name if name in UNCUT else find_uncut(name)
    return COLORS[UNCUT.index(uncut)] if uncut else COLORS[-1]


def encode_series(kind: str, series: Sequence[str]) -> Spec:
    """The encoding of a row's series by colour, shape or dash."""
    return {
        "field": "series",
        "type": "nominal",
        "scale": series_scale(kind, series),
        "legend": {} if len(series) > 1 and kind != "strokeDash" else None,
    }


def line_panels(
    rows: Sequence[Row], x: str, y: Axis, levels: Sequence[Level] = (), columns: int = 1
) -> Spec:
    """Lines over a counted ``x``, a panel each; intervals where rows have them.

    Rows have `x`, `y`, `series`, `panel`, and may have `low` and `high`.
    Series stand side by side where they would hide each other.
    """
    series = in_order(rows, "series")
    panels = in_order(rows, "panel")
    across = {
        "field": "x",
        "type": "ordinal",
        "title": x,
        "axis": {"labelAngle": 0, "grid": False},
        "scale": {"padding": 0.25},
    }
    up = {
        "field": "y",
        "type": "quantitative",
        "title": y.title,
        "axis": {"format": y.format, "tickCount": 5},
        "scale": {"zero": y.zero},
    }
    shared = {
        "x": across,
        "xOffset": {"field": "series", "type": "nominal", "sort": series},
        "color": encode_series("color", series),
    }
    drawn = {"filter": "isValid(datum.series)"}
    layers: list[Spec] = [
        {
            "transform": [drawn],
            "mark": {"type": "line", "strokeWidth": 1.5},
            "encoding": shared
            | {"y": up, "strokeDash": encode_series("strokeDash", series)},
        },
        {
            "transform": [drawn, {"filter": "isValid(datum.low)"}],
            "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.7},
            "encoding": shared | {"y": up | {"field": "low"}, "y2": {"field": "high"}},
        },
        {
            "transform": [drawn],
            "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
            "encoding": shared | {"y": up, "shape": encode_series("shape", series)},
        },
        *level_layers(up),
    ]
    if not any(row.get("low") is not None for row in rows):
        del layers[1]
    if not levels:
        layers = layers[: -1 - len(LABELS)]
    heights = [row[key] for row in rows for key in ("y", "low", "high") if key in row]
    heights += [level.value for level in levels]
    close = CLOSE * (max(heights) - min(heights)) if heights else 0.0
    drawn_levels = level_rows(levels, panels, close)
    return panelled([*rows, *drawn_levels], panels, layers, columns)


def level_rows(
    levels: Sequence[Level], panels: Sequence[str], close: float
) -> list[Row]:
    """The rows that draw levels; those of one height share a label.

    Labels stand left and right in turn, from the lowest: where the lines of judges
    begin, controls below them leave room.  One less than ``close`` under another
    stands below its line.
    """
    labels: dict[str, dict[float, list[str]]] = {panel: {} for panel in panels}
    for level in levels:
        for panel in panels if level.panel is None else [level.panel]:
            labels.get(panel, {}).setdefault(level.value, []).append(level.label)
    found = []
    for panel, by_value in labels.items():
        values = sorted(by_value)
        turns = cycle(("left", "right"))
        for at, value in enumerate(values):
            is_close = any(above - value < close for above in values[at + 1 : at + 2])
            place = "below" if is_close else next(turns)
            label = ", ".join(by_value[value])
            found.append({"panel": panel, "level": value, place: label})
    return found


def level_layers(up: Spec) -> list[Spec]:
    """A thin line and its label for each level."""
    at = {"y": up | {"field": "level"}}
    thin = {"color": "currentColor", "opacity": 0.7}
    text = thin | {"type": "text", "fontSize": FONT - 2}
    rule: Spec = {
        "transform": [{"filter": "isValid(datum.level)"}],
        "mark": thin | {"type": "rule", "strokeDash": [1, 3]},
        "encoding": at,
    }
    return [rule] + [
        {
            "transform": [{"filter": f"isValid(datum.{place})"}],
            "mark": text
            | {"align": side, "dx": 2 if side == "left" else -2, "dy": down},
            "encoding": at
            | {
                "x": {"value": 0 if side == "left" else "width"},
                "text": {"field": place},
            },
        }
        for place, (side, down) in LABELS.items()
    ]


def bar_panels(rows: Sequence[Row], x: str, y: Axis, columns: int = 1) -> Spec:
    """Bars over a counted ``x``, a panel each; rows have `x`, `y`, `panel`."""
    layer = {
        "mark": {"type": "bar", "color": COLORS[0]},
        "encoding": {
            "x": {
                "field": "x",
                "type": "ordinal",
                "title": x,
                "axis": {"labelAngle": 0},
            },
            "y": {
                "field": "y",
                "type": "quantitative",
                "title": y.title,
                "axis": {"format": y.format, "tickCount": 4},
            },
        },
    }
    return panelled(rows, in_order(rows, "panel"), [layer], columns)


def range_panels(
    rows: Sequence[Row], x: Axis, levels: Sequence[float] = (), columns: int = 1
) -> Spec:
    """A point with its interval for each named row, panels below each other.

    Rows have `name`, `x`, `panel`, and may have `low`, `high` and `series`.
    """
    series = in_order(rows, "series")
    across = {
        "field": "x",
        "type": "quantitative",
        "title": x.title,
        "axis": {"format": x.format, "tickCount": 5, "labelOverlap": "greedy"},
        "scale": {"zero": x.zero},
    }
    along: Spec = {
        "field": "name",
        "type": "nominal",
        "title": None,
        "sort": in_order(rows, "name"),
        "axis": {"grid": True},
    }
    color: Spec = {"value": COLORS[0]}
    shape: Spec = {"value": SHAPES[0]}
    if series:
        color, shape = (encode_series(kind, series) for kind in ("color", "shape"))
    shared = {"y": along, "color": color}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "color": "currentColor", "strokeDash": [1, 3]},
            "encoding": {"x": {"datum": level, "type": "quantitative"}},
        }
        for level in levels
    ]
    layers += [
        {
            "transform": [{"filter": "isValid(datum.low)"}],
            "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.7},
            "encoding": shared
            | {"x": across | {"field": "low"}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
            "encoding": shared | {"x": across, "shape": shape},
        },
    ]
    spec = panelled(rows, in_order(rows, "panel"), layers, columns)
    spec["spec"]["height"] = {"step": 18}
    spec["spec"]["width"] = WIDTH - 220
    return spec | {"resolve": {"scale": {"y": "independent"}}}


def panelled(
    rows: Sequence[Row], panels: Sequence[str], layers: Sequence[Spec], columns: int
) -> Spec:
    """Small multiples of the same layers, at most ``columns`` beside each other."""
    columns = max(1, min(columns, len(panels)))
    return {
        "data": {"values": list(rows)},
        "facet": {"field": "panel", "type": "nominal", "sort": list(panels)},
        "columns": columns,
        "spacing": {"row": 18, "column": 14},
        "spec": {
            "width": (WIDTH - 60) // columns - 10 * (columns - 1),
            "height": 190 if columns == 1 else 130,
            "layer": list(layers),
        },
        "resolve": {"axis": {"x": "independent"}},
    }


def in_order(rows: Iterable[Row], key: str) -> list[str]:
    """The values that rows have under a key, in the order of first occurrence."""
    return list(dict.fromkeys(row[key] for row in rows if row.get(key) is not None))
