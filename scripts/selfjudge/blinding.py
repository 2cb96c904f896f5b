"""Pairs as a blind judge is shown them: a control that no skill of seeing can pass."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import msgspec
from PIL import Image

from selfjudge.images import open_rgb
from selfjudge.records import Pair, writing

GREY = (128, 128, 128)


def blind_pairs(pairs: Iterable[Pair], seen: Path, blind: Path) -> Iterator[Pair]:
    """The pairs with a flat grey image in place of each of their images.

    Images below ``seen`` lend their size (a turned photo's is the upright one);
    the grey ones are written below ``blind`` under their own sha256, so that
    those of one size are one file.  Ids stay: it is the same pair, and the same
    seed, without the picture.  Raises OSError where an image cannot be read.
    """

    @cache
    def blind_name(name: str) -> str:
        return write_grey(open_rgb(seen / name).size, blind)

    for pair in pairs:
        images = tuple(blind_name(name) for name in pair.images)
        yield msgspec.structs.replace(pair, images=images)


def write_grey(size: tuple[int, int], folder: Path) -> str:
    """The name below the folder of a flat grey image of this width and height."""
    buffer = BytesIO()
    Image.new("RGB", size, GREY).save(buffer, "PNG")
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    name = f"{digest[:2]}/{digest}.png"
    if not (folder / name).exists():
        with writing(folder / name) as file:
            file.write(buffer.getvalue())
    return name
