import json
from collections.abc import Callable, Iterable
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import judge_both, make_judgment, make_pair, write_lines
from selfjudge.ground.lines import RecordError, read_records, write_records
from selfjudge.ground.records import ORDERS, Accepted, Judgment, Pair
from selfjudge.ground.seeds import seed_for
from selfjudge.judging.acceptance import OUTCOMES, JudgedPair
from selfjudge.judging.counts import (
    AcceptedHead,
    DroppedHead,
    PositionBias,
    count_judgments,
)
from selfjudge.judging.filtering import decide, filter_files, smallest_size
from selfjudge.judging.joining import join_judgments
from selfjudge.judging.verdicts import read_stated
from selfjudge.pairs.filters import (
    FILTER_NAMES,
    FILTERS,
    FilterName,
    find_uncut,
    first_asked,
)

TEMPLATE = "{question}\n{response_a}\n{response_b}"
RIGHT = ("A", "B")  # what prefers chosen with it first, and with it second
WRONG = ("B", "A")


def decisions(
    *groups: list[Judgment],
    filter_name: FilterName = "majority",
    size: int | None = None,
    seed: int = 0,
) -> list[JudgedPair]:
    """What happens to pairs 0, 1, ..., of which each has a group of judgments."""
    pairs = [make_pair(number) for number in range(len(groups))]
    judgments = [judgment for group in groups for judgment in group]
    spec = FILTERS[filter_name]
    return list(decide(lambda: join_judgments(pairs, judgments), spec, size, seed))


def outcomes(*groups: list[Judgment], **changes: Any) -> list[str]:
    """What happens to the judgments of pairs 0, 1, ..., a group each."""
    return [
        outcome
        for judged in decisions(*groups, **changes)
        for outcome in judged.outcomes
    ]


def judged(number: int, first: str, second: str, **changes: Any) -> list[Judgment]:
    """A judgment in each order of a numbered pair."""
    return judge_both(make_pair(number), first, second, **changes)


def one_order(number: int, order: str, *texts: str) -> list[Judgment]:
    """Several traces in one order of a numbered pair."""
    pair = make_pair(number)
    return [make_judgment(pair, order, text, sample=n) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("A", "B", ["accepted", "accepted"], id="right-in-both"),
        pytest.param("B", "A", ["wrong_verdict"] * 2, id="wrong-in-both"),
        pytest.param(
            "A", "A", ["not_in_both_orders", "wrong_verdict"], id="always-first"
        ),
        pytest.param(
            "B", "B", ["wrong_verdict", "not_in_both_orders"], id="always-second"
        ),
        pytest.param("A", "C", ["not_in_both_orders", "unparsed"], id="other-unparsed"),
        pytest.param("", "", ["unparsed", "unparsed"], id="unparsed"),
    ],
)
def test_both_orders_rule(first: str, second: str, expected: list[str]) -> None:
    """A judgment is accepted only if the pair was right in both orders."""
    assert outcomes(judged(0, first, second)) == expected


def test_a_missing_order_is_not_right() -> None:
    """A pair judged in one order only is not right in both."""
    group = judged(0, *RIGHT)[:1]
    assert outcomes(group) == ["not_in_both_orders"]


def test_a_truncated_judgment_is_dropped() -> None:
    """A right verdict that ran on to the limit does not train."""
    found = outcomes(judged(0, *RIGHT, finish_reason="length"))
    assert found == ["truncated", "truncated"]


def test_unchecked_accepts_what_parses() -> None:
    """The control takes right and wrong verdicts alike, but no unparsed one."""
    groups = [judged(0, *RIGHT), judged(1, *WRONG), judged(2, "C", "C")]
    found = outcomes(*groups, filter_name="unchecked")
    assert found == ["accepted"] * 4 + ["unparsed"] * 2


def test_consistent_asks_for_agreement_alone() -> None:
    """Both orders for the same response, whichever it is; a place alone is none."""
    groups = [judged(0, *RIGHT), judged(1, *WRONG), judged(2, "A", "A")]
    groups += [judged(3, "B", "B"), judged(4, "A", "C")]
    assert outcomes(*groups, filter_name="consistent") == [
        *["accepted"] * 4,
        *["not_in_both_orders"] * 5,
        "unparsed",
    ]


def test_most_traces_say_what_a_pair_agrees_on() -> None:
    """Of several traces the minority is left out, right as it may be."""
    group = one_order(0, "chosen_first", "Verdict: [[B]]", "1 Verdict: [[B]]")
    group += one_order(0, "chosen_first", "Verdict: [[A]]")
    group += one_order(0, "rejected_first", *(f"{n} Verdict: [[A]]" for n in range(3)))
    found = outcomes(group, filter_name="consistent")
    assert found.count("accepted") == 2 and found[2] == "not_in_both_orders"


LETTERS = st.lists(
    st.tuples(st.sampled_from("AAAAB"), st.sampled_from("AAAAB")), max_size=30
)


@given(LETTERS, st.none() | st.integers(0, 40))
def test_unchecked_has_as_many_of_each_letter_and_order(
    verdicts: list[tuple[str, str]], size: int | None
) -> None:
    """However much more often a judge says A; and never more than the size."""
    groups = [judged(n, *pair) for n, pair in enumerate(verdicts)]
    found = outcomes(*groups, filter_name="unchecked", size=size)
    letters = [letter for pair in verdicts for letter in pair]
    kept = [n for n, outcome in enumerate(found) if outcome == "accepted"]
    assert sum(letters[n] == "A" for n in kept) == sum(letters[n] == "B" for n in kept)
    assert sum(n % 2 for n in kept) == len(kept) / 2
    assert size is None or len(kept) <= size
    assert set(found) <= {"accepted", "over_matched_size"}


def test_unchecked_keeps_the_skill_of_both_letters() -> None:
    """Enough of each: the size is met, and right as often as the letters are."""
    patterns = [RIGHT] * 30 + [WRONG] * 10 + [("A", "A")] * 160
    groups = [judged(n, *pair) for n, pair in enumerate(patterns)]
    decided = decisions(*groups, filter_name="unchecked", size=40)
    rows = [
        (judgment, outcome)
        for one in decided
        for judgment, outcome in zip(one.judgments, one.outcomes, strict=True)
        if outcome == "accepted"
    ]
    right = [read_stated(judgment.text, judgment.order) for judgment, _ in rows]
    assert len(rows) == 40
    # A is right in 190 of 360 cases, B in 30 of 40: on average in 64 %.
    assert sum(map(bool, right)) == 26


def test_nothing_is_balanced_without_a_second_letter() -> None:
    """A judge that always says A leaves the control nothing."""
    groups = [judged(n, "A", "A") for n in range(5)]
    assert set(outcomes(*groups, filter_name="unchecked")) == {"over_matched_size"}


def test_one_trace_per_order_is_kept() -> None:
    """Of several right traces one is kept in each order, wrong ones aside."""
    group = one_order(
        0, "chosen_first", *(f"{n} Verdict: [[A]]" for n in range(4)), "Verdict: [[B]]"
    ) + one_order(0, "rejected_first", *(f"{n} Verdict: [[B]]" for n in range(3)))
    found = outcomes(group)
    counts = [found[:4].count("accepted"), found[5:].count("accepted")]
    assert (counts, found[4], found.count("extra_trace")) == (
        [1, 1],
        "wrong_verdict",
        5,
    )


@pytest.mark.parametrize(
    ("num_right", "num_wrong", "is_kept"),
    [(1, 0, True), (2, 1, True), (1, 1, False), (1, 3, False), (3, 2, True)],
)
def test_most_traces_of_each_order_must_be_right(
    num_right: int, num_wrong: int, is_kept: bool
) -> None:
    """A coin that is right once of four has not judged the pair right."""
    texts = ["Verdict: [[A]]"] * num_right + ["Verdict: [[B]]"] * num_wrong
    group = one_order(0, "chosen_first", *(f"{n} {t}" for n, t in enumerate(texts)))
    group += one_order(0, "rejected_first", "Verdict: [[B]]")
    found = outcomes(group)
    assert found.count("accepted") == (2 if is_kept else 0)
    assert is_kept or found.count("not_in_both_orders") == num_right + 1


def test_which_trace_is_kept_is_drawn() -> None:
    """It is not always the first trace."""
    texts = [f"{n} Verdict: [[A]]" for n in range(4)]
    group = one_order(0, "chosen_first", *texts)
    group += one_order(0, "rejected_first", "Verdict: [[B]]")
    kept = {outcomes(group, seed=seed).index("accepted") for seed in range(30)}
    assert kept == {0, 1, 2, 3}


def test_size_cut_takes_whole_pairs() -> None:
    """No more than the size, and never half a pair."""
    groups = [judged(n, *RIGHT) for n in range(6)]
    found = outcomes(*groups, size=7)
    whole = [set(found[at : at + 2]) for at in range(0, 12, 2)]
    assert whole.count({"accepted"}) == 3
    assert whole.count({"over_matched_size"}) == 3


@pytest.mark.parametrize("size", [None, 99])
def test_a_large_size_cuts_nothing(size: int | None) -> None:
    """A size is a limit, not a target."""
    assert outcomes(judged(0, *RIGHT), size=size) == ["accepted", "accepted"]


def accepted_ranks(found: list[JudgedPair], seed: int) -> list[int]:
    """The seeded ranks of the pairs of which something was accepted."""
    ids = [judged.pair.id for judged in found if "accepted" in judged.outcomes]
    return [seed_for(seed, "accept", pair_id) for pair_id in ids]


@given(st.sets(st.integers(0, 11)), st.integers(0, 30), st.integers(0, 3))
def test_a_size_takes_the_lowest_ranks(right: set[int], size: int, seed: int) -> None:
    """As many whole pairs as the size holds, those that the seed puts first."""
    groups = [judged(n, *(RIGHT if n in right else WRONG)) for n in range(12)]
    whole = decisions(*groups, seed=seed)
    found = decisions(*groups, size=size, seed=seed)
    expected = sorted(accepted_ranks(whole, seed))[: size // 2]
    assert sorted(accepted_ranks(found, seed)) == expected
    assert all(set(one.outcomes) != {"accepted", "wrong_verdict"} for one in found)
    for before, after in zip(whole, found, strict=True):
        if "accepted" not in before.outcomes:
            assert after == before


@given(st.permutations(range(8)), st.integers(0, 16))
def test_what_is_cut_does_not_follow_from_the_order(
    order: list[int], size: int
) -> None:
    """The same rows stay, in whatever order the pairs come."""

    def kept(numbers: Iterable[int]) -> set[str]:
        pairs = {number: make_pair(number) for number in numbers}
        read = [(pair, judged(number, *RIGHT)) for number, pair in pairs.items()]
        found = decide(lambda: read, FILTERS["majority"], size, 0)
        return {one.pair.id for one in found if "accepted" in one.outcomes}

    assert kept(order) == kept(range(8))


@pytest.mark.parametrize("filters", list(permutations(FILTER_NAMES[:3])))
def test_who_asks_first_does_not_follow_from_the_order(
    filters: tuple[FilterName, ...],
) -> None:
    """Filters that are configured in another order make nothing stale."""
    assert first_asked(filters) == "majority"
    assert first_asked(name for name in filters if name != "majority") == min(
        set(filters) - {"majority"}, key=FILTER_NAMES.index
    )


@pytest.mark.parametrize("name", FILTER_NAMES)
def test_whose_judge_an_uncut_filter_has(name: FilterName) -> None:
    """Only a filter that is another but for its size may accept the same rows."""
    matched = {"majority_matched": "majority", "correctness_matched": "correctness"}
    assert find_uncut(name) == matched.get(name)


def test_matched_filters_are_cut_alike() -> None:
    """To the smaller of two files, whichever filter it is of."""
    sizes = [FILTERS[n].accepted_as_many_as for n in FILTER_NAMES if "_matched" in n]
    assert sizes == [("majority", "correctness")] * 2


@pytest.mark.parametrize(("lengths", "expected"), [((), None), ((3, 2), 2), ((0,), 0)])
def test_the_smallest_file_is_the_size(
    tmp_path: Path, lengths: tuple[int, ...], expected: int | None
) -> None:
    """Rows are counted; without files there is no limit."""
    files = [tmp_path / f"{number}.jsonl" for number in range(len(lengths))]
    for file, length in zip(files, lengths, strict=True):
        file.write_text('{"row": 1}\n' * length)
    assert smallest_size(files) == expected


def test_a_control_larger_than_its_size_is_refused() -> None:
    """Files of two runs: more rows to train on than what it is to be measured by."""
    pair = make_pair(0)
    own = judge_both(pair, *RIGHT)
    accepted = [AcceptedHead(pair.id, judgment.id) for judgment in own]
    with pytest.raises(ValueError, match=r"accepted: must be at most 1 .* \(got 2\)"):
        count_judgments([pair], own, accepted, [], size=1)
    report = count_judgments([pair], own, accepted, [], size=2)
    assert (report["most_accepted"], report["num_accepted"]) == (2, 2)


def test_a_smaller_size_is_a_subset() -> None:
    """Ranks are fixed by the seed, and another seed has others."""
    groups = [judged(n, *RIGHT) for n in range(12)]
    few, more, other = (
        {one.pair.id for one in decisions(*groups, **how) if "accepted" in one.outcomes}
        for how in ({"size": 6}, {"size": 12}, {"size": 6, "seed": 1})
    )
    assert few < more and few != other and len(few) == len(other) == 3


VERDICTS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC")), min_size=1, max_size=12
)


@given(
    VERDICTS, st.sampled_from(["majority", "consistent"]), st.none() | st.integers(0, 9)
)
def test_accepted_is_balanced_and_no_larger(
    verdicts: list[tuple[str, str]], filter_name: FilterName, size: int | None
) -> None:
    """Whatever is cut, both orders count alike and the size is kept."""
    groups = [judged(n, *pair) for n, pair in enumerate(verdicts)]
    found = outcomes(*groups, filter_name=filter_name, size=size)
    first, second = found[::2].count("accepted"), found[1::2].count("accepted")
    assert first == second
    assert size is None or first + second <= size


@given(VERDICTS)
def test_exchanging_letters_with_orders_changes_nothing(
    verdicts: list[tuple[str, str]],
) -> None:
    """A and B, first and second are treated alike up to which is listed first."""
    groups = [judged(n, *pair) for n, pair in enumerate(verdicts)]
    exchange = {"A": "B", "B": "A", "C": "C"}
    mirrored = [
        judged(n, exchange[second], exchange[first])
        for n, (first, second) in enumerate(verdicts)
    ]
    assert sorted(outcomes(*groups)) == sorted(outcomes(*mirrored))


def dropped_for(reason: str) -> str:
    """A line of what gave no pair."""
    return f'{{"prompt_id": "0", "reason": "{reason}"}}'


class Files:
    """A folder with the files of a filter stage."""

    def __init__(self, folder: Path) -> None:
        self.pairs = folder / "pairs.jsonl"
        self.dropped_pairs = folder / "dropped_pairs.jsonl"
        write_lines(self.dropped_pairs, *map(dropped_for, ["unanimous"] * 3))
        self.judgments = folder / "judgments.jsonl"
        self.accepted = folder / "out" / "accepted.jsonl"
        self.dropped = folder / "out" / "dropped.jsonl"

    def filter(self, *groups: list[Judgment]) -> dict[str, Any]:
        """Write the judgments of pairs 0, 1, ..., filter and count them."""
        write_records(self.pairs, map(make_pair, range(len(groups))))
        write_records(self.judgments, [j for group in groups for j in group])
        self.run()
        return self.count()

    def run(
        self,
        size: int | None = None,
        filter_name: FilterName = "majority",
        min_rows: int = 1,
    ) -> None:
        """Filter the files as they are."""
        filter_files(
            pairs=self.pairs,
            dropped_pairs=self.dropped_pairs,
            judgments=self.judgments,
            accepted=self.accepted,
            dropped=self.dropped,
            template=TEMPLATE,
            spec=FILTERS[filter_name],
            size=size,
            seed=0,
            min_rows=min_rows,
        )

    def count(self) -> dict[str, Any]:
        """The counts of the files as they are."""
        return count_judgments(
            read_records(self.pairs, Pair),
            read_records(self.judgments, Judgment),
            read_records(self.accepted, AcceptedHead),
            read_records(self.dropped, DroppedHead),
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A folder with the files of a filter stage."""
    return Files(tmp_path)


@given(VERDICTS, st.none() | st.integers(2, 9))
def test_accepted_plus_dropped_equal_the_input(
    tmp_path_factory, verdicts: list[tuple[str, str]], size: int | None
) -> None:
    """Every judgment is in one of two files, and both keep the order of lines."""
    files = Files(tmp_path_factory.mktemp("filter"))
    groups = [judged(n, *pair) for n, pair in enumerate(verdicts)]
    groups.append(judged(len(verdicts), *RIGHT))
    groups.append(judged(len(verdicts) + 1, *RIGHT))
    files.filter(*groups)
    files.run(size=size)
    report = files.count()
    given_ids = [judgment.id for group in groups for judgment in group]
    accepted = [row.judgment_id for row in read_records(files.accepted, Accepted)]
    dropped = [json.loads(line)["id"] for line in files.dropped.open()]
    assert sorted(accepted + dropped) == sorted(given_ids)
    assert accepted == [id for id in given_ids if id in set(accepted)]
    assert dropped == [id for id in given_ids if id in set(dropped)]
    assert (report["num_accepted"], report["num_dropped"]) == (
        len(accepted),
        len(dropped),
    )
    assert report["num_judgments"] == len(given_ids)
    assert sum(report["dropped"].values()) == len(dropped)
    assert sum(report["orders"].values()) == len(accepted)


def test_an_accepted_line_is_a_training_row(files: Files) -> None:
    """The row holds what the judge saw and what it wrote, and where it is from."""
    group = judged(0, *RIGHT)
    files.filter(group)
    first, second = read_records(files.accepted, Accepted)
    assert msgspec.to_builtins(second) == {
        "images": ("a.png",),
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image"},
                    {
                        "type": "text",
                        "text": "How many dogs are there?\n"
                        "There are 4 dogs.\nThere are 3 dogs.",
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "Verdict: [[B]]"}],
            },
        ],
        "prompt_id": make_pair(0).prompt_id,
        "pair_id": make_pair(0).id,
        "judgment_id": group[1].id,
        "order": "rejected_first",
    }
    assert first.order == "chosen_first"


def test_a_dropped_line_is_the_judgment_with_its_reason(files: Files) -> None:
    """Nothing of a dropped judgment is lost."""
    wrong = judged(1, *WRONG)
    files.filter(judged(0, *RIGHT), wrong)
    line = json.loads(files.dropped.read_text().splitlines()[0])
    expected = msgspec.structs.asdict(wrong[0]) | {"reason": "wrong_verdict"}
    assert line == expected


def test_lines_written_by_hand_are_read_alike(files: Files) -> None:
    """Spaces, other key orders and CRLF line ends change no decision."""
    files.filter(judged(0, *RIGHT), judged(1, *WRONG))
    before = (files.accepted.read_bytes(), files.dropped.read_bytes())
    rows = [json.loads(line) for line in files.judgments.open()]
    text = "\r\n\r\n".join(json.dumps(dict(reversed(row.items()))) for row in rows)
    files.judgments.write_bytes(text.encode())
    files.run()
    dropped = [json.loads(line) for line in files.dropped.open()]
    assert files.accepted.read_bytes() == before[0]
    assert dropped == [json.loads(line) for line in before[1].splitlines()]


def test_the_report_adds_up(files: Files) -> None:
    """Counts in, accepted, by order, by category, and dropped per reason."""
    report = files.filter(judged(0, *RIGHT), judged(1, "A", "A"), judged(2, "C", "B"))
    assert report == {
        "most_accepted": None,
        "num_pairs": 3,
        "num_judgments": 6,
        "num_accepted": 2,
        "num_dropped": 4,
        "accepted_rate": 0.333333,
        "orders": {"chosen_first": 1, "rejected_first": 1},
        "dropped": {"unparsed": 1, "wrong_verdict": 1, "not_in_both_orders": 2},
        "mean_characters": {"judgments": 14.0, "accepted": 14.0},
        "categories": {
            "majority_answer": {
                "kind": "closed",
                "num_pairs": 3,
                "num_accepted": 1,
                "outcomes": {
                    "accepted": 2,
                    "unparsed": 1,
                    "wrong_verdict": 1,
                    "not_in_both_orders": 2,
                },
            }
        },
        "position_bias": {
            "num_pairs": 3,
            "num_judgments": 6,
            "num_unparsed": 1,
            "first_rate": 0.6,
            "right_rates": {"chosen_first": 1.0, "rejected_first": 0.666667},
            "agreement_rate": 0.333333,
        },
    }


def drop_line(path: Path, place: int) -> None:
    """Take a line out of a file."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:place] + lines[place + 1 :]))


def turn_lines(path: Path) -> None:
    """Put the lines of a file into the other order."""
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))


@pytest.mark.parametrize("name", ["accepted", "dropped"])
@pytest.mark.parametrize("spoil", [lambda p: drop_line(p, 1), turn_lines])
def test_files_of_different_runs_are_not_counted(
    files: Files, name: str, spoil: Callable[[Path], None]
) -> None:
    """A judgment that is neither accepted nor dropped, or out of order, is named."""
    groups = [judged(n, *(WRONG if n % 2 else RIGHT)) for n in range(4)]
    files.filter(*groups)
    spoil(getattr(files, name))
    with pytest.raises(ValueError, match=r"pair \w{16}: .*not of one run"):
        files.count()


@pytest.mark.parametrize("name", ["accepted", "dropped"])
def test_more_than_was_judged_is_not_counted(files: Files, name: str) -> None:
    """What was accepted or dropped and never judged is of another run."""
    path = getattr(files, name)
    files.filter(judged(0, *RIGHT), judged(1, *WRONG))
    with path.open("a") as file:
        row = {"id": "x", "judgment_id": "x", "pair_id": "y", "reason": "unparsed"}
        file.write(json.dumps(row) + "\n")
    with pytest.raises(ValueError, match="must be of the pairs, in their order"):
        files.count()


def bias_of(groups: list[list[Judgment]]) -> dict[str, Any]:
    """The report over pairs' judgments."""
    bias = PositionBias()
    for own in groups:
        bias.add(own)
    return bias.report()


def test_position_bias_of_a_few_pairs() -> None:
    """Shares by hand: verdicts A A, A B and one unparsed."""
    groups = [judged(0, "A", "A"), judged(1, "A", "B"), judged(2, "?", "B")]
    assert bias_of(groups) == {
        "num_pairs": 3,
        "num_judgments": 6,
        "num_unparsed": 1,
        "first_rate": 0.6,
        "right_rates": {"chosen_first": 1.0, "rejected_first": 0.666667},
        "agreement_rate": 0.333333,
    }


SAID = st.sampled_from(["A", "B", "?"])


@given(st.lists(st.tuples(SAID, SAID, st.booleans(), st.booleans()), max_size=6))
def test_position_bias_takes_what_was_cut_off_for_unparsed(
    told: list[tuple[str, str, bool, bool]],
) -> None:
    """As scores do: its verdict may be of a draft, whichever it is."""
    cut, unparsed = [], []
    for number, (*letters, first_is_cut, second_is_cut) in enumerate(told):
        is_cut = (first_is_cut, second_is_cut)
        own = judged(number, *letters)
        cut.append(
            [
                msgspec.structs.replace(one, finish_reason="length" if off else "stop")
                for one, off in zip(own, is_cut, strict=True)
            ]
        )
        left = ["?" if off else one for one, off in zip(letters, is_cut, strict=True)]
        unparsed.append(judged(number, *left))
    assert bias_of(cut) == bias_of(unparsed)


def test_nothing_measured_has_no_share() -> None:
    """No pair is no evidence of an unbiased judge."""
    report = bias_of([])
    assert report["num_pairs"] == 0
    assert report["first_rate"] is report["agreement_rate"] is None


def test_training_by_reward_needs_nothing_accepted(files: Files) -> None:
    """It tries the pairs: that the judge is never right is no end of the run."""
    write_records(files.pairs, [make_pair()])
    write_records(files.judgments, judged(0, *WRONG))
    files.run(filter_name="reinforced")
    found = files.count()
    assert (found["num_accepted"], found["num_dropped"]) == (0, 2)


def test_nothing_accepted_is_an_error_that_names_the_file(files: Files) -> None:
    """The error says which file, how many judgments, why, and what to look at."""
    with pytest.raises(ValueError, match="must be at least 1") as error:
        files.filter(judged(0, *WRONG), judged(1, "C", "C"))
    got, prompts, hint = str(error.value).splitlines()
    assert got == (
        f"{files.judgments}: accepted judgments must be at least 1, 'train.min_rows' "
        "(got 0 of 4: wrong_verdict 2, unparsed 2)"
    )
    assert prompts == (
        f"{files.dropped_pairs}: of 5 prompts 2 gave a pair (unanimous 3)"
    )
    assert hint.startswith(f"Hint: read the first lines of {files.judgments}; ")


def test_too_few_rows_to_train_on_are_refused(files: Files) -> None:
    """With how many prompts would do: 2 rows of 5 prompts, so 7 rows of 18."""
    files.filter(judged(0, *RIGHT), judged(1, *WRONG))
    files.run(min_rows=2)
    files.accepted.unlink()
    files.dropped.unlink()
    with pytest.raises(ValueError, match=r"at least 7, .*\(got 2 of 4: ") as error:
        files.run(min_rows=7)
    assert "Hint: at this rate 18 prompts an iteration" in str(error.value)
    assert len(str(error.value).splitlines()) <= 3
    assert not files.accepted.exists() and not files.dropped.exists()
    files.run(min_rows=7, filter_name="reinforced")  # its own rows are the pairs


@pytest.mark.parametrize(
    "name", [one for one in FILTER_NAMES if FILTERS[one].accepted_as_many_as]
)
def test_what_is_cut_to_a_filter_with_enough_may_have_fewer(
    files: Files, name: FilterName
) -> None:
    """One of each letter here, of which majority has more; but nothing is refused."""
    groups = [judged(0, *RIGHT), judged(1, *RIGHT)]
    files.filter(*groups)
    files.run(size=2, filter_name=name, min_rows=4)
    assert files.count()["num_accepted"] == 2
    files.accepted.unlink()
    with pytest.raises(ValueError, match=r"must be at least 1, 'train\.min_rows'"):
        files.run(size=0, filter_name=name, min_rows=4)
    assert not files.accepted.exists()


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param([judged(0, *WRONG)], id="nothing-accepted"),
        pytest.param([judged(1, *RIGHT)], id="unknown-pair"),
        pytest.param([[]], id="no-judgments"),
    ],
)
def test_an_error_leaves_no_output(files: Files, groups: list[list[Judgment]]) -> None:
    """After an error there is no file that training could take for whole."""
    with pytest.raises(ValueError, match=r"\(got "):
        files.filter(*groups)
    assert not files.accepted.exists() and not files.dropped.exists()


def test_a_bad_judgment_line_is_named(files: Files) -> None:
    """A line that is no judgment ends the stage with file and line."""
    files.filter(judged(0, *RIGHT))
    write_lines(files.judgments, "", '{"id": 3}')
    with pytest.raises(RecordError, match=r"judgments\.jsonl:2: 'id' must be a string"):
        files.run()


@pytest.mark.parametrize(
    ("numbers", "bad"),
    [
        pytest.param([0, 7, 2], 7, id="unknown"),
        pytest.param([1, 0, 2], 1, id="out-of-order"),
        pytest.param([0, 1, 2, 0], 0, id="again-later"),
        pytest.param([0, 2], 2, id="one-pair-not-judged"),
    ],
)
def test_join_refuses_strange_judgments(numbers: list[int], bad: int) -> None:
    """A judgment that is not of the next pair is an error that names its pair."""
    pairs = [make_pair(number) for number in range(3)]
    judgments = [judged(number, *RIGHT)[0] for number in numbers]
    got = make_pair(bad).id
    with pytest.raises(ValueError, match=rf"'pair_id' must be .* \(got '{got}'\)"):
        list(join_judgments(pairs, judgments))


def test_join_refuses_judgments_that_end_early() -> None:
    """A last pair that nobody judged is an error: a shard may be missing."""
    pairs = [make_pair(number) for number in range(2)]
    with pytest.raises(ValueError, match=r"\(got None\)\. Hint: a shard may be"):
        list(join_judgments(pairs, judged(0, *RIGHT)))


def test_every_reason_can_occur() -> None:
    """No reason in the closed set is dead."""
    found = {
        *outcomes(*(judged(n, *RIGHT) for n in range(4)), judged(4, "A", "C"), size=4),
        *outcomes(judged(0, *RIGHT, finish_reason="length")),
        *outcomes(judged(0, *WRONG)[:1]),
        *outcomes(judged(0, *RIGHT), filter_name="grounded"),
        *outcomes(
            one_order(0, "chosen_first", "1 Verdict: [[A]]", "2 Verdict: [[A]]")
            + one_order(0, "rejected_first", "Verdict: [[B]]")
        ),
    }
    assert found == set(OUTCOMES)


def test_orders_are_two() -> None:
    """The filter's two sides are all orders that there are."""
    assert ORDERS == ("chosen_first", "rejected_first")
