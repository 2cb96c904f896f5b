"""What the sampled responses to closed prompts come to, each by itself.

Majority answers hide it: of 16 samples 15 without an answer leave no other trace.
"""

import re
from collections.abc import Iterable
from typing import Literal, get_args

from selfjudge.ground.records import AnswerFormat, Prompt, Response
from selfjudge.pairs.answers import extract_answer
from selfjudge.pairs.building import join_candidates
from selfjudge.pairs.expressions import widen_format
from selfjudge.pairs.normal import fold
from selfjudge.pairs.responses import leave_thought
from selfjudge.pairs.stated import MAX_CHARACTERS, REFUSAL, first_sentence

# Who refuses speaks of itself.
SPEAKS = re.compile(
    r"\W*(?:i\b|we\b|my\b|sorry|unfortunately|apologies|as an? \w|it is not possible)"
)

SampleOutcome = Literal["parsed", "cut_off", "refused", "unparsed"]
SAMPLE_OUTCOMES: tuple[SampleOutcome, ...] = get_args(SampleOutcome)


def sample_outcome(
    response: Response, answer_format: AnswerFormat, question: str
) -> SampleOutcome:
    """Whether a response without its thought gives an answer, or why it gives none.

    It is `refused` where it has no answer and says that it cannot tell.
    """
    if response.finish_reason == "length":
        return "cut_off"
    if extract_answer(response.text, answer_format, question) is not None:
        return "parsed"
    end = fold(response.text[-MAX_CHARACTERS:])
    return "refused" if REFUSAL.search(end) else "unparsed"


def refuses_at_once(text: str) -> bool:
    """Whether a text that needs no short answer begins with saying that it cannot.

    What a person in a picture cannot be seen to do is no refusal.
    """
    sentence = first_sentence(fold(text.strip()))
    return bool(SPEAKS.match(sentence) and REFUSAL.search(sentence))


def count_samples(
    prompts: Iterable[Prompt], responses: Iterable[Response]
) -> dict[AnswerFormat, dict[SampleOutcome, int]]:
    """The samples of closed prompts by answer format and by what they come to.

    The format is the one in which they are read.  Raises ValueError where responses
    are not in the order of the prompts.
    """
    counts: dict[AnswerFormat, dict[SampleOutcome, int]] = {}
    for prompt, own, *_ in join_candidates(prompts, responses, ()):
        if prompt.answer_format is None:
            continue
        spoken = [leave_thought(response) for response in own]
        read_as = widen_format(prompt.answer_format, (r.text for r in spoken))
        by_outcome = counts.setdefault(read_as, dict.fromkeys(SAMPLE_OUTCOMES, 0))
        for response in spoken:
            by_outcome[sample_outcome(response, read_as, prompt.question)] += 1
    return {name: counts[name] for name in get_args(AnswerFormat) if name in counts}
