"""Image files of users: those that can be used, and why others cannot."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from PIL import Image

from selfjudge.ground.images import ImageReason, check_image, iter_files
from selfjudge.ground.lines import content_id, file_sha256
from selfjudge.ground.records import Record

PictureReason = Literal[
    "no_decoder",
    "image_address",
    "image_data",
    "hidden_file",
    "linked_folder",
    "no_image_file",
    "tiny_image",
    "duplicate_image",
]
PICTURE_REASONS = frozenset((*get_args(ImageReason), *get_args(PictureReason)))
UNDECODED = (".heic", ".heif", ".hif")  # Apple's photos: Pillow has no decoder
MIN_SIDE = 16  # pixels; of less nobody can ask anything
# Files that are looked at ahead of the one that is written.
NUM_AHEAD = 64


class ListedImage(Record, frozen=True, kw_only=True):
    """A readable image: its path below the image root, the hex digest of the file.

    The id is of the content: the same picture under another name is the same.
    """

    id: str
    image: str
    sha256: str


class Listed(NamedTuple):
    """An image, or the path of a file that is none with its reason."""

    image: ListedImage | None
    dropped: dict[str, Any] | None


def check_picture(root: Path, name: str, max_pixels: int) -> str:
    """As `check_image`, with reasons of its own for what only users bring."""
    if name.startswith("data:"):
        return "image_data"
    if "://" in name:
        return "image_address"
    if not can_be_written(name):
        return "bad_image_path"
    found = check_image(root, name, max_pixels)
    is_undecoded = Path(name).suffix.lower() in UNDECODED
    return "no_decoder" if found == "unreadable_image" and is_undecoded else found


def can_be_written(name: str) -> bool:
    """Whether a file's name is UTF-8: on Linux it may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def list_images(
    folder: Path, root: Path, max_pixels: int, threads: int
) -> Iterator[Listed]:
    """Every file below a folder of the root, as an image or with its reason.

    In the order of the walk; a link to a folder is listed, and not followed.  A picture
    that was listed before is dropped: memory grows by its digest alone.
    """
    Image.init()  # all formats known, before threads ask for them
    seen: dict[str, str] = {}
    waiting: deque[tuple[str, Future[tuple[str, str]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:

        def settle() -> Listed:
            name, future = waiting.popleft()
            reason, digest = future.result()
            if not reason and digest in seen:
                return Listed(None, {"image": name, "same_as": seen[digest]} | DOUBLE)
            if reason:
                written = os.fsencode(name).decode("utf-8", "replace")
                return Listed(None, {"image": written, "reason": reason})
            seen[digest] = name
            listed = ListedImage(id=content_id(digest), image=name, sha256=digest)
            return Listed(listed, None)

        for path in iter_files(folder):
            name = Path(os.path.relpath(path, root)).as_posix()
            is_hidden = any(
                part.startswith(".") for part in path.relative_to(folder).parts
            )
            looked = pool.submit(look_at, root, name, max_pixels, is_hidden)
            waiting.append((name, looked))
            if len(waiting) > NUM_AHEAD:
                yield settle()
        while waiting:
            yield settle()


DOUBLE = {"reason": "duplicate_image"}


def look_at(root: Path, name: str, max_pixels: int, is_hidden: bool) -> tuple[str, str]:
    """Why a file is no image to ask about, or "", and the digest of its content."""
    if is_hidden:
        return "hidden_file", ""
    if (root / name).is_dir():
        return "linked_folder", ""
    found = check_picture(root, name, max_pixels)
    if found == "unreadable_image" and not is_image_name(name):
        return "no_image_file", ""
    if found in PICTURE_REASONS:
        return found, ""
    with Image.open(root / name) as image:
        if min(image.size) < MIN_SIDE:
            return "tiny_image", ""
    return "", file_sha256(root / name)


def is_image_name(name: str) -> bool:
    """Whether a file is called as images are."""
    return Path(name).suffix.lower() in Image.registered_extensions()
