"""Judges for tests of their use: a folder with real weights, and a scripted model."""

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from selfjudge.engines.base import Refusal
from selfjudge.ground.requests import Generation, LastChoice, Request, Sampling
from selfjudge.judging.asks import ask_pairs
from selfjudge.judging.probabilities import (
    CHOICES,
    is_unparsed,
    told_logprobs,
    weighing_request,
)
from selfjudge.use.asked import Asked, write_asked
from selfjudge.use.comparing import pair_of
from selfjudge.use.judges import Judge
from selfjudge.use.trust import Trust

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "demo/templates/judge.txt"
SAMPLING = Sampling(max_tokens=96, temperature=1.0)
TEXT = (ROOT / "scripts/templates/judge.txt").read_text(encoding="utf-8").rstrip("\n")
ASKED = Asked(
    template="judge.txt", text=TEXT, sampling=SAMPLING, max_pixels_shown=10_000
)


def make_judge_folder(folder: Path) -> Path:
    """The demo's base model, with a note of how its judges are asked."""
    shutil.copytree(ROOT / "demo/base", folder)
    write_asked(
        folder, template=TEMPLATE, sampling=SAMPLING, max_pixels_shown=1_254_400
    )
    return folder


def make_pictures(folder: Path, number: int) -> list[Path]:
    """Pictures of the demo's world, 0.png and so on."""
    from random import Random

    from world import render, sample_scene

    folder.mkdir(parents=True, exist_ok=True)
    rng = Random(7)
    paths = [folder / f"{place}.png" for place in range(number)]
    for path in paths:
        Image.fromarray(render(sample_scene(rng), rng)).save(path)
    return paths


def judging_requests(folder: Path, number: int, **changes: Any) -> list[Request]:
    """What the demo's judge is asked about as many matches, with `CHOICES`."""
    import matches

    made = [matches.make_match(folder, place) for place in range(number)]
    pairs = {one.id: one for one in map(pair_of, made)}
    asks = list(ask_pairs(pairs.values(), (), matches.ASKED.asking, 0))
    judge = Judge(ScriptedEngine(longer), matches.ASKED, Trust())
    requests = judge.requests(pairs, asks)
    return [msgspec.structs.replace(request, **changes) for request in requests]


def answer_all(engine: Any, requests: Sequence[Request]) -> dict[str, Generation]:
    """The generations of an engine, by request id."""
    return {
        one.request_id: one
        for batch in engine.plan_batches(requests)
        for one in engine.generate(batch)
    }


def compare_told(
    engine: Any, requests: Sequence[Request], reference: Any = None
) -> tuple[int, int, float]:
    """How many judgments state a verdict, of how many its letter was told with the
    text, and the largest difference from what ``reference`` is asked for after it."""
    answers = answer_all(engine, requests)
    told = {key: told_logprobs(one) for key, one in answers.items()}
    known = [request for request in requests if told[request.id] is not None]
    asked = [weighing_request(one, answers[one.id]) for one in known]
    weighed = dict((reference or engine).choice_logprobs(asked, CHOICES))
    differences = [
        abs(one - other)
        for key, logprobs in weighed.items()
        for one, other in zip(logprobs, told[key] or (), strict=True)
    ]
    num_stated = sum(not is_unparsed(one) for one in answers.values())
    return num_stated, len(known), max(differences)


def responses_of(request: Request) -> tuple[str, str]:
    """The two responses that a request shows, in its order."""
    text = request.messages[0]["content"][-1]["text"]
    first = text.split("--- start of Response A ---\n")[1].split("\n--- end")[0]
    second = text.split("--- start of Response B ---\n")[1].split("\n--- end")[0]
    return first, second


class ScriptedEngine:
    """A model that prefers by a rule of the test, and counts what it is asked.

    ``better`` gets the two responses as shown, and says "A", "B", or a text without a
    verdict; ``sure`` is the log-odds of the letter that it says, which it ``tells``
    with the text or not.
    """

    fingerprint = "scripted"
    num_gpus = 0
    depends_on_batch = False
    waiting_seconds = None

    def __init__(
        self,
        better: Callable[[str, str, Request], str],
        sure: float = 3.0,
        tells: bool = False,
    ) -> None:
        self.better = better
        self.sure = sure
        self.tells = tells
        self.asked: list[Request] = []
        self.scored: list[Request] = []

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        return [list(requests)]

    def show(self, request: Request) -> str:
        return str(request.messages)

    def start(self) -> None:
        pass

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation | Refusal]:
        for request in reversed(batch):
            self.asked.append(request)
            said = self.better(*responses_of(request), request)
            before = "I looked.\n\nVerdict: [["
            text = f"{before}{said}]]" if said in ("A", "B") else said
            told = None
            if self.tells and request.choices and text != said:
                logprobs = dict(zip(("A", "B"), self.logprobs_of(said), strict=True))
                told = LastChoice(start=len(before), logprobs=logprobs)
            yield Generation(
                request_id=request.id,
                text=text,
                finish_reason="stop" if text else "length",
                num_prompt_tokens=9,
                num_output_tokens=9 if text else 0,
                last_choice=told,
            )

    def logprobs_of(self, said: str) -> list[float]:
        odds = {"A": self.sure, "B": -self.sure}.get(said, 0.0)
        return [-math.log1p(math.exp(-odds)), -math.log1p(math.exp(odds))]

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """The letter of the rule, whatever stands before it."""
        for request in reversed(requests):
            self.scored.append(request)
            said = self.better(*responses_of(request), request)
            yield request.id, self.logprobs_of(said)


def scripted(
    better: Callable[[str, str, Request], str],
    *,
    sure: float = 3.0,
    tells: bool = False,
    trust: Trust | None = None,
    **settings: Any,
) -> tuple[Judge, ScriptedEngine]:
    """A judge with a scripted model, and the model."""
    engine = ScriptedEngine(better, sure, tells)
    return Judge(
        engine, ASKED, trust or Trust(), log=lambda line: None, **settings
    ), engine


def longer(first: str, second: str, request: Request) -> str:
    """Prefers the longer response, wherever it stands."""
    return "A" if len(first) > len(second) else "B"
