import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import image_bytes, make_prompt, write_lines
from selfjudge.ground.lines import RecordError, content_id
from selfjudge.ground.records import Prompt
from selfjudge.pairs.imports import Imported, import_prompts
from selfjudge.pairs.pool import check_pool, draw_held_out, select_prompts, side_of
from selfjudge.pairs.source_rows import ImportLimits

LIMITS = ImportLimits(max_pixels=1_000_000, max_line_bytes=1_000_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image root with one image of every sort, and one outside."""
    root = tmp_path / "images"
    root.mkdir()
    (tmp_path / "outside.png").write_bytes(image_bytes())
    (root / "link.png").symlink_to("../outside.png")
    files = {
        "rgb.png": image_bytes(),
        "same.png": image_bytes(),
        "cmyk.jpg": image_bytes("CMYK", kind="JPEG"),
        "palette.png": image_bytes("P"),
        "rgba.png": image_bytes("RGBA"),
        "truncated.jpg": image_bytes(size=(99, 99), kind="JPEG")[:-40],
        "empty.png": b"",
        "huge.png": image_bytes("1", size=(20_000, 20_000)),
    }
    for name, content in files.items():
        (root / name).write_bytes(content)
    return root


def row(**changes: Any) -> str:
    """A good row with some fields changed."""
    return json.dumps({"images": ["rgb.png"], "question": "Why?"} | changes)


def import_rows(root: Path, *lines: str | bytes) -> Imported:
    """What comes of a source with these lines."""
    source = write_lines(root.parent / "mine.jsonl", *lines)
    return import_prompts({"mine": source}, root, LIMITS)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(row(), "duplicate", id="duplicate"),
        pytest.param(row(images=["same.png"]), "duplicate", id="same-image-renamed"),
        pytest.param(row(question=" Why? "), "duplicate", id="same-question-spaced"),
        pytest.param(row(images=["no.png"]), "missing_image", id="missing"),
        pytest.param(row(images=["truncated.jpg"]), "unreadable_image", id="truncated"),
        pytest.param(row(images=["empty.png"]), "empty_image", id="zero-bytes"),
        pytest.param(row(images=["huge.png"]), "oversized_image", id="huge"),
        pytest.param(row(images=["../outside.png"]), "image_outside_root", id="dots"),
        pytest.param(row(images=["link.png"]), "image_outside_root", id="symlink"),
        pytest.param(row(images=["/etc/passwd"]), "bad_image_path", id="absolute"),
        pytest.param(row(images=["a\0.png"]), "bad_image_path", id="nul-in-path"),
        pytest.param(row(images=[]), "no_image", id="no-image"),
        pytest.param(row(images=["rgb.png", "no.png"]), "missing_image", id="second"),
        pytest.param(row(question=" \n "), "empty_question", id="blank-question"),
        pytest.param(row(question="a\0b"), "nul_byte", id="nul-escaped"),
        pytest.param(row(question="x", answer="\0"), "nul_byte", id="nul-in-answer"),
        pytest.param(
            b'{"images": ["rgb.png"], "question": "a\0b"}', "nul_byte", id="nul-raw"
        ),
        pytest.param(row(question="x" * 10_000_000), "line_too_long", id="10-mb-line"),
    ],
)
def test_bad_rows_are_dropped(root: Path, line: str | bytes, reason: str) -> None:
    """Each fault has its own reason, and the good row stays."""
    found = import_rows(root, row(), line)
    assert (len(found.prompts), found.report["dropped"]) == (1, {reason: 1})


def test_a_dropped_row_says_where_it_was(root: Path) -> None:
    """A dropped row is the row as it was, its file and line, and the reason."""
    found = import_rows(root, row(), "", row(images=["no.png"], answer="3"))
    assert found.dropped == [
        {
            "images": ("no.png",),
            "question": "Why?",
            "answer": "3",
            "kind": None,
            "answer_format": None,
            "source": "mine",
            "file": (root.parent / "mine.jsonl").as_posix(),
            "line": 3,
            "reason": "missing_image",
        }
    ]


def test_a_long_line_is_dropped_by_its_start(root: Path) -> None:
    """Ten megabytes are not copied into the dropped file."""
    found = import_rows(root, row(), row(question="x" * 10_000_000))
    (dropped,) = found.dropped
    assert (len(dropped["start"]), dropped["num_bytes"]) == (200, 10_000_039)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(
            '{"images": [', "the line must be one JSON object", id="malformed"
        ),
        pytest.param(
            '{"images": ["rgb.png"]}', "field 'question' is missing", id="missing-field"
        ),
        pytest.param(
            row(images="rgb.png"),
            r"'images' must be a list, each a string \(got 'rgb.png'\)"
            r"\. Hint: 'kind: rows' reads an image without a list$",
            id="wrong-type",
        ),
        pytest.param(
            row(kind="closd"),
            r"'kind' must be one of 'open', 'closed'.* \(got 'closd'\)$",
            id="kind",
        ),
        pytest.param(
            row(answer_format="x"), r"'answer_format' .*\(got 'x'\)$", id="format"
        ),
        pytest.param(
            row(images=["a.png", None]), r"'images' .*None\]\)$", id="no-name"
        ),
        pytest.param("# mine", r".*Hint: JSON Lines have no comments", id="comment"),
        pytest.param("  // mine", r".*Hint: JSON Lines have no comments", id="slashes"),
        pytest.param(f"[{row()}]", r".*Hint: 'kind: rows' reads a", id="array"),
        pytest.param(f" [{row()}]", r".*Hint: 'kind: rows' reads a", id="set-in"),
        pytest.param("[", r".*Hint: 'kind: rows' reads a", id="array-begins"),
        pytest.param(
            row(answer=3),
            r"'answer' must be a string or null \(got 3\)\. Hint: 'kind: rows' reads n",
            id="number",
        ),
        pytest.param(
            b'{"images": [], "question": "\xe9"}',
            "the line must be UTF-8 .got byte 0xe9 at column 29",
            id="not-utf-8",
        ),
        pytest.param(
            '{"images": ["rgb.png"], "question": "x", "score": 1e999}',
            r"the line must be one JSON object \(Number out of range",
            id="number-beyond-all-limits-kept-aside",
        ),
        pytest.param(
            row(question="x", answer=7).replace("7", "1e999"),
            r"the line must be one JSON object \(Number out of range",
            id="number-beyond-all-limits",
        ),
        pytest.param(
            row(question="x", a=7).replace("7", "[" * 20_000 + "]" * 20_000),
            r"the line must be one JSON object \(maximum recursion depth",
            id="too-deep",
        ),
    ],
)
def test_malformed_lines_are_errors(root: Path, line: str | bytes, why: str) -> None:
    """A line that is no row is the user's mistake: file, line and fault are named."""
    with pytest.raises(RecordError, match=rf"mine\.jsonl:2: {why}"):
        import_rows(root, row(), line)


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_file_of_wide_letters_is_an_error(
    root: Path, encoding: str, order: str
) -> None:
    """Its lines are no lines: not one row is dropped after another."""
    path = root.parent / "mine.jsonl"
    path.write_bytes(f"\ufeff{row()}\n".encode(f"{encoding}-{order}"))
    told = rf"mine.jsonl: must be UTF-8 \(got {encoding.upper()}\)"
    with pytest.raises(RecordError, match=told):
        import_prompts({"mine": path}, root, LIMITS)


def test_an_empty_file_is_an_error(root: Path) -> None:
    """A source without a single row is named."""
    with pytest.raises(ValueError, match=r"mine\.jsonl: must hold at least one prompt"):
        import_rows(root)


def test_an_empty_second_file_is_an_error(root: Path) -> None:
    """A source without rows is named even where another has some."""
    sources = {
        "one": write_lines(root.parent / "one.jsonl", row()),
        "two": write_lines(root.parent / "two.jsonl", "  "),
    }
    with pytest.raises(ValueError, match=r"two\.jsonl: must hold at least one prompt"):
        import_prompts(sources, root, LIMITS)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("cmyk.jpg", "CMYK"), ("palette.png", "P"), ("rgba.png", "RGBA")],
)
def test_converted_images_are_counted(root: Path, name: str, mode: str) -> None:
    """Images that are not RGB are accepted and counted by mode."""
    found = import_rows(root, row(), row(images=[name]))
    modes = found.report["image_modes"]
    assert (modes, found.report["num_images_converted"]) == ({mode: 1, "RGB": 1}, 1)


def test_line_ends_of_windows(root: Path) -> None:
    """CRLF changes neither prompts nor ids."""
    plain = import_rows(root, row(), row(question="What?"))
    source = root.parent / "mine.jsonl"
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    assert import_prompts({"mine": source}, root, LIMITS).prompts == plain.prompts


def test_prompts_come_in_id_order(root: Path) -> None:
    """The order of the rows does not matter downstream."""
    rows = [row(question=f"Why {number}?") for number in range(20)]
    found = import_rows(root, *rows)
    assert found.prompts == import_rows(root, *reversed(rows)).prompts
    assert [p.id for p in found.prompts] == sorted(p.id for p in found.prompts)


def test_counts_add_up(root: Path) -> None:
    """Every row is a prompt or dropped, and the report says so."""
    report = import_rows(
        root, row(), row(), row(images=[]), row(question="How many?", answer="3")
    ).report
    assert report == {
        "num_rows": 4,
        "num_prompts": 2,
        "num_dropped": 2,
        "kinds": {"closed": 1, "open": 1},
        "answer_formats": {"number": 1, "open": 1},
        "routes": {
            "mine": {
                "number": {"num_prompts": 1, "questions": ["How many?"]},
                "open": {"num_prompts": 1, "questions": ["Why?"]},
            }
        },
        "num_with_gold_answer": 1,
        "dropped": {"duplicate": 1, "no_image": 1},
        "image_modes": {"RGB": 1},
        "num_images_converted": 0,
        "fields_kept_aside": {},
    }


def test_routes_are_counted_by_source(root: Path) -> None:
    """Of each source and format the number, and three questions, each its start."""
    lines = [row(question=f"How many {word}?") for word in "abcd"]
    lines += [row(source="other", question="What is " + "x" * 500)]
    routes = import_rows(root, *lines).report["routes"]
    assert [*routes] == ["mine", "other"]
    number = routes["mine"]["number"]
    assert (number["num_prompts"], len(number["questions"])) == (4, 3)
    assert [len(text) for text in routes["other"]["open"]["questions"]] == [200]


def test_an_earlier_file_wins(root: Path) -> None:
    """Of two equal prompts the one of the earlier source stays, named after it."""
    two = write_lines(root.parent / "two.jsonl", row(source="other"), row(question="x"))
    sources = {"one": write_lines(root.parent / "one.jsonl", row()), "two": two}
    found = import_prompts(sources, root, LIMITS)
    assert sorted(prompt.source for prompt in found.prompts) == ["one", "two"]


def test_sources_are_told_apart_by_name(root: Path) -> None:
    """Two files of one name are two sources, for what is kept and what is dropped."""
    bad = row(images=["no.png"])
    sources = {
        name: write_lines(
            root.parent / folder / "prompts.jsonl", row(question=name), bad
        )
        for name, folder in {"one": "a", "two": "b"}.items()
    }
    found = import_prompts(sources, root, LIMITS)
    assert {prompt.question: prompt.source for prompt in found.prompts} == {
        "one": "one",
        "two": "two",
    }
    dropped = [(line["source"], line["file"]) for line in found.dropped]
    assert dropped == [(name, path.as_posix()) for name, path in sources.items()]


def test_a_bad_line_has_its_source(root: Path) -> None:
    """A line that could not be read is of a source all the same."""
    found = import_rows(root, row(), b'{"images": ["rgb.png"], "question": "a\0b"}')
    assert [dropped["source"] for dropped in found.dropped] == ["mine"]


def test_a_row_may_name_its_source(root: Path) -> None:
    """What a row says itself stands before the configured name."""
    found = import_rows(root, row(source="x/y"), row(images=["no.png"], source="z"))
    assert [prompt.source for prompt in found.prompts] == ["x/y"]
    assert [dropped["source"] for dropped in found.dropped] == ["z"]


def test_ids_of_prompts_are_of_images_and_question(root: Path) -> None:
    """Neither source nor answer is in the id: it is as before sources had names."""
    prompts = {
        import_rows(root, row(**changes)).prompts[0].id
        for changes in ({}, {"source": "x"}, {"answer": "3"})
    }
    (digest,) = import_rows(root, row()).prompts[0].image_sha256s
    assert prompts == {content_id([digest], "Why?")}


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        pytest.param(None, "3", "3", id="only-the-duplicate"),
        pytest.param("2", "3", "2", id="both"),
        pytest.param("2", None, "2", id="only-the-kept"),
        pytest.param(None, None, None, id="neither"),
    ],
)
def test_an_answer_is_not_dropped_with_a_duplicate(
    root: Path, first: str | None, second: str | None, answer: str | None
) -> None:
    """The kept prompt takes over the gold answer that it lacks."""
    found = import_rows(root, row(answer=first), row(answer=second, source="other"))
    (prompt,) = found.prompts
    assert (prompt.answer, prompt.source) == (answer, "mine")
    assert found.report["dropped"] == {"duplicate": 1}
    assert found.report["num_with_gold_answer"] == (answer is not None)
    assert found.dropped[0]["prompt_id"] == prompt.id


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, ("closed", "number"), id="routed"),
        pytest.param({"kind": "open"}, ("open", None), id="forced-open"),
        pytest.param(
            {"answer_format": "phrase"}, ("closed", "phrase"), id="forced-format"
        ),
        pytest.param(
            {"question": "Why?", "kind": "closed"}, ("closed", "phrase"), id="closed"
        ),
        pytest.param(
            {"kind": "open", "answer_format": "number"}, ("open", None), id="both"
        ),
    ],
)
def test_a_row_may_overrule_routing(
    root: Path, changes: dict[str, str], expected: tuple[str, str | None]
) -> None:
    """The user knows the kind of a question better than a rule."""
    line = row(**({"question": "How many dogs?"} | changes))
    (prompt,) = import_rows(root, line).prompts
    assert (prompt.kind, prompt.answer_format) == expected


def test_digests_follow_the_images(root: Path) -> None:
    """Each image has its sha256, in the same order."""
    (prompt,) = import_rows(
        root, row(images=["cmyk.jpg", "rgb.png", "cmyk.jpg"])
    ).prompts
    first, second, third = prompt.image_sha256s
    assert first == third != second


def selected(pool: list[Prompt], iteration: int, each: int, seed: int = 0) -> list[str]:
    """The ids of an iteration's prompts."""
    return [p.id for p in select_prompts(lambda: pool, iteration, each, seed)]


@given(
    size=st.integers(1, 60),
    iterations=st.integers(1, 5),
    each=st.integers(1, 60),
    seed=st.integers(0, 3),
)
def test_iterations_part_the_pool(
    size: int, iterations: int, each: int, seed: int
) -> None:
    """Each takes its number, in pool order, and no two share one; or it is refused."""
    pool = [make_prompt(number) for number in range(size)]
    if iterations * each > size:
        with pytest.raises(ValueError, match=f"at least {iterations * each} usable"):
            selected(pool, iterations, each, seed)
        return
    parts = [selected(pool, i + 1, each, seed) for i in range(iterations)]
    assert {len(part) for part in parts} == {each}
    assert len({name for part in parts for name in part}) == iterations * each
    order = [prompt.id for prompt in pool]
    assert all(part == [name for name in order if name in part] for part in parts)
    assert check_pool(size, iterations, each) == size - iterations * each


IMAGES = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3)


@given(st.lists(IMAGES, min_size=1, max_size=30), st.floats(0.05, 0.95))
def test_no_image_is_on_both_sides(images: list[list[str]], share: float) -> None:
    """What is held out shares no image with what any iteration takes."""
    pool = [
        make_prompt(number, image_sha256s=tuple(own))
        for number, own in enumerate(images)
    ]
    sides = {prompt.id: side_of(prompt, share, 0) for prompt in pool}
    trained = [prompt for prompt in pool if sides[prompt.id] == "training"]
    held_out = [prompt for prompt in pool if sides[prompt.id] == "held_out"]
    shown = [{d for p in side for d in p.image_sha256s} for side in (trained, held_out)]
    assert shown[0].isdisjoint(shown[1])
    if trained:
        taken = select_prompts(lambda: pool, 1, len(trained), 0, held_out_share=share)
        assert list(taken) == trained
    if held_out:
        assert list(draw_held_out(lambda: pool, len(pool), share, 0)) == held_out
        (first,) = draw_held_out(lambda: pool, 1, share, 0)
        assert first in held_out
    else:
        with pytest.raises(ValueError, match=r"'certificate\.share' must hold out"):
            list(draw_held_out(lambda: pool, 1, share, 0))


def test_a_share_of_images_is_held_out() -> None:
    """About as many as the share says; other seeds hold out others; none of none."""
    pool = [make_prompt(n, image_sha256s=(f"{n:064x}",)) for n in range(2000)]

    def held(share: float, seed: int) -> set[str]:
        return {p.id for p in pool if side_of(p, share, seed) == "held_out"}

    assert 300 < len(held(0.2, 0)) < 500
    assert held(0.1, 0) < held(0.2, 0) != held(0.2, 1)
    assert not held(0, 0)


def test_the_order_of_the_pool_moves_nothing() -> None:
    """An iteration takes the same prompts of a pool that lies otherwise."""
    pool = [make_prompt(number) for number in range(50)]
    assert set(selected(pool, 2, 10)) == set(selected(pool[::-1], 2, 10))
    assert set(selected(pool, 2, 10)) != set(selected(pool, 2, 10, seed=1))


@pytest.mark.parametrize(
    ("size", "hint"),
    [(99, "'pool.prompts_per_iteration: 24', add"), (3, "Hint: add prompts")],
)
def test_a_pool_that_is_too_small_says_both_numbers(size: int, hint: str) -> None:
    """What was needed, what there is, and what would fit."""
    with pytest.raises(ValueError) as caught:
        check_pool(size, iterations=4, prompts_per_iteration=25)
    assert "at least 100 usable prompts" in str(caught.value)
    assert f"(got {size})" in str(caught.value) and hint in str(caught.value)


def test_a_pool_that_is_too_small_says_what_was_dropped() -> None:
    """Each reason with its number and first row: no file of them stays behind."""
    with pytest.raises(ValueError) as caught:
        check_pool(3, 4, 25, 0.5, "2 no_image, such as a.jsonl:1 ('x')")
    assert (
        "(got 3, without what 'certificate.share: 0.5' holds out; dropped: 2 no_image, "
        "such as a.jsonl:1 ('x')). Hint" in str(caught.value)
    )
