"""Models behind a server with OpenAI's interface: vLLM, SGLang, or a vendor's.

The server is somebody else's process: it may be busy, away for a while, or not
have the model at all.  What passes is waited for; what does not pass is said at
once, with what the server answered.
"""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.stop import stop_after_delay
from tenacity.wait import wait_random_exponential

from selfjudge.engines.base import Refusal
from selfjudge.engines.checkpoints import code_hash, hash_directory
from selfjudge.engines.conversations import count_common
from selfjudge.engines.openai_bodies import (
    ClosedError,
    ServerError,
    find_defuse,
    read_prompt,
    read_reply,
    reply_to_refused,
    write_body,
)
from selfjudge.engines.sections import OpenAISettings
from selfjudge.ground.requests import Generation, Request, show_messages

T = TypeVar("T")
# The code between a request and what the server is asked.
ANSWERING = (
    "engines.openai_engine",
    "engines.openai_bodies",
    "engines.special_tokens",
    "ground.images",
)
PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
CLOSED = {401, 403, 404}  # of the key or the address, whatever is asked
RAW_SINCE = (0, 32)  # the vLLM of envs/generate.yaml; 0.10 told what cuts have left
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
    depends_on_batch = False
    waiting_seconds = None

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
        self._is_raw = False
        self._refuses_choices = False

    @cached_property
    def defuse(self) -> Callable[[str], str]:
        """What breaks up a special token that a text spells out."""
        return find_defuse(self.path)

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """All requests in one batch, in their order: the server never runs dry.

        Order matters: what shares a prompt or an image and is asked close together
        may find it in the server's caches.
        """
        return [list(requests)] if requests else []

    def show(self, request: Request) -> str:
        """The request's messages: no template is known."""
        return show_messages(request)

    def start(self) -> None:
        """Nothing: the server runs already."""

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation | Refusal]:
        """One generation for each request of the batch, as they come.

        A request that the server refuses, or does not answer for longer than
        ``patience_seconds``, has a refusal.  Choices are told of the tokens that were
        written, be they those that the text would be read in or not.  Raises
        ServerError where it would refuse any other request too: for want of the model,
        or of a key that it knows.
        """
        for place, told in self._replies([(request, None) for request in batch]):
            if isinstance(told, ServerError):
                yield Refusal(request_id=batch[place].id, reason=str(told))
            else:
                yield read_reply(batch[place], told)

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """For each request its id and the log-probability of each choice.

        Needs a server that tells the logprobs of a prompt (vLLM does).  Scored
        from the first token that any choice changes, as elsewhere.  Raises
        ServerError where a request is refused.
        """
        endings = ("", *choices)
        asked = [(request, ending) for request in requests for ending in endings]
        rows: dict[int, list[tuple[str, float]]] = {}
        for place, told in self._replies(asked):
            if isinstance(told, ServerError):
                raise told
            rows[place] = read_prompt(asked[place][0], told)
        for number, request in enumerate(requests):
            start = number * len(endings)
            own = [rows[place] for place in range(start, start + len(endings))]
            ids = [[token for token, _ in row] for row in own]
            first = min(count_common(ids[0], row) for row in ids[1:])
            yield (
                request.id,
                [sum(logprob for _, logprob in row[first:]) for row in own[1:]],
            )

    def _replies(
        self, asked: Sequence[tuple[Request, str | None]]
    ) -> Iterator[tuple[int, dict[str, Any] | ServerError]]:
        """Place and reply of each request, as they come, so many asked at a time.

        Once the server is known to refuse all of them no more are asked; those
        under way are waited for.
        """
        left = iter(enumerate(asked))
        closed: ClosedError | None = None
        posts: set[asyncio.Task[tuple[int, dict[str, Any] | ServerError]]] = set()
        with asyncio.Runner() as runner:
            client = self._make_client()
            try:
                if not self._is_known:
                    runner.run(self._find_model(client))
                    self._is_known = True
                loop = runner.get_loop()
                while True:
                    while len(posts) < self.settings.max_concurrency and not closed:
                        if (one := next(left, None)) is None:
                            break
                        posts.add(loop.create_task(self._post(client, *one)))
                    if not posts:
                        break
                    done, posts = runner.run(first_of(posts))
                    for post in done:
                        place, told = post.result()
                        if isinstance(told, ClosedError):
                            closed = told
                        else:
                            yield place, told
                if closed:
                    raise closed
            finally:
                for post in posts:
                    post.cancel()
                runner.run(client.aclose())

    async def _post(
        self,
        client: httpx2.AsyncClient,
        place: int,
        asked: tuple[Request, str | None],
    ) -> tuple[int, dict[str, Any] | ServerError]:
        """The place of a request with what the server replied, or why it did not."""
        request, ending = asked
        defuse = self.defuse  # made here, not by many threads at once
        tells = self._tells_choices(request)

        def encode() -> bytes:
            body = write_body(
                request, ending, self.model, self.settings, defuse, tells_choices=tells
            )
            return msgspec.json.encode(body)

        # By a thread: an image takes long to encode, and others wait for the loop.
        body = await asyncio.to_thread(encode)
        what = f"request {request.id}"
        try:
            return place, await self._call(
                client, "POST", "chat/completions", what, body
            )
        except ServerError as error:
            if not (tells and "logprobs" in str(error).lower()):
                return place, error
        if not self._refuses_choices:
            self._refuses_choices = True
            self.log(f"{self.url}: refuses to tell log-probabilities with a text")
        return await self._post(client, place, asked)

    def _tells_choices(self, request: Request) -> bool:
        """Whether the server is asked for the choices of a request with its text.

        vLLM tells what they were before temperature and cuts; vLLM of before, SGLang,
        and who knows which vendor, what these have left of them.
        """
        sampling = request.sampling
        is_plain = (sampling.temperature, sampling.top_p, sampling.top_k) == (1, 1, 0)
        is_told = self._is_raw or is_plain
        return bool(request.choices) and is_told and not self._refuses_choices

    def _make_client(self) -> httpx2.AsyncClient:
        """A client with the key in its header; proxies as the environment says."""
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        return httpx2.AsyncClient(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(self.settings.timeout_seconds, connect=10.0),
            limits=httpx2.Limits(max_connections=self.settings.max_concurrency),
        )

    async def _find_model(self, client: httpx2.AsyncClient) -> None:
        """Raise ServerError unless the server has the model."""
        listing = await self._call(client, "GET", "models", "the list of models")
        owners = {
            str(one.get("id")): one.get("owned_by") for one in listing.get("data", [])
        }
        names = [*owners]
        self._is_raw = owners.get(self.model) == "vllm" and await self._find_raw(client)
        if self.model not in names:
            few = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            raise ServerError(
                f"{self.url}: must serve the model '{self.model}' "
                f"(got {few or 'none'}). Hint: `vllm serve` has --served-model-name; a "
                "trained judge needs a server of its own"
            )

    async def _find_raw(self, client: httpx2.AsyncClient) -> bool:
        """Whether a server that calls itself vLLM is one of `RAW_SINCE` or later."""
        try:
            reply = await client.get(self.url.join("../version"))
            found = re.match(r"(\d+)\.(\d+)", str(reply.json()["version"]))
        except (httpx2.HTTPError, ValueError, LookupError, TypeError):
            return False
        return found is not None and (int(found[1]), int(found[2])) >= RAW_SINCE

    async def _call(
        self,
        client: httpx2.AsyncClient,
        method: str,
        place: str,
        what: str,
        body: bytes | None = None,
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
                    reply = await client.request(method, place, content=body)
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
            kind = ClosedError if status in CLOSED else ServerError
            raise kind(told) from None
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


async def first_of(
    posts: set[asyncio.Task[T]],
) -> tuple[set[asyncio.Task[T]], set[asyncio.Task[T]]]:
    """The tasks that are done, one at least, and the others."""
    return await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)


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
