import pytest

from selfjudge.ground.thoughts import strip_thought


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("red", "red", id="none"),
        pytest.param("a < b", "a < b", id="another-sign"),
        pytest.param("<think>hm</think>red", "red", id="closed"),
        pytest.param("hm</think>red", "red", id="closing-tag-alone"),
        pytest.param("red <think>hm</think>car", "red car", id="within"),
        pytest.param("<think>a</think>b<think>c</think>d", "bd", id="two"),
        pytest.param("<think>a<think>b</think>c</think>d", "d", id="nested"),
        pytest.param("<THINK>hm</THINK>red", "red", id="case"),
        pytest.param("<thinking>hm</thinking>red", "red", id="another-name"),
        pytest.param("</think>", "", id="nothing-after"),
        pytest.param("<think>red", None, id="never-left"),
        pytest.param("<think>a</think>b<think>c", None, id="cut-in-the-second"),
    ],
)
def test_strip_thought(text: str, expected: str | None) -> None:
    """A thought is no part of what is said."""
    assert strip_thought(text) == expected
