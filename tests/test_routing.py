import pytest

from selfjudge.pairs.routing import route


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        pytest.param("What is it?\nA. dog\nB. cat", "choice", id="options"),
        pytest.param("Answer with the option's letter.", "choice", id="letter"),
        pytest.param("Is it red? A. yes\nB. no", "choice", id="options-before-yes-no"),
        pytest.param("Is the car red?", "yes_no", id="is"),
        pytest.param("Do you see a dog? Answer yes or no.", "yes_no", id="asked"),
        pytest.param("Is the car red or blue?", None, id="alternatives"),
        pytest.param("Are there more dogs\nthan cats?", "yes_no", id="are"),
        pytest.param("How many dogs are there?", "number", id="how-many"),
        pytest.param("What number is on the bus?", "number", id="what-number"),
        pytest.param("Count the dogs.", "number", id="count"),
        pytest.param("Is it clear how many dogs there are?", "yes_no", id="first-wins"),
        pytest.param("What color is the car?", "phrase", id="color"),
        pytest.param("Which colour is it?", "phrase", id="colour"),
        pytest.param("What is it? Answer in one word.", "phrase", id="one-word"),
        pytest.param("Describe the image.", None, id="describe"),
        pytest.param("Can you describe the image in detail?", None, id="can-you"),
        pytest.param("Could you explain what is going on?", None, id="could-you"),
        pytest.param("Do you see what he holds, and why?", None, id="do-you"),
        pytest.param("Describe how many people there are.", None, id="describe-count"),
        pytest.param("Tell me in one word: what is it?", "phrase", id="tell-in-a-word"),
        pytest.param("Explain: is it red? Answer yes or no.", "yes_no", id="yes-or-no"),
        pytest.param("This is a dog. Why does it bark?", None, id="is-in-mid-text"),
        pytest.param("Island life: what is shown?", None, id="is-inside-word"),
        pytest.param("   ", None, id="blank"),
    ],
)
def test_route(question: str, expected: str | None) -> None:
    """A question that asks for a short answer format is closed, others are open."""
    assert route(question) == ("closed" if expected else "open", expected)
