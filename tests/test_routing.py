import time

import pytest

from selfjudge.pairs.answers import extract_answer
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
        pytest.param("True or False: it is red.", "yes_no", id="true-or-false"),
        pytest.param("Is it a cup or a pen?\nBe brief.", "phrase", id="cup-or-pen"),
        pytest.param("How many are there? Is one red?", None, id="two-questions"),
        pytest.param("Is it red? If so, say why.", None, id="if-so"),
        pytest.param("Count the cups and describe each.", None, id="count-and"),
        pytest.param("Is it full, and who fills it?", None, id="and-who"),
        pytest.param("Explain a) the cup, b) the pen.", None, id="parts"),
        pytest.param("Give a brief description of it.", None, id="brief-text"),
        pytest.param("Describe it concisely.", None, id="concise-text"),
        pytest.param("Why is it red?", None, id="why"),
        # Commands that begin as questions do.
        pytest.param("Do a review of the food.", None, id="do-a"),
        pytest.param("Have a guess. Which team is it?", None, id="have-a"),
        pytest.param("Have the leaves fallen?", "yes_no", id="have-the"),
        pytest.param("Is St. Paul's in the photo?", "yes_no", id="saint"),
        # A text, advice or a second question is wanted.
        pytest.param("Suggest a name in a few words.", None, id="made-up"),
        pytest.param("Can you create a one-word title?", None, id="created"),
        pytest.param("In short, who is that?", None, id="in-short-first"),
        pytest.param("Who is that? Answer in short.", "phrase", id="in-short-last"),
        pytest.param("What size should we buy?", None, id="advice"),
        pytest.param("Which colour goes with it?", None, id="goes-with"),
        pytest.param("What colour is the car that should go?", "phrase", id="should"),
        pytest.param("How many steps are there? Give details.", None, id="details"),
        pytest.param("Is one torn? Identify each.", None, id="identify"),
        pytest.param("How much is it and is it paid?", None, id="and-is-it"),
        pytest.param("How many cups and pens are there?", "number", id="cups-and"),
        # Letters that are names or parts, and those that are options.
        pytest.param("How do (A) and (B) differ?", None, id="names"),
        pytest.param("Name a) the leaf b) the stem.", None, id="named-parts"),
        pytest.param("Which is larger: (A) cat (B) dog?", "choice", id="in-a-line"),
        pytest.param("Which?\nA\uff0ecat\nB\uff0edog", "choice", id="wide-points"),
        pytest.param("Which?\n\uff08A\uff09cat\n\uff08B\uff09dog", "choice", id="wide"),
        # Shapes of the subsets.
        pytest.param("Find the number of red cups.", "number", id="find-number"),
        pytest.param("Number of pens?", "number", id="number-of"),
        pytest.param("In what month was it 3?", "phrase", id="month"),
        pytest.param("Why does he run?\nOptions: rain, bus.", "phrase", id="why-of"),
        pytest.param("Given the caption, is the caption true?", "yes_no", id="given"),
        pytest.param("Does the caption fit? If not, say why.", None, id="if-not"),
        pytest.param("There is a cup; how big is it?", "phrase", id="how-big"),
        pytest.param("Find y.", "expression", id="unknown"),
        pytest.param("What is \u22203?", "expression", id="angle"),
        pytest.param("Find the area of the square.", "expression", id="area"),
        pytest.param("Find the area of improvement.", None, id="area-of"),
        pytest.param("What is the value of art?", None, id="value-of-art"),
    ],
)
def test_route(question: str, expected: str | None) -> None:
    """A question that asks for a short answer format is closed, others are open."""
    assert route(question) == ("closed" if expected else "open", expected)


@pytest.mark.parametrize("words", ["yes or no", "yes/no", "true or false"])
def test_the_words_that_are_asked_for_are_answers(words: str) -> None:
    """A prompt that routes to a format has its own words read in it."""
    assert route(f"Answer with {words}: it is red.") == ("closed", "yes_no")
    first, last = words.replace("/", " or ").split(" or ")
    answers = [extract_answer(f"Answer: {word}", "yes_no") for word in (first, last)]
    assert answers == ["yes", "no"]


@pytest.mark.parametrize(
    "piece",
    [
        "how many ",
        "is ",
        ". Is ",
        "a) ",
        "(A) ",
        "find ",
        "(A) and ",
        "Options: a,",
        "\n",
    ],
)
def test_long_questions_take_linear_time(piece: str) -> None:
    """A megabyte without end costs a tenth of a second at most.

    The bound is ten times that, for a busy machine.
    """
    for start in ("", "Give ", "What ", "Is "):
        began = time.process_time()
        route(start + piece * (1_000_000 // len(piece)))
        assert time.process_time() - began < 1
