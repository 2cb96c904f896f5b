import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import BOUNDS
from selfjudge.pairs.alterations import check_alteration

RESPONSE = "Two dogs sleep on the red sofa beside a lamp."


@pytest.mark.parametrize(
    ("altered", "expected"),
    [
        pytest.param(
            "Three dogs sleep on the red sofa beside a lamp.", None, id="one-word"
        ),
        pytest.param("Two dogs sleep on the red sofa.", None, id="object-removed"),
        pytest.param(" \n", "empty", id="blank"),
        pytest.param(RESPONSE, "unchanged", id="same"),
        pytest.param(
            "**two dogs** sleep on the red sofa, beside a lamp!",
            "unchanged",
            id="only-case-and-marks",
        ),
        pytest.param("Two dogs.", "too_short", id="short"),
        pytest.param(RESPONSE * 3, "too_long", id="long"),
        pytest.param(
            "My cat and your bird play in some green field.",
            "too_different",
            id="other",
        ),
        pytest.param(
            "Here is the altered version: Three dogs sleep on the red sofa.",
            "confesses",
            id="announces",
        ),
        pytest.param(
            "Three dogs sleep on the red sofa. I changed the count.",
            "confesses",
            id="explains",
        ),
        pytest.param(
            "I cannot write that, dogs sleep on the red sofa.",
            "confesses",
            id="refuses",
        ),
    ],
)
def test_check_alteration(altered: str, expected: str | None) -> None:
    """A rewrite serves if it changes one detail and keeps quiet about it."""
    assert check_alteration(RESPONSE, altered, BOUNDS) == expected


def test_a_word_of_the_response_is_no_confession() -> None:
    """What the response says itself gives nothing away."""
    response = "The sign was edited: a false answer is crossed out in red."
    altered = "The sign was edited: a false answer is crossed out in blue."
    assert check_alteration(response, altered, BOUNDS) is None


@pytest.mark.parametrize(
    ("num_words", "expected"),
    [(4, "too_short"), (5, None), (20, None), (21, "too_long")],
)
def test_length_bounds_are_inclusive(num_words: int, expected: str | None) -> None:
    """A rewrite of exactly half or twice the length still serves."""
    response = " ".join(f"w{place}" for place in range(10))
    altered = " ".join(f"w{place}" for place in range(num_words))
    bounds = type(BOUNDS)(min_length_rate=0.5, max_length_rate=2, min_overlap_rate=0)
    assert check_alteration(response, altered, bounds) == expected


@given(st.text())
def test_a_text_is_no_alteration_of_itself(text: str) -> None:
    """Nothing that changes nothing gets through."""
    assert check_alteration(text, text, BOUNDS) in ("empty", "unchanged")
