"""Images as models want them, and the reasons why a file is not one."""

import hashlib
import math
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from selfjudge.ground.lines import writing

ImageReason = Literal[
    "bad_image_path",
    "image_outside_root",
    "missing_image",
    "empty_image",
    "oversized_image",
    "odd_shape_image",
    "unreadable_image",
]
# The longer side over the shorter.  Qwen's processors refuse more than 200, and no
# model sees anything in a strip of that kind.
MAX_SIDE_RATIO = 100
TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange width and height

# Our own limit, named in config, is checked from the header before any pixel is
# decoded; Pillow's would turn into warnings and a second, hidden limit.
Image.MAX_IMAGE_PIXELS = None


def open_rgb(path: str | Path, max_pixels: int | None = None) -> Image.Image:
    """The image at a path, decoded in full, as RGB, in at most ``max_pixels``.

    CMYK, palette, grey and 16-bit images are converted; transparent pixels are
    laid on white; a turned photo is set upright.  One of more pixels is scaled
    down with its shape kept; None sets no limit.  Raises OSError on a file that
    Pillow cannot decode.
    """
    with Image.open(path) as stored:
        full = upright_size(stored)
        size = fit_size(full, max_pixels)
        if size != full:
            # A JPEG is decoded at the least halving of its size that is no smaller.
            # Either side may be the width as it is stored.
            stored.draft(None, (max(size), max(size)))
        # Phones store photos lying down, with a note which way is up.
        image = to_rgb(ImageOps.exif_transpose(stored))
    if size == full:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode in RGB, transparent pixels on white."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow clips 16-bit grey at 255 when converting; scale it instead.
        grey = image.convert("I").point(lambda value: value * (1 / 256))
        return grey.convert("L").convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def fit_size(size: tuple[int, int], max_pixels: int | None) -> tuple[int, int]:
    """Width and height of at most ``max_pixels`` in all, the shape kept."""
    width, height = size
    if max_pixels is None or width * height <= max_pixels:
        return size
    scale = math.sqrt(max_pixels / (width * height))
    width, height = max(1, int(width * scale)), max(1, int(height * scale))
    # Only a side of one pixel, which could not shrink, leaves too much to the other.
    width = min(width, max(1, max_pixels // height))
    return width, min(height, max_pixels // width)


def shown_size(path: str | Path, max_pixels: int | None) -> tuple[int, int]:
    """Width and height that `open_rgb` gives, from the file's header alone."""
    with Image.open(path) as stored:
        return fit_size(upright_size(stored), max_pixels)


def upright_size(stored: Image.Image) -> tuple[int, int]:
    """Width and height of a stored image once it is set upright."""
    width, height = stored.size
    is_turned = stored.getexif().get(ExifTags.Base.Orientation) in TURNED
    return (height, width) if is_turned else (width, height)


def check_image(
    root: Path, name: str, max_pixels: int, formats: tuple[str, ...] | None = None
) -> ImageReason | str:
    """Why ``root / name`` cannot be used, or else the mode of the readable image.

    ``formats`` are those that are tried, as Pillow names them; None: all.  A mode is
    one of Pillow's ("RGB", "CMYK", "P", ...) and so never a reason.
    A path that leaves the root, by ``..`` or by a link, is refused unopened.
    """
    if not name or "\0" in name or Path(name).is_absolute():
        return "bad_image_path"
    path = Path(os.path.realpath(root / name))
    if not path.is_relative_to(os.path.realpath(root)):
        return "image_outside_root"
    try:
        if not path.is_file():
            return "missing_image"
        if path.stat().st_size == 0:
            return "empty_image"
        with Image.open(path, formats=formats) as image:
            if image.width * image.height > max_pixels:
                return "oversized_image"
            if max(image.size) > MAX_SIDE_RATIO * min(image.size):
                return "odd_shape_image"
            image.load()
            return image.mode
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        # Pillow raises all four on broken files, by format.
        return "unreadable_image"


def iter_files(root: Path) -> Iterator[Path]:
    """Every file below a folder, in a fixed order.

    A link to a folder stands for itself, and is not followed: it may lead out, or in a
    circle.
    """
    for folder, folders, names in os.walk(root):
        folders.sort()
        linked = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*names, *linked]):
            yield Path(folder, name)


GREY = (128, 128, 128)


def write_grey(size: tuple[int, int], folder: Path) -> str:
    """The name below the folder of a flat grey image of this width and height."""
    return write_image(Image.new("RGB", size, GREY), folder, "PNG")


def write_image(image: Image.Image, folder: Path, kind: str, **options: int) -> str:
    """The name below the folder of an image that is written there, by its content.

    ``kind`` and ``options`` are Pillow's format and what it saves by.
    """
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return store_bytes(buffer.getvalue(), folder, kind.lower())


def store_bytes(content: bytes, folder: Path, suffix: str, num_digits: int = 64) -> str:
    """The name below the folder of a file of these bytes, written unless it is there.

    It is so many digits of their sha256, spread over folders of two: 100,000 files in
    one slow down network file systems.
    """
    digest = hashlib.sha256(content).hexdigest()[:num_digits]
    name = f"{digest[:2]}/{digest}.{suffix}"
    if not (folder / name).exists():
        with writing(folder / name) as file:
            file.write(content)
    return name


def format_of(content: bytes) -> str | None:
    """The format of an image, such as png; None where the bytes are no image."""
    try:
        with Image.open(BytesIO(content)) as image:
            return (image.format or "bin").lower()
    except (OSError, SyntaxError, ValueError):
        return None
