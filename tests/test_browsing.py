from pathlib import Path
from typing import Any

import pytest

from examples import image_bytes, judge_both, make_judgment, make_pair
from selfjudge.ground.lines import RecordError
from selfjudge.report.browsing import Browsed, ImageSource, collect, inert_json
from selfjudge.report.results_folder import Branch
from selfjudge.report.shown_pairs import survey
from small_project import Judged, hostile_pairs, judged_pairs, write_branch

PLENTY = 10**7


def browse(
    folder: Path, judged: list[Judged], most: int = 100, room: int = PLENTY
) -> Browsed:
    """What a page shows of a branch."""
    write_branch(folder, judged)
    population = survey([Branch(1, "majority", folder)], 0)
    images = ImageSource(folder, 10**6)
    return collect(population.sample(most), population.count(), images, 64, room)


def only(folder: Path, judged: list[Judged]) -> dict[str, Any]:
    """The record of the first of these pairs."""
    records = browse(folder, judged).records
    (record,) = [r for r in records if r["id"].endswith(judged[0][0].id)]
    return record


def test_a_record_holds_the_pair_and_both_judgments(tmp_path: Path) -> None:
    """Everything that was said, and what became of it."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    pair = make_pair()
    judged = [(pair, judge_both(pair, "A", "A")), *judged_pairs()[1:]]
    record = only(tmp_path, judged)
    assert record["id"] == f"1/majority/{pair.id}"
    assert record["outcome"] == "not_in_both_orders"
    assert (record["prompt_id"], record["pair_id"]) == (pair.prompt_id, pair.id)
    assert [one["id"] for one in record["judgments"]] == [
        one.id for one in judged[0][1]
    ]
    assert (record["votes"], record["votes_rejected"]) == (5, 1)
    assert record["question"] == {"spans": [pair.question], "num_cut": 0}
    assert record["images"] == [{"name": "a.png", "thumbnail": 0}]
    assert [
        (one["order"], one["verdict"], one["prefers_chosen"], one["outcome"])
        for one in record["judgments"]
    ] == [
        ("chosen_first", "A", True, "not_in_both_orders"),
        ("rejected_first", "A", False, "wrong_verdict"),
    ]


def test_the_injected_error_is_marked(tmp_path: Path) -> None:
    """A marked span is a list; only altered responses have any."""
    records = browse(tmp_path, judged_pairs()).records
    altered = [r["rejected"]["spans"] for r in records if r["kind"] == "open"]
    assert altered and all(
        spans == [["Three"], " ", "dogs run on a green field."] for spans in altered
    )
    closed = [r["rejected"]["spans"] for r in records if r["kind"] == "closed"]
    assert closed and all(spans == ["There are 4 dogs."] for spans in closed)


def test_an_unparsed_judgment_prefers_nothing(tmp_path: Path) -> None:
    """None stays None: no letter is guessed."""
    pair = make_pair()
    record = only(tmp_path, [(pair, judge_both(pair, "C", "A")), *judged_pairs()[1:]])
    assert record["judgments"][0]["verdict"] is None
    assert record["judgments"][0]["prefers_chosen"] is None


def test_long_texts_are_cut_and_say_so(tmp_path: Path) -> None:
    """A page never carries megabytes of one text."""
    pair = make_pair(chosen="x" * 10_000_000, question="y " * 5000)
    judgments = [
        make_judgment(pair, order, "z" * 50_000 + end, finish_reason="stop")
        for order, end in (
            ("chosen_first", "Verdict: [[A]]"),
            ("rejected_first", "Verdict: [[B]]"),
        )
    ]
    record = only(tmp_path, [(pair, judgments)])
    assert record["chosen"]["num_cut"] == 10_000_000 - 6000
    assert record["question"]["num_cut"] == 4000
    assert record["judgments"][0]["text"]["num_cut"] > 44_000
    # The verdict is parsed from the whole text, not from what is shown.
    assert record["judgments"][0]["verdict"] == "A"
    assert len(inert_json(record)) < 30_000


def test_records_keep_below_their_bytes(tmp_path: Path) -> None:
    """What has no room is left out, and the counts tell."""
    judged = judged_pairs(20)
    whole = browse(tmp_path, judged)
    part = browse(tmp_path, judged, room=40_000)
    size = len(inert_json({"records": part.records, "thumbnails": part.thumbnails}))
    assert 0 < len(part.records) < len(whole.records) == 80
    assert size <= 40_000
    assert sum(part.num_shown.values()) == len(part.records)
    assert part.num_pairs == whole.num_pairs
    # Fewer, but still some of everything.
    assert all(part.num_shown.values())


def test_bytes_are_those_of_the_escaped_text(tmp_path: Path) -> None:
    """Text of nothing but angle brackets takes six bytes a character."""
    judged = hostile_pairs(*("<" * (500 + n) for n in range(40)))
    part = browse(tmp_path, judged, room=100_000)
    data = inert_json({"records": part.records, "thumbnails": part.thumbnails})
    assert part.records and len(data.encode()) <= 100_000


def test_one_thumbnail_an_image(tmp_path: Path) -> None:
    """Pairs that share an image share its thumbnail; a bad image has none."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    judged = judged_pairs()
    pair = make_pair(99, images=("a.png", "none.png", "../a.png"))
    browsed = browse(tmp_path, [*judged, (pair, judge_both(pair, "A", "B"))])
    assert len(browsed.thumbnails) == 3 and browsed.thumbnails.count(None) == 2


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    """An error of a sampled line has file and line."""
    write_branch(tmp_path, judged_pairs())
    path = tmp_path / "judgments.jsonl"
    path.write_text(path.read_text().replace('"stop"', '"halt"', 1))
    population = survey([Branch(1, "majority", tmp_path)], 0)
    with pytest.raises(RecordError, match=r"judgments\.jsonl:1: 'finish_reason' must"):
        images = ImageSource(tmp_path, 10**6)
        collect(population.sample(99), population.count(), images, 64, PLENTY)


def test_data_cannot_end_its_block() -> None:
    """No character that markup could be read from is left."""
    data = inert_json({"a": "</script><!--\u2028\u2029&"})
    assert not set("<>&\u2028\u2029") & set(data)
