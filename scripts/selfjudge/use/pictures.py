"""Pictures that come as bytes, made files: engines and the journal read files."""

import base64
import hashlib
import os
import re
import threading
from pathlib import Path

from selfjudge.ground.lines import clip
from selfjudge.use.rows import RowError, why_not_image

# Those that browsers and phones send.  Pillow reads many more, EPS by running another
# program: they are not for bytes from strangers.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
DATA_URI = re.compile(r"data:image/[\w.+-]{1,40};base64,")


def read_data_uri(uri: str, folder: Path) -> str:
    """The path of a picture that came as a data URI, named by its content."""
    if not (found := DATA_URI.match(uri)):
        raise RowError(
            "bad_image_path",
            f"must be a data URI, data:image/...;base64,... (got {clip(uri)!r})",
        )
    try:
        content = base64.b64decode(uri[found.end() :], validate=True)
    except ValueError as error:  # of letters beyond ASCII no binascii.Error
        raise RowError("unreadable_image", str(error)) from None
    return write_image(content, folder, FORMATS)


def write_image(
    content: bytes, folder: Path, formats: tuple[str, ...] | None = None
) -> str:
    """The path of a picture's bytes below a folder, written unless it is there.

    RowError where it is in none of the ``formats`` (None: all that Pillow reads).
    """
    path = folder / f"{hashlib.sha256(content).hexdigest()}.image"
    if not path.is_file():
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        partial.write_bytes(content)
        partial.replace(path)
    if reason := why_not_image(str(path), formats):
        path.unlink(missing_ok=True)
        is_unread = reason == "unreadable_image" and formats is not None
        detail = f"must be {', '.join(formats or ())}" if is_unread else None
        raise RowError(reason, detail)
    return str(path)
