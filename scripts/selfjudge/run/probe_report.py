"""What a probe found: shares by stage, texts of each fault, and what is out of bounds.

Shares are of 0 to 1 with the number that they are of; None of nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from selfjudge.ground.ledgers import Ledger
from selfjudge.ground.lines import read_lines, read_records
from selfjudge.ground.records import (
    Altered,
    Judgment,
    Pair,
    Prompt,
    Record,
    Response,
    Settings,
)
from selfjudge.ground.shares import share_of
from selfjudge.judging.acceptance import decide_pair
from selfjudge.judging.verdicts import Verdict, parse_verdict, prefers_chosen
from selfjudge.pairs.expressions import widen_format
from selfjudge.pairs.filters import FILTERS
from selfjudge.pairs.responses import leave_thought
from selfjudge.pairs.samples import SampleOutcome, refuses_at_once, sample_outcome

# The files of model stages, in their order.
STAGES = ("responses", "altered", "checks", "judgments")
# Shares that a plan takes for its rates too.
CLOSED_PAIRS = "pairs, of closed prompts"
OPEN_PAIRS = "pairs, of open prompts"
RIGHT_PAIRS = "pairs: right in both orders"
# How the text speaks of what became of a response.
WORDS: dict[SampleOutcome, str] = {
    "cut_off": "cut off",
    "refused": "refused",
    "unparsed": "no answer",
}
MAJORITY = FILTERS["majority"]
# Texts shown of each fault.
NUM_TEXTS = 3


class Bounds(Settings, frozen=True, kw_only=True):
    """The config section `probe`: how many prompts, and what is warned of.

    ``min_parsed_rate``: of samples of each answer format.  ``max_cut_off_rate``: of
    the texts of each stage.  ``max_refused_rate``: of responses and of rewrites.
    ``min_pair_rate``: pairs, of closed and of open prompts.
    ``min_verdict_rate``: of judgments with a verdict.  ``max_same_letter_rate``: the
    commoner letter's share of verdicts.  ``min_right_rate``: of pairs judged right in
    both orders; a coin has 0.25.
    """

    num_prompts: int
    min_parsed_rate: float
    max_cut_off_rate: float
    max_refused_rate: float
    min_pair_rate: float
    min_verdict_rate: float
    max_same_letter_rate: float
    min_right_rate: float


class Probed(NamedTuple):
    """The records of a probe."""

    prompts: list[Prompt]
    responses: list[Response]
    altered: list[Altered]
    pairs: list[Pair]
    dropped: list[dict[str, Any]]
    judgments: list[Judgment]


class Share(Record, frozen=True, kw_only=True):
    """A share that is looked at: how many of how many, and the bound that it passed.

    ``bound`` is None where it is within its bound.
    """

    number: int
    whole: int
    rate: float | None
    bound: str | None = None


class Fault(Record, frozen=True, kw_only=True):
    """A text that is not as it should be, and the question that it is about."""

    question: str
    text: str


class ProbeReport(Record, frozen=True, kw_only=True):
    """`report.json` of a probe.

    ``routed``: prompts by answer format or "open".  ``shares``: by the stage and the
    kind of text that they are of.  ``dropped``: closed prompts and
    rewrites without a pair by reason.  ``texts``: three of each fault.  ``costs``: by
    stage the ledger line of the last run that asked the model anything.
    """

    routed: dict[str, int]
    shares: dict[str, Share]
    dropped: dict[str, int]
    texts: dict[str, list[Fault]]
    costs: dict[str, Ledger]

    @property
    def warnings(self) -> dict[str, Share]:
        """The shares that are out of bounds."""
        return {what: share for what, share in self.shares.items() if share.bound}


def read_probed(folder: Path) -> Probed:
    """The records that a probe wrote."""

    def read(name: str, kind: type[Any]) -> list[Any]:
        return list(read_records(folder / f"{name}.jsonl", kind))

    dropped = read_lines(folder / "dropped_pairs.jsonl")
    return Probed(
        read("prompts", Prompt),
        read("responses", Response),
        read("altered", Altered),
        read("pairs", Pair),
        [msgspec.json.decode(line) for _, line in dropped],
        read("judgments", Judgment),
    )


def report_probe(
    probed: Probed, bounds: Bounds, ledgers: Mapping[str, list[Ledger]]
) -> ProbeReport:
    """The report of a probe; ``ledgers`` by the name of the file."""
    gathered = Gathered(bounds)
    gathered.add_responses(probed.prompts, probed.responses)
    gathered.add_altered(probed.prompts, probed.altered, probed.dropped)
    gathered.add_pairs(probed)
    gathered.add_judgments(probed.pairs, probed.judgments)
    return ProbeReport(
        routed=dict(Counter(p.answer_format or "open" for p in probed.prompts)),
        shares=gathered.shares,
        dropped=dict(Counter(line["reason"] for line in probed.dropped).most_common()),
        texts=gathered.texts,
        costs={
            name: last_asked(ledgers[name])
            for name in STAGES
            if ledgers.get(name) and getattr(probed, name, True)
        },
    )


def last_asked(lines: list[Ledger]) -> Ledger:
    """The last line with a call of the model; the last of all if none has any."""
    return next((line for line in reversed(lines) if line.num_calls), lines[-1])


class Gathered:
    """Shares and texts, stage by stage."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.shares: dict[str, Share] = {}
        self.texts: dict[str, list[Fault]] = {}

    def add_responses(
        self, prompts: Iterable[Prompt], responses: Iterable[Response]
    ) -> None:
        """Samples by answer format, open responses, what they come to."""
        known = {prompt.id: prompt for prompt in prompts}
        own: dict[str, list[Response]] = {}
        for response in responses:
            own.setdefault(response.prompt_id, []).append(leave_thought(response))
        outcomes: dict[str, Counter[SampleOutcome]] = {}
        for prompt_id, spoken in own.items():
            prompt = known[prompt_id]
            name = "open"
            if prompt.answer_format is not None:
                name = widen_format(prompt.answer_format, (r.text for r in spoken))
            for response in spoken:
                outcome = response_outcome(response, prompt, name)
                outcomes.setdefault(name, Counter())[outcome] += 1
                if outcome != "parsed":
                    fault = f"responses, {name}: {WORDS[outcome]}"
                    self.show(fault, prompt.question, response.text)
        for name, counts in sorted(outcomes.items()):
            whole = counts.total()
            of = f"responses, {name}"
            if name != "open":
                self.at_least("parsed_rate", f"{of}: parsed", counts["parsed"], whole)
            self.at_most("cut_off_rate", f"{of}: cut off", counts["cut_off"], whole)
            self.at_most("refused_rate", f"{of}: refused", counts["refused"], whole)

    def add_altered(
        self,
        prompts: Iterable[Prompt],
        altered: list[Altered],
        dropped: Iterable[Mapping[str, Any]],
    ) -> None:
        """Rewrites, and why they give no pair."""
        questions = {prompt.id: prompt.question for prompt in prompts}
        spoken = [leave_thought(one) for one in altered]
        cut = sum(one.finish_reason == "length" for one in spoken)
        refused = sum(refuses_at_once(one.text) for one in spoken)
        self.at_most("cut_off_rate", "rewrites: cut off", cut, len(altered))
        self.at_most("refused_rate", "rewrites: refused", refused, len(altered))
        for line in dropped:
            if "response_id" in line:
                question = questions[line["prompt_id"]]
                self.show(f"rewrites: {line['reason']}", question, line["text"])

    def add_pairs(self, probed: Probed) -> None:
        """How many prompts of each kind give a pair."""
        for what, kind in ((CLOSED_PAIRS, "closed"), (OPEN_PAIRS, "open")):
            number = sum(pair.kind == kind for pair in probed.pairs)
            whole = sum(prompt.kind == kind for prompt in probed.prompts)
            self.at_least("pair_rate", what, number, whole)

    def add_judgments(self, pairs: Iterable[Pair], judgments: list[Judgment]) -> None:
        """Verdicts, their letters, and whether they prefer the chosen response."""
        letters: Counter[Verdict | None] = Counter()
        known = {pair.id: pair for pair in pairs}
        own: dict[str, list[Judgment]] = {pair_id: [] for pair_id in known}
        preferences: dict[str, list[bool | None]] = {pair_id: [] for pair_id in known}
        for judgment in judgments:
            is_cut = judgment.finish_reason == "length"
            verdict = None if is_cut else parse_verdict(judgment.text)
            preference = prefers_chosen(verdict, judgment.order)
            letters[verdict] += 1
            own[judgment.pair_id].append(judgment)
            preferences[judgment.pair_id].append(preference)
            if not preference:
                fault = "cut off" if is_cut else "no verdict"
                fault = "prefers rejected" if verdict else fault
                question = known[judgment.pair_id].question
                self.show(f"judgments: {fault}", question, judgment.text)
        whole, parsed = len(judgments), letters["A"] + letters["B"]
        cut = sum(judgment.finish_reason == "length" for judgment in judgments)
        self.at_most("cut_off_rate", "judgments: cut off", cut, whole)
        self.at_least("verdict_rate", "judgments: a verdict", parsed, whole)
        letter: Verdict = "A" if letters["A"] >= letters["B"] else "B"
        what = f"verdicts: {letter}, the commoner letter"
        self.at_most("same_letter_rate", what, letters[letter], parsed)
        both = sum(
            "accepted" in decide_pair(pair, own[name], preferences[name], MAJORITY, 0)
            for name, pair in known.items()
        )
        self.at_least("right_rate", RIGHT_PAIRS, both, len(known))

    def show(self, fault: str, question: str, text: str) -> None:
        """Keep the text, if it is one of the first of its fault."""
        texts = self.texts.setdefault(fault, [])
        if len(texts) < NUM_TEXTS:
            texts.append(Fault(question=question, text=text))

    def at_least(self, name: str, what: str, number: int, whole: int) -> None:
        """A share with a lower bound."""
        low = getattr(self.bounds, f"min_{name}")
        self.add(what, number, whole, f"below min_{name} {low:g}", below=low)

    def at_most(self, name: str, what: str, number: int, whole: int) -> None:
        """A share with an upper bound."""
        high = getattr(self.bounds, f"max_{name}")
        self.add(what, number, whole, f"above max_{name} {high:g}", above=high)

    def add(
        self,
        what: str,
        number: int,
        whole: int,
        bound: str,
        *,
        below: float = 0.0,
        above: float = 1.0,
    ) -> None:
        """A share, with the bound that it passed if it did; one of nothing passes
        none."""
        rate = share_of(number, whole)
        is_out = rate is not None and not below <= rate <= above
        self.shares[what] = Share(
            number=number, whole=whole, rate=rate, bound=bound if is_out else None
        )


def response_outcome(response: Response, prompt: Prompt, name: Any) -> SampleOutcome:
    """What a response comes to; an open one refuses if its first sentence does."""
    if prompt.answer_format is not None:
        return sample_outcome(response, name, prompt.question)
    if response.finish_reason == "length":
        return "cut_off"
    return "refused" if refuses_at_once(response.text) else "parsed"
