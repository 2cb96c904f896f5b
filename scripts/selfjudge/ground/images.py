"""Images as models want them, and the reasons why a file is not one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError

ImageReason = Literal[
    "bad_image_path",
    "image_outside_root",
    "missing_image",
    "empty_image",
    "oversized_image",
    "unreadable_image",
]

# Our own limit, named in config, is checked from the header before any pixel is
# decoded; Pillow's would turn into warnings and a second, hidden limit.
Image.MAX_IMAGE_PIXELS = None


def open_rgb(path: str | Path) -> Image.Image:
    """The image at a path, decoded in full, as RGB.

    CMYK, palette, grey and 16-bit images are converted; transparent pixels are
    laid on white; a turned photo is set upright.  Raises OSError on a file that
    Pillow cannot decode.
    """
    with Image.open(path) as stored:
        # Phones store photos lying down, with a note which way is up.
        image = ImageOps.exif_transpose(stored)
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


def check_image(root: Path, name: str, max_pixels: int) -> ImageReason | str:
    """Why ``root / name`` cannot be used, or else the mode of the readable image.

    A mode is one of Pillow's ("RGB", "CMYK", "P", ...) and so never a reason.
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
        with Image.open(path) as image:
            if image.width * image.height > max_pixels:
                return "oversized_image"
            image.load()
            return image.mode
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        # Pillow raises all four on broken files, by format.
        return "unreadable_image"


def iter_files(root: Path) -> Iterator[Path]:
    """Every regular file below a folder, in a fixed order."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            yield Path(folder, name)
