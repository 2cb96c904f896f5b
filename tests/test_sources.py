import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import image_bytes
from selfjudge.pairs.imports import import_prompts
from selfjudge.pairs.source_rows import ImportLimits
from selfjudge.pairs.sources import (
    HubSource,
    fetch_prompts,
    open_stream,
    prompt_row,
    save_image,
    take_evenly,
    tell_fetched,
    told_size,
)

README = """---
configs:
- config_name: one
  data_files:
  - split: train
    path: one/train-*
- config_name: two
  data_files:
  - split: train
    path: two/train-*
- config_name: short
  data_files:
  - split: train
    path: short/train-*
dataset_info:
- config_name: short
  splits:
  - name: train
    num_examples: 2
    num_bytes: 1
---
"""


def hub_row(number: int, **changes: Any) -> dict[str, Any]:
    """A row in LLaVA's format, with its image's bytes inside."""
    return {
        "id": str(number),
        "image": {"bytes": image_bytes(color=(number, 0, 0)), "path": f"{number}.png"},
        "conversations": [
            {"from": "human", "value": f"<image>\nWhat is number {number}?"},
            {"from": "gpt", "value": f"It is {number}."},
        ],
    } | changes


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in a folder laid out as on the Hub: subsets of ten, ten and two."""
    import datasets

    # The library waits five seconds at the end of each stream of parquet files.
    datasets.config.SLEEP_TIME_ON_THREADS_SHUTDOWN = 0
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "README.md").write_text(README)
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "image": datasets.Image(),
            "conversations": [
                {"from": datasets.Value("string"), "value": datasets.Value("string")}
            ],
        }
    )
    for subset, first, size in (("one", 0, 10), ("two", 10, 10), ("short", 20, 2)):
        (folder / subset).mkdir()
        table = pa.Table.from_pylist(
            [hub_row(first + n) for n in range(size)], schema=features.arrow_schema
        )
        parquet.write_table(table, folder / subset / "train-00000-of-00001.parquet")
    return folder


def fetch(
    dataset: Path,
    folder: Path,
    num_prompts: int,
    seed: int = 0,
    subsets: Sequence[str] = ("one", "two"),
) -> list[dict[str, Any]]:
    """The rows of the prompts file, fetched from these subsets."""
    source = HubSource(
        dataset=str(dataset),
        revision=None,
        subsets=list(subsets),
        num_prompts=num_prompts,
    )
    images, path = folder / "images" / "hub", folder / "hub.jsonl"
    counts = fetch_prompts(source, images, path, seed)
    sources = Counter(json.loads(line)["source"] for line in path.open())
    assert sources == Counter({f"hub/{name}": n for name, n in counts.items()})
    return [json.loads(line) for line in (folder / "hub.jsonl").open()]


def test_fetched_prompts_can_be_imported(dataset: Path, tmp_path: Path) -> None:
    """What is fetched has its images in place and its gold answers."""
    fetch(dataset, tmp_path, 6)
    limits = ImportLimits(max_pixels=10**6, max_line_bytes=10**6)
    found = import_prompts({"hub": tmp_path / "hub.jsonl"}, tmp_path / "images", limits)
    report = found.report
    assert (report["num_prompts"], report["num_with_gold_answer"]) == (6, 6)


@pytest.mark.parametrize(("num_prompts", "expected"), [(6, (3, 3)), (5, (3, 2))])
def test_prompts_are_spread_over_subsets(
    dataset: Path, tmp_path: Path, num_prompts: int, expected: tuple[int, int]
) -> None:
    """Every subset gives its share, and never more in all than asked for."""
    sources = [row["source"] for row in fetch(dataset, tmp_path, num_prompts)]
    assert (sources.count("hub/one"), sources.count("hub/two")) == expected


def test_a_small_data_set_gives_what_it_has(dataset: Path, tmp_path: Path) -> None:
    """More prompts than rows are no error."""
    assert len(fetch(dataset, tmp_path, 1000)) == 20


@pytest.mark.parametrize("order", ["short one two", "one short two", "two one short"])
def test_what_a_short_subset_lacks_the_others_give(
    dataset: Path, tmp_path: Path, order: str
) -> None:
    """Wherever it stands: all of it, of the others evenly, no row twice."""
    rows = fetch(dataset, tmp_path, 16, subsets=order.split())
    assert Counter(row["source"] for row in rows) == {
        "hub/one": 7,
        "hub/two": 7,
        "hub/short": 2,
    }
    assert len({row["question"] for row in rows}) == 16


def test_an_unknown_subset_is_refused_before_anything_is_read(
    dataset: Path, tmp_path: Path
) -> None:
    """Not after the download of those before it."""
    with pytest.raises(ValueError, match="three"):
        fetch(dataset, tmp_path, 6, subsets=("one", "three"))
    assert list(tmp_path.iterdir()) == []


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=12),
    st.integers(0, 200),
)
def test_rows_are_taken_evenly(streams: list[tuple[int, bool]], number: int) -> None:
    """All that are asked for or all there are; of each stream its first rows; and who
    gives fewer than another, by two or as the first of both, has no more."""
    sizes = [size for size, _ in streams]
    known = {key: size if told else None for key, (size, told) in enumerate(streams)}
    opened = {key: range(size) for key, size in enumerate(sizes)}
    rows = list(take_evenly(opened, known, number))
    assert len(rows) == min(number, sum(sizes))
    taken = [[row for at, row in rows if at == key] for key in range(len(sizes))]
    assert taken == [list(range(len(part))) for part in taken]
    counts = [len(part) for part in taken]
    for (one, fewer), (other, count) in permutations(enumerate(counts), 2):
        if fewer < count - (one > other):
            assert fewer == sizes[one]
    # Once through where sizes are known, or none is short.
    if None not in known.values() or min(sizes) > number // len(sizes):
        assert [key for key, _ in rows] == sorted(key for key, _ in rows)


def test_one_stream_at_a_time_is_open_where_sizes_are_known() -> None:
    """A thousand rows with their images wait in each that is."""
    open_now: list[object] = []

    class Stream:
        def __iter__(self) -> Iterator[int]:
            open_now.append(self)
            try:
                yield from range(9)
            finally:
                open_now.remove(self)

    streams = {name: Stream() for name in "abc"}
    for _ in take_evenly(streams, dict.fromkeys(streams, 9), 12):
        assert len(open_now) == 1


def test_the_size_that_a_card_tells_is_known(dataset: Path) -> None:
    """Of the others it is not."""
    source = HubSource(dataset=str(dataset), revision=None, subsets=None, num_prompts=1)
    told = [told_size(open_stream(source, name, 0)) for name in ("one", "two", "short")]
    assert told == [None, None, 2]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (87, "87 prompts: one 7, hub 80"),
        (90, "note: 87 of 90 prompts, subsets gave less than asked: one 7, hub 80"),
    ],
)
def test_a_short_data_set_is_told_of(number: int, said: str) -> None:
    """How many each subset had; on the terminal where they are too few."""
    assert tell_fetched({"one": 7, "hub": 80}, number) == said


def test_rows_are_drawn_by_seed(dataset: Path, tmp_path: Path) -> None:
    """One seed draws the same rows again, another seed others."""
    first = fetch(dataset, tmp_path / "a", 4)
    again = fetch(dataset, tmp_path / "b", 4)
    other = fetch(dataset, tmp_path / "c", 4, seed=1)
    assert first == again != other


def test_a_row_keeps_question_and_answer(tmp_path: Path) -> None:
    """The first question without its image mark, the first answer, its own id."""
    row = prompt_row(hub_row(7), "sub", tmp_path / "hub")
    image = row.pop("images")
    assert row == {
        "question": "What is number 7?",
        "answer": "It is 7.",
        "other_fields": {"id": "7"},
        "source": "hub/sub",
    }
    assert (tmp_path / image[0]).read_bytes() == image_bytes(color=(7, 0, 0))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"image": None}, ([], "What is number 7?"), id="no-image"),
        pytest.param(
            {"image": {"bytes": b"", "path": None}}, ([], "What is number 7?"), id="0"
        ),
    ],
)
def test_rows_without_image_are_left_to_the_import(
    tmp_path: Path, changes: dict[str, Any], expected: tuple[list[str], str]
) -> None:
    """The import drops them with a reason, so they are written."""
    row = prompt_row(hub_row(7, **changes), "sub", tmp_path / "hub")
    assert (row["images"], row["question"]) == expected


def test_a_row_without_turns_has_no_question(tmp_path: Path) -> None:
    """The import drops it with a reason."""
    row = prompt_row(hub_row(7, conversations=[]), "sub", tmp_path / "hub")
    assert (row["question"], row["answer"]) == ("", None)


def test_an_unreadable_image_is_kept(tmp_path: Path) -> None:
    """The import names it as unreadable."""
    name = save_image(b"<html>", tmp_path / "hub")
    assert (tmp_path / name).read_bytes() == b"<html>"


def test_equal_images_are_stored_once(tmp_path: Path) -> None:
    """Images lie under their content's hash."""
    one = save_image(image_bytes(), tmp_path / "hub")
    other = save_image(image_bytes(), tmp_path / "hub")
    assert one == other
