"""Prompts that stand in a benchmark: none of them may become training data.

An image is a benchmark's if the files are equal, or if their perceptual hashes
(imagehash's pHash, 64 bits of low frequencies) differ in at most ``NEAR_BITS``: that
is the same picture encoded, scaled or cropped a little otherwise, not mirrored.
A question is a benchmark's own if it has ``MIN_WORDS`` words and stands there with one
image alone; a shorter one, or one that is put to many images, is everybody's.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np

from selfjudge.ground.images import open_rgb
from selfjudge.ground.lines import file_sha256, read_records
from selfjudge.ground.records import Pair
from selfjudge.pairs.spellings import fold_question

NEAR_BITS = 6  # of 64
MIN_WORDS = 8
# Pixels of the picture that is hashed: a JPEG is decoded no larger than it must be.
HASHED_PIXELS = 256 * 256
# Standard deviation of grey, of 255: of a flat picture the hash says nothing.
MIN_CONTRAST = 4.0

Contamination = Literal["benchmark_image", "near_benchmark_image"]


class KeptOut:
    """What benchmarks hold: digests and hashes of their images, their questions."""

    def __init__(
        self, digests: Iterable[str], hashes: Iterable[int], questions: Iterable[str]
    ) -> None:
        self.digests = frozenset(digests)
        self.hashes = np.array(sorted(set(hashes)), dtype=np.uint64)
        self.questions = frozenset(questions)

    def image_reason(self, path: Path, sha256: str) -> Contamination | None:
        """Why an image is a benchmark's, or None if it is not."""
        if sha256 in self.digests:
            return "benchmark_image"
        own = hash_picture(path)
        if own is None or not self.hashes.size:
            return None
        num_bits = np.bitwise_count(self.hashes ^ np.uint64(own))
        return "near_benchmark_image" if num_bits.min() <= NEAR_BITS else None

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


def hash_picture(path: Path) -> int | None:
    """The perceptual hash of an image, 64 bits; None of a flat one."""
    # Here: an import that keeps nothing out needs neither it nor scipy.
    import imagehash

    grey = open_rgb(path, HASHED_PIXELS).convert("L")
    if np.asarray(grey).std() < MIN_CONTRAST:
        return None
    bits = imagehash.phash(grey).hash.flatten()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
