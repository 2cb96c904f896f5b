"""Multimodal RewardBench 2: its rows, its rule, and which rows are left out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from examples import image_bytes, make_judgment, make_pair, make_release, make_row
from published import accuracies, data_folder
from selfjudge.benchmarks.comparisons import compare
from selfjudge.benchmarks.mmrb2 import TEXT_ROWS
from selfjudge.benchmarks.preparing import Prepared, prepare_benchmark
from selfjudge.benchmarks.registry import FORMATS, find_protocol
from selfjudge.benchmarks.scores import ScoredJudge, Scores
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.ground.lines import RecordError

OFFICIAL = find_protocol("mmrb2", "official")
TASKS = ("t2i", "edit", "interleaved", "reasoning")
# Pairs of 1,000 in which response A of the file is the chosen one, by task.
CHOSEN_A = dict(zip(TASKS, (532, 555, 575, 475), strict=True))
Samples = dict[str, list[tuple[str, str, str]]]


def make_pair_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A pair as the authors' build writes it: two images, and texts in between."""
    return {
        "id": f"mindcube_{number}",
        "prompt_source": "mindcube",
        "prompt_content": [
            ["text", "Here is a room:"],
            ["image", "input_images/0.png"],
            ["text", f"and the same from behind ({number}):"],
            ["image", "input_images/1.png"],
            ["text", "Where is the lamp?"],
        ],
        "prompt_metadata": {},
        "response_a": {"model_name": "m", "response_content": [["text", "On top."]]},
        "response_b": {"model_name": "n", "response_content": [["text", "Below."]]},
        "chosen": "B",
        "human_annotations": {"a": ["L"], "b": ["W"]},
    } | changes


def prepare(folder: Path, rows: Sequence[Any]) -> Prepared:
    """The prepared file of these pairs, with both images beside it."""
    (folder / "input_images").mkdir(exist_ok=True)
    for number in range(2):
        path = folder / "input_images" / f"{number}.png"
        path.write_bytes(image_bytes(color=(number, 0, 0)))
    source = folder / "reasoning.json"
    source.write_text(json.dumps({"pairs": list(rows)}))
    return prepare_benchmark("mmrb2", FORMATS["mmrb2"], source, folder / "out", 10_000)


def test_a_prompt_keeps_its_images_and_their_places(tmp_path: Path) -> None:
    """In their order, with a mark in the question where each stood."""
    prepared = prepare(tmp_path, [make_pair_row()])
    (pair,) = prepared.pairs
    assert len(set(pair.images)) == 2
    assert pair.question == (
        "Here is a room:\n[image 1]\nand the same from behind (0):\n[image 2]\n"
        "Where is the lamp?"
    )
    assert (pair.chosen, pair.rejected) == ("Below.", "On top.")
    assert not prepared.rows[0].chosen_first
    assert prepared.manifest.image_modes == {"RGB": 2}


def test_one_image_needs_no_mark(tmp_path: Path) -> None:
    """It stands before the text."""
    content = [["text", "Who?"], ["image", "input_images/0.png"]]
    (pair,) = prepare(tmp_path, [make_pair_row(prompt_content=content)]).pairs
    assert (pair.question, len(pair.images)) == ("Who?", 1)


def test_rows_that_are_no_texts_are_named(tmp_path: Path) -> None:
    """An image in a response, equal responses, an image of the prompt that is gone."""
    drawn = {"model_name": "m", "response_content": [["text", "So"], ["image", "x"]]}
    same = {"model_name": "m", "response_content": [["text", "Below."]]}
    gone = [["image", "input_images/9.png"], ["text", "Who?"]]
    rows = [
        make_pair_row(),
        make_pair_row(1, response_a=drawn),
        make_pair_row(2, response_a=same),
        make_pair_row(3, prompt_content=gone),
    ]
    manifest = prepare(tmp_path, rows).manifest
    assert [(row["id"], row["reason"]) for row in manifest.dropped] == [
        ("mindcube_1", "images_in_responses"),
        ("mindcube_2", "equal_responses"),
        ("mindcube_3", "missing_image"),
    ]
    assert (manifest.num_rows, manifest.num_pairs) == (4, 1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"chosen": "tie"}, "'chosen' must be 'A' or 'B' .got 'tie'"),
        ({"id": None}, "'id' must be a string"),
        ({"prompt_source": 3}, "'prompt_source' must be a string"),
        ({"response_a": None}, "'response_a': 'response_content' is missing"),
        ({"response_b": {"response_content": "text"}}, "'response_b': .* must be a l"),
        ({"prompt_content": [["video", "x"]]}, "'prompt_content' must be a list of"),
        ({"prompt_content": [["text", 1]]}, "'prompt_content' must be a list of"),
        ({"prompt_content": []}, "'prompt_content' must be a list of"),
    ],
)
def test_errors_name_the_pair(tmp_path: Path, changes: Any, why: str) -> None:
    """And leave nothing behind."""
    with pytest.raises(RecordError, match=rf"reasoning\.json: pair 2: {why}"):
        prepare(tmp_path, [make_pair_row(), make_pair_row(1, **changes)])
    assert not (tmp_path / "out").exists()


def test_the_release_without_prompts_is_explained(tmp_path: Path) -> None:
    """reasoning_response_only.json is no benchmark yet."""
    row = make_pair_row()
    del row["prompt_content"]
    with pytest.raises(RecordError, match=r"is missing\. Hint: .*build_from_hf\.py"):
        prepare(tmp_path, [row])


@pytest.mark.parametrize("content", ["[]", '{"pairs": {}}', "{", "3"])
def test_another_document_is_refused(tmp_path: Path, content: str) -> None:
    """By name."""
    source = tmp_path / "reasoning.json"
    source.write_text(content)
    with pytest.raises(RecordError, match=r"reasoning\.json: must be (one|a) JSON"):
        prepare_benchmark("b", FORMATS["mmrb2"], source, tmp_path / "out", 100)


@pytest.mark.parametrize("short", [0, 1])
def test_the_text_rows_are_a_release_of_their_own(tmp_path: Path, short: int) -> None:
    """350 rows by source, whatever stands beside them; one less is unknown."""
    sources = [name for name, number in TEXT_ROWS.items() for _ in range(number)]
    drawn = {"model_name": "m", "response_content": [["image", "x.png"]]}
    rows = [
        make_pair_row(number, prompt_source=name)
        for number, name in enumerate(sources[short:])
    ]
    rows.append(make_pair_row(999, response_a=drawn))
    manifest = prepare(tmp_path, rows).manifest
    expected = None if short else "mmrb2_reasoning_text"
    assert (manifest.release, manifest.num_pairs) == (expected, 350 - short)


# ------------------------------------------------------------------------- the rule


def score_samples(samples: Samples) -> Scores:
    """Official scores of judgments: by task, of each pair the chosen letter and what
    was said in the order of the file and in the other."""
    pairs, rows, judgments = [], [], []
    for task, told in samples.items():
        for chosen, forward, reverse in told:
            pair = make_pair(len(pairs), category=task)
            rows.append(make_row(pair, len(pairs), chosen_first=chosen == "A"))
            orders = ("chosen_first", "rejected_first")
            said = zip(
                orders if chosen == "A" else orders[::-1],
                (forward, reverse),
                strict=True,
            )
            judgments += [
                make_judgment(pair, order, json.dumps({"better_response": verdict}))
                for order, verdict in said
            ]
            pairs.append(pair)
    release = make_release(format="mmrb2", num_pairs=len(pairs))
    judge = ScoredJudge("mmrb2", 0, "base")
    return score_benchmark(judge, OFFICIAL, release, pairs, rows, judgments)


def check_published(scores: Scores) -> None:
    """The figures that the authors' script prints of their sample judgments."""
    right = {
        task: sum(2 * (o.accuracy or 0) for o in scores.outcomes if o.group == task)
        for task in TASKS
    }
    assert right == dict(zip(TASKS, (1064, 1110, 1150, 950), strict=True))
    found = {group: f"{100 * (a or 0):.2f}" for group, a in accuracies(scores).items()}
    assert [found[task] for task in TASKS] == ["53.20", "55.50", "57.50", "47.50"]
    assert found["overall"] == "53.42" and "macro" not in found


def test_always_response_a_of_the_file() -> None:
    """The four sample judgments, by the numbers of their labels: 53.42 over all."""
    samples = {
        task: [("A" if n < number else "B", "A", "B") for n in range(1000)]
        for task, number in CHOSEN_A.items()
    }
    check_published(score_samples(samples))


def test_the_shipped_sample_judgments() -> None:
    """The same from the authors' own files, where this machine has them."""
    folder = data_folder() / "mmrb2"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: no files of MMRB2 on this machine")
    samples: Samples = {}
    names = ("task1_image", "task2_edit", "task3_interleaved", "task4_reasoning")
    for task, name in zip(TASKS, names, strict=True):
        rows = json.loads((folder / f"{task}_response_only.json").read_bytes())["pairs"]
        said = json.loads((folder / f"sample_{name}.json").read_bytes())
        samples[task] = [
            (
                row["chosen"],
                said[row["id"]]["forward"][0]["judgement"],
                said[row["id"]]["reverse"][0]["judgement"],
            )
            for row in rows
        ]
    check_published(score_samples(samples))


def test_shares_are_over_judgments_with_a_verdict() -> None:
    """2 + 1 + 0 of 2 + 1 + 1 + 0: not the mean over pairs, and none leaves."""
    scores = score_samples(
        {"mindcube": [("A", "A", "B"), ("A", "A", ""), ("B", "tie", ""), ("B", "", "")]}
    )
    row = next(row for row in scores.rows if row.group == "overall")
    assert (row.accuracy, row.num_pairs, row.num_decided) == (0.75, 4, 3)
    assert (row.num_unparsed, row.coverage) == (4, 0.5)


def test_a_judge_of_places_scores_half() -> None:
    """Whatever the labels: it is right once in every pair."""
    samples = {"blink": [("A", "A", "A")] * 7 + [("B", "A", "A")] * 2}
    scores = score_samples(samples)
    assert set(accuracies(scores).values()) == {0.5}
    (first,) = [
        row.accuracy
        for row in scores.baselines
        if (row.baseline, row.group) == ("always_first", "overall")
    ]
    assert first == 0.5


def test_judges_that_parse_otherwise_are_not_tested() -> None:
    """No pair falls and one rises, and the share of judgments falls: no p-value."""
    base = score_samples({"blink": [("A", "A", "B"), ("A", "B", ""), ("A", "B", "")]})
    after = score_samples({"blink": [("A", "A", ""), ("A", "A", "A"), ("A", "B", "A")]})
    pairs = zip(base.outcomes, after.outcomes, strict=True)
    changes = [(new.accuracy or 0) - (old.accuracy or 0) for old, new in pairs]
    assert changes == [0, 0.5, 0]
    assert (accuracies(base)["overall"], accuracies(after)["overall"]) == (0.5, 0.4)
    judges = [
        msgspec.structs.replace(
            scores,
            iteration=1,
            filter=name,
            rows=[
                msgspec.structs.replace(row, iteration=1, filter=name)
                for row in scores.rows
            ],
        )
        for scores, name in ((after, "majority"), (base, "correctness"))
    ]
    found = compare(judges, base, {})
    assert {row.p_value_base for row in found["rows"]} == {None}
    assert found["filter_tests"] == []
