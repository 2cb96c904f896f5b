"""Whether a judgment's reasons name what makes one response the better one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import structs

from examples import make_judgment
from selfjudge.ground.records import Order, Pair
from selfjudge.judging.acceptance import decide_pair, outcome_of_pair
from selfjudge.judging.grounds import is_grounded
from selfjudge.judging.verdicts import read_stated
from selfjudge.pairs.filters import FILTERS

OPEN = {
    "chosen": "A man in a blue jacket waits. Two dogs sit beside him.",
    "rejected": "A man in a red jacket waits. Two dogs sit beside him.",
}
LEFT_OUT = {
    "chosen": "A man waits. Two dogs sit beside him.",
    "rejected": "A man waits.",
}
CLOSED = {"chosen": "The sign has 3 birds. Answer: 3", "rejected": "Answer: top-left"}
TABLE = yaml.safe_load(
    Path(__file__).with_name("reasons.yaml").read_text(encoding="utf-8")
)
NAMED = re.compile(r"\b(Response|Assistant) ([AB])\b")


def pair_of(texts: dict[str, str], kind: str = "open") -> Pair:
    """A pair of two texts."""
    fields: dict[str, Any] = {"images": ("a.png",), "question": "What is there?"}
    nothing = dict.fromkeys(("category", "num_votes", "num_votes_rejected"))
    ids = {"chosen_response_id": "c", "rejected_response_id": "r"}
    named = {"id": "0", "prompt_id": "p", "kind": kind, "origin": "alteration"}
    return Pair(**fields, **nothing, **ids, **named, **texts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ("Response B says the jacket is red, which is wrong.", True),
        ("The jacket is blue, not red.", True),
        ("It is not a red jacket.", True),
        ("Response B says that the jacket is red. This is false.", True),
        ("Response A correctly says that the jacket is blue.", True),
        ("Response B misstates the colour of the red jacket.", True),
        # a verdict without a reason, or with another one
        ("Response A is better.", False),
        ("Response B is wrong.", False),
        ("Response B says that the jacket is red.", False),
        ("Response A is more detailed and correct.", False),
        ("There are no dogs.", False),
        # the wrong way round
        ("Response B says the jacket is red, which is correct.", False),
        ("Response A is wrong: the jacket is not blue.", False),
        ("The red jacket is wrong. The red jacket is right.", False),
        ("The red jacket is wrong and the blue jacket is right.", True),
        ("Response B says red, but the jacket is actually blue.", True),
        ("There is no doubt that the red jacket is wrong.", True),
        ("Two dogs sit beside him, but the red jacket is wrong.", True),
        ("The jacket is red, not blue.", False),
        ("The jacket is not blue but red.", False),
        ("The jacket of the man is not blue, it is red.", False),
        ("Response A wrongly says the jacket is blue instead of red.", False),
        ("Response B wrongly says the jacket is red instead of blue.", True),
        ("Response A says blue, but the jacket is actually red.", False),
        ("The blue jacket is wrong and the red jacket is right.", False),
        ("Response B says the jacket is red. That is not wrong at all.", False),
        ("There is nothing wrong with the red jacket.", False),
        ("There is no doubt about the red jacket.", False),
        # what both say is no difference
        ("Two dogs sit beside him: false. The red jacket is wrong.", False),
        ("Two dogs sit beside him: true. The red jacket is wrong.", True),
        ("<think>The red jacket is wrong.</think>A is better.", False),
        ("", False),
    ],
)
def test_reasons_of_an_open_pair(reasons: str, expected: bool) -> None:
    """The changed words in their place, faulted or upheld the right way."""
    pair = pair_of(OPEN)
    judgment = make_judgment(pair, "chosen_first", f"{reasons}\nVerdict: [[A]]")
    assert is_grounded(judgment, pair) is expected


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ("It is true that two dogs sit beside him.", True),
        ("No dogs sit beside him.", False),
        ("The man waits: true.", False),
    ],
)
def test_reasons_where_something_was_left_out(reasons: str, expected: bool) -> None:
    """What the rejected response lacks must be upheld."""
    pair = pair_of(LEFT_OUT)
    judgment = make_judgment(pair, "chosen_first", f"{reasons} Verdict: [[A]]")
    assert is_grounded(judgment, pair) is expected


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ("I count three, so A is right.", True),
        ("B says top-left, which is wrong.", True),
        ("A says 3 true. B says top-left false.", True),
        ("A says 3 false. B says top-left false.", False),
        ("A says 3 true. B says top-left true.", False),
        ("A is right.", False),
        ("There are not 3 but top-left.", False),
        ("There is no top-left but 3.", True),
    ],
)
def test_reasons_of_a_closed_pair(reasons: str, expected: bool) -> None:
    """The answers that differ, whatever else the responses say."""
    pair = pair_of(CLOSED, "closed")
    judgment = make_judgment(pair, "chosen_first", f"{reasons}\nVerdict: [[A]]")
    assert is_grounded(judgment, pair) is expected


def test_an_upheld_mixture_is_upheld() -> None:
    """A statement of which the sentence has less is no excuse for the altered one."""
    pair = pair_of(
        {
            "chosen": "blue circle bottom-left. green square bottom-right.",
            "rejected": "blue circle left. blue square right.",
        }
    )
    told = "green square true. blue square bottom-right true. Verdict: [[A]]"
    assert not is_grounded(make_judgment(pair, "chosen_first", told), pair)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ("The ball is not red, it is blue and shiny.", False),
        ("The ball is red: it is not blue and shiny.", True),
        ("There is a blue and shiny ball: false.", True),
    ],
)
def test_the_longer_statement_does_not_hide_the_other(
    reasons: str, expected: bool
) -> None:
    """Both are named, whichever has more words in the sentence."""
    pair = pair_of(
        {"chosen": "The ball is red.", "rejected": "The ball is blue and shiny."}
    )
    judgment = make_judgment(pair, "chosen_first", f"{reasons}\nVerdict: [[A]]")
    assert is_grounded(judgment, pair) is expected


@pytest.mark.parametrize(("chosen", "rejected"), [("yes", "no"), ("no", "yes")])
def test_an_answer_of_no_is_no_denial(chosen: str, rejected: str) -> None:
    """The words of an answer neither fault nor uphold it."""
    pair = pair_of({"chosen": chosen, "rejected": rejected}, "closed")
    told = f"A says {chosen} true. B says {rejected} false. Verdict: [[A]]"
    faulted = f"A says that. B says {rejected} false. Verdict: [[A]]"
    assert is_grounded(make_judgment(pair, "chosen_first", faulted), pair)
    turned = f"A says {chosen} false. B says {rejected} true. Verdict: [[A]]"
    assert is_grounded(make_judgment(pair, "chosen_first", told), pair)
    assert not is_grounded(make_judgment(pair, "chosen_first", turned), pair)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        # captions have words that also tell what is seen
        ("Looking at the image, the cup is full. So Response A is right.", True),
        ("The empty cup is not in the image.", True),
        ("Whether the cup is full cannot be told from the image.", False),
        ("Response A mentions a full cup in the image.", False),
        # what both have is denied, or found wrong
        ("There is no cup, so Response B's empty cup is wrong.", False),
        ("Both responses are wrong about the full or empty cup.", False),
        # a response is found wrong, or right, for another reason, or for none
        ("Response B is wrong about the table.", False),
        ("The cup is full. Response B is wrong about the table.", True),
        ("The cup is full, and Response A is wrong.", False),
        ("The cup is full, and Response B is right.", False),
        ("Response A does not mention the empty cup.", False),
        ("Response A says the cup is full rather than empty, which is wrong.", False),
        ("Response B says the cup is empty rather than full, which is wrong.", True),
    ],
)
def test_reasons_about_a_caption(reasons: str, expected: bool) -> None:
    """What is seen, denied, and found wrong of a whole response."""
    pair = pair_of(
        {
            "chosen": "The image shows a full cup on a table.",
            "rejected": "The image shows an empty cup on a table.",
        }
    )
    judgment = make_judgment(pair, "chosen_first", f"{reasons}\nVerdict: [[A]]")
    assert is_grounded(judgment, pair) is expected


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ("There are six birds, so the answer 4 is wrong.", False),
        ("2. I count the birds one by one: there are five, so 4 is wrong.", True),
        ("In step 3 I look at the birds. Not 4 but five.", True),
    ],
)
def test_a_third_count_is_no_number_of_something_else(
    reasons: str, expected: bool
) -> None:
    """A number is the third one of what is counted if it stands beside it."""
    pair = pair_of({"chosen": "Answer: 5", "rejected": "Answer: 4"}, "closed")
    pair = structs.replace(pair, question="How many birds are there?")
    judgment = make_judgment(pair, "chosen_first", f"{reasons}\nVerdict: [[A]]")
    assert is_grounded(judgment, pair) is expected


def test_an_option_is_named_by_its_letter_or_its_text() -> None:
    """Either is the answer, and a third option is not."""
    pair = pair_of({"chosen": "Answer: B", "rejected": "Answer: A"}, "closed")
    pair = structs.replace(
        pair, question="What colour is the car? (A) red (B) blue (C) white"
    )
    told = {
        "The correct option is B.": True,
        "The car is actually blue.": True,
        "The car is white, not red.": False,
        "The car is red, not blue.": False,
    }
    for reasons, expected in told.items():
        judgment = make_judgment(pair, "chosen_first", f"{reasons}\nVerdict: [[A]]")
        assert is_grounded(judgment, pair) is expected, reasons


def judged_in_table() -> Iterator[Any]:
    """Each judgment of the table; the known misreadings must fail."""
    for number, row in enumerate(TABLE["judgments"]):
        is_misread = row.get("misread", False)
        marks = [pytest.mark.xfail(strict=True)] if is_misread else []
        yield pytest.param(row, id=f"{number}-{row['pair']}", marks=marks)


def tabled_pair(row: dict[str, Any]) -> Pair:
    """The pair that a judgment of the table is of."""
    fields = dict(TABLE["pairs"][row["pair"]])
    question, kind = fields.pop("question"), fields.pop("kind")
    return structs.replace(pair_of(fields, kind), question=question)


@pytest.mark.parametrize("row", [*judged_in_table()])
def test_judgments_as_real_judges_write_them(row: dict[str, Any]) -> None:
    """Accepted if and only if a person found the reason sound."""
    pair = tabled_pair(row)
    order: Order = "chosen_first" if row["chosen_first"] else "rejected_first"
    judgment = make_judgment(pair, order, row["text"])
    assert is_grounded(judgment, pair) is row["is_sound"]


@pytest.mark.parametrize("row", TABLE["judgments"])
def test_the_names_of_the_responses_do_not_matter(row: dict[str, Any]) -> None:
    """Nor which comes first: letters exchanged, or numbers for them."""
    pair = tabled_pair(row)
    orders: list[Order] = ["rejected_first", "chosen_first"]
    order, other = orders[row["chosen_first"]], orders[not row["chosen_first"]]
    text = row["text"]
    found = is_grounded(make_judgment(pair, order, text), pair)
    numbered = NAMED.sub(lambda m: f"Assistant {'AB'.index(m[2]) + 1}", text)
    assert is_grounded(make_judgment(pair, order, numbered), pair) is found
    if not re.search(r"Answer [AB]\b|Assistant [12]|(?:first|second) ", text):
        exchanged = NAMED.sub(lambda m: f"{m[1]} {'BA'['AB'.index(m[2])]}", text)
        assert is_grounded(make_judgment(pair, other, exchanged), pair) is found


def test_a_pair_is_accepted_for_reasons_in_both_orders() -> None:
    """A right verdict without a reason takes the other order's with it."""
    pair = pair_of(OPEN)
    texts = {
        "chosen_first": "The jacket is blue, not red.\nVerdict: [[A]]",
        "rejected_first": "B is better.\nVerdict: [[B]]",
    }
    own = [make_judgment(pair, order, text) for order, text in texts.items()]
    preferences = [read_stated(judgment.text, judgment.order) for judgment in own]
    found = decide_pair(pair, own, preferences, FILTERS["grounded"], 0)
    assert found == ["not_in_both_orders", "not_grounded"]
    assert outcome_of_pair(found) == "not_grounded"
    whole = decide_pair(pair, own, preferences, FILTERS["majority"], 0)
    assert whole == ["accepted", "accepted"]


@pytest.mark.parametrize(
    ("second", "dropped"),
    [("B is not better.\nVerdict: [[A]]", "wrong_verdict"), ("B", "unparsed")],
)
def test_reasons_are_missed_where_the_pair_is_right(second: str, dropped: str) -> None:
    """A pair that `majority` drops too is not dropped for its reasons."""
    pair = pair_of(OPEN)
    texts = {"chosen_first": "A is better.\nVerdict: [[A]]", "rejected_first": second}
    own = [make_judgment(pair, order, text) for order, text in texts.items()]
    preferences = [read_stated(judgment.text, judgment.order) for judgment in own]
    for name in ("grounded", "majority"):
        found = decide_pair(pair, own, preferences, FILTERS[name], 0)
        assert found == ["not_in_both_orders", dropped]
        assert outcome_of_pair(found) == "not_in_both_orders"
