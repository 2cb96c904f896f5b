"""Mathematical answers: the exact value or none, and one form for equal ones."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfjudge.pairs.answers import extract_answer, normalise_gold
from selfjudge.pairs.expressions import holds_math, parse_expression, widen_format

NUMBERS = st.fractions(-50, 50, max_denominator=60)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Answer: 1/2", "0.5", id="fraction-and-decimal"),
        pytest.param("\\frac{2}{4}", "\u00bd", id="latex-and-sign"),
        pytest.param("\\dfrac12", "1\u20442", id="short-latex-and-slash"),
        pytest.param("Answer: 1 1/2", "Answer: 1\u00bd", id="mixed"),
        pytest.param("1\\frac{1}{2}", "3/2", id="mixed-latex"),
        pytest.param("Answer: 16\u03c0", "16\\pi \\text{ cm}^2", id="pi-with-a-unit"),
        pytest.param("Answer: $\\sqrt{12}$", "2\u221a3", id="root"),
        pytest.param("1/\u221a2", "\\frac{\\sqrt{2}}{2}", id="root-below"),
        pytest.param("sqrt(2)/2", "0.5\\sqrt{2}", id="root-in-words"),
        pytest.param("2+2\u221a2", "2(1+\\sqrt2)", id="sum"),
        pytest.param("\u22123/4", "-0.75", id="minus-sign"),
        pytest.param("x = \\frac{3}{4}", "Answer: 3/4 of the cake", id="equation"),
        pytest.param("(x+1)(x-1)", "x^2 - 1", id="formula"),
        pytest.param("2^{10}", "1,024", id="power"),
        pytest.param("25\u03c0 cm\u00b2", "25 pi square units", id="area"),
        pytest.param("\\boxed{\\frac{7}{8}}", "Final answer: 7/8.", id="box"),
        pytest.param("Answer: 5/8 (0.625)", "**Answer: 5/8**", id="aside-and-bold"),
        pytest.param("Answer: \\frac{2}{5} \\approx 0.4", "2/5 (40%)", id="about"),
        pytest.param("The length is \\(9\\pi\\).", "about 9 pi", id="sentence"),
        pytest.param("\\textbf{4/9}", "\\mathbf{4/9}", id="bold-latex"),
        pytest.param("3/2 \u03c0 r^2", "\\frac{3}{2}\\pi r^2", id="factor"),
        pytest.param("1/4 L", "1/4 litres", id="unit-of-one-letter"),
        pytest.param("Answer: 0.75 (3/4)", "3/4", id="fraction-again"),
        pytest.param("Answer: 10 (40/4)", "10", id="calculation-again"),
        pytest.param("Answer: 3/5 [6/10]", "0.6", id="again-in-brackets"),
        pytest.param("Answer: 0.5 (\u00bd)", "1/2", id="sign-again"),
        pytest.param("Answer: 1.5 m (3/2 m)", "1.5", id="again-with-a-unit"),
        pytest.param("Answer: 7/2 (3 + 1/2)", "7/2", id="sum-again"),
        pytest.param("3/4 \\left(\\frac{6}{8}\\right)", "3/4", id="again-in-latex"),
        pytest.param("Answer: 2/5 (4/10) (40%)", "2/5", id="twice-again"),
        pytest.param("2 (1+\u221a2)", "2(1+\u221a2)", id="factor-apart"),
        pytest.param("\\frac12 (1+\\sqrt5)", "(1+\u221a5)/2", id="latex-factor"),
        pytest.param("0.5 (x+1)", "(x+1)/2", id="factor-with-a-letter"),
        pytest.param("3/4 yds", "3/4 ft", id="short-units"),
        pytest.param("3/4 tsp", "3/4 ha", id="short-units-of-cooks-and-farmers"),
        pytest.param("(x+1) (x+1)", "(x+1)^2", id="square-apart"),
        pytest.param("(x-1)(x-1)", "(x-1)^2", id="square"),
        pytest.param("(1/2)(1/2)", "1/4", id="square-of-a-fraction"),
        pytest.param("\\frac{1}{2}\\left(\\frac{1}{2}\\right)", "1/4", id="in-latex"),
        pytest.param("\\sqrt{2}(\\sqrt{2})", "2", id="square-of-a-root"),
    ],
)
def test_equal_values_are_one_answer(one: str, other: str) -> None:
    """Two ways to write a value vote for the same answer."""
    answer = extract_answer(one, "expression")
    assert answer is not None
    assert answer == extract_answer(other, "expression")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("1/3", "0.333", id="rounded"),
        pytest.param("16\u03c0", "16", id="pi-lost"),
        pytest.param("\u221a3", "3", id="root-lost"),
        pytest.param("3/2", "2/3", id="upside-down"),
        pytest.param("-1/2", "1/2", id="sign"),
        pytest.param("x+1", "x-1", id="formula"),
        pytest.param("16\\pi \\text{ cm}^2", "16\\pi^2", id="power-of-a-unit"),
    ],
)
def test_other_values_are_other_answers(one: str, other: str) -> None:
    """Each is read, and they differ."""
    answers = {extract_answer(f"Answer: {text}", "expression") for text in (one, other)}
    assert len(answers) == 2
    assert None not in answers


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Answer: 3:4", id="ratio"),
        pytest.param("Answer: 37.7 (12\u03c0)", id="rounded-and-exact"),
        pytest.param("Answer: 2.414 (1+\u221a2)", id="rounded-and-a-sum"),
        pytest.param("Answer: 3 (1/2)", id="mixed-or-again"),
        pytest.param("Answer: (3/4) 0.75", id="again-after-brackets"),
        pytest.param("Answer: 0.75(3/4)", id="again-or-squared"),
        pytest.param("Answer: 1/2 bh", id="letters-and-no-unit"),
        pytest.param("Answer: 1/3 lwh", id="three-letters-and-no-unit"),
        pytest.param("Answer: 3-4", id="range"),
        pytest.param("Answer: 1/5-2/5", id="range-of-fractions"),
        pytest.param("Answer: 1/2 million", id="scale"),
        pytest.param("Answer: 3/4 percent", id="percent"),
        pytest.param("Answer: 20 000", id="digits-apart"),
        pytest.param("Answer: 2020-05-01", id="iso-date"),
        pytest.param("Answer: 7 hundred", id="scale-in-words"),
        pytest.param("Answer: 4x4", id="size"),
        pytest.param("Answer: 1/3\u03c0", id="below-or-beside"),
        pytest.param("Answer: y = 1/2, z = 3/4", id="two-equations"),
        pytest.param("Answer: (a+b+\u221a2)^50", id="long-to-write-out"),
        pytest.param("Answer: \\frac12 b^2h", id="letter-taken-for-a-unit"),
        pytest.param("Answer: (1, 2)", id="point"),
        pytest.param("Answer: 1/2 or 3/4", id="two"),
        pytest.param("Answer: more than 1/2", id="bound"),
        pytest.param("Answer: x < 1/2", id="relation"),
        pytest.param("Answer: \u00b1\\sqrt{2}", id="two-signs"),
        pytest.param("Answer: 10!", id="factorial"),
        pytest.param("Answer: 9^{9^{9}}", id="tower"),
        pytest.param("Answer: 2^{99999}", id="power-too-large"),
        pytest.param("Answer: \\frac{1}{0}", id="no-number"),
        pytest.param("Answer: \\infty", id="infinite"),
        pytest.param("Answer: \\sin 30", id="function"),
        pytest.param("Answer: 3/4/2020", id="date"),
        pytest.param("Answer: 5M", id="million-or-metres"),
        pytest.param("Answer: 1e400", id="exponent-too-large"),
        pytest.param("Answer: x", id="letter"),
        pytest.param("Answer: \\frac{1}", id="half-a-fraction"),
        pytest.param("Answer: half of it", id="words"),
        pytest.param("I cannot tell if it is 1/2.", id="refusal"),
        pytest.param("The line of 1/2 crosses here and there.", id="prose"),
        pytest.param("", id="empty"),
        pytest.param("$", id="mark"),
        pytest.param("Answer: " + "(" * 30 + "1/2" + ")" * 30, id="deep"),
        pytest.param("Answer: " + "{" * 70, id="open-braces"),
        pytest.param("Answer: " + "1+" * 200 + "1", id="long"),
    ],
)
def test_what_is_no_value_does_not_vote(text: str) -> None:
    """None, whatever a parser would make of it."""
    assert extract_answer(text, "expression") is None


@given(NUMBERS)
@settings(max_examples=50)
def test_one_form_for_a_rational_number(value: Fraction) -> None:
    """However it is written, and what comes out is read as itself."""
    top, bottom = value.numerator, value.denominator
    latex = f"{'-' * (top < 0)}\\frac{{{abs(top)}}}{{{bottom}}}"
    answers = {
        extract_answer(f"So it is clear.\nAnswer: {text}", "expression")
        for text in (f"{top}/{bottom}", f"${latex}$", f"\\boxed{{{latex}}}")
    }
    assert answers == {str(value)}
    assert normalise_gold(str(value), "expression", "") == str(value)


@given(NUMBERS, st.integers(2, 9), st.sampled_from(["()", "[]"]))
@settings(max_examples=50)
def test_an_aside_is_no_factor(value: Fraction, by: int, marks: str) -> None:
    """A value beside itself in brackets is itself; one that was rounded or unclear."""
    again = f"{marks[0]}{value.numerator * by}/{value.denominator * by}{marks[1]}"
    assert extract_answer(f"Answer: {value} {again}", "expression") == str(value)
    rounded = f"Answer: {float(value):.3g}"
    found = extract_answer(f"{rounded} {again}", "expression")
    assert found in (str(value), extract_answer(rounded, "expression"), None)


@pytest.mark.parametrize(
    "text", ["16*pi", "2*sqrt(3)", "2 + 2*sqrt(2)", "x**2 - 1", "sqrt(2)/2", "pi/6"]
)
def test_a_form_is_read_as_itself(text: str) -> None:
    """What comes out, put in again, stays."""
    assert parse_expression(text, is_marked=True) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is \\(\\frac{1}{2}\\).", True),
        ("Answer: 3/4", True),
        ("Answer: 2\u221a3", True),
        ("3 of 4", False),
        ("on 3/4/2020", False),
        ("km/h", False),
        ("C:\\users", False),
    ],
)
def test_mathematics_is_seen(text: str, expected: bool) -> None:
    """LaTeX, a root, pi or a fraction, and no date, unit or path."""
    assert holds_math(text) == expected


def test_a_number_is_read_as_its_samples_write_it() -> None:
    """One sample with a fraction widens the format for all, of numbers alone."""
    assert widen_format("number", ["Answer: 2", "Answer: 1/2"]) == "expression"
    assert widen_format("number", ["Answer: 2", "Answer: 3"]) == "number"
    assert widen_format("phrase", ["Answer: 1/2"]) == "phrase"
