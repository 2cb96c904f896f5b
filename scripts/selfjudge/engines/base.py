"""What a stage may ask of a model, whoever runs it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from selfjudge.records import Generation, Request


class Engine(Protocol):
    """A model that answers requests.

    ``fingerprint`` names the exact weights and files that determine an answer;
    two engines with the same fingerprint answer alike.
    """

    fingerprint: str

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """The requests, each exactly once, cut into the units that `generate` takes.

        The plan depends on the requests alone, so a resumed stage cuts alike.
        """
        ...

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        """One generation for each request of the batch, in any order.

        No special token is ever part of a text.
        """
        ...

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """For each request its id and the log-probability of each choice.

        The last message must be an assistant turn; a choice is the text that
        continues it, and its log-probability (natural log) is the sum over its
        tokens.  Probabilities over the choices alone are their softmax.
        """
        ...
