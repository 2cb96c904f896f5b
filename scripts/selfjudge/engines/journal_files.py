"""The files of a journal: how answers are written so that a crash loses few.

A journal is a directory ``journal/{model fingerprint}/`` of append-only JSON
Lines files, one for each process that ever wrote, all read at the start.  An index
beside each file tells which line holds what.

What a line holds follows from the engine.  Where an answer depends on its batch, a
line is the batch, which is so there whole or not at all, whenever its writer was
killed.  Where it does not, answers are written as they come, `MOST_HELD` at a time
or after `SECONDS_HELD`, and so are those in hand when the run ends, however it
ends: SIGKILL alone loses any.
"""

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from selfjudge.engines.journal_index import encode_entry, index_path, lines_with
from selfjudge.engines.progress import Log, log_to_stderr
from selfjudge.ground.records import FinishReason, Record
from selfjudge.ground.requests import LastChoice

MOST_HELD = 64  # answers that stand for themselves, before they are written
SECONDS_HELD = 30.0


class Answer(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a model said, as the journal keeps it: under what determines it.

    Choices are no part of that: an answer that was given to a request without any
    serves one that has them, and tells no ``last_choice``.
    """

    key: str
    text: str
    finish_reason: FinishReason
    num_prompt_tokens: int
    num_output_tokens: int
    last_choice: LastChoice | None = None


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
        self._held: list[Answer] = []
        self._last_write = time.monotonic()

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

    def add(self, answer: Answer) -> None:
        """Take an answer that stands for itself; written with others, and soon."""
        self._held.append(answer)
        waited = time.monotonic() - self._last_write
        if len(self._held) >= MOST_HELD or waited >= SECONDS_HELD:
            self._write_held()

    def append(self, batch: Sequence[Answer]) -> None:
        """Write a batch down as one line; on return it is on the disk."""
        # A signal to end would else leave half a line, to which the next is added.
        with holding_sigterm():
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
            self._last_write = time.monotonic()

    def _write_held(self) -> None:
        """Write what was taken, if anything was."""
        held, self._held = self._held, []
        if held:
            self.append(held)

    def close(self) -> None:
        """Write what was taken; close the files of this process, if it wrote any."""
        self._write_held()
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


@contextmanager
def holding_sigterm() -> Iterator[None]:
    """A block that SIGTERM does not interrupt; it acts when the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal reaches it
        return
    arrived: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: arrived.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if arrived:
            signal.raise_signal(signal.SIGTERM)


def open_to_append(path: Path) -> int:
    """The descriptor of a new file; FileExistsError if there is one already."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o666)


def write_whole(descriptor: int, content: bytes) -> None:
    """Write all bytes, in as many calls as it takes."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
