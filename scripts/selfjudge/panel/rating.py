"""What a member is asked about candidates, and the rating that its answer is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from selfjudge.ground.lines import content_id
from selfjudge.ground.records import Candidate, Prompt, Rating, Response, Settings
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.seeds import random_for, seed_for
from selfjudge.ground.templates import fill, image_paths, user_turn
from selfjudge.judging.asks import JUDGE_FIELDS
from selfjudge.pairs.responses import leave_thought
from selfjudge.panel.tournament import draw_matches

# How a rating is asked for: straight away, or with the rater's own answer before it;
# `matches` are of a judge, which compares two candidates.
Wording = Literal["plain", "informed"]
Asked = Literal["plain", "informed", "matches"]
# Each candidate alone, or all of a prompt at once (the paper's ablation).
Mode = Literal["absolute", "relative"]
NO_ANSWER = "nothing"  # what stands for an own answer that was cut off


class RatingSettings(Settings, frozen=True, kw_only=True):
    """How candidates are rated; ``num_opponents`` is of `matches` alone."""

    mode: Mode
    num_opponents: int
    sampling: Sampling


def fields_of(asked: Asked, mode: Mode) -> tuple[str, ...]:
    """The placeholders of the template by which ratings are asked for."""
    if asked == "matches":
        return JUDGE_FIELDS
    if mode == "relative":
        return ("question", "responses")
    own = ("own_answer",) if asked == "informed" else ()
    return ("question", "response", *own)


class Shown(NamedTuple):
    """Candidates that stand in one request, in the order in which they are shown."""

    id: str  # of the request
    candidates: Sequence[Candidate]
    values: dict[str, str]  # of placeholders, but the question


class RatingRequest(NamedTuple):
    """A request, and the candidates that it shows in this order."""

    request: Request
    candidates: Sequence[Candidate]


def rating_requests(
    candidates: Iterable[Candidate],
    prompts: Mapping[str, Prompt],
    template: str,
    own_answers: Mapping[str, str] | None,
    asked: Asked,
    settings: RatingSettings,
    image_root: Path,
    run_seed: int,
) -> Iterator[RatingRequest]:
    """What is asked about candidates, which stand together by their prompts.

    ``own_answers`` are the rater's, by prompt, where the template shows them.  The
    seed knows no member: what two members are asked alike is drawn alike.
    """
    for prompt_id, group in groupby(candidates, key=lambda one: one.prompt_id):
        prompt = prompts[prompt_id]
        own: dict[str, str] = {}
        if own_answers is not None:
            own["own_answer"] = own_answers.get(prompt_id) or NO_ANSWER
        for shown in show(list(group), asked, settings, run_seed):
            values = {"question": prompt.question, **own, **shown.values}
            ids = [one.id for one in shown.candidates]
            request = Request(
                id=shown.id,
                messages=[user_turn(len(prompt.images), fill(template, **values))],
                images=image_paths(prompt.images, image_root),
                sampling=settings.sampling,
                seed=seed_for(run_seed, "rating", *ids),
            )
            yield RatingRequest(request, shown.candidates)


def show(
    candidates: list[Candidate], asked: Asked, settings: RatingSettings, seed: int
) -> Iterator[Shown]:
    """How the candidates of a prompt are shown: alone, two by two, or all at once."""
    prompt_id = candidates[0].prompt_id
    if asked == "matches":
        for first, second in draw_matches(candidates, settings.num_opponents, seed):
            values = {"response_a": first.text, "response_b": second.text}
            name = f"{content_id(first.id, second.id)}/chosen_first/0"
            yield Shown(name, [first, second], values)
    elif settings.mode == "relative":
        # They come by their text: the order must tell nothing.
        random_for(seed, "shown", prompt_id).shuffle(candidates)
        numbered = enumerate((one.text for one in candidates), 1)
        text = "\n\n".join(f"Response {number}:\n{said}" for number, said in numbered)
        yield Shown(f"{prompt_id}/all/rating", candidates, {"responses": text})
    else:
        for one in candidates:
            name = f"{prompt_id}/{one.id}/rating"
            yield Shown(name, [one], {"response": one.text})


def rating_from(generation: Generation, asked: RatingRequest, member: str) -> Rating:
    """The rating that a generation to a request is."""
    ids = tuple(one.id for one in asked.candidates)
    text, seed = generation.text.strip(), asked.request.seed
    return Rating(
        id=content_id(*ids, member, seed, text),
        candidate_ids=ids,
        prompt_id=asked.candidates[0].prompt_id,
        member=member,
        seed=seed,
        text=text,
        finish_reason=generation.finish_reason,
    )


def own_answers_from(responses: Iterable[Response]) -> dict[str, str]:
    """A member's whole answers by prompt; one that was cut off is none."""
    spoken = map(leave_thought, responses)
    return {one.prompt_id: one.text for one in spoken if one.finish_reason == "stop"}
