"""Rows that people have, in every shape that is read, end as the same prompts."""

import base64
import csv
import gzip
import io
import json
import random
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from examples import image_bytes, write_lines
from selfjudge.ground.lines import RecordError
from selfjudge.pairs.columns import known_rows
from selfjudge.pairs.imports import Imported, import_prompts
from selfjudge.pairs.readers import read_foreign
from selfjudge.pairs.shapes import find_row
from selfjudge.pairs.source_rows import ImportLimits
from selfjudge.pairs.sources import convert_rows, write_rows

LIMITS = ImportLimits(max_pixels=10**6, max_line_bytes=10**6)
RED, BLUE = image_bytes(color="red"), image_bytes(color="blue")
ASKED = {RED: "What is red here?", BLUE: "What is blue here?"}
Rows = list[dict[str, Any]]


def data_url(content: bytes) -> str:
    """An image as it stands inside a request of OpenAI's interface."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def llava(image: str, question: str) -> dict[str, Any]:
    """A row of LLaVA's instruction data."""
    turns = [("human", f"<image>\n{question}"), ("gpt", "It."), ("human", "And?")]
    talk = [{"from": who, "value": value} for who, value in turns]
    return {"id": image, "image": image, "conversations": talk}


def openai(url: str, question: str) -> dict[str, Any]:
    """A row of OpenAI's messages with an image part."""
    parts = [
        {"type": "text", "text": question},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    return {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": parts},
            {"role": "assistant", "content": [{"type": "text", "text": "It."}]},
        ]
    }


def sharegpt(image: str, question: str) -> dict[str, Any]:
    """A row of messages whose images lie beside them."""
    said = [{"role": "user", "content": f"<image>{question}"}]
    said.append({"role": "assistant", "content": "It."})
    return {"images": [image], "messages": said}


def plain(image: str, question: str) -> dict[str, Any]:
    """A row of two columns under other names."""
    return {"image": image, "prompt": question, "answer": "It.", "split": "train"}


def write_json_file(make: Callable[[str, str], dict[str, Any]], folder: Path) -> Path:
    """An array of rows; their images lie beside the file."""
    (folder / "red.png").write_bytes(RED)
    (folder / "blue.png").write_bytes(BLUE)
    rows = [make("red.png", ASKED[RED]), make("blue.png", ASKED[BLUE])]
    (folder / "rows.json").write_text(json.dumps(rows, indent=1))
    return folder / "rows.json"


def write_openai(folder: Path) -> Path:
    """JSON Lines, packed, that hold their images."""
    lines = [json.dumps(openai(data_url(p), ASKED[p])) for p in (RED, BLUE)]
    with gzip.open(folder / "rows.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))
    return folder / "rows.jsonl.gz"


def write_csv(folder: Path) -> Path:
    """As Excel writes it: with a mark before, and CRLF."""
    write_json_file(plain, folder)
    with (folder / "rows.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["image", "prompt", "answer", "split"])
        writer.writeheader()
        writer.writerow(plain("red.png", ASKED[RED]))
        writer.writerow(plain("blue.png", ASKED[BLUE]))
    return folder / "rows.csv"


def rows_with_bytes() -> Rows:
    """Rows as the library `datasets` stores images."""
    return [
        {"image": {"bytes": p, "path": None}, "question": ASKED[p], "answer": "It."}
        for p in (RED, BLUE)
    ]


def write_parquet(folder: Path) -> Path:
    """A parquet file with the bytes of images."""
    parquet.write_table(pa.Table.from_pylist(rows_with_bytes()), folder / "r.parquet")
    return folder / "r.parquet"


def write_saved(folder: Path) -> Path:
    """A folder that `datasets` saved."""
    import datasets

    kinds = datasets.Features(
        {
            "image": datasets.Image(),
            "question": datasets.Value("string"),
            "answer": datasets.Value("string"),
        }
    )
    made = datasets.Dataset.from_list(rows_with_bytes(), features=kinds)
    datasets.DatasetDict({"train": made}).save_to_disk(str(folder / "saved"))
    return folder / "saved"


def write_tar(folder: Path) -> Path:
    """A webdataset: a picture and its .json under one name."""
    with tarfile.open(folder / "rows.tar", "w") as tar:
        for number, content in enumerate((RED, BLUE)):
            said = json.dumps({"question": ASKED[content], "answer": "It."}).encode()
            for ending, part in (("json", said), ("png", content)):
                info = tarfile.TarInfo(f"{number:04}.{ending}")
                info.size = len(part)
                tar.addfile(info, io.BytesIO(part))
    return folder / "rows.tar"


WRITERS: dict[str, Callable[[Path], Path]] = {
    "llava-json": lambda folder: write_json_file(llava, folder),
    "sharegpt-json": lambda folder: write_json_file(sharegpt, folder),
    "columns-json": lambda folder: write_json_file(plain, folder),
    "openai-jsonl-gz": write_openai,
    "csv": write_csv,
    "parquet": write_parquet,
    "save-to-disk": write_saved,
    "webdataset": write_tar,
}


def convert(path: Path, root: Path) -> tuple[Imported, Counter[str]]:
    """What comes of a file of another shape, as the two stages make it."""
    counts: Counter[str] = Counter()
    rows = known_rows(read_foreign(path), path)
    rows = convert_rows(rows, path.parent, root / "mine", counts)
    write_rows(rows, root / "mine.jsonl")
    return import_prompts({"mine": root / "mine.jsonl"}, root, LIMITS), counts


@pytest.mark.parametrize("shape", WRITERS)
def test_every_shape_ends_as_the_same_prompts(shape: str, tmp_path: Path) -> None:
    """Two images with their questions and answers, whatever they came in."""
    (tmp_path / "given").mkdir()
    (tmp_path / "images").mkdir()
    path = WRITERS[shape](tmp_path / "given")
    found, counts = convert(path, tmp_path / "images")
    asked = {
        (tmp_path / "images" / prompt.images[0]).read_bytes(): prompt.question
        for prompt in found.prompts
    }
    assert asked == ASKED, shape
    assert {prompt.answer for prompt in found.prompts} == {"It."}
    assert counts["rows"] == 2


def test_what_else_a_row_says_is_kept_aside(tmp_path: Path) -> None:
    """One's own id comes through, and questions that are left out are counted."""
    found, counts = convert(write_json_file(llava, tmp_path), tmp_path)
    assert {line["id"] for line in found.aside} == {"red.png", "blue.png"}
    assert found.report["fields_kept_aside"] == {"id": 2}
    assert counts["later questions of a conversation, left out"] == 2


def test_unknown_fields_of_a_plain_file_are_kept_aside(tmp_path: Path) -> None:
    """They are joined to results by the prompt's id."""
    (tmp_path / "a.png").write_bytes(RED)
    row = {"images": ["a.png"], "question": "Why?", "id": 7, "anwser": "x"}
    path = write_lines(tmp_path / "mine.jsonl", json.dumps(row))
    found = import_prompts({"mine": path}, tmp_path, LIMITS)
    (prompt,) = found.prompts
    assert found.aside == [{"prompt_id": prompt.id, "id": 7, "anwser": "x"}]
    assert found.report["fields_kept_aside"] == {"anwser": 1, "id": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "vqa", "answer_format": "MCQ", "source": "coco"},
        {"kind": 3, "answer_format": ["number"], "other_fields": "x"},
        {"boxes": [[1, 2.5], [3, 4]], "meta": {"size": [1, 2], "kind": "x"}},
    ],
)
def test_foreign_fields_are_kept_whatever_their_name(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    """Under it; that a row has a field of our name breaks no import."""
    (tmp_path / "a.png").write_bytes(RED)
    row = {"image": "a.png", "query": "Why?", "prompt_id": "mine", **fields}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    found, _ = convert(tmp_path / "rows.jsonl", tmp_path)
    ids = {"prompt_id": found.prompts[0].id, "prompt_id_of_row": "mine"}
    assert found.aside == [ids | fields]
    assert (found.prompts[0].kind, found.prompts[0].source) == ("open", "mine")


def test_bytes_that_are_no_image_of_the_question_are_counted(tmp_path: Path) -> None:
    """JSON holds none; the other fields stay."""
    row = {"image": RED, "question": "Why?", "mask": {"bytes": b"x"}, "id": 7}
    counts: Counter[str] = Counter()
    (line,) = convert_rows([row], tmp_path, tmp_path / "mine", counts)
    assert line["other_fields"] == {"id": 7}
    assert counts["other fields with bytes or the like, left out"] == 1


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (["Yes"], "Yes"),
        ([["14"]], "14"),
        ([3], "3"),
        (True, "True"),
        (0, "0"),
        ("", ""),
        (["red", "blue"], None),
        ([], None),
        ([None], None),
        ({"text": ["Yes"]}, None),
    ],
)
@pytest.mark.parametrize("name", ["answer", "label"])
def test_a_gold_answer_is_one_text(
    tmp_path: Path, name: str, answer: Any, gold: str | None
) -> None:
    """A list of one is its element; what is no single text is kept aside."""
    (tmp_path / "a.png").write_bytes(RED)
    row = {"image": "a.png", "query": ["Is it red?"], name: answer}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    found, _ = convert(tmp_path / "rows.jsonl", tmp_path)
    (prompt,) = found.prompts
    assert (prompt.question, prompt.answer) == ("Is it red?", gold)
    kept = [{"prompt_id": prompt.id, name: answer}] if gold is None else []
    assert found.aside == kept


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "image;question\na.png;Why?", r"'image;question'\). Hint: .* comma"),
        ("a.tsv", "image,question\na.png,Why?", r"'image,question'\). Hint: .* tabs"),
        ("a.csv.gz", "a\tb\n1\t2", r"got 'a\\tb'\). Hint: separate"),
        ("a.csv", "filename,text\na.png,Why?", r"'filename', 'text'\). Hint: rename"),
        (
            "a.json",
            '[{"data": [{"question": "Why?"}]}]',
            r"got 'data'\). Hint: .*alone",
        ),
        ("a.json", '{"data": [{"question": "Why?"}]}', r"got 'data'\). Hint: .*alone"),
        (
            "a.jsonl",
            '{"text": "Why?"}\n{"txet": ""}',
            r"'text', 'txet'\). Hint: rename",
        ),
        ("a.jsonl", "{}", r"got no field"),
        ("a.csv", "filename,question\na,Why?", r"one of images, .* 'question'\)"),
        ("a.csv", "image,question\n", r"at least one row .*Hint: the first line"),
        ("a.csv", "", r"at least one row .*Hint: the first line"),
        ("a.jsonl", "", r"at least one row \(got none\)$"),
        ("a.json", "[]", r"at least one row \(got none\)$"),
    ],
)
def test_a_file_without_known_columns_says_which_it_has(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    """And which are known; it is no file of empty questions."""
    opener = gzip.open if name.endswith(".gz") else open
    with opener(tmp_path / name, "wt") as file:
        file.write(text)
    with pytest.raises(RecordError, match=rf"^{tmp_path}/{name}: must h.*{told}"):
        convert(tmp_path / name, tmp_path)


@pytest.mark.parametrize("head", ["Image,Question,ID", "image, QUESTION ,ID"])
def test_columns_are_known_in_any_case(tmp_path: Path, head: str) -> None:
    """And with spaces around them; other ones stay as they are."""
    (tmp_path / "a.png").write_bytes(RED)
    (tmp_path / "a.csv").write_text(f"{head}\na.png,Why?,7\n")
    found, _ = convert(tmp_path / "a.csv", tmp_path)
    assert [prompt.question for prompt in found.prompts] == ["Why?"]
    assert found.aside == [{"prompt_id": found.prompts[0].id, "ID": "7"}]


def test_a_name_that_is_there_is_the_one_that_counts(tmp_path: Path) -> None:
    """Another column of that name in capitals is kept aside."""
    (tmp_path / "a.png").write_bytes(RED)
    row = {"image": "a.png", "question": "Why?", "Question": "Who?"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    found, _ = convert(tmp_path / "rows.jsonl", tmp_path)
    assert [prompt.question for prompt in found.prompts] == ["Why?"]
    assert found.report["fields_kept_aside"] == {"Question": 1}


def test_rows_of_which_one_has_a_question_are_taken(tmp_path: Path) -> None:
    """The others are dropped with their reason, as before."""
    (tmp_path / "a.png").write_bytes(RED)
    rows = [{"id": 1}, {"image": "a.png", "question": "Why?"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found, _ = convert(tmp_path / "rows.jsonl", tmp_path)
    assert found.report["dropped"] == {"empty_question": 1}


@pytest.mark.parametrize("name", ["rows.tsv", "rows.csv", "a.tsv.gz", "a.TSV.GZ"])
def test_a_table_may_hold_its_images(tmp_path: Path, name: str) -> None:
    """As base64, in cells longer than those that the csv module takes by itself."""
    side = 300
    noise = Image.frombytes(
        "RGB", (side, side), random.Random(0).randbytes(3 * side**2)
    )
    buffer = io.BytesIO()
    noise.save(buffer, "PNG")
    cell = base64.b64encode(buffer.getvalue()).decode()
    assert len(cell) > 131072
    between = "," if "csv" in name else "\t"
    lines = [between.join(("index", "image", "question"))]
    lines.append(between.join(("7", cell, "Why?")))
    opener = gzip.open if name.lower().endswith(".gz") else open
    with opener(tmp_path / name, "wt") as file:
        file.write("\n".join(lines))
    found, _ = convert(tmp_path / name, tmp_path)
    (prompt,) = found.prompts
    assert (tmp_path / prompt.images[0]).read_bytes() == buffer.getvalue()
    assert found.aside == [{"prompt_id": prompt.id, "index": "7"}]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("x" * 5000, "unreadable_image"),
        ("/" + "x" * 5000, "bad_image_path"),
        (base64.b64encode(RED[:30] + bytes(60)).decode(), "unreadable_image"),
        ("/9j/" + "a" * 61, "unreadable_image"),
    ],
)
def test_a_long_text_that_is_no_image_has_its_reason(
    tmp_path: Path, image: str, reason: str
) -> None:
    """No file can have such a name; the other rows stay."""
    (tmp_path / "a.png").write_bytes(RED)
    rows = [{"image": name, "question": "Why?"} for name in (image, "a.png")]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found, _ = convert(tmp_path / "rows.jsonl", tmp_path)
    assert found.report["dropped"] == {reason: 1} and len(found.prompts) == 1


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        (llava("a.png", "x"), "LLaVA conversations"),
        (openai("a.png", "x"), "OpenAI messages"),
        (plain("a.png", "x"), "a question and an image under other names"),
    ],
)
def test_a_row_of_another_shape_names_the_way(
    tmp_path: Path, row: dict[str, Any], hint: str
) -> None:
    """The error says which shape it saw, and what reads it."""
    path = write_lines(tmp_path / "mine.jsonl", json.dumps(row))
    with pytest.raises(RecordError, match=rf"Hint: this is {hint}: 'kind: rows'"):
        import_prompts({"mine": path}, tmp_path, LIMITS)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("https://example.org/a.png", "image_address"),
        (data_url(RED), "image_data"),
        ("a.heic", "no_decoder"),
    ],
)
def test_images_that_are_no_files_have_their_reason(
    tmp_path: Path, image: str, reason: str
) -> None:
    """Of each a person is told what to do; alone they are an error."""
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "a.png").write_bytes(RED)
    rows = [{"images": [name], "question": "Why?"} for name in (image, "a.png")]
    path = write_lines(tmp_path / "mine.jsonl", *map(json.dumps, rows))
    found = import_prompts({"mine": path}, tmp_path, LIMITS)
    assert found.report["dropped"] == {reason: 1}
    path = write_lines(tmp_path / "mine.jsonl", json.dumps(rows[0]))
    with pytest.raises(ValueError, match=rf"got none: 1 {reason}, such as .*:1"):
        import_prompts({"mine": path}, tmp_path, LIMITS)


def test_paths_are_taken_from_where_they_stand(tmp_path: Path) -> None:
    """An absolute path below the root, a mark before the file, a mark in the text."""
    (tmp_path / "a.png").write_bytes(RED)
    row = {"images": [str(tmp_path / "a.png")], "question": "<image>\nWhy?"}
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(row).encode())
    (prompt,) = import_prompts({"mine": path}, tmp_path, LIMITS).prompts
    assert (prompt.images, prompt.question) == (("a.png",), "Why?")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.xml", b"<a/>", "must be .jsonl, .json, .csv"),
        ("a.json", b"[1, 2]", "a.json: row 1: must be a JSON object"),
        ("a.jsonl.bz2", b"BZh9", "must be .jsonl.*got '.bz2'"),
        ("a.json", b"[{", "must be one JSON array"),
        ("a.jsonl", b'{"a": 1}\n{', "a.jsonl:2: the line must be one JSON object"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    """With its place, and what it must be."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=why):
        list(read_foreign(tmp_path / name))


TABLE = "image,question\na.png,Why?\nb.png,Où?\n"
ARRAY = '[\n{"image": "a.png"},\n{"question": "Où?"}\n]'
LINES = '{"image": "a.png"}\n\n{"question": "Où?"}\n'


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("rows.csv", TABLE, "got byte 0xf9 at column 8"),
        ("rows.tsv", TABLE.replace(",", "\t"), "got byte 0xf9 at column 8"),
        # Far behind what is read at once, and in the first row.
        ("rows.csv", "a,b\n" * 9999 + "é\n", "got byte 0xe9 at column 1"),
        ("rows.csv", "é,b\n" + "a,b\n" * 9999, "got byte 0xe9 at column 1"),
        ("rows.json", ARRAY, "got byte 0xf9 at column 16"),
        ("rows.jsonl", LINES, "got byte 0xf9 at column 16"),
    ],
    ids=["csv", "tsv", "last-line", "first-line", "json", "jsonl"],
)
def test_a_file_in_another_encoding_names_the_line(
    tmp_path: Path, name: str, text: str, place: str, is_packed: bool
) -> None:
    """As Excel writes a table on Windows; in UTF-16 and UTF-32 no line is one."""
    number = [line.isascii() for line in text.splitlines()].index(False) + 1
    path = tmp_path / (f"{name}.gz" if is_packed else name)
    hint = "Hint: save it again as UTF-8."
    told = {
        "cp1252": f"{path}:{number}: the line must be UTF-8 ({place}). {hint}",
        "utf-16": f"{path}: must be UTF-8 (got UTF-16). {hint}",
        "utf-32": f"{path}: must be UTF-8 (got UTF-32). {hint}",
    }
    for encoding, error in told.items():
        content = text.encode(encoding)
        path.write_bytes(gzip.compress(content) if is_packed else content)
        with pytest.raises(RecordError) as found:
            list(read_foreign(path))
        assert str(found.value) == error
    path.write_bytes(gzip.compress(text.encode()) if is_packed else text.encode())
    assert list(read_foreign(path))


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    """Whether its end is not there, or a page of it cannot be read."""
    whole = write_parquet(tmp_path).read_bytes()
    path = tmp_path / "rows.parquet"
    for content in (b"", b"PAR1", whole[:-20], b"PAR1" + b"\xff" * 200 + whole[204:]):
        path.write_bytes(content)
        with pytest.raises(RecordError) as found:
            list(read_foreign(path))
        assert str(found.value).startswith(f"{path}: must be a whole parquet file (")


def tar_of(*members: tuple[str, bytes]) -> bytes:
    """A tar of files with their contents."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


PACKED = gzip.compress(LINES.encode() * 99, mtime=0)
NOISE = random.Random(0).randbytes(2000).hex().encode()
TAR = tar_of(*((f"{number}.txt", NOISE) for number in range(8)))
DEEP = b'{"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl.gz", PACKED[:-9], ": must be a whole gzip file (got: Compressed "),
        ("a.csv.gz", PACKED[:-9], ": must be a whole gzip file (got: Compressed "),
        ("a.json.gz", PACKED[:20], ": must be a whole gzip file (got: Compressed "),
        ("a.jsonl.gz", LINES.encode(), ": must be a whole gzip file (got: Not a gzip"),
        ("a.tsv.gz", PACKED[:10] + b"\xff" * 9, ": must be a whole gzip file (got: Er"),
        ("a.tar", TAR[:9999], ": must be a whole webdataset tar file (got: unexpected"),
        ("a.tar", TAR[:300], ": must be a whole webdataset tar file (got: truncated"),
        ("a.tar", LINES.encode() * 99, ": must be a whole webdataset tar file (got: "),
        ("a.tar", b"", ": must be a whole webdataset tar file (got: empty file"),
        ("a.tar", tar_of(), ": must be a whole webdataset tar file (got: "),
        (
            "a.tar",
            tar_of(("a.json", b"{"), ("b.json", b"{}")),
            ": must be a whole webdataset tar file (got: Expecting property name",
        ),
        ("a.tar.gz", gzip.compress(TAR)[:-60], ": must be a whole webdataset tar "),
        ("a.jsonl", b'{"a": 1}\n{"a": 1e999}', ":2: the line must be one JSON object"),
        ("a.jsonl", b'{"a": 1}\n' + DEEP, ":2: the line must be one JSON object"),
        ("a.json", b"[" + DEEP + b"]", ": must be a whole .json file (got: maximum"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_broken_file_is_named(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    """Whatever the library that reads it raises."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RecordError) as found:
        list(read_foreign(path))
    assert str(found.value).startswith(f"{path}{told}")


@pytest.mark.parametrize("name", ["data-00000-of-00001.arrow", "state.json"])
def test_a_broken_saved_folder_is_named(tmp_path: Path, name: str) -> None:
    import datasets

    datasets.Dataset.from_dict({"question": ["Why?"] * 999}).save_to_disk(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordError, match="must be a whole folder of `save_to_disk`"):
        list(read_foreign(tmp_path))


def test_a_script_ends_in_one_line_at_a_table_of_windows(tmp_path: Path) -> None:
    """Without a traceback."""
    (tmp_path / "rows.csv").write_text(TABLE, encoding="cp1252")
    told = {"rows": "rows.csv", "images": "images", "prompts": "prompts.jsonl"}
    options = (f"--{name}={tmp_path / file}" for name, file in told.items())
    done = subprocess.run(
        [sys.executable, "convert_prompts.py", *options],
        cwd=Path(__file__).parents[1] / "scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and not (tmp_path / "prompts.jsonl").exists()
    assert done.stderr == (
        f"error: {tmp_path / 'rows.csv'}:3: the line must be UTF-8 (got byte 0xf9 at "
        "column 8). Hint: save it again as UTF-8.\n"
    )


def test_a_folder_that_nothing_saved_is_named(tmp_path: Path) -> None:
    """The hint says what takes a folder of images."""
    with pytest.raises(ValueError, match="Hint: 'kind: images' takes a folder"):
        list(read_foreign(tmp_path))


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"messages": None},
        {"messages": "no list"},
        {"conversations": [1, {}, {"from": "human"}]},
        {"image": 3, "question": 4},
        {"messages": [{"role": "user", "content": [1, {"type": "text"}]}]},
        {"image": "data:image/png;base64,%%%", "question": "x"},
        {"image": "a.png", "question": ["x", "y"], "answer": {"text": "x"}},
        {"image": "a.png", "query": [], "label": [[]]},
    ],
)
def test_an_odd_row_is_read_as_far_as_it_goes(row: dict[str, Any]) -> None:
    """What it lacks the import names; nothing is raised."""
    found = find_row(row)
    assert isinstance(found.question, str) and isinstance(found.pictures, list)
