"""A judge over HTTP: two responses in, which is better out.

`POST /compare` takes ``{"images": [data URI, ...], "question", "responses": [two]}``
and answers as `use_judge compare` does, with version and fingerprint; `GET /health`
says whose answers these are.  A text without a verdict is no failure: see `judges`.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from selfjudge.use.comparing import Match
from selfjudge.use.judges import Judge
from selfjudge.use.pictures import read_data_uri
from selfjudge.use.rows import RowError, check_responses, text_of, texts_of

MOST_BYTES = 64 << 20  # of a request's body
MOST_IMAGES = 16  # of a request: few bytes can hold many pixels


def make_app(judge: Judge, images: Path, most_bytes: int = MOST_BYTES) -> Starlette:
    """The application; ``images`` is a folder for pictures that come with requests."""

    async def compare(request: Request) -> Response:
        with tempfile.TemporaryDirectory(dir=images) as own:
            try:
                match = await read_match(request, Path(own), most_bytes)
            except RowError as error:
                status = 413 if error.detail == TOO_LARGE else 400
                return reply({"error": str(error), "reason": error.reason}, status)
            try:
                (told,) = await asyncio.to_thread(judge.compare, [match])
            except ValueError as error:  # the engine is away, or refused
                return reply({"error": str(error), "reason": "no_engine"}, 503)
        return reply({**msgspec.to_builtins(told), **judge.identity})

    async def health(request: Request) -> Response:
        return reply({**judge.identity, "trust": judge.trust.explain()})

    return Starlette(
        routes=[
            Route("/compare", compare, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ]
    )


TOO_LARGE = "the body is too large"


async def read_match(request: Request, images: Path, most_bytes: int) -> Match:
    """What a request asks about; RowError says why it is nothing to ask about."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise RowError("bad_field", TOO_LARGE)
    try:
        fields = msgspec.json.decode(bytes(body), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RowError("not_json", str(error)) from None
    return await asyncio.to_thread(match_from, fields, images)


def match_from(fields: Mapping[str, Any], images: Path) -> Match:
    """The match that a request's fields make, its images written down."""
    question = text_of(fields, "question")
    responses = texts_of(fields, "responses", "response")
    named = texts_of(fields, "images", "image")
    if not named:
        raise RowError("no_image")
    if len(named) > MOST_IMAGES:
        raise RowError(
            "bad_field", f"'images' must be at most {MOST_IMAGES} (got {len(named)})"
        )
    if not question.strip():
        raise RowError("empty_question")
    check_responses("compare", responses, None)
    paths = tuple(read_data_uri(uri, images) for uri in named)
    return Match(paths, question, *responses)


def reply(content: dict[str, Any], status: int = 200) -> Response:
    """A JSON response."""
    return Response(
        msgspec.json.encode(content), status_code=status, media_type="application/json"
    )
