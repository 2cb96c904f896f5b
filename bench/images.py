"""What a folder of images costs to list, and how well a picture is known again.

    python bench/images.py photos [--num 10000]

Hashes each image of a folder and altered copies of it, as `prompts.keep_out` does.
Then scales them to 640 x 480 JPEGs, repeats these up to --num files of different
bytes, lists them on two threads, and imports a prompt about each: seconds of CPU and
of the clock, and the most memory so far, of listing after the first tenth too.
"""

import argparse
import io
import itertools
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from selfjudge.ground.images import iter_files, open_rgb
from selfjudge.pairs.contamination import NEAR_BITS, hash_picture
from selfjudge.pairs.imports import import_prompts
from selfjudge.pairs.pictures import list_images
from selfjudge.pairs.source_rows import ImportLimits

SIZE = (640, 480)


def jpeg(image: Image.Image, quality: int) -> bytes:
    """The picture as the bytes of a JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def trim(image: Image.Image, percent: int) -> Image.Image:
    """The picture without so much of each side."""
    x, y = image.width * percent // 100, image.height * percent // 100
    return image.crop((x, y, image.width - x, image.height - y))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG of quality 30": lambda one: Image.open(io.BytesIO(jpeg(one, 30))),
    "half the size": lambda one: one.resize((one.width // 2, one.height // 2)),
    "224 x 224": lambda one: one.resize((224, 224)),
    "grey": ImageOps.grayscale,
    "2 % off each side": lambda one: trim(one, 2),
    "5 % off each side": lambda one: trim(one, 5),
    "mirrored": ImageOps.mirror,
}


def measure_listing(images: list[Path], folder: Path, num: int) -> None:
    """Print what listing and importing so many files cost."""
    contents = [jpeg(ImageOps.fit(open_rgb(path), SIZE), 90) for path in images]
    for number in range(num):
        path = folder / f"{number // 1000}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents[number % len(contents)] + str(number).encode())
    rows = folder.with_name("rows.jsonl")
    clock = Clock()
    with rows.open("w") as file:
        for number, one in enumerate(list_images(folder, folder, 10**8, 2), start=1):
            assert one.image
            row = {"images": [one.image.image], "question": "What is it?"}
            file.write(json.dumps(row) + "\n")
            if number in (num // 10, num):
                clock.show(f"{number} images listed")
    clock = Clock()
    limits = ImportLimits(max_pixels=10**8, max_line_bytes=10**6)
    imported = import_prompts({"mine": rows}, folder, limits, 2)
    clock.show(f"{len(imported.prompts)} prompts imported")
    print(f"{sum(map(len, contents)) // len(contents)} bytes an image")


class Clock:
    """Seconds of CPU and of the clock since it was made."""

    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.monotonic()

    def show(self, what: str) -> None:
        """Print them, and the most memory of the process so far."""
        cpu, wall = time.process_time() - self.cpu, time.monotonic() - self.wall
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{what}: {cpu:.1f} s of CPU, {wall:.1f} s, {memory:.0f} MB at most")


def measure_hashes(images: list[Path], folder: Path) -> None:
    """Print how many altered copies are near, and which different images are."""
    hashes = {path: known for path in images if (known := hash_picture(path))}
    for name, change in CHANGES.items():
        bits = []
        for path, known in hashes.items():
            change(open_rgb(path)).save(folder / "changed.png")
            own = hash_picture(folder / "changed.png") or 0
            bits.append((own ^ known).bit_count())
        near = sum(number <= NEAR_BITS for number in bits)
        median = statistics.median(bits)
        print(f"{name}: {near} of {len(bits)} known again, median {median} bits")
    pairs = list(itertools.combinations(hashes, 2))
    nearest = sorted(
        ((hashes[one] ^ hashes[other]).bit_count(), one.name, other.name)
        for one, other in pairs
    )
    near = sum(number <= NEAR_BITS for number, _, _ in nearest)
    print(f"of {len(pairs)} pairs of images {near} near; nearest: {nearest[:3]}")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--num", type=int, default=10_000)
    args = parser.parse_args()
    found = list_images(args.images, args.images, 10**8, 2)
    images = [args.images / one.image.image for one in found if one.image]
    print(f"{len(images)} images of {sum(1 for _ in iter_files(args.images))} files")
    with tempfile.TemporaryDirectory() as folder:
        measure_hashes(images, Path(folder))
        (Path(folder) / "listed").mkdir()
        measure_listing(images, Path(folder) / "listed", args.num)


if __name__ == "__main__":
    main()
