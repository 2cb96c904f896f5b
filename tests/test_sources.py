import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from examples import image_bytes
from selfjudge.pairs.imports import ImportLimits, import_prompts
from selfjudge.pairs.sources import HubSource, fetch_prompts, prompt_row, save_image

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
    """A data set in a folder laid out as on the Hub: two subsets of ten rows."""
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
    for subset, first in (("one", 0), ("two", 10)):
        (folder / subset).mkdir()
        table = pa.Table.from_pylist(
            [hub_row(first + n) for n in range(10)], schema=features.arrow_schema
        )
        parquet.write_table(table, folder / subset / "train-00000-of-00001.parquet")
    return folder


def fetch(
    dataset: Path, folder: Path, num_prompts: int, seed: int = 0
) -> list[dict[str, Any]]:
    """The rows of the prompts file, fetched from both subsets."""
    source = HubSource(
        dataset=str(dataset),
        revision=None,
        subsets=["one", "two"],
        num_prompts=num_prompts,
    )
    fetch_prompts(source, folder / "images" / "hub", folder / "hub.jsonl", seed)
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
