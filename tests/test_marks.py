"""Marks as raters really write them, and what must never be read as one."""

import pytest

from selfjudge.panel.marks import parse_marks, parse_sections, reward_of

FIVE = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
WEIGHTS = (0.65, 0.8, 0.45, 0.0, 0.0)
OPTIONAL = ("complexity", "verbosity")
DIGITS = "45321"


def lines(form: str, **others: str) -> str:
    """Five lines of a form with {name} and {mark}; ``others`` are marks by name."""
    return "\n".join(
        form.format(name=name.capitalize(), mark=others.get(name, digit))
        for name, digit in zip(FIVE, DIGITS, strict=True)
    )


PLAIN = lines("{name}: {mark}")

READ = {
    "as asked": "{name}: {mark}",
    "bold": "**{name}:** {mark}",
    "bold name": "**{name}**: {mark}",
    "bold mark": "{name}: **{mark}**",
    "all bold": "**{name}: {mark}**",
    "of five": "{name}: {mark}/5",
    "of five, apart": "{name}: {mark} / 5",
    "bold of five": "{name}: **{mark}**/5",
    "out of five": "{name}: {mark} out of 5",
    "stars": "{name}: {mark} stars",
    "out of five stars": "{name}: {mark} out of 5 stars.",
    "list": "- {name}: {mark}",
    "bullet": "• {name}: {mark}",
    "numbered": "1. **{name}**: {mark}",
    "in brackets, numbered": "(2) {name}: {mark}",
    "lettered": "a) {name}: {mark}",
    "quoted": "> {name}: {mark}",
    "indented": "    {name}: {mark}",
    "heading": "### {name}: {mark}",
    "heading above": "### {name}\n{mark}",
    "bold above": "**{name}**\n{mark}/5\n",
    "colon above": "{name}:\n{mark}",
    "score below": "**{name}**\n- Score: {mark}\n- Reason: it is so.\n",
    "its scale": "{name} (1-5): {mark}",
    "its scale in words": "**{name} (1 to 5):** {mark}",
    "out of, before": "{name} (out of 5): {mark}",
    "mark in brackets": "{name} ({mark}/5)",
    "mark before its reason": "**{name} ({mark}/5):** It does what is asked.",
    "score": "{name} score: {mark}",
    "rating, bold": "**{name} Rating:** {mark}",
    "score after": "{name}: Score: {mark}",
    "full-width colon": "{name}：{mark}",
    "full-width digit": "{name}： {mark} ",
    "equals": "{name} = {mark}",
    "dash": "{name} - {mark}",
    "long dash": "{name} — {mark}",
    "arrow": "{name} -> {mark}",
    "no colon": "{name} {mark}",
    "no blank": "{name}:{mark}",
    "full stop": "{name}: {mark}.",
    "comma": "{name}: {mark},",
    "semicolon": "{name}: {mark};",
    "zero after the point": "{name}: {mark}.0",
    "square brackets": "{name}: [{mark}]",
    "double brackets": "{name}: [[{mark}]]",
    "brackets": "{name}: ({mark})",
    "backticks": "{name}: `{mark}`",
    "quotes": '{name}: "{mark}"',
    "dollars": "{name}: ${mark}$",
    "reason after a dash": "{name}: {mark} - it is right.",
    "reason after a long dash": "{name}: {mark}/5 — it is right, with 3 dogs.",
    "reason in brackets": "{name}: {mark} (good)",
    "reason after a stop": "{name}: {mark}/5. It names all 3 dogs.",
    "reason after a colon": "{name}: {mark}: right",
    "reason in words": "{name}: {mark} because it is right",
    "reason behind a comma": "{name}: {mark}, but one thing is missing",
    "reason behind a semicolon": "{name}: {mark}; because it is so",
    "emoji": "{name}: {mark}/5 ✅",
    "emoji before": "✅ **{name}**: {mark}",
    "table": "| {name} | {mark} |",
    "bold table": "| **{name}** | {mark}/5 | It is right. |",
    "numbered table": "| 1 | {name} | {mark} |",
    "windows": "{name}: {mark}\r",
    "blank lines": "{name}: {mark}\n",
    "lower case, underscores": "_{name}_: {mark}",
}


@pytest.mark.parametrize("form", READ.values(), ids=READ)
def test_a_mark_is_read_in_the_forms_that_models_write(form: str) -> None:
    assert parse_marks(lines(form), FIVE) == DIGITS
    assert parse_marks(lines(form).lower(), FIVE) == DIGITS
    assert parse_marks(f"Here are my marks:\n\n{lines(form)}\n", FIVE) == DIGITS


JSON = (
    '{"Helpfulness": 4, "Correctness": 5, "Coherence": 3, "Complexity": 2, '
    '"Verbosity": 1}'
)
WHOLE = {
    "commas": PLAIN.replace("\n", ", "),
    "semicolons": PLAIN.replace("\n", "; "),
    "pipes": PLAIN.replace("\n", " | "),
    "blanks": PLAIN.replace("\n", " "),
    "steerlm": PLAIN.replace(": ", ":").replace("\n", ",").lower(),
    "lead": "Ratings: " + PLAIN.replace("\n", ", "),
    "bold lead": "**Final scores:** " + PLAIN.replace("\n", ", "),
    "commas and of five": lines("{name}: {mark}/5").replace("\n", ", ") + ".",
    "json": JSON,
    "fenced json": f"```json\n{JSON}\n```",
    "json, a line each": JSON.replace("{", "{\n").replace(", ", ",\n  ") + "\n",
    "json of texts": JSON.replace("4", '"4"').replace("2", '"2/5"'),
    "json with a reason first": JSON.replace("{", '{"reason": "It is right.", '),
    "json with a reason last": JSON.replace("}", ', "reason": "It is right."}'),
    "json in json": '{"scores": ' + JSON + "}",
    "json with reasons": "{"
    + lines('  "{name}": {{"score": {mark}, "reason": "It is so"}},')
    + "\n}",
    "json with reasons, a line each": "{"
    + lines('  "{name}": {{\n    "score": {mark},\n    "reason": "So."\n  }},')
    + "\n}",
    "python": JSON.replace('"', "'"),
    "table with a head": "| Criterion | Score |\n|---|---|\n"
    + lines("| {name} | {mark} |"),
    "code": f"```\n{PLAIN}\n```",
    "a sum after": PLAIN + "\n\nOverall: 8/10",
    "reasons first": "Helpfulness: it does what is asked.\n"
    "Correctness: the dog is brown, as it says.\n\n" + PLAIN,
    "said twice alike": PLAIN + "\n\nFinal marks:\n" + JSON,
    "a thought": f"<think>Correctness: 1</think>\n{PLAIN}",
    "a note": PLAIN + "\n\nThe image shows 3 dogs and a scale.",
    "another scale in a note": PLAIN + "\n\nThe scale shows 10 kg.",
    "another scale in a sum": PLAIN + "\n\nOverall: 8 out of 10",
    "another scale in an answer": "My answer: 7 out of 10 bars are red.\n" + PLAIN,
    "another scale in a sum above": "Overall score: 8 out of 10\n" + PLAIN,
    "another scale of a chart": "On a scale of 0 to 100 it is at 40.\n" + PLAIN,
    "a chart above": "The chart has a scale of 0 to 100.\n" + PLAIN,
    "prose after": PLAIN + "\n\nCorrectness - I took off nothing.",
    "prose of two after": PLAIN + "\n\nComplexity is low; verbosity - fine.",
    "a table of prose after": PLAIN + "\n\n| Verbosity | brief |",
    "reasons after": PLAIN + "\n\nExplanation:\n" + lines("{name}: It is so."),
    "bold reasons after": PLAIN + "\n\n" + lines("- **{name}:** It is so."),
    "reasons below headings after": PLAIN + "\n\n" + lines("**{name}:**\nSo.\n"),
    "reasons after, apart": lines("{name}: {mark}\n") + "\n" + lines("{name}: So."),
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_marks_are_read_in_one_line_json_and_tables(text: str) -> None:
    assert parse_marks(text, FIVE) == DIGITS


SPOILT = [
    *("4.5", "4,5", "3.5/5", "4-5", "4 - 5", "4–5", "4 to 5", "4 or 5", "4/10"),
    *("8/10", "4 / 10", "4/4", "4/50", "4/5.5", "five", "four", "Four"),
    *("0", "6", "45", "55", "4 5", "4, 5", "4; 5", "-4", "+4", "~4", "<4", ">3", "4+"),
    *("4%", "40%", "4?", "4 dogs", "4 of 5 dogs", "4 out of 5 dogs", "4th", "4x"),
    *("4 (5)", "4 (or 5)", "4 (maybe 5)", "4 - could be 3"),
    *("4, 3, 2", "4, no, 3", "4, or 5", "4, maybe 5", "4, four", "4, out of 10"),
    *(
        "4 | 5",
        "4 | good | 5",
        "4 - worth a 3",
        "4 - but 3",
        "4 - five",
        "4 - or even 5",
        "4. Actually 2",
        "1. clear 2. short",
        "1. Clear. 2. Short.",
        "1 - names the dog; 2 - is short",
        "4 - actually 3",
        "4, no, 3",
        "3 -> 4",
        "4/5 -> 3",
        "4 - it errs, so 3",
        "4 - right, or rather 3/5 as it errs",
        "4 (on a scale of 1 to 10)",
    ),
    *("N/A", "none", "?", "", "high", "[1-5]", "[4, 5]", "it is right", "★★★★☆"),
    *("about 4", "4 and 5", "4½", "4.05", "$4,000", "A", "not 4", "4 - 4.5"),
]


@pytest.mark.parametrize("said", SPOILT)
@pytest.mark.parametrize("form", ["{name}: {mark}", "| {name} | {mark} |"])
def test_what_is_no_mark_is_never_one(said: str, form: str) -> None:
    """Where it weighs nothing it spoils nothing; where it weighs it does."""
    text = lines(form, correctness=said)
    assert parse_marks(text, FIVE, OPTIONAL) is None
    text = lines(form, verbosity=said)
    assert parse_marks(text, FIVE) is None
    assert parse_marks(text, FIVE, OPTIONAL) == "4532-"


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, I can't rate this.",
        f"<think>{PLAIN}",
        "4\n5\n3\n2\n1",
        "Helpfulness and correctness: 4\nCoherence: 3",
        "Helpfulness, correctness, and coherence are all 4.",
        lines("In{name}: {mark}"),
        lines("{name} (1-10): {mark}"),
        lines("{name} (0 to 4): {mark}"),
        lines("{name}: {mark} out of 10"),
        lines("{name}: {mark} (out of 10)"),
        lines("{name} (5/5): {mark}"),
        "On a scale of 1 to 10:\n" + PLAIN,
        "Marks out of 10:\n" + PLAIN,
        "## My ratings (1-10)\n\n" + PLAIN,
        "I rate it on a scale from 1 to 10.\n\n" + lines("### {name}\n{mark}\n"),
        "| Criterion | Score (out of 10) |\n|---|---|\n" + lines("| {name} | {mark} |"),
        lines("{name}:\n{mark}. It says so.\n2. It is so."),
        lines("{name}:\n{mark} dogs are there."),
        JSON.replace("5", "4.5"),
        JSON.replace("5", "[4, 5]"),
        JSON.replace("5", "null"),
        PLAIN.replace("Correctness: 5\n", ""),
        PLAIN + "\nCorrectness: none",
        PLAIN + "\n\nCorrectness: Actually it is wrong, so 1.",
        PLAIN + "\n\nCorrectness: 4.5",
        PLAIN + "\n\nCorrectness:\n- Score: 4.5",
        PLAIN + "\n\nCorrectness: one",
    ],
)
def test_a_text_without_all_marks_is_unparsed(text: str) -> None:
    assert parse_marks(text, FIVE) is None
    assert parse_marks(text, FIVE, OPTIONAL) is None


REMARKS = {
    "The answer is right": "The answer is wrong",
    "There are three dogs, as it says": "There are three dogs, it says four",
    "The correct answer is 5": "The correct answer should be 5",
    "There are indeed four dogs": "There are actually four dogs",
    "The response gives 5, as there are": "The response gives 3 instead of 5",
    "There are 5 dogs, and the response says 5": "There are 5 dogs, but the response "
    "says 3",
    "It says 3. There are 3.": "It says 2. There are 5.",
    "It says 3, and that is right": "It says 3, actually 5",
    "it names 5 out of 5 dogs": "it names 3 out of 5 dogs",
    "all 10 out of 10 bars are red": "only 4 out of 10 bars are red",
    "should be 3, and it is": "should be 5",
    "What I would give: two cats, 1 dog": "What it misses: two cats, 1 dog",
}


@pytest.mark.parametrize("digit", "135")
@pytest.mark.parametrize(
    "form", ["{} - {}", "{}/5 ({})", "{}: {}", "{}. {}", "{} | {}", "{} because {}"]
)
@pytest.mark.parametrize("remark", [*REMARKS, *REMARKS.values()])
def test_praise_and_blame_leave_the_mark_alike(
    remark: str, form: str, digit: str
) -> None:
    """Else those who say why an answer is wrong would have no vote against it."""
    text = lines("{name}: {mark}", correctness=form.format(digit, remark))
    assert parse_marks(text, FIVE) == f"4{digit}321"
    reasons = "\n\nReasons:\nHelpfulness: It helps.\nCorrectness: "
    assert parse_marks(PLAIN + reasons + remark, FIVE) == DIGITS


@pytest.mark.parametrize("remark", ["3", "actually 3", "yes, 5", "indeed 5", "so 3/5"])
@pytest.mark.parametrize("digit", "15")
def test_a_remark_that_is_a_mark_leaves_none(remark: str, digit: str) -> None:
    """Whether it is praise or blame."""
    text = lines("{name}: {mark}", correctness=f"{digit} - {remark}")
    assert parse_marks(text, FIVE) is None


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + "\n\n" + lines("{name}: 1"),
        PLAIN + "\n" + lines("{name}: 1"),
        PLAIN + "\n\nResponse 2:\n" + lines("{name}: 1"),
        PLAIN + "\n\n" + PLAIN.replace("5", "1"),
        PLAIN + "\n\n" + JSON.replace("5", "1"),
        PLAIN + "\n\nOn second thought:\nCorrectness: 1",
        "Correctness: 1, since it errs.\nCorrectness: 1\n\n" + PLAIN,
        PLAIN.replace("\n", ", ") + ". " + PLAIN.replace("5", "1").replace("\n", ", "),
    ],
)
def test_marks_that_contradict_each_other_are_unparsed(text: str) -> None:
    """A second block does not win over the first, nor a draft's over the last."""
    assert parse_marks(text, FIVE, OPTIONAL) is None


def test_a_line_corrects_the_one_of_its_own_block() -> None:
    """And what weighs nothing contradicts nothing."""
    assert parse_marks(PLAIN + "\nCorrectness: 1", FIVE) == "41321"
    assert parse_marks("Correctness: 1\n" + PLAIN, FIVE) == DIGITS
    again = PLAIN + "\n\n" + PLAIN.replace("Verbosity: 1", "Verbosity: 5")
    assert parse_marks(again, FIVE, OPTIONAL) == "45325"
    assert parse_marks(again, FIVE) is None


def test_only_what_weighs_is_needed() -> None:
    three = "\n".join(PLAIN.splitlines()[:3])
    assert parse_marks(three, FIVE) is None
    assert parse_marks(three, FIVE, OPTIONAL) == "453--"
    assert reward_of("453--", WEIGHTS) == reward_of("45311", WEIGHTS)


def test_a_criterion_of_two_words_may_be_written_apart() -> None:
    names = ("visual_grounding", "visual", "tone")
    for written in ("visual_grounding", "Visual Grounding", "**Visual-grounding**"):
        text = f"{written}: 4\nVisual: 2\nTone: 1"
        assert parse_marks(text, names) == "421"


def one_line(number: int) -> str:
    return f"Response {number}: " + PLAIN.replace("\n", ", ")


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        (f"Response 1:\n{JSON}\nResponse 2:\n{JSON}", [DIGITS, DIGITS]),
        (f"{one_line(1)}\n{one_line(2)}", [DIGITS, DIGITS]),
        (f'{{"Response 1": {JSON},\n "Response 2": {JSON}}}', [DIGITS, DIGITS]),
        (f'{{"Response 1": {JSON}, "Response 2": {JSON}}}', [DIGITS, DIGITS]),
        (f"### Response 1\n{PLAIN}\n\n---\n### Response 2\n{PLAIN}", [DIGITS, DIGITS]),
        # A section that is said again otherwise says nothing.
        (
            f"Response 1\n{PLAIN}\nResponse 2\n{PLAIN}\nResponse 1\n"
            + PLAIN.replace("5", "1"),
            [None, DIGITS],
        ),
        (f"Response 1\nIt is short.\nResponse 1\n{PLAIN}", [DIGITS, None]),
        (f"On a scale of 1 to 10.\nResponse 1\n{PLAIN}", [None, None]),
        (f"Response 1\n{PLAIN}\nResponse 2\n8 out of 10 are red.", [DIGITS, None]),
        (f"7 out of 10 are red.\nResponse 1\n{PLAIN}", [DIGITS, None]),
        (f"Response 1\n{PLAIN}\nResponse 2\nMarks out of 10:\n{PLAIN}", [DIGITS, None]),
    ],
)
def test_sections_are_read_in_the_same_forms(
    text: str, marks: list[str | None]
) -> None:
    assert parse_sections(text, FIVE, 2) == marks


NOISES = ["*", "_", " ", "-|", "(", "| ", "1. ", "\n", '{"', "4 ", "\u2605", ". "]
WORDS = ["or ", "so, ", "| no ", "score ", "2. ", "; 2 "]


@pytest.mark.parametrize(
    "noise", [*NOISES, *WORDS, "Correctness: ", "Correctness: 4 ("]
)
def test_long_noise_is_read_in_no_time(noise: str) -> None:
    text = noise * 20_000
    parse_marks(lines("{name}: {mark}", correctness=f"1. {text}x"), FIVE)
    assert parse_marks(text + "\n" + PLAIN.replace("4", "x"), FIVE) is None
    assert parse_sections(text, FIVE, 2) == [None, None]
