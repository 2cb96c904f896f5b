"""Models behind a server with OpenAI's interface: vLLM, SGLang, or a vendor's.

The server is somebody else's process: it may be busy, away for a while, or not
have the model at all.  What passes is waited for; what does not pass is said at
once, with what the server answered.
"""

import asyncio
import base64
import io
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
from PIL import Image
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.stop import stop_after_delay
from tenacity.wait import wait_random_exponential

from selfjudge.engines.base import OpenAISettings
from selfjudge.engines.checkpoints import code_hash, hash_directory
from selfjudge.engines.conversations import count_common
from selfjudge.images import open_rgb
from selfjudge.records import Generation, Request

# The code between a request and what the server is asked.
ANSWERING = ("openai_engine.py", "special_tokens.py", "../images.py")
BATCH_ROUNDS = 8  # a batch holds so many times the requests that are under way
PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
LONGEST_WAIT = 30.0  # seconds between two tries
# What servers say of a prompt longer than the model reads.
TOO_LONG = re.compile(
    r"context_length_exceeded|maximum (?:context|model) length|longer than the maximum",
    re.IGNORECASE,
)
# What vendors say of a prompt that their filter does not let through.
UNWANTED = re.compile(
    r"content_filter|content management policy|content_?policy_?violation"
    r"|flagged as potentially violating",
    re.IGNORECASE,
)
# The answers to these: nothing, as any engine for want of room; nothing, as of a
# text that the server withheld.
NO_ROOM = {"choices": [{"message": {}, "finish_reason": "length"}]}
WITHHELD = {"choices": [{"message": {}, "finish_reason": "content_filter"}]}
# Marks of the common families, for models whose own we cannot read.
COMMON_MARKS = re.compile(
    r"<\|[^<>|\s]{1,40}\|>|</?s>|<(?:image|img|end_of_utterance|fake_token_around_image"
    r"|start_of_turn|end_of_turn|eos|bos|pad|unk)>|\[/?INST\]|\[IMG\]"
)


class ServerError(ValueError):
    """The server said no, or nothing for too long."""


class OpenAIEngine:
    """A model that a running server has, under the name ``model``.

    A folder of ours is asked for under its path, as `vllm serve FOLDER` names it,
    and known to the journal by its content; any other name by the server's host
    and itself.  The key comes from the environment and goes nowhere but into the
    header of a request.
    """

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
        if self.path is None:
            return lambda text: COMMON_MARKS.sub(
                lambda m: f"{m[0][0]} {m[0][1:]}", text
            )
        from transformers import AutoProcessor

        from selfjudge.engines.checkpoints import read_end_ids
        from selfjudge.engines.special_tokens import read_special_tokens

        processor = AutoProcessor.from_pretrained(self.path)
        return read_special_tokens(processor, read_end_ids(self.path), self.path).defuse

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

    def body_of(self, request: Request, ending: str | None) -> dict[str, Any]:
        """The request as the server wants it, for a text; with an ``ending``, for
        the logprobs of the conversation that ends with it.

        Raises ValueError where images and image parts do not match.
        """
        images = [encode_image(path) for path in request.images]
        num_parts = sum(
            part["type"] == "image"
            for turn in request.messages
            for part in turn["content"]
        )
        if num_parts != len(images):
            raise ValueError(
                f"request {request.id}: 'messages' must hold one image part for each "
                f"of its images (got {num_parts} parts, {len(images)} images)"
            )
        sampling, settings = request.sampling, self.settings
        body: dict[str, Any] = {
            "model": self.model,
            "messages": self._write_messages(request, iter(images)),
            settings.max_tokens_field: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": request.seed % 2**63,
        }
        if settings.top_k:
            body["top_k"] = sampling.top_k or -1
        elif sampling.top_k:
            raise ServerError(
                f"'sampling.top_k' must be 0 for a server that does not know it (got "
                f"{sampling.top_k}, and 'engine.openai.top_k' is false)"
            )
        if ending is not None:
            body["messages"][-1]["content"][-1]["text"] += ending
            body |= {
                "add_generation_prompt": False,
                "continue_final_message": True,
                "prompt_logprobs": 0,
                settings.max_tokens_field: 1,  # none is not allowed
                "temperature": 0.0,
            }
        return body

    def _write_messages(
        self, request: Request, images: Iterator[str]
    ) -> list[dict[str, Any]]:
        """The turns, with each image inside as a data URI."""
        return [
            {
                "role": turn["role"],
                "content": [
                    {"type": "image_url", "image_url": {"url": next(images)}}
                    if part["type"] == "image"
                    else {"type": "text", "text": self.defuse(part["text"])}
                    for part in turn["content"]
                ],
            }
            for turn in request.messages
        ]

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
                    body = self.body_of(request, ending)
                    what = f"request {request.id}"
                    return await self._call(
                        client, "POST", "chat/completions", what, body
                    )

            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(post(*one)) for one in asked]
            except* (ValueError, OSError) as failed:
                raise failed.exceptions[0] from None
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
            if error.response.status_code == 400:
                if TOO_LONG.search(error.response.text):
                    return dict(NO_ROOM)
                if UNWANTED.search(error.response.text):
                    self.log(self._explain(error.response, what))
                    return dict(WITHHELD)
            raise ServerError(self._explain(error.response, what)) from None
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


def encode_image(path: str) -> str:
    """An image file as a data URI: its own bytes, or a PNG of what we would see."""
    with Image.open(path) as stored:
        kind = {"PNG": "png", "JPEG": "jpeg"}.get(str(stored.format))
        upright = stored.getexif().get(ORIENTATION, 1) == 1
        if (
            kind
            and upright
            and stored.mode == "RGB"
            and "transparency" not in stored.info
        ):
            return as_data_uri(kind, Path(path).read_bytes())
    buffer = io.BytesIO()
    open_rgb(path).save(buffer, "PNG")
    return as_data_uri("png", buffer.getvalue())


ORIENTATION = 0x0112


def as_data_uri(kind: str, content: bytes) -> str:
    """The URI that holds an image's bytes."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def read_reply(request: Request, reply: dict[str, Any]) -> Generation:
    """The generation in a reply; a text that the server withheld is empty."""
    choice, usage = reply["choices"][0], reply.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    return Generation(
        request_id=request.id,
        text=choice["message"].get("content") or "",
        finish_reason="length" if choice.get("finish_reason") == "length" else "stop",
        num_prompt_tokens=usage.get("prompt_tokens", 0),
        num_output_tokens=usage.get("completion_tokens", 0),
        num_cached_prompt_tokens=details.get("cached_tokens"),
    )


def read_prompt(request: Request, reply: dict[str, Any]) -> list[tuple[str, float]]:
    """The token ids of a prompt with their log-probabilities; the first has none."""
    rows = reply.get("prompt_logprobs")
    if not rows:
        raise ServerError(
            f"request {request.id}: the server must tell 'prompt_logprobs' (got none); "
            "vLLM does"
        )
    return [
        (token, float(told["logprob"]))
        for row in rows[1:]
        for token, told in list((row or {}).items())[:1]
    ]
