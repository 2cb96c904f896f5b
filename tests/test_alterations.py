import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import BOUNDS
from selfjudge.ground.records import CATEGORIES, Category
from selfjudge.pairs import alterations
from selfjudge.pairs.alterations import (
    AGREEING,
    AlterationBounds,
    changed_words,
    check_alteration,
    draw_category,
    is_one_detail,
)
from selfjudge.pairs.dressings import is_dressed, undress

RESPONSE = "Two dogs sleep on the red sofa beside a lamp."
REWRITE = "Two dogs sleep on the red sofa beside a clock."
LISTED = "It shows:\n- a red bus\n- two men\n- a shop"
BOLD = "Seen here:\n- **Bus:** one\n- **Men:** three"
# What real models put around what they were asked for.
DRESSED = {
    "sure": f"Sure! {REWRITE}",
    "of-course": f"Of course, here is the text:\n\n{REWRITE}",
    "preamble": f"Here's the description with one error:\n{REWRITE}",
    "label": f"Response: {REWRITE}",
    "bold-label": f"**Rewritten answer:**\n\n{REWRITE}",
    "note": f"{REWRITE}\n\nNote: there is no clock.",
    "bracketed-note": f"{REWRITE} (Note that the clock is made up.)",
    "note-below-a-rule": f"{REWRITE}\n\n---\n\n*Changed detail:* the clock",
    "in-quotes": f'"{REWRITE}"',
    "in-bold": f"**{REWRITE}**",
    "fenced": f"```text\n{REWRITE}\n```",
    "thought": f"<think>Which one?</think>\n{REWRITE}",
    "rest-of-a-thought": f"Make it a clock.</think>\n\n{REWRITE}",
}


@pytest.mark.parametrize(
    ("altered", "expected"),
    [
        pytest.param(
            "Three dogs sleep on the red sofa beside a lamp.", None, id="one-word"
        ),
        pytest.param("Two dogs sleep on the red sofa.", None, id="object-removed"),
        pytest.param(" \n", "empty", id="blank"),
        pytest.param(RESPONSE, "unchanged", id="same"),
        pytest.param(
            "**two dogs** sleep on the red sofa, beside a lamp!",
            "unchanged",
            id="only-case-and-marks",
        ),
        pytest.param("Two dogs.", "too_short", id="short"),
        pytest.param(RESPONSE * 3, "too_long", id="long"),
        pytest.param(f"{RESPONSE} It is late.", "no_changed_place", id="goes-on"),
        pytest.param(
            "My cat and your bird play in some green field.",
            "too_different",
            id="other",
        ),
        pytest.param(
            "Here is the altered version: Three dogs sleep on the red sofa.",
            "confesses",
            id="announces",
        ),
        pytest.param(
            "Three dogs sleep on the red sofa. I changed the count.",
            "confesses",
            id="explains",
        ),
        pytest.param(
            "I cannot write that, dogs sleep on the red sofa.",
            "confesses",
            id="refuses",
        ),
    ],
)
def test_check_alteration(altered: str, expected: str | None) -> None:
    """A rewrite serves if it changes one detail and keeps quiet about it."""
    assert check_alteration(RESPONSE, altered, BOUNDS) == expected


@pytest.mark.parametrize("altered", DRESSED.values(), ids=DRESSED)
def test_what_stands_around_a_rewrite_gives_it_away(altered: str) -> None:
    """Each dress is refused, and taken off it leaves the rewrite."""
    assert check_alteration(RESPONSE, altered, BOUNDS) == "confesses"
    assert undress(RESPONSE, altered) == REWRITE
    assert check_alteration(RESPONSE, REWRITE, BOUNDS) is None


@pytest.mark.parametrize("altered", DRESSED.values(), ids=DRESSED)
def test_what_both_texts_wear_stays(altered: str) -> None:
    """A dress that the response has too tells nothing, and is its own."""
    response = altered.replace("clock.", "lamp.")
    if "think>" not in altered:
        assert undress(response, altered) == altered
    assert not is_dressed(response, altered)


@pytest.mark.parametrize(
    ("response", "altered", "expected"),
    [
        pytest.param(RESPONSE, f"{RESPONSE[:-1]} -> clock", True, id="arrow"),
        pytest.param(RESPONSE, f"{REWRITE}\n\nIt is late.", True, id="paragraph-more"),
        pytest.param(RESPONSE, f"# Sofa\n{REWRITE}", True, id="heading"),
        pytest.param(RESPONSE, f"- {REWRITE}", True, id="bullet"),
        pytest.param(RESPONSE, REWRITE.replace("red", "**red**"), True, id="bold-word"),
        pytest.param(RESPONSE, f"{REWRITE} It should be a lamp", False, id="sentence"),
        pytest.param(RESPONSE, REWRITE.replace("clock", "CLOCK"), True, id="capitals"),
        pytest.param(RESPONSE, REWRITE.replace("clock", "_clock_"), True, id="stress"),
        pytest.param(RESPONSE, REWRITE.replace("clock", "'clock'"), True, id="quote"),
        pytest.param(RESPONSE, REWRITE.replace("clock", "[clock]"), True, id="square"),
        pytest.param(RESPONSE, f"{REWRITE[:-1]} (was a lamp).", True, id="round"),
        pytest.param(RESPONSE, f"{REWRITE} #new", True, id="tag"),
        pytest.param(RESPONSE, f"{REWRITE} \U0001f60a", True, id="small-picture"),
        pytest.param(RESPONSE, f"{REWRITE} It is actually a lamp.", True, id="truth"),
        pytest.param(RESPONSE, f"{REWRITE} That is untrue.", True, id="untrue"),
        pytest.param(RESPONSE, f"{REWRITE} One word was altered.", True, id="told"),
        pytest.param(RESPONSE, f"In the room: {REWRITE}", True, id="label-before"),
        pytest.param(BOLD, BOLD.replace("one", "two"), False, id="as-bold"),
        pytest.param(BOLD, BOLD.replace("one", "**two**"), True, id="bolder"),
        pytest.param(BOLD, f"{BOLD}\n- **Tree:** a", False, id="bold-entry-more"),
        pytest.param(BOLD, f"{BOLD}\n- **Tree:** **a**", True, id="bolder-entry"),
        pytest.param(
            'It reads "BAR" (left).', 'It reads "PUB" (left).', False, id="same-marks"
        ),
        pytest.param(LISTED, f"{LISTED}\n- a tall tree", False, id="entry-more"),
        pytest.param(LISTED, LISTED.replace("\n- a shop", ""), False, id="entry-less"),
        pytest.param(LISTED, f"{LISTED}\nThat is all I see.", True, id="line-more"),
        pytest.param(LISTED, LISTED.replace("-", "*"), True, id="other-bullets"),
        pytest.param(LISTED, LISTED.replace("\n-", ","), True, id="no-list"),
    ],
)
def test_the_form_of_both_texts_is_one(
    response: str, altered: str, expected: bool
) -> None:
    """Markup and layout must not tell which of the two is the rewrite."""
    assert is_dressed(response, altered) is expected


def test_a_label_before_the_same_begin_is_taken_off() -> None:
    """Where what follows begins otherwise it stays, and is refused."""
    assert undress(RESPONSE, f"The picture shows: {REWRITE}") == REWRITE
    other = REWRITE.replace("Two dogs", "Some cats")
    labelled = f"The picture shows: {other}"
    assert undress(RESPONSE, labelled) == labelled
    assert check_alteration(RESPONSE, labelled, BOUNDS) == "confesses"


@pytest.mark.parametrize(
    ("response", "altered"),
    [
        pytest.param(LISTED, LISTED.replace("-", "\u2022"), id="bullets"),
        pytest.param(LISTED, LISTED.replace("two", "2"), id="digit"),
        pytest.param("It's grey, it isn't red", "it is gray, it is not red", id="full"),
        pytest.param("They can't fly", "they cannot fly", id="cannot"),
        pytest.param("Twenty-two men, thirty cups", "22 men, 30 cups", id="tens"),
        pytest.param("It's 1,200 m - far.", "It\u2019s 1200 m \u2014 far!", id="marks"),
        pytest.param(
            "A black-and-white cat", "a **black and white** cat", id="hyphens"
        ),
        pytest.param("It holds: x < 5", "It holds: x<5", id="space"),
        pytest.param("It holds: x > 5", "> It holds: x>5", id="quote"),
        pytest.param("A red bus\n- a man", "# A red bus #\n- a man", id="heading"),
    ],
)
def test_another_spelling_changes_nothing(response: str, altered: str) -> None:
    """Marks, bullets, case and digits for words are no error."""
    assert check_alteration(response, altered, BOUNDS) == "unchanged"


@pytest.mark.parametrize(
    ("response", "altered"),
    [
        pytest.param(
            "It was -5 degrees that day.", "It was 5 degrees that day.", id="-"
        ),
        pytest.param("A share of 3.5 is low now.", "A share of 35 is low now.", id="."),
        pytest.param(
            "It costs 20 $ at the shop.", "It costs 20 % at the shop.", id="$"
        ),
        pytest.param("The value of x < 5 holds.", "The value of x > 5 holds.", id="<"),
        pytest.param("There x<5 holds again.", "There x>5 holds again.", id="<-alone"),
        pytest.param("So it has y <= 5 here.", "So it has y >= 5 here.", id="<="),
        pytest.param("It is so for x<-5 too.", "It is so for x>-5 too.", id="<-"),
        pytest.param("It is written in C# here.", "It is written in C here.", id="#"),
    ],
)
def test_a_sign_may_be_the_error(response: str, altered: str) -> None:
    """What changes a value is no mere mark."""
    assert check_alteration(response, altered, BOUNDS) is None


# ------------------------------------------------------------------ categories


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param("A dog sleeps.", [], id="none"),
        pytest.param("Two dogs sleep.", ["count"], id="number-word"),
        pytest.param("There are 3 dogs.", ["count"], id="digit"),
        pytest.param("The one that sleeps is a dog.", [], id="pronoun"),
        pytest.param("A dog sleeps left of a cat.", ["spatial"], id="place"),
        pytest.param("The image shows a dog in the picture.", [], id="in-the-picture"),
        pytest.param("A dog sleeps in a box.", ["spatial"], id="in-a-box"),
        pytest.param('A shirt with "love" on it.', ["text"], id="quoted"),
        pytest.param("A bus that reads EXPRESS.", ["text"], id="written"),
        pytest.param("It rose by 12.5% to $40.", ["text"], id="chart"),
    ],
)
def test_an_error_is_drawn_among_those_that_fit(
    response: str, expected: list[Category]
) -> None:
    """No count where nothing is counted, no place without one, no text without any."""
    always = ["object", "attribute", "relation", "action"]
    drawn = [
        draw_category(response, CATEGORIES, draw) for draw in range(len(CATEGORIES))
    ]
    assert set(drawn) == {*always, *expected}


def test_any_error_may_be_drawn_where_none_fits() -> None:
    """A project that asks for counts alone gets them."""
    assert draw_category("A dog sleeps.", ["count", "text"], 1) == "text"


@pytest.mark.parametrize(
    "piece",
    ["\n", " ", "*", "```", '"', "- ", "note ", "</think>", "<think>", "[", "1,"],
)
def test_long_rewrites_are_read_in_linear_time(piece: str) -> None:
    """A megabyte takes a tenth of a second or two; the bound is for a busy machine."""
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    is_dressed(RESPONSE, f"{REWRITE}{text}{REWRITE}")
    undress(RESPONSE, f"{text}{REWRITE}")
    draw_category(text, CATEGORIES, 0)
    assert time.process_time() - start < 5


def test_a_word_of_the_response_is_no_confession() -> None:
    """What the response says itself gives nothing away."""
    response = "The sign was edited: a false answer is crossed out in red."
    altered = "The sign was edited: a false answer is crossed out in blue."
    assert check_alteration(response, altered, BOUNDS) is None


@given(st.text())
def test_a_text_is_no_alteration_of_itself(text: str) -> None:
    """Nothing that changes nothing gets through."""
    assert check_alteration(text, text, BOUNDS) in ("empty", "unchanged")


# A description of 120 words, as real models write it.
LONG = (
    "The image shows a wide square in an old town on a sunny day. A brown dog lies in"
    " the shade of a big tree, and a man in a green jacket reads a newspaper on a bench"
    " beside it. Behind them stands a row of four stone houses with red roofs and blue"
    " shutters. The dog seems to be asleep, with its head on its paws. On the left two"
    " women push a pram past the window of a bakery, where loaves of bread are piled on"
    " a shelf. A delivery van is parked near the corner, and its driver carries a crate"
    " into a shop. Further back a clock tower rises above the roofs. Nobody pays"
    " attention to the dog, and the scene feels calm and unhurried."
)
SENTENCES = LONG.split(". ")


@pytest.mark.parametrize(
    "altered",
    [
        pytest.param(LONG.replace("dog", "cat"), id="noun-and-mentions"),
        pytest.param(
            LONG.replace("A brown dog lies", "Three brown dogs lie")
            .replace("The dog seems", "The dogs seem")
            .replace("its head on its", "their heads on their")
            .replace("the dog,", "the dogs,"),
            id="count-and-what-agrees",
        ),
        pytest.param(LONG.replace("four stone", "seven stone"), id="count"),
        pytest.param(LONG.replace("blue shutters", "white shutters"), id="attribute"),
        pytest.param(LONG.replace("On the left two", "On the right two"), id="place"),
        pytest.param(LONG.replace(" and blue shutters", ""), id="object-left-out"),
        pytest.param(
            LONG.replace("reads a newspaper", "peels a large orange with a knife"),
            id="action",
        ),
        pytest.param(
            LONG.replace("bread are", "bread and a striped cat are"), id="object-put-in"
        ),
    ],
)
def test_one_detail_of_a_long_response_may_change(altered: str) -> None:
    """And what else speaks of it, as often as it does."""
    assert check_alteration(LONG, altered, BOUNDS) is None


@pytest.mark.parametrize(
    ("altered", "expected"),
    [
        pytest.param(". ".join(SENTENCES[:4]) + ".", "no_changed_place", id="half"),
        pytest.param(". ".join(SENTENCES[:-1]) + ".", "no_changed_place", id="end"),
        pytest.param(
            f"{LONG} Leaves lie on the ground.", "no_changed_place", id="goes-on"
        ),
        pytest.param(
            ". ".join([SENTENCES[1], SENTENCES[0], *SENTENCES[2:]]),
            "no_changed_place",
            id="moved",
        ),
        pytest.param(
            " ".join(
                word if place % 2 else f"{word}x"
                for place, word in enumerate(LONG.split())
            ),
            "too_different",
            id="every-second-word",
        ),
        pytest.param(
            LONG.replace("shows", "depicts")
            .replace("wide", "large")
            .replace("lies", "rests")
            .replace("stands", "is")
            .replace("parked", "standing")
            .replace("rises", "towers"),
            "too_different",
            id="synonyms",
        ),
        pytest.param(
            ". ".join(SENTENCES[:4]).replace("green", "gray") + ".",
            "too_different",
            id="half-and-a-detail",
        ),
    ],
)
def test_a_long_rewrite_of_more_than_a_detail_is_refused(
    altered: str, expected: str
) -> None:
    """It would teach that the longer one, or the model's own wording, is better."""
    assert check_alteration(LONG, altered, BOUNDS) == expected


@pytest.mark.parametrize(
    ("num_words", "expected"),
    [(4, "too_short"), (5, "no_changed_place"), (20, None), (21, "too_long")],
)
def test_length_bounds_are_inclusive(num_words: int, expected: str | None) -> None:
    """Exactly half or twice the length is neither too short nor too long."""
    response = ". ".join(f"w{place}" for place in range(10))
    altered = ". ".join(f"w{place}" for place in range(num_words))
    if num_words >= 20:
        altered = altered.replace("w0.", "x0.")
    bounds = AlterationBounds(
        min_length_rate=0.5, max_length_rate=2, min_overlap_rate=0
    )
    assert check_alteration(response, altered, bounds) == expected


@pytest.mark.parametrize(("num", "expected"), [(10, True), (11, False)])
def test_changed_words_are_those_of_both_texts(num: int, expected: bool) -> None:
    """Ten words for ten others are twenty; the same again are no more."""
    before, after = ([f"{text}{place}" for place in range(num)] for text in "xy")
    rest = [f"w{place}" for place in range(40)]
    assert is_one_detail([*before, *rest], [*after, *rest], BOUNDS) is expected
    twice = [*before, *rest, *before], [*after, *rest, *after]
    assert is_one_detail(*twice, BOUNDS) is expected


@pytest.mark.parametrize(("num", "expected"), [(5, True), (6, False)])
def test_half_of_a_short_text_may_change(num: int, expected: bool) -> None:
    """The rate is of the words of both."""
    old = [f"w{place}" for place in range(10)]
    new = [*(f"x{place}" for place in range(num)), *old[num:]]
    assert is_one_detail(old, new, BOUNDS) is expected


WORDS = st.lists(st.sampled_from(["b", "c", "d", "the", "is"]), max_size=8)


def num_common(old: list[str], new: list[str]) -> int:
    """The length of the longest common sequence of words, by the textbook."""
    if not old or not new:
        return 0
    if old[0] == new[0]:
        return 1 + num_common(old[1:], new[1:])
    return max(num_common(old[1:], new), num_common(old, new[1:]))


@given(WORDS, WORDS)
def test_changes_are_all_that_two_texts_do_not_share(
    old: list[str], new: list[str]
) -> None:
    """No fewer than by the textbook, and every word that one of them lacks."""
    changes = changed_words(old, new)
    num = sum(len(one) + len(other) for one, other in changes)
    assert num >= len(old) + len(new) - 2 * num_common(old, new)
    found = {word for change in changes for side in change for word in side}
    assert set(old) ^ set(new) <= found


@given(WORDS, WORDS, st.integers(1, 6), st.floats(0.1, 1))
def test_looser_bounds_let_more_through(
    old: list[str], new: list[str], words: int, rate: float
) -> None:
    """What is one detail stays one; what is none by the words alone is none."""
    lengths = {"min_length_rate": 0, "max_length_rate": 9}
    bounds = AlterationBounds(
        min_overlap_rate=1 - rate, max_changed_words=words, **lengths
    )
    looser = AlterationBounds(
        min_overlap_rate=0, max_changed_words=words + 1, **lengths
    )
    if is_one_detail(old, new, bounds):
        assert is_one_detail(old, new, looser)
        assert len((set(old) ^ set(new)) - AGREEING) <= words


def test_another_text_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words alone tell, however long it is: a search is slow."""
    monkeypatch.delattr(alterations, "SequenceMatcher")
    old = [str(number) for number in range(100_000)]
    assert not is_one_detail(old, [f"{word}x" for word in old], BOUNDS)


@given(WORDS, st.integers(0, 8))
def test_one_changed_word_is_one_place(words: list[str], place: int) -> None:
    """In a text of few different words too, where a search may go astray."""
    old = [*words[:place], "b", *words[place:]]
    new = [*words[:place], "x", *words[place:]]
    found = changed_words(old, new)
    assert found == [(["b"], ["x"])]
