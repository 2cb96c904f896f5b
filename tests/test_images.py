from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from examples import image_bytes
from selfjudge.ground.images import (
    check_image,
    fit_size,
    iter_files,
    open_rgb,
    shown_size,
)


def save(folder: Path, content: bytes, name: str = "x") -> Path:
    """Write an image file."""
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(image_bytes("RGB"), "RGB", id="rgb"),
        pytest.param(image_bytes("CMYK", kind="JPEG"), "CMYK", id="cmyk-jpeg"),
        pytest.param(image_bytes("P"), "P", id="palette"),
        pytest.param(image_bytes("RGBA"), "RGBA", id="rgba"),
        pytest.param(image_bytes("L", size=(1, 1)), "L", id="one-pixel"),
        pytest.param(b"", "empty_image", id="zero-bytes"),
        pytest.param(b"<html>404</html>", "unreadable_image", id="no-image"),
        pytest.param(
            image_bytes(size=(99, 99), kind="JPEG")[:-40],
            "unreadable_image",
            id="truncated-jpeg",
        ),
        pytest.param(image_bytes()[:30], "unreadable_image", id="truncated-png"),
        pytest.param(
            image_bytes("1", size=(20_000, 20_000)), "oversized_image", id="huge"
        ),
        pytest.param(image_bytes(size=(400, 4)), "RGB", id="strip"),
        pytest.param(image_bytes(size=(401, 4)), "odd_shape_image", id="thin-strip"),
        pytest.param(image_bytes(size=(1, 300)), "odd_shape_image", id="thread"),
    ],
)
def test_check_image(tmp_path: Path, content: bytes, expected: str) -> None:
    """An image has a mode, and what is none has a reason."""
    save(tmp_path, content)
    assert check_image(tmp_path, "x", max_pixels=1_000_000) == expected


@pytest.mark.parametrize(("limit", "expected"), [(12, "RGB"), (11, "oversized_image")])
def test_pixel_limit_is_inclusive(tmp_path: Path, limit: int, expected: str) -> None:
    """An image of exactly the limit is accepted."""
    save(tmp_path, image_bytes(size=(4, 3)))
    assert check_image(tmp_path, "x", max_pixels=limit) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("sub/../in.png", "RGB", id="inside"),
        pytest.param("link.png", "RGB", id="link-inside"),
        pytest.param("../out.png", "image_outside_root", id="dots"),
        pytest.param("../top/in.png", "RGB", id="dots-and-back"),
        pytest.param("out_link.png", "image_outside_root", id="link-to-file"),
        pytest.param("out_folder/out.png", "image_outside_root", id="link-to-folder"),
        pytest.param("/etc/passwd", "bad_image_path", id="absolute"),
        pytest.param("in.png\0", "bad_image_path", id="nul"),
        pytest.param("", "bad_image_path", id="empty"),
        pytest.param("no.png", "missing_image", id="missing"),
        pytest.param("dangling.png", "missing_image", id="dangling-link"),
        pytest.param("sub", "missing_image", id="folder"),
        pytest.param("x" * 5000, "unreadable_image", id="long-name"),
    ],
)
def test_paths(tmp_path: Path, name: str, expected: str) -> None:
    """What lies outside the root is refused, by whatever way."""
    root = tmp_path / "top"
    (root / "sub").mkdir(parents=True)
    save(root, image_bytes(), "in.png")
    save(tmp_path, image_bytes(), "out.png")
    (root / "link.png").symlink_to("in.png")
    (root / "out_link.png").symlink_to("../out.png")
    (root / "out_folder").symlink_to("..")
    (root / "dangling.png").symlink_to("nothing")
    assert check_image(root, name, max_pixels=1_000_000) == expected


def test_a_linked_root_is_a_root(tmp_path: Path) -> None:
    """A project may link to where its images really lie."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    save(tmp_path / "real", image_bytes())
    assert check_image(tmp_path / "link", "x", max_pixels=99) == "RGB"


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow, on broken TIFFs
@given(data=st.data())
def test_damaged_files_are_never_an_exception(tmp_path_factory, data) -> None:
    """Whatever bytes change, an image is readable or it is not."""
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]))
    content = bytearray(image_bytes(size=(24, 18), kind=kind))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    root = tmp_path_factory.mktemp("images")
    save(root, bytes(content))
    found = check_image(root, "x", max_pixels=1_000_000)
    reasons = {"unreadable_image", "oversized_image", "odd_shape_image"}
    assert found in reasons | {"RGB", "P", "L", "CMYK"} | {
        "1",
        "RGBA",
        "LA",
        "YCbCr",
        "LAB",
        "PA",
        "RGBX",
        "I",
        "F",
        "I;16",
    }


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(image_bytes("RGB", color=(9, 8, 7)), (9, 8, 7), id="rgb"),
        pytest.param(image_bytes("L", color=9), (9, 9, 9), id="grey"),
        pytest.param(image_bytes("1", color=1), (255, 255, 255), id="bilevel"),
        pytest.param(image_bytes("RGBA", color=(9, 8, 7, 0)), (255,) * 3, id="clear"),
        pytest.param(image_bytes("RGBA", color=(9, 8, 7, 255)), (9, 8, 7), id="solid"),
        pytest.param(image_bytes("LA", color=(9, 0)), (255,) * 3, id="clear-grey"),
        pytest.param(image_bytes("I;16", color=65535), (255,) * 3, id="16-bit-white"),
        pytest.param(image_bytes("I;16", color=32768), (128,) * 3, id="16-bit-grey"),
        pytest.param(
            image_bytes("CMYK", kind="TIFF", color=(0, 0, 0, 255)), (0, 0, 0), id="cmyk"
        ),
    ],
)
def test_open_rgb(tmp_path: Path, content: bytes, expected: tuple[int, ...]) -> None:
    """Every mode becomes RGB, transparent pixels white."""
    image = open_rgb(save(tmp_path, content))
    assert (image.mode, image.getpixel((0, 0))) == ("RGB", expected)


def test_open_rgb_lays_a_transparent_palette_on_white(tmp_path: Path) -> None:
    """A GIF's or PNG's transparent colour is no colour."""
    image = Image.new("P", (2, 2), 0)
    image.putpalette([9, 8, 7])
    image.save(tmp_path / "x.png", transparency=0)
    assert open_rgb(tmp_path / "x.png").getpixel((0, 0)) == (255, 255, 255)


def test_open_rgb_refuses_a_truncated_file(tmp_path: Path) -> None:
    """A half image is never shown to a model."""
    path = save(tmp_path, image_bytes(size=(99, 99), kind="JPEG")[:-40])
    with pytest.raises(OSError, match="truncated"):
        open_rgb(path)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(1, 2_000_000))
def test_a_scaled_size_fits_and_keeps_its_shape(
    width: int, height: int, limit: int
) -> None:
    """Never more pixels than allowed, none lost that need not be, sides in ratio."""
    size = fit_size((width, height), limit)
    assert fit_size(size, limit) == size
    if width * height <= limit:
        assert size == (width, height)
    elif min(size) > 1:
        assert size[0] * size[1] <= limit < (size[0] + 1) * (size[1] + 1)
        assert abs(size[0] * height - size[1] * width) <= max(width, height)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_photo_is_shown_upright_and_scaled(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    """Its header tells the size that it has; what was at the top stays there."""
    upright = Image.new("RGB", (300, 200), "white")
    upright.paste("red", (0, 0, 300, 50))
    upright.paste("blue", (0, 0, 50, 200))
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turns[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "x", kind, exif=exif)
    for limit in (None, 60_000, 6_000, 600):
        image = open_rgb(tmp_path / "x", limit)
        assert image.size == shown_size(tmp_path / "x", limit)
        assert image.size == fit_size((300, 200), limit)
        width, height = image.size
        for place, colour in (
            ((width * 2 // 3, height // 12), (254, 0, 0)),
            ((width // 12, height * 2 // 3), (0, 0, 254)),
            ((width * 2 // 3, height * 2 // 3), (255, 255, 255)),
        ):
            seen = image.getpixel(place)
            assert isinstance(seen, tuple)
            assert all(abs(a - b) < 40 for a, b in zip(seen, colour, strict=True))


def test_iter_files_has_a_fixed_order(tmp_path: Path) -> None:
    """Folders are walked alike on every machine."""
    for name in ("b.png", "a.png", "z/c.png", "y/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [path.relative_to(tmp_path).as_posix() for path in iter_files(tmp_path)]
    assert names == ["a.png", "b.png", "y/d.png", "z/c.png"]
