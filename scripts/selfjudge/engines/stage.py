"""The one call by which a script asks a model everything it wants to know."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from selfjudge.engines import open_engine
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.journal import RefusedError, run_requests
from selfjudge.ground.ledgers import Usage, append_ledger, ledger_from
from selfjudge.ground.requests import Generation, Request


def answer_requests(
    parts: Sequence[Sequence[Request]],
    *,
    stage: str,
    model: str,
    revision: str | None,
    engine: EngineSettings,
    journal: Path,
    ledger: Path | None,
) -> Iterator[list[tuple[Generation, Request]]]:
    """Of each part every request with its generation, in the order of the requests.

    The model is loaded once for all parts; a part is cut into batches by itself, so
    that its texts do not depend on the others.  Answers come from the journal where
    it has them; parts without requests open no model.  What the run cost is appended
    to ``ledger``, if it is asked for, also where an error ends it.  A part with
    requests that the engine refused ends the stage, but first the parts after it are
    asked: their answers are in the journal when it is called again.
    """
    if not any(parts):
        yield from ([] for _ in parts)
        return
    started, clock = datetime.now(UTC), time.monotonic()
    usage, fingerprint, finished = Usage(), model, False
    try:
        try:
            opened = open_engine(engine, model, revision, journal=journal)
            usage.num_gpus, fingerprint = opened.num_gpus, opened.fingerprint
        finally:
            usage.start_seconds = time.monotonic() - clock
        refused: RefusedError | None = None
        for requests in parts:
            try:
                answers = run_requests(
                    opened, requests, journal=journal, stage=stage, usage=usage
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
                engine=engine.name,
                model=fingerprint,
                started=started.isoformat(timespec="seconds"),
                finished=finished,
            )
            append_ledger(ledger, line)
