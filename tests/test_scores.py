from collections.abc import Iterable, Sequence

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
)
from selfjudge.benchmarks.comparisons import FilterTest, adjust, compare, find_twins
from selfjudge.benchmarks.protocols import SELFJUDGE
from selfjudge.benchmarks.scores import ScoredJudge, ScoreRow, Scores
from selfjudge.benchmarks.scoring import score_benchmark
from selfjudge.benchmarks.votes import PairOutcome, new_coin
from selfjudge.ground.records import Judgment, Pair

VERDICTS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC")), min_size=1, max_size=9
)


def score(
    *verdicts: Sequence[str],
    groups: str = "",
    iteration: int = 1,
    filter_name: str = "majority",
) -> Scores:
    """The scores of a judge with these verdicts; a letter of ``groups`` each."""
    pairs = [
        make_pair(n, origin="benchmark", category=(groups or "g" * len(verdicts))[n])
        for n in range(len(verdicts))
    ]
    judgments = [
        judgment
        for pair, (first, second) in zip(pairs, verdicts, strict=True)
        for judgment in judge_both(pair, first, second)
    ]
    return score_all(pairs, judgments, iteration, filter_name)


def score_all(
    pairs: Sequence[Pair],
    judgments: Iterable[Judgment],
    iteration: int = 1,
    filter_name: str = "majority",
) -> Scores:
    """The scores of these judgments under our protocol."""
    rows = [make_row(pair, n) for n, pair in enumerate(pairs)]
    judge = ScoredJudge("vlrb", iteration, filter_name)
    release = make_release(num_rows=len(pairs), num_pairs=len(pairs))
    return score_benchmark(judge, SELFJUDGE, release, pairs, rows, judgments)


def score_pair(pair: Pair, judgments: Sequence[Judgment]) -> PairOutcome:
    """The outcome of a pair under our protocol."""
    return score_pair_under(pair, make_row(pair), judgments, SELFJUDGE, new_coin())


def row(scores: Scores, group: str) -> ScoreRow:
    """The row of a group."""
    (found,) = [row for row in scores.rows if row.group == group]
    return found


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("A", "B", (1.0, 0, 1.0), id="right"),
        pytest.param("B", "A", (0.0, 0, 1.0), id="wrong-but-consistent"),
        pytest.param("A", "A", (0.5, 0, 0.0), id="always-first"),
        pytest.param("B", "B", (0.5, 0, 0.0), id="always-second"),
        pytest.param("A", "C", (0.5, 1, 0.0), id="unparsed-is-wrong"),
        pytest.param("B", "C", (0.0, 1, 0.0), id="wrong-and-unparsed"),
        pytest.param("C", "C", (0.0, 2, 0.0), id="unparsed-twice-agrees-on-nothing"),
    ],
)
def test_score_pair(
    first: str, second: str, expected: tuple[float, int, float]
) -> None:
    """Accuracy, unparsed and agreement of one pair."""
    pair = make_pair()
    outcome = score_pair(pair, judge_both(pair, first, second))
    assert (outcome.accuracy, outcome.num_unparsed, outcome.agreement) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        pytest.param(["AA"], 1.0, id="always-first"),
        pytest.param(["BB"], 0.0, id="always-second"),
        pytest.param(["AB", "BA"], 0.5, id="no-bias"),
        pytest.param(["AC", "AB"], 0.666667, id="unparsed-prefers-no-place"),
        pytest.param(["CC"], None, id="nothing-parsed"),
    ],
)
def test_first_rate(verdicts: list[str], expected: float | None) -> None:
    """Of parsed judgments, the share that prefers the response that stands first."""
    (row,) = [row for row in score(*verdicts).rows if row.group == "overall"]
    assert row.first_rate == expected


def test_score_pair_takes_the_mean_of_samples() -> None:
    """Several samples are shares of one pair; agreement is within a sample."""
    pair = make_pair()
    judgments = judge_both(pair, "A", "B") + judge_both(pair, "A", "A", sample=1)
    outcome = score_pair(pair, judgments)
    assert (outcome.accuracy, outcome.agreement) == (0.75, 0.5)


FIRST, SECOND = judge_both(make_pair(), "A", "B")


@pytest.mark.parametrize(
    ("judgments", "why"),
    [
        pytest.param([], "every sample must have both orders", id="none"),
        pytest.param([FIRST], "every sample must have both orders", id="one-order"),
        pytest.param([FIRST, SECOND, FIRST], "judged twice as", id="duplicate"),
        pytest.param(
            [FIRST, msgspec.structs.replace(SECOND, sample=1)],
            "every sample must have both orders",
            id="orders-of-different-samples",
        ),
    ],
)
def test_lopsided_judgments_are_an_error(judgments: list[Judgment], why: str) -> None:
    """A score is never taken over half of the protocol; the pair is named."""
    with pytest.raises(ValueError, match=rf"pair {make_pair().id}: {why}"):
        score_pair(make_pair(), judgments)


@pytest.mark.parametrize("letter", ["A", "B"])
@given(groups=st.text(st.sampled_from("xyz"), min_size=1, max_size=9))
def test_a_judge_that_looks_at_places_only_scores_half(
    letter: str, groups: str
) -> None:
    """Always the first or always the second: exactly 0.5 in every row."""
    scores = score(*[(letter, letter)] * len(groups), groups=groups)
    assert {row.accuracy for row in scores.rows} == {0.5}


@given(VERDICTS)
def test_exchanging_letters_turns_right_into_wrong(
    verdicts: list[tuple[str, str]],
) -> None:
    """Accuracies of a judge and of its opposite add up to the coverage."""
    opposite = [
        tuple({"A": "B", "B": "A", "C": "C"}[letter] for letter in pair)
        for pair in verdicts
    ]
    one, other = row(score(*verdicts), "overall"), row(score(*opposite), "overall")
    assert one.accuracy + other.accuracy == pytest.approx(one.coverage, abs=2e-6)


def test_unparsed_judgments_lower_the_coverage() -> None:
    """One of four judgments unparsed: it counts as wrong and is counted."""
    found = row(score("AB", "AC"), "overall")
    assert (found.num_pairs, found.num_unparsed, found.coverage, found.accuracy) == (
        2,
        1,
        0.75,
        0.75,
    )


def test_agreement_rate_is_the_mean_over_pairs() -> None:
    """Two of four pairs are judged alike in both orders."""
    assert row(score("AB", "BA", "AA", "CC"), "overall").agreement_rate == 0.5


def test_macro_weighs_groups_alike() -> None:
    """Three right pairs of one group and one wrong pair of another."""
    scores = score("AB", "AB", "AB", "BA", groups="xxxy")
    found = {row.group: row.accuracy for row in scores.rows}
    assert found == {"x": 1.0, "y": 0.0, "overall": 0.75, "macro": 0.5}


def test_rows_come_in_a_fixed_order() -> None:
    """Groups by name, then overall, then macro."""
    scores = score("AB", "AB", groups="yx")
    assert [row.group for row in scores.rows] == ["x", "y", "overall", "macro"]


def test_every_row_has_an_interval_around_its_accuracy() -> None:
    """Intervals lie around what they are of."""
    scores = score("AB", "BA", "AA", "AB", groups="xxyy")
    assert all(row.low <= row.accuracy <= row.high for row in scores.rows)


def test_outcomes_name_every_pair() -> None:
    """The outcome of each pair is kept for paired tests."""
    ids = [outcome.pair_id for outcome in score("AB", "BA").outcomes]
    assert ids == [make_pair(0).id, make_pair(1).id]


def test_no_pairs_are_an_error() -> None:
    """A benchmark without pairs has no score."""
    with pytest.raises(ValueError, match="vlrb: must have at least one pair"):
        score_all([], [])


def test_a_pair_without_judgments_is_an_error() -> None:
    """A row that the judge skipped is not left out silently."""
    pairs: list[Pair] = [make_pair(0), make_pair(1)]
    with pytest.raises(ValueError, match=rf"pair {pairs[1].id}: every sample must"):
        score_all(pairs, judge_both(pairs[0], "A", "B"))


def test_judgments_of_other_pairs_are_an_error() -> None:
    """Judgments of another revision of a benchmark do not count."""
    other = make_judgment(make_pair(7), "chosen_first", "Verdict: [[A]]")
    with pytest.raises(ValueError, match="'pair_id' must be a pair of the pairs file"):
        score_all([make_pair()], [*judge_both(make_pair(), "A", "B"), other])


def test_compare_takes_the_exact_sign_flip_test() -> None:
    """Six pairs rise and none falls: p = 2 / 2**6."""
    base = score(*["BA"] * 6, iteration=0, filter_name="base")
    found = compare([score(*["AB"] * 6)], base, {})
    p_values = {
        row.group: (row.p_value_base, row.p_value_previous)
        for row in found["rows"]
        if row.iteration == 1
    }
    assert p_values == {
        "g": (0.03125, 0.03125),
        "overall": (0.03125, 0.03125),
        "macro": (None, None),
    }


def test_compare_tests_each_group_by_its_own_pairs() -> None:
    """A change in one group says nothing about another."""
    base = score(*["BA"] * 12, groups="xxxxxxyyyyyy", iteration=0)
    after = score(*["AB"] * 6, *["BA"] * 6, groups="xxxxxxyyyyyy")
    found = {row.group: row.p_value_base for row in compare([after], base, {})["rows"]}
    assert (found["x"], found["y"]) == (0.03125, 1.0)


def test_compare_takes_the_same_filter_one_iteration_before() -> None:
    """The previous judge is the filter's own."""
    base = score(*["BA"] * 6, iteration=0, filter_name="base")
    before, after = score(*["AB"] * 6), score(*["AB"] * 6, iteration=2)
    found = compare([after], base, {"majority": before})["rows"][-2]
    assert (found.p_value_base, found.p_value_previous) == (0.03125, 1.0)


def filter_tests(*scores: Scores) -> dict[str, FilterTest]:
    """The tests by group that a comparison of two filters holds."""
    base = msgspec.structs.replace(scores[0], iteration=0, filter="base")
    return {test.group: test for test in compare(scores, base, {})["filter_tests"]}


def test_compare_tests_each_two_filters() -> None:
    """Correctness is right in six pairs of group x more than majority; none in y."""
    majority = score(*["BA"] * 12, groups="xxxxxxyyyyyy")
    better = score(
        *["AB"] * 6, *["BA"] * 6, groups="xxxxxxyyyyyy", filter_name="correctness"
    )
    found = filter_tests(majority, better)
    assert {(test.filter, test.other) for test in found.values()} == {
        ("majority", "correctness")
    }
    told = {
        group: (test.difference, test.num_better, test.num_worse, test.p_value)
        for group, test in found.items()
    }
    assert told == {
        "x": (1.0, 6, 0, 0.03125),
        "y": (0.0, 0, 0, 1.0),
        "overall": (0.5, 6, 0, 0.03125),
    }
    assert filter_tests(majority) == {}


def test_the_interval_of_a_difference_holds_it() -> None:
    """Of all pairs, and wider of a group."""
    worse = score("AA", "AA", "AA", "BB", "BA", "AC", groups="xyxyxy")
    better = score(*["AB"] * 6, groups="xyxyxy", filter_name="correctness")
    found = filter_tests(worse, better)
    overall = found["overall"]
    # The worse one scores .5 .5 .5 .5 0 .5, the better one 1 in every pair.
    assert overall.low < overall.difference == 0.583333 < overall.high
    assert found["x"].num_pairs == 3
    assert found["x"].high - found["x"].low > overall.high - overall.low


def test_a_twin_is_in_no_test() -> None:
    """It would be a filter more, and raise what is corrected for their number."""
    filters = ("majority", "correctness", "majority_matched")
    scores = [score(*["AB"] * 6, filter_name=name) for name in filters]
    base = score(*["BA"] * 6, iteration=0, filter_name="base")
    twins = find_twins({"majority": "f", "correctness": "g", "majority_matched": "f"})
    assert twins == {"majority_matched": "majority"}
    found = compare(scores, base, {}, twins=twins)
    tested = {(test.filter, test.other) for test in found["filter_tests"]}
    assert tested == {("majority", "correctness")}
    assert found["twins"] == twins
    assert {row.filter for row in found["rows"]} == {"base", *filters}


def test_filters_are_tested_at_the_last_iteration_alone() -> None:
    """What was not meant to be looked at is no test more."""
    scores = [score("AB", filter_name=name) for name in ("majority", "unchecked")]
    base = score("BA", iteration=0, filter_name="base")
    assert compare(scores, base, {}, is_last=False)["filter_tests"] == []
    assert compare(scores, base, {})["filter_tests"]


def test_filters_are_tested_on_pairs_that_both_decide() -> None:
    """A pair that one leaves undecided counts for neither; without any, no test."""
    one, other = score("AB", "BA", groups="xy"), score("BA", "BA", groups="xy")
    undecided = [msgspec.structs.replace(other.outcomes[0], accuracy=None)]
    other = msgspec.structs.replace(
        other, filter="correctness", outcomes=undecided + other.outcomes[1:]
    )
    found = filter_tests(one, other)
    assert found.keys() == {"y", "overall"}
    assert (found["overall"].num_pairs, found["overall"].difference) == (1, 0.0)


def test_p_values_are_corrected_within_a_group() -> None:
    """Holm's: the smallest of three times three, the next times two, never falling."""
    test = filter_tests(score("AB"), score("BA", filter_name="x"))["overall"]
    values = [("a", 0.03), ("a", 0.01), ("a", 0.02), ("b", 0.04)]
    tests = [
        msgspec.structs.replace(test, group=group, p_value=value)
        for group, value in values
    ]
    assert [test.p_value_holm for test in adjust(tests)] == [0.04, 0.03, 0.04, 0.04]


def test_compare_at_iteration_0_holds_the_base_alone() -> None:
    """The base model has nothing to be compared with."""
    base = score("AB", iteration=0, filter_name="base")
    found = compare([], base, {})
    assert (found["iteration"], found["rows"]) == (0, base.rows)


def test_compare_names_the_file_of_each_judges_outcomes() -> None:
    """From a result one reaches the pairs, in files below the project."""
    base = score("AB", iteration=0, filter_name="base")
    before, after = score("AB"), score("AA", iteration=2)
    files = ["results/0.json", "results/1.json", "results/2.json"]
    found = compare([after], base, {"majority": before}, files=files)["judges"]
    assert found == [
        {"iteration": number, "filter": name, "scores": f"results/{number}.json"}
        for number, name in enumerate(["base", "majority", "majority"])
    ]
    assert compare([after], base, {})["judges"] == []


def test_compare_refuses_other_pairs() -> None:
    """Scores of different revisions are never tested against each other."""
    base = score("AB", "AB", iteration=0, filter_name="base")
    with pytest.raises(ValueError, match="got 1 and 2 pairs, 1 in common"):
        compare([score("AB")], base, {})


def test_scores_survive_a_file() -> None:
    """What is written is read back alike."""
    scores = score("AB", "AC")
    assert msgspec.json.decode(msgspec.json.encode(scores), type=Scores) == scores


def test_an_outcome_without_category_is_of_the_whole() -> None:
    """A pair without a category belongs to no group of its own."""
    outcome = score_pair(make_pair(), judge_both(make_pair(), "A", "B"))
    assert isinstance(outcome, PairOutcome) and outcome.group == "overall"
