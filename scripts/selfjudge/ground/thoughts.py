"""What a thinking model says once it has thought."""

import re

NAMES = ("think>", "thinking>", "thought>", "reasoning>")
TAG = re.compile(rf"<(/?)(?:{'|'.join(NAMES)})", re.IGNORECASE)


def strip_thought(text: str) -> str | None:
    """The text without its thoughts, or None if it never came out of one.

    A thought runs from ``<think>`` to ``</think>``; where a closing tag has none
    before it, since the opening one stood in the prompt, all before it is thought.
    """
    if "<" not in text or not any(map(text.lower().count, NAMES)):
        return text
    first, *parts = TAG.split(text)
    kept, is_thinking = [first], False
    for slash, said in zip(parts[::2], parts[1::2], strict=True):
        if slash:
            if not is_thinking:
                kept.clear()
            kept.append(said)
        is_thinking = not slash
    return None if is_thinking else "".join(kept)
