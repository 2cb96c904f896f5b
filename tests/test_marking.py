import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfjudge.report.marking import cut_text, mark_changes, show_controls

TEXTS = st.text(st.sampled_from("ab \n."), max_size=40)


def changed(spans: list[tuple[str, bool]]) -> list[str]:
    """The marked spans."""
    return [text for text, is_changed in spans if is_changed]


def test_marks_the_words_that_differ() -> None:
    """Whole words are marked, without the blanks after them."""
    old, new = mark_changes("Two dogs run far.", "Three big dogs run near.")
    assert changed(old) == ["Two", "far."]
    assert changed(new) == ["Three big", "near."]


def test_one_word_is_found_in_a_long_text_of_few_words() -> None:
    """A rewrite differs in one place; nothing else is marked, however long it is."""
    words = ["red", "square", "left", "of", "dot"] * 100
    words[250] = "green"
    old, new = mark_changes(" ".join(words), " ".join(words).replace("green", "blue"))
    assert (changed(old), changed(new)) == (["green"], ["blue"])


def test_a_line_broken_elsewhere_is_no_change() -> None:
    """Blanks between words are not compared."""
    old, new = mark_changes("two dogs\nrun", "two dogs run")
    assert changed(old) == changed(new) == []


@given(TEXTS, TEXTS)
def test_spans_joined_are_the_texts(old: str, new: str) -> None:
    """Marking adds and loses nothing."""
    before, after = mark_changes(old, new)
    assert "".join(text for text, _ in before) == old
    assert "".join(text for text, _ in after) == new


@given(TEXTS)
def test_equal_texts_have_no_change(text: str) -> None:
    """Only what differs is marked."""
    assert [changed(spans) for spans in mark_changes(text, text)] == [[], []]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\0b", "a\u2400b", id="nul"),
        pytest.param("\x1b[31m", "\u241b[31m", id="escape"),
        pytest.param("a\u202eb", "a<U+202E>b", id="override"),
        pytest.param("a\u2066b", "a<U+2066>b", id="isolate"),
        pytest.param("\ud800", "<U+D800>", id="lone-surrogate"),
        pytest.param("\ufeff", "<U+FEFF>", id="byte-order-mark"),
        pytest.param("\U000e0041", "<U+E0041>", id="tag"),
        pytest.param("a\u2028b", "a<U+2028>b", id="line-separator"),
        pytest.param("a\n\tb \u05d0 \u00e9", "a\n\tb \u05d0 \u00e9", id="plain"),
        pytest.param(
            "\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469", id="emoji"
        ),
    ],
)
def test_what_acts_is_shown(text: str, shown: str) -> None:
    """Nothing invisible reaches a page, and nothing visible changes."""
    assert show_controls(text) == shown


@given(st.text())
def test_what_is_shown_can_be_written(text: str) -> None:
    """Shown text has no control but line end and tab, and is valid UTF-8."""
    shown = show_controls(text)
    shown.encode()
    kinds = {unicodedata.category(c) for c in shown if c not in "\n\t\u200c\u200d"}
    assert not kinds & {"Cc", "Cf", "Cs"}


def test_a_cut_says_how_much_is_gone() -> None:
    """The start is kept, the rest counted."""
    assert cut_text("abcde", 3) == ("abc", 2)
    assert cut_text("abc", 3) == ("abc", 0)
