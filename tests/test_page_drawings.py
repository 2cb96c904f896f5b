import pytest

from selfjudge.report.page_drawings import read_drawing

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
)


def test_shapes_and_texts_become_markup() -> None:
    """Escapes stay escapes; what is before the root, and comments, are gone."""
    content = (
        f'<?xml version="1.0"?><!-- a --><!DOCTYPE svg>{HEAD} class="plot">'
        '<g clip-path="url(#c)"><text x="1">a &lt;b&gt; &amp; c</text></g></svg>'
    )
    assert read_drawing(content.encode()).markup == (
        '<svg xmlns="http://www.w3.org/2000/svg" class="plot">'
        '<g clip-path="url(#c)"><text x="1">a &lt;b&gt; &amp; c</text></g></svg>'
    )


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param("<script>1</script>", id="script"),
        pytest.param('<g onload="x"/>', id="handler"),
        pytest.param('<a xlink:href="https://e.org"><text/></a>', id="link"),
        pytest.param('<image href="https://e.org/x.png"/>', id="image"),
        pytest.param("<style>g{fill:red}</style>", id="style"),
        pytest.param('<g style="fill:red"/>', id="style-attribute"),
        pytest.param('<g fill="url(https://e.org/x#y)"/>', id="outside"),
        pytest.param("<foreignObject/>", id="foreign"),
        pytest.param('<p xmlns="http://www.w3.org/1999/xhtml"/>', id="html"),
    ],
)
def test_anything_else_is_an_image_of_its_own(inside: str) -> None:
    """In an image nothing runs, loads or alters the page."""
    drawing = read_drawing(f"{HEAD}>{inside}</svg>".encode())
    assert drawing.markup is None
    assert str(drawing.address).startswith("data:image/svg+xml;base64,")


def test_what_is_no_svg_is_refused() -> None:
    """A broken file is an error, not an empty figure."""
    with pytest.raises(ValueError, match="a drawing must be SVG"):
        read_drawing(b"<svg")
