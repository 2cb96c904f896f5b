"""A judge that can be asked: its model, how it is asked, and how far it is believed."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from selfjudge.engines import open_engine
from selfjudge.engines.base import Engine, EngineSettings, Refusal
from selfjudge.engines.journal import run_requests
from selfjudge.engines.progress import Log, log_to_stderr
from selfjudge.engines.weighing import WeighingEngine
from selfjudge.ground.records import ORDERS, Ask, Order, Pair
from selfjudge.ground.requests import Generation, Request
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.versions import own_version
from selfjudge.judging.asks import ask_pairs, judgment_requests
from selfjudge.judging.probabilities import (
    CHOICES,
    Logprobs,
    has_no_room,
    told_logprobs,
    weighed_from,
    weighing_request,
)
from selfjudge.use.asked import Asked, read_asked
from selfjudge.use.comparing import (
    Answered,
    Comparison,
    Match,
    pair_of,
    read_answer,
    settle,
)
from selfjudge.use.trust import Trust, read_trust

# Engines that a server's many threads may ask at once.
ASKED_AT_ONCE = ("openai",)


class UnansweredError(ValueError):
    """The engine could not answer: it is away, or refused what it was asked."""


Place = tuple[str, Order]  # a pair's id, and which of both orders


class Said(NamedTuple):
    """What was asked in one order, the answer, and whether it is of a second try."""

    request: Request
    generation: Generation
    is_retried: bool


class Spent(NamedTuple):
    """What comparing has cost so far: texts asked for, and those without a verdict."""

    num_texts: int
    num_unparsed: int
    num_retried: int


class Judge:
    """A judge that compares two responses in both orders.

    ``journal`` is the folder of all answers given before; None asks everything, as a
    server does.  Without ``probabilities`` no log-probabilities are asked for, which
    some servers do not tell.  ``seed`` alone decides the draws.
    """

    def __init__(
        self,
        engine: Engine,
        asked: Asked,
        trust: Trust,
        *,
        journal: Path | None = None,
        seed: int = 0,
        probabilities: bool = True,
        at_once: bool = False,
        log: Log = log_to_stderr,
    ) -> None:
        self.engine = engine
        self.asked = asked
        self.trust = trust
        self.journal = journal
        self.seed = seed
        self.probabilities = probabilities
        self.log = log
        self.spent = Spent(0, 0, 0)
        self._lock = None if at_once else threading.Lock()

    @property
    def identity(self) -> dict[str, str]:
        """What an answer is of: this program, the model, and how it was asked."""
        return {
            "version": own_version(),
            "fingerprint": self.engine.fingerprint,
            "asked_sha256": self.asked.sha256,
        }

    def compare(
        self, matches: Sequence[Match], stage: str = "compare"
    ) -> list[Comparison]:
        """Each match's comparison, in their order.

        Both orders of a match are asked one after the other: they share images and
        instruction, and an engine that keeps these finds them.  A text without a
        verdict, or cut off, is drawn once more, under another seed; where that states
        none either, the probabilities of both letters decide.  Raises ValueError where
        the engine cannot answer.
        """
        if self._lock is None:
            return self._compare(matches, stage)
        with self._lock:
            return self._compare(matches, stage)

    def _compare(self, matches: Sequence[Match], stage: str) -> list[Comparison]:
        pairs = [pair_of(match) for match in matches]
        said = self._ask({pair.id: pair for pair in pairs}, stage)
        weighed = self._weigh(said, stage)
        settled = []
        for match, pair in zip(matches, pairs, strict=True):
            answers = {
                order: Answered(
                    said[pair.id, order].generation,
                    said[pair.id, order].is_retried,
                    weighed.get((pair.id, order)),
                )
                for order in ORDERS
            }
            settled.append(settle(match, answers, self.trust))
        return settled

    def _ask(self, pairs: dict[str, Pair], stage: str) -> dict[Place, Said]:
        """The text of each pair in each order, the second one where it is better."""
        asks = list(ask_pairs(pairs.values(), (), self.asked.asking, self.seed))
        requests = self.requests(pairs, asks)
        texts = self._texts(requests, stage)
        said = {
            (ask.pair_id, ask.order): Said(request, text, False)
            for ask, request, text in zip(asks, requests, texts, strict=True)
        }
        unparsed = [
            (ask, text)
            for ask, text in zip(asks, texts, strict=True)
            if read_answer(text, ask.order) is None
        ]
        again = [
            self._second(ask)
            for ask, text in unparsed
            if not has_no_room(text)
            and self.asked.sampling.temperature > 0  # else it would say the same
        ]
        second = self.requests(pairs, again)
        tried = self._texts(second, f"{stage}_again")
        better = {
            (ask.pair_id, ask.order): Said(request, text, True)
            for ask, request, text in zip(again, second, tried, strict=True)
            if read_answer(text, ask.order) is not None
        }
        self.spent = Spent(
            self.spent.num_texts + len(asks),
            self.spent.num_unparsed + len(unparsed) - len(better),
            self.spent.num_retried + len(better),
        )
        return said | better

    def requests(self, pairs: dict[str, Pair], asks: Sequence[Ask]) -> list[Request]:
        """The requests of asks; images are paths as they are."""
        templates = {self.asked.template: self.asked.text}
        limit = self.asked.max_pixels_shown
        choices = CHOICES if self.probabilities else ()
        return [
            msgspec.structs.replace(request, max_pixels=limit, choices=choices)
            for request in judgment_requests(pairs, asks, templates, Path())
        ]

    def _second(self, ask: Ask) -> Ask:
        """The same ask, to be drawn another time."""
        seed = seed_for(self.seed, "judgment", ask.pair_id, ask.order, ask.sample + 1)
        return msgspec.structs.replace(ask, sample=ask.sample + 1, seed=seed)

    def _texts(
        self, requests: list[Request], stage: str, engine: Engine | None = None
    ) -> list[Generation]:
        """The generations of requests, in their order."""
        engine = engine or self.engine
        if not requests:
            return []
        if self.journal is not None:
            return run_requests(
                engine, requests, journal=self.journal, stage=stage, log=self.log
            )
        batches = engine.plan_batches(requests)  # first: vLLM starts for what is seen
        engine.start()
        told: dict[str, Generation] = {}
        for batch in batches:
            for one in engine.generate(batch):
                if isinstance(one, Refusal):
                    raise UnansweredError(one.reason)
                told[one.request_id] = one
        return [told[request.id] for request in requests]

    def _weigh(self, said: dict[Place, Said], stage: str) -> dict[Place, Logprobs]:
        """The log-probability of each letter at the place of each verdict.

        Asked for where the engine did not tell it with the text.
        """
        if not self.probabilities:
            return {}
        weighed: dict[Place, Logprobs] = {}
        asked: list[tuple[Place, Request]] = []
        for place, one in said.items():
            told = told_logprobs(one.generation)
            if told is not None:
                weighed[place] = told
            elif not has_no_room(one.generation):
                asked.append((place, weighing_request(one.request, one.generation)))
        engine = WeighingEngine(self.engine, CHOICES)
        requests = [request for _, request in asked]
        generations = self._texts(requests, f"{stage}_probabilities", engine)
        for (place, request), generation in zip(asked, generations, strict=True):
            weighed[place] = weighed_from(generation, request).logprobs
        return weighed


def open_judge(
    judge: str,
    settings: EngineSettings,
    *,
    asking: str | None = None,
    journal: Path | None = None,
    seed: int = 0,
    probabilities: bool = True,
    log: Log = log_to_stderr,
) -> Judge:
    """The judge of a folder, in the engine of the settings.

    With ``asking``, the folder of another judge, ``judge`` may also be any model: a
    Hub id, or what a server calls it; its certificate is then not the other's.
    Raises ValueError where either is not what it must be.
    """
    asked = read_asked(Path(asking or judge))
    trust = read_trust(Path(judge)) if Path(judge).is_dir() else Trust()
    log(f"judge: {trust.explain()}")
    engine = open_engine(settings, judge, None, journal=journal or Path())
    return Judge(
        engine,
        asked,
        trust,
        journal=journal,
        seed=seed,
        probabilities=probabilities,
        at_once=settings.name in ASKED_AT_ONCE,
        log=log,
    )
