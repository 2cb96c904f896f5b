"""Whether the image shows what a rewrite changed: what is asked, and what decides.

A response may be wrong where it is altered, and a rewrite may by chance say what is
true: the pair then teaches the opposite of what it should, or nothing.  The base model
is asked about the image and the changed sentences alone, once about those of the
response and once about those of the rewrite, and tells how likely it says yes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import exp, log
from pathlib import Path

import msgspec

from selfjudge.ground.records import Altered, Check, Prompt, Response
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.shares import logistic
from selfjudge.ground.templates import (
    assistant_turn,
    fill,
    image_paths,
    load_template,
    user_turn,
)
from selfjudge.pairs.alterations import find_change
from selfjudge.pairs.dressings import undress
from selfjudge.pairs.responses import leave_thought

# What may answer such a question, in the order in which an engine is asked for the
# log-probability of each: many a model begins a word of its own with a capital.
CHOICES = ("yes", "no", "Yes", "No")
# Which text of an alteration a request is about, in the order in which both are asked.
SIDES = ("response", "rewrite")


def bare_rewrite(response: Response, rewrite: Altered) -> Altered:
    """A rewrite without thought and without what was put around it."""
    spoken = leave_thought(rewrite)
    return msgspec.structs.replace(spoken, text=undress(response.text, spoken.text))


def load_check_template(path: Path) -> str:
    """The text of a template that asks about a statement, and may name the question."""
    return load_template(path, "statement", optional=["question"])


def check_requests(
    prompts: Mapping[str, Prompt],
    responses: Iterable[Response],
    altered: Iterable[Altered],
    template: str,
    image_root: Path,
) -> Iterator[Request]:
    """Two requests for each rewrite of a response to one of the prompts, in order.

    Nothing is asked of a rewrite that has no changed place, or where one of the texts
    was cut off.  The id is ``prompt_id/altered_id/side``.  Raises ValueError where the
    response of a rewrite is not there.
    """
    own = {
        one.id: one for one in map(leave_thought, responses) if one.prompt_id in prompts
    }
    for one in altered:
        prompt = prompts.get(one.prompt_id)
        if prompt is None:
            continue
        response = own.get(one.response_id)
        if response is None:
            raise ValueError(
                f"altered {one.id}: 'response_id' must be a response to prompt "
                f"{one.prompt_id} (got {one.response_id!r})"
            )
        rewrite = bare_rewrite(response, one)
        change = find_change(response.text, rewrite.text)
        if change is None or "length" in (
            response.finish_reason,
            rewrite.finish_reason,
        ):
            continue
        for side, statement in zip(SIDES, change, strict=True):
            text = fill(template, question=prompt.question, statement=statement)
            yield Request(
                id=f"{prompt.id}/{one.id}/{side}",
                messages=[user_turn(len(prompt.images), text), assistant_turn("")],
                images=image_paths(prompt.images, image_root),
                sampling=Sampling(max_tokens=1, temperature=0.0),
                seed=0,
            )


def checks_from(answered: Iterable[tuple[Generation, Request]]) -> Iterator[Check]:
    """The checks that the answers to `check_requests`, weighed by `CHOICES`, are."""
    left = iter(answered)
    for both in zip(left, left, strict=True):
        prompt_id, altered_id, _ = both[0][1].id.split("/")
        on_response, on_rewrite = (
            in_either_case(msgspec.json.decode(generation.text, type=list[float]))
            for generation, _ in both
        )
        yield Check(
            altered_id=altered_id,
            prompt_id=prompt_id,
            response_logprobs=on_response,
            rewrite_logprobs=on_rewrite,
        )


def in_either_case(logprobs: Sequence[float]) -> tuple[float, float]:
    """The log-probabilities of yes and of no, of those of `CHOICES`."""
    assert len(logprobs) == len(CHOICES)
    yes, no = logprobs[::2], logprobs[1::2]
    return log_sum(yes), log_sum(no)


def log_sum(logprobs: Sequence[float]) -> float:
    """The logarithm of the sum of some probabilities, to the digits of its parts."""
    most = max(logprobs)
    return round(most + log(sum(exp(one - most) for one in logprobs)), 6)


def margin_of(check: Check) -> float:
    """By how much likelier the model says yes to the response than to the rewrite.

    Between -1 and 1: the difference of two probabilities, of yes and no alone.
    """
    yes, no = check.response_logprobs
    yes_altered, no_altered = check.rewrite_logprobs
    return logistic(yes - no) - logistic(yes_altered - no_altered)
