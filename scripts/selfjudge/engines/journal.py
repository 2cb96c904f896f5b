"""The memory of a model: every answer is written down, and looked up before asking.

A journal is a directory ``journal/{model fingerprint}/`` of append-only JSON
Lines files, one for each process that ever wrote, all read at the start.  A line
holds the answers to one batch, so that a batch is there whole or not at all,
whenever its writer was killed; an index beside each file tells which line holds
what.  The journal is nobody's output: a killed stage
finds its answers there, and so does another stage that asks the same.  A lost
journal costs time, never correctness.
"""

import hashlib
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from selfjudge.engines.base import Engine
from selfjudge.engines.journal_index import encode_entry, index_path, lines_with
from selfjudge.engines.progress import Log, Progress, log_to_stderr
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import file_sha256
from selfjudge.ground.records import FinishReason, Record
from selfjudge.ground.requests import Generation, Request


class Answer(Record, frozen=True, kw_only=True):
    """What a model said, as the journal keeps it: under what determines it."""

    key: str
    text: str
    finish_reason: FinishReason
    num_prompt_tokens: int
    num_output_tokens: int


def answer_from(generation: Generation, key: str) -> Answer:
    """A generation without its request's id, which is not what determines it."""
    return Answer(
        key=key,
        text=generation.text,
        finish_reason=generation.finish_reason,
        num_prompt_tokens=generation.num_prompt_tokens,
        num_output_tokens=generation.num_output_tokens,
    )


def generation_from(answer: Answer, request_id: str) -> Generation:
    """The answer as given to this request."""
    return Generation(
        request_id=request_id,
        text=answer.text,
        finish_reason=answer.finish_reason,
        num_prompt_tokens=answer.num_prompt_tokens,
        num_output_tokens=answer.num_output_tokens,
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


class Journal:
    """The answers of one model on disk, shared by all stages and processes.

    ``directory`` is that of the model's fingerprint; it need not exist.
    ``stage`` is part of the name of the file that this process writes.
    """

    def __init__(
        self, directory: Path, *, stage: str, log: Log = log_to_stderr
    ) -> None:
        self.directory = directory
        self.stage = stage
        self.log = log
        # Of the file that this process writes, once it has written anything.
        self._path: Path | None = None
        self._descriptor = self._index = -1
        self._size = 0

    def read(self, keys: Collection[str]) -> dict[str, Answer]:
        """The answers known for the keys; where there are several, the oldest.

        Lines that cannot be read are counted, logged and passed over: the last
        line of a killed writer is one, and so may be a living writer's.
        """
        decode = msgspec.json.Decoder(list[Answer]).decode
        found: dict[str, Answer] = {}
        for path in sorted(self.directory.glob("*.jsonl")):
            num_unreadable = 0
            for line in lines_with(path, keys):
                try:
                    batch = decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    num_unreadable += 1
                    continue
                for answer in batch:
                    if answer.key in keys:
                        found.setdefault(answer.key, answer)
            if num_unreadable:
                lines = "line" if num_unreadable == 1 else "lines"
                self.log(
                    f"{self.stage}: ignored {num_unreadable} unreadable {lines} in "
                    f"{path} (cut short by a crash, or just being written)"
                )
        return found

    def append(self, batch: Sequence[Answer]) -> None:
        """Write a batch down as one line; on return it is on the disk."""
        if self._path is None:
            self._path = self._new_path()
            self._descriptor = open_to_append(self._path)
            self._index = open_to_append(index_path(self._path))
        line = msgspec.json.encode(batch) + b"\n"
        write_whole(self._descriptor, line)
        os.fsync(self._descriptor)
        # After the line itself: an index may be behind, never ahead.
        self._size += len(line)
        keys = [answer.key for answer in batch]
        write_whole(self._index, encode_entry(self._size, keys))

    def close(self) -> None:
        """Close the files of this process, if it ever wrote any."""
        if self._path is not None:
            os.close(self._descriptor)
            os.close(self._index)
            self._path = None

    def _new_path(self) -> Path:
        """The path of a new file that no other process writes.

        The time comes first in its name: files sort by age, so a later answer
        never displaces the one that was used before.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        writer = f"{self.stage}-{socket.gethostname()}-{os.getpid()}"
        return self.directory / f"{moment}-{writer}-{secrets.token_hex(4)}.jsonl"


def open_to_append(path: Path) -> int:
    """The descriptor of a new file; FileExistsError if there is one already."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)


def write_whole(descriptor: int, content: bytes) -> None:
    """Write all bytes, in as many calls as it takes."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


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

    The batches are laid out from the whole list *before* the journal is asked,
    and each is journalled whole: a resumed run computes the same batches as one
    that was never interrupted, and repeats at most the one in flight.  Requests
    that differ in their id alone are asked once.  Ids must be unique.

    ``journal`` is the directory of all models; ``stage`` names this run in the
    log; what it costs is added to ``usage``, also where an error ends it.  Raises
    ValueError where an image cannot be read.
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
    if len(answers) < len(firsts):
        clock = time.monotonic()
        engine.start()
        usage.start_seconds += time.monotonic() - clock
    progress = Progress(stage, Counter(keys.values()), answers, usage, log)
    try:
        for batch in plan:
            missing = [request for request in batch if keys[request.id] not in answers]
            if missing:
                fresh = ask(engine, missing, keys, progress)
                model_journal.append(fresh)
                answers.update((answer.key, answer) for answer in fresh)
    finally:
        model_journal.close()
        progress.end()
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


def ask(
    engine: Engine, batch: list[Request], keys: dict[str, str], progress: Progress
) -> list[Answer]:
    """The model's answers to one batch, in the batch's order.

    Each is counted as it comes: a batch may take minutes.
    """
    answers: dict[str, Answer] = {}
    for generation in engine.generate(batch):
        key = keys[generation.request_id]
        answers[generation.request_id] = answer_from(generation, key)
        progress.add(key, generation)
    assert answers.keys() == {request.id for request in batch}
    return [answers[request.id] for request in batch]
