"""Which response to one prompt is better, known by construction.

A closed prompt gives a response with the majority answer against a random
other one (arXiv 2512.05145, Figure 1); an open prompt gives the response
against its altered version.  What gives no pair is dropped with a reason.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from selfjudge.ground.lines import content_id, dropped
from selfjudge.ground.records import (
    Altered,
    AnswerFormat,
    Check,
    Origin,
    Pair,
    Prompt,
    Response,
    Settings,
)
from selfjudge.ground.seeds import random_for
from selfjudge.pairs.alterations import (
    AlterationBounds,
    AlterationReason,
    check_alteration,
)
from selfjudge.pairs.answers import (
    VoteReason,
    extract_answer,
    majority_answer,
    may_agree,
    normalise_gold,
)
from selfjudge.pairs.checks import bare_rewrite, margin_of
from selfjudge.pairs.expressions import widen_format
from selfjudge.pairs.filters import Filter

PairReason = (
    VoteReason
    | AlterationReason
    | Literal[
        "no_response",
        "truncated_response",
        "no_gold_answer",
        "no_correct_response",
        "no_wrong_response",
        "no_alteration",
        "truncated_alteration",
        "not_likelier",
    ]
)


class PairSettings(Settings, frozen=True, kw_only=True):
    """How pairs are built: least votes of a majority answer, bounds of a rewrite.

    ``check_margin``: by how much likelier the model must hold it that the image shows
    what the response says where it was altered than what the rewrite says there, as
    `checks.margin_of` has it; None: rewrites are not checked.  ``phrases``: which are
    wrong; exact: all that are not the right one, loose: none that may agree with it.
    """

    majority_threshold: int
    alteration_bounds: AlterationBounds
    check_margin: float | None = None
    phrases: Literal["loose", "exact"] = "loose"


class Built(NamedTuple):
    """Either a pair, or a dropped record (as written) with its reason."""

    pair: Pair | None
    dropped: dict[str, Any] | None


def drop(record: Prompt | Altered | Pair, reason: PairReason) -> Built:
    """A record that gives no pair, with the reason."""
    return Built(None, dropped(record, reason))


def pair_by_answer(
    prompt: Prompt,
    responses: list[Response],
    spec: Filter,
    settings: PairSettings,
    seed: int,
) -> Built:
    """A closed prompt's pair: a response with the right answer against another.

    Right is the majority answer, or the gold answer if the filter labels so.
    A response that was cut off has no answer, and one whose phrase may agree with the
    right one is neither.
    The draws depend on the prompt alone, so that filters which agree on the
    right answer build the same pair.
    """
    answer_format = read_format(prompt, responses, spec)
    parsed = [
        (response, answer)
        for response in responses
        if response.finish_reason != "length"
        and (answer := extract_answer(response.text, answer_format, prompt.question))
        is not None
    ]
    votes = Counter(answer for _, answer in parsed)
    reason: PairReason | None
    right, reason = right_answer(
        prompt, answer_format, responses, votes, spec, settings
    )
    agreeing = [response for response, answer in parsed if answer == right]
    if not reason and not agreeing:
        reason = "no_correct_response"
    if reason:
        return drop(prompt, reason)
    assert right is not None
    others = [(response, answer) for response, answer in parsed if answer != right]
    if answer_format == "phrase" and settings.phrases == "loose":
        others = [one for one in others if not may_agree(right, one[1])]
    if not others:
        return drop(prompt, "no_wrong_response")
    chosen = random_for(seed, "chosen", prompt.id).choice(agreeing)
    rejected, wrong = random_for(seed, "rejected", prompt.id).choice(others)
    origin: Origin = "gold_answer" if spec.label == "gold" else "majority_answer"
    pair = make_pair(prompt, chosen, rejected, origin)
    return Built(
        msgspec.structs.replace(
            pair, num_votes=votes[right], num_votes_rejected=votes[wrong]
        ),
        None,
    )


def read_format(
    prompt: Prompt, responses: Iterable[Response], spec: Filter
) -> AnswerFormat:
    """The format in which responses to a closed prompt are read.

    The gold answer has a part in it only where it labels.
    """
    assert prompt.answer_format is not None
    texts = [response.text for response in responses]
    if spec.label == "gold" and prompt.answer is not None:
        texts.append(prompt.answer)
    return widen_format(prompt.answer_format, texts)


def right_answer(
    prompt: Prompt,
    answer_format: AnswerFormat,
    responses: list[Response],
    votes: Counter[str],
    spec: Filter,
    settings: PairSettings,
) -> tuple[str | None, PairReason | None]:
    """The answer that the filter holds right, or None and why there is none."""
    if not responses:
        return None, "no_response"
    if are_truncated(responses):
        return None, "truncated_response"
    if not votes:
        return None, "no_parsed_response"
    if spec.label == "majority":
        return majority_answer(votes, settings.majority_threshold)
    if prompt.answer is None:
        return None, "no_gold_answer"
    return normalise_gold(prompt.answer, answer_format, prompt.question), None


def pairs_by_alteration(
    prompt: Prompt,
    responses: list[Response],
    altered: list[Altered],
    settings: PairSettings,
    checks: Sequence[Check] = (),
) -> Iterator[Built]:
    """An open prompt's pairs: each response against its usable rewrites.

    ``checks`` are of these rewrites; they count where the settings have a margin.
    """
    by_id = {response.id: response for response in responses}
    check_of = {check.altered_id: check for check in checks}
    if not responses:
        yield drop(prompt, "no_response")
    elif not altered and are_truncated(responses):
        yield drop(prompt, "truncated_response")
    elif not altered:
        yield drop(prompt, "no_alteration")
    for rewrite in altered:
        response = by_id.get(rewrite.response_id)
        if response is None:
            raise ValueError(
                f"altered {rewrite.id}: 'response_id' must be a response to prompt "
                f"{prompt.id} (got {rewrite.response_id!r})"
            )
        bare = bare_rewrite(response, rewrite)
        reason = rewrite_fault(response, bare, settings.alteration_bounds)
        if not reason and settings.check_margin is not None:
            reason = shown_fault(bare, check_of.get(bare.id), settings.check_margin)
        if reason:
            yield drop(rewrite, reason)
        else:
            pair = make_pair(prompt, response, bare, "alteration")
            yield Built(msgspec.structs.replace(pair, category=rewrite.category), None)


def are_truncated(responses: list[Response]) -> bool:
    """Whether every one of the responses was cut off."""
    return all(response.finish_reason == "length" for response in responses)


def rewrite_fault(
    response: Response, rewrite: Altered, bounds: AlterationBounds
) -> PairReason | None:
    """Why a rewrite gives no pair with its response, or None if it does."""
    if response.finish_reason == "length":
        return "truncated_response"
    if rewrite.finish_reason == "length":
        return "truncated_alteration"
    return check_alteration(response.text, rewrite.text, bounds)


def shown_fault(
    rewrite: Altered, check: Check | None, margin: float
) -> PairReason | None:
    """Why a rewrite that was checked gives no pair, or None if it does.

    Raises ValueError if it was not checked.
    """
    if check is None:
        raise ValueError(
            f"altered {rewrite.id}: must have been checked, as 'pairs.check_margin' is "
            f"{margin} (got no check). Hint: check_alterations writes them."
        )
    found = margin_of(check)
    # At no margin at all, too, it must be likelier: what could not be weighed is alike.
    return None if found > 0 and found >= margin else "not_likelier"


def make_pair(
    prompt: Prompt, chosen: Response, rejected: Response | Altered, origin: Origin
) -> Pair:
    """A pair whose id depends on the texts compared, not on how it was labelled."""
    return Pair(
        id=content_id(prompt.id, chosen.text, rejected.text),
        prompt_id=prompt.id,
        chosen_response_id=chosen.id,
        rejected_response_id=rejected.id,
        images=prompt.images,
        question=prompt.question,
        kind=prompt.kind,
        chosen=chosen.text,
        rejected=rejected.text,
        origin=origin,
        category=None,
        num_votes=None,
        num_votes_rejected=None,
    )
