from pathlib import Path

import msgspec
import pytest

from examples import generate, make_prompt, make_responses
from selfjudge.ground.requests import Sampling
from selfjudge.pairs.responses import (
    alteration_requests,
    altered_from,
    load_templates,
    response_from,
    response_requests,
)

SAMPLING = Sampling(max_tokens=8, temperature=0.6)
ROOT = Path("images")


def test_images_come_before_text() -> None:
    """One user turn: an image part for each image, then the text."""
    prompt = make_prompt(images=("a.png", "b.png"), question="why?")
    (request,) = response_requests(prompt, "Say: {question}", 1, SAMPLING, ROOT, 0)
    assert request.messages == [
        {
            "role": "user",
            "content": [
                {"type": "image"},
                {"type": "image"},
                {"type": "text", "text": "Say: why?"},
            ],
        }
    ]


def test_images_are_paths_below_the_root() -> None:
    """A request names files that can be opened."""
    prompt = make_prompt(images=("a.png", "sub/b.png"))
    (request,) = response_requests(prompt, "{question}", 1, SAMPLING, ROOT, 0)
    assert request.images == ("images/a.png", "images/sub/b.png")


def test_samples_have_their_own_seeds() -> None:
    """Several samples of one prompt are drawn independently."""
    requests = response_requests(make_prompt(), "{question}", 16, SAMPLING, ROOT, 0)
    assert len({request.seed for request in requests}) == 16


def test_more_samples_keep_the_first_ones() -> None:
    """Raising num_samples reuses what the journal has."""
    few = response_requests(make_prompt(), "{question}", 2, SAMPLING, ROOT, 0)
    many = response_requests(make_prompt(), "{question}", 4, SAMPLING, ROOT, 0)
    assert list(few) == list(many)[:2]


def test_response_is_stripped_and_traceable() -> None:
    """A response knows prompt, sample and seed of its request."""
    prompt = make_prompt()
    *_, request = response_requests(prompt, "{question}", 3, SAMPLING, ROOT, 0)
    response = response_from(generate(request, " 3 dogs\n"), request)
    found = (response.prompt_id, response.sample, response.seed, response.text)
    assert found == (prompt.id, 2, request.seed, "3 dogs")


def test_alterations_are_asked_for_known_prompts_only() -> None:
    """Responses to other prompts, closed ones or of other shards, are passed over."""
    ours, other = make_prompt(0), make_prompt(1)
    responses = [*make_responses(ours, "a dog"), *make_responses(other, "a cat")]
    requests = alteration_requests(
        {ours.id: ours}, responses, {"count": "{response}"}, SAMPLING, ROOT, 0
    )
    assert [request.id.split("/")[0] for request in requests] == [ours.id]


def test_alterations_use_all_categories() -> None:
    """The category is drawn by seed among the templates that fit the response."""
    prompts = {prompt.id: prompt for prompt in map(make_prompt, range(40))}
    responses = [make_responses(prompt, "2 dogs")[0] for prompt in prompts.values()]
    templates = {"count": "c {response}", "object": "o {response}"}
    requests = alteration_requests(prompts, responses, templates, SAMPLING, ROOT, 0)
    categories = {altered_from(generate(r, "x"), r).category for r in requests}
    assert categories == {"count", "object"}


def test_template_file_must_be_named_after_a_category(tmp_path: Path) -> None:
    """A template of no known kind of error is refused."""
    path = tmp_path / "size.txt"
    path.write_text("{response}")
    with pytest.raises(ValueError, match=r"size\.txt: must be named after one of"):
        load_templates([path], "response")


def test_records_say_whether_they_were_cut_off() -> None:
    """Response and rewrite take over why the generation ended."""
    prompt = make_prompt()
    (asked,) = response_requests(prompt, "{question}", 1, SAMPLING, ROOT, 0)
    cut = msgspec.structs.replace(generate(asked, "3"), finish_reason="length")
    response = response_from(generate(asked, "3"), asked)
    assert (response.finish_reason, response_from(cut, asked).finish_reason) == (
        "stop",
        "length",
    )
    (asked,) = alteration_requests(
        {prompt.id: prompt}, [response], {"count": "{response}"}, SAMPLING, ROOT, 0
    )
    cut = msgspec.structs.replace(generate(asked, "4"), finish_reason="length")
    assert altered_from(cut, asked).finish_reason == "length"


def test_nothing_is_asked_about_a_response_that_was_cut_off() -> None:
    """It cannot be chosen, so that its rewrite would be paid for nothing."""
    prompt = make_prompt()
    (response,) = make_responses(prompt, "a dog")
    cut = msgspec.structs.replace(response, finish_reason="length")
    requests = alteration_requests(
        {prompt.id: prompt}, [cut], {"count": "{response}"}, SAMPLING, ROOT, 0
    )
    assert list(requests) == []


def test_a_rewrite_is_asked_of_what_was_said() -> None:
    """A thought is not rewritten, and one that was never left is no response."""
    prompt = make_prompt()
    texts = ["<think>a cat?</think>a dog", "<think>a cat?"]
    requests = alteration_requests(
        {prompt.id: prompt},
        make_responses(prompt, *texts),
        {"count": "Say: {response}"},
        SAMPLING,
        ROOT,
        0,
    )
    assert [request.messages[0]["content"][-1]["text"] for request in requests] == [
        "Say: a dog"
    ]
