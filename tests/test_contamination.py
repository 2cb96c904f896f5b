"""What a benchmark holds is kept out of the pool."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from examples import make_pair, write_lines
from selfjudge.ground.lines import encode, file_sha256, write_records
from selfjudge.pairs.contamination import KeptOut, hash_picture, read_kept_out
from selfjudge.pairs.imports import ImportLimits, import_prompts

LIMITS = ImportLimits(max_pixels=10**7, max_line_bytes=10**6)
OWN = "Which of the two boats has the name Marie painted on its side?"


def scene(seed: int) -> Image.Image:
    """A picture with large and small forms, drawn by seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8))
    fine = Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
    smooth = coarse.resize((640, 480), Image.Resampling.BICUBIC)
    return Image.blend(smooth, fine.resize((640, 480)), 0.2)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """The picture as a JPEG of this quality shows it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pairs and images of a prepared benchmark of 12 pictures."""
    folder = tmp_path_factory.mktemp("benchmark")
    for seed in range(12):
        scene(seed).save(folder / f"{seed}.png")
    questions = [
        OWN,
        "What is it?",
        *["What is the weather in this picture like now?"] * 2,
    ]
    pairs = [
        make_pair(n, question=question, images=(f"{n}.png",))
        for n, question in enumerate(questions + ["x"] * 8)
    ]
    write_records(folder / "pairs.jsonl", pairs)
    return folder


@pytest.fixture(scope="module")
def kept_out(benchmark: Path) -> KeptOut:
    """What this benchmark holds."""
    return read_kept_out({benchmark / "pairs.jsonl": benchmark}, threads=2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda one: jpeg(one, 40), "near_benchmark_image", id="jpeg"),
        pytest.param(
            lambda one: one.resize((301, 222)), "near_benchmark_image", id="scaled"
        ),
        pytest.param(
            lambda one: one.crop((6, 6, 634, 474)), "near_benchmark_image", id="cropped"
        ),
        pytest.param(ImageOps.grayscale, "near_benchmark_image", id="grey"),
        pytest.param(lambda one: Image.new("RGB", one.size, "white"), None, id="flat"),
        pytest.param(ImageOps.mirror, None, id="mirrored"),
    ],
)
def test_a_picture_is_known_again(
    kept_out: KeptOut,
    tmp_path: Path,
    change: Callable[[Image.Image], Image.Image],
    expected: str | None,
) -> None:
    """Encoded, scaled, cropped a little or grey; a mirrored one is not found."""
    path = tmp_path / "a.png"
    for seed in (0, 11):
        change(scene(seed)).save(path)
        assert kept_out.image_reason(path, file_sha256(path)) == expected


def test_other_pictures_are_not_taken_for_it(kept_out: KeptOut, tmp_path: Path) -> None:
    """Of thirty other pictures none is near one of the twelve."""
    path = tmp_path / "a.png"
    for seed in range(100, 130):
        scene(seed).save(path)
        assert kept_out.image_reason(path, "") is None


def test_a_flat_picture_has_no_hash(tmp_path: Path) -> None:
    """Every flat picture would be near every other."""
    Image.new("RGB", (64, 64), "white").save(tmp_path / "a.png")
    assert hash_picture(tmp_path / "a.png") is None


@pytest.mark.parametrize(
    ("question", "is_known"),
    [
        (OWN, True),
        (OWN.upper().replace("?", " ?!"), True),
        (OWN.replace("Marie", "Anna"), False),
        ("What is it?", False),  # too short to be anybody's
        ("What is the weather in this picture like now?", False),  # of many images
    ],
)
def test_a_question_is_known_again(
    kept_out: KeptOut, question: str, is_known: bool
) -> None:
    """By its words alone, if it is long and of one image."""
    assert bool(kept_out.question_reason(question)) == is_known


def test_the_import_drops_and_counts(
    benchmark: Path, kept_out: KeptOut, tmp_path: Path
) -> None:
    """Each with its reason; another question about another image stays."""
    (tmp_path / "same.png").write_bytes((benchmark / "3.png").read_bytes())
    jpeg(scene(3), 40).convert("RGB").save(tmp_path / "near.png")
    scene(99).save(tmp_path / "own.png")
    asked = [("same", "a"), ("near", "b"), ("own", OWN), ("own", "Why?")]
    rows = [
        encode({"images": [f"{name}.png"], "question": question}).rstrip()
        for name, question in asked
    ]
    path = write_lines(tmp_path / "mine.jsonl", *rows)
    found = import_prompts({"mine": path}, tmp_path, LIMITS, kept_out=kept_out)
    assert found.report["dropped"] == {
        "benchmark_image": 1,
        "benchmark_question": 1,
        "near_benchmark_image": 1,
    }
    assert [prompt.question for prompt in found.prompts] == ["Why?"]
