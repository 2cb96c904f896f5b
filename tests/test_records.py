import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import make_pair, make_prompt, write_lines
from selfjudge.benchmarks.scores import Scores
from selfjudge.ground.lines import (
    RecordError,
    content_id,
    dropped,
    dropped_line,
    encode,
    file_sha256,
    read_document,
    read_json,
    read_records,
    write_json,
    write_records,
    writing,
)
from selfjudge.ground.records import Pair, Record, Response
from selfjudge.ground.requests import Sampling

RESPONSE = {"id": "a", "prompt_id": "p", "sample": 0, "seed": 1, "text": "t"}
RESPONSE["finish_reason"] = "stop"


def changed(**changes: Any) -> bytes:
    """A response's line with some fields changed; "-" leaves one out."""
    row = {name: value for name, value in (RESPONSE | changes).items() if value != "-"}
    return json.dumps(row).encode()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(
            b'{"id": "a",',
            "the line must be one JSON object (Input data was truncated; "
            'got \'{"id": "a",\')',
            id="malformed",
        ),
        pytest.param(
            b"[1]", "the line must be a JSON object (got '[1]')", id="no-object"
        ),
        pytest.param(
            changed(sample="-"),
            "field 'sample' is missing "
            "(the line has 'id', 'prompt_id', 'seed', 'text', 'finish_reason')",
            id="missing",
        ),
        pytest.param(
            changed(sample="0"),
            "'sample' must be a whole number (got '0')",
            id="string-for-number",
        ),
        pytest.param(
            changed(sample=1.5),
            "'sample' must be a whole number (got 1.5)",
            id="fraction",
        ),
        pytest.param(
            changed(text=None), "'text' must be a string (got None)", id="null"
        ),
        pytest.param(
            changed(texts="t"),
            "unknown field 'texts' (must be one of id, prompt_id, sample, seed, text, "
            "finish_reason)",
            id="unknown",
        ),
        pytest.param(
            b'{"id": "\xff"}',
            "the line must be UTF-8 (got byte 0xff at column 9)",
            id="not-utf-8",
        ),
        pytest.param(
            changed(text=["x" * 5000]),
            f"'text' must be a string (got ['{'x' * 58}...)",
            id="long-values-are-clipped",
        ),
    ],
)
def test_bad_line(tmp_path: Path, line: bytes, why: str) -> None:
    """An error names file, line, field, what it must be and what it is."""
    path = write_lines(tmp_path / "r.jsonl", changed(), b"", line)
    with pytest.raises(RecordError) as error:
        list(read_records(path, Response))
    assert str(error.value) == f"{path}:3: {why}"


@pytest.mark.parametrize(
    ("field", "value", "must"),
    [
        pytest.param(
            "origin",
            "majority",
            "one of 'majority_answer', 'gold_answer', 'alteration', 'benchmark' "
            "(got 'majority')",
            id="literal",
        ),
        pytest.param(
            "num_votes", "5", "a whole number or null (got '5')", id="optional"
        ),
        pytest.param(
            "images", "a.png", "a list, each a string (got 'a.png')", id="list"
        ),
    ],
)
def test_field_types_in_words(
    tmp_path: Path, field: str, value: Any, must: str
) -> None:
    """Types are named as people name them."""
    row = msgspec.structs.asdict(make_pair()) | {field: value}
    path = write_lines(tmp_path / "pairs.jsonl", json.dumps(row))
    with pytest.raises(RecordError) as error:
        list(read_records(path, Pair))
    assert str(error.value) == f"{path}:1: '{field}' must be {must}"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_line_ends(tmp_path: Path, end: bytes) -> None:
    """Files from Windows read alike, blank lines and a missing last end included."""
    path = tmp_path / "r.jsonl"
    path.write_bytes(changed() + end + b"  " + end + end + changed(id="b"))
    assert [record.id for record in read_records(path, Response)] == ["a", "b"]


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    """Whether nothing is too little is for the stage to say."""
    path = write_lines(tmp_path / "r.jsonl")
    assert list(read_records(path, Response)) == []


@given(st.lists(st.text()))
def test_written_records_are_read_back(tmp_path_factory, texts: list[str]) -> None:
    """Any text survives, line ends and NUL included, one line a record."""
    path = tmp_path_factory.mktemp("r") / "r.jsonl"
    records = [msgspec.convert(RESPONSE | {"text": text}, Response) for text in texts]
    count = write_records(path, records)
    assert (count, list(read_records(path, Response))) == (len(texts), records)


def test_keys_stand_in_the_order_of_the_class() -> None:
    """One writer, one order."""
    assert list(json.loads(encode(make_pair()))) == [
        "id",
        "prompt_id",
        "chosen_response_id",
        "rejected_response_id",
        "images",
        "question",
        "kind",
        "chosen",
        "rejected",
        "origin",
        "category",
        "num_votes",
        "num_votes_rejected",
    ]


def test_records_are_immutable() -> None:
    """A record that was read cannot be changed by mistake."""
    with pytest.raises(AttributeError):
        make_prompt().id = "other"


@pytest.mark.parametrize("kind", Record.__subclasses__())
def test_records_refuse_unknown_fields(kind: type[Record]) -> None:
    """A misspelt field is an error in every record."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"no_such_field": 1}, kind)


def test_dropped_line_equals_dropped() -> None:
    """The short way writes what the long one writes."""
    line = dropped_line(make_pair(), "tie")
    assert line == encode(dropped(make_pair(), "tie"))


def test_an_error_leaves_no_file_behind(tmp_path: Path) -> None:
    """A file that exists is whole; nothing partial stays."""

    def rows():
        yield {"a": 1}
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write_records(tmp_path / "sub" / "r.jsonl", rows())
    assert list((tmp_path / "sub").iterdir()) == []


def test_an_error_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    """A failed rewrite does not harm what was written before."""
    path = tmp_path / "r.jsonl"
    path.write_text("old")
    with pytest.raises(ValueError, match="stop"), writing(path) as file:
        file.write(b"new")
        raise ValueError("stop")
    assert path.read_text() == "old"


def test_a_file_appears_only_when_whole(tmp_path: Path) -> None:
    """While it is written, there is no file of that name."""
    path = tmp_path / "r.jsonl"
    with writing(path) as file:
        file.write(b"x")
        assert not path.exists()
    assert path.read_bytes() == b"x"


def test_json_documents_are_indented(tmp_path: Path) -> None:
    """A report is for people."""
    write_json(tmp_path / "r.json", {"a": [1]})
    assert (tmp_path / "r.json").read_text() == '{\n  "a": [\n    1\n  ]\n}\n'


def test_a_bad_document_is_named(tmp_path: Path) -> None:
    """An error in a JSON document names the file."""
    path = write_lines(tmp_path / "r.json", "{")
    with pytest.raises(RecordError, match=r"r\.json: must be one JSON document"):
        read_json(path)


def test_a_document_of_another_kind_is_named(tmp_path: Path) -> None:
    """A whole document that is something else names file and field."""
    path = write_lines(tmp_path / "scores.json", '{"benchmark": "vlrb"}')
    with pytest.raises(RecordError) as error:
        read_document(path, Scores)
    assert str(error.value) == (
        f"{path}: field 'protocol' is missing (the line has 'benchmark')"
    )


def test_content_id_is_fixed() -> None:
    """An id never changes between versions: files refer to each other by it."""
    # sha256 of '["a",1,null]'
    assert content_id("a", 1, None) == "0ae764bffd3a17b6"


def test_content_id_keeps_boundaries() -> None:
    """Parts do not run together."""
    assert content_id("ab", "c") != content_id("a", "bc")


def test_file_sha256(tmp_path: Path) -> None:
    """The digest is the file's own, as any tool gives it."""
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert file_sha256(path).startswith("e3b0c44298fc1c149afbf4c8996fb924")


def test_sampling_has_plain_defaults() -> None:
    """Nothing is cut from the distribution unless asked."""
    sampling = Sampling(max_tokens=8, temperature=1.0)
    assert (sampling.top_p, sampling.top_k) == (1.0, 0)
