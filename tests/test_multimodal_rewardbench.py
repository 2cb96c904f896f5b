from pathlib import Path
from typing import Any

import pytest

from published import prepare_mmrb
from selfjudge.benchmarks.multimodal_rewardbench import (
    CATEGORIES,
    overlap_rate,
    read_multimodal_rewardbench,
    split_of,
)
from selfjudge.ground.lines import RecordError

GROUPS = (623, 654, 630, 1096, 508, 1200)


def make_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A row as the official download script writes it."""
    return {
        "ID": f"visitbench_{number}",
        "Category": "open_generation/correctness_task",
        "Text": f"Where is the lantern number {number}?",
        "Image": "images/visitbench/0.jpg",
        "Output1": f"The lantern number {number} hangs above.",
        "Output2": "Nowhere.",
        "Better": "Output1",
    } | changes


@pytest.mark.parametrize(
    ("category", "release_id", "split"),
    [
        ("safety", "pairs_0001", "safety/bias"),
        ("safety", "Pairs_0001", "safety/bias"),
        ("safety", "memes_1", "safety/toxicity"),
        ("reasoning", "mathvista_131", "reasoning/math"),
        ("reasoning", "image2struct_3", "reasoning/coding"),
        ("reasoning", "EMMA-Coding_3", "reasoning/coding"),
        ("vqa", "MMBench_3", "vqa"),
        ("knowledge", "mmmu-s_3", "knowledge"),
    ],
)
def test_splits_go_by_the_lower_case_id(
    category: str, release_id: str, split: str
) -> None:
    """As the official scorer prints them."""
    assert split_of(category, release_id) == split


def test_rows_keep_subset_and_order(tmp_path: Path) -> None:
    """Ids repeat across categories; the row is the key."""
    rows = [
        make_row(),
        make_row(Better="Output2", Category="open_generation/preference_task"),
        make_row(ID="mmmu-s_1", Category="knowledge"),
    ]
    prepared = prepare_mmrb(tmp_path, rows)
    assert [(row.subset, row.chosen_first) for row in prepared.rows] == [
        ("visitbench", True),
        ("visitbench", False),
        ("mmmu-s", True),
    ]
    assert len({pair.id for pair in prepared.pairs}) == 3
    assert prepared.manifest.repeats.num_repeated_ids == 1
    assert prepared.manifest.errata is None


@pytest.mark.parametrize("text", [None, ""])
def test_the_release_without_texts_is_explained(tmp_path: Path, text: Any) -> None:
    """all_data_release.json lacks what the official script fills in."""
    with pytest.raises(RecordError, match=r"row 1: .*\['Text'\].*0_download_data\.py"):
        prepare_mmrb(tmp_path, [make_row(Text=text)])


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    """Every row is checked before the first image is written."""
    with pytest.raises(RecordError, match="row 2: 'Category' must be one of"):
        prepare_mmrb(tmp_path, [make_row(), make_row(Category="art")])
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(("step", "warned"), [(0, False), (1, True)])
def test_questions_out_of_step_are_warned_of(
    tmp_path: Path, step: int, warned: bool
) -> None:
    """visitbench questions that share no words with their responses."""
    words = "abcdefghijklmnopqrstuvwxyz"
    rows = [
        make_row(
            number,
            Category=category,
            Text=f"{words[(number + step) % 26] * 5} {number}",
            Output1=f"It is {words[number % 26] * 5}.",
        )
        for number, category in enumerate(
            category
            for category, count in zip(CATEGORIES, GROUPS, strict=True)
            for _ in range(count)
        )
    ]
    manifest = prepare_mmrb(tmp_path, rows).manifest
    assert manifest.release == "mmrb_4711"
    assert any("issue 8" in text for text in manifest.warnings) is warned
    assert any("safety is bias alone" in text for text in manifest.warnings)


def test_overlap_rate_is_a_mean_of_shares(tmp_path: Path) -> None:
    """Two of three longer words, and none."""
    prepare_mmrb(tmp_path, [make_row(), make_row(Text="What colour?")])
    rows = list(read_multimodal_rewardbench(tmp_path / "data" / "all_data.json"))
    # "where", "lantern", "number"; "what", "colour".
    assert overlap_rate(rows) == pytest.approx((2 / 3 + 0) / 2)
    assert overlap_rate([]) == 1.0
