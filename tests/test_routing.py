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
        pytest.param("What size is the ball?\nBe brief.", "phrase", id="size"),
        pytest.param("The ball has what shape?", "phrase", id="shape-last"),
        pytest.param("There is a ball; what is it made of?", "phrase", id="material"),
        pytest.param("Who drew it?\nKeep it short.", "phrase", id="hint"),
        pytest.param("What is it?\nOptions: cup, pen.", "phrase", id="no-letters"),
        pytest.param("There is a ball; is it big?", "yes_no", id="clause"),
        pytest.param("In the map, is it north?", "yes_no", id="after-a-place"),
        pytest.param("Are there any cups or pens?", "yes_no", id="any-or"),
        pytest.param("Is it even or not?", "yes_no", id="or-not"),
        pytest.param("It is red, right?", "yes_no", id="right"),
        pytest.param("Is it a cup or a pen?\nBe brief.", "phrase", id="cup-or-pen"),
        pytest.param("How many are there? Is one red?", None, id="two-questions"),
        pytest.param("Is it red? If so, say why.", None, id="if-so"),
        pytest.param("Count the cups and describe each.", None, id="count-and"),
        pytest.param("Is it full, and who fills it?", None, id="and-who"),
        pytest.param("Explain a) the cup, b) the pen.", None, id="parts"),
        pytest.param("Give a brief description of it.", None, id="brief-text"),
        pytest.param("Describe it concisely.", None, id="concise-text"),
        pytest.param("Why is it red?", None, id="why"),
    ],
)
def test_route(question: str, expected: str | None) -> None:
    """A question that asks for a short answer format is closed, others are open."""
    assert route(question) == ("closed" if expected else "open", expected)
