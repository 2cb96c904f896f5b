"""No model at all: texts drawn by seed, to rehearse a run at its full size.

Every text begins with a mark that says so.  Scores of marked judgments carry a
warning, and no training takes a marked row.
"""

import hashlib
import math
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

from selfjudge.engines.checkpoints import code_hash, model_fingerprint
from selfjudge.engines.sections import SimulatorSettings
from selfjudge.ground.records import CATEGORIES, ORDERS, AnswerFormat, Order
from selfjudge.ground.requests import SIMULATED_MARK, Generation, Request, show_messages
from selfjudge.ground.seeds import random_for
from selfjudge.judging.verdicts import chosen_verdict
from selfjudge.pairs.checks import CHOICES as CHECK_CHOICES
from selfjudge.pairs.choices import parse_options
from selfjudge.pairs.routing import route

WORDS = (
    "the picture shows a wide street where two people walk past a small shop with a "
    "green door and a row of bicycles stands beside the wall while a dog sleeps near "
    "the window and the light of the morning falls on the stones so that every colour "
    "looks warm and far behind the houses one can see a hill with a few old trees"
).split()
COLOURS = ("purple", "orange", "white")
LETTERS = ("a", "b", "c", "d")
CRITERIA = "Helpfulness Correctness Coherence Complexity Verbosity".split()
SHOWN = re.compile(r"^Response \d+:$", re.MULTILINE)  # of responses rated at once
CHARACTERS_A_TOKEN = 4
SURE = 0.9  # of whether a statement holds


class SimulatorEngine:
    """Answers requests of all stages without weights; the same bytes each time.

    What a request is for follows from its id, as `responses`, `asks` and `rating` make
    them.  The text follows from messages and seed alone, as the journal wants it.
    """

    section = SimulatorSettings
    depends_on_batch = False
    waiting_seconds = None

    def __init__(
        self,
        model: str,
        revision: str | None,
        settings: SimulatorSettings,
        *,
        batch_size: int,
    ) -> None:
        self.settings = settings
        self.batch_size = batch_size
        self.num_gpus = 0
        decisive = msgspec.structs.replace(settings, tokens_per_second=0)
        named = model_fingerprint(Path(model)) if Path(model).is_dir() else model
        code = code_hash(["engines.simulator"])
        content = msgspec.json.encode((named, revision, decisive, code))
        self.fingerprint = f"simulated-{hashlib.sha256(content).hexdigest()[:24]}"

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """The requests as they come, ``batch_size`` at a time."""
        starts = range(0, len(requests), self.batch_size)
        return [list(requests[start : start + self.batch_size]) for start in starts]

    def show(self, request: Request) -> str:
        """The request's messages: no template is known."""
        return show_messages(request)

    def start(self) -> None:
        """Nothing: there is no model."""

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        """A marked text for each request, after the time it would have taken."""
        num_tokens = 0
        for request in batch:
            prompt = text_of(request)
            text = self._write(request, prompt)
            num_output_tokens = -(-len(text) // CHARACTERS_A_TOKEN)
            num_tokens += num_output_tokens
            yield Generation(
                request_id=request.id,
                text=text,
                finish_reason="stop",
                num_prompt_tokens=-(-len(prompt) // CHARACTERS_A_TOKEN),
                num_output_tokens=num_output_tokens,
            )
        if self.settings.tokens_per_second:
            time.sleep(num_tokens / self.settings.tokens_per_second)

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """Yes for a statement without an injected error, no for one with one; all
        choices alike elsewhere, as between two verdicts."""
        for request in requests:
            rates = [1 / len(choices)] * len(choices)
            if tuple(choices) == CHECK_CHOICES:
                has_error = any(word in text_of(request).split() for word in COLOURS)
                both = [SURE / 2, (1 - SURE) / 2][:: -1 if has_error else 1]
                rates = both * (len(choices) // 2)  # in either case
            yield request.id, [math.log(rate) for rate in rates]

    def _write(self, request: Request, prompt: str) -> str:
        """The text that this kind of request is answered with."""
        rng = Random(request.seed)
        _, *rest = request.id.split("/")
        if len(rest) == 2 and rest[0] in ORDERS:
            return self._judge(rest[0], rng)
        if len(rest) == 2 and rest[1] in CATEGORIES:
            return self._alter(prompt, rng)
        if len(rest) == 2 and rest[1] == "rating":
            shown = len(SHOWN.findall(prompt))
            rated = [self._rate(rng) for _ in range(shown or 1)]
            numbered = [f"Response {at}\n{text}" for at, text in enumerate(rated, 1)]
            return "\n".join([SIMULATED_MARK, *(numbered if shown else rated)])
        return self._respond(prompt, rng)

    def _respond(self, prompt: str, rng: Random) -> str:
        """A description; for a closed prompt with an answer on its last line."""
        text = describe(rng, self.settings.num_response_words)
        question = prompt.split("\n\n")[0]
        _, answer_format = route(question)
        if answer_format is None or rng.random() >= self.settings.parsed_rate:
            return text
        answer = commonest_answer(question, answer_format)
        doubt = random_for(0, "simulated doubt", question).random()
        is_unanimous = doubt < self.settings.unanimous_rate
        if not is_unanimous and rng.random() >= self.settings.majority_rate:
            answer = draw_answer(rng, answer_format, question)
        return f"{text}\nAnswer: {answer}"

    def _alter(self, prompt: str, rng: Random) -> str:
        """The response in the prompt with one word replaced, or as it was."""
        start = max(prompt.rfind(SIMULATED_MARK), 0)
        words = prompt[start:].split("\n")[0].split()
        if rng.random() < self.settings.alteration_valid_rate:
            place = rng.randrange(1, len(words)) if len(words) > 1 else 0
            words[place] = rng.choice([c for c in COLOURS if c != words[place]])
        return mark(" ".join(words))

    def _judge(self, order: Order, rng: Random) -> str:
        """Reasoning, and a verdict that is right as often as the settings say."""
        text = describe(rng, self.settings.num_judgment_words)
        if rng.random() >= self.settings.parsed_rate:
            return text
        verdict = chosen_verdict(order)
        if rng.random() >= self.settings.verdict_accuracy:
            verdict = "B" if verdict == "A" else "A"
        return f"{text}\n\nVerdict: [[{verdict}]]"

    def _rate(self, rng: Random) -> str:
        """The marks of a response of one word; every other one is good."""
        good = rng.choice("15")
        marks = zip(CRITERIA, (good, good, "5", "2", "2"), strict=True)
        lines = [f"{name}: {digit}" for name, digit in marks]
        if rng.random() >= self.settings.parsed_rate:
            del lines[rng.randrange(len(lines))]
        return "\n".join(lines)


def text_of(request: Request) -> str:
    """The text parts of a request, a line each."""
    parts = [part for message in request.messages for part in message["content"]]
    return "\n".join(part["text"] for part in parts if part["type"] == "text")


def mark(text: str) -> str:
    """The text with the mark before it, once."""
    return text if text.startswith(SIMULATED_MARK) else f"{SIMULATED_MARK} {text}"


def describe(rng: Random, num_words: int) -> str:
    """A marked text of half to one and a half times as many words, without a line
    end."""
    number = rng.randint(max(1, num_words // 2), max(1, num_words * 3 // 2))
    start = rng.randrange(len(WORDS))
    repeated = WORDS * (2 + number // len(WORDS))
    return mark(" ".join(repeated[start : start + number]))


def commonest_answer(question: str, answer_format: AnswerFormat) -> str:
    """What most samples answer to a question; a rehearsal's gold answers need it."""
    return draw_answer(
        random_for(0, "simulated answer", question), answer_format, question
    )


def draw_answer(rng: Random, answer_format: AnswerFormat, question: str) -> str:
    """A short answer of the format."""
    if answer_format in ("number", "expression"):
        return str(rng.randint(0, 9))
    if answer_format == "yes_no":
        return rng.choice(("yes", "no"))
    if answer_format == "choice":
        return rng.choice(tuple(parse_options(question)) or LETTERS).upper()
    return rng.choice(COLOURS)
