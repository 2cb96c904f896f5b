"""The one call by which a script asks a model everything it wants to know."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from selfjudge.engines import open_engine
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.journal import run_requests
from selfjudge.records import Generation, Request


def answer_requests(
    requests: Sequence[Request],
    *,
    stage: str,
    model: str,
    revision: str | None,
    engine: EngineSettings,
    journal: Path,
) -> Iterator[tuple[Generation, Request]]:
    """Each request with its generation, in the order of the requests.

    Answers come from the journal where it has them; a shard without requests
    opens no model.
    """
    if not requests:
        return
    opened = open_engine(engine, model, revision, journal=journal)
    answers = run_requests(opened, requests, journal=journal, stage=stage)
    yield from zip(answers.generations, requests, strict=True)
