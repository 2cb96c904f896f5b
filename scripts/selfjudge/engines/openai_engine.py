"""Models behind a server with OpenAI's interface: vLLM, SGLang, or a vendor's.

The server is somebody else's process: it may be busy, away for a while, or not
have the model at all.  What passes is waited for; what does not pass is said at
once, with what the server answered.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.stop import stop_after_delay
from tenacity.wait import wait_random_exponential

from selfjudge.engines.checkpoints import code_hash, hash_directory
from selfjudge.engines.conversations import count_common
from selfjudge.engines.openai_bodies import (
    ServerError,
    find_defuse,
    read_prompt,
    read_reply,
    reply_to_refused,
    write_body,
)
from selfjudge.engines.sections import OpenAISettings
from selfjudge.ground.requests import Generation, Request, show_messages

# The code between a request and what the server is asked.
ANSWERING = (
    "engines.openai_engine",
    "engines.openai_bodies",
    "engines.special_tokens",
    "ground.images",
)
BATCH_ROUNDS = 8  # a batch holds so many times the requests that are under way
PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
LONGEST_WAIT = 30.0  # seconds between two tries


class OpenAIEngine:
    """A model that a running server has, under the name ``model``.

    A folder of ours is asked for under its path, as `vllm serve FOLDER` names it,
    and known to the journal by its content; any other name by the server's host
    and itself.  The key comes from the environment and goes nowhere but into the
    header of a request.
    """

    section = OpenAISettings
    num_gpus = 0  # those of the server are not this job's

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        settings: OpenAISettings | None = None,
        log: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
    ) -> None:
        self.settings = settings or OpenAISettings()
        self.url = httpx2.URL(self.settings.base_url.rstrip("/") + "/")
        if self.url.userinfo:
            raise ServerError(
                "'engine.openai.base_url' must hold no password (got one). Hint: "
                f"keys come from the environment, here {self.settings.api_key_env}."
            )
        self.model = model
        self.log = log
        self.key = read_key(self.settings.api_key_env)
        self.path = Path(model) if Path(model).is_dir() else None
        name = f"{self.url.host}--{model.replace('/', '--')}"
        if revision:
            name += f"@{revision}"
        if self.path:
            name = hash_directory(self.path)
        safe = re.sub(r"[^\w.@-]", "_", name)
        self.fingerprint = f"{safe}-openai-{code_hash(ANSWERING)}"
        self._is_known = False

    @cached_property
    def defuse(self) -> Callable[[str], str]:
        """What breaks up a special token that a text spells out."""
        return find_defuse(self.path)

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """The requests in their order, cut so that the server stays busy.

        Order matters: what shares a prompt or an image and is asked close together
        may find it in the server's caches.
        """
        size = BATCH_ROUNDS * self.settings.max_concurrency
        return [
            list(requests[start : start + size])
            for start in range(0, len(requests), size)
        ]

    def show(self, request: Request) -> str:
        """The request's messages: no template is known."""
        return show_messages(request)

    def start(self) -> None:
        """Nothing: the server runs already."""

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        """One generation for each request of the batch, in the batch's order.

        Raises ServerError where the server refuses a request, or is away for
        longer than ``patience_seconds``.
        """
        replies = asyncio.run(self._post_all([(request, None) for request in batch]))
        for request, reply in zip(batch, replies, strict=True):
            yield read_reply(request, reply)

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """For each request its id and the log-probability of each choice.

        Needs a server that tells the logprobs of a prompt (vLLM does).  Scored
        from the first token that any choice changes, as elsewhere.
        """
        endings = ("", *choices)
        asked = [(request, ending) for request in requests for ending in endings]
        replies = asyncio.run(self._post_all(asked))
        for place, request in enumerate(requests):
            start = place * len(endings)
            rows = [
                read_prompt(request, reply)
                for reply in replies[start : start + len(endings)]
            ]
            ids = [[token for token, _ in row] for row in rows]
            first = min(count_common(ids[0], row) for row in ids[1:])
            yield (
                request.id,
                [sum(logprob for _, logprob in row[first:]) for row in rows[1:]],
            )

    async def _post_all(
        self, asked: Sequence[tuple[Request, str | None]]
    ) -> list[dict[str, Any]]:
        """The server's replies, so many at a time; the first failure ends all."""
        places = asyncio.Semaphore(self.settings.max_concurrency)
        async with self._client() as client:
            if not self._is_known:
                await self._find_model(client)
                self._is_known = True

            async def post(request: Request, ending: str | None) -> dict[str, Any]:
                async with places:
                    # Not before: the images of a batch would all be in memory.
                    body = write_body(
                        request, ending, self.model, self.settings, self.defuse
                    )
                    what = f"request {request.id}"
                    return await self._call(
                        client, "POST", "chat/completions", what, body
                    )

            failures: list[BaseException] = []
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(post(*one)) for one in asked]
            except* (ValueError, OSError) as failed:
                # Python 3.11 wraps in a group what is raised in here.
                failures += failed.exceptions
            if failures:
                raise failures[0]
        return [task.result() for task in tasks]

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A client with the key in its header; proxies as the environment says."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        async with httpx2.AsyncClient(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(self.settings.timeout_seconds, connect=10.0),
            limits=httpx2.Limits(max_connections=self.settings.max_concurrency),
        ) as client:
            yield client

    async def _find_model(self, client: httpx2.AsyncClient) -> None:
        """Raise ServerError unless the server has the model."""
        listing = await self._call(client, "GET", "models", "the list of models")
        names = [str(entry.get("id")) for entry in listing.get("data", [])]
        if self.model not in names:
            few = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            raise ServerError(
                f"{self.url}: must serve the model '{self.model}' "
                f"(got {few or 'none'}). Hint: `vllm serve` has --served-model-name; a "
                "trained judge needs a server of its own"
            )

    async def _call(
        self,
        client: httpx2.AsyncClient,
        method: str,
        place: str,
        what: str,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The server's reply, tried again while what goes wrong may pass."""
        patience = self.settings.patience_seconds
        retrying = AsyncRetrying(
            retry=retry_if_exception(is_passing),
            wait=wait_as_told,
            stop=stop_after_delay(patience),
            before_sleep=lambda state: self._tell_of(state, what),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    reply = await client.request(method, place, json=body)
                    reply.raise_for_status()
                    decoded = msgspec.json.decode(reply.content)
                    if "choices" not in decoded and "data" not in decoded:
                        # Some servers report a failure with status 200.
                        raise ServerError(self._explain(reply, what))
                    return dict(decoded)
        except httpx2.HTTPStatusError as error:
            told, status = (
                self._explain(error.response, what),
                error.response.status_code,
            )
            if status == 400 and (made := reply_to_refused(error.response.text)):
                self.log(told)
                return made
            raise ServerError(told) from None
        except (httpx2.TransportError, msgspec.DecodeError) as error:
            raise ServerError(
                f"{self.url}: must answer within {patience:g} s ({what}: "
                f"{type(error).__name__}: {self._redact(str(error))}). Hint: is the "
                "server running? 'engine.openai.patience_seconds' waits longer"
            ) from None
        raise AssertionError("tenacity raises or returns")

    def _tell_of(self, state: RetryCallState, what: str) -> None:
        """Log a try that failed and will be made again; not each of many at once."""
        failure = state.outcome.exception() if state.outcome else None
        if state.attempt_number in (1, 3, 10) or state.attempt_number % 30 == 0:
            told = f"{type(failure).__name__}: {self._redact(str(failure))}"
            self.log(
                f"{what}: try {state.attempt_number} failed ({told}), trying again"
            )

    def _explain(self, reply: httpx2.Response, what: str) -> str:
        """Why the server refused, in one line that holds no key."""
        said = self._redact(" ".join(reply.text.split()))[:300]
        hints = {
            401: f"export a valid key as {self.settings.api_key_env}",
            403: f"the key in {self.settings.api_key_env} may not do this",
            404: "is 'engine.openai.base_url' right, up to /v1?",
        }
        answered = f"the server answered {reply.status_code} ({said})"
        hint = hints.get(reply.status_code)
        return f"{self.url}: {what}: {answered}" + (f". Hint: {hint}" if hint else "")

    def _redact(self, text: str) -> str:
        """The text without the key, should a server repeat it."""
        return text.replace(self.key, "[key]") if self.key else text


def read_key(name: str) -> str:
    """The key in an environment variable; "" if there is none.

    Raises ServerError, without the key, if it cannot stand in a header: the
    libraries below would show it in their error.
    """
    key = os.environ.get(name, "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise ServerError(
            f"{name}: must hold a key of ASCII letters, digits and signs (got other "
            "characters, or blanks in it)"
        )
    return key


def is_passing(error: BaseException) -> bool:
    """Whether a failure may be gone at the next try."""
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code in PASSING
    return isinstance(error, httpx2.TransportError | msgspec.DecodeError)


def wait_as_told(state: RetryCallState) -> float:
    """Seconds until the next try: what the server asked for, else more each time."""
    failure = state.outcome.exception() if state.outcome else None
    if isinstance(failure, httpx2.HTTPStatusError):
        told = failure.response.headers.get("retry-after", "")
        if told.replace(".", "", 1).isdigit():
            return min(float(told), LONGEST_WAIT)
    return float(wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)(state))
