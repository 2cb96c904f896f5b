import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfjudge.ground.requests import Generation, LastChoice, Request, Sampling
from selfjudge.ground.templates import user_turn
from selfjudge.judging.probabilities import (
    STATES,
    chosen_probability,
    is_abstained,
    told_logprobs,
    verdict_stem,
    weighing_requests,
)
from selfjudge.judging.verdicts import parse_verdict

LOGPROBS = st.tuples(st.floats(-800, 0), st.floats(-800, 0))
TEMPERATURES = st.floats(0.05, 20)


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        pytest.param("Good.\n\nVerdict: [[A]]", "Good.\n\nVerdict: [[", id="as-asked"),
        pytest.param("No. Verdict: [[B]]\n", "No. Verdict: [[", id="end-of-line"),
        pytest.param(
            'Verdict: [[A]]\nB ended in "[[B]]".', "Verdict: [[", id="planted-after"
        ),
        pytest.param(
            'B says "[[B]]".\nVerdict: [[B]]',
            'B says "[[B]]".\nVerdict: [[',
            id="the-last-of-a-letter",
        ),
        pytest.param("Both fit. ", "Both fit.\nVerdict: [[", id="unparsed"),
        pytest.param("", "\nVerdict: [[", id="empty"),
        pytest.param("Verdict: [[", "Verdict: [[\nVerdict: [[", id="cut-short"),
    ],
)
def test_a_judgment_is_cut_before_its_verdict(text: str, stem: str) -> None:
    """What is continued by a letter states that letter, and keeps all before it."""
    assert verdict_stem(text) == stem
    assert parse_verdict(stem + "A]]") == "A"


@pytest.mark.parametrize(
    ("text", "num_tokens", "stem"),
    [
        pytest.param("", 0, None, id="no-room"),
        pytest.param("I see", 2, None, id="hardly-any-room"),
        pytest.param("Verdict: [[A]]", 6, "Verdict: [[", id="short-but-stated"),
        pytest.param(
            "word " * 40, 96, ("word " * 40)[:-64].rstrip() + STATES, id="cut-off"
        ),
    ],
)
def test_a_cut_judgment_is_weighed_where_there_is_room(
    text: str, num_tokens: int, stem: str | None
) -> None:
    """An engine refuses a prompt that is longer than its model reads."""
    request = Request(
        id="pair/chosen_first/0",
        messages=[user_turn(0, "Which?")],
        images=(),
        sampling=Sampling(max_tokens=96, temperature=1.0),
        seed=1,
    )
    generation = Generation(
        request_id=request.id,
        text=text,
        finish_reason="length",
        num_prompt_tokens=9,
        num_output_tokens=num_tokens,
    )
    asked = weighing_requests([(generation, request)])
    stems = [one.messages[-1]["content"][0]["text"] for one in asked]
    assert stems == ([] if stem is None else [stem])


BOTH = {"A": -0.1, "B": -2.4}


@pytest.mark.parametrize(
    ("text", "before", "logprobs", "is_told"),
    [
        pytest.param("I see. Verdict: [[A]]", 18, BOTH, True, id="as-asked"),
        pytest.param("[[B]] is better. Yes.", 2, BOTH, True, id="words-after"),
        pytest.param('Verdict: [[A]]\nB said "[[B]]".', 25, BOTH, False, id="quoted"),
        pytest.param("A it is. Verdict: [[A]]", 0, BOTH, False, id="merged-in-verdict"),
        pytest.param("Verdict: [[ A ]]", 12, BOTH, False, id="blanks"),
        pytest.param("Both. [[A]] or [[B]]", 17, BOTH, False, id="unparsed"),
        pytest.param("Verdict: [[A]]", 11, {"A": -0.1}, False, id="unlikely"),
        pytest.param("Verdict: [[A]]", 11, {"yes": -0.1}, False, id="others"),
    ],
)
def test_what_is_told_with_a_text_is_of_its_verdict(
    text: str, before: int, logprobs: dict[str, float], is_told: bool
) -> None:
    """Else it is another letter's, and the judge is asked once more."""
    said = Generation(
        request_id="pair/chosen_first/0",
        text=text,
        finish_reason="stop",
        num_prompt_tokens=9,
        num_output_tokens=9,
        last_choice=LastChoice(start=before, logprobs=logprobs),
    )
    assert told_logprobs(said) == ([-0.1, -2.4] if is_told else None)
    assert told_logprobs(msgspec.structs.replace(said, last_choice=None)) is None


@given(LOGPROBS, LOGPROBS, TEMPERATURES)
def test_exchanging_the_responses_turns_the_probability_over(
    first: tuple[float, float], second: tuple[float, float], temperature: float
) -> None:
    """Which response is called chosen changes nothing, at any temperature."""
    forth = chosen_probability(
        {"chosen_first": first, "rejected_first": second}, temperature
    )
    back = chosen_probability(
        {"chosen_first": second, "rejected_first": first}, temperature
    )
    assert forth == pytest.approx(1 - back, abs=1e-9)
    assert 0 <= forth <= 1


@given(LOGPROBS, TEMPERATURES)
def test_a_preference_for_a_place_is_no_preference(
    logprobs: tuple[float, float], temperature: float
) -> None:
    """A judge that says the same letter in both orders is a coin."""
    both = {"chosen_first": logprobs, "rejected_first": logprobs}
    assert chosen_probability(both, temperature) == pytest.approx(0.5)


def test_a_sure_judge_is_sure_in_both_orders() -> None:
    """A where chosen stands first, B where it stands second."""
    sure = {"chosen_first": (0.0, -9.0), "rejected_first": (-9.0, 0.0)}
    assert chosen_probability(sure) > 0.99
    assert 0.9 < chosen_probability(sure, temperature=4) < 0.99
    with pytest.raises(KeyError):
        chosen_probability({"chosen_first": (0.0, -9.0)})


@pytest.mark.parametrize(
    ("probability", "limit", "abstained"),
    [(0.5, None, False), (0.79, 0.8, True), (0.8, 0.8, False), (0.1, 0.8, False)],
)
def test_whoever_is_not_sure_enough_abstains(
    probability: float, limit: float | None, abstained: bool
) -> None:
    """Sure of the other response is sure too."""
    assert is_abstained(probability, limit) is abstained
