"""Small copies of images, as text that a page can hold."""

import base64
import os
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from selfjudge.ground.images import open_rgb

QUALITY = 70


def make_thumbnail(root: Path, name: str, pixels: int, max_pixels: int) -> str | None:
    """An image at most ``pixels`` wide and high as a data URI of WebP.

    None where ``root / name`` leaves the root, is missing, has more than
    ``max_pixels`` or cannot be decoded.  Small images keep their size.
    """
    if "\0" in name:
        return None
    path = Path(os.path.realpath(root / name))
    if not path.is_relative_to(os.path.realpath(root)):
        return None
    try:
        image = open_reduced(path, pixels, max_pixels)
    except (OSError, SyntaxError, ValueError):
        # Pillow raises all three on broken files, by format.
        return None
    if image is None:
        return None
    image.thumbnail((pixels, pixels))
    content = BytesIO()
    image.save(content, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()


def open_reduced(path: Path, pixels: int, max_pixels: int) -> Image.Image | None:
    """An image as RGB; a JPEG decoded at a fraction of its size, which is quick.

    None if it has more than ``max_pixels``.
    """
    with Image.open(path) as stored:
        if stored.width * stored.height > max_pixels:
            return None
        if stored.format == "JPEG":
            stored.draft("RGB", (2 * pixels, 2 * pixels))
            return ImageOps.exif_transpose(stored).convert("RGB")
    return open_rgb(path)
