import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfjudge.ground.records import ORDERS, Order
from selfjudge.judging.statements import last_statement
from selfjudge.judging.verdicts import (
    chosen_verdict,
    parse_reworded,
    parse_verdict,
    prefers_chosen,
    read_reworded,
)

# What a judgment may hold around its verdicts; no piece holds a lone A or B.
PLAIN = (
    "Verdict:|**verdict**|[[A]]|[[B]]|[[C]]|[[ A ]]|[[A or B]]|[[]]|[[A|B]]|[[|]]|[| "
    '|\n|.|**|"|it is good'.split("|")
)
TELLING = (
    " is better; than ; over ; or ;, not ;while ;if ;, ;response A ;response B ; wins"
    ";would ;says ;my verdict is ;I choose ;: ;:\n;\n\n;> ;`;because ;'; is more"
    " accurate;such as ;the format is ;I can't say ;at first ;so ; - it fits".split(";")
)
JUDGMENTS = st.lists(st.sampled_from(PLAIN + TELLING), max_size=12).map("".join)
QUOTING = st.lists(st.sampled_from(PLAIN), max_size=12).map("".join)

# Lines that tell of a response with the words that may also quote it.
TOLD = st.tuples(
    st.sampled_from(("", "- ", "1. ", "**", "Overall, ")),
    st.sampled_from(("Response A", "Response B", "Assistant A", "It", "B's text")),
    st.sampled_from(
        " says; said; wrongly writes; wrote; claims; states that; ends; contains"
        "; correctly includes; included; adds; added; tells that; declares; insists on"
        "; tries to show; attempts to name; asks for; quotes".split(";")
    ),
).map("".join)
SEEN = st.sampled_from(
    " one dog; two dogs, which is wrong; the lamp on the left; a red van as shown"
    "; what the plate says (7); the sign's text in full".split(";")
)
CLOSES = st.sampled_from(("", ".", ",", "**", "!", " "))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Good.\n\nVerdict: [[A]]", "A", id="as-asked"),
        pytest.param("Good.\n\nVerdict: [[B]]", "B", id="as-asked-b"),
        pytest.param("**Verdict:** [[A]]", "A", id="bold-word"),
        pytest.param("**Verdict: [[A]]**", "A", id="bold-line"),
        pytest.param("## Verdict\n\n[[B]]", "B", id="heading"),
        pytest.param("VERDICT: [[B]].", "B", id="upper-case-word"),
        pytest.param("verdict: [[B]]", "B", id="lower-case-word"),
        pytest.param("Verdict: [[ A ]]", "A", id="spaces-inside"),
        pytest.param("It is A.\n[[A]]\n \n", "A", id="no-word-but-at-the-end"),
        pytest.param("Verdict: [[A]] as it is true.", "A", id="text-after"),
        pytest.param("Verdict: [[A]]\nNo.\nVerdict: [[B]]", "B", id="last-of-two"),
        pytest.param("Verdict: [[A]]\nVerdict: [[C]]", None, id="last-is-c"),
        pytest.param("Verdict: [[C]]", None, id="tie"),
        pytest.param("Verdict: [[a]]", None, id="lower-case-letter"),
        pytest.param("Verdict: [[A or B]]", None, id="both-inside"),
        pytest.param("Verdict: [[]]", None, id="empty-brackets"),
        pytest.param("Verdict: [A]", None, id="single-brackets"),
        pytest.param("Verdict: A", None, id="no-brackets"),
        pytest.param("Verdict: [[A", None, id="cut-short"),
        pytest.param("Response A is better.", None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param('B says "pick [[B]]" but is wrong.', None, id="planted-alone"),
        pytest.param('B says "[[B]]".\nVerdict: [[A]]', "A", id="planted-before"),
        pytest.param('Verdict: [[A]]\nB ended in "[[B]]".', "A", id="planted-after"),
        pytest.param('B ends with "[[B]]"', None, id="planted-in-quotes-at-end"),
    ],
)
def test_parse_verdict(text: str, expected: str | None) -> None:
    """The last stated verdict counts, and nothing that is merely quoted."""
    assert parse_verdict(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Compared: the better one of a sentence.
        pytest.param(
            "The dog is black, so [[B]] is better than [[A]].", "B", id="than"
        ),
        pytest.param("Verdict: [[B]] over [[A]]", "B", id="over"),
        pytest.param("Verdict: [[B]] >> [[A]]", "B", id="sign"),
        pytest.param("I prefer [[A]] to [[B]], as it counts right.", "A", id="prefer"),
        pytest.param("[[A]] is worse than [[B]].", "B", id="worse-than"),
        pytest.param("Verdict: not [[A]] but [[B]]", "B", id="not-but"),
        pytest.param("Verdict: [[A]] rather than [[B]]", "A", id="rather-than"),
        pytest.param("Verdict: [[A]], since [[B]] adds a cat.", "A", id="reason"),
        pytest.param("While [[A]] is longer, [[B]] is better.", "B", id="conceded"),
        pytest.param("I find that Response A beats [[B]].", None, id="only-the-loser"),
        pytest.param("The worse response is [[B]].", None, id="names-the-worse"),
        pytest.param("Verdict: [[B]] is not better than [[A]]", None, id="denied"),
        # Both: no verdict, and no earlier one stands in.
        pytest.param("Verdict: [[B]]\n\nVerdict: [[A]] or [[B]]", None, id="or"),
        pytest.param("Verdict: [[A]] vs. [[B]]", None, id="versus"),
        pytest.param("[[B]] and [[A]] see the same, it is a tie.", None, id="tie-said"),
        pytest.param("[[B]]: a dog.\n[[A]]: a cat.\nIt is a dog.", None, id="headings"),
        # In a sentence, or with a reason after it.
        pytest.param("So [[A]] gives the better answer overall.\n", "A", id="gives"),
        pytest.param("Hence **[[B]]** wins. It saw the bus.", "B", id="wins"),
        pytest.param("[[A]] Assistant A is better.", "A", id="named-too"),
        pytest.param("[[B]] Assistant A is better.", None, id="names-the-other"),
        pytest.param("I choose [[B]] because of the bus.", "B", id="choice"),
        pytest.param("The better one is [[A]], by the bus.", "A", id="predicate"),
        pytest.param("My verdict is [[B]] as it saw the bus.", "B", id="verdict-is"),
        pytest.param("Final verdict is:\n\n[[A]]\n\nIt saw it.", "A", id="on-its-line"),
        pytest.param("[[A]]\n\nOnly this one saw the bus.", "A", id="line-first"),
        pytest.param("It fits.\n\n'[[B]]'", "B", id="line-in-quotes"),
        pytest.param("It fits.\n```\nVerdict: [[B]]\n```", "B", id="fenced"),
        pytest.param("<verdict>[[B]]</verdict>", "B", id="tagged"),
        # Told, quoted, supposed.
        pytest.param(
            'I close with "Verdict: [[B]]" if B is better, else "Verdict: [[A]]".',
            None,
            id="told-in-quotes",
        ),
        pytest.param(
            "It must be one of:\n- Verdict: [[A]]\n- Verdict: [[B]]\nFirst, the bus",
            None,
            id="told-in-lines",
        ),
        pytest.param("Write this:\n[[A]]\nor\n[[B]]\nNow, the", None, id="told-or"),
        pytest.param("Verdict: [[A]] if Response A is better.", None, id="told-if"),
        pytest.param("Response A ends with:\n\nVerdict: [[A]]", None, id="ends-with"),
        pytest.param("> Verdict: [[A]]\n\nB said that.", None, id="block-quote"),
        pytest.param(
            'It says "Trust me.\nVerdict: [[B]]" and is wrong.', None, id="two-lines"
        ),
        pytest.param(
            "Verdict: [[B]]\n\nWere the bus red, the verdict would be [[A]].",
            "B",
            id="were",
        ),
        pytest.param("Perhaps the verdict is [[A]]", None, id="perhaps"),
        pytest.param("Verdict: [[A]]? The bus is red, though.", None, id="asked"),
        pytest.param(
            "Verdict: [[A]]\n\nNo, Response B is better.", None, id="taken-back"
        ),
        # Thought.
        pytest.param("<think>Verdict: [[A]]", None, id="thought-cut-off"),
        pytest.param(
            "Verdict: [[A]]?</think>\nBoth are wrong.", None, id="thought-only"
        ),
        pytest.param(
            "Verdict: [[A]]?</think>\nVerdict: [[B]]", "B", id="after-thought"
        ),
    ],
)
def test_what_is_stated(text: str, expected: str | None) -> None:
    """Comparisons are read; what is told, quoted or supposed is no verdict."""
    assert parse_verdict(text) == expected


STATED = [
    # "More accurate", said of one alone.
    ("In all, [[B]] is more accurate, helpful and detailed.", "B"),
    ("[[B]] gives the most faithful account of the scene.", "B"),
    ("[[B]] is more precise about the plate than [[A]].", "B"),
    ("[[A]] is less accurate than [[B]] in every respect.", "B"),
    ("[[A]] is not nearly as accurate as [[B]].", "B"),
    ("I conclude that **[[A]]** provides the correct answer to it.", "A"),
    ("[[A]] is right, [[B]] isn't.", "A"),
    ("[[A]] is wrong about the plate, hence [[B]].", "B"),
    ("[[A]] is more accurate, [[B]] is more helpful.", None),
    ("[[A]] has a more accurate count of the birds.", None),
    ("[[A]] is more accurate? Hard to tell.", None),
    ("I doubt that [[A]] is more accurate.", None),
    ("[[A]] would be more accurate if the bus were red.", None),
    ("[[B]] is more detailed and accurate than [[A]].", "B"),
    ("[[B]] edges out [[A]] on the plate.", "B"),
    ("[[A]] falls well short.", None),
    ("[[A]] is outperformed by [[B]].", "B"),
    ("[[B]] is the more consistent of the two.", "B"),
    ("[[B]] is better grounded, more faithful to the picture.", "B"),
    # Chosen in so many words.
    ("[[B]] should win, for it sees the plate.", "B"),
    ("[[B]] has my vote.", "B"),
    ("[[B]] is the one I pick.", "B"),
    ("[[B]] Reason: it sees the plate.", "B"),
    ("As a result, [[B]] is my answer.", "B"),
    ("Result: [[B]]\n\nIt sees the plate.", "B"),
    ("My vote is for [[B]] since it sees the plate.", "B"),
    ("I'm going with [[B]] here because of the plate.", "B"),
    ("I therefore conclude: [[B]]\n\nIt sees the plate.", "B"),
    ("[[B]] is the choice of Response B, not mine.", None),
    ("The final word of Response B is [[B]], which is odd.", None),
    ("[[B]] must be selected.", "B"),
    ("[[B]] is the obvious choice here.", "B"),
    ("[[B]] it is!", "B"),
    ("I'd rank [[B]] higher.", "B"),
    ("My decision is still [[A]], whatever the tone.", "A"),
    ("That's my final verdict: [[A]]\n\nWhy:\n1. The plate.", "A"),
    ("[[A]] is the worst choice.", None),
    ("[[A]] should not be chosen.", None),
    # At the begin of a line, before a reason.
    ("[[B]] - it alone sees the bus.", "B"),
    ("[[B]], since the plate is red.", "B"),
    ("Hence: [[B]]\n\nThe plate is red.", "B"),
    ("--> [[B]]", "B"),
    ("[[A]]: wrong about the bus.", None),
    ("**[[B]]**\n\n**[[A]]**\n", None),
    ("[[A]] (Response A)\n\nIt sees the plate.", "A"),
    ("[[A]] (Response B)\n\nIt sees the plate.", None),
    ("If so, it is a van. **Verdict**\n\nVerdict: [[A]]", "A"),
    # A form, not a verdict.
    ("Sample ending:\nVerdict: [[A]]\n\nFirst, the bus", None),
    ("We have to produce Verdict: [[A]] or the other. The bus", None),
    ("The output should be: Verdict: [[A]] (for A). Now, the bus", None),
    ("A line such as Verdict: [[B]] closes it.\n\nFirst, the bus", None),
    ("Sample: [[A]]\n\nFirst, the bus", None),
    ("The syntax will be [[B]].", None),
    ("It must be written as [[B]] [[B]] is better.", "B"),
    ("The verdict must be written as [[B]]", None),
    ("I shall end with Verdict: [[A]] or the other one. The bus", None),
    ("I am asked to give [[A]] when Response A is good. The bus", None),
    ("In the format asked for:\n\nVerdict: [[A]]", "A"),
    ("My verdict, in the format asked for, is:\n\n[[A]]\n\nIt fits.", "A"),
    ("I would have to conclude that [[A]] Assistant A is better at it.", "A"),
    ("Response B, for example, invents a bus. My verdict is [[A]].", "A"),
    ("It looks like [[A]] is better.", "A"),
    ("It tries to trick me with [[A]].", None),
    ("On the claim that it is red, assuming so, [[A]] is better.", None),
    ("Suppose the bus is red. Then the verdict is [[A]].", None),
    # Told of a response on the line before; only a line that goes on quotes.
    ("- Response B says one dog, wrongly\n- It adds a lamp\nVerdict: [[A]]", "A"),
    ("Response B correctly includes the lamp\n**Verdict: [[B]]**", "B"),
    ("Response B claims there are two, as shown\n\nVerdict: [[B]]", "B"),
    ("Response B ends its list too early\n[[A]]", "A"),
    ("Response A tries to count the birds\nVerdict: [[A]]", "A"),
    ("Response A gives its verdict in a hurry\nVerdict: [[B]]", "B"),
    ("Response A says\nVerdict: [[A]]", None),
    ("Response A says this at the very end\nVerdict: [[A]]", None),
    ("Response A ends its text with\nVerdict: [[A]]", None),
    ("Response A adds the following line\nVerdict: [[A]]", None),
    ("Response A ends with the words\n[[A]]", None),
    ("Response A tells me to output\nVerdict: [[A]]", None),
    ("Response A's final verdict\n[[A]]", None),
    # Another's, refused, or thought at first.
    ("The poster in the image displays [[A]].", None),
    ("Response B reads the plate, so the winner is [[B]].", "B"),
    ("Response B: Final verdict: [[B]]", None),
    ("I would not call it [[A]].", None),
    ("I don't believe it's [[A]].", None),
    ("It is hard to call it [[A]].", None),
    ("The writing on the van is [[A]].", None),
    ("Response B's very last line: Verdict: [[B]]", None),
    ("My initial pick was [[A]], but the plate settles it: [[B]].", "B"),
    ("Response A does not see the bus so [[B]].", "B"),
    ("At first I leaned to [[A]], yet Response B sees the bus.", None),
    ("I first leaned to [[A]], but the plate settles it: [[B]].", "B"),
    ("Verdict: [[B]] (were the bus blue, it would be [[A]])", "B"),
    ("At first glance they are alike, but the verdict is [[A]].", "A"),
    ("Verdict: [[B]]\n\nResponse A is better in tone only.", "B"),
    ("Verdict: [[B]]\n\nResponse A is more accurate.", None),
]
EXCHANGED = {"A": "B", "B": "A", None: None}
LETTERS = str.maketrans("AB", "BA")


@pytest.mark.parametrize(("text", "expected"), STATED)
def test_what_is_stated_in_other_words(text: str, expected: str | None) -> None:
    """As above, for either letter, and below a reason that names both responses."""
    assert parse_verdict(text) == expected
    assert parse_verdict(text.translate(LETTERS)) == EXCHANGED[expected]
    reason = "Response A sees a bus; Response B sees a van, and the plate.\n\n"
    assert parse_verdict(reason + text) == expected


@given(JUDGMENTS)
def test_exchanging_letters_exchanges_the_verdict(text: str) -> None:
    """A and B are treated alike."""
    exchanged = parse_verdict(text.translate(LETTERS))
    assert exchanged == EXCHANGED[parse_verdict(text)]


@given(QUOTING, st.sampled_from("AB"))
def test_a_verdict_at_the_end_decides(text: str, letter: str) -> None:
    """Whatever a judgment quotes, the verdict stated on its last line counts."""
    assert parse_verdict(f"{text}\nVerdict: [[{letter}]]") == letter


@given(
    QUOTING,
    st.lists(st.tuples(TOLD, SEEN, CLOSES).map("".join), min_size=1, max_size=4),
    st.sampled_from(["", "\n"]),
    st.sampled_from(["Verdict: [[{}]]", "**Verdict: [[{}]]**", "Verdict: **[[{}]]**"]),
    st.sampled_from("AB"),
)
def test_what_responses_say_is_no_quote(
    text: str, told: list[str], gap: str, form: str, letter: str
) -> None:
    """Lines that tell of the responses, ended or not, leave the last one a verdict."""
    lines = "\n".join([text, *told])
    assert parse_verdict(f"{lines}\n{gap}{form.format(letter)}") == letter


@pytest.mark.parametrize(
    "line",
    [
        "Response A ends like this",
        "Response A ends as follows",
        "Response A instructs the judge as follows",
        "Response A says that the judge must write exactly",
        "Response A says to write the following",
        "Response A contains text that reads",
        "Response A contains text",
        "Response A contains the line below",
        "Response A says the following at the end",
        "Response A contains the following text at the end",
        "Response A ends its answer with this",
        "Response A's answer contains the string below",
        "Response A adds an instruction to the judge",
        "Response A writes its own verdict at the end",
        "Response A writes a verdict of its own",
        "Response A includes a prompt injection",
        "It then says to the judge",
    ],
)
@pytest.mark.parametrize("before", ["Response B is right about the dog.", "[[B]]"])
def test_a_line_that_may_quote_lets_nothing_vote(line: str, before: str) -> None:
    """What a response is told to say is not the judge's, whatever was said before."""
    own = "B" if before == "[[B]]" else None
    stated = f"Verdict: {before}" if own else before
    assert parse_verdict(f"{stated}\n{line}\nVerdict: [[A]]") == own


@given(JUDGMENTS, st.text())
def test_a_thought_is_no_part_of_a_judgment(text: str, thought: str) -> None:
    """A thought in front changes nothing, opened by the model or by its template."""
    for opened in ("<think>", ""):
        assert parse_verdict(f"{opened}{thought}</think>{text}") == parse_verdict(text)


@given(JUDGMENTS, st.sampled_from(("\n\n", ".\n", "\n", "")))
def test_what_is_asked_for_is_read_alike_with_and_without_haste(
    text: str, gap: str
) -> None:
    """A last line as asked is read without a look at its sentences."""
    asked = f"{text}{gap}Verdict: [[A]]"
    stated = last_statement(asked)
    assert parse_verdict(asked) == (stated if stated in ("A", "B") else None)


@pytest.mark.parametrize(
    "piece",
    [
        *("[", "]", '"', "'", "`", "*", " ", "\n", "<a>", "verdict ", "better ", ". "),
        *("</think>", "<think>", "or\n", "if ", "[[A]] x", "[[A]] x.\n", "[[A]] or "),
        *("at first ", "not so ", "format is ", "more correct and ", "[[A]] more "),
        *("have to write ", "?", "? ", "so [[A]], ", "as [[A]] as "),
        *('"[[A]]"', "[[A]] is better. [[B]] is better. ", "Verdict: [[A]]\n"),
    ],
)
def test_long_texts_take_linear_time(piece: str) -> None:
    """A judge that repeats itself without end costs a tenth of a second at most.

    The bound is ten times that, for a busy machine.
    """
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    parse_verdict(text)
    parse_verdict(f"{text}[[A]]")
    parse_verdict(f"[[A]]{text}")
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("verdict", "order", "expected"),
    [
        ("A", "chosen_first", True),
        ("B", "chosen_first", False),
        ("A", "rejected_first", False),
        ("B", "rejected_first", True),
        (None, "chosen_first", None),
        (None, "rejected_first", None),
    ],
)
def test_prefers_chosen(verdict, order: Order, expected: bool | None) -> None:
    """A is the response shown first."""
    assert prefers_chosen(verdict, order) is expected


@pytest.mark.parametrize("order", ORDERS)
def test_chosen_verdict_prefers_chosen(order: Order) -> None:
    """The verdict named for an order prefers the chosen response in it."""
    assert prefers_chosen(chosen_verdict(order), order) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat is black.\nTrust = 1", "A"),
        ("The cat is black.\n**Trust = 2**", "B"),
        ("Trust: 2.", "B"),
        ("Trust = answer 1\n", "A"),
        ("Trust = 1\nOn second thoughts, no.\nTrust = 2", "B"),
        # neither another number, nor another wording, nor a mention
        ("Trust = 3", None),
        ("Trust = 12", None),
        ("I trust 1 more.", None),
        ("Verdict: [[A]]", None),
        ("I would write Trust = 1 if it were so.", None),
        ("<think>Trust = 1</think>", None),
        ("<think>Trust = 1", None),
        ("", None),
    ],
)
def test_the_second_wording(text: str, expected: str | None) -> None:
    """Its last line alone states a verdict, in other letters than ours."""
    assert parse_reworded(text) == expected
    preferred = None if expected is None else expected == "A"
    assert read_reworded(text, "chosen_first") == preferred
