"""From a folder of images to questions about them."""

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from examples import generate, image_bytes, make_prompt
from selfjudge.engines.journal import hash_requests
from selfjudge.ground.records import Prompt, Response
from selfjudge.ground.requests import Sampling
from selfjudge.pairs.imports import import_prompts
from selfjudge.pairs.pictures import ListedImage, list_images
from selfjudge.pairs.questions import (
    AskedQuestion,
    QuestionSettings,
    blind_id,
    choose_questions,
    question_from,
    question_requests,
    read_question,
    read_questions,
    to_row,
    without_image,
)
from selfjudge.pairs.responses import response_requests
from selfjudge.pairs.source_rows import ImportLimits
from selfjudge.pairs.sources import write_rows

SAMPLING = Sampling(max_tokens=9, temperature=1.0)
CHOICE = "What is on the mat?\nA. a cat\nB. a dog\nC. a hat\nD. a box"


def asked(text: str, wanted: Any = "phrase", **changes: Any) -> AskedQuestion:
    """What a model wrote about one image."""
    fields = {
        "id": "0" * 16,
        "image_id": "1" * 16,
        "image": "a.png",
        "sha256": "2" * 64,
        "sample": 0,
        "seed": 0,
        "finish_reason": "stop",
    }
    return AskedQuestion(text=text, wanted=wanted, **(fields | changes))


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("What does the sign say?", "phrase", "What does the sign say?"),
        ('**Question:** "Is the door open?"', "yes_no", "Is the door open?"),
        ("1. How many cups are there?", "number", "How many cups are there?"),
        ("How many cups are there? Answer: 3", "number", "How many cups are there?"),
        ("Sure! Here is one:\n- Is it wet?", "yes_no", "Is it wet?"),
        ("<think>Hm?</think>Is it wet?", "yes_no", "Is it wet?"),
        ("Describe how the boats lie.", "open", "Describe how the boats lie."),
        (CHOICE, "choice", CHOICE),
        (CHOICE.replace(". ", ") ") + "\nAnswer: B", "choice", CHOICE),
    ],
)
def test_a_question_is_read_out_of_a_text(
    text: str, wanted: str, expected: str
) -> None:
    """Without what models put before and after it; options stay."""
    assert read_question(asked(text, wanted)) == (expected, None)


@pytest.mark.parametrize(
    ("text", "wanted", "reason"),
    [
        ("", "open", "no_question"),
        ("red circle top-left.", "open", "no_question"),
        ("<think>What is it?", "phrase", "truncated_question"),
        ("Is it? Is it not?", "yes_no", "several_questions"),
        ("Which is it?", "choice", "no_options"),
        ("Why is the man on the roof?", "phrase", "wants_a_text"),
        (f"What is {'very ' * 100}big?", "phrase", "long_question"),
    ],
)
def test_a_text_that_is_no_question_has_its_reason(
    text: str, wanted: str, reason: str
) -> None:
    """A model's misbehaviour is a record with a reason."""
    assert read_question(asked(text, wanted))[1] == reason


def test_a_text_that_was_cut_off_is_no_question() -> None:
    """Its end may have been another question."""
    cut = asked("What is it?", finish_reason="length")
    assert read_question(cut)[1] == "truncated_question"


@pytest.mark.parametrize(
    ("question", "wanted", "expected"),
    [
        ("What does the sign say?", "phrase", ("closed", "phrase")),
        ("How many cups are there?", "phrase", ("closed", "number")),
        ("What happens here?", "open", ("open", None)),
        ("Is the door open?", "open", ("closed", "yes_no")),
    ],
)
def test_questions_are_routed(
    question: str, wanted: str, expected: tuple[str, str | None]
) -> None:
    """By the router where it knows a short answer, else by what was wanted."""
    (prompt,) = read_questions([], [asked(question, wanted)], [], "mine").prompts
    assert (prompt.kind, prompt.answer_format) == expected


def test_a_question_is_put_to_an_image_once() -> None:
    """Fixed ones first; every text is a prompt or has its reason."""
    image = ListedImage(id="1" * 16, image="a.png", sha256="2" * 64)
    texts = ["What is it?", "what is IT", "What is it?!", "Is it red?", "no"]
    found = read_questions(
        [image], [asked(text) for text in texts], ["Is it red?"], "mine"
    )
    assert sorted(p.question for p in found.prompts) == ["Is it red?", "What is it?"]
    reasons = [row["reason"] for row in found.dropped]
    assert reasons.count("duplicate_question") == 2
    assert len(reasons) + len(found.prompts) == len(texts) + 1


def answers(prompt_id: str, *texts: str, finish: Any = "stop") -> list[Response]:
    """Responses that state these answers."""
    return [
        Response(
            id=f"{number:016x}",
            prompt_id=prompt_id,
            sample=number,
            seed=0,
            text=f"So.\nAnswer: {text}",
            finish_reason=finish,
        )
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("seen", "blind", "reason"),
    [
        pytest.param(["3", "3", "2"], ["4", "4"], None, id="seen"),
        pytest.param(["3", "3", "2"], ["three", "3"], "answered_without_image", id="3"),
        pytest.param(["3", "3", "3"], ["unknown"] * 3, None, id="blind-says-so"),
        pytest.param(["3", "2"], ["3", "3"], None, id="tie"),
        pytest.param(["3", "3"], [], None, id="no-blind"),
        pytest.param(["dunno", "who knows"], ["3"], "no_parsed_response", id="none"),
        pytest.param([], ["3"], "no_parsed_response", id="not-asked"),
        pytest.param(
            ["0.5", "0.5", "1/2"], ["0.5"] * 3, "answered_without_image", id="fraction"
        ),
        pytest.param(
            ["0.5"] * 3, ["1/2", "1/2", "2"], "answered_without_image", id="blind-too"
        ),
        pytest.param(["0.5", "1/2"], ["0.25"] * 2, None, id="other-fraction"),
    ],
)
def test_what_a_grey_picture_answers_is_dropped(
    seen: list[str], blind: list[str], reason: str | None
) -> None:
    """The same majority answer without the image, or none that is parsed."""
    prompt = make_prompt(question="How many?", kind="closed", answer_format="number")
    name = blind_id(prompt)
    chosen = choose_questions(
        [prompt],
        {prompt.id: answers(prompt.id, *seen)},
        {name: answers(name, *blind)},
        QuestionSettings(fixed=[], per_image=9),
    )
    assert [row["reason"] for row in chosen.dropped] == ([reason] if reason else [])
    assert chosen.prompts == ([] if reason else [prompt])


def test_answers_that_were_cut_off_say_nothing() -> None:
    """Such a question would give no pair."""
    prompt = make_prompt(question="How many?", kind="closed", answer_format="number")
    seen = {prompt.id: answers(prompt.id, "3", "3", finish="length")}
    settings = QuestionSettings(fixed=[], per_image=9)
    (row,) = choose_questions([prompt], seen, {}, settings).dropped
    assert row["reason"] == "truncated_response"


def test_formats_are_balanced() -> None:
    """Of a folder where one format is rare all of it stays, and fixed ones."""
    prompts = [
        make_prompt(
            number,
            question=f"Question {number % 5}",
            kind="open",
            answer_format=None if number % 5 else "number",
            image_sha256s=(f"{number // 5:064x}",),
        )
        for number in range(100)
    ]
    settings = QuestionSettings(fixed=["question 4"], per_image=2)
    chosen = choose_questions(prompts, {}, {}, settings)
    names = [prompt.question for prompt in chosen.prompts]
    assert (names.count("Question 4"), names.count("Question 0")) == (20, 20)
    assert len(names) == 60 and len(chosen.dropped) == 40
    assert {row["reason"] for row in chosen.dropped} == {"over_balance"}


def test_a_question_of_many_images_is_asked_without_them_once() -> None:
    """The grey picture is the same; an open question is not asked."""
    prompts = [
        make_prompt(number, question="How many?", kind="closed", answer_format="number")
        for number in range(5)
    ]
    prompts.append(make_prompt(9, question="Why?", kind="open", answer_format=None))
    (blind,) = without_image(prompts, "grey.png", "0" * 64)
    assert (blind.images, blind.id) == (("grey.png",), blind_id(prompts[0]))


def test_answers_are_what_the_loop_asks_later(tmp_path: Path) -> None:
    """A chosen question becomes the same prompt, whose first samples are journalled."""
    (tmp_path / "a.png").write_bytes(image_bytes(size=(40, 40)))
    (listed,) = list_images(tmp_path, tmp_path, 10**6, 1)
    image = listed.image
    assert image is not None
    written = asked("How many?", "number", image="a.png", sha256=image.sha256)
    (prompt,) = read_questions([], [written], [], "mine").prompts
    write_rows([to_row(prompt)], tmp_path / "mine.jsonl")
    limits = ImportLimits(max_pixels=10**6, max_line_bytes=10**6)
    found = import_prompts({"mine": tmp_path / "mine.jsonl"}, tmp_path, limits)
    assert found.prompts == [prompt]

    def keys(one: Prompt, number: int) -> list[str]:
        requests = response_requests(one, "{question}", number, SAMPLING, tmp_path, 0)
        return list(hash_requests("model", list(requests)).values())

    assert keys(prompt, 4) == keys(found.prompts[0], 16)[:4]


def test_every_format_is_asked_for_with_its_own_seed(tmp_path: Path) -> None:
    """And the record says which it was."""
    image = ListedImage(id="1" * 16, image="a.png", sha256="2" * 64)
    templates: Any = {"open": "Ask.", "number": "Ask how many."}
    requests = list(question_requests(image, templates, 2, SAMPLING, tmp_path, 0))
    assert len({request.seed for request in requests}) == 4
    made = [question_from(generate(r, "Q?"), r, {image.id: image}) for r in requests]
    assert [(one.wanted, one.sample) for one in made] == [
        ("open", 0),
        ("open", 1),
        ("number", 0),
        ("number", 1),
    ]


@pytest.mark.parametrize(
    ("folder", "reason"),
    [("top/.photos", None), ("top/../elsewhere", "image_outside_root")],
)
def test_only_what_is_hidden_below_the_folder_is_hidden(
    tmp_path: Path, folder: str, reason: str | None
) -> None:
    """What lies above it, or on the way to it, is the user's own choice."""
    (tmp_path / "top").mkdir()
    (tmp_path / folder / ".cache").mkdir(parents=True)
    for name in ("a.png", ".cache/b.png"):
        (tmp_path / folder / name).write_bytes(image_bytes(size=(40, 40)))
    found = list(list_images(tmp_path / folder, tmp_path / "top", 10**6, 1))
    reasons = {Path(one.dropped["image"]).name: one.dropped["reason"]
               for one in found if one.dropped}  # fmt: skip
    expected = {"b.png": "hidden_file"} | ({"a.png": reason} if reason else {})
    assert reasons == expected and len(found) == 2


def test_a_folder_of_awkward_files(tmp_path: Path) -> None:
    """Nested, hidden, linked, animated, 16-bit, broken, in any script: none is lost."""
    root = tmp_path / "photos"
    (root / "nested" / "deep").mkdir(parents=True)
    (root / ".hidden").mkdir()
    outside = tmp_path / "outside.png"
    outside.write_bytes(image_bytes(color="green"))
    colors = iter(range(1, 99))

    def picture(mode: str = "RGB", kind: str = "PNG") -> bytes:
        color = (next(colors),) * (4 if mode == "CMYK" else 3)
        if mode == "I;16":
            image = Image.new(mode, (40, 40), next(colors))
        else:
            image = Image.new("RGB", (40, 40), color[:3]).convert(mode)
        image.save(tmp_path / "made", kind)
        return (tmp_path / "made").read_bytes()

    good = {
        "plain.png": picture(),
        "nested/deep/photo.JPG": picture(kind="JPEG"),
        "cmyk.jpg": picture("CMYK", "JPEG"),
        "deep grey.png": picture("I;16"),
        "\u5199\u771f \u0444\u043e\u0442\u043e.webp": picture(kind="WEBP"),
        "no_ending": picture(),
    }
    frames = [Image.new("RGB", (40, 40), (n, 9, 9)) for n in (1, 2)]
    frames[0].save(root / "moves.gif", save_all=True, append_images=frames[1:])
    bad = {
        "same.png": (good["plain.png"], "duplicate_image"),
        ".hidden/a.png": (picture(), "hidden_file"),
        "._plain.png": (b"x", "hidden_file"),
        "notes.txt": (b"hello", "no_image_file"),
        "broken.jpg": (good["nested/deep/photo.JPG"][:300], "unreadable_image"),
        "empty.png": (b"", "empty_image"),
        "phone.HEIC": (b"\0\0\0\x18ftypheic", "no_decoder"),
        "dot.png": (image_bytes(size=(1, 1)), "tiny_image"),
        "strip.png": (image_bytes(size=(4000, 20)), "odd_shape_image"),
        "huge.png": (image_bytes("1", size=(12_000, 12_000)), "oversized_image"),
    }
    for name, content in good.items():
        (root / name).write_bytes(content)
    for name, (content, _) in bad.items():
        (root / name).write_bytes(content)
    (root / "link.png").symlink_to(outside)
    (root / "gone.png").symlink_to(root / "nowhere.png")
    (root / "loop").symlink_to(root)
    (root / "nested" / "more").symlink_to(tmp_path)
    (root / ".cache").symlink_to(tmp_path)
    (Path(os.fsdecode(os.fsencode(root) + b"/\xff.png"))).write_bytes(picture())
    found = list(list_images(root, root, 50_000_000, 2))
    images = {one.image.image for one in found if one.image}
    reasons = {
        one.dropped["image"]: one.dropped["reason"] for one in found if one.dropped
    }
    assert images == {*good, "moves.gif"}
    same = reasons.pop("same.png", None) or reasons.pop("plain.png")
    assert same == "duplicate_image"
    expected = {name: reason for name, (_, reason) in bad.items()}
    del expected["same.png"]
    expected |= {"link.png": "image_outside_root", "gone.png": "missing_image"}
    expected |= {"loop": "linked_folder", "nested/more": "linked_folder"}
    expected |= {"\ufffd.png": "bad_image_path", ".cache": "hidden_file"}
    assert reasons == expected
