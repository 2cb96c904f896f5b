"""A few prompts through iteration 1: what is asked, counted, warned of, reused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from examples import (
    image_bytes,
    judge_both,
    make_altered,
    make_judgment,
    make_pair,
    make_prompt,
    make_responses,
)
from selfjudge.benchmarks.collections import asking_of
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.stage import Model
from selfjudge.ground.ledgers import Ledger, read_ledgers
from selfjudge.ground.lines import content_id, read_records
from selfjudge.ground.records import CATEGORIES, Check, Judgment, Pair, Prompt
from selfjudge.ground.requests import Samples, Sampling
from selfjudge.pairs.filters import FILTERS
from selfjudge.run.probe_report import (
    NUM_TEXTS,
    Bounds,
    Probed,
    ProbeReport,
    read_probed,
    report_probe,
)
from selfjudge.run.probe_text import format_probe
from selfjudge.run.probing import Probe, Recipe, Templates, choose_probed

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
BOUNDS = msgspec.convert(CONFIG["probe"], Bounds)
SAMPLES = Samples(num_samples=4, sampling=Sampling(max_tokens=64, temperature=1.0))


def make_ledger(**changes: Any) -> Ledger:
    """The line of a run of four requests."""
    line = Ledger(
        stage="generate_responses",
        engine="transformers",
        model="m",
        started="2026-01-01T00:00:00+00:00",
        num_gpus=0,
        num_requests=4,
        num_from_journal=0,
        num_calls=4,
        num_prompt_tokens=40,
        num_cached_prompt_tokens=None,
        num_output_tokens=20,
        start_seconds=3.0,
        seconds=2.0,
        finished=True,
    )
    return msgspec.structs.replace(line, **changes)


NUMBERS = st.lists(st.integers(0, 99), unique=True)


def report(bounds: Bounds = BOUNDS, **records: Sequence[Any]) -> ProbeReport:
    """The report of some records; none of the other kinds."""
    names = Probed._fields
    probed = Probed(**{name: list(records.get(name, ())) for name in names})
    return report_probe(probed, bounds, {})


def counts(found: ProbeReport) -> dict[str, tuple[int, int]]:
    """How many of how many, by share."""
    return {what: (share.number, share.whole) for what, share in found.shares.items()}


def texts(found: ProbeReport) -> dict[str, list[str]]:
    """The texts of each fault."""
    return {name: [one.text for one in faults] for name, faults in found.texts.items()}


def cut(record: Any) -> Any:
    """The record, cut at the token limit."""
    return msgspec.structs.replace(record, finish_reason="length")


def test_samples_are_counted_by_what_they_come_to() -> None:
    """Each sample once: with an answer, cut off, refused, or unclear."""
    prompt = make_prompt()
    *whole, last = make_responses(
        prompt, "Answer: 3", "I cannot tell.", "Many dogs run about here.", "Answer: 4"
    )
    found = report(prompts=[prompt], responses=[*whole, cut(last)])
    assert counts(found) | {
        "responses, number: parsed": (1, 4),
        "responses, number: refused": (1, 4),
        "responses, number: cut off": (1, 4),
    } == counts(found)
    assert texts(found) == {
        "responses, number: refused": ["I cannot tell."],
        "responses, number: no answer": ["Many dogs run about here."],
        "responses, number: cut off": ["Answer: 4"],
    }
    faults = found.texts["responses, number: refused"]
    assert [fault.question for fault in faults] == [prompt.question]


def test_an_open_response_refuses_with_its_first_sentence() -> None:
    """What cannot be seen of the picture is no refusal to look at it."""
    prompt = make_prompt(kind="open", answer_format=None)
    responses = make_responses(
        prompt,
        "I'm sorry, I cannot help with that.",
        "A dog runs on grass. Its owner is not visible.",
        "The face of the man is not visible, but he wears a hat of unknown brand.",
        "It is difficult to miss the red door.",
    )
    shares = counts(report(prompts=[prompt], responses=responses))
    assert shares["responses, open: refused"] == (1, 4)
    assert "responses, open: parsed" not in shares


def test_rewrites_and_pairs_are_counted_by_kind() -> None:
    """Of prompts that give a pair; the texts of dropped rewrites are shown."""
    closed, opened = make_prompt(0), make_prompt(1, kind="open", answer_format=None)
    (response,) = make_responses(opened, "Two dogs sleep.")
    rewrite = make_altered(response, "Two dogs sleep.")
    found = report(
        prompts=[closed, opened],
        responses=[response],
        altered=[cut(rewrite)],
        pairs=[make_pair(0)],
        dropped=[msgspec.to_builtins(rewrite) | {"reason": "unchanged"}],
    )
    shares = counts(found)
    assert shares["pairs, of closed prompts"] == (1, 1)
    assert shares["pairs, of open prompts"] == (0, 1)
    assert shares["rewrites: cut off"] == (1, 1)
    assert found.dropped == {"unchanged": 1}
    assert texts(found)["rewrites: unchanged"] == ["Two dogs sleep."]
    assert shares["rewrites: refused"] == (0, 1)
    assert found.routed == {"number": 1, "open": 1}


def test_verdicts_are_counted_by_letter_and_by_pair() -> None:
    """Right in both orders counts once a pair; no verdict is none of the letters."""
    right, wrong, half = make_pair(0), make_pair(1), make_pair(2)
    judgments = [
        *judge_both(right, "A", "B"),
        *judge_both(wrong, "A", "A"),
        make_judgment(half, "chosen_first", "Verdict: [[A]]"),
        cut(make_judgment(half, "rejected_first", "Both are")),
    ]
    found = report(pairs=[right, wrong, half], judgments=judgments)
    shares = counts(found)
    assert shares["pairs: right in both orders"] == (1, 3)
    assert shares["judgments: a verdict"] == (5, 6)
    assert shares["judgments: cut off"] == (1, 6)
    assert shares["verdicts: A, the commoner letter"] == (4, 5)
    assert texts(found) == {
        "judgments: cut off": ["Both are"],
        "judgments: prefers rejected": ["Verdict: [[A]]"],
    }


def test_a_verdict_that_was_cut_off_is_none() -> None:
    """As the filter has it: neither a verdict nor right."""
    pair = make_pair(0)
    judgments = [cut(judgment) for judgment in judge_both(pair, "A", "B")]
    shares = counts(report(pairs=[pair], judgments=judgments))
    assert shares["judgments: a verdict"] == (0, 2)
    assert shares["pairs: right in both orders"] == (0, 1)


def test_most_of_several_traces_judge_a_pair() -> None:
    """As the filter has it: two of three right in each order are right."""
    pair = make_pair(0)
    judgments = [
        make_judgment(pair, order, f"Verdict: [[{letter}]]", sample=sample)
        for order, letters in (("chosen_first", "AAB"), ("rejected_first", "BBA"))
        for sample, letter in enumerate(letters)
    ]
    shares = counts(report(pairs=[pair], judgments=judgments))
    assert shares["pairs: right in both orders"] == (1, 1)


@pytest.mark.parametrize(("num_cut", "warns"), [(1, False), (2, True)])
def test_a_share_above_its_bound_is_warned_of(num_cut: int, warns: bool) -> None:
    """One of twenty is the bound itself."""
    prompt = make_prompt()
    responses = make_responses(prompt, *["Answer: 3"] * 20)
    found = report(
        prompts=[prompt],
        responses=[*map(cut, responses[:num_cut]), *responses[num_cut:]],
    )
    assert ("responses, number: cut off" in found.warnings) == warns


def test_numbers_that_a_sample_writes_as_mathematics_are_counted_so() -> None:
    """Under the format in which they are read."""
    prompt = make_prompt()
    responses = make_responses(prompt, "Answer: 1/2", "Answer: 0.5")
    found = report(prompts=[prompt], responses=responses)
    assert counts(found)["responses, expression: parsed"] == (2, 2)
    assert found.routed == {"number": 1}


def test_costs_are_of_the_last_run_that_asked() -> None:
    """Neither of a run that the journal answered, nor of a stage without records."""
    asked, answered = make_ledger(), make_ledger(num_calls=0, num_from_journal=4)
    lines = {"responses": [asked, answered], "judgments": [asked]}
    prompt = make_prompt()
    probed = Probed([prompt], make_responses(prompt, "3"), [], [], [], [])
    found = report_probe(probed, BOUNDS, lines)
    assert found.costs == {"responses": asked}
    assert "responses  4" in format_probe(found, "")


@pytest.mark.parametrize(
    ("num_right", "warns"),
    [
        pytest.param(9, False, id="at-the-bound"),
        pytest.param(8, True, id="below"),
    ],
)
def test_a_share_below_its_bound_is_warned_of(num_right: int, warns: bool) -> None:
    """The bound itself is within."""
    prompt = make_prompt()
    texts = ["Answer: 3"] * num_right + ["Some dogs."] * (10 - num_right)
    found = report(prompts=[prompt], responses=make_responses(prompt, *texts))
    what = "responses, number: parsed"
    assert (what in found.warnings) == warns
    text = format_probe(found, "")
    assert (f"WARNING {what}: {num_right} of 10" in text) == warns


def test_nothing_is_no_share_and_no_warning() -> None:
    """A probe without pairs has no share of verdicts, and says why it has none."""
    found = report(
        prompts=[make_prompt()],
        dropped=[msgspec.to_builtins(make_prompt()) | {"reason": "unanimous"}],
    )
    assert found.shares["judgments: a verdict"].rate is None
    assert set(found.warnings) == {"pairs, of closed prompts"}
    assert "no pair: unanimous 1" in format_probe(found, "")


def test_few_texts_of_each_fault_are_shown() -> None:
    """The first ones, long ones without their middle."""
    prompt = make_prompt()
    written = [f"begin {number} " + "x " * 900 + "end" for number in range(9)]
    found = report(prompts=[prompt], responses=make_responses(prompt, *written))
    assert texts(found)["responses, number: no answer"] == written[:NUM_TEXTS]
    shown = format_probe(found, "")
    assert shown.count("begin") == shown.count("end") == NUM_TEXTS
    assert len(shown) < 9000


@given(NUMBERS, st.integers(0, 30), st.integers(0, 5))
def test_the_prompts_drawn_are_of_the_seed(
    numbers: list[int], number: int, seed: int
) -> None:
    """In the order of the file, whatever that is; fewer are a part of more."""
    prompts = [make_prompt(n) for n in numbers]
    drawn = choose_probed(prompts, number, seed)
    assert drawn == [prompt for prompt in prompts if prompt in drawn]
    assert len(drawn) == min(number, len(prompts))
    assert {p.id for p in drawn} <= {
        p.id for p in choose_probed(prompts, number + 1, seed)
    }
    assert choose_probed(prompts[::-1], number, seed) == drawn[::-1]


def simulated(folder: Path) -> Probe:
    """A probe of an engine without a model, with a real journal."""
    section = CONFIG["engine"] | {"name": "simulator"}
    engine = msgspec.convert(section, EngineSettings)
    model = Model(
        model="org/model", revision=None, engine=engine, journal=folder / "journal"
    )
    recipe = msgspec.convert(
        {
            "responses": msgspec.to_builtins(SAMPLES),
            "alterations": {"sampling": msgspec.to_builtins(SAMPLES.sampling)},
            "pairs": CONFIG["pairs"] | {"majority_threshold": 2},
            "filter": msgspec.to_builtins(FILTERS["majority"]),
            "judgments": msgspec.to_builtins(asking_of("paired", SAMPLES)),
        },
        Recipe,
    )
    (folder / "a.png").write_bytes(image_bytes())
    alter = dict.fromkeys(CATEGORIES, "{question}\n{response}")
    templates = Templates(
        "{question}", "{question}", alter, "{question}\n{response_a}\n{response_b}"
    )
    return Probe(
        model,
        recipe,
        templates,
        image_root=folder,
        run_seed=0,
        folder=folder / "probe",
        ledgers=folder / "ledgers",
    )


def test_a_probe_writes_what_it_asked_and_asks_it_once(tmp_path: Path) -> None:
    """Records of every stage; a second probe is answered by the journal."""
    prompts = sorted(
        (
            make_prompt(
                number,
                id=content_id(number),
                question=f"How many dogs are in picture {number}?",
            )
            if number % 2
            else make_prompt(
                number,
                id=content_id(number),
                question=f"Describe picture {number}.",
                kind="open",
                answer_format=None,
            )
            for number in range(40)
        ),
        key=lambda prompt: prompt.id,
    )
    (tmp_path / "probe").mkdir()
    simulated(tmp_path).run(prompts)
    written = {path.name: path.read_bytes() for path in (tmp_path / "probe").iterdir()}
    probed = read_probed(tmp_path / "probe")
    assert probed.prompts == prompts
    assert len(probed.responses) == 20 * SAMPLES.num_samples + 20
    asked = {pair.id for pair in probed.pairs}
    assert {pair.kind for pair in probed.pairs} == {"open", "closed"}
    assert {judgment.pair_id for judgment in probed.judgments} == asked
    assert b"picture" in written["shown.txt"]

    simulated(tmp_path).run(prompts)
    again = {path.name: path.read_bytes() for path in (tmp_path / "probe").iterdir()}
    assert again == written
    ledgers = read_ledgers(tmp_path / "ledgers")
    assert set(ledgers) == {"responses", "altered", "judgments"}
    for first, second in ledgers.values():
        assert first.num_calls and first.num_from_journal == 0
        assert second.num_calls == 0
        assert second.num_from_journal == first.num_requests


def test_a_probe_checks_rewrites_where_the_run_does(tmp_path: Path) -> None:
    """With a file and a ledger of its own; the report has its cost."""
    prompts = [make_prompt(n, kind="open", answer_format=None) for n in range(9)]
    prompts.sort(key=lambda prompt: prompt.id)
    (tmp_path / "probe").mkdir()
    probe = simulated(tmp_path)
    recipe = msgspec.structs.replace(
        probe.recipe,
        pairs=msgspec.structs.replace(probe.recipe.pairs, check_margin=0.5),
    )
    probe.recipe = recipe
    probe.templates = probe.templates._replace(check="{statement}")
    probe.run(prompts)
    checks = list(read_records(tmp_path / "probe/checks.jsonl", Check))
    probed = read_probed(tmp_path / "probe")
    assert 0 < len(probed.pairs) <= len(checks) <= len(probed.altered)
    ledgers = read_ledgers(tmp_path / "ledgers")
    found = report_probe(probed, BOUNDS, ledgers)
    assert list(found.costs) == ["responses", "altered", "checks", "judgments"]
    assert found.costs["checks"].num_calls == 2 * len(checks)


def test_a_probe_without_a_pair_is_whole(tmp_path: Path) -> None:
    """No judgment is asked for, and the files are there."""
    (tmp_path / "probe").mkdir()
    simulated(tmp_path).run([])
    for name, kind in (("prompts", Prompt), ("pairs", Pair), ("judgments", Judgment)):
        assert list(read_records(tmp_path / f"probe/{name}.jsonl", kind)) == []
    assert "probe of 0 prompts" in format_probe(
        report_probe(read_probed(tmp_path / "probe"), BOUNDS, {}), ""
    )
