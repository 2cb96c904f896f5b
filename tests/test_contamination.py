"""What a benchmark holds is kept out of the pool."""

import io
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageOps

from examples import make_pair, write_lines
from selfjudge.ground.lines import (
    encode,
    file_sha256,
    read_lines,
    read_records,
    write_records,
)
from selfjudge.ground.records import Prompt
from selfjudge.pairs.contamination import (
    KeptOut,
    hash_picture,
    read_kept_out,
    read_pool,
)
from selfjudge.pairs.imports import import_prompts
from selfjudge.pairs.source_rows import ImportLimits

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


# -------------------------------------------------- the pool of a panel, and its skills

REPOSITORY = Path(__file__).resolve().parents[1]
DRAW = REPOSITORY / "demo" / "make_panel_world.py"
SKILLS = REPOSITORY / "scripts" / "prepare_skills.py"


def asked_of(name: str, question: str) -> bytes:
    """A row with a gold answer."""
    row = {"images": [name], "question": question, "answer": "2"}
    return encode(row | {"answer_format": "number"}).rstrip()


def prepare_skills(folder: Path) -> tuple[list[Prompt], subprocess.CompletedProcess]:
    """What the script keeps of skills.jsonl beside the pool prompts.jsonl."""
    pool = import_prompts({"pool": folder / "prompts.jsonl"}, folder, LIMITS)
    write_records(folder / "pool.jsonl", pool.prompts)
    command = [sys.executable, str(SKILLS), "--questions", folder / "skills.jsonl"]
    command += ["--pool", folder / "pool.jsonl", "--image-root", folder]
    command += ["--limits", encode(LIMITS).decode(), "--output", folder / "out.jsonl"]
    command += ["--dropped", folder / "dropped.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    kept = folder / "out.jsonl"
    return list(read_records(kept, Prompt)) if kept.is_file() else [], done


def test_skills_are_not_measured_on_images_of_the_pool(tmp_path: Path) -> None:
    """Equal or encoded otherwise, whatever is asked; the question alone is free."""
    for seed in (1, 2, 3):
        scene(seed).save(tmp_path / f"{seed}.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "1.png").read_bytes())
    jpeg(scene(2), 40).save(tmp_path / "near.jpg")
    rows = [asked_of(f"{seed}.png", OWN) for seed in (1, 2)]
    write_lines(tmp_path / "prompts.jsonl", *rows)
    names = ("1.png", "copy.png", "near.jpg", "3.png")
    rows = [asked_of(name, OWN) for name in names]
    rows.append(asked_of("copy.png", "How many boats are there?"))
    write_lines(tmp_path / "skills.jsonl", *rows)
    kept, done = prepare_skills(tmp_path)
    assert [prompt.images for prompt in kept] == [("3.png",)]
    assert "note: 4 of 5 questions of the panel's skills dropped" in done.stderr
    dropped = read_lines(tmp_path / "dropped.jsonl")
    reasons = Counter(msgspec.json.decode(line)["reason"] for _, line in dropped)
    assert reasons == {"pool_image": 3, "near_pool_image": 1}
    assert str(tmp_path / "dropped.jsonl") in done.stderr


def test_skills_that_are_all_of_the_pool_are_refused(tmp_path: Path) -> None:
    scene(1).save(tmp_path / "1.png")
    for name in ("prompts", "skills"):
        write_lines(tmp_path / f"{name}.jsonl", asked_of("1.png", OWN))
    _, done = prepare_skills(tmp_path)
    assert done.returncode == 1 and "1 pool_image, such as" in done.stderr


def test_a_simple_world_has_skills_beside_its_pool(tmp_path: Path) -> None:
    """Scenes of few shapes, each drawn anew, are not taken for one another."""
    draw = [sys.executable, str(DRAW), "--seed", "0", "--num-prompts", "300"]
    draw += ["--num-skills", "60", "--out", str(tmp_path)]
    subprocess.run(draw, check=True)
    rows = (tmp_path / "prompts.jsonl", tmp_path / "skills.jsonl")
    pool, skills = (
        import_prompts({"world": path}, tmp_path / "images", LIMITS).prompts
        for path in rows
    )
    known = read_pool(pool, tmp_path / "images", threads=2)
    digests = [
        (tmp_path / "images" / one.images[0], one.image_sha256s) for one in skills
    ]
    assert [known.image_reason(path, sha) for path, (sha,) in digests] == [None] * 60
