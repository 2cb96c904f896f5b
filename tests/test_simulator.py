"""The engine without a model: its texts pass through the real decisions."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import yaml

from examples import (
    BOUNDS,
    ask_both_orders,
    image_bytes,
    judge_both,
    make_pair,
    make_prompt,
    make_release,
    make_row,
)
from selfjudge.benchmarks.comparisons import compare
from selfjudge.benchmarks.registry import find_protocol
from selfjudge.benchmarks.scores import ScoredJudge, Scores
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.engines import open_engine
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.journal import run_requests
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import content_id
from selfjudge.ground.records import CATEGORIES, Accepted, Pair, Prompt
from selfjudge.ground.requests import SIMULATED_MARK, Generation, Request, Sampling
from selfjudge.ground.templates import load_template
from selfjudge.judging.asks import (
    JUDGE_FIELDS,
    JUDGE_TEMPLATE,
    judgment_from,
    judgment_requests,
)
from selfjudge.judging.verdicts import read_stated
from selfjudge.pairs.alterations import check_alteration
from selfjudge.pairs.building import Candidates, build_pairs
from selfjudge.pairs.filters import FILTERS
from selfjudge.pairs.labelling import PairSettings
from selfjudge.pairs.responses import (
    alteration_requests,
    altered_from,
    load_templates,
    response_from,
    response_requests,
)
from selfjudge.report.score_text import format_beside

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "scripts" / "templates"
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SAMPLING = Sampling(max_tokens=64, temperature=1.0, top_k=0, top_p=1.0)
QUESTIONS = {
    "number": "How many dogs are in picture {}?",
    "yes_no": "Is there a dog in picture {}?",
    "choice": "What is in picture {}?\nA. a dog\nB. a cat\nC. a cow",
    "phrase": "What color is the dog in picture {}?",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the one image of all prompts."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    return tmp_path


def settings(**changes: Any) -> EngineSettings:
    """The engine section of config.yaml with the simulator's keys changed."""
    section = CONFIG["engine"] | {"name": "simulator"}
    section["simulator"] = section["simulator"] | changes
    return msgspec.convert(section, EngineSettings)


class Answered(NamedTuple):
    """Generations, and what they cost."""

    generations: list[Generation]
    usage: Usage


def ask(root: Path, requests: Sequence[Request], **changes: Any) -> Answered:
    """The simulator's answers through a real journal."""
    journal, usage = root / "journal", Usage()
    engine = open_engine(settings(**changes), "org/model", None, journal=journal)
    answers = run_requests(
        engine, requests, journal=journal, stage="test", usage=usage, log=print
    )
    return Answered(answers, usage)


def closed_prompts(answer_format: Any, number: int) -> list[Prompt]:
    """Closed prompts with different questions, in id order."""
    texts = [QUESTIONS[answer_format].format(place) for place in range(number)]
    prompts = [
        make_prompt(question=text, answer_format=answer_format, id=content_id(text))
        for text in texts
    ]
    return sorted(prompts, key=lambda prompt: prompt.id)


def responses_to(root: Path, prompts: Iterable[Prompt], **changes: Any) -> list[Any]:
    """Sixteen simulated responses to each closed prompt, one to an open one."""
    requests = [
        request
        for prompt in prompts
        for request in response_requests(
            prompt,
            load_template(TEMPLATES / f"respond_{prompt.kind}.txt", "question"),
            16 if prompt.kind == "closed" else 1,
            SAMPLING,
            root,
            0,
        )
    ]
    answers = ask(root, requests, **changes).generations
    return [response_from(*pair) for pair in zip(answers, requests, strict=True)]


@pytest.mark.parametrize("answer_format", sorted(QUESTIONS))
def test_closed_prompts_give_pairs_as_often_as_the_settings_say(
    root: Path, answer_format: str
) -> None:
    """Every format's answers are read; the share of unanimous prompts is kept."""
    prompts = closed_prompts(answer_format, 200)
    responses = responses_to(root, prompts, unanimous_rate=0.4, parsed_rate=1.0)
    by_prompt = {prompt.id: [] for prompt in prompts}  # type: dict[str, list[Any]]
    for response in responses:
        by_prompt[response.prompt_id].append(response)
    candidates = [Candidates(p, by_prompt[p.id], []) for p in prompts]
    section = PairSettings(majority_threshold=5, alteration_bounds=BOUNDS)
    outcomes = list(build_pairs(candidates, FILTERS["majority"], section, 0))
    reasons = Counter(o.dropped["reason"] for o in outcomes if o.dropped)
    assert set(reasons) <= {"unanimous", "tie", "below_threshold"}
    # 200 draws of a share of 0.4: five standard errors are 0.17.
    assert 0.4 - 0.17 <= reasons["unanimous"] / 200 <= 0.4 + 0.17
    assert sum(outcome.pair is not None for outcome in outcomes) > 80


def test_rewrites_change_one_word_as_often_as_the_settings_say(root: Path) -> None:
    """A valid rewrite passes the real bounds; the others are `unchanged`."""
    prompts = [
        make_prompt(kind="open", answer_format=None, question=f"Describe {n}.", id=i)
        for n, i in ((n, content_id("open", n)) for n in range(200))
    ]
    responses = responses_to(root, prompts)
    paths = [TEMPLATES / "alter" / f"{category}.txt" for category in CATEGORIES]
    templates = load_templates(paths, "question", "response")
    known = {prompt.id: prompt for prompt in prompts}
    requests = list(alteration_requests(known, responses, templates, SAMPLING, root, 0))
    answers = ask(root, requests, alteration_valid_rate=0.8).generations
    altered = [altered_from(*pair) for pair in zip(answers, requests, strict=True)]
    texts = {response.id: response.text for response in responses}
    reasons = Counter(
        check_alteration(texts[rewrite.response_id], rewrite.text, BOUNDS)
        for rewrite in altered
    )
    assert set(reasons) == {None, "unchanged"}
    assert 0.8 - 0.15 <= reasons[None] / 200 <= 0.8 + 0.15


def judging(root: Path, pairs: Iterable[Pair]) -> list[Request]:
    """What a judge is asked about pairs, in both orders."""
    template = load_template(TEMPLATES / "judge.txt", *JUDGE_FIELDS)
    known = {pair.id: pair for pair in pairs}
    asks = ask_both_orders(known.values(), 1, SAMPLING, 0)
    return list(judgment_requests(known, asks, {JUDGE_TEMPLATE: template}, root))


def judge(root: Path, pairs: Iterable[Pair], **changes: Any) -> Answered:
    """The simulator's judgments of pairs in both orders."""
    return ask(root, judging(root, pairs), **changes)


def test_verdicts_are_right_as_often_as_the_settings_say(root: Path) -> None:
    """Accuracy and share of parsed verdicts, the same in both orders."""
    pairs = [make_pair(number) for number in range(300)]
    answers = judge(root, pairs, verdict_accuracy=0.7, parsed_rate=0.9)
    assert answers.usage.num_output_tokens > 0
    verdicts: dict[str, list[bool | None]] = {}
    for generation in answers.generations:
        order: Any = generation.request_id.split("/")[1]
        verdicts.setdefault(order, []).append(read_stated(generation.text, order))
    for found in verdicts.values():
        parsed = [verdict for verdict in found if verdict is not None]
        assert 0.9 - 0.09 <= len(parsed) / 300 <= 0.9 + 0.09
        assert 0.7 - 0.14 <= sum(parsed) / len(parsed) <= 0.7 + 0.14


def test_the_same_question_gets_the_same_bytes(root: Path) -> None:
    """In another folder, batch and process; other settings are another model."""
    pairs = [make_pair(number) for number in range(20)]
    first = judge(root, pairs)
    # From the journal the second time.
    assert judge(root, pairs).usage.num_calls == 0
    (folder,) = (root / "journal").iterdir()
    assert folder.name.startswith("simulated-")
    folder.rename(root / "elsewhere")
    again = judge(root, reversed(pairs))
    assert again.usage.num_calls == 40
    texts = {g.request_id: g.text for g in first.generations}
    assert {g.request_id: g.text for g in again.generations} == texts
    assert judge(root, pairs, parsed_rate=0.5).usage.num_calls == 40


def test_speed_is_no_part_of_the_answer(root: Path) -> None:
    """Waiting takes the time it should, and makes no other model."""
    pairs = [make_pair(number) for number in range(5)]
    slow = judge(root, pairs, tokens_per_second=5000)
    expected = slow.usage.num_output_tokens / 5000
    assert slow.usage.seconds >= expected > 0.1
    assert judge(root, pairs, tokens_per_second=0).usage.num_calls == 0


def test_every_text_is_marked(root: Path) -> None:
    """Responses and judgments begin with the mark."""
    responses = responses_to(root, closed_prompts("number", 3))
    assert {r.text.startswith(SIMULATED_MARK) for r in responses} == {True}
    answers = judge(root, [make_pair()])
    texts = [generation.text for generation in answers.generations]
    assert all(text.startswith(SIMULATED_MARK) for text in texts)


def scores(root: Path, simulated: bool, iteration: int) -> Scores:
    """The scores of two pairs, judged by the simulator or by us."""
    pairs = [make_pair(n, origin="benchmark", category="general") for n in range(2)]
    judgments = [j for pair in pairs for j in judge_both(pair, "A", "B")]
    if simulated:
        requests = judging(root, pairs)
        answers = ask(root, requests).generations
        judgments = [
            judgment_from(*both) for both in zip(answers, requests, strict=True)
        ]
    return score_benchmark(
        ScoredJudge("vlrb", iteration, "majority" if iteration else "base"),
        find_protocol("vl_rewardbench", "selfjudge"),
        make_release(num_rows=2, num_pairs=2),
        pairs,
        [make_row(pair, n) for n, pair in enumerate(pairs)],
        judgments,
    )


def test_scores_say_that_they_are_simulated(root: Path) -> None:
    """The warning goes from the judgments to the comparison that people read."""
    real = scores(root, simulated=False, iteration=0)
    fake = scores(root, simulated=True, iteration=1)
    assert real.release.warnings == []
    (warning,) = fake.release.warnings
    assert "4 of 4 judgments" in warning
    comparison = json.loads(msgspec.json.encode(compare([fake], real, {})))
    assert comparison["release"]["warnings"] == [warning]
    assert f"! {warning}" in format_beside(comparison)


def test_no_training_takes_a_simulated_row(tmp_path: Path) -> None:
    """Neither a simulated judgment nor a judgment of simulated responses."""
    from selfjudge.training.rows import refuse_simulated

    def row(asked: str, said: str) -> Accepted:
        turns = [("user", asked), ("assistant", said)]
        return Accepted(
            images=(),
            messages=[
                {"role": role, "content": [{"type": "text", "text": text}]}
                for role, text in turns
            ],
            prompt_id="q",
            pair_id="p",
            judgment_id="j1",
            order="chosen_first",
        )

    path = tmp_path / "accepted.jsonl"
    refuse_simulated(path, [row("which?", "Verdict: [[A]]")])
    for asked, said in (("which?", "(simulated) x"), ("A: (simulated) x", "A")):
        with pytest.raises(ValueError, match=r"accepted\.jsonl: .* j1 must hold texts"):
            refuse_simulated(path, [row(asked, said)])
