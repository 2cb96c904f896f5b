"""The journal: nothing is asked twice, nothing is lost, nothing is mixed up."""

import hashlib
import os
import re
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selfjudge.engines import journal_files
from selfjudge.engines.base import Engine, Refusal
from selfjudge.engines.journal import RefusedError, hash_requests, run_requests
from selfjudge.engines.journal_files import MOST_HELD, holding_sigterm
from selfjudge.engines.progress import Progress
from selfjudge.engines.replay import ReplayEngine
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.templates import user_turn

SAMPLING = Sampling(max_tokens=8, temperature=1.0)


class BatchEngine:
    """A deterministic engine that is worse than a real one.

    Its texts depend on the whole batch, not on the request alone, so that a
    resumed run which cuts its batches in another way gives itself away.
    """

    depends_on_batch = True

    def __init__(self, fails_after: int | None = None, fingerprint: str = "f") -> None:
        self.fingerprint = fingerprint
        self.num_gpus = 0
        self.waiting_seconds = 0.0
        self.fails_after = fails_after
        self.batches: list[list[str]] = []
        self.num_starts = 0

    def start(self) -> None:
        self.num_starts += 1

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        ordered = sorted(requests, key=lambda request: request.id)
        return [ordered[start : start + 3] for start in range(0, len(ordered), 3)]

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        if len(self.batches) == self.fails_after:
            raise KeyboardInterrupt
        self.batches.append([request.id for request in batch])
        self.waiting_seconds += 1.5
        whole = hashlib.sha256(repr([r.seed for r in batch]).encode()).hexdigest()[:8]
        for request in reversed(batch):
            yield Generation(
                request_id=request.id,
                text=f"{request.seed} in {whole}, é\n\u2028",
                finish_reason="stop",
                num_prompt_tokens=10,
                num_output_tokens=2,
            )

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        raise NotImplementedError


class FreeEngine(BatchEngine):
    """Its answers stand for themselves: one batch, and one answer after another.

    What ``acts`` holds for a request is called before it is answered.
    """

    depends_on_batch = False

    def __init__(self, acts: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.acts = acts or {}
        self.asked: list[str] = []
        self.num_closed = 0

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        return [list(requests)] if requests else []

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation | Refusal]:
        try:
            for request in batch:
                self.asked.append(request.id)
                refused = self.acts.get(request.id, lambda: None)()
                if refused:
                    yield Refusal(request_id=request.id, reason=refused)
                    continue
                yield Generation(
                    request_id=request.id,
                    text=f"answer {request.seed}",
                    finish_reason="stop",
                    num_prompt_tokens=10,
                    num_output_tokens=2,
                )
        finally:
            self.num_closed += 1


def make_requests(count: int, prefix: str = "r") -> list[Request]:
    return [
        Request(
            id=f"{prefix}{number:02}",
            messages=[user_turn(0, f"question {number}")],
            images=(),
            sampling=SAMPLING,
            seed=number,
        )
        for number in range(count)
    ]


def raising(error: BaseException) -> Any:
    """What raises an error when it is called."""

    def act() -> None:
        raise error

    return act


def ask(
    engine: Engine, requests: Sequence[Request], journal: Path, **settings: Any
) -> list[Generation]:
    settings.setdefault("log", lambda line: None)
    return run_requests(engine, requests, journal=journal, stage="stage", **settings)


def files_of(journal: Path) -> list[Path]:
    return sorted((journal / "f").glob("*.jsonl"))


def test_second_run_asks_nothing(tmp_path: Path) -> None:
    """What was answered once is read, in the order of the requests."""
    requests = make_requests(10)
    first = ask(BatchEngine(), requests, tmp_path)
    silent = BatchEngine(fails_after=0)
    assert ask(silent, requests, tmp_path) == first
    assert [generation.request_id for generation in first] == [r.id for r in requests]
    assert len(files_of(tmp_path)) == 1, "a run that writes nothing makes no file"


class InOrderEngine(BatchEngine):
    """Cuts its batches from the requests as they come, as vLLM's does."""

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        return [list(requests[start : start + 3]) for start in range(0, 12, 3)]


def test_requests_about_one_image_are_asked_together(tmp_path: Path) -> None:
    """Grouped by image, else in their order; the answers stay in that of the list."""
    images = [tmp_path / f"{name}.png" for name in "abc"]
    for path in images:
        path.write_bytes(path.name.encode())
    requests = [
        msgspec.structs.replace(request, images=(str(images[number % 3]),))
        for number, request in enumerate(make_requests(12))
    ]
    engine = InOrderEngine()
    generations = ask(engine, requests, tmp_path / "journal")
    numbers = [[0, 3, 6], [9, 1, 4], [7, 10, 2], [5, 8, 11]]
    assert engine.batches == [[f"r{n:02}" for n in batch] for batch in numbers]
    assert [generation.request_id for generation in generations] == [
        request.id for request in requests
    ]


@pytest.mark.parametrize("num_batches", [0, 1, 2, 3])
def test_resumed_run_equals_unbroken(tmp_path: Path, num_batches: int) -> None:
    """A run killed after any batch, resumed, repeats one batch and gives the same."""
    requests = make_requests(11)
    unbroken = ask(BatchEngine(), requests, tmp_path / "unbroken")
    killed = BatchEngine(fails_after=num_batches)
    with pytest.raises(KeyboardInterrupt):
        ask(killed, requests, tmp_path)
    resumed = BatchEngine()
    generations = ask(resumed, requests, tmp_path)
    assert msgspec.json.encode(generations) == msgspec.json.encode(unbroken)
    assert len(killed.batches) + len(resumed.batches) == 4


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(share=st.floats(0, 1))
def test_journal_cut_anywhere(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    """Wherever a crash cuts the file, the resumed run equals the unbroken one."""
    journal = tmp_path_factory.mktemp("journal")
    requests = make_requests(8)
    unbroken = ask(BatchEngine(), requests, journal)
    [path] = files_of(journal)
    path.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
    assert ask(BatchEngine(), requests, journal) == unbroken


def num_journalled(journal: Path) -> int:
    """How many answers stand in a journal."""
    return sum(path.read_bytes().count(b'"key"') for path in files_of(journal))


def test_answers_of_their_own_are_written_as_they_come(tmp_path: Path) -> None:
    """Never more than so many are in hand, though all are one batch."""
    seen = []
    requests = make_requests(200)
    look = {r.id: lambda: seen.append(num_journalled(tmp_path)) for r in requests}
    ask(FreeEngine(look), requests, tmp_path)
    assert [number - known for number, known in enumerate(seen)] == [
        number % MOST_HELD for number in range(200)
    ]
    assert num_journalled(tmp_path) == 200


def test_slow_answers_are_written_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that needs minutes for 64 answers loses half a minute of them."""
    now = [0.0]
    monkeypatch.setattr(journal_files.time, "monotonic", lambda: now[0])

    def later() -> None:
        now[0] += 7.0

    seen = []

    def look() -> None:
        later()
        seen.append(num_journalled(tmp_path))

    requests = make_requests(14)
    acts = dict.fromkeys([request.id for request in requests], look)
    ask(FreeEngine(acts), requests, tmp_path)
    # The fifth answer comes 35 seconds after the first file could be written.
    assert seen == [0] * 5 + [5] * 5 + [10] * 4


@pytest.mark.parametrize("place", [0, 1, 63, 64, 150])
def test_what_is_in_hand_when_a_run_ends_is_written(tmp_path: Path, place: int) -> None:
    """However it ends: an error, Ctrl-C, SIGTERM as a script takes it."""
    requests = make_requests(151)
    for error in (
        RuntimeError("the engine died"),
        KeyboardInterrupt(),
        SystemExit(143),
    ):
        journal = tmp_path / type(error).__name__
        engine = FreeEngine({requests[place].id: raising(error)})
        with pytest.raises(type(error)):
            ask(engine, requests, journal)
        assert engine.num_closed == 1
        resumed = FreeEngine()
        ask(resumed, requests, journal)
        assert resumed.asked == [request.id for request in requests[place:]]


def test_a_request_that_is_refused_costs_no_other(tmp_path: Path) -> None:
    """The others are answered and journalled; then it is said, each time."""
    requests = make_requests(70)
    usage, lines = Usage(), []
    engine = FreeEngine({"r03": lambda: "r03: broken", "r50": lambda: "r50: broken"})
    with pytest.raises(RefusedError, match=r"2 refusals of 70 .* the first: r03: bro"):
        ask(engine, requests, tmp_path, usage=usage, log=lines.append)
    assert len(engine.asked) == 70 and usage.num_calls == 68
    assert [line for line in lines if "no answer" in line] == [
        f"stage: no answer: {name}: broken" for name in ("r03", "r50")
    ]
    again = FreeEngine({"r03": lambda: "r03: broken"})
    with pytest.raises(RefusedError, match="1 refusals"):
        ask(again, requests, tmp_path)
    assert again.asked == ["r03", "r50"]
    mended = FreeEngine()
    assert len(ask(mended, requests, tmp_path)) == 70 and mended.asked == ["r03"]


def test_an_engine_that_refuses_everything_is_left_alone(tmp_path: Path) -> None:
    """So many refusals in a row end a run; some between answers do not."""
    requests = make_requests(60)
    acts = {request.id: lambda: "broken" for request in requests[10:]}
    engine = FreeEngine(acts)
    with pytest.raises(ValueError, match="16 refusals in a row") as caught:
        ask(engine, requests, tmp_path)
    assert not isinstance(caught.value, RefusedError)
    assert len(engine.asked) == 26 and num_journalled(tmp_path) == 10
    acts = {request.id: lambda: "broken" for request in requests[::2]}
    with pytest.raises(RefusedError, match="30 refusals"):
        ask(FreeEngine(acts), requests, tmp_path / "other")


def test_sigterm_waits_for_a_line_that_is_being_written() -> None:
    """In the block nothing happens, at its end the handler runs; it is set again."""
    happened: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda n, f: happened.append("term"))
    try:
        with holding_sigterm():
            os.kill(os.getpid(), signal.SIGTERM)
            happened.append("written")
        assert happened == ["written", "term"]
        os.kill(os.getpid(), signal.SIGTERM)
        assert happened == ["written", "term", "term"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_start_that_fails_is_paid_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time counts, and nothing is asked."""
    engine, usage = FreeEngine(), Usage()
    monkeypatch.setattr(engine, "start", raising(ValueError("out of memory")))
    with pytest.raises(ValueError, match="out of memory"):
        ask(engine, make_requests(3), tmp_path, usage=usage)
    assert usage.start_seconds > 0 and engine.asked == []


def test_unreadable_lines_are_counted(tmp_path: Path) -> None:
    """Torn lines, foreign lines and wrong bytes are passed over and logged once."""
    requests = make_requests(3)
    first = ask(BatchEngine(), requests, tmp_path)
    [path] = files_of(tmp_path)
    line = path.read_bytes()
    path.write_bytes(b'{"a": 1}\n\xff\xfe\n' + line + line[:40])
    lines: list[str] = []
    assert ask(BatchEngine(0), requests, tmp_path, log=lines.append) == first
    assert [line for line in lines if f"ignored 3 unreadable lines in {path}" in line]


def test_answers_follow_content_not_id(tmp_path: Path) -> None:
    """The same question under another id is answered from the journal, retagged."""
    first = ask(BatchEngine(), make_requests(4), tmp_path)
    again = ask(BatchEngine(fails_after=0), make_requests(4, prefix="x"), tmp_path)
    assert [generation.text for generation in again] == [g.text for g in first]
    assert [g.request_id for g in again] == ["x00", "x01", "x02", "x03"]


def test_repeated_request_is_asked_once(tmp_path: Path) -> None:
    """Requests of one run that differ in the id alone cost one call."""
    requests = [*make_requests(2, "a"), *make_requests(2, "b")]
    engine = BatchEngine()
    usage = Usage()
    generations = ask(engine, requests, tmp_path, usage=usage)
    assert engine.batches == [["a00", "a01"]]
    texts = [generation.text for generation in generations]
    assert texts[:2] == texts[2:]
    assert (usage.num_requests, usage.num_calls) == (4, 2)


def test_partly_known_batch(tmp_path: Path) -> None:
    """Of a batch that the journal knows in part, the rest is asked together."""
    requests = make_requests(6)
    ask(BatchEngine(), requests[:1], tmp_path)
    engine = BatchEngine()
    ask(engine, requests, tmp_path)
    assert engine.batches == [["r01", "r02"], ["r03", "r04", "r05"]]


def test_no_requests(tmp_path: Path) -> None:
    """An empty shard has no answers, no file and no calls."""
    assert ask(BatchEngine(fails_after=0), [], tmp_path) == []
    assert not (tmp_path / "f").exists()


def test_key_depends_on_what_determines_an_answer(tmp_path: Path) -> None:
    """Every input of an answer changes the key; the id and the path do not."""
    image, copy, other = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    image.write_bytes(b"one")
    copy.write_bytes(b"one")
    other.write_bytes(b"two")
    base = Request(
        id="r",
        messages=[user_turn(1, "How many?")],
        images=(str(image),),
        sampling=SAMPLING,
        seed=1,
    )

    def key(fingerprint: str = "f", **changes: Any) -> str:
        request = msgspec.structs.replace(base, **changes)
        return hash_requests(fingerprint, [request])[request.id]

    sampling = msgspec.structs.replace
    changed = {
        "fingerprint": key("g"),
        "template": key(messages=[user_turn(1, "How many? ")]),
        "role": key(messages=[user_turn(1, "How many?") | {"role": "system"}]),
        "image": key(images=(str(other),)),
        "no image": key(images=()),
        "max_tokens": key(sampling=sampling(SAMPLING, max_tokens=9)),
        "temperature": key(sampling=sampling(SAMPLING, temperature=0.9)),
        "top_p": key(sampling=sampling(SAMPLING, top_p=0.9)),
        "top_k": key(sampling=sampling(SAMPLING, top_k=50)),
        "seed": key(seed=2),
        "max_pixels": key(max_pixels=10**6),
    }
    assert len({*changed.values(), key()}) == len(changed) + 1
    assert key(id="s") == key(images=(str(copy),)) == key()
    image.write_bytes(b"three")
    assert key() not in {*changed.values(), key(images=(str(copy),))}


def test_missing_image_is_named(tmp_path: Path) -> None:
    """An image that is not there stops the run before any call, by name."""
    lost = msgspec.structs.replace(make_requests(1)[0], images=("lost/cat.png",))
    with pytest.raises(ValueError, match=r"r00: 'images'.*'lost/cat\.png'.*root"):
        ask(BatchEngine(fails_after=0), [lost], tmp_path)


def test_models_do_not_share_answers(tmp_path: Path) -> None:
    """Another fingerprint has its own directory and asks again."""
    requests = make_requests(3)
    ask(BatchEngine(), requests, tmp_path)
    other = BatchEngine(fingerprint="g")
    ask(other, requests, tmp_path)
    assert len(other.batches) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f", "g"]


def test_two_writers_at_once(tmp_path: Path) -> None:
    """Two runs in step write two files, and together they know everything."""
    meeting = threading.Barrier(2, timeout=10)

    class SlowEngine(BatchEngine):
        def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
            meeting.wait()
            yield from super().generate(batch)

    requests = [make_requests(9, "a"), make_requests(18, "b")[9:]]
    threads = [
        threading.Thread(target=ask, args=(SlowEngine(), part, tmp_path))
        for part in requests
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files_of(tmp_path)) == 2
    ask(BatchEngine(fails_after=0), requests[0] + requests[1], tmp_path)


def test_oldest_answer_stays(tmp_path: Path) -> None:
    """Where two files answer the same, the one written first counts, every time."""
    requests = make_requests(1)
    [answer] = ask(BatchEngine(), requests, tmp_path)
    [path] = files_of(tmp_path)
    later = path.read_text("utf-8").replace("0 in", "never")
    (path.parent / "99991231T235959-later.jsonl").write_text(later, "utf-8")
    assert ask(BatchEngine(fails_after=0), requests, tmp_path) == [answer]


def test_engine_starts_only_to_be_asked(tmp_path: Path) -> None:
    """An engine is started once, before the first batch; not for known answers."""
    requests = make_requests(7)
    engine = BatchEngine()
    ask(engine, requests, tmp_path)
    assert (engine.num_starts, len(engine.batches)) == (1, 3)
    idle = BatchEngine()
    ask(idle, requests, tmp_path)
    assert (idle.num_starts, idle.batches) == (0, [])


def test_replay(tmp_path: Path) -> None:
    """A replay repeats a run, and says how many answers it lacks and the first."""
    requests = make_requests(7)
    first = ask(BatchEngine(), requests[:4], tmp_path)
    replay = ReplayEngine("f", tmp_path)
    assert ask(replay, requests[:4], tmp_path) == first
    with pytest.raises(ValueError, match=r"'replay'.*3 requests.*first is r04"):
        ask(replay, requests, tmp_path)
    with pytest.raises(ValueError, match="7 requests"):
        replay.choice_logprobs(requests, ["A", "B"])


def test_progress_and_usage(tmp_path: Path) -> None:
    """The last line and the usage tell calls from journal, and count tokens."""
    requests = make_requests(9)
    engine = BatchEngine()
    ask(engine, requests[:3], tmp_path)
    lines: list[str] = []
    usage = Usage()
    run_requests(
        engine,
        requests,
        journal=tmp_path,
        stage="judge_pairs",
        usage=usage,
        log=lines.append,
    )
    assert re.fullmatch(
        r"judge_pairs: 9/9 records, [\d.]+ records/s, ETA 0:00:00, "
        r"3 from the journal, 12 tokens",
        lines[-1],
    )
    assert len(lines) == 1, "a quick run says so once"
    assert 0 < usage.seconds < 60
    assert 0 < usage.start_seconds < 60
    usage.seconds = usage.start_seconds = 0.0
    assert usage == Usage(
        num_requests=9,
        num_from_journal=3,
        num_calls=6,
        num_prompt_tokens=60,
        num_output_tokens=12,
        waiting_seconds=3.0,  # of two batches, not of the run before
    )


def test_usage_of_a_killed_run(tmp_path: Path) -> None:
    """What was spent before an error counts."""
    usage = Usage()
    with pytest.raises(KeyboardInterrupt):
        ask(BatchEngine(fails_after=2), make_requests(11), tmp_path, usage=usage)
    assert (usage.num_requests, usage.num_calls) == (11, 6)


def test_progress_speaks_at_most_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Time left follows from the speed of the calls alone."""
    now = 100.0
    monkeypatch.setattr("selfjudge.engines.progress.time.monotonic", lambda: now)
    lines: list[str] = []
    copies: Any = __import__("collections").Counter("abcdefghij")
    progress = Progress("stage", copies, "ab", Usage(), lines.append)
    for moment, key in zip((101, 102, 106, 107), "cdef", strict=True):
        now = float(moment)
        answer = Generation(
            request_id=key,
            text="",
            finish_reason="stop",
            num_prompt_tokens=1,
            num_output_tokens=5,
        )
        progress.add(key, answer)
    assert lines == [
        "stage: 5/10 records, 0.5 records/s, ETA 0:00:10, 2 from the journal, 15 tokens"
    ]


def test_real_model_resumes_to_the_byte(tiny_idefics3: Path, tmp_path: Path) -> None:
    """A real model, interrupted within its second batch, ends up where it would."""
    torch = pytest.importorskip("torch")
    from selfjudge.engines.transformers_engine import TransformersEngine

    torch.set_num_threads(1)
    engine = TransformersEngine(tiny_idefics3, device="cpu", batch_size=4)
    requests = make_requests(11)
    unbroken = ask(engine, requests, tmp_path / "unbroken")
    calls = 0
    generate = engine.generate

    def fail_in_second(batch: Sequence[Request]) -> Iterator[Generation]:
        nonlocal calls
        calls += 1
        for generation in generate(batch):
            yield generation
            if calls == 2:
                raise KeyboardInterrupt

    engine.generate = fail_in_second  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        ask(engine, requests, tmp_path)
    calls = 2
    resumed = ask(engine, requests, tmp_path)
    assert msgspec.json.encode(resumed) == msgspec.json.encode(unbroken)
    assert calls == 2 + 2, "three batches, of which the journal had one"
