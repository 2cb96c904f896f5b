"""What is shown in place of a pair's pictures: grey, another's, or the same a bit else.

Pictures that are made lie below one folder under their own sha256.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps

from selfjudge.ground.images import open_rgb, write_grey, write_image
from selfjudge.ground.records import Pair
from selfjudge.ground.seeds import seed_for

Shown = Literal["own", "grey", "others", "re_encoded", "mirrored"]

SMALLER = 0.9  # of width and height
JPEG_QUALITY = 85

# The names of pictures in place of a pair's own; None where the pair is left out.
Show = Callable[[Pair], tuple[str, ...] | None]


def show_own(pair: Pair) -> tuple[str, ...]:
    """The pair's own pictures."""
    return pair.images


def show_others(pairs: Sequence[Pair], seed: int) -> Show:
    """Of each pair the pictures of another one, as many; none of them its own.

    It is the next pair in seeded order that shares no picture with it.
    """
    order = sorted(pairs, key=lambda pair: seed_for(seed, "other image", pair.id))
    places = {pair.id: place for place, pair in enumerate(order)}

    def show(pair: Pair) -> tuple[str, ...] | None:
        start = places[pair.id] + 1
        for other in (*order[start:], *order[:start]):
            if set(other.images).isdisjoint(pair.images):
                number = len(other.images)
                return tuple(
                    other.images[place % number] for place in range(len(pair.images))
                )
        return None

    return show


def show_made(shown: Shown, seen: Path, folder: Path) -> Show:
    """The pair's pictures made anew: ``seen`` has them, ``folder`` gets what is made.

    Raises OSError where a picture cannot be read.
    """
    make = {"grey": grey, "re_encoded": re_encode, "mirrored": mirror}[shown]

    @cache
    def made(name: str) -> str:
        return make(open_rgb(seen / name), folder)

    return lambda pair: tuple(made(name) for name in pair.images)


def grey(image: Image.Image, folder: Path) -> str:
    """A flat grey picture of this size."""
    return write_grey(image.size, folder)


def re_encode(image: Image.Image, folder: Path) -> str:
    """The picture a little smaller, as a JPEG."""
    width, height = (max(1, round(side * SMALLER)) for side in image.size)
    smaller = image.resize((width, height), Image.Resampling.LANCZOS)
    return write_image(smaller, folder, "JPEG", quality=JPEG_QUALITY)


def mirror(image: Image.Image, folder: Path) -> str:
    """The picture with left and right exchanged."""
    return write_image(ImageOps.mirror(image), folder, "PNG")
