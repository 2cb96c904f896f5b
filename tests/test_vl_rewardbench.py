import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from examples import image_bytes
from published import VLRB_SCHEMA
from selfjudge.benchmarks.preparing import Prepared, prepare_benchmark
from selfjudge.benchmarks.registry import FORMATS
from selfjudge.ground.lines import RecordError, file_sha256

PIXELS = 1_000_000
INDEX = VLRB_SCHEMA.get_field_index


def make_rows(number: int = 2, **changes: Any) -> list[dict[str, Any]]:
    """Rows as the Hub serves them."""
    return [
        {
            "id": f"RLAIF-V-{n}",
            "query": "What is this?",
            "response": [f"better {n}", f"worse {n}"],
            "image": {"bytes": image_bytes(), "path": "0.png"},
            "human_ranking": [0, 1],
            "models": ["m", "n"],
            "judge": "human",
            "rationale": None,
            "query_source": "",
            "ground_truth": "",
        }
        | changes
        for n in range(number)
    ]


def write(folder: Path, rows: list[dict[str, Any]], schema: Any = VLRB_SCHEMA) -> Path:
    """Write a release file."""
    path = folder / "test.parquet"
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def prepare(source: Path, **origin: str) -> Prepared:
    """The prepared release, images beside its file."""
    images = source.parent / "images"
    release = FORMATS["vl_rewardbench"]
    return prepare_benchmark("vlrb", release, source, images, PIXELS, **origin)


def retyped(name: str, kind: Any) -> Any:
    """The schema with another type of one column."""
    return VLRB_SCHEMA.set(INDEX(name), pa.field(name, kind))


@pytest.mark.parametrize(
    ("name", "kind", "values", "must"),
    [
        ("id", pa.int64(), 7, "strings"),
        ("query", pa.binary(), b"q", "strings"),
        ("response", pa.string(), "a b", "lists of strings"),
        ("response", pa.list_(pa.int64()), [1, 2], "lists of strings"),
        ("human_ranking", pa.list_(pa.float64()), [0.0, 1.0], "lists of whole numbers"),
        ("human_ranking", pa.list_(pa.string()), ["0", "1"], "lists of whole numbers"),
        ("human_ranking", pa.int64(), 0, "lists of whole numbers"),
        ("image", pa.binary(), b"", "structs of 'bytes' and 'path'"),
        ("image", pa.string(), "0.png", "structs of 'bytes' and 'path'"),
        (
            "image",
            pa.struct([("path", pa.string())]),
            {"path": "x"},
            "structs of 'bytes' and 'path'",
        ),
    ],
)
def test_wrong_types_are_an_error(
    tmp_path: Path, name: str, kind: Any, values: Any, must: str
) -> None:
    """The column, what it must hold, what it holds."""
    source = write(tmp_path, make_rows(**{name: values}), retyped(name, kind))
    why = rf"test\.parquet: column '{name}' must hold {must} \(got "
    with pytest.raises(RecordError, match=why):
        prepare(source)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("query", pa.large_string()),
        ("response", pa.large_list(pa.large_string())),
        ("human_ranking", pa.list_(pa.int32())),
        ("human_ranking", pa.list_(pa.int64(), 2)),
        ("image", pa.struct([("bytes", pa.large_binary()), ("path", pa.string())])),
    ],
)
def test_types_that_mean_the_same_are_read(
    tmp_path: Path, name: str, kind: Any
) -> None:
    """Libraries write the same columns with other widths."""
    assert len(prepare(write(tmp_path, make_rows(), retyped(name, kind))).pairs) == 2


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    """Every row is checked before the first image is written."""
    rows = make_rows(200) + make_rows(1, human_ranking=[1, 1])
    with pytest.raises(RecordError, match="row 201: 'human_ranking' must rank two"):
        prepare(write(tmp_path, rows))
    assert [path.name for path in tmp_path.iterdir()] == ["test.parquet"]


def test_no_rows_are_an_error(tmp_path: Path) -> None:
    """An empty file has nothing to score."""
    with pytest.raises(RecordError, match=r"test\.parquet: must have at least one row"):
        prepare(write(tmp_path, []))


def test_rows_keep_what_only_scoring_may_know(tmp_path: Path) -> None:
    """Row, id, subset, split and order, in the order of the release."""
    rows = make_rows(1) + make_rows(1, human_ranking=[1, 0], id="svit_3")
    prepared = prepare(write(tmp_path, rows))
    found = [
        (row.row, row.release_id, row.subset, row.split, row.chosen_first)
        for row in prepared.rows
    ]
    assert found == [
        (0, "RLAIF-V-0", "RLAIF", "hallucination", True),
        (1, "svit_3", "svit", "general", False),
    ]
    assert {row.pair_id for row in prepared.rows} == {p.id for p in prepared.pairs}


@pytest.mark.parametrize("key", ["image", "image_path"])
@pytest.mark.parametrize("lines", [True, False])
def test_older_layouts_are_read(tmp_path: Path, key: str, lines: bool) -> None:
    """JSON or JSON Lines with images beside, as rows were served in 2024."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").write_bytes(image_bytes())
    rows = make_rows(query="What is this?\n<image>")
    for row, name in zip(rows, ("pictures/0.png", "pictures/1.png"), strict=True):
        del row["image"]
        row[key] = name
    source = tmp_path / ("data.jsonl" if lines else "data.json")
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    source.write_text(text)
    prepared = prepare(source)
    assert [pair.question for pair in prepared.pairs] == ["What is this?"]
    assert prepared.manifest.dropped == [
        {"row": 1, "id": "RLAIF-V-1", "reason": "missing_image"}
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", r"data\.jsonl:1: must be JSON"),
        ("[1]", r"data\.jsonl:1: must be a JSON object"),
        ('{"id": 1}', r"data\.jsonl: row 1: 'id' must be a string \(got 1\)"),
        ('{"id": "a", "query": "q"}', "row 1: 'response' must be a list of two"),
    ],
)
def test_bad_lines_of_older_layouts_are_named(
    tmp_path: Path, text: str, why: str
) -> None:
    """File, line or row, and what it must be."""
    source = tmp_path / "data.jsonl"
    source.write_text(text)
    with pytest.raises(RecordError, match=why):
        prepare(source)


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    """With what it hashes to, and which key to change."""
    source = write(tmp_path, make_rows())
    digest = file_sha256(source)
    assert prepare(source, sha256=digest).manifest.source_sha256 == digest
    with pytest.raises(RecordError, match=rf"got {digest}.*'benchmarks\.vlrb\.sha256'"):
        prepare(source, sha256="0" * 64)


@pytest.mark.parametrize(
    ("revision", "warned"), [("main", True), ("0123abc", False), (None, False)]
)
def test_a_moving_revision_is_warned_of(
    tmp_path: Path, revision: Any, warned: bool
) -> None:
    """A branch may hold other rows tomorrow."""
    manifest = prepare(write(tmp_path, make_rows()), revision=revision).manifest
    assert manifest.revision == revision
    assert any("name a commit" in text for text in manifest.warnings) is warned


def test_repeated_rows_are_named(tmp_path: Path) -> None:
    """The same pair again, and the same pair with the opposite label."""
    rows = make_rows(1) * 2 + make_rows(1, human_ranking=[1, 0])
    repeats = prepare(write(tmp_path, rows)).manifest.repeats
    assert (repeats.num_repeated_ids, repeats.rows) == (1, [1, 2])
    assert repeats.contradicting_rows == [2]


def test_unknown_rows_are_no_known_release(tmp_path: Path) -> None:
    """And no errata apply to them."""
    manifest = prepare(write(tmp_path, make_rows())).manifest
    assert manifest.release is None and manifest.errata is not None
    assert manifest.errata.num_labels_uncorrected == 0
