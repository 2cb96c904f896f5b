"""What a judge is asked: which asks a decision writes, and what they become."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from examples import ask_both_orders, generate, make_pair, make_row
from selfjudge.benchmarks.collections import COLLECTIONS, Collection, asking_of
from selfjudge.benchmarks.registry import OFFICIAL
from selfjudge.ground.lines import content_id, read_records, write_records
from selfjudge.ground.records import ORDERS, Ask, Pair
from selfjudge.ground.requests import Request, Samples, Sampling
from selfjudge.ground.seeds import Shard
from selfjudge.ground.templates import fill, load_template
from selfjudge.judging.asks import (
    JUDGE_FIELDS,
    JUDGE_TEMPLATE,
    Asking,
    ask_pairs,
    judge_text,
    judgment_from,
    judgment_requests,
    load_judge_template,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"
SAMPLING = Sampling(max_tokens=8, temperature=0.6, top_p=0.9, top_k=50)
TEMPLATE = "Q: {question}\nA: {response_a}\nB: {response_b}\n"
ROOT = Path("images")
HOSTILE = st.text(st.sampled_from("{}\\ab_ ")) | st.sampled_from(
    ["{response_b}", "{question}", "{{x}}", "\\1", "\\g<0>", "{0}", "%s"]
)
PAIRS = st.sets(st.integers(0, 99)).map(
    lambda numbers: sorted(map(make_pair, numbers), key=lambda pair: pair.prompt_id)
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_values_stay_as_they_are(question: str, first: str, second: str) -> None:
    """Braces and names of placeholders inside a value are not replaced."""
    text = fill(TEMPLATE, question=question, response_a=first, response_b=second)
    assert text == f"Q: {question}\nA: {first}\nB: {second}\n"


@given(HOSTILE, HOSTILE)
def test_exchanged_sides_in_the_other_order_read_alike(one: str, other: str) -> None:
    """A judge sees places, never which response was chosen."""
    pair = make_pair(chosen=one, rejected=other)
    exchanged = make_pair(chosen=other, rejected=one)
    assert judge_text(pair, "chosen_first", TEMPLATE) == judge_text(
        exchanged, "rejected_first", TEMPLATE
    )


def test_chosen_first_puts_chosen_in_place_a() -> None:
    """The order says which response comes first."""
    pair = make_pair(question="q", chosen="good", rejected="bad")
    assert judge_text(pair, "chosen_first", TEMPLATE) == "Q: q\nA: good\nB: bad\n"


def test_rejected_first_puts_rejected_in_place_a() -> None:
    """The order says which response comes first."""
    pair = make_pair(question="q", chosen="good", rejected="bad")
    assert judge_text(pair, "rejected_first", TEMPLATE) == "Q: q\nA: bad\nB: good\n"


@pytest.mark.parametrize("folder", ["scripts/templates", "demo/templates"])
def test_nothing_but_responses_tells_the_orders_apart(folder: str) -> None:
    """All that both orders share stands first, so that an engine computes it once."""
    path = Path(__file__).parents[1] / folder / "judge.txt"
    template = load_template(path, *JUDGE_FIELDS)
    pair = make_pair(question="what?", chosen="xyz", rejected="uvw")
    texts = [judge_text(pair, order, template) for order in ORDERS]
    responses = [pair.chosen, pair.rejected]
    starts = [min(text.index(r) for r in responses) for text in texts]
    ends = [max(text.index(r) for r in responses) for text in texts]
    assert starts[0] == starts[1]
    assert texts[0][: starts[0]] == texts[1][: starts[1]]
    assert "what?" in texts[0][: starts[0]]
    assert all(len(text) - end < 50 for text, end in zip(texts, ends, strict=True))


# ------------------------------------------------------------------ which asks


def place_of(ask: Ask) -> tuple[str, str, int]:
    """What an ask is about."""
    return ask.pair_id, ask.order, ask.sample


@given(PAIRS, st.integers(1, 4), st.integers(0, 9))
def test_every_pair_is_asked_in_both_orders_alike(
    pairs: list[Pair], num_samples: int, seed: int
) -> None:
    """As many asks in each order, in the order of the pairs, each with its seed."""
    asks = list(ask_both_orders(pairs, num_samples, SAMPLING, seed))
    assert list(map(place_of, asks)) == [
        (pair.id, order, sample)
        for pair in pairs
        for order in ("chosen_first", "rejected_first")
        for sample in range(num_samples)
    ]
    assert len({ask.seed for ask in asks}) == len(asks)
    assert {ask.template for ask in asks} <= {JUDGE_TEMPLATE}


def test_the_seed_of_an_ask_is_fixed() -> None:
    """A seed never changes between versions: what the journal has depends on it."""
    first, *_ = ask_both_orders([make_pair(id="ab")], 1, SAMPLING, 0)
    assert first.seed == 108161747508000981


def test_the_seed_says_nothing_of_where_a_pair_is_judged() -> None:
    """Another filter's pairs, another label, template or sampling: the same seeds."""
    own, other = make_pair(1), make_pair(1, origin="gold_answer", num_votes=2)
    alone = list(ask_both_orders([own], 2, SAMPLING, 0))
    beside = list(ask_both_orders([make_pair(0), other, make_pair(2)], 2, SAMPLING, 0))
    assert alone == [ask for ask in beside if ask.pair_id == own.id]
    hotter = msgspec.structs.replace(SAMPLING, temperature=1.0)
    seeds = [ask.seed for ask in ask_both_orders([own], 2, hotter, 0)]
    assert seeds == [ask.seed for ask in alone]
    assert seeds != [ask.seed for ask in ask_both_orders([own], 2, SAMPLING, 1)]


def test_more_samples_keep_the_first_ones() -> None:
    """Raising num_samples reuses what the journal has."""
    few, many = (list(ask_both_orders([make_pair()], n, SAMPLING, 0)) for n in (2, 4))
    assert few == [ask for ask in many if ask.sample < 2]


def ask(
    collection: Collection,
    pairs: Sequence[Pair],
    release: str = "vl_rewardbench",
    num_samples: int = 3,
    num_votes: int = 5,
    seed: int = 0,
    **row: Any,
) -> list[Ask]:
    """The asks of a collection about a benchmark's pairs."""
    return list(
        ask_pairs(
            pairs,
            [make_row(pair, n, **row) for n, pair in enumerate(pairs)],
            asking_of(
                collection,
                Samples(num_samples=num_samples, sampling=SAMPLING),
                OFFICIAL[release],
                num_votes,
            ),
            seed,
        )
    )


@given(PAIRS, st.sampled_from(COLLECTIONS), st.sampled_from(sorted(OFFICIAL)))
def test_asks_stand_in_the_order_of_the_pairs(
    pairs: list[Pair], collection: Collection, release: str
) -> None:
    """In every collection: shards one after the other are in the pairs' order."""
    asked = [one.pair_id for one in ask(collection, pairs, release)]
    assert list(dict.fromkeys(asked)) == [pair.id for pair in pairs]
    place = {pair.id: number for number, pair in enumerate(pairs)}
    assert asked == sorted(asked, key=place.__getitem__)


def test_blind_asks_are_those_of_paired() -> None:
    """A grey picture is all that differs: seeds and sampling are the same."""
    pairs = [make_pair(number) for number in range(5)]
    assert ask("blind", pairs) == ask("paired", pairs)
    assert ask("paired", pairs) == list(ask_both_orders(pairs, 3, SAMPLING, 0))


def test_reworded_asks_differ_in_the_prompt_alone() -> None:
    """Of a pair with a criterion too: what it is to be judged by stands in the asks."""
    criterion = "which text is right"
    pairs = [make_pair(0), make_pair(1, criterion=criterion)]
    paired, reworded = ask("paired", pairs), ask("reworded", pairs)
    other = {
        "judge.txt": "judge_reworded.txt",
        "judge_criterion.txt": "judge_reworded_criterion.txt",
    }
    renamed = [
        msgspec.structs.replace(one, template=other[one.template]) for one in paired
    ]
    assert reworded == renamed and {one.template for one in paired} == {*other}
    for name in other.values():
        path = SCRIPTS / "templates" / name
        template = load_judge_template(path)
        pair = pairs["criterion" in name]
        text = judge_text(pair, "chosen_first", template)
        assert pair.chosen in text and (criterion in text) is ("criterion" in name)
        assert not {"[[", "Response A", "Verdict"} & {*text.split("\n")}


def test_greedy_is_one_sample_at_temperature_0() -> None:
    """Whatever the settings draw, nothing is drawn; the length limit stays."""
    asks = ask("greedy", [make_pair(number) for number in range(5)])
    assert Counter(one.order for one in asks) == dict.fromkeys(ORDERS, 5)
    drawn = {(a.sample, a.temperature, a.top_k, a.top_p, a.max_tokens) for a in asks}
    assert drawn == {(0, 0.0, 0, 1.0, SAMPLING.max_tokens)}


@pytest.mark.parametrize("chosen_first", [True, False])
def test_official_asks_follow_the_release_where_the_authors_do(
    chosen_first: bool,
) -> None:
    """Multimodal RewardBench: one vote in the order of the file, at temperature 1."""
    pairs = [make_pair(number) for number in range(6)]
    asks = ask("official", pairs, "multimodal_rewardbench", chosen_first=chosen_first)
    order = "chosen_first" if chosen_first else "rejected_first"
    assert list(map(place_of, asks)) == [(pair.id, order, 0) for pair in pairs]
    assert {(one.temperature, one.template) for one in asks} == {
        (1.0, "multimodal_rewardbench.txt")
    }


@given(st.integers(0, 30), st.sampled_from([1, 3, 5]))
def test_official_asks_of_vl_rewardbench_are_votes(seed: int, num_votes: int) -> None:
    """As many as configured, each in an order by seed; the label has no part in it."""
    pairs = [make_pair(number) for number in range(20)]
    asks = ask("official", pairs, num_votes=num_votes, seed=seed)
    assert asks == ask(
        "official", pairs, num_votes=num_votes, seed=seed, chosen_first=False
    )
    for pair in pairs:
        own = [one for one in asks if one.pair_id == pair.id]
        assert [one.sample for one in own] == list(range(num_votes))
        assert len({one.seed for one in own}) == num_votes
    assert {one.order for one in asks} == set(ORDERS)
    assert {(one.temperature, one.top_p, one.template) for one in asks} == {
        (0.2, 0.2, "vl_rewardbench.txt")
    }


def test_votes_are_odd_in_the_config_that_is_shipped() -> None:
    """So that a vote on a pair that parses whole is no tie."""
    config = yaml.safe_load((SCRIPTS.parent / "config.yaml").read_text())
    fixed = [spec.num_samples for spec in OFFICIAL.values() if spec.orders == "release"]
    votes = [config["official_judgments"]["num_votes"], *fixed]
    assert [number % 2 for number in votes] == [1] * len(votes)


def test_official_asks_need_the_rows_of_the_pairs() -> None:
    """A pair of another preparation is named."""
    pairs = [make_pair(0), make_pair(1)]
    settings = Samples(num_samples=1, sampling=SAMPLING)
    asking = asking_of("official", settings, OFFICIAL["multimodal_rewardbench"])
    with pytest.raises(ValueError, match=rf"rows: .*got none of {pairs[1].id}"):
        list(ask_pairs(pairs, [make_row(pairs[0])], asking, 0))


def test_votes_in_random_orders_need_no_rows() -> None:
    """The release has no part in them: its rows need not be there."""
    settings = Samples(num_samples=1, sampling=SAMPLING)
    asking = asking_of("official", settings, OFFICIAL["vl_rewardbench"], 5)
    pairs = [make_pair(0), make_pair(1)]
    assert list(ask_pairs(pairs, [], asking, 0)) == ask("official", pairs)


# --------------------------------------------------------- what asks become


def requests_for(
    pairs: Sequence[Pair], num_samples: int = 1, shown: Sequence[Pair] | None = None
) -> list[Request]:
    """The requests for asks about ``pairs``, of which we have those ``shown``."""
    known = {pair.id: pair for pair in (pairs if shown is None else shown)}
    asks = ask_both_orders(pairs, num_samples, SAMPLING, 0)
    templates = {JUDGE_TEMPLATE: TEMPLATE}
    return list(judgment_requests(known, asks, templates, ROOT))


def test_a_request_says_what_its_ask_says() -> None:
    """Place, seed and sampling are its own; texts and images those of the pair."""
    pair = make_pair(question="q", chosen="good", rejected="bad", images=("a.png",))
    first, second = requests_for([pair])
    asked, _ = ask_both_orders([pair], 1, SAMPLING, 0)
    assert (first.id, second.id) == (
        f"{pair.id}/chosen_first/0",
        f"{pair.id}/rejected_first/0",
    )
    assert (first.seed, first.sampling) == (asked.seed, SAMPLING)
    assert first.images == ("images/a.png",)
    (turn,) = first.messages
    assert turn["content"] == [
        {"type": "image"},
        {"type": "text", "text": "Q: q\nA: good\nB: bad\n"},
    ]


@given(PAIRS, st.integers(1, 7), st.integers(1, 2))
def test_all_shards_together_answer_each_ask_once(
    pairs: list[Pair], num_shards: int, num_samples: int
) -> None:
    """Asks about pairs of another shard are left alone; joined, shards are whole."""
    found = []
    for index in range(1, num_shards + 1):
        shard = Shard(index, num_shards)
        own = list(shard.select(pairs, lambda pair: pair.prompt_id))
        requests = requests_for(pairs, num_samples, shown=own)
        assert {r.id.split("/")[0] for r in requests} == {pair.id for pair in own}
        found += requests
    assert found == requests_for(pairs, num_samples)
    assert len(found) == 2 * num_samples * len(pairs)


def test_an_ask_with_an_unknown_template_is_an_error() -> None:
    """The error names the pair, the template, and those that there are."""
    pair = make_pair()
    asks = [
        msgspec.structs.replace(one, template="other.txt")
        for one in ask_both_orders([pair], 1, SAMPLING, 0)
    ]
    templates = {"judge.txt": TEMPLATE, "vl_rewardbench.txt": TEMPLATE}
    with pytest.raises(ValueError, match="'template'") as error:
        list(judgment_requests({pair.id: pair}, asks, templates, ROOT))
    assert str(error.value) == (
        "asks: 'template' must be one of judge.txt, vl_rewardbench.txt "
        f"(got 'other.txt' of pair {pair.id})"
    )


def test_judgment_keeps_the_raw_text() -> None:
    """What the judge wrote is kept to the last blank, with its place and seed."""
    pair = make_pair()
    *_, request = requests_for([pair], 2)
    judgment = judgment_from(generate(request, " ok \n"), request)
    assert (judgment.pair_id, judgment.order, judgment.sample, judgment.text) == (
        *(pair.id, "rejected_first", 1),
        " ok \n",
    )
    assert judgment.seed == request.seed
    assert judgment.id == content_id(
        pair.id, "rejected_first", 1, request.seed, " ok \n"
    )


# ------------------------------------------------------------------ the script


def run_script(
    folder: Path, asking: Asking, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run ask_judge.py on the pairs of a folder."""
    command = [sys.executable, str(SCRIPTS / "ask_judge.py"), "--seed", "0"]
    command += ["--asking", msgspec.json.encode(asking).decode()]
    command += ["--pairs", str(folder / "pairs.jsonl")]
    command += ["--output", str(folder / "asks.jsonl"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_script_writes_what_is_asked(tmp_path: Path) -> None:
    """Both orders, or the release's by its rows; one flat object a line."""
    pairs = [make_pair(number) for number in range(3)]
    rows = tmp_path / "rows.jsonl"
    write_records(tmp_path / "pairs.jsonl", pairs)
    write_records(rows, [make_row(p, n) for n, p in enumerate(pairs)])
    settings = Samples(num_samples=2, sampling=SAMPLING)
    done = run_script(tmp_path, asking_of("paired", settings))
    assert done.returncode == 0, done.stderr
    asks = list(read_records(tmp_path / "asks.jsonl", Ask))
    assert asks == list(ask_both_orders(pairs, 2, SAMPLING, 0))
    line = json.loads((tmp_path / "asks.jsonl").read_text().splitlines()[0])
    assert list(line) == (
        "pair_id order sample seed template max_tokens temperature top_p top_k".split()
    )
    official = asking_of("official", settings, OFFICIAL["multimodal_rewardbench"])
    assert run_script(tmp_path, official, "--rows", str(rows)).returncode == 0
    asks = list(read_records(tmp_path / "asks.jsonl", Ask))
    assert asks == ask("official", pairs, "multimodal_rewardbench")


def test_the_releases_order_needs_its_rows(tmp_path: Path) -> None:
    """What is missing is named; no traceback, no file."""
    write_records(tmp_path / "pairs.jsonl", [make_pair()])
    settings = Samples(num_samples=1, sampling=SAMPLING)
    asking = asking_of("official", settings, OFFICIAL["multimodal_rewardbench"])
    done = run_script(tmp_path, asking)
    assert done.returncode == 1 and not (tmp_path / "asks.jsonl").exists()
    assert done.stderr.startswith("error: rows: every pair must have one")


def test_template_must_have_its_placeholders(tmp_path: Path) -> None:
    """A missing and an unknown placeholder are named with the file."""
    path = tmp_path / "judge.txt"
    path.write_text("{question} {response_a} {answer_b}")
    with pytest.raises(ValueError, match="response_b") as error:
        load_template(path, *JUDGE_FIELDS)
    assert str(error.value) == (
        f"{path}: placeholders must be ['question', 'response_a', 'response_b'] "
        "(got ['answer_b', 'question', 'response_a'])"
    )
