"""The one call by which a script asks a model everything it wants to know."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from selfjudge.engines import open_engine
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.journal import run_requests
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
    to ``ledger``, if it is asked for, also where an error ends it.
    """
    if not any(parts):
        yield from ([] for _ in parts)
        return
    started, clock = datetime.now(UTC), time.monotonic()
    opened = open_engine(engine, model, revision, journal=journal)
    usage = Usage(num_gpus=opened.num_gpus, start_seconds=time.monotonic() - clock)
    finished = False
    try:
        for part in parts:
            requests = [
                msgspec.structs.replace(one, max_pixels=engine.max_pixels_shown)
                for one in part
            ]
            answers = run_requests(
                opened, requests, journal=journal, stage=stage, usage=usage
            )
            yield list(zip(answers, requests, strict=True))
        finished = True
    finally:
        if ledger:
            line = ledger_from(
                usage,
                stage=stage,
                engine=engine.name,
                model=opened.fingerprint,
                started=started.isoformat(timespec="seconds"),
                finished=finished,
            )
            append_ledger(ledger, line)
