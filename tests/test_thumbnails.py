import base64
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from examples import image_bytes
from selfjudge.report.thumbnails import make_thumbnail

MOST = 10**7


def opened(uri: str | None) -> Image.Image:
    """The image in a data URI."""
    assert uri is not None and uri.startswith("data:image/webp;base64,")
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        pytest.param("PNG", "RGB", id="png"),
        pytest.param("PNG", "P", id="palette"),
        pytest.param("PNG", "RGBA", id="transparent"),
        pytest.param("JPEG", "RGB", id="jpeg"),
        pytest.param("JPEG", "CMYK", id="cmyk"),
        pytest.param("JPEG", "L", id="grey"),
    ],
)
def test_large_images_shrink(tmp_path: Path, kind: str, mode: str) -> None:
    """The longer side becomes what is asked for, the shape stays."""
    (tmp_path / "a").write_bytes(image_bytes(mode, (2000, 1000), kind))
    image = opened(make_thumbnail(tmp_path, "a", 200, MOST))
    assert image.size == (200, 100) and image.mode == "RGB"


def test_small_images_keep_their_size(tmp_path: Path) -> None:
    """Nothing is blown up."""
    (tmp_path / "a.png").write_bytes(image_bytes(size=(40, 30)))
    assert opened(make_thumbnail(tmp_path, "a.png", 200, MOST)).size == (40, 30)


def test_a_turned_photo_stands_upright(tmp_path: Path) -> None:
    """The note which way is up is followed, as the models' images are."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (800, 400), "red").save(tmp_path / "a.jpg", exif=exif)
    assert opened(make_thumbnail(tmp_path, "a.jpg", 200, MOST)).size == (100, 200)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("none.png", id="missing"),
        pytest.param("broken.png", id="broken"),
        pytest.param("../secret.png", id="outside"),
        pytest.param("/etc/hostname", id="absolute"),
        pytest.param("link.png", id="link-out"),
        pytest.param("a\0.png", id="nul"),
        pytest.param("x" * 5000, id="long-name"),
        pytest.param("large.png", id="too-many-pixels"),
        pytest.param(".", id="folder"),
    ],
)
def test_what_cannot_be_shown_is_none(tmp_path: Path, name: str) -> None:
    """A bad name or file costs a thumbnail, not the page."""
    root = tmp_path / "images"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(image_bytes())
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "broken.png").write_bytes(image_bytes()[:40])
    (root / "large.png").write_bytes(image_bytes(size=(101, 100)))
    assert make_thumbnail(root, name, 200, 10_000) is None
