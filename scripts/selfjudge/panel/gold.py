"""Whether a text gives the gold answer of a prompt: for the audit, `gold`, skills."""

from selfjudge.ground.records import Prompt
from selfjudge.pairs.answers import extract_answer, normalise_gold
from selfjudge.pairs.expressions import widen_format


def gives_gold(prompt: Prompt, text: str) -> bool | None:
    """Whether it does; None if it states no answer of the prompt's format.

    Where the prompt has no format the whole texts are compared.
    """
    assert prompt.answer is not None
    if prompt.answer_format is None:
        return text.strip() == prompt.answer.strip()
    form = widen_format(prompt.answer_format, [text, prompt.answer])
    found = extract_answer(text, form, prompt.question)
    if found is None:
        return None
    return found == normalise_gold(prompt.answer, form, prompt.question)
