import time
from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfjudge.ground.records import AnswerFormat
from selfjudge.pairs.answers import (
    extract_answer,
    majority_answer,
    normalise_gold,
)
from selfjudge.pairs.choices import parse_options
from selfjudge.pairs.normal import normalise

FORMATS: tuple[AnswerFormat, ...] = get_args(AnswerFormat)
MEGABYTE = 1 << 20
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


@given(st.integers(-(10**8) + 1, 10**8 - 1))
def test_number_ignores_thousands_separators(value: int) -> None:
    """A number with separators is the number without; three full groups may be a
    list."""
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
        pytest.param("True", "yes_no", "yes", id="true"),
        pytest.param("false", "yes_no", "no", id="false"),
        pytest.param("True", "phrase", "true", id="true-of-no-statement"),
    ],
)
def test_normalise_gold(gold: str, answer_format: str, expected: str) -> None:
    """A gold answer has the form of an extracted one, or its common form."""
    assert normalise_gold(gold, answer_format, OPTIONS) == expected


@pytest.mark.parametrize(
    ("votes", "threshold", "expected"),
    [
        pytest.param({"3": 1}, 5, (None, "below_threshold"), id="one-of-sixteen"),
        pytest.param({"3": 6, "4": 2}, 5, ("3", None), id="majority"),
        pytest.param({"3": 5, "4": 1}, 5, ("3", None), id="threshold-exactly-reached"),
        pytest.param({"3": 4, "4": 1}, 5, (None, "below_threshold"), id="below"),
        pytest.param({"3": 5, "4": 5}, 5, (None, "tie"), id="tie"),
        pytest.param({"3": 2, "4": 2, "5": 2}, 5, (None, "tie"), id="tie-of-three"),
        pytest.param({"3": 3, "4": 2, "5": 2}, 3, ("3", None), id="tie-below-the-top"),
        pytest.param({"3": 16}, 5, (None, "unanimous"), id="unanimous"),
        pytest.param({}, 5, (None, "no_parsed_response"), id="nothing-parsed"),
    ],
)
def test_majority_answer(
    votes: dict[str, int], threshold: int, expected: tuple[str | None, str | None]
) -> None:
    """The majority needs its votes and no equal."""
    assert majority_answer(Counter(votes), threshold) == expected


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.randoms())
def test_majority_ignores_order(answers: list[str], rng) -> None:
    """The order in which responses vote changes nothing."""
    shuffled = rng.sample(answers, len(answers))
    assert majority_answer(Counter(answers), 3) == majority_answer(Counter(shuffled), 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("I can't tell how old the three girls are.", None, id="refusal"),
        pytest.param("The 4 of them? That is impossible to say.", None, id="not-said"),
        pytest.param("Answer: unknown, 5 of 6 are hidden", None, id="refusal-marked"),
        pytest.param("Answer: 9\\pi", None, id="pi"),
        pytest.param("Answer: \\boxed{2\\sqrt{7}}", None, id="root"),
        pytest.param("Answer: 7y", None, id="variable"),
        pytest.param("Answer: 3 + x", None, id="sum-with-a-variable"),
        pytest.param("Answer: 3 (x + 1)", None, id="factor-with-a-variable"),
        pytest.param("Answer: 3 (x-axis)", "3", id="no-variable"),
        pytest.param("Answer: 4!", None, id="factorial"),
        pytest.param("Answer: \u22128.5", "-8.5", id="unicode-minus"),
        pytest.param("Answer: -\u20ac20", "-20", id="minus-before-currency"),
        pytest.param("Answer: negative six", "-6", id="minus-in-words"),
        pytest.param("Answer: - 6", None, id="bullet-or-minus"),
        pytest.param("Answer: 1.5 billion", "1500000000", id="scale"),
        pytest.param("Answer: two dozen", "24", id="dozen"),
        pytest.param("Answer: 7M", None, id="million-or-metres"),
        pytest.param("Answer: 2e3", "2000", id="exponent"),
        pytest.param("Answer: 4 \\times 10^{-2}", "0.04", id="times-ten-to"),
        pytest.param("Answer: 10\u2076", "1000000", id="raised"),
        pytest.param("Answer: 3\u2074", None, id="raised-otherwise"),
        pytest.param("Answer: two fifths", None, id="fraction-in-words"),
        pytest.param("Answer: \u00be", None, id="fraction-sign"),
        pytest.param("Answer: 6 cm\u00b2", "6", id="unit-with-power"),
        pytest.param("Answer: 12 m/s^2", "12", id="unit-with-slash"),
        pytest.param("Answer: 25\u00b0C", "25", id="degrees"),
        pytest.param("Answer: fewer than 8", None, id="bound"),
        pytest.param("Answer: 8 or more", None, id="bound-after"),
        pytest.param("Answer: > 8", None, id="bound-sign"),
        pytest.param("Answer: 3:2", None, id="ratio"),
        pytest.param("Answer: 5 \u2014 6", None, id="range-with-a-long-dash"),
        pytest.param("Answer: 5 \u2014 2 lie there", "5", id="reason-after-a-dash"),
        pytest.param("Answer: 07:07", None, id="time"),
        pytest.param("Answer: 200,300,400", None, id="list"),
        pytest.param("Answer: 250,000,000", "250000000", id="many-thousands"),
        pytest.param("Answer: 7 (4 here and 3 there)", "7", id="breakdown"),
        pytest.param("Answer: 9 - 2 = 7", "7", id="calculation"),
        pytest.param("Answer: 7 out of 9", "7", id="out-of"),
        pytest.param(
            "Answer: 6\n\nThe answer is based on 2 rows of 3.", "6", id="reason-after"
        ),
        pytest.param(
            "The answer is 2 on top.\nThe final answer (all rows) is 6.",
            "6",
            id="final",
        ),
        pytest.param("## Answer\n\n6\n\nIt has 2 rows.", "6", id="heading"),
        pytest.param("In 1987 it was built.", None, id="year-in-prose"),
        pytest.param("2. Then I count", None, id="list-number"),
        pytest.param("6\n\nQuestion: And cats?\nAnswer: 9", "6", id="run-on"),
        pytest.param("<think>3 and 5</think><answer>8</answer>", "8", id="thought"),
        pytest.param("So 3?</think>\n8", "8", id="thought-without-its-begin"),
        pytest.param("<think>The answer is 3. Or", None, id="thought-cut-off"),
        pytest.param("\uff11\uff12", "12", id="full-width"),
        pytest.param("The two dogs look well.", None, id="word-in-prose"),
        pytest.param("One of these is new", None, id="one-in-prose"),
        pytest.param("Answer: 2 in 7", None, id="odds"),
        pytest.param("Answer: other than 7", None, id="other-than"),
        pytest.param("Answer: 6 o'clock", "6", id="clock"),
        pytest.param("3 dogs, I think", "3", id="number-then-doubt"),
        pytest.param("Answer: 4 boats were moored", "4", id="past-tense"),
        pytest.param("She had 9 coins, so the answer is 7.", "7", id="past-before"),
        pytest.param("Were one more here, the answer would be 5.", None, id="were-it"),
        pytest.param("Answer: 5 were it full", None, id="were-it-after"),
        pytest.param("Answer: log 7", None, id="function-before"),
        pytest.param("Answer: \\(8 - \\sqrt{2}\\)", None, id="difference"),
        pytest.param("Answer: 3.4MM", None, id="millions"),
        pytest.param("Answer: 200s", None, id="decade-or-seconds"),
        pytest.param("Answer: late 40s", None, id="about-a-decade"),
        pytest.param("Answer: north of 60", None, id="bound-in-words"),
        pytest.param("Answer: thrice 5", None, id="multiple"),
        pytest.param("Answer: 3 to the power of 4", None, id="power-in-words"),
        pytest.param("Answer: the product of 3 terms", None, id="operand"),
        pytest.param("Answer: The sum of the prices is 15", "15", id="no-operand"),
        pytest.param("Answer: 5 v 3", None, id="score"),
        pytest.param("Answer: 6 (\u00b12)", None, id="tolerance"),
        pytest.param("Answer: none of the 9 could be made out", None, id="none-seen"),
        pytest.param("There is one way to see it", None, id="one-way"),
        pytest.param("There is one dog.", "1", id="one"),
        pytest.param("Q2 2019", None, id="quarter"),
        pytest.param("The answer is 9.\nFinal: 12", "12", id="final-alone"),
        pytest.param("Two times 21.\n#### 42", "42", id="four-signs"),
        pytest.param("#### Step 2", None, id="heading-of-a-step"),
        pytest.param("Ans: 17", "17", id="ans"),
        pytest.param("Answer => 6", "6", id="arrow"),
        pytest.param("Answer: x = 3 or x = -3", None, id="two-roots"),
        pytest.param("Answer: x = 1, y = 8", None, id="two-variables"),
        pytest.param("Answer: 2x = 8, so x = 4", "4", id="two-steps"),
        pytest.param("Answer: 9, not 4 + 4 = 8", None, id="not-another"),
        pytest.param("Answer: 9 since x = 3", None, id="equation-in-the-reason"),
        pytest.param("Answer: 8: 3 left and 5 right", "8", id="sum-of-parts"),
        pytest.param("Answer: 8: 3 left and 4 right", None, id="no-sum-of-parts"),
        pytest.param("Answer: $\\approx 2.72$", "2.72", id="approximately"),
        pytest.param("Answer: 9 J.", "9", id="capital-unit"),
        pytest.param("Answer: 6. Wait, 7.", None, id="second-thought"),
        pytest.param("Answer: 6\nWait, it must be 7.", None, id="taken-back-below"),
        pytest.param("Answer: 5 people wait there", "5", id="wait-is-a-verb"),
    ],
)
def test_number_as_models_write_it(text: str, expected: str | None) -> None:
    """The right value or none: a wrong one would vote."""
    assert extract_answer(text, "number") == expected


LETTERED = "Which piece fits?\nA. B\nB. C\nC. A"
ANGLES = "Which angle?\nA. 20\u00b0\nB. 70\u00b0\nC. 7\u00b0"
PARTS = "Which part?\nA. Layer A\nB. Layer B"
TIMES = "What time?\nA. ten\nB. ten past\nC. past ten"
FULL = "Is it full?\nA. Yes\nB. No"
OPEN = "What spoils it?\nA. If it rains\nB. They were late\nC. None of the above"
PLACES = "Where?\nA. Mexico\nB. in the kitchen\nC. 4\nD. 14\nE. False\nF. 60%"


@pytest.mark.parametrize("answer_format", ["number", "expression"])
@pytest.mark.parametrize("dash", list("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"))
@pytest.mark.parametrize("unit", ["", " cm"])
def test_a_range_is_no_number_with_any_dash(
    dash: str, unit: str, answer_format: AnswerFormat
) -> None:
    """Whichever of the dashes stands between its ends."""
    assert extract_answer(f"Answer: 5{dash}6{unit}", answer_format) is None
    assert extract_answer(f"5{dash}6{unit}", answer_format) is None


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        pytest.param("A: C", OPTIONS, None, id="mark-of-an-answer"),
        pytest.param("**A:** C", OPTIONS, None, id="bold-mark-of-an-answer"),
        pytest.param("A: (C) the red fox", OPTIONS, None, id="mark-and-option"),
        pytest.param("A: the red fox", OPTIONS, None, id="mark-and-text"),
        pytest.param("A: B", LETTERED, "a", id="letter-with-its-own-text"),
        pytest.param("A: a dog", OPTIONS, "a", id="colon-and-text"),
        pytest.param("B: A cat sits there.", OPTIONS, "b", id="colon-and-article"),
        pytest.param("Answer: A", LETTERED, "a", id="letter-before-text"),
        pytest.param("B. C", LETTERED, "b", id="letter-with-its-text"),
        pytest.param("Answer: B, as (C) is red", OPTIONS, "b", id="letter-then-other"),
        pytest.param("Answer: C, not a cat", OPTIONS, "c", id="letter-then-negated"),
        pytest.param("Answer: F", OPTIONS, None, id="no-such-option"),
        pytest.param("(D) None of them", OPTIONS, None, id="invented-option"),
        pytest.param("Answer: Layer C", PARTS, None, id="no-such-text"),
        pytest.param("Layer B is thicker.", PARTS, "b", id="text-with-a-letter"),
        pytest.param("It is a layer.", PARTS, None, id="text-without-its-letter"),
        pytest.param("Answer: 70.5", ANGLES, None, id="another-number"),
        pytest.param("It is 70\u00b0.", ANGLES, "b", id="text-with-a-sign"),
        pytest.param("Answer: C (7\u00b0)", ANGLES, "c", id="letter-and-bracket"),
        pytest.param("Answer: x = 7\u00b0", ANGLES, "c", id="equation"),
        pytest.param("It is ten past.", TIMES, "b", id="longest-text"),
        pytest.param("There is no way to look in.", FULL, None, id="determiner-no"),
        pytest.param("Answer: No, it is not.", FULL, "b", id="no"),
        pytest.param("Answer: not a cat", OPTIONS, None, id="negated-text"),
        pytest.param("The answer is not (B).", OPTIONS, None, id="negated-letter"),
        pytest.param(
            "Answer: C\n\nHad it barked, the answer would be A.",
            OPTIONS,
            "c",
            id="condition-after",
        ),
        pytest.param("So the right choice is **C**.", OPTIONS, "c", id="right-choice"),
        pytest.param("Hence, C is correct.", OPTIONS, "c", id="is-correct"),
        pytest.param("As g(b) falls, it sinks.", OPTIONS, None, id="function"),
        pytest.param("C. I cannot tell.", OPTIONS, None, id="refusal"),
        pytest.param("C\n\nIts tail shows it.", OPTIONS, "c", id="letter-then-reason"),
        pytest.param("Answer: A. B.", OPTIONS, None, id="two-letters"),
        pytest.param("\\boxed{B} and \\boxed{C}", OPTIONS, None, id="two-boxes"),
        pytest.param("C since it is red", OPTIONS, "c", id="letter-since"),
        pytest.param("Answer: A. dog, B. cat", OPTIONS, None, id="two-with-texts"),
        pytest.param("Answer: anything but a dog", OPTIONS, None, id="but-one"),
        pytest.param("I'd say C", OPTIONS, "c", id="i-would-say"),
        pytest.param("Answer: B. Its eyes were shut.", OPTIONS, "b", id="past-tense"),
        pytest.param("As its ears were up, the answer is B.", OPTIONS, "b", id="past"),
        pytest.param("Answer: A, if it barks", OPTIONS, None, id="condition"),
        pytest.param("Answer: A. If it rains", OPEN, "a", id="option-with-if"),
        pytest.param("Answer: B. They were late", OPEN, "b", id="option-with-were"),
        pytest.param("Answer: C. None of the above", OPEN, "c", id="none-of-them"),
        pytest.param("None of the above", OPEN, "c", id="none-of-them-bare"),
        pytest.param("Answer: A, if it snows", OPEN, None, id="other-condition"),
        pytest.param("I cannot tell: none of the above", OPEN, None, id="cannot"),
        pytest.param("Answer: B as well as C", OPTIONS, None, id="as-well-as"),
        pytest.param("Answer: A, or possibly B", OPTIONS, None, id="possibly"),
        pytest.param("Answer: A (or B)", OPTIONS, None, id="or-in-brackets"),
        pytest.param("Answer: B (a cat) and C", OPTIONS, None, id="after-its-text"),
        pytest.param(
            "Answer: B (A and C are wrong)", OPTIONS, "b", id="told-of-others"
        ),
        pytest.param("Answer: (B) (C)", OPTIONS, None, id="two-in-brackets"),
        pytest.param("Answer: A & cat", OPTIONS, None, id="letter-and-text"),
        pytest.param("Answer: B. No, wait, C.", OPTIONS, None, id="taken-back"),
        pytest.param("Answer: B instead of A", OPTIONS, "b", id="instead"),
        pytest.param("Answer: B. A and C are wrong.", OPTIONS, "b", id="ruled-out"),
        pytest.param("Answer: A, e.g. a dark one", OPTIONS, "a", id="no-letter-e"),
        pytest.param("**B. a cat**\n\nIt purrs.", OPTIONS, "b", id="own-text-first"),
        pytest.param("It is red.\n\nC) the red fox", OPTIONS, "c", id="own-text-last"),
        pytest.param("A. a dog\nB. a cat\n\nHm.", OPTIONS, None, id="options-retold"),
        pytest.param("B. a dog\n\nIt barks.", OPTIONS, None, id="text-of-another"),
        pytest.param("## Answer\n(B)\n\nIt purrs.", OPTIONS, "b", id="below-a-heading"),
        pytest.param("It has to be C!", OPTIONS, "c", id="has-to-be"),
        pytest.param("Answer: guide dog", OPTIONS, None, id="noun-before"),
        pytest.param("Answer: Mexico City", PLACES, None, id="noun-after"),
        pytest.param("It is in Mexico.", PLACES, "a", id="text-in-a-sentence"),
        pytest.param("Answer: all but Mexico", PLACES, None, id="all-but"),
        pytest.param("Mexico is missing", PLACES, None, id="missing"),
        pytest.param("Answer: \\frac{4}{7}", PLACES, None, id="part-of-a-fraction"),
        pytest.param("Answer: \u00b14", PLACES, None, id="plus-or-minus"),
        pytest.param("Answer: 14 pens", PLACES, "d", id="number-and-noun"),
        pytest.param("Answer: 60\\%", PLACES, "f", id="escaped-sign"),
        pytest.param("Answer: It is false that it is.", PLACES, None, id="false-that"),
    ],
)
def test_choice_as_models_write_it(
    text: str, question: str, expected: str | None
) -> None:
    """The letter beats the text, and a letter that is no option is none."""
    assert extract_answer(text, "choice", question) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("There is no sign of rain.", None, id="determiner"),
        pytest.param("No doubt it sleeps.", None, id="no-doubt"),
        pytest.param("If wet, the answer is yes.", None, id="condition"),
        pytest.param("The answer is no if it is wet.", None, id="condition-after"),
        pytest.param("Answer: No idea", None, id="no-idea"),
        pytest.param("Answer: No and yes", None, id="both"),
        pytest.param("It is yes.\nFinal answer: no", "no", id="final"),
        pytest.param("Yes, it can be seen; it cannot be missed.", "yes", id="first"),
        pytest.param("The lamp is off.\n\nNo", "no", id="last-line"),
        pytest.param("Yes, they were wet.", "yes", id="past-tense"),
        pytest.param("Answer: No, she had left", "no", id="past-perfect"),
        pytest.param("Had it been wet, yes.", None, id="had-it"),
        pytest.param("Answer: yes, were it wet", None, id="were-it"),
        pytest.param("The gate was shut, so no.", "no", id="so-no"),
        pytest.param("No - wait, yes.", None, id="taken-back"),
        pytest.param("Answer: No. Wait, yes.", None, id="taken-back-later"),
        pytest.param("No, they wait for a bus.", "no", id="wait-is-a-verb"),
        pytest.param("Answer: True", "yes", id="true"),
        pytest.param("**False.** There are three.", "no", id="false"),
        pytest.param("It has three.\n\nFalse", "no", id="false-last-line"),
        pytest.param("The statement is true.", "yes", id="statement"),
        pytest.param("Answer: The claim is false, it has two.", "no", id="claim"),
        pytest.param("Answer: false because it has two", "no", id="false-because"),
        pytest.param("Answer: true (it has two)", "yes", id="true-in-short"),
        pytest.param("Answer: True or false", None, id="true-or-false"),
        pytest.param("Answer: True/False", None, id="true-slash-false"),
        pytest.param("True to life, it sleeps.", None, id="true-to-life"),
        pytest.param("The false teeth lie there.", None, id="false-teeth"),
        pytest.param("Answer: true, if it is wet", None, id="true-if"),
        pytest.param("I cannot tell if it is true.", None, id="true-refused"),
        pytest.param("True. Wait, false.", None, id="truth-taken-back"),
        pytest.param("True, then false", None, id="both-truths"),
        pytest.param("The claim is not, however, true.", None, id="not-true"),
        pytest.param("This isn't, as I see it, false.", None, id="not-false"),
        pytest.param("It is neither clear nor, to me, true.", None, id="nor-true"),
        pytest.param("There are two cats, so true.", "yes", id="so-true"),
        pytest.param("Yes, the claim is false.", "yes", id="yes-then-false"),
    ],
)
def test_yes_no_as_models_write_it(text: str, expected: str | None) -> None:
    """A yes or no that answers, and no other."""
    assert extract_answer(text, "yes_no") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Answer: George W. Bush", "george w. bush", id="initial"),
        pytest.param("Answer: U.K. Navy", "u.k. navy", id="initials"),
        pytest.param("Answer: No. 7", "no. 7", id="number"),
        pytest.param("Answer: n/a", None, id="not-applicable"),
        pytest.param("Answer: unreadable", None, id="unreadable"),
        pytest.param("Sorry, I won't say.", None, id="sorry"),
        pytest.param("Answer: blue\nThis answer is based on it.", "blue", id="after"),
        pytest.param("<answer>blue</answer>", "blue", id="tag"),
        pytest.param('{"answer": "blue"}', "blue", id="json"),
        pytest.param("Answer: 1. blue", "blue", id="numbered"),
        pytest.param("The picture shows", None, id="begun"),
        pytest.param("Let me see the label", None, id="reasoning"),
        pytest.param("Answer: [short answer]", None, id="echo"),
        pytest.param("Answer: here", "here", id="marked-word"),
        pytest.param("Answer: 4 p.m. today", "4 p.m. today", id="abbreviation"),
        pytest.param("Answer: (blue)", "blue", id="brackets"),
        pytest.param("The board says", None, id="half-a-sentence"),
        pytest.param("The woman is holding", None, id="no-object"),
        pytest.param("The boy is running", "running", id="subject"),
        pytest.param("Answer: The boy who was late", "boy who was late", id="who-was"),
        pytest.param("Upon zooming in", None, id="upon"),
        pytest.param("Examining the chart", None, id="examining"),
        pytest.param("Understood", None, id="understood"),
        pytest.param("Vitamin A", "vitamin a", id="letter-at-the-end"),
        pytest.param("Answer: not indicated", None, id="not-indicated"),
        pytest.param("Answer: blue (or green)", None, id="or-in-brackets"),
        pytest.param("Answer: The walls were white", "white", id="past-tense"),
        pytest.param("Answer: iron (III)", "iron (iii)", id="part-of-the-name"),
        pytest.param("Answer: cup; pen", "cup; pen", id="list"),
        pytest.param("Answer: Bonn - Rome", "bonn - rome", id="from-to"),
    ],
)
def test_phrase_as_models_write_it(text: str, expected: str | None) -> None:
    """Names keep their dots; who cannot say says nothing."""
    assert extract_answer(text, "phrase") == expected


@pytest.mark.parametrize(
    ("first", "second", "are_equal"),
    [
        pytest.param("blue", "It is blue", True, id="it-is"),
        pytest.param("blue", "The shirt is blue", True, id="subject"),
        pytest.param("grey", "gray", True, id="spelling"),
        pytest.param("cup and pen", "pen and cup", True, id="order"),
        pytest.param("Vitamin A", "vitamin", False, id="letter-at-the-end"),
        pytest.param("blue", "blue, because the sky is blue", True, id="because"),
        pytest.param("blue", "blue - the color of the sky", True, id="dash"),
        pytest.param("blue", "blue since it is clear", True, id="since"),
        pytest.param("blue", "blue (as it is clear)", True, id="reason-in-brackets"),
        pytest.param("open", "open since May", False, id="since-when"),
        pytest.param("ink and tea", "tea, as well as ink", True, id="as-well-as"),
    ],
)
def test_phrases_that_are_one_answer(first: str, second: str, are_equal: bool) -> None:
    """What means the same is one vote."""
    found = [extract_answer(f"Answer: {text}", "phrase") for text in (first, second)]
    assert (found[0] == found[1]) is are_equal


@pytest.mark.parametrize("answer_format", FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "I cannot determine that from the two images.",
        "Answer: not enough information",
        "I'm sorry, but I can't help with that.",
        "<think>Answer: 3",
        "</think>",
        "**",
        "",
    ],
)
def test_no_format_makes_an_answer_of_a_refusal(
    text: str, answer_format: AnswerFormat
) -> None:
    """Those who do not know would all vote alike."""
    assert extract_answer(text, answer_format, OPTIONS) is None


SPOKEN = st.sampled_from(
    [
        *("3", "Answer: 3", "B", "Answer: B. a cat", "Yes, it is.", "Answer: red car"),
        *("I see 3 dogs.", "No", "The answer is 4.\nFinal answer: no", "What?", "{1}"),
    ]
)


BEFORE = st.sampled_from(
    [
        *("", "The two men were tired and had left.\n\n", "If you look, 3 were red.\n"),
        *("I first thought of (A) and (C), but no.\n\n", "Wait, let me see again.\n"),
    ]
)
MARKED = st.sampled_from(
    [
        *("Answer: {}", "**Answer:** {}", "The answer is {}", "Final answer: {}"),
        *("## Answer\n{}", "<answer>{}</answer>", "So the correct answer would be {}"),
    ]
)
AFTER = st.sampled_from(
    [
        *("", "\n\nExplanation: both lamps were on, and it had rained."),
        *("\n\nThis is because 2 people wait there.", "\n\nWere it near, 9 would fit."),
    ]
)
ANSWERS: dict[AnswerFormat, dict[str, str]] = {
    "number": {"7": "7", "1,200": "1200", "three": "3", "5 cm": "5", "-4": "-4"},
    "choice": {"B": "b", "(B)": "b", "**B. a cat**": "b", "B) a cat.": "b"},
    "yes_no": {"Yes": "yes", "**No**": "no", "no, they were out": "no", "TRUE": "yes"},
    "phrase": {"red": "red", "The left side.": "left side"},
}


@given(BEFORE, MARKED, AFTER, st.sampled_from([*ANSWERS]), st.data())
def test_what_is_told_beside_the_answer_changes_nothing(
    before: str, marked: str, after: str, answer_format: AnswerFormat, data
) -> None:
    """Reasons in the past tense and conditions stand before and after an answer."""
    written = data.draw(st.sampled_from([*ANSWERS[answer_format]]))
    text = before + marked.format(written) + after
    right = ANSWERS[answer_format][written]
    assert extract_answer(text, answer_format, OPTIONS) == right


# The first expression loads SymPy.
@given(SPOKEN | TEXTS, TEXTS, st.sampled_from(FORMATS))
def test_a_thought_in_front_changes_nothing(
    text: str, thought: str, answer_format: AnswerFormat
) -> None:
    """With both tags, or with the closing one alone."""
    value = extract_answer(text, answer_format, OPTIONS)
    for front in (f"<think>{thought}</think>", f"{thought}</think>\n"):
        assert extract_answer(front + text, answer_format, OPTIONS) == value


@given(SPOKEN | TEXTS, st.sampled_from(FORMATS))
def test_nothing_is_read_of_a_thought_that_was_cut(
    text: str, answer_format: AnswerFormat
) -> None:
    """What is thought is no answer until the thought is left."""
    assert extract_answer(f"<think>{text}", answer_format, OPTIONS) is None


@pytest.mark.parametrize("answer_format", FORMATS)
@pytest.mark.parametrize(
    "piece",
    [
        *("(", "[(", "*_`#", " ", "\n", "</think>", "<think>", "<", "Answer: "),
        *("\u05d0\u0665 ", "\uff11", "3,", "- ", "the ", "A. b ", "\\boxed{"),
        "is it a or b? ",
    ],
)
def test_a_megabyte_is_read_at_once(piece: str, answer_format: AnswerFormat) -> None:
    """No text is read in more than a small multiple of its length."""
    text = piece * (MEGABYTE // len(piece))
    start = time.process_time()
    extract_answer(text, answer_format, text)
    normalise_gold(text, answer_format, text)
    assert time.process_time() - start < 1


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    """What a model writes never ends a stage."""
    for answer_format in FORMATS:
        extract_answer(text, answer_format, text)


@pytest.mark.parametrize(
    ("question", "letters"),
    [
        pytest.param("Is (g: A to B) onto?\nA. Yes\nB. No", "ab", id="map"),
        pytest.param("The one named A is:\nA. I.\nB. V.\nC. X.", "abc", id="named"),
        pytest.param("Compare A. with B. here", "", id="sentence"),
        pytest.param("A. 1 B. 2\nC. 3 D. 4", "abcd", id="two-on-a-line"),
        pytest.param("- A) red\n- B) blue", "ab", id="bullets"),
    ],
)
def test_options_among_other_letters(question: str, letters: str) -> None:
    """Options on lines of their own come before what looks like some in prose."""
    assert "".join(parse_options(question)) == letters
