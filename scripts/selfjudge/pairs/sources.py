"""Prompts in other people's shapes, written once into files that the pipeline owns."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from selfjudge.ground.images import format_of, store_bytes
from selfjudge.ground.lines import encode, writing
from selfjudge.ground.records import Settings
from selfjudge.pairs.shapes import FoundRow, Picture, find_row, is_address

if TYPE_CHECKING:
    from datasets import IterableDataset

# What JSON has beside lists and objects.
PLAIN = (str, int, float, bool, type(None))

Key = TypeVar("Key")
Row = TypeVar("Row")


class HubSource(Settings, frozen=True, kw_only=True):
    """A data set of the Hub, its rows in any shape that `shapes` knows.

    ``dataset`` may be a local folder laid out as on the Hub.  ``num_prompts``
    is the most prompts in all, spread evenly over the subsets: what a short one
    lacks is taken from the others.  None as subsets is for a data set that has none.
    """

    dataset: str
    revision: str | None
    subsets: list[str] | None
    num_prompts: int


def fetch_prompts(
    source: HubSource, images: Path, prompts: Path, seed: int
) -> dict[str, int]:
    """The number of prompts written of each subset; images lie below ``images``.

    Image paths in the prompts file start at the folder that holds ``images``.
    A row without image or question is written as it is: the import drops it
    with a reason.  Raises ValueError on an unknown subset, before it reads any.
    """
    subsets: list[str | None] = [*source.subsets] if source.subsets else [None]
    streams = {subset: open_stream(source, subset, seed) for subset in subsets}
    sizes = {subset: told_size(stream) for subset, stream in streams.items()}
    counts = dict.fromkeys((subset or images.name for subset in streams), 0)

    def rows() -> Iterator[dict[str, Any]]:
        for subset, row in take_evenly(streams, sizes, source.num_prompts):
            yield prompt_row(row, subset, images)
            counts[subset or images.name] += 1

    write_rows(rows(), prompts)
    return counts


def take_evenly(
    streams: Mapping[Key, Iterable[Row]], sizes: Mapping[Key, int | None], number: int
) -> Iterator[tuple[Key, Row]]:
    """So many rows of all streams together, each with its key.

    Fewer where there are no more, or a size is told that is too large.

    They are read one after the other.  Where all sizes are known, and right, that is
    all; else each waits, with the rows that it has in memory to shuffle, for what
    others lack.
    """
    taken = dict.fromkeys(streams, 0)
    going = {key: iter(stream) for key, stream in streams.items()}
    while going and (lacking := number - sum(taken.values())):
        total = lacking + sum(taken[key] for key in going)
        for key, share in share_out(total, {key: sizes[key] for key in going}).items():
            stream = going.pop(key)
            for row in islice(stream, share - taken[key]):
                taken[key] += 1
                yield key, row
            if None in sizes.values() and share == taken[key] != sizes[key]:
                going[key] = stream


def share_out(number: int, sizes: Mapping[Key, int | None]) -> dict[Key, int]:
    """How many of ``number`` each gives: as many as any other, or all it has.

    What does not divide falls to the first; a size of None is taken for endless.
    """
    shares: dict[Key, int] = {}
    while open_keys := [key for key in sizes if key not in shares]:
        each, more = divmod(number - sum(shares.values()), len(open_keys))
        known = ((key, sizes[key]) for key in open_keys)
        if short := {k: size for k, size in known if size is not None and size <= each}:
            shares |= short
        else:
            shares |= {key: each + (at < more) for at, key in enumerate(open_keys)}
    return {key: shares[key] for key in sizes}


def tell_fetched(counts: Mapping[str, int], number: int) -> str:
    """How many prompts each subset gave, of so many that were asked for in all.

    Where they are fewer it begins with "note: ", which is shown on the terminal.
    """
    total = sum(counts.values())
    each = ", ".join(f"{subset} {count}" for subset, count in counts.items())
    if total == number:
        return f"{total} prompts: {each}"
    return f"note: {total} of {number} prompts, subsets gave less than asked: {each}"


def write_rows(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Write a prompts file."""
    with writing(path) as file:
        for row in rows:
            file.write(encode(row))


def open_stream(source: HubSource, subset: str | None, seed: int) -> "IterableDataset":
    """The rows of one subset in a seeded order, images as undecoded bytes."""
    import datasets

    stream = datasets.load_dataset(
        source.dataset,
        subset,
        split="train",
        streaming=True,
        revision=source.revision,
    )
    return stream.decode(False).shuffle(seed=seed, buffer_size=1000)


def told_size(stream: "IterableDataset") -> int | None:
    """How many rows a data set says that it has (`dataset_info` of its card)."""
    splits = stream.info.splits or {}
    return splits["train"].num_examples or None if "train" in splits else None


def prompt_row(
    row: Mapping[str, Any], subset: str | None, images: Path
) -> dict[str, Any]:
    """A row of the Hub as a line of a prompts file, named after its subset."""
    found, _ = without_binary(find_row(row))
    names = [keep_picture(picture, images) for picture in found.pictures]
    source = f"{images.name}/{subset}" if subset else images.name
    return to_line(found, [name for name in names if name]) | {"source": source}


def convert_rows(
    rows: Iterable[Mapping[str, Any]], folder: Path, images: Path, counts: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Rows in any shape as lines of a prompts file; ``counts`` says what is left out.

    An image named by a path is looked for from the image root, which holds ``images``,
    and from ``folder``, where the rows came from; what lies outside of the root is
    copied below ``images``.
    """
    for row in rows:
        found, num_binary = without_binary(find_row(row))
        counts["rows"] += 1
        counts["other fields with bytes or the like, left out"] += num_binary
        counts["later questions of a conversation, left out"] += found.num_left_out
        names = [place_picture(one, folder, images) for one in found.pictures]
        yield to_line(found, [name for name in names if name])


def without_binary(found: FoundRow) -> tuple[FoundRow, int]:
    """A row without other fields that JSON cannot hold, and the number of these."""
    kept = {name: value for name, value in found.aside.items() if is_json(value)}
    return found._replace(aside=kept), len(found.aside) - len(kept)


def is_json(value: Any) -> bool:
    """Whether JSON can hold a value."""
    if isinstance(value, list | tuple):
        return all(map(is_json, value))
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and is_json(v) for k, v in value.items())
    return isinstance(value, PLAIN)


def to_line(found: FoundRow, images: list[str]) -> dict[str, Any]:
    """A line of a prompts file, what else the row said behind it.

    In an object of its own: such a field may have the name of one of ours.
    """
    own = {"images": images, "question": found.question, "answer": found.answer}
    aside = {"other_fields": found.aside} if found.aside else {}
    return own | found.routed | aside


def place_picture(picture: Picture, folder: Path, images: Path) -> str | None:
    """The path of an image from the image root; it is copied there if it must be."""
    if isinstance(picture, bytes) or is_address(picture):
        return keep_picture(picture, images)
    root = images.parent
    path = folder / picture
    try:
        if (root / picture).is_file() and not Path(picture).is_absolute():
            return picture
        if not path.is_file():
            return picture  # the import names it as missing
    except OSError:
        return picture  # no name of a file can be so long: the import drops it
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return save_image(path.read_bytes(), images)


def keep_picture(picture: Picture, images: Path) -> str | None:
    """The path of an image from the parent of ``images``: bytes are stored there."""
    return picture if isinstance(picture, str) else save_image(picture, images)


def save_image(content: bytes | None, images: Path) -> str | None:
    """The path, from the parent of ``images``, of a stored image; None if none."""
    if not content:
        return None
    suffix = format_of(content) or "bin"  # kept: the import names it as unreadable
    return f"{images.name}/{store_bytes(content, images, suffix, num_digits=32)}"
