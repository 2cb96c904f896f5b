"""The endpoint over real HTTP: of a scripted model, a real one, and `vllm serve`."""

import asyncio
import base64
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from examples import image_bytes
from judge_folders import (
    ROOT,
    longer,
    make_judge_folder,
    make_pictures,
    scripted,
)
from selfjudge.ground.requests import Request
from selfjudge.use.judges import Judge, UnansweredError
from selfjudge.use.pictures import FORMATS, read_data_uri
from selfjudge.use.serving import make_app
from selfjudge.use.verl_reward import compute_score
from test_openai_engine import RealServer

PICTURE = image_bytes(size=(40, 30), color="red")
URI = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"


def uri_of(kind: str) -> str:
    """A good picture in another format, as a data URI."""
    content = image_bytes(size=(64, 64), color="red", kind=kind)
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


BODY: dict[str, Any] = {
    "images": [URI],
    "question": "What is it?",
    "responses": ["A red card.", "A card."],
}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def ask(url: str, body: Any) -> tuple[int, dict[str, Any]]:
    """Status and content of the answer to a body, JSON or bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, content if content else None) as told:
            return told.status, json.loads(told.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@contextmanager
def served(judge: Judge, images: Path, **settings: Any) -> Iterator[str]:
    """The address of the application with a judge, in a thread."""
    port = free_port()
    app = make_app(judge, images, **settings)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def test_an_answer_says_whose_it_is(tmp_path: Path) -> None:
    """Both orders of one question, and nothing left of the picture."""
    judge, engine = scripted(longer)
    with served(judge, tmp_path) as url:
        status, told = ask(f"{url}/compare", BODY)
        assert (status, told["better"], told["orders_agree"]) == (200, 0, True)
        assert told["probability"] > 0.9 and len(told["judgments"]) == 2
        assert told["fingerprint"] == "scripted" and told["version"]
        assert told["asked_sha256"] == judge.asked.sha256
        assert ask(f"{url}/health", b"")[1]["fingerprint"] == "scripted"
    assert len(engine.asked) == 2 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_that_people_send_are_read(tmp_path: Path, kind: str) -> None:
    assert Path(read_data_uri(uri_of(kind), tmp_path)).is_file()


@pytest.mark.parametrize(
    "said", ["I cannot tell.", "", "Verdict: [[C]]"], ids=["refusal", "empty", "other"]
)
def test_no_text_makes_it_fail(tmp_path: Path, said: str) -> None:
    judge, _ = scripted(lambda first, second, request: said)
    with served(judge, tmp_path) as url:
        status, told = ask(f"{url}/compare", BODY)
    assert status == 200 and told["better"] is None
    assert told["reason"] == (None if said else "no_room")


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        (b"{", 400, "not_json"),
        (b"[1]", 400, "not_json"),
        ({"question": None}, 400, "bad_field"),
        ({"question": ""}, 400, "empty_question"),
        ({"responses": ["a"]}, 400, "wrong_number_of_responses"),
        ({"responses": ["a", "a"]}, 400, "equal_responses"),
        ({"images": []}, 400, "no_image"),
        ({"images": ["/etc/passwd"]}, 400, "bad_image_path"),
        ({"images": ["http://localhost/a.png"]}, 400, "bad_image_path"),
        ({"images": ["data:image/png;base64,%%%"]}, 400, "unreadable_image"),
        ({"images": ["data:image/png;base64,AAAA"]}, 400, "unreadable_image"),
        ({"images": ["data:image/png;base64,\u00e9AAA"]}, 400, "unreadable_image"),
        ({"images": ["data:image/png;base64,A"]}, 400, "unreadable_image"),
        ({"images": [uri_of("PPM")]}, 400, "unreadable_image"),
        ({"images": [uri_of("ICNS")]}, 400, "unreadable_image"),
        ({"images": [URI] * 17}, 400, "bad_field"),
        ({"responses": ["a" * 100_000, "b"]}, 413, "bad_field"),
    ],
)
def test_a_bad_request_is_told_why(
    tmp_path: Path, changes: Any, status: int, reason: str
) -> None:
    judge, engine = scripted(longer)
    body = changes if isinstance(changes, bytes) else BODY | changes
    with served(judge, tmp_path, most_bytes=50_000) as url:
        told = ask(f"{url}/compare", body)
        assert ask(f"{url}/compare", BODY)[0] == 200, "and the next is answered"
    assert (told[0], told[1]["reason"]) == (status, reason)
    assert len(engine.asked) == 2 and list(tmp_path.iterdir()) == []


def test_an_engine_that_is_away_is_no_fault_of_the_client(tmp_path: Path) -> None:
    def away(first: str, second: str, request: Request) -> str:
        raise UnansweredError("the server must answer (got nothing)")

    judge, _ = scripted(away)
    with served(judge, tmp_path) as url:
        status, told = ask(f"{url}/compare", BODY)
    assert (status, told["reason"]) == (503, "no_engine")
    assert "must answer" in told["error"]


def test_verl_scores_a_response_against_the_reference(tmp_path: Path) -> None:
    """As verl calls it: one by one, many at once; an empty one is not asked about."""
    judge, engine = scripted(longer)
    (picture,) = make_pictures(tmp_path / "pictures", 1)
    (tmp_path / "served").mkdir()
    about = {"question": "What is it?", "images": [str(picture)], "index": 3}

    async def score_all(url: str) -> list[float]:
        scores = [
            compute_score("mine", text, "A card.", extra_info=about, url=url)
            for text in ("A red card.", "Card.", "A card.", " ")
        ]
        return list(await asyncio.gather(*scores))

    with served(judge, tmp_path / "served") as url:
        better, worse, equal, empty = asyncio.run(score_all(url))
        with pytest.raises(ValueError, match="'extra_info' must have images"):
            asyncio.run(compute_score("mine", "a", "b", {"question": "q"}, url=url))
        with pytest.raises(ValueError, match="empty_response"):
            asyncio.run(compute_score("mine", "a", "", about, url=url))
    assert better > 0.9 and worse < 0.1 and (equal, empty) == (0.5, 0.0)
    assert len(engine.asked) == 4


@contextmanager
def process(*arguments: object) -> Iterator[str]:
    """The address of scripts/serve_judge.py, once it answers."""
    port = free_port()
    script = str(ROOT / "scripts/serve_judge.py")
    words = [sys.executable, script, *map(str, arguments), "--port", str(port)]
    started = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and started.poll() is None:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2)
                break
            except OSError:
                time.sleep(0.2)
        else:
            started.kill()
            pytest.fail(started.communicate()[1][-3000:])
        yield url
    finally:
        started.terminate()
        started.wait(30)


def bodies(folder: Path, number: int) -> list[dict[str, Any]]:
    """Requests about pictures of the demo's world."""
    return [
        {
            "images": [
                "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
            ],
            "question": "how many circles are there?",
            "responses": ["there are 2 circles.", f"there are {place} stars."],
        }
        for place, path in enumerate(make_pictures(folder, number))
    ]


def ask_all(url: str, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers to requests that come at once."""
    one: Callable[[Any], tuple[int, dict[str, Any]]] = lambda body: ask(url, body)  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(one, asked))
    assert [status for status, _ in told] == [200] * len(asked)
    return [content for _, content in told]


def test_the_command_serves_a_real_judge(tmp_path: Path) -> None:
    """A model in its own process; many clients at once get each their own answer."""
    judge = make_judge_folder(tmp_path / "judge")
    engine = '{"name": "transformers", "dtype": "float32", "device": "cpu"}'
    asked = bodies(tmp_path / "pictures", 4)
    with process("--judge", judge, "--engine", engine) as url:
        told = ask_all(f"{url}/compare", asked)
        again = ask_all(f"{url}/compare", asked[:1])
    assert all(0 < one["probability"] < 1 and one["reason"] is None for one in told)
    assert again == told[:1], "the same question has the same answer"


@pytest.mark.vllm
def test_the_command_stands_before_vllm_serve(tmp_path: Path) -> None:
    """The two commands of docs/use.md; texts and probabilities come over the wire."""
    pytest.importorskip("vllm", reason="needs vLLM: see requirements-vllm.txt")
    server = RealServer(tmp_path)
    make_judge_folder(tmp_path / "judge")
    (tmp_path / "judge/asking").rename(server.model / "asking")
    try:
        server.start()
        server.wait()
        address = f"http://127.0.0.1:{server.port}/v1"
        with process("--judge", server.model, "--server", address) as url:
            told = ask_all(f"{url}/compare", bodies(tmp_path / "pictures", 8))
            server.kill()
            status, away = ask(f"{url}/compare", BODY)
    finally:
        server.kill()
    assert all(0 < one["probability"] < 1 and one["reason"] is None for one in told)
    stated = [
        judgment["source"] for one in told for judgment in one["judgments"]
    ].count("stated")
    assert stated > 8, "most texts of the demo's base state a verdict"
    assert (status, away["reason"]) == (503, "no_engine")
