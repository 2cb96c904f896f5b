from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import judge_both, make_judgment, make_pair
from selfjudge.ground.lines import write_records
from selfjudge.ground.records import ORDERS, Judgment, Pair
from selfjudge.judging.acceptance import FilterSettings
from selfjudge.judging.cascade import merge_orders, select_second_order
from selfjudge.judging.counts import PositionBias
from selfjudge.judging.filtering import decide, filter_files, join_judgments
from selfjudge.judging.orders import TURNS, keeps_both_orders, order_at
from selfjudge.judging.verdicts import chosen_verdict, read_stated
from selfjudge.pairs.filters import FILTERS

SEED = 0
MAJORITY = FILTERS["majority"]
# What a judgment of one order may say: right, wrong, unparsed, cut short.
ENDS = st.sampled_from(["right", "wrong", "unparsed", "truncated"])


def judge(pair: Pair, order: str, sample: int, end: str) -> Judgment:
    """A judgment that is right, wrong, unparsed, or right and cut short."""
    right = chosen_verdict(order)
    letter = {"wrong": "B" if right == "A" else "A", "unparsed": "?"}.get(end, right)
    return make_judgment(
        pair,
        order,
        f"Sample {sample}. Verdict: [[{letter}]]",
        sample=sample,
        finish_reason="length" if end == "truncated" else "stop",
    )


def cascade(
    pairs: list[Pair], judgments: list[Judgment], rate: float
) -> tuple[list[Pair], list[Judgment]]:
    """What a cascade asks again, and its judgments, taken from those of `always`."""
    turns = {
        turn: [j for j in judgments if j.order == order_at(turn, j.pair_id, SEED)]
        for turn in TURNS
    }
    selected = list(select_second_order(pairs, turns["first"], MAJORITY, rate, SEED))
    ids = {pair.id for pair in selected}
    second = [judgment for judgment in turns["second"] if judgment.pair_id in ids]
    return selected, list(merge_orders(turns["first"], second))


def accepted(
    pairs: list[Pair], judgments: list[Judgment], settings: FilterSettings, size: int
) -> list[str]:
    """The ids of the accepted judgments, in their order."""
    decided = decide(
        lambda: join_judgments(pairs, judgments), MAJORITY, settings, size, SEED
    )
    return [
        judgment.id
        for one in decided
        for judgment, outcome in zip(one.judgments, one.outcomes, strict=True)
        if outcome == "accepted"
    ]


@given(
    st.lists(
        st.tuples(st.tuples(ENDS, ENDS), st.tuples(ENDS, ENDS)), min_size=1, max_size=12
    ),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([None, 2]),
    st.sampled_from([None, 3]),
)
def test_a_cascade_accepts_what_always_accepts(
    ends: list[tuple[tuple[str, str], tuple[str, str]]],
    rate: float,
    cap: int | None,
    size: int | None,
) -> None:
    """Two samples an order, caps and sizes: the same lines in the same order."""
    settings = FilterSettings(accept="both_orders", max_per_category=cap)
    pairs = [make_pair(number) for number in range(len(ends))]
    judgments = [
        judge(pair, order, sample, end)
        for pair, both in zip(pairs, ends, strict=True)
        for order, samples in zip(ORDERS, both, strict=True)
        for sample, end in enumerate(samples)
    ]
    _, merged = cascade(pairs, judgments, rate)
    kept = {judgment.id for judgment in merged}
    assert merged == [judgment for judgment in judgments if judgment.id in kept]
    assert accepted(pairs, merged, settings, size) == accepted(
        pairs, judgments, settings, size
    )


@pytest.mark.parametrize(
    ("end", "is_selected"),
    [("right", True), ("wrong", False), ("unparsed", False), ("truncated", False)],
)
def test_only_a_right_first_verdict_is_worth_a_second(
    end: str, is_selected: bool
) -> None:
    """What could not be accepted whatever follows is not asked again."""
    pair = make_pair()
    first = [judge(pair, order_at("first", pair.id, SEED), 0, end)]
    selected = list(select_second_order([pair], first, MAJORITY, 0.0, SEED))
    assert selected == ([pair] if is_selected else [])


def test_the_slice_keeps_both_orders_whatever_the_verdict() -> None:
    """A share of wrong pairs is asked again, the same share as of right ones."""
    pairs = [make_pair(number) for number in range(2000)]
    for end, share in (("wrong", 0.2), ("right", 1.0)):
        first = [judge(p, order_at("first", p.id, SEED), 0, end) for p in pairs]
        selected = list(select_second_order(pairs, first, MAJORITY, 0.2, SEED))
        assert len(selected) / len(pairs) == pytest.approx(share, abs=0.04)
    assert all(keeps_both_orders(pair.id, 1.0, SEED) for pair in pairs)
    assert not any(keeps_both_orders(pair.id, 0.0, SEED) for pair in pairs)


def test_first_orders_are_balanced_and_seconds_are_the_others() -> None:
    """Chosen stands first in about half of the pairs, by seed, and then second."""
    ids = [make_pair(number).id for number in range(2000)]
    first = [order_at("first", pair_id, SEED) for pair_id in ids]
    second = [order_at("second", pair_id, SEED) for pair_id in ids]
    assert first.count("chosen_first") / len(ids) == pytest.approx(0.5, abs=0.04)
    assert all(
        {one, other} == set(ORDERS) for one, other in zip(first, second, strict=True)
    )
    assert first != [order_at("first", pair_id, SEED + 1) for pair_id in ids]
    slice_ = [
        order
        for i, order in zip(ids, first, strict=True)
        if keeps_both_orders(i, 0.5, SEED)
    ]
    assert slice_.count("chosen_first") / len(slice_) == pytest.approx(0.5, abs=0.05)


def test_a_wrong_first_verdict_is_dropped_for_its_own_reason() -> None:
    """Where the other order was not asked for, the reason says so."""
    pair = make_pair()
    settings = FilterSettings(accept="both_orders", max_per_category=None)
    for judgments, reasons in (
        ([judge(pair, "chosen_first", 0, "wrong")], ["wrong_in_first_order"]),
        (judge_both(pair, "B", "A"), ["wrong_verdict"] * 2),
    ):
        (decided,) = decide(
            lambda own=judgments: join_judgments([pair], own),
            MAJORITY,
            settings,
            None,
            SEED,
        )
        assert decided.outcomes == reasons


def test_merging_refuses_a_second_judgment_without_a_first() -> None:
    """Files of different runs do not mix in silence."""
    pairs = [make_pair(number) for number in range(3)]
    first = [judge(pair, "chosen_first", 0, "right") for pair in pairs[:2]]
    stray = [judge(pairs[2], "rejected_first", 0, "right")]
    with pytest.raises(ValueError, match=rf"\(got '{pairs[2].id}'\)"):
        list(merge_orders(first, stray))
    turned = [
        judge(pair, "rejected_first", 0, "right") for pair in (pairs[1], pairs[0])
    ]
    with pytest.raises(ValueError, match=rf"\(got '{pairs[0].id}'\)"):
        list(merge_orders(first, turned))


def biased_judgments(pair: Pair, rng: Random) -> list[Judgment]:
    """A judge that knows every other pair, and says A where it does not."""
    return judge_both(pair, *(("A", "B") if rng.random() < 0.5 else ("A", "A")))


def bias_of(judgments: list[list[Judgment]]) -> dict[str, object]:
    """The report over pairs' judgments."""
    bias = PositionBias()
    for own in judgments:
        bias.add(own, [read_stated(j.text, j.order) for j in own])
    return bias.report()


def test_the_slice_measures_the_bias_that_selected_pairs_hide() -> None:
    """The pairs that were judged twice flatter the judge; the slice does not."""
    rng = Random(0)
    pairs = [make_pair(number) for number in range(4000)]
    both = [biased_judgments(pair, rng) for pair in pairs]
    rate = 0.25
    _, merged = cascade(pairs, [j for own in both for j in own], rate)
    joined = list(join_judgments(pairs, merged))
    in_slice = [own for pair, own in joined if keeps_both_orders(pair.id, rate, SEED)]
    all_judged_twice = [own for _, own in joined if len(own) == 2]
    truth, sliced = bias_of(both), bias_of(in_slice)
    assert truth["first_rate"] == pytest.approx(0.75, abs=0.02)
    assert sliced["first_rate"] == pytest.approx(truth["first_rate"], abs=0.03)
    assert sliced["agreement_rate"] == pytest.approx(truth["agreement_rate"], abs=0.04)
    selected = bias_of(all_judged_twice)
    assert selected["first_rate"] < truth["first_rate"] - 0.04
    assert selected["agreement_rate"] > truth["agreement_rate"] + 0.08


@pytest.mark.parametrize(("rate", "num_pairs"), [(None, 400), (0.25, None), (0.0, 0)])
def test_the_filter_reports_the_bias_of_unselected_pairs(
    tmp_path: Path, rate: float | None, num_pairs: int | None
) -> None:
    """All pairs where both orders were always asked for, else the slice alone."""
    rng = Random(0)
    pairs = [make_pair(number) for number in range(400)]
    judgments = [j for pair in pairs for j in biased_judgments(pair, rng)]
    if rate is not None:
        _, judgments = cascade(pairs, judgments, rate)
    write_records(tmp_path / "pairs.jsonl", pairs)
    write_records(tmp_path / "judgments.jsonl", judgments)
    report = filter_files(
        pairs=tmp_path / "pairs.jsonl",
        judgments=tmp_path / "judgments.jsonl",
        accepted=tmp_path / "accepted.jsonl",
        dropped=tmp_path / "dropped.jsonl",
        template="{question} {response_a} {response_b}",
        spec=MAJORITY,
        settings=FilterSettings(accept="both_orders", max_per_category=None),
        size=None,
        both_orders_rate=rate,
        seed=SEED,
    )
    if num_pairs is None:
        num_pairs = sum(keeps_both_orders(pair.id, rate or 0, SEED) for pair in pairs)
        assert num_pairs > 50
    assert report["position_bias"]["num_pairs"] == num_pairs
    assert report["position_bias"]["num_judgments"] == 2 * num_pairs
    assert report["num_pairs"] == 400


def test_position_bias_of_a_few_pairs() -> None:
    """Shares by hand: verdicts A A, A B and one unparsed."""
    pairs = [make_pair(number) for number in range(3)]
    letters = [("A", "A"), ("A", "B"), ("?", "B")]
    judged = [judge_both(p, *both) for p, both in zip(pairs, letters, strict=True)]
    assert bias_of(judged) == {
        "num_pairs": 3,
        "num_judgments": 6,
        "num_unparsed": 1,
        "first_rate": 0.6,
        "right_rates": {"chosen_first": 1.0, "rejected_first": 0.666667},
        "agreement_rate": 0.333333,
    }


def test_nothing_measured_has_no_share() -> None:
    """An empty slice is no evidence of an unbiased judge."""
    report = bias_of([])
    assert report["num_pairs"] == 0
    assert report["first_rate"] is report["agreement_rate"] is None
