"""What one loaded model is asked, part by part."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from examples import generate, image_bytes
from selfjudge.engines import stage
from selfjudge.engines.base import EngineSettings
from selfjudge.ground.ledgers import read_ledgers
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.templates import user_turn


class LimitedEngine:
    """Starts with room for as many images as it was told of, as vLLM does."""

    fingerprint = "f"
    num_gpus = 0
    depends_on_batch = True
    waiting_seconds = None

    def __init__(self) -> None:
        self.most_images = 0
        self.room: int | None = None

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        images = (len(request.images) for request in requests)
        self.most_images = max([self.most_images, *images])
        return [[request] for request in requests]

    def start(self) -> None:
        if self.room is None:
            self.room = self.most_images

    def show(self, request: Request) -> str:
        return request.id

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        for request in batch:
            assert self.room is not None and len(request.images) <= self.room
            yield generate(request, "yes")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> stage.Model:
    """A model that a limited engine holds; its images are there."""
    engine = LimitedEngine()
    monkeypatch.setattr(stage, "open_engine", lambda *args, **named: engine)
    (tmp_path / "a.png").write_bytes(image_bytes())
    settings = EngineSettings(max_pixels_shown=100)
    return stage.Model(
        model="m", revision=None, engine=settings, journal=tmp_path / "journal"
    )


def ask_about(folder: Path, name: str, num_images: int) -> Request:
    """A request about so many images."""
    return Request(
        id=name,
        messages=[user_turn(num_images, name)],
        images=(str(folder / "a.png"),) * num_images,
        sampling=Sampling(max_tokens=4, temperature=0.0),
        seed=0,
    )


def test_an_engine_knows_all_parts_before_it_starts(
    tmp_path: Path, model: stage.Model
) -> None:
    """A later part may have more images than the first; each request has the limit of
    pixels."""
    parts = [[ask_about(tmp_path, f"{n}", n)] for n in (1, 3, 2)]
    answered = list(model.answer(parts, stage="judge_pairs", ledger=None))
    assert [len(part) for part in answered] == [1, 1, 1]
    assert {request.max_pixels for part in answered for _, request in part} == {100}


def test_a_loaded_model_is_counted_to_the_stage_that_loaded_it(
    tmp_path: Path, model: stage.Model
) -> None:
    """Each stage has its own line; one without requests has none, and opens nothing."""
    for name, number in (("first", 0), ("second", 1), ("third", 1)):
        requests = [ask_about(tmp_path, name, number)] if number else []
        ledger = tmp_path / f"ledgers/{name}.jsonl"
        list(model.answer([requests], stage=name, ledger=ledger))
    lines = read_ledgers(tmp_path / "ledgers")
    assert {name: [line.num_calls for line in own] for name, own in lines.items()} == {
        "second": [1],
        "third": [1],
    }


class CountingEngine(LimitedEngine):
    """Weighs the first choice by how many requests it was asked before."""

    fingerprint = "counting"
    num_asked = 0

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        for request in requests:
            self.num_asked += 1
            yield request.id, [-float(self.num_asked), *[-0.5] * (len(choices) - 1)]


def test_choices_are_weighed_once_and_journalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again, the journal answers; other choices and texts are other questions."""
    engine = CountingEngine()
    monkeypatch.setattr(stage, "open_engine", lambda *args, **named: engine)
    (tmp_path / "a.png").write_bytes(image_bytes())
    requests = [ask_about(tmp_path, name, 1) for name in ("one", "two")]

    def ask(choices: tuple[str, ...], ledger: Path) -> list[str]:
        model = stage.Model(
            model="m",
            revision=None,
            engine=EngineSettings(),
            journal=tmp_path / "journal",
        )
        [told] = model.answer([requests], stage="s", ledger=ledger, choices=choices)
        return [generation.text for generation, _ in told]

    first = tmp_path / "ledgers" / "first.jsonl"
    again = tmp_path / "ledgers" / "again.jsonl"
    assert ask(("A", "B"), first) == ["[-1.0,-0.5]", "[-2.0,-0.5]"]
    assert ask(("A", "B"), again) == ["[-1.0,-0.5]", "[-2.0,-0.5]"]
    assert engine.num_asked == 2
    ledgers = read_ledgers(tmp_path / "ledgers")
    assert [ledgers[name][0].num_calls for name in ("first", "again")] == [2, 0]
    assert ask(("B", "A"), first)[0] == "[-3.0,-0.5]"
    assert ask((), first) == ["yes", "yes"]


def test_a_package_is_hidden_from_imports_alone() -> None:
    """What is not loaded is not found, then is again; what is loaded stays."""
    code = (
        "import sys; from importlib.util import find_spec\n"
        "from selfjudge.engines import hidden\n"
        "with hidden('colorsys'):\n"
        "    assert find_spec('colorsys') is None\n"
        "    try:\n        import colorsys\n        raise SystemExit(1)\n"
        "    except ImportError:\n        pass\n"
        "assert find_spec('colorsys')\n"
        "import colorsys\n"
        "with hidden('colorsys'):\n"
        "    assert sys.modules['colorsys'] is colorsys\n"
        "assert sys.modules['colorsys'] is colorsys\n"
    )
    path = {"PYTHONPATH": str(Path(__file__).parents[1] / "scripts")}
    subprocess.run([sys.executable, "-c", code], env=path, check=True)
