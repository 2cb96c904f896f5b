from collections import Counter
from pathlib import Path

import pytest

from examples import judge_both, make_pair, write_lines
from selfjudge.judging.acceptance import (
    MOST_TELLING,
    OUTCOMES,
    Outcome,
    outcome_of_pair,
)
from selfjudge.report.page import OUTCOME_MEANINGS
from selfjudge.report.results_folder import Branch
from selfjudge.report.shown_pairs import read_outcomes, survey
from small_project import OUTCOME_OF, judged_pairs, write_branch


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        pytest.param(["accepted"] * 2, "accepted", id="accepted"),
        pytest.param(
            ["extra_trace", "wrong_verdict", "accepted"], "accepted", id="one-accepted"
        ),
        pytest.param(
            ["wrong_verdict", "not_in_both_orders"],
            "not_in_both_orders",
            id="one-order",
        ),
        pytest.param(
            ["unparsed", "not_in_both_orders"],
            "not_in_both_orders",
            id="one-order-unparsed",
        ),
        pytest.param(["wrong_verdict"] * 2, "wrong_verdict", id="wrong"),
        pytest.param(["wrong_verdict", "unparsed"], "unparsed", id="unparsed"),
        pytest.param(["truncated", "unparsed"], "truncated", id="truncated"),
        pytest.param(
            ["over_matched_size", "wrong_verdict"], "over_matched_size", id="cut"
        ),
    ],
)
def test_the_outcome_of_a_pair(outcomes: list[Outcome], expected: Outcome) -> None:
    """It follows from what became of its judgments, in whatever order they come."""
    assert outcome_of_pair(outcomes) == outcome_of_pair(outcomes[::-1]) == expected


def test_every_outcome_has_a_place_and_a_meaning() -> None:
    """A filter that learns a new outcome must say what it means for a pair."""
    assert sorted(MOST_TELLING) == sorted(OUTCOMES)
    # A surplus trace is dropped beside an accepted one alone.
    assert OUTCOME_MEANINGS.keys() == set(OUTCOMES) - {"extra_trace"}


def test_outcomes_come_from_the_filters_own_files(tmp_path: Path) -> None:
    """Every pair has the outcome that its verdicts say."""
    judged = judged_pairs(3)
    write_branch(tmp_path, judged)
    outcomes = [
        outcome for _, outcome in read_outcomes(Branch(1, "majority", tmp_path))
    ]
    assert outcomes == [outcome for outcome in OUTCOME_OF.values() for _ in range(3)]


def test_every_pair_is_counted(tmp_path: Path) -> None:
    """The counts add up to what the filter reports."""
    report = write_branch(tmp_path, judged_pairs(5))
    counts = survey([Branch(1, "majority", tmp_path)], 0).count()
    assert sum(counts.values()) == report["num_pairs"] == 20
    accepted = Counter(
        {s.category: n for s, n in counts.items() if s.outcome == "accepted"}
    )
    assert accepted == {
        name: numbers["num_accepted"]
        for name, numbers in report["categories"].items()
        if numbers["num_accepted"]
    }


def test_rare_strata_are_shown_first(tmp_path: Path) -> None:
    """A sample has one pair of each stratum before a second of any."""
    judged = judged_pairs(1)
    judged += [
        (make_pair(n), judge_both(make_pair(n), "A", "B")) for n in range(100, 200)
    ]
    write_branch(tmp_path, judged)
    population = survey([Branch(1, "majority", tmp_path)], 0)
    outcomes = [one.stratum.outcome for one in population.sample(4)]
    assert sorted(outcomes) == sorted(OUTCOME_OF.values())
    assert len(population.sample(50)) == 50
    assert len(population.sample(1000)) == 104


def test_the_sample_follows_from_the_seed(tmp_path: Path) -> None:
    """One seed, one sample; another seed, another."""
    judged = [(make_pair(n), judge_both(make_pair(n), "A", "B")) for n in range(200)]
    write_branch(tmp_path, judged)
    branch = Branch(1, "majority", tmp_path)
    places = [
        sorted(one.place for one in survey([branch], seed).sample(20))
        for seed in (0, 0, 1)
    ]
    assert places[0] == places[1] != places[2]


def test_filters_show_the_same_pairs(tmp_path: Path) -> None:
    """Where two branches have the same pairs, the same ones are drawn."""
    judged = [(make_pair(n), judge_both(make_pair(n), "A", "B")) for n in range(200)]
    branches = [
        Branch(1, name, tmp_path / name) for name in ("majority", "correctness")
    ]
    for branch in branches:
        write_branch(branch.folder, judged)
    drawn = survey(branches, 0).sample(40)
    places = {
        branch: sorted(one.place for one in drawn if one.branch == branch)
        for branch in branches
    }
    assert places[branches[0]] == places[branches[1]] and len(drawn) == 40


@pytest.mark.parametrize("name", ["accepted.jsonl", "dropped_judgments.jsonl"])
def test_files_of_another_run_are_refused(tmp_path: Path, name: str) -> None:
    """Judgments of pairs that are not there are no silent loss."""
    write_branch(tmp_path, judged_pairs())
    lines = (tmp_path / name).read_text().splitlines()
    write_lines(tmp_path / name, *reversed(lines))
    with pytest.raises(ValueError, match="not of one run"):
        list(read_outcomes(Branch(1, "majority", tmp_path)))


def test_nothing_judged_is_an_empty_population() -> None:
    """No branch, no pair, no error."""
    population = survey([], 0)
    assert population.count() == {} and population.sample(10) == []
