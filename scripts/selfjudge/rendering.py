"""Records and templates to requests: what exactly a model is shown.

A template is a text file with placeholders such as ``{question}``.  Images
come first, then the rendered text, in one user turn: in a judge's template the
instruction stands before the two responses, so that engines can share the
prefix between samples and orders.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from selfjudge.records import (
    CATEGORIES,
    ORDERS,
    Altered,
    Category,
    Generation,
    Judgment,
    Order,
    Pair,
    Prompt,
    Request,
    Response,
    Sampling,
    content_id,
)
from selfjudge.seeds import seed_for

JUDGE_FIELDS = ("question", "response_a", "response_b")
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def load_template(path: str | Path, *fields: str) -> str:
    """The text of a template file that has exactly the placeholders ``fields``.

    Raises ValueError if one is missing or unknown.
    """
    template = Path(path).read_text(encoding="utf-8").rstrip("\n")
    found = set(PLACEHOLDER.findall(template))
    if found != set(fields):
        must, got = sorted(fields), sorted(found)
        raise ValueError(f"{path}: placeholders must be {must} (got {got})")
    return template


@cache
def split_template(template: str) -> tuple[str, ...]:
    """Plain text and the names of placeholders in turn; begins and ends with text."""
    return tuple(PLACEHOLDER.split(template))


def fill(template: str, **values: str) -> str:
    """The template with its placeholders replaced, all at once.

    A value that contains a placeholder's name or braces stays as it is.
    """
    parts = list(split_template(template))
    parts[1::2] = [values[name] for name in parts[1::2]]
    return "".join(parts)


def user_turn(num_images: int, text: str) -> dict[str, Any]:
    """One chat turn of the user: the images, then the text."""
    images: list[dict[str, str]] = [{"type": "image"} for _ in range(num_images)]
    return {"role": "user", "content": [*images, {"type": "text", "text": text}]}


def assistant_turn(text: str) -> dict[str, Any]:
    """One chat turn of the assistant."""
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def image_paths(images: tuple[str, ...], image_root: Path) -> tuple[str, ...]:
    """Readable paths of images named below the image root."""
    return tuple(str(image_root / name) for name in images)


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
    """One request for each response to one of the prompts, in their order.

    The category of error is drawn by seed; the id is
    ``prompt_id/response_id/category``.
    """
    categories = list(templates)
    for response in responses:
        prompt = prompts.get(response.prompt_id)
        if prompt is None:
            continue
        draw = seed_for(run_seed, "category", response.id)
        category = categories[draw % len(categories)]
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
    )


def judge_text(pair: Pair, order: Order, template: str) -> str:
    """What the judge reads about a pair, the responses in the given order."""
    first, second = pair.chosen, pair.rejected
    if order == "rejected_first":
        first, second = second, first
    return fill(template, question=pair.question, response_a=first, response_b=second)


def judgment_requests(
    pair: Pair,
    template: str,
    num_samples: int,
    sampling: Sampling,
    image_root: Path,
    run_seed: int,
) -> Iterator[Request]:
    """Both orders of a pair, ``num_samples`` each; the id is ``pair/order/sample``.

    The seed depends on neither iteration nor filter: the judge differs anyway,
    and what filters share at iteration 1 is answered from the journal.
    """
    for order in ORDERS:
        for sample in range(num_samples):
            yield judgment_request(
                pair, order, sample, template, sampling, image_root, run_seed
            )


def judgment_request(
    pair: Pair,
    order: Order,
    sample: int,
    template: str,
    sampling: Sampling,
    image_root: Path,
    run_seed: int,
) -> Request:
    """One sample of a pair in one order; the id is ``pair/order/sample``."""
    return Request(
        id=f"{pair.id}/{order}/{sample}",
        messages=[user_turn(len(pair.images), judge_text(pair, order, template))],
        images=image_paths(pair.images, image_root),
        sampling=sampling,
        seed=seed_for(run_seed, "judgment", pair.id, order, sample),
    )


def judgment_from(generation: Generation, request: Request) -> Judgment:
    """The judgment that a generation to a `judgment_requests` request is."""
    pair_id, order, sample = request.id.split("/")
    assert order in ORDERS
    return Judgment(
        id=content_id(pair_id, order, int(sample), request.seed, generation.text),
        pair_id=pair_id,
        order=order,
        sample=int(sample),
        seed=request.seed,
        text=generation.text,
        finish_reason=generation.finish_reason,
    )
