"""The vllm engine: against the transformers engine, and where there is no vLLM.

Tests with vLLM in them run by the environment of requirements-vllm.txt, and share
one engine: it takes a quarter of a minute to start.
"""

import json
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from PIL import Image

from judge_folders import compare_told, judging_requests
from selfjudge.engines import EngineSettings, open_engine, vllm_engine
from selfjudge.engines.conversations import Conversations
from selfjudge.engines.journal import RefusedError, run_requests
from selfjudge.engines.sections import VLLMSettings
from selfjudge.engines.vllm_dialects import (
    Dialect10,
    Dialect32,
    dialect_of,
    installed_version,
)
from selfjudge.engines.vllm_engine import VLLMEngine, find_adapter
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.templates import assistant_turn, fill, load_template, user_turn

DEMO = Path(__file__).parents[1] / "demo"
BASE = DEMO / "base"
GREEDY = Sampling(max_tokens=48, temperature=0.0)
SAMPLED = Sampling(max_tokens=48, temperature=1.0)
HOT = Sampling(max_tokens=48, temperature=2.0)  # the most that vLLM takes
PAPER = Sampling(max_tokens=48, temperature=0.6, top_p=0.9, top_k=50)
NUM_PROMPTS = 64

needs_vllm = pytest.mark.skipif(
    not installed_version(),
    reason="vLLM is not installed here: make .venv-vllm, .venv-vllm/bin/pytest -m vllm",
)


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> list[Request]:
    """Greedy requests about as many pictures of shapes, half of them open."""
    from world import OPEN_QUESTIONS, ask_any, render, sample_scene

    folder = tmp_path_factory.mktemp("world")
    made = []
    for number in range(NUM_PROMPTS):
        rng = Random(number)
        scene = sample_scene(rng)
        path = folder / f"{number}.png"
        Image.fromarray(render(scene, rng)).save(path)
        kind, question = "open", OPEN_QUESTIONS[number // 2 % 2]
        if number % 2:
            families = ("count_kind", "at", "where", "relation", "choice")
            kind, question = "closed", ask_any(scene, families, rng).text
        template = load_template(DEMO / f"templates/respond_{kind}.txt", "question")
        turn = user_turn(1, fill(template, question=question))
        made.append(
            Request(
                id=f"p{number:02}/0",
                messages=[turn],
                images=(str(path),),
                sampling=GREEDY,
                seed=number,
            )
        )
    return made


def changed(requests: Sequence[Request], **changes: Any) -> list[Request]:
    return [msgspec.structs.replace(request, **changes) for request in requests]


def resampled(request: Request, count: int, sampling: Sampling) -> list[Request]:
    """A request again and again, under other seeds."""
    return [
        msgspec.structs.replace(
            request, id=f"{request.id[:-1]}{n}", sampling=sampling, seed=2**62 + n
        )
        for n in range(count)
    ]


def answer(engine: Any, requests: Sequence[Request]) -> dict[str, Generation]:
    return {
        generation.request_id: generation
        for batch in engine.plan_batches(requests)
        for generation in engine.generate(batch)
    }


@pytest.fixture(scope="module")
def vllm() -> VLLMEngine:
    settings = EngineSettings(
        name="vllm", dtype="float32", device="cpu", vllm={"max_num_seqs": 16}
    )
    engine = open_engine(settings, str(BASE), None, journal=Path("unused"))
    assert isinstance(engine, VLLMEngine)
    engine.most_images = 2  # as some test asks; it starts with the first one
    return engine


@pytest.fixture(scope="module")
def reference() -> Any:
    settings = EngineSettings(name="transformers", dtype="float32", device="cpu")
    return open_engine(settings, str(BASE), None, journal=Path("unused"))


@pytest.fixture(scope="module")
def apart() -> Iterator[VLLMEngine]:
    """An engine in a process of its own, as on GPUs."""
    settings = EngineSettings(
        name="vllm", dtype="float32", device="cpu", vllm={"max_num_seqs": 16}
    )
    engine: Any = open_engine(settings, str(BASE), None, journal=Path("unused"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
        engine.most_images = 1
        engine.start()
    yield engine
    engine.llm.llm_engine.engine_core.shutdown()


def about(request: Request, name: str, text: str, image: str) -> Request:
    """A request with another text about a copy of its image, which is a new one."""
    path = shutil.copy(request.images[0], Path(request.images[0]).with_name(image))
    turn = user_turn(1, text)
    return msgspec.structs.replace(
        request, id=name, messages=[turn], images=(str(path),)
    )


TOO_LONG = "Is it a star? " * 84  # fits without the image's tokens


@needs_vllm
@pytest.mark.vllm
class TestApart:
    """Where the engine has a process of its own, images are sent to it once."""

    def test_a_prompt_without_room_leaves_nothing_behind(
        self, apart: VLLMEngine, vllm: VLLMEngine, requests: list[Request]
    ) -> None:
        """What is asked about its image afterwards is answered, with no second try."""
        long = about(requests[0], "long", TOO_LONG, "left.png")
        short = about(requests[0], "short", "Is it a star?", "left.png")
        tries = spied(apart)
        found = answer(apart, [long, short, requests[1]])
        assert (found["long"].text, found["long"].finish_reason) == ("", "length")
        expected = answer(vllm, [short, requests[1]])
        assert {key: found[key].text for key in expected} == texts(expected)
        assert found["short"].num_output_tokens > 0
        assert tries == ["long", "short", requests[1].id]

    def test_what_vllm_has_lost_is_asked_once_more(
        self,
        apart: VLLMEngine,
        vllm: VLLMEngine,
        requests: list[Request],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A request that vLLM ends with an error is no answer, and then has its own."""
        monkeypatch.setattr(apart.dialect, "forget", lambda llm, prompt: None)
        long = about(requests[2], "long", TOO_LONG, "lost.png")
        short = about(requests[2], "short", "Is it a star?", "lost.png")
        tries = spied(apart)
        found = answer(apart, [long, short, requests[3]])
        assert tries == ["long", "short", requests[3].id, "short"]
        expected = answer(vllm, [short, requests[3]])
        assert {key: found[key].text for key in expected} == texts(expected)

    def test_pixels_of_one_image_are_sent_once(
        self, apart: VLLMEngine, requests: list[Request]
    ) -> None:
        """Sixteen samples of a prompt, and another prompt about the same image."""
        first = about(requests[4], "first/0", "How many stars?", "once.png")
        other = about(requests[4], "other/0", "Is it a star?", "once.png")
        asked = [*resampled(first, 16, SAMPLED), *resampled(other, 16, SAMPLED)]
        sent: list[bool] = []
        add = apart.llm.llm_engine.add_request

        def spy(name: str, prompt: Any, *args: Any, **settings: Any) -> None:
            sent.extend(item is not None for item in prompt["mm_kwargs"]["image"])
            add(name, prompt, *args, **settings)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(apart.llm.llm_engine, "add_request", spy)
            found = answer(apart, asked)
        assert sent == [True] + [False] * 31
        assert len(found) == 32 and all(one.num_output_tokens for one in found.values())

    def test_waiting_for_prompts_is_counted(
        self, apart: VLLMEngine, requests: list[Request]
    ) -> None:
        """Time in which vLLM could have run more, of the first prompt at least."""
        read = apart.dialect.read_prompt

        def slow(llm: Any, prompt: dict[str, Any]) -> Any:
            time.sleep(0.3)
            return read(llm, prompt)

        before, clock = apart.waiting_seconds, time.monotonic()
        assert before is not None and apart.waiting_seconds is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(apart.dialect, "read_prompt", slow)
            answer(apart, requests[:4])
        waited = apart.waiting_seconds - before
        assert 0.3 <= waited <= time.monotonic() - clock


def spied(engine: VLLMEngine) -> list[str]:
    """The ids of what vLLM is asked from now on, in order."""
    tries: list[str] = []
    prompts = type(engine)._prompts

    def spy(requests: Sequence[Request], *args: Any, **settings: Any) -> Any:
        for request, prompt in prompts(engine, requests, *args, **settings):
            tries.append(request.id)
            yield request, prompt

    engine._prompts = spy  # type: ignore[method-assign]
    return tries


@needs_vllm
@pytest.mark.vllm
class TestWithVLLM:
    def test_greedy_texts_equal_those_of_transformers(
        self, vllm: VLLMEngine, reference: Any, requests: list[Request]
    ) -> None:
        """64 prompts of both kinds: same texts, lengths and ends."""
        ours, theirs = answer(vllm, requests), answer(reference, requests)
        cached = {"num_cached_prompt_tokens": None}
        assert {
            key: msgspec.structs.replace(one, **cached) for key, one in ours.items()
        } == theirs
        assert len(theirs) == NUM_PROMPTS
        assert len({one.text for one in theirs.values()}) > NUM_PROMPTS / 4

    @pytest.mark.parametrize(
        ("said", "choices"),
        [
            ("Verdict: [[", ["A", "B"]),  # one more token each
            ("Verdict: [[", ["A", "B", "C", "D"]),
            ("Verdict: [[", ["A]]", "B, I think", ""]),  # several, or none
        ],
    )
    def test_choice_logprobs_equal_those_of_transformers(
        self,
        vllm: VLLMEngine,
        reference: Any,
        requests: list[Request],
        said: str,
        choices: list[str],
    ) -> None:
        """By the quick way and by the slow one."""
        judged = [
            msgspec.structs.replace(one, messages=[*one.messages, assistant_turn(said)])
            for one in requests[:16]
        ]
        theirs = dict(reference.choice_logprobs(judged, choices))
        ours = dict(vllm.choice_logprobs(judged, choices))
        assert bool(vllm._next_ids(judged[0], choices)) == (len(choices) != 3)
        assert ours.keys() == theirs.keys()
        for key, logprobs in theirs.items():
            assert ours[key] == pytest.approx(logprobs, abs=1e-3)
        assert len({tuple(row) for row in ours.values()}) == len(judged)

    @pytest.mark.parametrize("sampling", [GREEDY, SAMPLED, PAPER])
    def test_a_verdict_is_told_with_its_text(
        self, vllm: VLLMEngine, reference: Any, tmp_path: Path, sampling: Sampling
    ) -> None:
        """The raw numbers that the other engine gives when it is asked after it; of
        nearly all judgments, whose words are seldom cut otherwise."""
        requests = judging_requests(tmp_path, 16, sampling=sampling)
        num_stated, num_told, difference = compare_told(vllm, requests, reference)
        assert num_stated >= num_told > 0.9 * num_stated > 20
        assert difference < 1e-3
        plain = changed(requests, choices=())
        assert texts(answer(vllm, plain)) == texts(answer(vllm, requests))

    def test_likeliest_tokens_are_not_enough(
        self,
        vllm: VLLMEngine,
        requests: list[Request],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What 0.10.2 leaves out of its likeliest tokens is asked for the slow way."""
        judged = [
            msgspec.structs.replace(
                one, messages=[*one.messages, assistant_turn("Verdict: [[")]
            )
            for one in requests[:6]
        ]
        expected = dict(vllm.choice_logprobs(judged, ["A", "star"]))
        old = Dialect10()
        monkeypatch.setattr(vllm.dialect, "choice_arguments", old.choice_arguments)
        slow: list[str] = []
        score = vllm._score_choices

        def spy(requests: Sequence[Request], choices: Sequence[str]) -> Any:
            slow.extend(request.id for request in requests)
            return score(requests, choices)

        monkeypatch.setattr(vllm, "_score_choices", spy)
        found = dict(vllm.choice_logprobs(judged, ["A", "star"]))
        assert slow, "'star' must not be among the 20 likeliest tokens"
        for key, logprobs in expected.items():
            assert found[key] == pytest.approx(logprobs, abs=1e-4)

    @pytest.mark.parametrize("sampling", [GREEDY, HOT, PAPER])
    def test_text_does_not_depend_on_the_batch(
        self, vllm: VLLMEngine, requests: list[Request], sampling: Sampling
    ) -> None:
        """Alone, among others or in another order, a request has the same answer."""
        some = [
            one for request in requests[:8] for one in resampled(request, 3, sampling)
        ]
        together = texts(answer(vllm, some))
        assert texts(answer(vllm, some[::-1])) == together
        for request in some[::5]:
            assert texts(answer(vllm, [request])).items() <= together.items()

    def test_seed_decides(self, vllm: VLLMEngine, requests: list[Request]) -> None:
        """Sixteen seeds give many texts, the same seeds the same; greedy has none."""
        batch = resampled(requests[0], 16, HOT)
        sampled = texts(answer(vllm, batch))
        assert len(set(sampled.values())) > 8
        assert texts(answer(vllm, batch)) == sampled
        greedy = answer(vllm, changed(batch, sampling=GREEDY))
        assert len(set(texts(greedy).values())) == 1

    def test_special_tokens_are_never_written(
        self,
        vllm: VLLMEngine,
        requests: list[Request],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A model that wants nothing but special tokens still writes words."""
        from selfjudge.engines.vllm_blocking import BlockTokens

        vllm.start()
        special = set(vllm.conversations.tokenizer.all_special_ids)
        assert special - set(vllm.blocked) == set(vllm.conversations.special.end_ids)
        executor = vllm.llm.llm_engine.model_executor
        model = executor.driver_worker.worker.model_runner.model
        compute = model.compute_logits

        def crave(*args: Any, **settings: Any) -> Any:
            logits = compute(*args, **settings)
            logits[..., vllm.blocked] += 100.0
            return logits

        monkeypatch.setattr(model, "compute_logits", crave)
        for sampling in (GREEDY, SAMPLED, PAPER):
            assert not tokens_written(vllm, requests, sampling) & set(vllm.blocked)
        monkeypatch.setattr(BlockTokens, "apply", lambda self, logits: logits)
        written = tokens_written(vllm, requests, SAMPLED)
        assert written <= set(vllm.blocked), "without it this test must fail"

    def test_repeated_prompt_is_cached(
        self, vllm: VLLMEngine, requests: list[Request]
    ) -> None:
        """A long prompt asked again is mostly found, unless the image is another."""
        long = "Is it a star? " * 60
        first, second = requests[:2]
        ask = msgspec.structs.replace(first, messages=[user_turn(1, long)])
        other = msgspec.structs.replace(ask, images=second.images)
        [cold] = answer(vllm, [ask]).values()
        [warm] = answer(vllm, [ask]).values()
        [strange] = answer(vllm, [other]).values()
        assert cold.num_cached_prompt_tokens == 0
        assert warm.num_cached_prompt_tokens >= 128
        assert strange.num_cached_prompt_tokens == 0
        assert warm.text == cold.text

    def test_prompt_without_room(
        self,
        vllm: VLLMEngine,
        requests: list[Request],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A prompt as long as the model's limit gets an empty text, cut off.

        How many there were is said at the end.
        """
        for times in (400, 84):  # without the image's tokens 84 still fit
            turn = user_turn(1, "Is it a star? " * times)
            [request] = changed(requests[:1], messages=[turn])
            [found] = answer(vllm, [request]).values()
            assert (found.text, found.finish_reason) == ("", "length")
            assert found.num_prompt_tokens >= 512
            said = "1 of 1 prompts leave no room in 512 tokens, and have empty texts"
            assert said in capsys.readouterr().err
            assert found.num_output_tokens == 0
        [judged] = changed([request], messages=[turn, assistant_turn("[[")])
        with pytest.raises(ValueError, match=r"p00/0: must be shorter than 512"):
            list(vllm.choice_logprobs([judged], ["A", "B"]))

    def test_other_numbers_of_images(
        self, vllm: VLLMEngine, reference: Any, requests: list[Request]
    ) -> None:
        """Rows without an image and rows with several are answered too."""
        rows = changed(requests[:3], messages=[user_turn(0, "How are you?")], images=())
        images = tuple(image for request in requests[:2] for image in request.images)
        turn = user_turn(2, "Which one is red?")
        rows += changed(requests[3:5], messages=[turn], images=images)
        assert texts(answer(vllm, rows)) == texts(answer(reference, rows))

    def test_error_leaves_nothing_behind(
        self, vllm: VLLMEngine, requests: list[Request]
    ) -> None:
        """After an unreadable image vLLM has no request left, and goes on."""
        [broken] = changed(requests[3:4], images=(str(BASE / "config.json"),))
        with pytest.raises(OSError, match="cannot identify"):
            answer(vllm, [*requests[:3], broken])
        assert vllm.llm.llm_engine.get_num_unfinished_requests() == 0
        assert len(answer(vllm, requests[:3])) == 3

    def test_stage_through_the_journal(
        self, vllm: VLLMEngine, requests: list[Request], tmp_path: Path
    ) -> None:
        """A second run answers from the journal, without a vLLM of its own."""
        first = run_requests(vllm, requests[:5], journal=tmp_path, stage="judge_pairs")
        idle = VLLMEngine(BASE, dtype="float32", settings=VLLMSettings(max_num_seqs=16))
        again = run_requests(idle, requests[:5], journal=tmp_path, stage="judge_pairs")
        assert [one.text for one in again] == [one.text for one in first]
        assert idle.llm is None

    def test_sigterm_costs_no_answer(
        self, vllm: VLLMEngine, requests: list[Request], tmp_path: Path
    ) -> None:
        """One shard of 1,625 requests, stopped at 1,500: the others are asked."""
        short = Sampling(max_tokens=4, temperature=1.0)
        asked = [one for r in requests for one in resampled(r, 26, short)][:1625]
        num_read = 0
        read = vllm.conversations.read

        def spy(*args: Any, **told: Any) -> Generation:
            nonlocal num_read
            num_read += 1
            if num_read == 1500:
                os.kill(os.getpid(), signal.SIGTERM)
            return read(*args, **told)

        before = signal.signal(signal.SIGTERM, lambda n, frame: sys.exit(128 + n))
        usages = [Usage(), Usage()]
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(vllm.conversations, "read", spy)
                with pytest.raises(SystemExit):
                    run_requests(
                        vllm, asked, journal=tmp_path, stage="s", usage=usages[0]
                    )
                assert vllm.llm.llm_engine.get_num_unfinished_requests() == 0
                told = run_requests(
                    vllm, asked, journal=tmp_path, stage="s", usage=usages[1]
                )
        finally:
            signal.signal(signal.SIGTERM, before)
        assert len(told) == 1625
        num_repeated = num_read - 1625
        print(f"{num_repeated} of 1,625 answers repeated after SIGTERM at 1,500")
        assert 0 <= num_repeated <= 64
        # The one that the signal met was read, and lost before it was journalled.
        assert usages[0].num_calls + usages[1].num_calls == 1625

    def test_adapter_is_served_over_its_base(
        self, requests: list[Request], tmp_path: Path
    ) -> None:
        """An adapter beside merged weights gives the merged model's greedy texts."""
        judge = make_lora_judge(tmp_path)
        engine = VLLMEngine(
            judge,
            dtype="float32",
            settings=VLLMSettings(max_num_seqs=16, lora=True),
        )
        assert "lora" in engine.fingerprint
        merged = open_engine(
            EngineSettings(dtype="float32", device="cpu"),
            str(judge),
            None,
            journal=tmp_path,
        )
        expected = texts(answer(merged, requests[:16]))
        assert texts(answer(engine, requests[:16])) == expected


def tokens_written(
    vllm: VLLMEngine, requests: Sequence[Request], sampling: Sampling
) -> set[int]:
    """The ids of all tokens in the answers to a few requests."""
    written: set[int] = set()
    read = vllm.conversations.read

    def spy(
        request: Request, ids: Sequence[int], *more: Any, **told: Any
    ) -> Generation:
        written.update(ids)
        return read(request, ids, *more, **told)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vllm.conversations, "read", spy)
        found = answer(vllm, changed(requests[:4], sampling=sampling))
    assert all(one.num_output_tokens for one in found.values())
    return written


def texts(answers: dict[str, Generation]) -> dict[str, str]:
    return {key: generation.text for key, generation in answers.items()}


def make_lora_judge(folder: Path) -> Path:
    """A judge's directory as training writes it, its adapter drawn at random."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(0)
    judge = Path(shutil.copytree(BASE, folder / "judge"))
    model = AutoModelForImageTextToText.from_pretrained(BASE)
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=4,
            lora_alpha=16,
            init_lora_weights=False,
            target_modules=r".*text_model.*\.(q_proj|v_proj|up_proj)",
        ),
    )
    adapted.peft_config["default"].base_model_name_or_path = str(BASE)
    adapted.save_pretrained(judge / "adapter")
    merged = adapted.merge_and_unload()
    merged.generation_config.suppress_tokens = None
    merged.save_pretrained(judge)
    return judge


def test_batches_are_long_and_keep_the_order() -> None:
    """All are one, so that vLLM never runs dry; neighbours stay neighbours."""
    requests = [
        Request(id=f"r{n}", messages=[], images=(), sampling=GREEDY, seed=n)
        for n in range(100)
    ]
    engine = object.__new__(VLLMEngine)
    engine.settings, engine.most_images = VLLMSettings(max_num_seqs=3), 0
    assert engine.plan_batches(requests) == [requests]
    assert engine.plan_batches([]) == []


class FailingEngine(VLLMEngine):
    """vLLM ends what it is asked with the next of these reasons."""

    def __init__(self, reasons: dict[str, list[str]]) -> None:
        self.reasons, self.most_images, self.llm = reasons, 0, object()
        tokenizer = SimpleNamespace(decode=lambda ids, **settings: "said")
        self._conversations = Conversations(
            SimpleNamespace(tokenizer=tokenizer), SimpleNamespace(end_ids=[9])
        )

    def _ask_for_texts(self, batch: Sequence[Request]) -> Any:
        return iter([request.id for request in batch])

    def _run(self, questions: Iterator[Any]) -> Iterator[tuple[str, Any]]:
        for request_id in questions:
            reason = self.reasons[request_id].pop(0)
            said = SimpleNamespace(
                finish_reason=reason, token_ids=[1, 9], logprobs=None
            )
            yield (
                request_id,
                SimpleNamespace(
                    outputs=[said], prompt_token_ids=[1], num_cached_tokens=0
                ),
            )


def test_a_failure_of_vllm_is_no_answer(tmp_path: Path) -> None:
    """Asked once more, then refused; never an empty text; the others are kept."""
    reasons = {
        "r0": ["stop"],
        "r1": ["error", "stop"],
        "r2": ["abort", "error"],
        "r3": ["length"],
    }
    requests = [
        Request(
            id=name, messages=[user_turn(0, name)], images=(), sampling=GREEDY, seed=0
        )
        for name in reasons
    ]
    engine = FailingEngine(reasons)
    engine.fingerprint, engine.num_gpus, engine.waiting_seconds = "f", 0, 0.0
    usage = Usage()
    with pytest.raises(
        RefusedError, match=r"request r2: .*\(got finish_reason 'error', tw"
    ):
        run_requests(engine, requests, journal=tmp_path, stage="s", usage=usage)
    assert usage.num_calls == 3
    assert reasons == {name: [] for name in reasons}
    engine.reasons = {"r2": ["stop"]}
    told = run_requests(engine, requests, journal=tmp_path, stage="s")
    assert [one.text for one in told] == ["said"] * 4


def test_refuses_without_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where vLLM is not installed the engine says so, and what to set."""
    monkeypatch.setattr(vllm_engine, "installed_version", lambda: "")
    with pytest.raises(ValueError, match=r"'vllm' must be installed.*interpreters"):
        VLLMEngine(BASE)


@pytest.mark.parametrize(
    ("version", "is_cpu", "device", "message"),
    [
        ("0.11.0", False, "auto", r"0\.32 or later, or 0\.10\.2.*got 0\.11\.0"),
        ("0.32.0", False, "cpu", r"must be 'auto' or 'cuda'.*got 'cpu'"),
        ("0.32.0", True, "cuda", r"must be 'auto' or 'cpu'.*got 'cuda'"),
    ],
)
def test_refuses_another_vllm(
    version: str,
    is_cpu: bool,
    device: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Versions nobody tried, and builds for another device."""
    monkeypatch.setattr(vllm_engine, "installed_version", lambda: version)
    monkeypatch.setattr(vllm_engine, "is_cpu_build", lambda: is_cpu)
    with pytest.raises(ValueError, match=message):
        VLLMEngine(BASE, device=device)


@pytest.mark.parametrize("version", ["0.10.2", "0.32.0", "0.33.0"])
def test_mllama_needs_the_old_vllm(
    version: str, tiny_mllama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only 0.10.2 serves Mllama; others refuse it before anything is loaded."""
    monkeypatch.setattr(vllm_engine, "installed_version", lambda: version)
    monkeypatch.setattr(vllm_engine, "is_cpu_build", lambda: False)
    if version == "0.10.2":
        with pytest.raises(ValueError, match="max_num_seqs' must be at most 32"):
            VLLMEngine(tiny_mllama)
        engine = VLLMEngine(tiny_mllama, settings=VLLMSettings(max_num_seqs=32))
        assert engine.fingerprint.endswith("-vllm0.10.2")
        assert isinstance(engine.dialect, Dialect10)
        return
    with pytest.raises(ValueError, match=rf"vLLM {version} does not serve Mllama"):
        VLLMEngine(tiny_mllama)


def test_the_old_vllm_runs_mllama_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other family would run by its other engine, which takes no blocking."""
    monkeypatch.setattr(vllm_engine, "installed_version", lambda: "0.10.2")
    monkeypatch.setattr(vllm_engine, "is_cpu_build", lambda: False)
    with pytest.raises(ValueError, match=r"Mllama alone.*got 'idefics3'.*vllm 0\.32"):
        VLLMEngine(BASE)


def test_fingerprint_has_what_texts_depend_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Version, number format and length limit count; memory and places do not."""
    monkeypatch.setattr(vllm_engine, "is_cpu_build", lambda: False)

    def fingerprint(version: str = "0.32.0", dtype: str = "auto", **s: Any) -> str:
        monkeypatch.setattr(vllm_engine, "installed_version", lambda: version)
        return VLLMEngine(BASE, dtype=dtype, settings=VLLMSettings(**s)).fingerprint

    plain = fingerprint()
    assert fingerprint(max_num_seqs=8, gpu_memory_utilization=0.5) == plain
    others = {
        fingerprint("0.33.0"),
        fingerprint(dtype="bfloat16"),
        fingerprint(max_model_len=256),
        fingerprint(batch_invariant=True),
    }
    assert len(others | {plain}) == 5


@pytest.mark.parametrize("batch_invariant", [False, True])
def test_what_vllm_is_told_by_the_environment(
    batch_invariant: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log goes where the stage's does; kernels are as the config says."""
    monkeypatch.setattr(vllm_engine, "installed_version", lambda: "0.32.0")
    monkeypatch.setattr(vllm_engine, "is_cpu_build", lambda: False)
    monkeypatch.setattr(os, "environ", {"VLLM_BATCH_INVARIANT": "1"})
    VLLMEngine(
        BASE, settings=VLLMSettings(batch_invariant=batch_invariant)
    )._set_environment()
    assert os.environ == {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
        "VLLM_BATCH_INVARIANT": str(int(batch_invariant)),
    }


def test_adapter_is_looked_for_inside_a_judge(
    tiny_idefics3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the model below it; a model without one is served as it is."""
    monkeypatch.setattr(vllm_engine, "installed_version", lambda: "0.32.0")
    monkeypatch.setattr(vllm_engine, "is_cpu_build", lambda: False)
    plain, lora = (
        VLLMEngine(tiny_idefics3, settings=VLLMSettings(lora=lora))
        for lora in (False, True)
    )
    assert lora.adapter is None and lora.fingerprint == plain.fingerprint
    (tmp_path / "adapter").mkdir()
    config = {"base_model_name_or_path": str(tiny_idefics3), "revision": None, "r": 16}
    (tmp_path / "adapter/adapter_config.json").write_text(json.dumps(config))
    assert find_adapter(tmp_path) == (tmp_path / "adapter", tiny_idefics3, 16)


def test_dialects_spell_alike() -> None:
    """0.10.2 takes prompts as they are, and blocks ids by those that it allows."""
    old, new = dialect_of("0.10.2"), dialect_of("0.32.0+cpu")
    assert isinstance(new, Dialect32)
    assert new.choice_arguments([5, 7]) == {"logprob_token_ids": [5, 7]}
    assert old.choice_arguments([5, 7]) == {"logprobs": 20}
    prompt = {"prompt_token_ids": [1, 2]}
    assert old.read_prompt(None, prompt) == prompt
    rendered = SimpleNamespace(render_cmpl=lambda prompts: [{"type": "token"}])
    llm = SimpleNamespace(llm_engine=SimpleNamespace(renderer=rendered))
    assert new.read_prompt(llm, prompt) == {"type": "token"}
    assert new.text_arguments([0], ()) == {}
    assert new.text_arguments([0], [5, 7])["logprob_token_ids"] == [5, 7]
    told = old.text_arguments([0, 2, 9], [5, 7])
    assert told == {"allowed_token_ids": [0, 2, 9]}, "its logprobs are not raw"
    assert (old.limits(2), new.limits(2)) == ({"image": 2}, {"image": 2, "video": 0})


@needs_vllm
@pytest.mark.vllm
def test_blocking_fits_both_model_runners() -> None:
    """Each runner of vLLM 0.32 accepts the class, and its arguments to it."""
    import torch
    from vllm.v1.sample.logits_processor import LogitsProcessor
    from vllm.v1.worker.gpu.sample.logits_processor import interface

    from selfjudge.engines.vllm_blocking import BlockTokens

    assert issubclass(BlockTokens, LogitsProcessor)
    assert issubclass(BlockTokens, interface.LogitsProcessor)
    config = SimpleNamespace(
        additional_config={"blocked_token_ids": [0, 2, 99]},
        model_config=SimpleNamespace(get_vocab_size=lambda: 4),
    )
    state = SimpleNamespace(device=torch.device("cpu"))
    expected = [[-math.inf, 1.0, -math.inf, 2.0]] * 2
    for place in [(torch.device("cpu"), False), (state,)]:
        processor = BlockTokens(config, *place)
        logits = torch.tensor([[5.0, 1.0, 3.0, 2.0]] * 2)
        assert processor.apply(logits).tolist() == expected
        assert not processor.is_argmax_invariant()
    assert processor.apply(logits, object()) is not None
    assert processor.add_request(0, None)
