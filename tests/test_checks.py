"""Checked rewrites: the place that changed, what is asked about it, what decides."""

import json
import subprocess
import sys
from math import log
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from examples import BOUNDS, image_bytes, make_altered, make_prompt, make_responses
from measure_checks import check_rows
from selfjudge.ground.ledgers import read_ledgers
from selfjudge.ground.lines import content_id, read_records, write_records
from selfjudge.ground.records import Check
from selfjudge.ground.requests import Generation
from selfjudge.pairs.alterations import find_change
from selfjudge.pairs.building import Candidates, build_pairs
from selfjudge.pairs.checks import (
    CHOICES,
    SIDES,
    check_requests,
    checks_from,
    margin_of,
)
from selfjudge.pairs.filters import FILTERS
from selfjudge.pairs.labelling import PairSettings
from truth import Known

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
ENGINE = CONFIG["engine"] | {"name": "simulator"}
OPEN: dict[str, Any] = {"kind": "open", "answer_format": None, "question": "Describe."}
TEXT = "A red ball lies left. Two dogs run. It rains."
REWRITE = "A red ball lies left. Three dogs run. It rains."
TEMPLATE = "{question} Is it so: {statement}?"


@pytest.mark.parametrize(
    ("response", "rewrite", "expected"),
    [
        pytest.param(TEXT, REWRITE, ("Two dogs run", "Three dogs run"), id="one"),
        pytest.param(
            "Red ball. Blue cup.",
            "Green cup. Red ball.",
            ("Blue cup", "Green cup"),
            id="in-another-order",
        ),
        pytest.param(
            "A ball. A cup. Rain.",
            "A bat. A cup. Snow.",
            ("A ball. Rain", "A bat. Snow"),
            id="two-places",
        ),
        pytest.param(
            "2 dogs run", "3 dogs run", ("2 dogs run", "3 dogs run"), id="no-stop"
        ),
        pytest.param(
            "- a cat\n- a dog", "- a cat\n- a cow", ("- a dog", "- a cow"), id="list"
        ),
        pytest.param(
            "It is 3.5 meters. Wow.",
            "It is 4.5 meters. Wow.",
            ("It is 3.5 meters", "It is 4.5 meters"),
            id="decimal",
        ),
        pytest.param("Two dogs run.", "two dogs run", None, id="marks-and-case"),
        pytest.param("A ball. A cup.", "A ball.", None, id="left-out"),
        pytest.param("A ball.", "A ball. A cup.", None, id="added"),
        pytest.param("A ball.", "A ball. A ball.", None, id="said-twice"),
        pytest.param(
            "A dog. A dog. A cat.",
            "A dog. A cat. A cat.",
            ("A dog", "A cat"),
            id="said-as-often",
        ),
        pytest.param("A ball.", "...", None, id="marks-alone"),
        pytest.param("", "", None, id="empty"),
    ],
)
def test_the_changed_place(
    response: str, rewrite: str, expected: tuple[str, str] | None
) -> None:
    """The sentences that the other text has not; from either side."""
    assert find_change(response, rewrite) == expected
    back = find_change(rewrite, response)
    assert back == (expected[::-1] if expected else None)


def candidates(*texts: str, response: str = TEXT) -> Candidates:
    """An open prompt, its response, and rewrites."""
    prompt = make_prompt(**OPEN)
    (whole,) = make_responses(prompt, response)
    return Candidates(prompt, [whole], [make_altered(whole, text) for text in texts])


def asked(of: Candidates, **changes: Any) -> list[Any]:
    """The requests about the rewrites of a prompt."""
    given: dict[str, Any] = {
        "prompts": {of.prompt.id: of.prompt},
        "responses": of.responses,
        "altered": of.altered,
    }
    given |= changes
    return list(check_requests(**given, template=TEMPLATE, image_root=Path("root")))


def test_both_sides_are_asked_about_the_changed_place_alone() -> None:
    """The same but for the statement; the assistant's turn is begun and empty."""
    found = asked(candidates(REWRITE))
    assert [one.id.split("/")[2] for one in found] == list(SIDES)
    texts = [one.messages[0]["content"][-1]["text"] for one in found]
    assert texts == [
        "Describe. Is it so: Two dogs run?",
        "Describe. Is it so: Three dogs run?",
    ]
    assert {one.messages[1]["content"][0]["text"] for one in found} == {""}
    assert {one.images for one in found} == {("root/a.png",)}


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(candidates("A red ball lies left. It rains."), id="left-out"),
        pytest.param(candidates(TEXT), id="unchanged"),
        pytest.param(
            candidates(REWRITE)._replace(
                altered=[
                    make_altered(
                        candidates().responses[0], REWRITE, finish_reason="length"
                    )
                ]
            ),
            id="rewrite-cut-off",
        ),
        pytest.param(
            candidates(REWRITE)._replace(
                responses=[
                    msgspec.structs.replace(
                        candidates().responses[0], finish_reason="length"
                    )
                ]
            ),
            id="response-cut-off",
        ),
    ],
)
def test_nothing_is_asked_where_there_is_nothing_to_ask(of: Candidates) -> None:
    """No changed place, or a text that does not end."""
    assert asked(of) == []


def test_only_prompts_of_the_shard_are_asked_about() -> None:
    """Another's rewrite is passed over; one of an unknown response is an error."""
    of = candidates(REWRITE)
    assert asked(of, prompts={}) == []
    with pytest.raises(ValueError, match="'response_id' must be a response to prompt"):
        asked(of, responses=[])


LOGPROBS = st.tuples(st.floats(-60, 0), st.floats(-60, 0))


@given(LOGPROBS, LOGPROBS, st.floats(-30, 0))
def test_the_margin_is_of_the_two_choices_alone(
    first: tuple[float, float], second: tuple[float, float], less: float
) -> None:
    """Turned over where the texts are exchanged; what else may be said is no matter."""

    def margin(one: tuple[float, float], other: tuple[float, float]) -> float:
        return margin_of(
            Check(
                altered_id="a",
                prompt_id="p",
                response_logprobs=one,
                rewrite_logprobs=other,
            )
        )

    found = margin(first, second)
    assert -1 <= found <= 1
    assert margin(second, first) == pytest.approx(-found)
    rarer = (first[0] + less, first[1] + less)
    assert margin(rarer, second) == pytest.approx(found, abs=1e-9)


def answer(requests: list[Any], yes: dict[str, float]) -> list[Check]:
    """The checks of a model that says yes with these probabilities, by side."""
    return list(
        checks_from(
            (
                Generation(
                    request_id=request.id,
                    text=json.dumps([log(rate / 2), log((1 - rate) / 2)] * 2),
                    finish_reason="stop",
                    num_prompt_tokens=0,
                    num_output_tokens=0,
                ),
                request,
            )
            for request in requests
            for rate in [yes[request.id.split("/")[2]]]
        )
    )


def test_a_word_counts_in_either_case() -> None:
    """Which case a model prefers is no matter: their probabilities are summed."""
    assert CHOICES == ("yes", "no", "Yes", "No")
    request = asked(candidates(REWRITE))[0]
    answers = [[0.02, 0.01, 0.7, 0.2], [0.7, 0.2, 0.02, 0.01]]
    (check,) = checks_from(
        (
            Generation(
                request_id=request.id,
                text=json.dumps([log(one) for one in rates]),
                finish_reason="stop",
                num_prompt_tokens=0,
                num_output_tokens=0,
            ),
            request,
        )
        for rates in answers
    )
    assert check.response_logprobs == pytest.approx((log(0.72), log(0.21)), abs=1e-6)
    assert check.response_logprobs == check.rewrite_logprobs
    assert margin_of(check) == 0


def reasons(of: Candidates, margin: float | None, **yes: float) -> list[str | None]:
    """Why each rewrite gives no pair, where the model is so sure."""
    settings = PairSettings(
        majority_threshold=3, alteration_bounds=BOUNDS, check_margin=margin
    )
    of = of._replace(checks=answer(asked(of), yes) if yes else [])
    return [
        built.dropped["reason"] if built.dropped else None
        for built in build_pairs([of], FILTERS["majority"], settings, 0)
    ]


@pytest.mark.parametrize(
    ("response", "rewrite", "margin", "expected"),
    [
        (0.9, 0.2, 0.5, None),
        (0.9, 0.2, 0.75, "not_likelier"),
        (0.75, 0.25, 0.49, None),
        (0.2, 0.9, 0.0, "not_likelier"),
        (0.5, 0.5, 0.0, "not_likelier"),  # as where an image is refused
        (0.5, 0.499, 0.0, None),
        (0.2, 0.9, None, None),
    ],
)
def test_a_pair_is_kept_where_the_response_is_likelier(
    response: float, rewrite: float, margin: float | None, expected: str | None
) -> None:
    """By at least the margin, and at all; without one nothing is looked at."""
    found = reasons(candidates(REWRITE), margin, response=response, rewrite=rewrite)
    assert found == [expected]


def test_a_rewrite_without_a_changed_place_is_dropped_with_that_reason() -> None:
    """Whether anything is asked or not; where nothing is changed that comes first."""
    of = candidates("A red ball lies left. Two dogs run.", TEXT, REWRITE)
    sure = {"response": 0.9, "rewrite": 0.1}
    assert reasons(of, 0.5, **sure) == ["no_changed_place", "unchanged", None]
    assert reasons(of, None) == ["no_changed_place", "unchanged", None]


def test_a_check_that_is_not_there_is_an_error() -> None:
    """A file of other rewrites must not look like rewrites without a place."""
    with pytest.raises(ValueError, match="must have been checked"):
        reasons(candidates(REWRITE), 0.5)


def test_the_stage_writes_both_shards_as_one(tmp_path: Path) -> None:
    """The real script with an engine that pretends: it doubts injected errors."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    prompts = sorted(
        (make_prompt(n, id=content_id(n), **OPEN) for n in range(20)),
        key=lambda prompt: prompt.id,
    )
    responses = [make_responses(prompt, TEXT)[0] for prompt in prompts]
    altered = [
        make_altered(response, REWRITE.replace("Three", "purple"))
        for response in responses
    ]
    files: list[tuple[str, Any]] = [
        ("prompts", prompts),
        ("responses", responses),
        ("altered", altered),
    ]
    for name, records in files:
        write_records(tmp_path / f"{name}.jsonl", records)
    found: list[Check] = []
    for shard in ("1of2", "2of2"):
        command = [sys.executable, ROOT / "scripts/check_alterations.py"]
        command += ["--model", "org/model", "--engine", json.dumps(ENGINE)]
        command += ["--journal", tmp_path / "journal", "--shard", shard]
        command += ["--ledger", tmp_path / f"ledgers/{shard}.jsonl"]
        for name, _ in files:
            command += [f"--{name}", tmp_path / f"{name}.jsonl"]
        command += ["--template", ROOT / "scripts/templates/check.txt"]
        output = tmp_path / f"{shard}.jsonl"
        command += ["--image-root", tmp_path, "--output", output]
        subprocess.run(command, check=True)
        part = list(read_records(output, Check))
        assert part, "twenty prompts are in both shards"
        found += part
    assert [check.altered_id for check in found] == [one.id for one in altered]
    assert all(margin_of(check) == pytest.approx(0.8) for check in found)
    lines = [
        line for own in read_ledgers(tmp_path / "ledgers").values() for line in own
    ]
    assert sum(line.num_requests for line in lines) == len(SIDES) * len(altered)
    assert {line.stage for line in lines} == {"check_alterations"}


def test_what_checking_costs_is_told_by_the_truth() -> None:
    """Of four rewrites two are worse, one is better and one as good as the response."""
    true = frozenset({"red circle top", "blue star left"})
    texts = {  # a response, its rewrite, and how sure the model is of the first
        "worse": (
            "red circle top. blue star left.",
            "red circle top. blue star right.",
        ),
        "doubted": (
            "red circle top. blue star left.",
            "red cross top. blue star left.",
        ),
        "better": (
            "red circle top. blue star right.",
            "red circle top. blue star left.",
        ),
        "alike": ("red circle top. blue star right.", "red circle top. blue star top."),
    }
    sure = {"worse": 0.9, "doubted": 0.3, "better": 0.2, "alike": 0.6}
    told, known = [], {}
    for number, (name, (response, rewrite)) in enumerate(texts.items()):
        prompt = make_prompt(number, **OPEN)
        (whole,) = make_responses(prompt, response)
        of = Candidates(
            prompt, [whole], [make_altered(whole, rewrite, category="spatial")]
        )
        yes = {"response": sure[name], "rewrite": 1 - sure[name]}
        told.append(of._replace(checks=answer(asked(of), yes)))
        known[prompt.id] = Known(prompt, true)
    closed = make_prompt(9, question="How many?")
    told.append(Candidates(closed, make_responses(closed, "3", "3", "3", "4"), []))
    settings = PairSettings(majority_threshold=3, alteration_bounds=BOUNDS)
    rows = check_rows(told, known, settings, margins=(None, 0.1, 0.9))
    assert [(row.margin, row.category) for row in rows] == [
        (margin, category)
        for margin in (None, 0.1, 0.9)
        for category in (None, "spatial")
    ]
    found = {
        row.margin: (row.num_pairs, row.num_pure, row.purity, row.lost_rate)
        for row in rows
        if row.category
    }
    assert found == {
        None: (4, 2, 0.5, 0.0),
        0.1: (2, 1, 0.5, 0.5),
        0.9: (0, 0, None, 1),
    }
    assert all(row.low is None or row.low < row.purity < row.high for row in rows)
