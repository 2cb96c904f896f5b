"""Questions about images that nobody has asked yet.

A model writes them, a format at a time; what it wrote is read, routed, and asked
with the image and with a grey picture in its place.  A question that has the same
majority answer both times is not about the image, and one without a parsed answer
gives no pair: both are dropped.  What is left is balanced over the formats.  How much
of it is dropped depends on the model; the rule is ours (the papers start from
questions that people wrote).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from selfjudge.ground.lines import content_id, dropped
from selfjudge.ground.records import (
    AnswerFormat,
    FinishReason,
    Prompt,
    Record,
    Response,
    Settings,
)
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.templates import image_paths, load_template, user_turn
from selfjudge.ground.thoughts import strip_thought
from selfjudge.pairs.answers import extract_answer, most_voted
from selfjudge.pairs.choices import OPTION_LINE
from selfjudge.pairs.expressions import widen_format
from selfjudge.pairs.pictures import ListedImage
from selfjudge.pairs.routing import route, wants_text
from selfjudge.pairs.spellings import fold_question

Wanted = Literal["open", "number", "choice", "yes_no", "phrase"]
QuestionReason = Literal[
    "truncated_question",
    "no_question",
    "long_question",
    "several_questions",
    "no_options",
    "wants_a_text",
    "duplicate_question",
    "truncated_response",
    "no_parsed_response",
    "answered_without_image",
    "over_balance",
]
MAX_CHARACTERS = 400
GREY_SIZE = (448, 448)  # pixels of the picture in an image's place
# What models put before a question: "**Question:** ", "1. ", "- ".
LEAD = re.compile(
    r"^(?:[\s*_#>\"'\u201c-]|\d{1,2}[.)]\s|Q(?:uestion)?\s*\d*\s*[:.])+", re.IGNORECASE
)
TAIL = re.compile(r"[\s*_\"'\u201d]+\Z")
REQUEST = re.compile(
    r"(?:please )?(?:describe|explain|compare|summari[sz]e|list|identify|name|count"
    r"|tell)\b",
    re.IGNORECASE,
)


class AskedQuestion(Record, frozen=True, kw_only=True):
    """What a model wrote when it was to ask for an answer of the format ``wanted``."""

    id: str
    image_id: str
    image: str
    sha256: str
    wanted: Wanted
    sample: int
    seed: int
    text: str
    finish_reason: FinishReason


class QuestionSettings(Settings, frozen=True, kw_only=True):
    """What of the config section `questions` decides which questions are kept.

    ``fixed`` are put to every image; ``per_image`` is the most of the others.
    """

    fixed: list[str]
    per_image: int


def load_asking(paths: Iterable[Path]) -> dict[Wanted, str]:
    """The templates that ask for questions, by the format that each is named after."""
    known: tuple[Wanted, ...] = get_args(Wanted)
    named = {path.stem: path for path in paths}
    if unknown := sorted(set(named) - set(known)):
        raise ValueError(f"templates must be named after {known} (got {unknown})")
    return {name: load_template(named[name]) for name in known if name in named}


class Read(NamedTuple):
    """The prompts that were read, and texts that are none, with their reasons."""

    prompts: list[Prompt]
    dropped: list[dict[str, Any]]


def question_requests(
    image: ListedImage,
    templates: Mapping[Wanted, str],
    num_samples: int,
    sampling: Sampling,
    image_root: Path,
    run_seed: int,
) -> Iterator[Request]:
    """One request for each format and sample; the id is ``image_id/format/sample``."""
    for wanted, template in templates.items():
        for sample in range(num_samples):
            yield Request(
                id=f"{image.id}/{wanted}/{sample}",
                messages=[user_turn(1, template)],
                images=image_paths((image.image,), image_root),
                sampling=sampling,
                seed=seed_for(run_seed, "question", image.id, wanted, sample),
            )


def question_from(
    generation: Generation, request: Request, images: Mapping[str, ListedImage]
) -> AskedQuestion:
    """What a generation to such a request says; ``images`` by id."""
    image_id, wanted, sample = request.id.split("/")
    image = images[image_id]
    text = generation.text.strip()
    return AskedQuestion(
        id=content_id(image_id, wanted, int(sample), text),
        image_id=image_id,
        image=image.image,
        sha256=image.sha256,
        wanted=wanted,  # type: ignore[arg-type]
        sample=int(sample),
        seed=request.seed,
        text=text,
        finish_reason=generation.finish_reason,
    )


def read_questions(
    images: Iterable[ListedImage],
    asked: Iterable[AskedQuestion],
    fixed: Sequence[str],
    source: str,
) -> Read:
    """The prompts of an image folder in id order: fixed questions, and those written.

    A question that was already put to the image is dropped.
    """
    prompts: dict[str, Prompt] = {}
    folded: set[tuple[str, str]] = set()
    out: list[dict[str, Any]] = []
    for image in images:
        for question in fixed:
            prompt = make_prompt(image.image, image.sha256, question, None, source)
            prompts[prompt.id] = prompt
            folded.add((image.sha256, fold_question(question)))
    for one in asked:
        question, reason = read_question(one)
        if reason:
            out.append(dropped(one, reason))
            continue
        key = (one.sha256, fold_question(question))
        if key in folded:
            out.append(dropped(one, "duplicate_question"))
            continue
        folded.add(key)
        prompt = make_prompt(one.image, one.sha256, question, one.wanted, source)
        prompts[prompt.id] = prompt
    return Read(sorted(prompts.values(), key=lambda one: one.id), out)


def read_question(asked: AskedQuestion) -> tuple[str, QuestionReason | None]:
    """The question that a model wrote, or why there is none.

    What stands before it is cut, and what stands after it but for its options.
    """
    text = strip_thought(asked.text)
    if text is None or asked.finish_reason == "length":
        return "", "truncated_question"
    lines = [LEAD.sub("", line) for line in text.splitlines()]
    at = next((i for i, line in enumerate(lines) if is_question(line)), None)
    if at is None:
        return "", "no_question"
    question, mark, rest = TAIL.sub("", lines[at]).partition("?")
    if "?" in rest:
        return "", "several_questions"
    is_choice = asked.wanted == "choice"
    options = dict(OPTION_LINE.findall(text)) if is_choice else {}
    if is_choice and len(options) < 2:
        return "", "no_options"
    question += mark
    for letter, option in options.items():
        question += f"\n{letter.upper()}. {TAIL.sub('', option)}"
    if len(question) > MAX_CHARACTERS:
        return "", "long_question"
    if asked.wanted != "open" and wants_text(question):
        return "", "wants_a_text"
    return question, None


def is_question(line: str) -> bool:
    """Whether a line asks, or is a request."""
    return "?" in line or REQUEST.match(line) is not None


def make_prompt(
    image: str, sha256: str, question: str, wanted: Wanted | None, source: str
) -> Prompt:
    """A question as a prompt, by the router where that knows a short answer.

    Else it is what was wanted: the model was told which answer to ask for.
    """
    kind, answer_format = route(question)
    if answer_format is None and wanted not in (None, "open"):
        kind, answer_format = "closed", wanted  # type: ignore[assignment]
    return Prompt(
        id=content_id([sha256], question),
        images=(image,),
        image_sha256s=(sha256,),
        question=question,
        kind=kind,
        answer_format=answer_format,
        answer=None,
        source=source,
    )


def without_image(prompts: Iterable[Prompt], grey: str, sha256: str) -> list[Prompt]:
    """The closed prompts with a grey picture for an image, in id order.

    A question that is put to many images is asked without them once.
    """
    blind = {
        name: Prompt(
            id=name,
            images=(grey,),
            image_sha256s=(sha256,),
            question=prompt.question,
            kind=prompt.kind,
            answer_format=prompt.answer_format,
            answer=None,
            source=prompt.source,
        )
        for prompt in prompts
        if prompt.kind == "closed"
        for name in [blind_id(prompt)]
    }
    return sorted(blind.values(), key=lambda one: one.id)


def blind_id(prompt: Prompt) -> str:
    """The id of a prompt without its image."""
    return content_id("without image", prompt.question, prompt.answer_format)


def choose_questions(
    prompts: Iterable[Prompt],
    seen: Mapping[str, Sequence[Response]],
    blind: Mapping[str, Sequence[Response]],
    settings: QuestionSettings,
) -> Read:
    """The prompts to keep, and the others with their reasons.

    ``seen`` and ``blind`` are responses with the image and without, by prompt id.
    """
    kept: list[Prompt] = []
    out: list[dict[str, Any]] = []
    for prompt in prompts:
        reason = None
        if prompt.kind == "closed":
            without = blind.get(blind_id(prompt), ())
            reason = answer_reason(prompt, seen.get(prompt.id, ()), without)
        if reason:
            out.append(dropped(prompt, reason))
        else:
            kept.append(prompt)
    balanced = balance(kept, settings)
    out += [dropped(one, "over_balance") for one in kept if one.id not in balanced]
    return Read([prompt for prompt in kept if prompt.id in balanced], out)


def answer_reason(
    prompt: Prompt, seen: Sequence[Response], blind: Sequence[Response]
) -> QuestionReason | None:
    """Why a closed prompt gives no pair that is about its image; None if it may."""
    if seen and all(one.finish_reason == "length" for one in seen):
        return "truncated_response"
    texts = whole_texts(seen), whole_texts(blind)
    votes, guesses = read_votes(prompt, texts)
    if not votes:
        return "no_parsed_response"
    answer, guessed = most_voted(votes), most_voted(guesses)
    is_guessed = answer is not None and answer == guessed
    return "answered_without_image" if is_guessed else None


def whole_texts(responses: Iterable[Response]) -> list[str]:
    """The texts of responses that were not cut off."""
    return [one.text for one in responses if one.finish_reason != "length"]


def read_votes(
    prompt: Prompt, sides: Sequence[Sequence[str]]
) -> Iterator[Counter[str]]:
    """Of each side, how many texts give which answer; those that refuse give none.

    All are read in one format, or equal answers would differ.
    """
    assert prompt.answer_format is not None
    read_as: AnswerFormat = widen_format(prompt.answer_format, chain(*sides))
    for texts in sides:
        answers = (extract_answer(text, read_as, prompt.question) for text in texts)
        yield Counter(answer for answer in answers if answer is not None)


def balance(prompts: Sequence[Prompt], settings: QuestionSettings) -> set[str]:
    """The ids of prompts to keep, such that formats are kept about equally often.

    Image by image, in the order of their digests, what is rarest so far goes first,
    up to ``per_image``.  Fixed questions are all kept, and do not count.
    """
    fixed = set(map(fold_question, settings.fixed))
    kept: set[str] = set()
    by_image: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        if fold_question(prompt.question) in fixed:
            kept.add(prompt.id)
        else:
            by_image.setdefault(prompt.image_sha256s[0], []).append(prompt)
    counts: Counter[str] = Counter()
    for _, own in sorted(by_image.items()):
        for _ in range(min(settings.per_image, len(own))):
            rarest = min(own, key=lambda one: (counts[format_of(one)], one.id))
            own.remove(rarest)
            counts[format_of(rarest)] += 1
            kept.add(rarest.id)
    return kept


def format_of(prompt: Prompt) -> str:
    """What a prompt asks for: its answer format, or "open"."""
    return prompt.answer_format or "open"


def group_responses(responses: Iterable[Response]) -> dict[str, list[Response]]:
    """Responses by their prompt."""
    grouped: dict[str, list[Response]] = {}
    for response in responses:
        grouped.setdefault(response.prompt_id, []).append(response)
    return grouped


def to_row(prompt: Prompt) -> dict[str, Any]:
    """A prompt as a row of a source, routed as it was."""
    routed = {"kind": prompt.kind, "answer_format": prompt.answer_format}
    named = {"images": prompt.images, "question": prompt.question}
    return named | routed | {"source": prompt.source}


def count_questions(
    images: Iterable[ListedImage],
    chosen: Sequence[Prompt],
    dropped_images: Iterable[str],
    dropped_questions: Iterable[str],
) -> dict[str, Any]:
    """Counts of a folder; what was dropped is given by its reasons."""
    digests = {image.sha256 for image in images}
    asked = {prompt.image_sha256s[0] for prompt in chosen}
    reasons = count_by(dropped_questions)
    return {
        "num_images": len(digests),
        "dropped_images": count_by(dropped_images),
        "num_images_without_question": len(digests - asked),
        "num_questions": len(chosen) + sum(reasons.values()),
        "num_kept": len(chosen),
        "dropped_questions": reasons,
        "answer_formats": count_by(map(format_of, chosen)),
    }


def count_by(names: Iterable[str]) -> dict[str, int]:
    """How often each name comes, in the order of the names."""
    return dict(sorted(Counter(names).items()))
