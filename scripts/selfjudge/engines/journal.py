"""The memory of a model: every answer is written down, and looked up before asking.

The journal is nobody's output: a killed stage finds its answers there, and so does
another stage that asks the same.  A lost journal costs time, never correctness.
`journal_files` says how it lies on disk.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from selfjudge.engines.base import Engine, Refusal
from selfjudge.engines.journal_files import Answer, Journal
from selfjudge.engines.progress import Log, Progress, log_to_stderr
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import file_sha256
from selfjudge.ground.requests import Generation, Request

# Refusals without an answer between them, after which no more is asked: an engine
# that has fallen over is not asked a hundred thousand times.
MOST_REFUSALS_IN_A_ROW = 16


class RefusedError(ValueError):
    """All requests were asked, and the engine could not answer some of them."""


def answer_from(generation: Generation, key: str) -> Answer:
    """A generation without its request's id, which is not what determines it."""
    return Answer(
        key=key,
        text=generation.text,
        finish_reason=generation.finish_reason,
        num_prompt_tokens=generation.num_prompt_tokens,
        num_output_tokens=generation.num_output_tokens,
        last_choice=generation.last_choice,
    )


def generation_from(answer: Answer, request_id: str) -> Generation:
    """The answer as given to this request."""
    return Generation(
        request_id=request_id,
        text=answer.text,
        finish_reason=answer.finish_reason,
        num_prompt_tokens=answer.num_prompt_tokens,
        num_output_tokens=answer.num_output_tokens,
        last_choice=answer.last_choice,
    )


def hash_requests(fingerprint: str, requests: Sequence[Request]) -> dict[str, str]:
    """The journal key of each request, by request id.

    A sha256 over everything that determines an answer: the model, the messages,
    the bytes of every image and its limit, the sampling and the seed.  Each image
    file is read once.  Raises ValueError where one cannot be.
    """
    images: dict[str, str] = {}
    keys: dict[str, str] = {}
    for request in requests:
        for path in request.images:
            if path not in images:
                images[path] = hash_image(path, request.id)
        content = (
            fingerprint,
            request.messages,
            [images[path] for path in request.images],
            request.sampling,
            request.seed,
            request.max_pixels,
        )
        text = msgspec.json.encode(content, order="sorted")
        keys[request.id] = hashlib.sha256(text).hexdigest()
    return keys


def hash_image(path: str, request_id: str) -> str:
    """The hex sha256 of an image's bytes; ValueError names who asked for it."""
    try:
        return file_sha256(path)
    except OSError as error:
        raise ValueError(
            f"request {request_id}: 'images' must be readable files "
            f"(got '{path}': {error.strerror}); is the image root right?"
        ) from error


def run_requests(
    engine: Engine,
    requests: Sequence[Request],
    *,
    journal: Path,
    stage: str,
    usage: Usage | None = None,
    log: Log = log_to_stderr,
) -> list[Generation]:
    """The generations of all requests, in their order; from the journal if known.

    The batches are laid out from the whole list *before* the journal is asked.
    Where answers depend on them each is journalled whole: a resumed run computes
    the same batches as one that was never interrupted, and repeats at most the one
    in flight.  Requests that differ in their id alone are asked once.  Ids must be
    unique.

    ``journal`` is the directory of all models; ``stage`` names this run in the
    log; what it costs is added to ``usage``, also where an error ends it.  Raises
    ValueError where an image cannot be read, RefusedError once all is asked and
    journalled if the engine refused some requests.
    """
    keys = hash_requests(engine.fingerprint, requests)
    assert len(keys) == len(requests), "request ids must be unique"
    firsts: dict[str, Request] = {}
    for request in requests:
        firsts.setdefault(keys[request.id], request)
    plan = engine.plan_batches(group_by_image(firsts.values()))

    model_journal = Journal(journal / engine.fingerprint, stage=stage, log=log)
    answers = model_journal.read(firsts)
    usage = usage or Usage()
    waited_before = engine.waiting_seconds or 0.0
    if len(answers) < len(firsts):
        start(engine, usage)
    progress = Progress(stage, Counter(keys.values()), answers, usage, log)
    refusals = Refusals(stage, log)
    try:
        for batch in plan:
            missing = [request for request in batch if keys[request.id] not in answers]
            if missing:
                told = ask(engine, missing, keys, model_journal, progress, refusals)
                answers.update((answer.key, answer) for answer in told)
    finally:
        model_journal.close()
        progress.end()
        if engine.waiting_seconds is not None:
            waited = engine.waiting_seconds - waited_before
            usage.waiting_seconds = (usage.waiting_seconds or 0.0) + waited
    refusals.check(len(firsts))
    return [
        generation_from(answers[keys[request.id]], request.id) for request in requests
    ]


def group_by_image(requests: Iterable[Request]) -> list[Request]:
    """The requests in their order, but those about the same images together.

    An engine that keeps what it has computed of an image and of the text after it
    finds it again only while it is fresh: prompts are in the order of their ids,
    in which several questions about one image lie far apart.
    """
    groups: dict[tuple[str, ...], list[Request]] = {}
    for request in requests:
        groups.setdefault(request.images, []).append(request)
    return list(chain.from_iterable(groups.values()))


def start(engine: Engine, usage: Usage) -> None:
    """Start an engine; what that took counts also where it fails."""
    clock = time.monotonic()
    try:
        engine.start()
    finally:
        usage.start_seconds += time.monotonic() - clock


class Refusals:
    """The requests of a run that its engine could not answer."""

    def __init__(self, stage: str, log: Log) -> None:
        self.stage = stage
        self.log = log
        self.all: list[Refusal] = []
        self.num_in_a_row = 0

    def add(self, refusal: Refusal) -> None:
        """Note and log one; ValueError if the engine refuses whatever it is asked."""
        self.all.append(refusal)
        self.num_in_a_row += 1
        self.log(f"{self.stage}: no answer: {refusal.reason}")
        if self.num_in_a_row == MOST_REFUSALS_IN_A_ROW:
            raise ValueError(
                f"{self.stage}: the engine must answer (got {self.num_in_a_row} "
                f"refusals in a row, the last: {refusal.reason}). Hint: what was "
                "answered is in the journal; the same command goes on from there"
            )

    def check(self, num_requests: int) -> None:
        """Raise RefusedError if there were any; for when all else is answered."""
        if self.all:
            raise RefusedError(
                f"{self.stage}: every request must have an answer (got "
                f"{len(self.all)} refusals of {num_requests} requests, the first: "
                f"{self.all[0].reason}). Hint: all others are in the journal; mend "
                "or take out what was refused, and the same command asks only that"
            )


def ask(
    engine: Engine,
    batch: list[Request],
    keys: dict[str, str],
    journal: Journal,
    progress: Progress,
    refusals: Refusals,
) -> list[Answer]:
    """The model's answers to one batch, in the batch's order, journalled.

    Each is counted as it comes, and where it stands for itself journalled: a batch
    may take hours.
    """
    answers: dict[str, Answer] = {}
    num_refused = len(refusals.all)
    said = engine.generate(batch)
    try:
        for one in said:
            if isinstance(one, Refusal):
                refusals.add(one)
                continue
            refusals.num_in_a_row = 0
            key = keys[one.request_id]
            answer = answers[one.request_id] = answer_from(one, key)
            if not engine.depends_on_batch:
                journal.add(answer)
            progress.add(key, one)
    finally:
        # Now, not when somebody collects it: what it still asks is given up.
        if isinstance(said, Generator):
            said.close()
    assert len(answers) + len(refusals.all) - num_refused == len(batch)
    told = [answers[request.id] for request in batch if request.id in answers]
    if engine.depends_on_batch and told:
        journal.append(told)
    return told
