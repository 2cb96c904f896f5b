"""Multi-Crit: its rows, its two splits, and what its criteria come to."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import fetch_benchmark
from examples import image_bytes
from published import accuracies, both_orders, judge_rows, score
from selfjudge.benchmarks.multi_crit import COLUMNS, CRITERIA, TEXTS
from selfjudge.benchmarks.preparing import Prepared, prepare_benchmark
from selfjudge.benchmarks.protocols import SELFJUDGE
from selfjudge.benchmarks.registry import FORMATS, find_protocol
from selfjudge.ground.lines import RecordError
from selfjudge.judging.asks import judge_text, load_judge_template

OFFICIAL = find_protocol("multi_crit", "official")
TEMPLATES = Path(__file__).parents[1] / "scripts/templates"
SCHEMA = pa.schema(
    [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))]
    + [(name, pa.string()) for name in (*TEXTS, "image_path", "model_a", "model_b")]
)


def make_row(
    prompt: int = 0, criterion: str = "clarity", preference: str = "a", **changes: Any
) -> dict[str, Any]:
    """A row in the columns of the Hub."""
    return {
        "image": {"bytes": image_bytes(color=(prompt, 0, 0)), "path": "0.png"},
        "question_id": f"{prompt}__{criterion}",
        "image_path": "0.png",
        "question": f"What is shown at {prompt}?",
        "pred_a": f"A long answer to {prompt}.",
        "pred_b": f"Short, {prompt}.",
        "model_a": "m",
        "model_b": "n",
        "split": "open-ended",
        "criterion": criterion,
        "preference": f"model_{preference}",
        "prompt_id": str(prompt),
    } | changes


def write(folder: Path, rows: Sequence[dict[str, Any]], schema: Any = SCHEMA) -> Path:
    """A parquet file as the Hub has it."""
    path = folder / "open_ended.parquet"
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return path


def prepare(source: Path) -> Prepared:
    """The prepared release."""
    images = source.parent / "out"
    return prepare_benchmark("mc", FORMATS["multi_crit"], source, images, 10_000)


def test_rows_are_criteria_of_a_pair(tmp_path: Path) -> None:
    """One prompt, two criteria whose labels disagree: two pairs that say so."""
    rows = [make_row(), make_row(criterion="hallucination", preference="b")]
    prepared = prepare(write(tmp_path, rows))
    one, other = sorted(prepared.pairs, key=lambda pair: pair.category or "")
    assert (one.category, other.category) == ("clarity", "hallucination")
    assert one.prompt_id == other.prompt_id and one.id != other.id
    assert (one.chosen, one.rejected) == (other.rejected, other.chosen)
    assert one.criterion == CRITERIA["open_ended"]["clarity"]
    assert [row.chosen_first for row in prepared.rows] == [True, False]
    assert prepared.manifest.groups == {"clarity": 1, "hallucination": 1}
    assert prepared.manifest.repeats.rows == []


@pytest.mark.parametrize("name", ["judge_criterion.txt", "official/multi_crit.txt"])
def test_the_criterion_stands_in_the_prompt(tmp_path: Path, name: str) -> None:
    """And alone: no other criterion of the split does."""
    (pair,) = prepare(write(tmp_path, [make_row()])).pairs
    text = judge_text(pair, "rejected_first", load_judge_template(TEMPLATES / name))
    told = [key for key, words in CRITERIA["open_ended"].items() if words in text]
    assert told == ["clarity"]
    assert text.index(pair.rejected) < text.index(pair.chosen)


def test_the_authors_json_lines_are_read(tmp_path: Path) -> None:
    """With images beside the file."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(image_bytes())
    row = make_row(image_path="images/0.png")
    del row["image"]
    source = tmp_path / "rows.jsonl"
    source.write_text(json.dumps(row) + "\n")
    assert len(prepare(source).pairs) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"criterion": "logic"}, "'criterion' of open_ended must be one of complet"),
        ({"preference": "model_c"}, "'preference' must be 'model_a' or 'model_b'"),
        ({"preference": "tie"}, "'preference' must be 'model_a' or 'model_b'"),
        ({"preference": None}, "'preference' must be a string"),
        ({"split": "video"}, "'split' must be 'open_ended' or 'reasoning'"),
        (
            {"split": "reasoning", "criterion": "logic"},
            "'split' must be 'open_ended' as in the rows before",
        ),
        ({"image": {"bytes": None, "path": "x"}}, "'image' must hold the image's"),
        ({"image": None}, "'image' must hold the image's"),
        ({"question": None}, "'question' must be a string"),
    ],
)
def test_errors_name_the_row(tmp_path: Path, changes: Any, why: str) -> None:
    """Before anything is written."""
    rows = [make_row(), make_row(1) | changes]
    with pytest.raises(RecordError, match=rf"open_ended\.parquet: row 2: {why}"):
        prepare(write(tmp_path, rows))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_missing_column_or_a_wrong_type_is_an_error(
    tmp_path: Path, name: str
) -> None:
    """With what the file has."""
    row = make_row()
    place = SCHEMA.get_field_index(name)
    with pytest.raises(RecordError, match=rf"must have the columns \['{name}'\]"):
        prepare(write(tmp_path, [row], SCHEMA.remove(place)))
    wrong = SCHEMA.set(place, pa.field(name, pa.int64()))
    with pytest.raises(RecordError, match=rf"column '{name}' must hold "):
        prepare(write(tmp_path, [row | {name: 1}], wrong))


def test_what_is_no_pair_is_counted_and_named(tmp_path: Path) -> None:
    """A repeated id (the first is kept), equal responses, an image that is none."""
    broken = {"bytes": b"no image", "path": "x"}
    rows = [
        make_row(),
        make_row(preference="b"),
        make_row(1, pred_a="same", pred_b="same"),
        make_row(2, image=broken),
    ]
    prepared = prepare(write(tmp_path, rows))
    assert [pair.chosen for pair in prepared.pairs] == ["A long answer to 0."]
    assert prepared.manifest.dropped == [
        {"row": 1, "id": "0__clarity", "reason": "repeated_id"},
        {"row": 2, "id": "1__clarity", "reason": "equal_responses"},
        {"row": 3, "id": "2__clarity", "reason": "unreadable_image"},
    ]
    assert prepared.manifest.repeats.contradicting_rows == [1]
    assert (
        "3 rows are left out: 1 equal_responses, 1 repeated_id, 1 unreadable_image."
        in prepared.manifest.warnings
    )


def test_prompts_of_mixed_rows_are_warned_of(tmp_path: Path) -> None:
    """Criteria compare only on the same two responses."""
    rows = [make_row(), make_row(criterion="hallucination", pred_b="Other.")]
    warnings = prepare(write(tmp_path, rows)).manifest.warnings
    assert any("1 prompts have rows of different" in text for text in warnings)


@pytest.mark.parametrize("short", [0, 1])
def test_a_split_is_known_by_its_rows(tmp_path: Path, short: int) -> None:
    """1,000 rows of the five criteria; one less is no known release."""
    rows = [
        make_row(number // 5 % 250, criterion, image=None, image_path="no.png")
        for number, criterion in zip(
            range(1000 - short), list(CRITERIA["open_ended"]) * 200, strict=False
        )
    ]
    source = tmp_path / "rows.jsonl"
    for row in rows:
        row["image"] = "no.png"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    manifest = prepare(source).manifest
    assert manifest.release == (None if short else "multi_crit_open_ended")


# ------------------------------------------------------------------- what it comes to

# Three prompts.  Labels of the first disagree in two of three pairs of criteria, of the
# second in the only one, of the third in none.
LABELS = [
    (0, "completeness", "a"),
    (0, "clarity", "b"),
    (0, "hallucination", "a"),
    (1, "completeness", "a"),
    (1, "clarity", "b"),
    (2, "completeness", "a"),
    (2, "clarity", "a"),
]


@pytest.fixture
def labelled(tmp_path: Path) -> Prepared:
    """The release of `LABELS`."""
    return prepare(write(tmp_path, [make_row(*label) for label in LABELS]))


def judge_as(prepared: Prepared, prefers: str) -> dict[str, float | None]:
    """The official scores of a judge that says a, b or nothing (-) row by row."""
    said = {"a": "Response 1 is better.", "b": "Response 2 is better.", "-": "Hm."}
    judgments = judge_rows(
        prepared,
        lambda _, row: [
            (
                "chosen_first" if row.chosen_first else "rejected_first",
                said[prefers[row.row]],
            )
        ],
    )
    return accuracies(score(prepared, OFFICIAL, judgments))


@pytest.mark.parametrize(
    ("prefers", "overall", "all_criteria", "tradeoffs", "conflicts"),
    [
        ("abaabaa", 7 / 7, 3 / 3, 2 / 2, 3 / 3),
        # One response whatever the criterion.
        ("aaaaaaa", 5 / 7, 1 / 3, 0, 0),
        ("bbbbbbb", 2 / 7, 0, 0, 0),
        # The wrong way round tells criteria apart as well.
        ("babbabb", 0, 0, 2 / 2, 0),
        # One conflicting pair told apart is enough; one of three is right on both.
        ("abbaaaa", 5 / 7, 1 / 3, 1 / 2, 1 / 3),
        # Nothing said is wrong, and prefers nothing.
        ("-b-a-aa", 4 / 7, 1 / 3, 0, 0),
    ],
)
def test_official_scores(
    labelled: Prepared,
    prefers: str,
    overall: float,
    all_criteria: float,
    tradeoffs: float,
    conflicts: float,
) -> None:
    """Computed by hand from the authors' rules: PAcc, TOS, CMR."""
    found = judge_as(labelled, prefers)
    names = ("overall", "all_criteria", "tradeoffs", "conflicts")
    expected = [round(v, 6) for v in (overall, all_criteria, tradeoffs, conflicts)]
    assert [found[name] for name in names] == expected


def test_the_official_macro_is_of_rounded_shares(tmp_path: Path) -> None:
    """Two criteria of 1/3 and 2/3 and one of 1/7: each is rounded before the mean."""
    shares = {"completeness": (1, 3), "clarity": (2, 3), "hallucination": (1, 7)}
    rows, prefers, prompt = [], "", 0
    for criterion, (right, number) in shares.items():
        for place in range(number):
            rows.append(make_row(prompt, criterion))
            prefers += "a" if place < right else "b"
            prompt += 1
    prepared = prepare(write(tmp_path, rows))
    rounded = sum(round(right / n, 4) for right, n in shares.values()) / 3
    exact = sum(right / n for right, n in shares.values()) / 3
    assert judge_as(prepared, prefers)["macro"] == round(rounded, 6) != round(exact, 6)


def test_in_both_orders_a_place_prefers_nothing(labelled: Prepared) -> None:
    """Always the first: half of all is right, and no criterion is."""
    judgments = judge_rows(
        labelled,
        lambda *_: [(order, "Verdict: [[A]]") for order in ORDERS],
    )
    found = accuracies(score(labelled, SELFJUDGE, judgments))
    names = ("overall", "all_criteria", "tradeoffs", "conflicts")
    assert [found[name] for name in names] == [0.5, 0, 0, 0]


ORDERS = ("chosen_first", "rejected_first")


@pytest.mark.parametrize("protocol", [OFFICIAL, SELFJUDGE])
def test_ignoring_the_criterion_is_a_baseline(
    labelled: Prepared, protocol: Any
) -> None:
    """What most labels of a prompt prefer: 2 of 3, 1 of 2, 2 of 2 right."""
    text = "Response 1 is better.\nVerdict: [[A]]"
    orders = ORDERS if protocol is SELFJUDGE else ()
    judgments = judge_rows(
        labelled,
        lambda _, row: [
            (order, text) for order in orders or (ORDERS[not row.chosen_first],)
        ],
    )
    found = {
        row.group: row.accuracy
        for row in score(labelled, protocol, judgments).baselines
        if row.baseline == "ignores_criterion"
    }
    assert found["overall"] == round(5 / 7, 6)
    assert found["all_criteria"] == round(1 / 3, 6)
    assert (found["tradeoffs"], found["conflicts"]) == (0, 0)


def test_rows_over_criteria_count_prompts_and_conflicts(labelled: Prepared) -> None:
    """With an interval over prompts, and no p-value."""
    judgments = judge_rows(
        labelled,
        lambda *_: both_orders(True),
    )
    rows = {row.group: row for row in score(labelled, SELFJUDGE, judgments).rows}
    names = ("all_criteria", "tradeoffs", "conflicts")
    assert [rows[name].num_pairs for name in names] == [3, 2, 3]
    assert [rows[name].accuracy for name in names] == [1, 1, 1]
    assert {rows[name].p_value_base for name in names} == {None}
    # Two of these three conflicts are of one prompt: as little as two prompts say.
    assert rows["conflicts"].low == rows["tradeoffs"].low


# --------------------------------------------------------------------- from the Hub


def fetch(folder: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> Path:
    """What the script writes of a data set that lies in a folder instead of the Hub."""
    there = sorted(path.name for path in folder.glob("*.parquet"))
    monkeypatch.setattr(fetch_benchmark, "list_repo_files", lambda *a, **k: there[::-1])
    monkeypatch.setattr(
        fetch_benchmark, "hf_hub_download", lambda _, name, **k: str(folder / name)
    )
    settings = {"dataset": "owner/set", "revision": "0" * 40, "file": pattern}
    output = folder / "out" / "mc.parquet"
    command = ["fetch", "--settings", json.dumps(settings), "--output", str(output)]
    monkeypatch.setattr("sys.argv", command)
    fetch_benchmark.main()
    return output


def test_files_that_match_are_one_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub cuts a large split into parts: their rows come in the parts' order."""
    for part, prompts in enumerate([(0, 1), (2,), (9,)]):
        name = f"{'open' if part < 2 else 'other'}-{part}.parquet"
        write(tmp_path, [make_row(prompt) for prompt in prompts])
        (tmp_path / "open_ended.parquet").rename(tmp_path / name)
    prepared = prepare(fetch(tmp_path, monkeypatch, "open-*.parquet"))
    assert [row.release_id[0] for row in prepared.rows] == ["0", "1", "2"]
    whole = fetch(tmp_path, monkeypatch, "other-2.parquet")
    assert whole.read_bytes() == (tmp_path / "other-2.parquet").read_bytes()


def test_files_that_do_not_fit_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None that matches, another schema, no parquet at all."""
    write(tmp_path, [make_row()])
    (tmp_path / "open_ended.parquet").rename(tmp_path / "a-0.parquet")
    with pytest.raises(ValueError, match=r"must match a file \(got 'b-\*'"):
        fetch(tmp_path, monkeypatch, "b-*")
    place = SCHEMA.get_field_index("model_b")
    write(tmp_path, [make_row()], SCHEMA.remove(place))
    (tmp_path / "open_ended.parquet").rename(tmp_path / "a-1.parquet")
    with pytest.raises(RecordError, match=r"a-1\.parquet: must have the columns of"):
        fetch(tmp_path, monkeypatch, "a-*")
    (tmp_path / "a-1.parquet").write_text("no table")
    with pytest.raises(RecordError, match=r"a-1\.parquet: must be a parquet file"):
        fetch(tmp_path, monkeypatch, "a-*")
    assert not (tmp_path / "out").exists()
