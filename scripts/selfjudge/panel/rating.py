"""What a member is asked about a candidate, and the rating that its answer is."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from selfjudge.ground.lines import content_id
from selfjudge.ground.records import Candidate, Prompt, Rating, Response
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.templates import fill, image_paths, user_turn
from selfjudge.pairs.responses import leave_thought

# How a rating is asked for: straight away, or with the rater's own answer before it.
Wording = Literal["plain", "informed"]
PLAIN_FIELDS = ("question", "response")
INFORMED_FIELDS = (*PLAIN_FIELDS, "own_answer")
NO_ANSWER = "nothing"  # what stands for an own answer that was cut off


def fields_of(wording: Wording) -> tuple[str, ...]:
    """The placeholders of a wording's template."""
    return INFORMED_FIELDS if wording == "informed" else PLAIN_FIELDS


def rating_requests(
    candidates: Iterable[Candidate],
    prompts: Mapping[str, Prompt],
    template: str,
    own_answers: Mapping[str, str] | None,
    sampling: Sampling,
    image_root: Path,
    run_seed: int,
) -> Iterator[Request]:
    """One request for each candidate; the id is ``prompt_id/candidate_id/rating``.

    ``own_answers`` are the rater's, by prompt, where the template shows them.  The
    seed knows no member: what two members are asked alike is drawn alike.
    """
    for candidate in candidates:
        prompt = prompts[candidate.prompt_id]
        values = {"question": prompt.question, "response": candidate.text}
        if own_answers is not None:
            values["own_answer"] = own_answers.get(prompt.id) or NO_ANSWER
        yield Request(
            id=f"{prompt.id}/{candidate.id}/rating",
            messages=[user_turn(len(prompt.images), fill(template, **values))],
            images=image_paths(prompt.images, image_root),
            sampling=sampling,
            seed=seed_for(run_seed, "rating", candidate.id),
        )


def rating_from(generation: Generation, request: Request, member: str) -> Rating:
    """The rating that a generation to a `rating_requests` request is."""
    prompt_id, candidate_id, _ = request.id.split("/")
    text = generation.text.strip()
    return Rating(
        id=content_id(candidate_id, member, request.seed, text),
        candidate_id=candidate_id,
        prompt_id=prompt_id,
        member=member,
        seed=request.seed,
        text=text,
        finish_reason=generation.finish_reason,
    )


def own_answers_from(responses: Iterable[Response]) -> dict[str, str]:
    """A member's whole answers by prompt; one that was cut off is none."""
    spoken = map(leave_thought, responses)
    return {one.prompt_id: one.text for one in spoken if one.finish_reason == "stop"}
