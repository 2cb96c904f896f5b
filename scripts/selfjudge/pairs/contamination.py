"""What is trained on and what is measured by share no image.

Prompts that stand in a benchmark do not become training data; questions of a panel's
skills whose image is in the pool measure nothing.
An image is known if the files are equal, or if their perceptual hashes (imagehash's
pHash, of low frequencies) differ in few bits: that is the same picture encoded, scaled
or, of a benchmark's, cropped a little otherwise, not mirrored.
A question is a benchmark's own if it has ``MIN_WORDS`` words and stands there with one
image alone; a shorter one, or one that is put to many images, is everybody's.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from selfjudge.ground.images import open_rgb
from selfjudge.ground.lines import file_sha256, read_records
from selfjudge.ground.records import Pair, Prompt
from selfjudge.pairs.spellings import fold_question

NEAR_BITS = 6  # of 64, of a benchmark's images
MIN_WORDS = 8
# Pixels of the picture that is hashed: a JPEG is decoded no larger than it must be.
HASHED_PIXELS = 256 * 256
# Standard deviation of grey, of 255: of a flat picture the hash says nothing.
MIN_CONTRAST = 4.0

Contamination = Literal[
    "benchmark_image", "near_benchmark_image", "pool_image", "near_pool_image"
]


class Holder(NamedTuple):
    """Who holds images: reasons for an equal and a near one, and what near is.

    A hash has ``hash_side`` squared bits, a multiple of 64; near ones differ in at
    most ``near_bits``.
    """

    equal: Contamination
    near: Contamination
    hash_side: int
    near_bits: int


BENCHMARK = Holder("benchmark_image", "near_benchmark_image", 8, NEAR_BITS)
# A pool is large, and may be of simple pictures: of the demo panel's 500 scenes 172
# are near one of 1800 others by the hash above, none by this (the nearest by 22 bits).
# A cropped picture is not found by it.
POOL = Holder("pool_image", "near_pool_image", 16, 20)


class KeptOut:
    """What a holder has: digests and hashes of images, and questions of its own."""

    def __init__(
        self,
        digests: Iterable[str],
        hashes: Iterable[int],
        questions: Iterable[str] = (),
        holder: Holder = BENCHMARK,
    ) -> None:
        self.digests = frozenset(digests)
        self.questions = frozenset(questions)
        self.holder = holder
        self.hashes = self.as_words(sorted(set(hashes)))

    def as_words(self, hashes: Sequence[int]) -> NDArray[np.uint64]:
        """Hashes as rows of 64 bits each, ``[hash, word]``."""
        num_bytes = self.holder.hash_side**2 // 8
        data = b"".join(one.to_bytes(num_bytes, "big") for one in hashes)
        return np.frombuffer(data, np.uint64).reshape(-1, num_bytes // 8)

    def image_reason(self, path: Path, sha256: str) -> Contamination | None:
        """Why an image is the holder's, or None if it is not."""
        if sha256 in self.digests:
            return self.holder.equal
        own = hash_picture(path, self.holder.hash_side)
        if own is None or not self.hashes.size:
            return None
        num_bits = np.bitwise_count(self.hashes ^ self.as_words([own])).sum(axis=1)
        return self.holder.near if num_bits.min() <= self.holder.near_bits else None

    def question_reason(self, question: str) -> Literal["benchmark_question"] | None:
        """Why a question is a benchmark's, or None if it is not."""
        is_known = fold_question(question) in self.questions
        return "benchmark_question" if is_known else None


def read_kept_out(benchmarks: Mapping[Path, Path], threads: int = 1) -> KeptOut:
    """What prepared benchmarks hold: files of pairs, by each its folder of images."""
    paths: set[Path] = set()
    asked: dict[str, set[tuple[str, ...]]] = {}
    for pairs, images in benchmarks.items():
        for pair in read_records(pairs, Pair):
            paths |= {images / name for name in pair.images}
            asked.setdefault(fold_question(pair.question), set()).add(pair.images)
    own = {
        question
        for question, images_of in asked.items()
        if len(images_of) == 1 and len(question.split()) >= MIN_WORDS
    }
    ordered = sorted(paths)
    with ThreadPoolExecutor(threads) as pool:
        digests = list(pool.map(file_sha256, ordered))
        hashes = list(pool.map(hash_picture, ordered))
    return KeptOut(digests, (one for one in hashes if one is not None), own)


def read_pool(prompts: Iterable[Prompt], image_root: Path, threads: int = 1) -> KeptOut:
    """The images of a pool; its questions may be asked of other images."""
    named = {
        name: digest
        for prompt in prompts
        for name, digest in zip(prompt.images, prompt.image_sha256s, strict=True)
    }
    paths = [image_root / name for name in named]
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(partial(hash_picture, side=POOL.hash_side), paths)
        hashes = [one for one in found if one is not None]
    return KeptOut(named.values(), hashes, holder=POOL)


def hash_picture(path: Path, side: int = BENCHMARK.hash_side) -> int | None:
    """The perceptual hash of an image, ``side`` squared bits; None of a flat one."""
    # Here: an import that keeps nothing out needs neither it nor scipy.
    import imagehash

    grey = open_rgb(path, HASHED_PIXELS).convert("L")
    if np.asarray(grey).std() < MIN_CONTRAST:
        return None
    bits = imagehash.phash(grey, hash_size=side).hash.flatten()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
