"""A hash of a folder's content: it changes when, and only when, a file does.

`code_fingerprints` has the hash of all that a stage runs.
"""

import hashlib
import os
import stat
from pathlib import Path

import msgspec

from selfjudge.ground.images import iter_files
from selfjudge.ground.lines import file_sha256, writing


class HashedFile(msgspec.Struct, frozen=True):
    """What the cache knows of a file: it is read again if size or time differ."""

    size: int
    mtime_ns: int
    sha256: str


def folder_fingerprint(folder: Path, cache_file: Path) -> str:
    """A hash of all files below a folder: names and contents, not times.

    Of a link to a folder where it leads.  "absent" if there is no such folder.
    Contents are read once and remembered in ``cache_file`` by size and modification
    time, as git's index does.
    """
    if not folder.is_dir():
        return "absent"
    known: dict[str, HashedFile] = {}
    try:
        raw = cache_file.read_bytes()
        known = msgspec.json.decode(raw, type=dict[str, HashedFile])
    except (OSError, msgspec.DecodeError):
        pass  # no cache, or one cut short: hash everything again
    found: dict[str, HashedFile] = {}
    for path in iter_files(folder):
        # On Linux a name may be any bytes, and JSON holds UTF-8 alone.
        name = os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")
        try:
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                found[name] = hash_link(path)
                continue
            entry = known.get(name)
            if entry is None or (entry.size, entry.mtime_ns) != (
                status.st_size,
                status.st_mtime_ns,
            ):
                entry = HashedFile(
                    status.st_size, status.st_mtime_ns, file_sha256(path)
                )
            found[name] = entry
        except OSError:
            continue  # a dangling link is not content; the import names it
    if found != known:
        with writing(cache_file) as file:
            file.write(msgspec.json.encode(found))
    listing = [(name, entry.sha256) for name, entry in found.items()]
    return hashlib.sha256(msgspec.json.encode(listing)).hexdigest()[:16]


def hash_link(path: Path) -> HashedFile:
    """What a link to a folder counts for: where it leads, not what is there."""
    target = b"link to " + os.fsencode(path.readlink())
    return HashedFile(0, 0, hashlib.sha256(target).hexdigest())
