"""Responses to synthetic pairs: what is right is known by construction.

A closed prompt gives a response with the majority answer against a random
other one (arXiv 2512.05145, Figure 1); an open prompt gives the response
against its altered version.  Every prompt that gives no pair is dropped with a
reason.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from selfjudge.ground.lines import content_id, dropped, encode, writing
from selfjudge.ground.records import Altered, Origin, Pair, Prompt, Response, Settings
from selfjudge.ground.seeds import random_for, rank_limit, seed_for
from selfjudge.pairs.alterations import AlterationBounds, check_alteration
from selfjudge.pairs.answers import extract_answer, majority_answer, normalise_gold
from selfjudge.pairs.dressings import undress
from selfjudge.pairs.filters import Filter
from selfjudge.pairs.responses import leave_thought

PairReason = Literal[
    "no_response",
    "truncated_response",
    "no_parsed_response",
    "unanimous",
    "tie",
    "below_threshold",
    "no_gold_answer",
    "no_correct_response",
    "no_wrong_response",
    "over_matched_size",
    "no_alteration",
    "truncated_alteration",
    "empty",
    "unchanged",
    "too_short",
    "too_long",
    "too_different",
    "confesses",
]


class PairSettings(Settings, frozen=True, kw_only=True):
    """How pairs are built: least votes of a majority answer, bounds of a rewrite."""

    majority_threshold: int
    alteration_bounds: AlterationBounds


class Candidates(NamedTuple):
    """A prompt with all its responses and altered responses."""

    prompt: Prompt
    responses: list[Response]
    altered: list[Altered]


class Built(NamedTuple):
    """Either a pair, or a dropped record (as written) with its reason."""

    pair: Pair | None
    dropped: dict[str, Any] | None


def drop(record: Prompt | Altered | Pair, reason: PairReason) -> Built:
    """A record that gives no pair, with the reason."""
    return Built(None, dropped(record, reason))


def join_candidates(
    prompts: Iterable[Prompt], responses: Iterable[Response], altered: Iterable[Altered]
) -> Iterator[Candidates]:
    """Each prompt with what belongs to it; all three streams are in prompt order.

    Raises ValueError where responses are out of order or of unknown prompts.
    """
    response_groups = groupby(responses, key=lambda response: response.prompt_id)
    altered_groups = groupby(altered, key=lambda rewrite: rewrite.prompt_id)
    next_responses = next(response_groups, None)
    next_altered = next(altered_groups, None)
    for prompt in prompts:
        own: list[Response] = []
        own_altered: list[Altered] = []
        if next_responses and next_responses[0] == prompt.id:
            own = list(next_responses[1])
            next_responses = next(response_groups, None)
        if next_altered and next_altered[0] == prompt.id:
            own_altered = list(next_altered[1])
            next_altered = next(altered_groups, None)
        yield Candidates(prompt, own, own_altered)
    for kind, left in (("responses", next_responses), ("altered", next_altered)):
        if left is not None:
            raise ValueError(
                f"{kind}: 'prompt_id' must be a prompt of this iteration, in the "
                f"order of the prompts (got {left[0]!r})"
            )


def build_pairs(
    candidates: Iterable[Candidates], spec: Filter, settings: PairSettings, seed: int
) -> Iterator[Built]:
    """What each closed prompt comes to, and each rewrite of an open one."""
    for prompt, whole, rewrites in candidates:
        responses = [leave_thought(response) for response in whole]
        altered = [leave_thought(rewrite) for rewrite in rewrites]
        if prompt.kind == "closed":
            yield pair_by_answer(prompt, responses, spec, settings, seed)
        else:
            yield from pairs_by_alteration(prompt, responses, altered, settings)


def pair_by_answer(
    prompt: Prompt,
    responses: list[Response],
    spec: Filter,
    settings: PairSettings,
    seed: int,
) -> Built:
    """A closed prompt's pair: a response with the right answer against another.

    Right is the majority answer, or the gold answer if the filter labels so.
    A response that was cut off has no answer.
    The draws depend on the prompt alone, so that filters which agree on the
    right answer build the same pair.
    """
    assert prompt.answer_format is not None
    parsed = [
        (response, answer)
        for response in responses
        if response.finish_reason != "length"
        and (
            answer := extract_answer(
                response.text, prompt.answer_format, prompt.question
            )
        )
        is not None
    ]
    votes = Counter(answer for _, answer in parsed)
    reason: PairReason | None
    right, reason = right_answer(prompt, responses, votes, spec, settings)
    agreeing = [response for response, answer in parsed if answer == right]
    others = [(response, answer) for response, answer in parsed if answer != right]
    if not reason and not agreeing:
        reason = "no_correct_response"
    if not reason and not others:
        reason = "no_wrong_response"
    if reason:
        return drop(prompt, reason)
    assert right is not None
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


def right_answer(
    prompt: Prompt,
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
    if prompt.answer is None or prompt.answer_format is None:
        return None, "no_gold_answer"
    return normalise_gold(prompt.answer, prompt.answer_format, prompt.question), None


def pairs_by_alteration(
    prompt: Prompt,
    responses: list[Response],
    altered: list[Altered],
    settings: PairSettings,
) -> Iterator[Built]:
    """An open prompt's pairs: each response against its usable rewrites."""
    by_id = {response.id: response for response in responses}
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
        bare = msgspec.structs.replace(
            rewrite, text=undress(response.text, rewrite.text)
        )
        reason = rewrite_fault(response, bare, settings.alteration_bounds)
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


def cut_closed(
    build: Callable[[], Iterable[Built]], size: int, seed: int
) -> Iterator[Built]:
    """What was built, with at most ``size`` closed pairs, the lowest ranks by seed.

    ``build`` is called twice: the first pass only ranks.
    """

    def rank(pair: Pair) -> int:
        return seed_for(seed, "matched", pair.id)

    ranks = (
        rank(built.pair)
        for built in build()
        if built.pair and built.pair.kind == "closed"
    )
    limit = rank_limit(ranks, size)
    for built in build():
        pair = built.pair
        if pair and pair.kind == "closed" and rank(pair) > limit:
            yield drop(pair, "over_matched_size")
        else:
            yield built


def write_built(everything: Iterable[Built], pairs: Path, dropped: Path) -> None:
    """Write pairs and dropped records.

    Raises ValueError, and writes nothing, if there is not a single pair.
    """
    num_pairs = num_closed = 0
    reasons: Counter[str] = Counter()
    with writing(pairs) as pair_file, writing(dropped) as dropped_file:
        for built in everything:
            if built.pair is not None:
                num_pairs += 1
                num_closed += built.pair.kind == "closed"
                pair_file.write(encode(built.pair))
            if built.dropped is not None:
                reasons[built.dropped["reason"]] += 1
                dropped_file.write(encode(built.dropped))
        if reasons["no_gold_answer"] and not num_closed:
            raise ValueError(
                f"{pairs}: at least one closed prompt must have an 'answer' that a "
                f"response gives (got none: {reasons['no_gold_answer']} prompts have "
                "no gold answer). Hint: leave out the filters that compare with gold "
                "answers, or add 'answer' to the prompts."
            )
        if not num_pairs:
            raise ValueError(explain_no_pair(pairs, reasons))


def explain_no_pair(pairs: Path, reasons: Counter[str]) -> str:
    """The error text for an iteration that gave nothing to judge."""
    counts = ", ".join(f"{name} {reasons[name]}" for name in sorted(reasons))
    return (
        f"{pairs}: at least one prompt must give a pair (got none; dropped: "
        f"{counts or 'nothing, there are no prompts'}). Hint: "
        "no_gold_answer: the filter needs prompts with an 'answer'; "
        "unanimous: the prompts are too easy; below_threshold or "
        "no_parsed_response: read the responses; truncated_response: raise "
        "responses.sampling.max_tokens."
    )
