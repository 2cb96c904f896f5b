from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import make_pair, make_prompt, make_responses
from selfjudge.ground.records import ORDERS
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.templates import fill, load_template
from selfjudge.judging.asks import (
    JUDGE_FIELDS,
    judge_text,
    judgment_from,
    judgment_requests,
)
from selfjudge.pairs.responses import (
    alteration_requests,
    altered_from,
    load_templates,
    response_from,
    response_requests,
)

SAMPLING = Sampling(max_tokens=8, temperature=0.6)
TEMPLATE = "Q: {question}\nA: {response_a}\nB: {response_b}\n"
ROOT = Path("images")
HOSTILE = st.text(st.sampled_from("{}\\ab_ ")) | st.sampled_from(
    ["{response_b}", "{question}", "{{x}}", "\\1", "\\g<0>", "{0}", "%s"]
)


def generate(request: Request, text: str) -> Generation:
    """What an engine would say to a request."""
    return Generation(
        request_id=request.id,
        text=text,
        finish_reason="stop",
        num_prompt_tokens=1,
        num_output_tokens=1,
    )


@given(HOSTILE, HOSTILE, HOSTILE)
def test_values_stay_as_they_are(question: str, first: str, second: str) -> None:
    """Braces and names of placeholders inside a value are not replaced."""
    text = fill(TEMPLATE, question=question, response_a=first, response_b=second)
    assert text == f"Q: {question}\nA: {first}\nB: {second}\n"


@given(HOSTILE, HOSTILE)
def test_exchanged_sides_in_the_other_order_read_alike(one: str, other: str) -> None:
    """A judge sees places, never which response was chosen."""
    pair = make_pair(chosen=one, rejected=other)
    exchanged = make_pair(chosen=other, rejected=one)
    assert judge_text(pair, "chosen_first", TEMPLATE) == judge_text(
        exchanged, "rejected_first", TEMPLATE
    )


def test_chosen_first_puts_chosen_in_place_a() -> None:
    """The order says which response comes first."""
    pair = make_pair(question="q", chosen="good", rejected="bad")
    assert judge_text(pair, "chosen_first", TEMPLATE) == "Q: q\nA: good\nB: bad\n"


def test_rejected_first_puts_rejected_in_place_a() -> None:
    """The order says which response comes first."""
    pair = make_pair(question="q", chosen="good", rejected="bad")
    assert judge_text(pair, "rejected_first", TEMPLATE) == "Q: q\nA: bad\nB: good\n"


@pytest.mark.parametrize("folder", ["scripts/templates", "demo/templates"])
def test_nothing_but_responses_tells_the_orders_apart(folder: str) -> None:
    """All that both orders share stands first, so that an engine computes it once."""
    path = Path(__file__).parents[1] / folder / "judge.txt"
    template = load_template(path, *JUDGE_FIELDS)
    pair = make_pair(question="what?", chosen="xyz", rejected="uvw")
    texts = [judge_text(pair, order, template) for order in ORDERS]
    responses = [pair.chosen, pair.rejected]
    starts = [min(text.index(r) for r in responses) for text in texts]
    ends = [max(text.index(r) for r in responses) for text in texts]
    assert starts[0] == starts[1]
    assert texts[0][: starts[0]] == texts[1][: starts[1]]
    assert "what?" in texts[0][: starts[0]]
    assert all(len(text) - end < 50 for text, end in zip(texts, ends, strict=True))


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


def test_judgments_are_asked_for_in_both_orders() -> None:
    """Every sample of a pair is judged in each order."""
    requests = judgment_requests(make_pair(), TEMPLATE, 2, SAMPLING, ROOT, 0)
    places = [request.id.split("/")[1:] for request in requests]
    assert places == [
        ["chosen_first", "0"],
        ["chosen_first", "1"],
        ["rejected_first", "0"],
        ["rejected_first", "1"],
    ]


def test_judgment_keeps_the_raw_text() -> None:
    """What the judge wrote is kept to the last blank."""
    *_, request = judgment_requests(make_pair(), TEMPLATE, 1, SAMPLING, ROOT, 0)
    judgment = judgment_from(generate(request, " ok \n"), request)
    assert (judgment.order, judgment.text) == ("rejected_first", " ok \n")


def test_alterations_are_asked_for_known_prompts_only() -> None:
    """Responses to other prompts, closed ones or of other shards, are passed over."""
    ours, other = make_prompt(0), make_prompt(1)
    responses = [*make_responses(ours, "a dog"), *make_responses(other, "a cat")]
    requests = alteration_requests(
        {ours.id: ours}, responses, {"count": "{response}"}, SAMPLING, ROOT, 0
    )
    assert [request.id.split("/")[0] for request in requests] == [ours.id]


def test_alterations_use_all_categories() -> None:
    """The category is drawn by seed among the templates."""
    prompts = {prompt.id: prompt for prompt in map(make_prompt, range(40))}
    responses = [make_responses(prompt, "a dog")[0] for prompt in prompts.values()]
    templates = {"count": "c {response}", "object": "o {response}"}
    requests = alteration_requests(prompts, responses, templates, SAMPLING, ROOT, 0)
    categories = {altered_from(generate(r, "x"), r).category for r in requests}
    assert categories == {"count", "object"}


def test_template_must_have_its_placeholders(tmp_path: Path) -> None:
    """A missing and an unknown placeholder are named with the file."""
    path = tmp_path / "judge.txt"
    path.write_text("{question} {response_a} {answer_b}")
    with pytest.raises(ValueError, match="response_b") as error:
        load_template(path, *JUDGE_FIELDS)
    assert str(error.value) == (
        f"{path}: placeholders must be ['question', 'response_a', 'response_b'] "
        "(got ['answer_b', 'question', 'response_a'])"
    )


def test_template_file_must_be_named_after_a_category(tmp_path: Path) -> None:
    """A template of no known kind of error is refused."""
    path = tmp_path / "size.txt"
    path.write_text("{response}")
    with pytest.raises(ValueError, match=r"size\.txt: must be named after one of"):
        load_templates([path], "response")
