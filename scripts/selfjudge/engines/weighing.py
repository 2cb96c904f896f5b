"""An engine that weighs given choices instead of writing a text.

To the journal, the log and the ledger it is an engine like any other: what it answers
is the log-probability of each choice, as JSON.
"""

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from selfjudge.engines.base import Engine, Refusal
from selfjudge.ground.requests import Generation, Request

DIGITS = 6  # of a log-probability that is kept


class WeighingEngine:
    """Answers each request by the log-probabilities of the ``choices``, in their order.

    The last message of a request must be an assistant turn, which a choice continues.
    Its fingerprint is that of ``engine`` and the choices together: the same request
    asked for a text is another question.
    """

    def __init__(self, engine: Engine, choices: Sequence[str]) -> None:
        digest = hashlib.sha256(msgspec.json.encode(choices)).hexdigest()[:8]
        self.fingerprint = f"{engine.fingerprint}-{digest}"
        self.num_gpus = engine.num_gpus
        self.depends_on_batch = engine.depends_on_batch
        self.engine = engine
        self.choices = choices

    @property
    def waiting_seconds(self) -> float | None:
        """Those of the engine behind it."""
        return self.engine.waiting_seconds

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """As the engine cuts requests for texts; it cuts finer where it must."""
        return self.engine.plan_batches(requests)

    def show(self, request: Request) -> str:
        """The request as the engine shows it."""
        return self.engine.show(request)

    def start(self) -> None:
        """Make the engine ready."""
        self.engine.start()

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """As the engine has them, of any choices."""
        return self.engine.choice_logprobs(requests, choices)

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation | Refusal]:
        """The log-probabilities of each request, in any order; no tokens are told."""
        for request_id, logprobs in self.engine.choice_logprobs(batch, self.choices):
            rounded = [round(one, DIGITS) for one in logprobs]
            yield Generation(
                request_id=request_id,
                text=msgspec.json.encode(rounded).decode(),
                finish_reason="stop",
                num_prompt_tokens=0,
                num_output_tokens=0,
            )
