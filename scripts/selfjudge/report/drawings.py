"""Charts to SVG that needs nothing else: no style sheet, script, font or network.

Text is text, and colours are presentation attributes.  Text and axes have the
colour of their surroundings (``currentColor``; dark on white in a file of its
own).  A page gives a drawing its own colours by ``svg.plot {color: inherit}`` and
``.plot-background {fill: none}``.
"""

from typing import Any
from xml.etree import ElementTree

import vl_convert

Spec = dict[str, Any]

VEGA_LITE = "6.4"
SVG = "http://www.w3.org/2000/svg"
# A plot is as wide as a phone's page, so that its text is not scaled down much.
WIDTH = 460
FONT = 12
CONFIG: Spec = {
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "currentColor",
        "tickColor": "currentColor",
        "gridColor": "currentColor",
        "gridOpacity": 0.15,
        "domainOpacity": 0.5,
        "tickOpacity": 0.5,
        "labelFontSize": FONT,
        "titleFontSize": FONT,
        "titleFontWeight": "normal",
        "labelLimit": 230,
    },
    "header": {
        "labelColor": "currentColor",
        "labelFontSize": FONT + 1,
        "labelFontWeight": "bold",
        "labelAnchor": "start",
        "labelLimit": 300,
        "labelPadding": 4,
        "title": None,
    },
    "legend": {
        "labelColor": "currentColor",
        "labelFontSize": FONT,
        "labelLimit": 200,
        "title": None,
        "orient": "top",
        "direction": "horizontal",
        "columns": 2,
        "symbolSize": 60,
        "symbolStrokeWidth": 0,
        "symbolOpacity": 1,
    },
}


def render(spec: Spec, name: str, title: str, description: str) -> str:
    """The drawing as SVG: the same bytes for the same specification.

    ``name`` keeps its ids apart from those of other drawings on a page.
    """
    drawn = vl_convert.vegalite_to_svg(
        {"config": CONFIG} | spec, vl_version=VEGA_LITE, allowed_base_urls=[]
    )
    return finish(ElementTree.fromstring(drawn), name, title, description)


def finish(root: ElementTree.Element, name: str, title: str, description: str) -> str:
    """The drawing as text, with what a reader who does not see it is told."""
    for element in root.iter():
        for key in list(element.attrib):
            if key == "role" or key.startswith("aria-"):
                del element.attrib[key]  # the table beside it says it better
            elif key == "id":
                element.set(key, f"{name}-{element.get(key)}")
            elif "url(#" in element.attrib[key]:
                value = element.attrib[key].replace("url(#", f"url(#{name}-")
                element.set(key, value)
    root.attrib |= {
        "class": "plot",
        "id": name,
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-description",
        "color": "#222222",
    }
    size = {"width": "100%", "height": "100%", "fill": "#ffffff"}
    background = ElementTree.Element(
        f"{{{SVG}}}rect", {"class": "plot-background"} | size
    )
    root.insert(0, background)
    for text, kind in ((description, "description"), (title, "title")):
        tag = "desc" if kind == "description" else kind
        told = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{kind}"})
        told.text = text
        root.insert(0, told)
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
