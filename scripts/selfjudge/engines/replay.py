"""A stage again, from its journal alone: no weights are loaded, nothing is asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from selfjudge.ground.requests import Generation, Request, show_messages


class ReplayEngine:
    """Stands in for the model of a fingerprint; whoever asks it gets ValueError.

    `run_requests` asks an engine only for what the journal does not have, so
    with this one a stage either repeats itself or says what is missing.
    """

    depends_on_batch = False
    waiting_seconds = None

    def __init__(self, fingerprint: str, journal: Path) -> None:
        self.fingerprint = fingerprint
        self.num_gpus = 0
        self.journal = journal

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """All requests in one batch, so that the error counts all that is missing."""
        return [list(requests)] if requests else []

    def show(self, request: Request) -> str:
        """The request's messages: no template is known."""
        return show_messages(request)

    def start(self) -> None:
        """Nothing: there is no model."""

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        """Raise ValueError: these requests have no answer in the journal."""
        self._refuse(batch)

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """Raise ValueError: a journal holds texts, not probabilities."""
        self._refuse(requests)

    def _refuse(self, requests: Sequence[Request]) -> NoReturn:
        raise ValueError(
            f"{self.journal / self.fingerprint}: 'replay' must find every answer "
            f"there ({len(requests)} requests have none, the first is "
            f"{requests[0].id}); set another engine to compute them"
        )
