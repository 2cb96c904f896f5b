"""Drawings as a page may hold them: shapes and texts, nothing that acts or loads."""

import base64
import re
from typing import NamedTuple
from xml.etree import ElementTree

SVG = "http://www.w3.org/2000/svg"
SHAPES = frozenset(
    "svg g path rect line circle ellipse polygon polyline text tspan title desc defs "
    "clipPath linearGradient radialGradient stop".split()
)
# A reference within the drawing: url(#clip).
WITHIN = re.compile(r"(?:url\(#[\w.-]+\)|#[\w.-]+)\Z")
ElementTree.register_namespace("", SVG)


class Drawing(NamedTuple):
    """A drawing as markup, or if it is not of shapes alone, as an image's address."""

    markup: str | None
    address: str | None


def read_drawing(content: bytes) -> Drawing:
    """An SVG file as a page holds it.

    Shapes and texts become part of the page and take its colours.  Any other
    drawing becomes an image of its own, in which nothing runs or loads.
    """
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ValueError(f"a drawing must be SVG ({error})") from None
    if root.tag == f"{{{SVG}}}svg" and all(map(is_shape, root.iter())):
        return Drawing(ElementTree.tostring(root, encoding="unicode"), None)
    encoded = base64.b64encode(content).decode()
    return Drawing(None, f"data:image/svg+xml;base64,{encoded}")


def is_shape(element: ElementTree.Element) -> bool:
    """Whether an element only draws: no script, link, style or reference outside."""
    namespace, _, name = element.tag.removeprefix("{").partition("}")
    return (
        namespace == SVG
        and name in SHAPES
        and all(is_plain(key, value) for key, value in element.items())
    )


def is_plain(name: str, value: str) -> bool:
    """Whether an attribute only says how to draw."""
    if name.startswith(("on", "{")) or name in ("style", "href"):
        return False
    return "url(" not in value or WITHIN.match(value) is not None
