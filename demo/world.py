"""The embedded world: coloured shapes on a 3 x 3 grid, and what can be said of them.

Everything is drawn from rules, so the truth is known: scenes, their pictures,
questions with gold answers, descriptions, and descriptions with known errors.
Pure: no files, no global random numbers.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from random import Random
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Rgb = tuple[int, int, int]
Picture = NDArray[np.uint8]
AnswerFormat = Literal["number", "choice", "yes_no", "phrase"]
Category = Literal["object", "attribute", "spatial"]

COLORS: dict[str, Rgb] = {
    "red": (215, 50, 45),
    "green": (50, 165, 70),
    "blue": (50, 85, 210),
    "yellow": (225, 205, 55),
    "purple": (135, 60, 175),
    "orange": (230, 130, 40),
}
COLOR_NAMES = tuple(COLORS)
KINDS = ("circle", "square", "triangle", "star", "cross")
CELLS = (
    *("top-left", "top", "top-right"),
    *("left", "center", "right"),
    *("bottom-left", "bottom", "bottom-right"),
)
CATEGORIES: tuple[Category, ...] = ("object", "attribute", "spatial")
IMAGE_SIZE, CELL_SIZE = 72, 24
MAX_OBJECTS = 4

OPEN_QUESTIONS = ("Describe the image.", "What does the image show?")
FAMILIES = (
    *("count_kind", "count_color", "total", "at", "color"),
    *("where", "exists", "relation", "compare", "choice"),
)


class Thing(NamedTuple):
    """One shape: its cell (0 to 8, by rows), kind, colour, and whether it is big."""

    cell: int
    kind: str
    color: str
    big: bool

    @property
    def phrase(self) -> str:
        """What it is, as in "red circle"."""
        return f"{self.color} {self.kind}"

    @property
    def claim(self) -> str:
        """What it is and where, as in "red circle top-left"."""
        return f"{self.phrase} {CELLS[self.cell]}"


Scene = tuple[Thing, ...]


class Question(NamedTuple):
    """A closed question about a scene, with its gold answer."""

    family: str
    text: str
    answer: str
    answer_format: AnswerFormat


def in_order(things: Sequence[Thing]) -> Scene:
    """A scene of these things, sorted by cell."""
    return tuple(sorted(things))


def sample_scene(rng: Random, sizes: Sequence[int] = (2, 3, 3, 4)) -> Scene:
    """A random scene of one of the sizes; few kinds and colours, so that they recur."""
    cells = rng.sample(range(9), rng.choice(sizes))
    kinds = rng.sample(KINDS, rng.randint(2, 3))
    colors = rng.sample(COLOR_NAMES, rng.randint(2, 4))
    things = [
        Thing(cell, rng.choice(kinds), rng.choice(colors), rng.random() < 0.5)
        for cell in cells
    ]
    return in_order(things)


# ---------------------------------------------------------------- the renderer


def render(scene: Scene, rng: Random) -> Picture:
    """The picture of a scene, (72, 72, 3); shade, hue, size and place vary."""
    grey = rng.randint(225, 250)
    image = Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE), (grey, grey, grey))
    draw = ImageDraw.Draw(image)
    for thing in scene:
        row, column = divmod(thing.cell, 3)
        radius = rng.uniform(7.5, 9.5) if thing.big else rng.uniform(4.5, 6.0)
        slack = 0.7 * (CELL_SIZE / 2 - radius - 0.8)
        x = (column + 0.5) * CELL_SIZE + rng.uniform(-slack, slack)
        y = (row + 0.5) * CELL_SIZE + rng.uniform(-slack, slack)
        draw_shape(draw, thing.kind, x, y, radius, shade(COLORS[thing.color], rng))
    return np.asarray(image, dtype=np.uint8)


def shade(color: Rgb, rng: Random, spread: float = 20.0) -> Rgb:
    """A colour near ``color``; neighbours such as red and orange may meet."""
    red, green, blue = (
        min(255, max(0, round(value + rng.gauss(0, spread)))) for value in color
    )
    return red, green, blue


def draw_shape(
    draw: ImageDraw.ImageDraw, kind: str, x: float, y: float, r: float, color: Rgb
) -> None:
    """Paint one shape with centre (x, y) and radius r."""
    if kind == "circle":
        draw.ellipse([x - r, y - r, x + r, y + r], fill=color)
    elif kind == "square":
        s = 0.88 * r
        draw.rectangle([x - s, y - s, x + s, y + s], fill=color)
    elif kind == "triangle":
        foot = y + 0.85 * r
        draw.polygon([(x, y - r), (x - r, foot), (x + r, foot)], fill=color)
    elif kind == "star":
        tips = [
            (reach * math.sin(i * math.pi / 5), reach * math.cos(i * math.pi / 5))
            for i in range(10)
            for reach in [r if i % 2 == 0 else 0.42 * r]
        ]
        draw.polygon([(x + dx, y - dy) for dx, dy in tips], fill=color)
    else:
        t = 0.34 * r
        draw.rectangle([x - r, y - t, x + r, y + t], fill=color)
        draw.rectangle([x - t, y - r, x + t, y + r], fill=color)


# ------------------------------------------------------------ texts and errors


def describe(scene: Sequence[Thing]) -> str:
    """The description: one short sentence a thing, by cell; "Nothing." if empty."""
    return " ".join(f"{thing.claim}." for thing in in_order(scene)) or "nothing."


def split_claims(text: str) -> list[str]:
    """The sentences of a response, without full stops."""
    return [part.strip() for part in text.split(".") if part.strip()]


def plural(kind: str) -> str:
    """The plural of a kind."""
    return "crosses" if kind == "cross" else f"{kind}s"


def other(options: Sequence[str], than: str, rng: Random) -> str:
    """One of the options that differs from ``than``."""
    return rng.choice([option for option in options if option != than])


def free_cells(scene: Scene) -> list[int]:
    """The cells that hold nothing."""
    taken = {thing.cell for thing in scene}
    return [cell for cell in range(9) if cell not in taken]


def alter_scene(scene: Scene, category: Category, rng: Random) -> Scene:
    """The scene with one injected error: a kind, a colour or a cell is wrong."""
    things = list(scene)
    place = rng.randrange(len(things))
    thing = things[place]
    if category == "object":
        things[place] = thing._replace(kind=other(KINDS, thing.kind, rng))
    elif category == "attribute":
        things[place] = thing._replace(color=other(COLOR_NAMES, thing.color, rng))
    else:
        things[place] = thing._replace(cell=rng.choice(free_cells(scene)))
    return in_order(things)


def drop_things(scene: Scene, number: int, rng: Random) -> Scene:
    """The scene without ``number`` of its things."""
    return in_order(rng.sample(scene, len(scene) - number))


def add_thing(scene: Scene, rng: Random) -> Scene:
    """The scene with one thing more, which the picture does not show."""
    cell = rng.choice(free_cells(scene))
    new = Thing(cell, rng.choice(KINDS), rng.choice(COLOR_NAMES), True)
    return in_order([*scene, new])


def swap_features(scene: Scene, rng: Random) -> Scene | None:
    """The scene with colours or kinds of two things exchanged; None if all agree."""
    field = rng.choice(["color", "kind"])
    pairs = [
        (i, j)
        for i in range(len(scene))
        for j in range(i)
        if getattr(scene[i], field) != getattr(scene[j], field)
    ]
    if not pairs:
        return None
    i, j = rng.choice(pairs)
    things = list(scene)
    things[i] = scene[i]._replace(**{field: getattr(scene[j], field)})
    things[j] = scene[j]._replace(**{field: getattr(scene[i], field)})
    return in_order(things)


# ------------------------------------------------------------------- questions


def sole(scene: Scene, key: Callable[[Thing], str]) -> list[Thing]:
    """The things whose key no other thing of the scene shares."""
    keys = [key(thing) for thing in scene]
    return [thing for thing in scene if keys.count(key(thing)) == 1]


def ask(scene: Scene, family: str, rng: Random) -> Question | None:
    """A question of the family about the scene, or None if it allows none."""
    found = ASKERS[family](scene, rng)
    if found is None:
        return None
    text, answer = found
    return Question(family, text, answer, ANSWER_FORMATS[family])


def ask_any(scene: Scene, families: Sequence[str], rng: Random) -> Question:
    """A question of a random family that the scene allows ("total" always is)."""
    for family in rng.sample(families, len(families)):
        if question := ask(scene, family, rng):
            return question
    return ask_any(scene, ("total",), rng)


def ask_count_kind(scene: Scene, rng: Random) -> tuple[str, str]:
    """How many things of a kind; the kind is mostly one that is there."""
    kind = rng.choice(scene).kind if rng.random() < 0.75 else rng.choice(KINDS)
    number = sum(thing.kind == kind for thing in scene)
    return f"How many {plural(kind)} are there?", str(number)


def ask_count_color(scene: Scene, rng: Random) -> tuple[str, str]:
    """How many things of a colour; the colour is mostly one that is there."""
    known = rng.random() < 0.75
    color = rng.choice(scene).color if known else rng.choice(COLOR_NAMES)
    number = sum(thing.color == color for thing in scene)
    return f"How many {color} shapes are there?", str(number)


def ask_total(scene: Scene, rng: Random) -> tuple[str, str]:
    """How many things in all."""
    return "How many shapes are there?", str(len(scene))


def ask_at(scene: Scene, rng: Random) -> tuple[str, str]:
    """What a cell holds; sometimes nothing."""
    if rng.random() < 0.8:
        thing = rng.choice(scene)
        return f"What is at {CELLS[thing.cell]}?", thing.phrase
    return f"What is at {CELLS[rng.choice(free_cells(scene))]}?", "nothing"


def ask_color(scene: Scene, rng: Random) -> tuple[str, str] | None:
    """The colour of the only thing of a kind."""
    if not (things := sole(scene, lambda thing: thing.kind)):
        return None
    thing = rng.choice(things)
    return f"What color is the {thing.kind}?", thing.color


def ask_choice(scene: Scene, rng: Random) -> tuple[str, str] | None:
    """The same with two options, answered by a letter."""
    if (found := ask_color(scene, rng)) is None:
        return None
    text, color = found
    options = rng.sample([color, other(COLOR_NAMES, color, rng)], 2)
    return f"{text} (a) {options[0]} (b) {options[1]}", "ab"[options.index(color)]


def ask_where(scene: Scene, rng: Random) -> tuple[str, str] | None:
    """The cell of a thing that is the only one of its kind and colour."""
    if not (things := sole(scene, lambda thing: thing.phrase)):
        return None
    thing = rng.choice(things)
    return f"Where is the {thing.phrase}?", CELLS[thing.cell]


def ask_exists(scene: Scene, rng: Random) -> tuple[str, str]:
    """Whether there is a thing of a kind and colour."""
    color, kind = rng.choice(scene).color, rng.choice(scene).kind
    if rng.random() < 0.45:
        _, kind, color, _ = rng.choice(scene)
    elif rng.random() < 0.4:
        color, kind = rng.choice(COLOR_NAMES), rng.choice(KINDS)
    exists = any((thing.color, thing.kind) == (color, kind) for thing in scene)
    return f"Is there a {color} {kind}?", "yes" if exists else "no"


def ask_relation(scene: Scene, rng: Random) -> tuple[str, str] | None:
    """Whether a thing is left of, or above, another."""
    things = sole(scene, lambda thing: thing.phrase)
    if len(things) < 2:
        return None
    first, second = rng.sample(things, 2)
    (row, column), (other_row, other_column) = (
        divmod(thing.cell, 3) for thing in (first, second)
    )
    word, here, there = rng.choice(
        [("left of", column, other_column), ("above", row, other_row)]
    )
    if here == there:
        return None
    answer = "yes" if here < there else "no"
    return f"Is the {first.phrase} {word} the {second.phrase}?", answer


def ask_compare(scene: Scene, rng: Random) -> tuple[str, str] | None:
    """Whether there are more things of one kind than of another."""
    kinds = sorted({thing.kind for thing in scene})
    if len(kinds) < 2:
        return None
    first, second = rng.sample(kinds, 2)
    counts = [sum(thing.kind == kind for thing in scene) for kind in (first, second)]
    if counts[0] == counts[1] and rng.random() < 0.6:
        return None
    answer = "yes" if counts[0] > counts[1] else "no"
    return f"Are there more {plural(first)} than {plural(second)}?", answer


def ask_more(scene: Scene, rng: Random) -> tuple[str, str] | None:
    """The same of counts that differ, so that either answer is as likely."""
    kinds = Counter(thing.kind for thing in scene)
    pairs = [
        (first, second)
        for first, second in permutations(sorted(kinds), 2)
        if kinds[first] != kinds[second]
    ]
    if not pairs:
        return None
    first, second = rng.choice(pairs)
    answer = "yes" if kinds[first] > kinds[second] else "no"
    return f"Are there more {plural(first)} than {plural(second)}?", answer


ASKERS: dict[str, Callable[[Scene, Random], tuple[str, str] | None]] = {
    "count_kind": ask_count_kind,
    "count_color": ask_count_color,
    "total": ask_total,
    "at": ask_at,
    "color": ask_color,
    "where": ask_where,
    "exists": ask_exists,
    "relation": ask_relation,
    "compare": ask_compare,
    "more": ask_more,
    "choice": ask_choice,
}
ANSWER_FORMATS: dict[str, AnswerFormat] = {
    "count_kind": "number",
    "count_color": "number",
    "total": "number",
    "at": "phrase",
    "color": "phrase",
    "where": "phrase",
    "exists": "yes_no",
    "relation": "yes_no",
    "compare": "yes_no",
    "more": "yes_no",
    "choice": "choice",
}


def wrong_answer(question: Question, rng: Random) -> str:
    """A false answer of the same form as the gold one; numbers are off by one."""
    answer = question.answer
    if question.answer_format == "number":
        near = [int(answer) - 1, int(answer) + 1]
        return str(rng.choice([n for n in near if 0 <= n <= MAX_OBJECTS + 1]))
    if question.answer_format == "yes_no":
        return "no" if answer == "yes" else "yes"
    if question.answer_format == "choice":
        return other("ab", answer, rng)
    if answer in COLORS:
        return other(COLOR_NAMES, answer, rng)
    if answer in CELLS:
        return other(CELLS, answer, rng)
    if answer == "nothing":
        return f"{rng.choice(COLOR_NAMES)} {rng.choice(KINDS)}"
    color, kind = answer.split()
    if rng.random() < 0.1:
        return "nothing"
    if rng.random() < 0.5:
        return f"{other(COLOR_NAMES, color, rng)} {kind}"
    return f"{color} {other(KINDS, kind, rng)}"
