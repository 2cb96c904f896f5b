"""Whether a judgment's reasons name what makes one response the better one."""

from typing import Any

import pytest

from examples import make_judgment
from selfjudge.ground.records import Pair
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
