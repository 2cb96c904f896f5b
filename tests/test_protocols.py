from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import (
    judge_both,
    make_judgment,
    make_pair,
    make_release,
    make_row,
    score_pair_under,
    write_lines,
)
from selfjudge.benchmarks.collections import asking_of
from selfjudge.benchmarks.comparisons import compare
from selfjudge.benchmarks.leaderboard import read_leaderboard
from selfjudge.benchmarks.mmrb2 import read_better_response
from selfjudge.benchmarks.multi_crit import read_response_is_better
from selfjudge.benchmarks.multimodal_rewardbench import read_first_brackets
from selfjudge.benchmarks.protocols import CUT_OFF, SCALED_DOWN, SELFJUDGE, Protocol
from selfjudge.benchmarks.registry import FORMATS, OFFICIAL, SCORINGS, find_protocol
from selfjudge.benchmarks.scores import ScoredJudge, Scores
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.benchmarks.vl_rewardbench import (
    read_answer_is_better,
    read_overall_judgment,
)
from selfjudge.benchmarks.votes import cast_votes, new_coin
from selfjudge.ground.lines import RecordError
from selfjudge.ground.records import BenchmarkRow, Judgment, Pair
from selfjudge.ground.requests import Samples, Sampling
from selfjudge.judging.asks import load_judge_template, orders_to_ask
from selfjudge.judging.verdicts import read_stated
from selfjudge.report.score_text import format_beside, format_curves

SCRIPTS = Path(__file__).parents[1] / "scripts"
LEADERBOARD = SCRIPTS / "selfjudge" / "benchmarks" / "leaderboard.yaml"
PROTOCOLS = {
    name: {protocol.name: protocol for protocol in scoring.protocols}
    for name, scoring in SCORINGS.items()
}
VLRB, MMRB = PROTOCOLS["vl_rewardbench"], PROTOCOLS["multimodal_rewardbench"]
READERS = (
    read_stated,
    read_answer_is_better,
    read_overall_judgment,
    read_first_brackets,
    read_response_is_better,
    read_better_response,
)
PAIR = make_pair(origin="benchmark", category="general")
ANSWER = "Overall Judgment: Answer {} is better."


def cut(judgments: Sequence[Judgment]) -> list[Judgment]:
    """The judgments, each cut off at the limit of tokens."""
    return [
        msgspec.structs.replace(judgment, finish_reason="length")
        for judgment in judgments
    ]


def accuracy(
    protocol: Protocol, judgments: Sequence[Judgment], pair: Pair = PAIR, **row: Any
) -> float | None:
    """The accuracy of one pair."""
    found = score_pair_under(
        pair, make_row(pair, **row), judgments, protocol, new_coin()
    )
    return found.accuracy


def vote(*votes: str) -> list[Judgment]:
    """Votes with chosen first: for answer 1, answer 2, or unparsed (0)."""
    return [
        make_judgment(PAIR, "chosen_first", ANSWER.format(number), sample=sample)
        if number != "0"
        else make_judgment(PAIR, "chosen_first", "Both are good.", sample=sample)
        for sample, number in enumerate(votes)
    ]


# --------------------------------------------------------------------- parsers


@pytest.mark.parametrize(
    ("text", "official", "ours"),
    [
        (ANSWER.format(1), True, True),
        ("**Overall Judgment:**\nAnswer 2 is slightly better", False, False),
        ("Therefore, Answer 1 is the better one", True, None),
        ("Overall Judgment: Answer 1 is significantly better", None, True),
        ("Overall Judgment: Answer 1 is preferred", None, None),
        ("Overall Judgment: Both", None, None),
        # Any number but the rejected one agrees.
        ("Overall Judgment: Answer 3 is better", True, None),
        # The gap is greedy: the last phrase after the first trigger.
        (
            "Overall Judgment: Answer 1 is better. Or: Answer 2 is better.",
            False,
            True,
        ),
        ("Answer 1 is better", None, None),
        ("", None, None),
    ],
)
def test_parsers_of_vl_rewardbench(
    text: str, official: bool | None, ours: bool | None
) -> None:
    """The official parser with its quirks, and ours, with chosen first."""
    assert read_answer_is_better(text, "chosen_first") is official
    assert read_overall_judgment(text, "chosen_first") is ours


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_answer_is_better, ANSWER),
        (read_overall_judgment, ANSWER),
        (read_response_is_better, "Response {} is better."),
        (read_better_response, '{{"better_response": "{}"}}'),
    ],
)
@pytest.mark.parametrize("place", [1, 2])
def test_exchanging_the_order_exchanges_what_a_place_means(
    read: Any, text: str, place: int
) -> None:
    """The first place is chosen in one order and rejected in the other."""
    said = text.format("AB"[place - 1] if "{{" in text else place)
    found = [read(said, order) for order in ("chosen_first", "rejected_first")]
    assert found == [place == 1, place == 2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Some reasons.\n\nResponse 1 is better.", True),
        ("**Response 2** is better", False),
        ("response 2 IS BETTER", False),
        ("Response 3 is better.", None),
        ("Response 0 is better.", None),
        ("Response 1 is slightly better.", None),
        # Only the last three lines, of which the first that says it.
        ("Response 1 is better.\n\n\nSo it is.", None),
        ("Response 1 is better.\nResponse 2 is better.", True),
        ("", None),
    ],
)
def test_parser_of_multi_crit(text: str, expected: bool | None) -> None:
    """As the authors' regular expression reads, with chosen first."""
    assert read_response_is_better(text, "chosen_first") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"reasoning": "r", "better_response": "A"}', True),
        ('```json\n{"better_response": "B",}\n```', False),
        ("{'better_response': 'A'}", True),
        ("better_response: A", True),
        # A verdict that is neither prefers nothing, and is wrong.
        ('{"better_response": "tie"}', False),
        ('{"better_response": ""}', None),
        ('{"better_response": null}', None),
        ("[[A]]", None),
        ('{"better_response": "A"}\nNo: {"better_response": "B"}', False),
    ],
)
def test_parser_of_mmrb2(text: str, expected: bool | None) -> None:
    """The last `better_response`, with chosen first."""
    assert read_better_response(text, "chosen_first") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[A]]", True),
        ("[[B]]", False),
        ("I first thought [[A]], but no: [[B]]", True),
        ("[A]", None),
        ("[[C]]", None),
    ],
)
def test_first_brackets(text: str, expected: bool | None) -> None:
    """A [[A]] anywhere is A."""
    assert read_first_brackets(text, "chosen_first") is expected
    assert read_first_brackets(text, "rejected_first") is (
        None if expected is None else not expected
    )


@given(st.text(), st.sampled_from(READERS))
def test_parsers_read_any_text(text: str, read: Any) -> None:
    """No text raises."""
    assert read(text, "chosen_first") in (True, False, None)


# ------------------------------------------------------------- order and unparsed


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ("1", 1.0),
        ("2", 0.0),
        ("0", None),
        ("112", 1.0),
        ("122", 0.0),
        ("100", None),  # a plurality is no majority
        ("001", None),
        ("11002", None),
        ("11102", 1.0),
        ("00000", None),
    ],
)
def test_strict_majority_over_all_votes(votes: str, expected: float | None) -> None:
    """Unparsed votes stay in the count that a majority needs."""
    assert accuracy(VLRB["official"], vote(*votes)) == expected


@pytest.mark.parametrize("votes", ["11", "1122", ""])
def test_even_votes_are_an_error(votes: str) -> None:
    """An even number can tie."""
    with pytest.raises(ValueError, match=r"must be odd|must have one judgment"):
        accuracy(VLRB["official"], vote(*votes))


@pytest.mark.parametrize(
    ("benchmark", "name"), [(b, n) for b in PROTOCOLS for n in PROTOCOLS[b]]
)
def test_judgments_of_the_other_collection_are_an_error(
    benchmark: Any, name: str
) -> None:
    """What was asked one way is not scored as if asked the other way."""
    protocol = find_protocol(benchmark, name)
    one, both = vote("1"), judge_both(PAIR, "A", "B")
    wrong = one if protocol.order == "both" else both
    with pytest.raises(
        ValueError, match=r"collection '(paired|official)'|in the order of the"
    ):
        accuracy(protocol, wrong)


def test_mmrb_official_wants_the_order_of_the_release() -> None:
    """A judgment in the other order is of another protocol."""
    judgment = make_judgment(PAIR, "rejected_first", "[[A]]")
    assert accuracy(MMRB["official"], [judgment], chosen_first=False) == 0.0
    with pytest.raises(ValueError, match="in the order of the release"):
        accuracy(MMRB["official"], [judgment], chosen_first=True)


PARITY = make_pair(chosen="abc", rejected="defg", category="general")


@pytest.mark.parametrize(
    ("protocol", "pair", "chosen_first", "expected"),
    [
        # The judge is right only where chosen stands first.
        (VLRB["selfjudge"], PARITY, True, 0.5),
        (VLRB["greedy"], PARITY, True, 0.5),
        (MMRB["blind"], PARITY, True, 0.5),
    ],
)
def test_harnesses_look_at_one_order(
    protocol: Protocol, pair: Pair, chosen_first: bool, expected: float
) -> None:
    """Parity of length, the release's order, or chosen first."""
    judgments = judge_both(pair, "A", "A")
    assert accuracy(protocol, judgments, pair, chosen_first=chosen_first) == expected


@pytest.mark.parametrize(
    ("protocol", "chosen_first", "expected"),
    [
        (VLRB["selfjudge"], True, 0.0),
        (PROTOCOLS["multi_crit"]["greedy"], True, 0.0),
    ],
)
def test_unparsed_judgments(
    protocol: Protocol, chosen_first: bool, expected: float
) -> None:
    """Wrong, always A, or a coin."""
    judgments = judge_both(PAIR, "C", "C")
    assert accuracy(protocol, judgments, chosen_first=chosen_first) == expected


def score(
    protocol: Protocol, texts: Sequence[str], reverse: bool = False, **release: Any
) -> Scores:
    """The scores of one judgment a pair in the release's order, chosen first."""
    pairs = [
        make_pair(n, origin="benchmark", category="safety") for n in range(len(texts))
    ]
    rows: list[BenchmarkRow] = [make_row(pair, n) for n, pair in enumerate(pairs)]
    judgments = [
        make_judgment(pair, "chosen_first", text)
        for pair, text in zip(pairs, texts, strict=True)
    ]
    step = -1 if reverse else 1
    return score_benchmark(
        ScoredJudge("b", 0, "base"),
        protocol,
        make_release(num_pairs=len(pairs), **release),
        pairs[::step],
        rows,
        judgments[::step],
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_coins_fall_in_the_order_of_the_release(reverse: bool) -> None:
    """As random.seed(123) once a file, a draw for each unparsed row alone."""
    texts = ["?", "[[A]]", "?", "?", "[[B]]", "?", "?", "?"]
    coin = Random(123)
    expected = [
        float("[[A]]" in text if "[[" in text else coin.random() < 0.5)
        for text in texts
    ]
    found = score(MMRB["official"], texts, reverse).outcomes
    shares = [outcome.accuracy for outcome in found]
    assert (shares[::-1] if reverse else shares) == expected


# ------------------------------------------------------------------ groups, rows


def test_undecided_pairs_leave_the_denominator() -> None:
    """One right, one undecided: accuracy 1 of 1, and both are counted."""
    scores = score(VLRB["official"], [ANSWER.format(1), "?"])
    row = next(row for row in scores.rows if row.group == "overall")
    assert (row.num_pairs, row.num_decided, row.accuracy) == (2, 1, 1.0)
    assert (row.num_unparsed, row.coverage, row.agreement_rate) == (1, 0.5, None)


def test_a_group_without_a_decision_has_no_accuracy() -> None:
    """Nor has a macro average with it."""
    scores = score(VLRB["official"], ["?"])
    assert {row.accuracy for row in scores.rows} == {None}
    assert msgspec.json.decode(msgspec.json.encode(scores), type=Scores) == scores


def test_a_table_says_where_nothing_is_decided() -> None:
    """No accuracy is no number."""
    found = compare([], score(VLRB["official"], ["?"]), {})
    found = msgspec.json.decode(msgspec.json.encode(found))
    _, *lines = format_curves([found]).splitlines()
    assert lines and all(line.rstrip().endswith("none decided") for line in lines)


def test_mmrb_official_prints_the_parts_of_groups() -> None:
    """Splits stand below their group; there is no macro average."""
    pairs = [make_pair(n, category="safety") for n in range(3)]
    splits = ["safety/bias", "safety/toxicity", "safety/bias"]
    rows = [
        make_row(pair, n, split=split)
        for n, (pair, split) in enumerate(zip(pairs, splits, strict=True))
    ]
    judgments = [
        make_judgment(pair, "chosen_first", text)
        for pair, text in zip(pairs, ["[[A]]", "[[B]]", "[[B]]"], strict=True)
    ]
    judge, release = ScoredJudge("mmrb", 0, "base"), make_release(num_pairs=3)
    scores = score_benchmark(judge, MMRB["official"], release, pairs, rows, judgments)
    assert [(row.group, row.num_pairs, row.accuracy) for row in scores.rows] == [
        ("safety", 3, 0.333333),
        ("safety/bias", 2, 0.5),
        ("safety/toxicity", 1, 0.0),
        ("overall", 3, 0.333333),
    ]


def test_prompts_that_repeat_get_a_wider_interval() -> None:
    """Ten pairs of two prompts, one right and one wrong, are two draws, not ten."""
    pairs = [make_pair(n, prompt_id=f"p{n // 5}", category="g") for n in range(10)]
    judgments = [
        judgment
        for pair in pairs
        for judgment in judge_both(
            pair, *(("A", "B") if pair.prompt_id == "p0" else ("B", "A"))
        )
    ]
    rows = [make_row(pair, n) for n, pair in enumerate(pairs)]
    judge, release = ScoredJudge("b", 0, "base"), make_release(num_pairs=10)
    row, *_, macro = score_benchmark(
        judge, SELFJUDGE, release, pairs, rows, judgments
    ).rows
    assert (row.low, row.high) == (macro.low, macro.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"rows": slice(1)}, "must be of one release", id="rows"),
        pytest.param({"pairs": slice(1)}, "must be of one release", id="pairs"),
        pytest.param({"num_pairs": 9}, "9 in the manifest", id="manifest"),
    ],
)
def test_files_of_two_preparations_are_an_error(
    change: dict[str, Any], why: str
) -> None:
    """Pairs, rows and manifest belong together."""
    pairs = [make_pair(0), make_pair(1)]
    rows = [make_row(pair, n) for n, pair in enumerate(pairs)]
    release = make_release(num_pairs=change.get("num_pairs", 2))
    with pytest.raises(ValueError, match=why):
        score_benchmark(
            ScoredJudge("b", 0, "base"),
            SELFJUDGE,
            release,
            pairs[change.get("pairs", slice(None))],
            rows[change.get("rows", slice(None))],
            [],
        )


def test_uneven_numbers_of_judgments_are_an_error() -> None:
    """One pair with two samples and one with one is half a run."""
    pairs = [make_pair(0), make_pair(1)]
    judgments = judge_both(pairs[0], "A", "B") + judge_both(pairs[1], "A", "B")
    judgments += judge_both(pairs[1], "A", "B", sample=1)
    rows = [make_row(pair, n) for n, pair in enumerate(pairs)]
    with pytest.raises(ValueError, match=r"as many judgments \(got from 2 to 4"):
        score_benchmark(
            ScoredJudge("b", 0, "base"),
            SELFJUDGE,
            make_release(num_pairs=2),
            pairs,
            rows,
            judgments,
        )


def test_baselines_see_the_same_orders() -> None:
    """Always the first is right wherever the votes had chosen first."""
    scores = score(VLRB["official"], [ANSWER.format(2)] * 4)
    found = {
        (row.baseline, row.accuracy)
        for row in scores.baselines
        if row.group == "overall"
    }
    # Both responses are equally long, so the longer one is the first one.
    assert found == {("coin", 0.5), ("always_first", 1.0), ("longer_response", 1.0)}


# ---------------------------------------------------------------------- asking


def test_random_orders_are_fair() -> None:
    """The order of a vote follows from seed, pair and vote alone."""
    settings = Samples(num_samples=1, sampling=Sampling(max_tokens=1, temperature=0))
    asking = asking_of("official", settings, OFFICIAL["vl_rewardbench"], 5)
    names = [make_pair(n).id for n in range(400)]
    orders = [orders_to_ask(name, {}, asking, 0) for name in names]
    assert orders != [orders_to_ask(name, {}, asking, 1) for name in names]
    first = sum(order == "chosen_first" for row in orders for order, _ in row)
    assert 900 < first < 1100


@pytest.mark.parametrize(
    ("benchmark", "asked"),
    [
        ("vl_rewardbench", "Overall Judgment: Answer X is better"),
        ("multimodal_rewardbench", '"[[A]]"'),
        ("multi_crit", "Response X is better."),
        ("mmrb2", '"better_response": "A" or "B"'),
    ],
)
def test_official_templates_load(benchmark: str, asked: str) -> None:
    """Each has the placeholders of a judge's template, and asks what is parsed."""
    path = SCRIPTS / "templates/official" / OFFICIAL[benchmark].template
    template = load_judge_template(path)
    assert asked in template
    assert ("{criterion}" in template) == FORMATS[benchmark].has_criteria


def test_what_the_authors_did_not_ask_is_said_of_all_that_judges_their_way() -> None:
    """Engines scale images and cut texts off whatever is asked: of no protocol that is
    asked as its authors do may that go without saying."""
    silent = [
        (name, protocol.name)
        for name, scoring in SCORINGS.items()
        for protocol in scoring.protocols
        if protocol.collection == "official"
        and not {SCALED_DOWN, CUT_OFF} <= {*protocol.cannot}
    ]
    assert silent == []


def test_unknown_protocol_is_named() -> None:
    """What there is for a format is listed."""
    with pytest.raises(ValueError, match=r"one of selfjudge, .*got 'official_strict'"):
        find_protocol("multimodal_rewardbench", "official_strict")


# ------------------------------------------------------- comparing, the leaderboard


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"protocol": "official_strict"}, "the protocol", id="protocol"),
        pytest.param({"benchmark": "other"}, "the benchmark", id="benchmark"),
        pytest.param(
            {"release": make_release(source_sha256="1" * 64)}, "the release", id="sha"
        ),
    ],
)
def test_mixed_scores_are_not_compared(change: dict[str, Any], why: str) -> None:
    """Protocols, benchmarks and releases never share a table."""
    base = score(VLRB["official"], [ANSWER.format(1)])
    other = msgspec.structs.replace(base, iteration=1, filter="majority", **change)
    with pytest.raises(ValueError, match=f"must have {why}"):
        compare([other], base, {})
    with pytest.raises(ValueError, match=f"must have {why}"):
        compare([], base, {"majority": other})


@pytest.mark.parametrize("turned", [False, True])
def test_undecided_pairs_are_not_tested(turned: bool) -> None:
    """The test is over the pairs that both judges decide."""
    some = score(VLRB["official"], [ANSWER.format(2)] * 6 + ["?"] * 6)
    every = score(VLRB["official"], [ANSWER.format(1)] * 12)
    base, after = (every, some) if turned else (some, every)
    after = msgspec.structs.replace(after, iteration=1, filter="majority")
    rows = compare([after], base, {})["rows"]
    found = {row.group: row.p_value_base for row in rows if row.p_value_base}
    assert found == {"safety": 0.03125, "overall": 0.03125}


def published(protocol: Protocol, **release: Any) -> list[dict[str, Any]]:
    """The published tables beside a score."""
    scores = score(protocol, [ANSWER.format(1)], **release)
    tables = read_leaderboard(LEADERBOARD)
    found: list[dict[str, Any]] = compare([], scores, {}, tables)["published"]
    return found


def test_published_rows_stand_beside_a_score() -> None:
    """Same protocol and release: no warning but the table's own notes."""
    table, *others = published(VLRB["official"], name="vlrb_1250")
    rows = {row["model"]: row for row in table["rows"]}
    assert rows["Llama-3.2-90B"]["macro"] == 0.539
    assert not any("do not compare" in warning for warning in table["warnings"])
    assert all("do not compare" in table["warnings"][0] for table in others)


def test_other_protocols_and_releases_are_warned_of() -> None:
    """A plain sentence for each difference."""
    table, *_ = published(VLRB["official_strict"], name="vlrb_1247")
    assert table["warnings"][:2] == [
        "Scored under 'official', not 'official_strict': the two do not compare.",
        "Scored on vlrb_1250, not vlrb_1247: the two do not compare.",
    ]


def test_nothing_stands_beside_an_unknown_release() -> None:
    """The demo's world has no published scores."""
    assert published(VLRB["official"]) == []


def test_format_beside_prints_baselines_and_warnings() -> None:
    """What show_scores.py prints below the scores."""
    scores = score(VLRB["official"], [ANSWER.format(1)], name="vlrb_1247")
    found = compare([], scores, {}, read_leaderboard(LEADERBOARD))
    text = format_beside(msgspec.json.decode(msgspec.json.encode(found)))
    assert "protocol official, release vlrb_1247" in text
    assert "always_first" in text and "Llama-3.2-90B" in text
    assert "! Scored on vlrb_1250, not vlrb_1247: the two do not compare." in text


def test_format_beside_prints_tests_between_filters() -> None:
    """A line for each two filters and group."""
    base = score(VLRB["official"], [ANSWER.format(2)] * 6)
    right = score(VLRB["official"], [ANSWER.format(1)] * 6)
    trained = [
        msgspec.structs.replace(scores, iteration=1, filter=name)
        for scores, name in ((base, "majority"), (right, "correctness"))
    ]
    text = format_beside(
        msgspec.json.decode(msgspec.json.encode(compare(trained, base, {})))
    )
    line = next(line for line in text.splitlines() if line.startswith("majority  c"))
    told = ["majority", "correctness", "safety", "100.0", "0.031", "0.031"]
    assert line.split() == told


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("- {format: vlrb}", "must be a list of tables"),
        ("a: [", "must be a list of tables"),
        (
            "- {format: vl_rewardbench, source: s, protocol: null, release: null, "
            "unit: share, notes: [], columns: [overall], models: {m: [1, 2]}}",
            "'m' must have 1 values .got 2.",
        ),
    ],
)
def test_a_broken_leaderboard_is_named(tmp_path: Path, line: str, why: str) -> None:
    """The file, and the row where it has one."""
    path = write_lines(tmp_path / "board.yaml", line)
    with pytest.raises(RecordError, match=rf"board\.yaml: {why}"):
        read_leaderboard(path)


@pytest.mark.parametrize("name", ["selfjudge", "greedy"])
def test_a_judgment_that_was_cut_off_is_unparsed(name: str) -> None:
    """An echo of the instruction is no verdict, whoever's parser reads it."""
    judgments = judge_both(PAIR, "A", "B")
    assert accuracy(VLRB[name], judgments) == 1
    assert accuracy(VLRB[name], cut(judgments)) == 0


def test_a_cut_vote_is_none_under_the_official_parsers() -> None:
    """The limit is ours: what stands before the cut is not read."""
    for protocol, text in (
        (VLRB["official"], ANSWER.format(1)),
        (MMRB["official"], "[[A]] sees the dog, and"),
    ):
        whole = make_judgment(PAIR, "chosen_first", text)
        (vote,), (none,) = (
            cast_votes(judgments, protocol) for judgments in ([whole], cut([whole]))
        )
        assert (vote.preference, none.preference) == (True, None)
