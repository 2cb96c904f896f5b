"""A benchmark of one's own: labelled pairs in a JSON Lines file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from examples import image_bytes
from published import accuracies, both_orders, judge_rows, score
from selfjudge.benchmarks.pairs import RESERVED
from selfjudge.benchmarks.preparing import Prepared, prepare_benchmark
from selfjudge.benchmarks.protocols import SELFJUDGE
from selfjudge.benchmarks.registry import FORMATS
from selfjudge.ground.lines import RecordError


def make_line(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A line with the fields that a line must have."""
    return {
        "images": ["0.png"],
        "question": f"What is number {number}?",
        "responses": ["A cup.", "A jug."],
        "better": "second",
    } | changes


def prepare(folder: Path, rows: Iterable[Any]) -> Prepared:
    """The prepared file of these lines, with two images in `images` beside it."""
    (folder / "images").mkdir(exist_ok=True)
    for number in range(2):
        path = folder / "images" / f"{number}.png"
        path.write_bytes(image_bytes(color=(number, 0, 0)))
    source = folder / "mine.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return prepare_benchmark("mine", FORMATS["pairs"], source, folder / "out", 10_000)


def test_a_line_is_a_pair(tmp_path: Path) -> None:
    """Several images, a group and a criterion where they are given."""
    rows = [
        make_line(),
        make_line(
            1, images=["0.png", "1.png"], group="trays", better="first", id="t-1"
        ),
        make_line(2, criterion="The shorter one."),
    ]
    prepared = prepare(tmp_path, rows)
    pairs = {pair.question: pair for pair in prepared.pairs}
    one, two, three = (pairs[f"What is number {n}?"] for n in range(3))
    assert (one.chosen, one.rejected, one.category) == ("A jug.", "A cup.", "all")
    assert (two.chosen, len(two.images), two.category) == ("A cup.", 2, "trays")
    assert (one.criterion, three.criterion) == (None, "The shorter one.")
    told = [(row.release_id, row.chosen_first) for row in prepared.rows]
    assert told == [("1", False), ("t-1", True), ("3", False)]
    # Nothing was published of it: there is nothing to warn of.
    assert (prepared.manifest.release, prepared.manifest.warnings) == (None, [])


def test_ties_and_equal_responses_are_counted_and_left_out(tmp_path: Path) -> None:
    """And images that cannot be read; each is named."""
    rows = [
        make_line(),
        make_line(1, better="tie", id="both"),
        make_line(2, responses=["Same.", "Same."]),
        make_line(3, images=["9.png"]),
        make_line(4, images=["../mine.jsonl"]),
        make_line(5, images=["a\0.png"]),
    ]
    manifest = prepare(tmp_path, rows).manifest
    assert manifest.dropped == [
        {"row": 1, "id": "both", "reason": "tie"},
        {"row": 2, "id": "3", "reason": "equal_responses"},
        {"row": 3, "id": "4", "reason": "missing_image"},
        {"row": 4, "id": "5", "reason": "image_outside_root"},
        {"row": 5, "id": "6", "reason": "bad_image_path"},
    ]
    assert (manifest.num_rows, manifest.num_pairs) == (6, 1)
    assert "5 rows are left out: 1 bad_image_path, " in manifest.warnings[0]


def test_contradictions_are_named(tmp_path: Path) -> None:
    """The same pair with the opposite label, but not under another criterion."""
    rows = [
        make_line(),
        make_line(responses=["A jug.", "A cup."]),
        make_line(better="first", criterion="Be short."),
    ]
    repeats = prepare(tmp_path, rows).manifest.repeats
    assert (repeats.rows, repeats.contradicting_rows) == ([1], [1])


@pytest.mark.parametrize(
    ("labels", "against"),
    [
        (("tie", "second", "second"), []),
        (("second", "tie", "second"), []),
        (("first", "second", "tie"), [1]),
        (("tie", "first", "second"), [2]),
        (("first", "tie", "second"), [2]),
        (("tie", "tie", "tie"), []),
    ],
)
def test_a_tie_contradicts_no_label(
    tmp_path: Path, labels: tuple[str, ...], against: list[int]
) -> None:
    """It has none, wherever it stands; that its pair stands there twice is told."""
    rows = [make_line(better=better) for better in labels]
    repeats = prepare(tmp_path, rows).manifest.repeats
    assert (repeats.rows, repeats.contradicting_rows) == ([1, 2], against)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"better": "a"}, "'better' must be one of 'first', 'second', 'tie'"),
        ({"better": None}, "'better' must be one of"),
        ({"responses": ["one"]}, "'responses' must be a list"),
        ({"responses": ["one", 2]}, "'responses' must be a list"),
        ({"images": "0.png"}, "'images' must be a list"),
        ({"criterium": "x"}, "unknown field 'criterium'"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, changes: Any, why: str) -> None:
    """With the field, what it must be and what it is."""
    with pytest.raises(RecordError, match=rf"mine\.jsonl:2: {why}"):
        prepare(tmp_path, [make_line(), make_line(1, **changes)])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"images": []}, "images must not be empty"),
        ({"question": " "}, "question must not be empty"),
        ({"responses": ["", "x"]}, "responses must not be empty"),
        ({"criterion": ""}, "criterion must not be empty"),
        *(({"group": name}, "'group' must be a name") for name in ("", *RESERVED)),
    ],
)
def test_what_types_do_not_say(tmp_path: Path, changes: Any, why: str) -> None:
    """Empty values, and names that rows of scores have."""
    with pytest.raises(RecordError, match=rf"mine\.jsonl: pair 2: {why}"):
        prepare(tmp_path, [make_line(), make_line(1, **changes)])


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    """With those that the line has."""
    row = make_line()
    del row["better"]
    with pytest.raises(RecordError, match=r"mine\.jsonl:1: field 'better' is missing"):
        prepare(tmp_path, [row])


def test_lines_without_a_criterion_have_no_rows_over_criteria(tmp_path: Path) -> None:
    """Lines with one do, and each kind counts in the average over all."""
    plain = [make_line(n) for n in range(4)]
    found = accuracies(score_right(prepare(tmp_path, plain)))
    assert found == {"all": 1.0, "overall": 1.0, "macro": 1.0}
    told = [make_line(9, criterion="Be true."), make_line(9, criterion="Be short.")]
    told[1] |= {"better": "first"}
    found = accuracies(score_right(prepare(tmp_path, plain + told)))
    expected = ["all", "overall", "macro", "all_criteria", "tradeoffs", "conflicts"]
    assert found == dict.fromkeys(expected, 1.0)


def test_a_label_that_contradicts_is_no_conflict_of_criteria(tmp_path: Path) -> None:
    """The same criterion twice, with opposite labels, tells nothing of heeding."""
    told = [make_line(criterion="Be true."), make_line(criterion="Be true.")]
    told[1] |= {"better": "first"}
    assert "conflicts" not in accuracies(score_right(prepare(tmp_path, told)))


def score_right(prepared: Prepared) -> Any:
    """The scores of a judge that is right in both orders."""
    judgments = judge_rows(prepared, lambda *_: both_orders(True))
    return score(prepared, SELFJUDGE, judgments)
