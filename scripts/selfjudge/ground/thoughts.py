"""What a model thought before it spoke: no part of what it says."""

OPENED, CLOSED = "<think>", "</think>"


def strip_thought(text: str) -> str | None:
    """The text after the thought, or None where it never came out of its thought.

    A chat template may open the thought itself, so that a text holds the end of
    one alone.  A text without a thought stays as it is.
    """
    if "think>" not in text:
        return text
    said = text[text.rfind(CLOSED) + len(CLOSED) :] if CLOSED in text else text
    return None if OPENED in said else said
