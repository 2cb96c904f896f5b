from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfjudge.pairs.answers import (
    extract_answer,
    majority_answer,
    normalise,
    normalise_gold,
    parse_options,
)

OPTIONS = "Which animal is it?\nA. a dog\nB. a cat\nC. the red fox"

# Everything that the normalisation treats, in pieces that can stand together.
PIECES = st.sampled_from(
    "the a an one twenty twenty-one hundred red dogs 3 1,000 3.50 ** ` $ . , ! ' ( ) "
    "“ ” ’ - \\boxed{ } \\text{ \n Answer: 5% km yes".split(" ")
)
TEXTS = st.lists(PIECES, max_size=8).map(" ".join) | st.lists(PIECES, max_size=5).map(
    "".join
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  Red \n Car ", "red car", id="case-and-spaces"),
        pytest.param("The red car", "red car", id="article-first"),
        pytest.param("an apple on a tree", "apple on tree", id="articles-inside"),
        pytest.param("A", "a", id="nothing-but-an-article"),
        pytest.param("another theme", "another theme", id="article-inside-word"),
        pytest.param("**red**", "red", id="markdown"),
        pytest.param("“red”", "red", id="curly-quotes"),
        pytest.param("'red'", "red", id="single-quotes"),
        pytest.param("dog’s", "dog's", id="apostrophe-stays"),
        pytest.param("red!?.", "red", id="punctuation-at-end"),
        pytest.param("3.5", "3.5", id="decimal-point-stays"),
        pytest.param("1,234,567", "1234567", id="thousands"),
        pytest.param("1,2", "1,2", id="no-thousands"),
        pytest.param("Three", "3", id="number-word"),
        pytest.param("three.", "3", id="number-word-with-full-stop"),
        pytest.param("twenty-one", "21", id="number-word-with-hyphen"),
        pytest.param("ninety nine", "99", id="number-words-in-two"),
        pytest.param("one hundred", "100", id="one-hundred"),
        pytest.param("one-third", "one-third", id="part-of-a-compound"),
        pytest.param("someone", "someone", id="number-word-inside-word"),
        pytest.param("\uff13 \ufb01sh", "3 fish", id="nfkc"),
        pytest.param("$\\boxed{\\text{red}}$", "red", id="latex"),
        pytest.param("", "", id="empty"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    """Equal answers have one form."""
    assert normalise(text) == expected


@given(TEXTS)
def test_normalise_is_idempotent(text: str) -> None:
    """The common form of a common form is itself."""
    assert normalise(normalise(text)) == normalise(text)


@given(TEXTS)
def test_normalise_ignores_case(text: str) -> None:
    """Upper case and lower case have one form."""
    assert normalise(text.upper()) == normalise(text.lower())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("3", "3", id="bare"),
        pytest.param("Answer: 3", "3", id="marker"),
        pytest.param("**Answer:** 3", "3", id="bold-marker-with-colon"),
        pytest.param("**Answer**: 3", "3", id="bold-marker-before-colon"),
        pytest.param("Answer:\n3", "3", id="next-line"),
        pytest.param("The answer is three.", "3", id="word"),
        pytest.param("Answer: twenty-one", "21", id="compound-word"),
        pytest.param("3.280 km", "3.28", id="unit"),
        pytest.param("3.28km", "3.28", id="unit-without-space"),
        pytest.param("$1,299.00", "1299", id="dollar-and-thousands"),
        pytest.param("\u20ac5.50", "5.5", id="euro"),
        pytest.param("45 %", "45", id="percent"),
        pytest.param("-0.50", "-0.5", id="negative"),
        pytest.param("-0", "0", id="negative-zero"),
        pytest.param("+3", "3", id="plus"),
        pytest.param("007", "7", id="leading-zeros"),
        pytest.param(".5", "0.5", id="no-leading-zero"),
        pytest.param("100", "100", id="trailing-zeros-of-integer"),
        pytest.param("None", "0", id="none-is-zero"),
        pytest.param("\\boxed{12}", "12", id="boxed"),
        pytest.param("The answer is $\\boxed{12}$.", "12", id="boxed-after-marker"),
        pytest.param("There are 2 dogs and 3 cats.\nSo 5.", "5", id="last-sentence"),
        pytest.param("3 dogs. I see 3.", "3", id="one-number-twice"),
        pytest.param(
            "The answer is 4. No: the answer is 5.", "5", id="last-of-two-markers"
        ),
        pytest.param("The answer is 4. Answer:", "4", id="marker-with-nothing-after"),
        pytest.param("2 dogs and 3 cats", None, id="two-numbers"),
        pytest.param("Answer: 2 or 3", None, id="two-numbers-after-marker"),
        pytest.param("10-12", None, id="range"),
        pytest.param("1/2", None, id="fraction"),
        pytest.param("3,5", None, id="decimal-comma"),
        pytest.param("many", None, id="no-number"),
        pytest.param("", None, id="empty"),
        pytest.param("no dogs", None, id="no"),
    ],
)
def test_number(text: str, expected: str | None) -> None:
    """A number is found without its unit, and two numbers are none."""
    assert extract_answer(text, "number") == expected


@given(st.integers(-(10**9), 10**9))
def test_number_ignores_thousands_separators(value: int) -> None:
    """A number with separators is the number without."""
    assert extract_answer(f"Answer: {value:,}", "number") == str(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("B", "b", id="bare"),
        pytest.param("b.", "b", id="lower-case"),
        pytest.param("(B)", "b", id="brackets"),
        pytest.param("**B**", "b", id="bold"),
        pytest.param("B. a cat", "b", id="letter-and-text"),
        pytest.param("B) a cat", "b", id="letter-bracket-text"),
        pytest.param("Option B", "b", id="option"),
        pytest.param("Answer: B", "b", id="marker"),
        pytest.param("It looks like (B) to me.", "b", id="brackets-inside"),
        pytest.param("$\\boxed{B}$", "b", id="boxed"),
        pytest.param("The answer is $\\boxed{\\text{B}}$.", "b", id="boxed-text"),
        pytest.param("a cat", "b", id="text"),
        pytest.param("Cat", "b", id="text-without-article"),
        pytest.param("The answer is the cat.", "b", id="text-after-marker"),
        pytest.param("I see a red fox here", "c", id="text-inside"),
        pytest.param("A dog", "a", id="article-is-no-letter"),
        pytest.param("a cat and a dog", None, id="two-texts"),
        pytest.param("(A) or (B)", None, id="two-letters"),
        pytest.param("Both A and B", None, id="letters-in-prose"),
        pytest.param("a bird", None, id="no-option"),
        pytest.param("", None, id="empty"),
    ],
)
def test_choice(text: str, expected: str | None) -> None:
    """An option's letter and its text are one answer."""
    assert extract_answer(text, "choice", OPTIONS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Yes", "yes", id="bare"),
        pytest.param("**No**.", "no", id="bold"),
        pytest.param("Yes, there is no dog.", "yes", id="first-word-decides"),
        pytest.param("I think so, yes.", "yes", id="only-one-named"),
        pytest.param("Answer: no", "no", id="marker"),
        pytest.param("It could be yes or no.", None, id="both-named"),
        pytest.param("It is not.", None, id="neither"),
        pytest.param("nothing", None, id="no-inside-word"),
        pytest.param("", None, id="empty"),
    ],
)
def test_yes_no(text: str, expected: str | None) -> None:
    """Yes and no are found as words."""
    assert extract_answer(text, "yes_no") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("The red car.", "red car", id="bare"),
        pytest.param("It moves.\nAnswer: **Red** car", "red car", id="marker"),
        pytest.param("A", "a", id="one-letter"),
        pytest.param("one two three four five six seven eight nine", None, id="long"),
        pytest.param("...", None, id="nothing-but-punctuation"),
        pytest.param("", None, id="empty"),
        pytest.param("Answer: Mt. Fuji. It is high.", "mt. fuji", id="abbreviation"),
        pytest.param("Answer: St. Louis", "st. louis", id="another-abbreviation"),
        pytest.param("Answer: red. It is a red car.", "red", id="first-sentence"),
        pytest.param("Answer: I cannot determine that", None, id="cannot"),
        pytest.param("unclear", None, id="unclear"),
        pytest.param("I can't tell.", None, id="can-not-with-apostrophe"),
    ],
)
def test_phrase(text: str, expected: str | None) -> None:
    """A short text is an answer, a long one is not."""
    assert extract_answer(text, "phrase") == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        pytest.param(
            OPTIONS, {"a": "dog", "b": "cat", "c": "red fox"}, id="lines-with-dots"
        ),
        pytest.param("Pick (A) red (B) blue", {"a": "red", "b": "blue"}, id="inline"),
        pytest.param("A: red\nB: blue", {"a": "red", "b": "blue"}, id="colons"),
        pytest.param("A. red\nC. blue", {}, id="gap"),
        pytest.param("A. red", {}, id="only-one"),
        pytest.param("Is vitamin A. good?", {}, id="letter-in-prose"),
        pytest.param("What is it?", {}, id="none"),
    ],
)
def test_parse_options(question: str, expected: dict[str, str]) -> None:
    """Options run from A without a gap."""
    assert parse_options(question) == expected


@pytest.mark.parametrize(
    ("gold", "answer_format", "expected"),
    [
        pytest.param("Three dogs", "number", "3", id="number"),
        pytest.param("B. a cat", "choice", "b", id="letter-and-text"),
        pytest.param("Dog", "choice", "a", id="option-text"),
        pytest.param("Unclear.", "yes_no", "unclear", id="unparsed"),
    ],
)
def test_normalise_gold(gold: str, answer_format: str, expected: str) -> None:
    """A gold answer has the form of an extracted one, or its common form."""
    assert normalise_gold(gold, answer_format, OPTIONS) == expected


@pytest.mark.parametrize(
    ("votes", "threshold", "expected"),
    [
        pytest.param({"3": 6, "4": 2}, 5, ("3", ""), id="majority"),
        pytest.param({"3": 5, "4": 1}, 5, ("3", ""), id="threshold-exactly-reached"),
        pytest.param({"3": 4, "4": 1}, 5, (None, "below_threshold"), id="below"),
        pytest.param({"3": 5, "4": 5}, 5, (None, "tie"), id="tie"),
        pytest.param({"3": 2, "4": 2, "5": 2}, 5, (None, "tie"), id="tie-of-three"),
        pytest.param({"3": 3, "4": 2, "5": 2}, 3, ("3", ""), id="tie-below-the-top"),
        pytest.param({"3": 16}, 5, (None, "unanimous"), id="unanimous"),
        pytest.param({"3": 1}, 5, (None, "unanimous"), id="unanimous-of-one"),
        pytest.param({}, 5, (None, "no_parsed_response"), id="nothing-parsed"),
    ],
)
def test_majority_answer(
    votes: dict[str, int], threshold: int, expected: tuple[str | None, str]
) -> None:
    """The majority needs its votes and no equal."""
    assert majority_answer(Counter(votes), threshold) == expected


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.randoms())
def test_majority_ignores_order(answers: list[str], rng) -> None:
    """The order in which responses vote changes nothing."""
    shuffled = rng.sample(answers, len(answers))
    assert majority_answer(Counter(answers), 3) == majority_answer(Counter(shuffled), 3)
