import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from examples import image_bytes
from selfjudge.benchmarks.preparing import Prepared, prepare_benchmark
from selfjudge.benchmarks.registry import FORMATS
from selfjudge.benchmarks.vl_rewardbench import group_of
from selfjudge.ground.lines import RecordError
from selfjudge.ground.records import Pair

PIXELS = 1_000_000
VLRB, MMRB = FORMATS["vl_rewardbench"], FORMATS["multimodal_rewardbench"]
BROKEN = image_bytes(size=(99, 99), kind="JPEG")[:-40]


def vlrb_row(**changes: Any) -> dict[str, Any]:
    """A row of VL-RewardBench as the Hub serves it."""
    return {
        "id": "wildvision-1",
        "query": "What is this?",
        "response": ["first", "second"],
        "image": {"bytes": image_bytes(), "path": "0.png"},
        "human_ranking": [0, 1],
        "models": ["m", "n"],
        "judge": "human",
        "rationale": None,
        "query_source": "",
        "ground_truth": "",
    } | changes


def mmrb_row(**changes: Any) -> dict[str, Any]:
    """A row of Multimodal RewardBench as its script writes it."""
    return {
        "ID": "nocaps_1",
        "Category": "open_generation/correctness_task",
        "Text": "Describe it.",
        "Image": "images/nocaps/1.png",
        "Output1": "first",
        "Output2": "second",
        "Better": "Output2",
    } | changes


def pairs_and_manifest(prepared: Prepared) -> tuple[list[Pair], dict[str, Any]]:
    """The pairs, and the manifest as it is written."""
    return prepared.pairs, msgspec.structs.asdict(prepared.manifest)


class Release:
    """A folder with a release in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def vlrb(self, *rows: dict[str, Any]) -> tuple[list[Pair], dict[str, Any]]:
        """The pairs and manifest of a parquet file with these rows."""
        source = self.folder / "test.parquet"
        parquet.write_table(pa.Table.from_pylist(list(rows)), source)
        images = self.folder / "out"
        return pairs_and_manifest(
            prepare_benchmark("vlrb", VLRB, source, images, PIXELS)
        )

    def mmrb(self, *rows: dict[str, Any]) -> tuple[list[Pair], dict[str, Any]]:
        """The pairs and manifest of a JSON file with these rows."""
        source = self.folder / "data" / "all_data.json"
        (source.parent / "images" / "nocaps").mkdir(parents=True)
        (source.parent / "images" / "nocaps" / "1.png").write_bytes(image_bytes())
        (source.parent / "images" / "bad.jpg").write_bytes(BROKEN)
        (source.parent / "images" / "empty.jpg").write_bytes(b"")
        loop = source.parent / "images" / "loop.png"
        loop.symlink_to(loop)
        (self.folder / "outside.png").write_bytes(image_bytes())
        source.write_text(json.dumps(rows))
        images = self.folder / "out"
        return pairs_and_manifest(
            prepare_benchmark("mmrb", MMRB, source, images, PIXELS)
        )


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A folder with a release in it."""
    return Release(tmp_path)


@pytest.mark.parametrize(
    ("ranking", "chosen", "rejected"),
    [([0, 1], "first", "second"), ([1, 0], "second", "first")],
    ids=str,
)
def test_vlrb_chooses_where_the_0_stands(
    release: Release, ranking: list[int], chosen: str, rejected: str
) -> None:
    """human_ranking holds ranks; 0 is the better one."""
    (pair,), _ = release.vlrb(vlrb_row(human_ranking=ranking))
    assert (pair.chosen, pair.rejected) == (chosen, rejected)


@pytest.mark.parametrize(
    ("row_id", "group"),
    [
        ("hallucination_pair-1003", "hallucination"),
        ("RLAIF-V-743", "hallucination"),
        ("RLHF-V-12", "hallucination"),
        ("mathverse_2279-1", "reasoning"),
        ("mmmu_dev-Art_1", "reasoning"),
        ("wildvision-battle-7", "general"),
        ("LRVInstruction-3", "general"),
        ("svit-1", "general"),
        ("rlhf-v-1", "general"),
        ("mmmupro-1", "general"),
        ("", "general"),
    ],
)
def test_vlrb_groups_by_prefix(row_id: str, group: str) -> None:
    """The id up to its first - or _ decides, with case; unknown ones are general."""
    assert group_of(row_id) == group


def test_vlrb_takes_image_marks_out_of_the_question(release: Release) -> None:
    """Older copies hold <image> in the query."""
    (pair,), _ = release.vlrb(vlrb_row(query="What is this?\n<image>"))
    assert pair.question == "What is this?"


def test_vlrb_images_are_stored_as_they_are(release: Release) -> None:
    """An image keeps its bytes, under their sha256."""
    (pair,), _ = release.vlrb(vlrb_row())
    stored = release.folder / "out" / pair.images[0]
    assert stored.read_bytes() == image_bytes()


def test_duplicate_ids_stay_apart(release: Release) -> None:
    """Rows that share an id, or everything, are pairs of their own."""
    pairs, manifest = release.vlrb(vlrb_row(), vlrb_row(), vlrb_row(query="Why?"))
    assert (len({pair.id for pair in pairs}), manifest["num_pairs"]) == (3, 3)


def test_pairs_of_one_prompt_stand_together(release: Release) -> None:
    """Pairs come in prompt order, so that shards keep a prompt's prefix."""
    queries = ["a", "b", "c", "a", "b", "c"]
    pairs, _ = release.vlrb(*(vlrb_row(query=query) for query in queries))
    prompts = [pair.prompt_id for pair in pairs]
    assert prompts == sorted(prompts) and len(set(prompts)) == 3


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        pytest.param({"bytes": b"", "path": None}, "empty_image", id="zero-bytes"),
        pytest.param({"bytes": BROKEN, "path": None}, "unreadable_image", id="cut"),
        pytest.param(
            {"bytes": b"<html>", "path": None}, "unreadable_image", id="no-image"
        ),
        pytest.param(
            {"bytes": image_bytes("1", size=(20_000, 20_000)), "path": None},
            "oversized_image",
            id="huge",
        ),
    ],
)
def test_vlrb_names_bad_images(
    release: Release, image: dict[str, Any], reason: str
) -> None:
    """A row whose image cannot be read is left out, and the manifest says which."""
    pairs, manifest = release.vlrb(vlrb_row(), vlrb_row(id="svit-2", image=image))
    assert len(pairs) == 1
    assert manifest["dropped"] == [{"row": 1, "id": "svit-2", "reason": reason}]


def test_manifest_says_what_came(release: Release) -> None:
    """Rows, pairs, groups, image modes, and the file they are from."""
    _, manifest = release.vlrb(
        vlrb_row(),
        vlrb_row(id="mmmu_1", image={"bytes": image_bytes("L"), "path": None}),
        vlrb_row(image={"bytes": b"", "path": None}),
    )
    digest = manifest.pop("source_sha256")
    for name in ("warnings", "repeats", "errata"):
        del manifest[name]
    assert (len(digest), manifest) == (
        64,
        {
            "benchmark": "vlrb",
            "format": "vl_rewardbench",
            "source": "test.parquet",
            "revision": None,
            "release": None,
            "num_rows": 3,
            "num_pairs": 2,
            "num_chosen_first": 3,
            "subsets": {"mmmu": 1, "wildvision": 2},
            "groups": {"general": 1, "reasoning": 1},
            "dropped": [{"row": 2, "id": "wildvision-1", "reason": "empty_image"}],
            "image_modes": {"L": 1, "RGB": 1},
        },
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"human_ranking": [0, 0]}, "must rank two", id="equal-ranks"),
        pytest.param({"human_ranking": [1, 2]}, "must rank two", id="ranks-from-1"),
        pytest.param({"human_ranking": [0]}, "must rank two", id="one-rank"),
        pytest.param({"human_ranking": None}, "must rank two", id="no-ranking"),
        pytest.param({"response": ["a", "b", "c"]}, "3 responses", id="three"),
        pytest.param({"query": None}, "'query' must be a string", id="no-query"),
        pytest.param({"image": None}, "'image' must hold the image's", id="no-image"),
        pytest.param(
            {"image": {"bytes": None, "path": "x.png"}},
            "'image' must hold the image's bytes",
            id="null-bytes",
        ),
    ],
)
def test_vlrb_errors_name_the_row(
    release: Release, changes: dict[str, Any], why: str
) -> None:
    """A row that does not fit the protocol ends the import."""
    with pytest.raises(RecordError, match=rf"test\.parquet: row 2: .*{why}"):
        release.vlrb(vlrb_row(), vlrb_row(**changes))


@pytest.mark.parametrize(
    ("response", "got"),
    [
        pytest.param(5, "5", id="number"),
        pytest.param("abc", "'abc'", id="text"),
        pytest.param(None, "None", id="null"),
        pytest.param({"a": 1}, "{'a': 1}", id="object"),
        pytest.param([], "0 responses: []", id="none"),
        pytest.param(["a", 2], "2 responses: ['a', 2]", id="not-both-texts"),
        pytest.param(["abc" * 99], f"1 responses: ['{'abc' * 19}a...", id="long"),
    ],
)
def test_vlrb_shows_what_stands_for_the_responses(
    tmp_path: Path, response: object, got: str
) -> None:
    """Its start, whatever it is: JSON Lines have no columns of a kind."""
    source = tmp_path / "test.jsonl"
    row = vlrb_row(response=response, image="a.png")
    source.write_text(json.dumps(row) + "\n")
    told = f"{source}: row 1: 'response' must be a list of two strings (got {got})"
    with pytest.raises(RecordError, match=re.escape(told)):
        prepare_benchmark("vlrb", VLRB, source, tmp_path / "out", PIXELS)


def test_vlrb_missing_column_is_an_error(release: Release) -> None:
    """A file of another schema is refused with what it has."""
    row = vlrb_row()
    del row["human_ranking"]
    with pytest.raises(RecordError, match=r"columns \['human_ranking'\] \(got id, "):
        release.vlrb(row)


def test_vlrb_must_be_parquet(tmp_path: Path) -> None:
    """Any other file is refused by name."""
    source = tmp_path / "rows.tsv"
    source.write_text("[]")
    with pytest.raises(RecordError, match=r"rows\.tsv: must be a parquet file"):
        prepare_benchmark("vlrb", VLRB, source, tmp_path / "out", PIXELS)


def test_vlrb_names_a_file_with_a_broken_page(tmp_path: Path) -> None:
    """Its end, which is read first, is whole."""
    source = tmp_path / "test.parquet"
    parquet.write_table(pa.Table.from_pylist([vlrb_row()]), source)
    whole = source.read_bytes()
    source.write_bytes(b"PAR1" + b"\xff" * 200 + whole[204:])
    with pytest.raises(RecordError, match=r"test\.parquet: must be a parquet file \("):
        prepare_benchmark("vlrb", VLRB, source, tmp_path / "out", PIXELS)


@pytest.mark.parametrize(
    ("better", "chosen", "rejected"),
    [("Output1", "first", "second"), ("Output2", "second", "first")],
)
def test_mmrb_chooses_what_better_names(
    release: Release, better: str, chosen: str, rejected: str
) -> None:
    """Better names the better output."""
    (pair,), _ = release.mmrb(mmrb_row(Better=better))
    assert (pair.chosen, pair.rejected) == (chosen, rejected)


def test_mmrb_groups_by_category(release: Release) -> None:
    """The category is the group."""
    _, manifest = release.mmrb(
        mmrb_row(), mmrb_row(Category="vqa"), mmrb_row(Category="vqa")
    )
    assert manifest["groups"] == {"open_generation/correctness_task": 1, "vqa": 2}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("images/no.png", "missing_image"),
        ("images", "missing_image"),
        ("images/bad.jpg", "unreadable_image"),
        ("images/empty.jpg", "empty_image"),
        ("../outside.png", "image_outside_root"),
        ("images/\0.png", "bad_image_path"),
        ("iVBORw0KGgo" * 50, "bad_image_path"),
        ("images/" * 1000 + "a.png", "bad_image_path"),
        ("images/\ud800.png", "bad_image_path"),
        ("images/loop.png", "missing_image"),
    ],
)
def test_mmrb_names_bad_images(release: Release, name: str, reason: str) -> None:
    """A row whose image cannot be read is left out, and the manifest says which.

    So is one that holds its image, as base64, where its path should stand.
    """
    _, manifest = release.mmrb(mmrb_row(), mmrb_row(ID="x_2", Image=name))
    assert manifest["dropped"] == [{"row": 1, "id": "x_2", "reason": reason}]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"Better": "A"}, "'Better' must be 'Output1' or", id="better"),
        pytest.param({"Category": "art"}, "'Category' must be one of", id="category"),
        pytest.param({"Text": None}, r"must have strings \['Text'\]", id="no-text"),
    ],
)
def test_mmrb_errors_name_the_row(
    release: Release, changes: dict[str, Any], why: str
) -> None:
    """A row that does not fit the protocol ends the import."""
    with pytest.raises(RecordError, match=rf"all_data\.json: row 2: {why}"):
        release.mmrb(mmrb_row(), mmrb_row(**changes))


@pytest.mark.parametrize("content", ['{"ID": "x"}', "[1]", "[", "\xff"])
def test_mmrb_must_be_a_list_of_objects(tmp_path: Path, content: str) -> None:
    """Any other document is refused by name."""
    source = tmp_path / "all.json"
    source.write_text(content, encoding="latin-1")
    with pytest.raises(RecordError, match=r"all\.json: must be (one|a) JSON list"):
        prepare_benchmark("mmrb", MMRB, source, tmp_path / "out", PIXELS)
