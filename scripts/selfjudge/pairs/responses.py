"""What the base model is asked for, and the records that its answers become."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from selfjudge.ground.lines import content_id
from selfjudge.ground.records import CATEGORIES, Altered, Category, Prompt, Response
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.templates import fill, image_paths, load_template, user_turn
from selfjudge.ground.thoughts import strip_thought
from selfjudge.pairs.alterations import draw_category

R = TypeVar("R", Response, Altered)


def leave_thought(record: R) -> R:
    """The record with what its model said alone; cut off if it never came to that.

    A thought is no part of a response: neither the judge nor a rewrite may see it.
    """
    spoken = strip_thought(record.text)
    if spoken == record.text:
        return record
    if spoken is None:
        return msgspec.structs.replace(record, finish_reason="length")
    return msgspec.structs.replace(record, text=spoken.strip())


def response_requests(
    prompt: Prompt,
    template: str,
    num_samples: int,
    sampling: Sampling,
    image_root: Path,
    run_seed: int,
) -> Iterator[Request]:
    """One request for each sample of a prompt; the id is ``prompt_id/sample``."""
    text = fill(template, question=prompt.question)
    for sample in range(num_samples):
        yield Request(
            id=f"{prompt.id}/{sample}",
            messages=[user_turn(len(prompt.images), text)],
            images=image_paths(prompt.images, image_root),
            sampling=sampling,
            seed=seed_for(run_seed, "response", prompt.id, sample),
        )


def response_from(generation: Generation, request: Request) -> Response:
    """The response that a generation to a `response_requests` request is."""
    prompt_id, sample = request.id.split("/")
    text = generation.text.strip()
    return Response(
        id=content_id(prompt_id, int(sample), request.seed, text),
        prompt_id=prompt_id,
        sample=int(sample),
        seed=request.seed,
        text=text,
        finish_reason=generation.finish_reason,
    )


def load_templates(paths: Sequence[Path], *fields: str) -> dict[Category, str]:
    """The templates of several categories of error, by category.

    Raises ValueError if a file is not named after a category.
    """
    templates: dict[Category, str] = {}
    for path in paths:
        category = next((name for name in CATEGORIES if name == path.stem), None)
        if category is None:
            names = ", ".join(CATEGORIES)
            raise ValueError(f"{path}: must be named after one of {names}")
        templates[category] = load_template(path, *fields)
    return templates


def alteration_requests(
    prompts: Mapping[str, Prompt],
    responses: Iterable[Response],
    templates: Mapping[Category, str],
    sampling: Sampling,
    image_root: Path,
    run_seed: int,
) -> Iterator[Request]:
    """One request for each whole response to one of the prompts, in their order.

    Of a response that was cut off nothing is asked: it cannot be a chosen one.
    The category of error is drawn by seed among those that fit; the id is
    ``prompt_id/response_id/category``.
    """
    categories = list(templates)
    for response in map(leave_thought, responses):
        prompt = prompts.get(response.prompt_id)
        if prompt is None or response.finish_reason == "length":
            continue
        draw = seed_for(run_seed, "category", response.id)
        category = draw_category(response.text, categories, draw)
        text = fill(
            templates[category], question=prompt.question, response=response.text
        )
        yield Request(
            id=f"{prompt.id}/{response.id}/{category}",
            messages=[user_turn(len(prompt.images), text)],
            images=image_paths(prompt.images, image_root),
            sampling=sampling,
            seed=seed_for(run_seed, "alteration", response.id, category),
        )


def altered_from(generation: Generation, request: Request) -> Altered:
    """The altered response that a generation to such a request is."""
    prompt_id, response_id, category = request.id.split("/")
    assert category in CATEGORIES
    text = generation.text.strip()
    return Altered(
        id=content_id(response_id, category, request.seed, text),
        response_id=response_id,
        prompt_id=prompt_id,
        category=category,
        seed=request.seed,
        text=text,
        finish_reason=generation.finish_reason,
    )
