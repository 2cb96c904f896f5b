"""The one call by which a script asks a model everything it wants to know."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from selfjudge.engines import open_engine
from selfjudge.engines.base import Engine, EngineSettings
from selfjudge.engines.journal import RefusedError, run_requests
from selfjudge.engines.weighing import WeighingEngine
from selfjudge.ground.ledgers import Usage, append_ledger, ledger_from
from selfjudge.ground.requests import Generation, Request

Answered = list[tuple[Generation, Request]]


def answer_requests(
    parts: Sequence[Sequence[Request]],
    *,
    stage: str,
    model: str,
    revision: str | None,
    engine: EngineSettings,
    journal: Path,
    ledger: Path | None,
) -> Iterator[Answered]:
    """Of each part every request with its generation, in the order of the requests.

    The model is loaded once for all parts; a part is cut into batches by itself, so
    that its texts do not depend on the others.  Answers come from the journal where
    it has them; parts without requests open no model.  What the run cost is appended
    to ``ledger``, if it is asked for, also where an error ends it.  A part with
    requests that the engine refused ends the stage, but first the parts after it are
    asked: their answers are in the journal when it is called again.
    """
    asked = Model(model=model, revision=revision, engine=engine, journal=journal)
    yield from asked.answer(parts, stage=stage, ledger=ledger)


class Model:
    """A model that is loaded when it is first asked, and then answers all stages."""

    def __init__(
        self,
        *,
        model: str,
        revision: str | None,
        engine: EngineSettings,
        journal: Path,
    ) -> None:
        self.model = model
        self.revision = revision
        self.settings = engine
        self.journal = journal
        self._opened: Engine | None = None

    def answer(
        self,
        parts: Sequence[Sequence[Request]],
        *,
        stage: str,
        ledger: Path | None,
        choices: Sequence[str] = (),
    ) -> Iterator[Answered]:
        """As `answer_requests`, for one stage; opening counts to the first.

        Where there are ``choices``, their log-probabilities are asked for instead of
        a text: `WeighingEngine` says how they are told.
        """
        if not any(parts):
            yield from ([] for _ in parts)
            return
        started, clock = datetime.now(UTC), time.monotonic()
        usage, fingerprint, finished = Usage(), self.model, False
        try:
            try:
                opened = self._open()
                if choices:
                    opened = WeighingEngine(opened, choices)
                usage.num_gpus, fingerprint = opened.num_gpus, opened.fingerprint
            finally:
                usage.start_seconds = time.monotonic() - clock
            shown = [[self._shown(request) for request in part] for part in parts]
            # An engine may start with the first part, and must be ready for all.
            opened.plan_batches([request for part in shown for request in part])
            refused: RefusedError | None = None
            for requests in shown:
                try:
                    answers = run_requests(
                        opened, requests, journal=self.journal, stage=stage, usage=usage
                    )
                except RefusedError as error:
                    refused = refused or error
                    continue
                if refused is None:
                    yield list(zip(answers, requests, strict=True))
            if refused:
                raise refused
            finished = True
        finally:
            if ledger:
                line = ledger_from(
                    usage,
                    stage=stage,
                    engine=self.settings.name,
                    model=fingerprint,
                    started=started.isoformat(timespec="seconds"),
                    finished=finished,
                )
                append_ledger(ledger, line)

    def show(self, request: Request) -> str:
        """The request as the model reads it."""
        return self._open().show(request)

    def _open(self) -> Engine:
        """The engine with the model in it."""
        if self._opened is None:
            self._opened = open_engine(
                self.settings, self.model, self.revision, journal=self.journal
            )
        return self._opened

    def _shown(self, request: Request) -> Request:
        """The request with images as large as the config shows them."""
        limit = self.settings.max_pixels_shown
        return msgspec.structs.replace(request, max_pixels=limit)
