import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import judge_both, make_judgment, make_pair, write_lines
from selfjudge.ground.lines import RecordError, read_records, write_records
from selfjudge.ground.records import ORDERS, Accepted, Judgment, Pair
from selfjudge.judging.acceptance import OUTCOMES, FilterSettings
from selfjudge.judging.filtering import decide, filter_files, join_judgments
from selfjudge.pairs.filters import FILTERS, FilterName

TEMPLATE = "{question}\n{response_a}\n{response_b}"
RIGHT = ("A", "B")  # what prefers chosen with it first, and with it second
WRONG = ("B", "A")
BOTH = FilterSettings(accept="both_orders", max_per_category=None)
SINGLE = FilterSettings(accept="single", max_per_category=None)


def outcomes(
    *groups: list[Judgment],
    filter_name: FilterName = "majority",
    settings: FilterSettings = BOTH,
    size: int | None = None,
    seed: int = 0,
    pairs: list[Pair] | None = None,
) -> list[str]:
    """What happens to the judgments of pairs 0, 1, ..., a group each."""
    pairs = pairs or [make_pair(number) for number in range(len(groups))]
    judgments = [judgment for group in groups for judgment in group]
    spec = FILTERS[filter_name]
    decided = decide(
        lambda: join_judgments(pairs, judgments), spec, settings, size, seed
    )
    return [outcome for one in decided for outcome in one.outcomes]


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


def test_single_accepts_one_right_order_of_each() -> None:
    """With `single`, a judgment stands for itself."""
    found = outcomes(judged(0, "A", "A"), judged(1, "B", "B"), settings=SINGLE)
    assert found == ["accepted", "wrong_verdict", "wrong_verdict", "accepted"]


def test_a_truncated_judgment_is_dropped() -> None:
    """A right verdict that ran on to the limit does not train."""
    found = outcomes(judged(0, *RIGHT, finish_reason="length"))
    assert found == ["truncated", "truncated"]


def test_unchecked_accepts_what_parses() -> None:
    """The control takes right and wrong verdicts alike, but no unparsed one."""
    groups = [judged(0, *RIGHT), judged(1, *WRONG), judged(2, "A", "C")]
    assert outcomes(*groups, filter_name="unchecked") == [
        *["accepted"] * 4,
        "not_in_both_orders",
        "unparsed",
    ]


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


def test_which_trace_is_kept_is_drawn() -> None:
    """It is not always the first trace."""
    texts = [f"{n} Verdict: [[A]]" for n in range(4)]
    group = one_order(0, "chosen_first", *texts)
    group += one_order(0, "rejected_first", "Verdict: [[B]]")
    kept = {outcomes(group, seed=seed).index("accepted") for seed in range(30)}
    assert kept == {0, 1, 2, 3}


def test_caps_count_pairs_of_a_category() -> None:
    """At most so many pairs of one category, both judgments or none."""
    pairs = [
        make_pair(n, origin="alteration", category="count" if n < 5 else "object")
        for n in range(7)
    ]
    groups = [judge_both(pair, *RIGHT) for pair in pairs]
    settings = FilterSettings(accept="both_orders", max_per_category=2)
    found = outcomes(*groups, settings=settings, pairs=pairs)
    assert (found[:10].count("accepted"), found[10:].count("accepted")) == (4, 4)
    assert found.count("over_category_cap") == 6


def test_caps_count_closed_pairs_by_origin() -> None:
    """Closed pairs have no category; their origin is one."""
    groups = [judged(n, *RIGHT) for n in range(3)]
    settings = FilterSettings(accept="both_orders", max_per_category=1)
    assert outcomes(*groups, settings=settings).count("accepted") == 2


@pytest.mark.parametrize("surplus", ["A", "B"])
def test_single_is_balanced(surplus: str) -> None:
    """Chosen stands first as often as second, whichever had more."""
    other = "B" if surplus == "A" else "A"
    groups = [judged(n, surplus, surplus) for n in range(7)]
    groups += [judged(n, other, other) for n in range(7, 9)]
    found = outcomes(*groups, settings=SINGLE)
    assert (found.count("accepted"), found.count("unbalanced_order")) == (4, 5)


def test_balance_takes_singles_first() -> None:
    """Pairs that are right in both orders stay whole where singles suffice."""
    groups = [judged(n, *RIGHT) for n in range(5)]
    groups += [judged(n, "A", "A") for n in range(5, 9)]
    found = outcomes(*groups, settings=SINGLE)
    assert found[:10] == ["accepted"] * 10


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


VERDICTS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC")), min_size=1, max_size=12
)
SETTINGS = st.builds(
    FilterSettings,
    accept=st.sampled_from(["both_orders", "single"]),
    max_per_category=st.none() | st.integers(1, 4),
)


@given(
    VERDICTS,
    SETTINGS,
    st.sampled_from(["majority", "unchecked"]),
    st.none() | st.integers(0, 9),
)
def test_accepted_is_balanced_and_no_larger(
    verdicts: list[tuple[str, str]],
    settings: FilterSettings,
    filter_name: FilterName,
    size: int | None,
) -> None:
    """Whatever is cut, both orders count alike and the size is kept."""
    groups = [judged(n, *pair) for n, pair in enumerate(verdicts)]
    found = outcomes(*groups, settings=settings, filter_name=filter_name, size=size)
    first, second = found[::2].count("accepted"), found[1::2].count("accepted")
    assert first == second
    assert size is None or first + second <= size


@given(VERDICTS, SETTINGS)
def test_exchanging_letters_with_orders_changes_nothing(
    verdicts: list[tuple[str, str]], settings: FilterSettings
) -> None:
    """A and B, first and second are treated alike up to which is listed first."""
    groups = [judged(n, *pair) for n, pair in enumerate(verdicts)]
    exchange = {"A": "B", "B": "A", "C": "C"}
    mirrored = [
        judged(n, exchange[second], exchange[first])
        for n, (first, second) in enumerate(verdicts)
    ]
    one = outcomes(*groups, settings=settings)
    other = outcomes(*mirrored, settings=settings)
    assert sorted(one) == sorted(other)


class Files:
    """A folder with the files of a filter stage."""

    def __init__(self, folder: Path) -> None:
        self.pairs = folder / "pairs.jsonl"
        self.judgments = folder / "judgments.jsonl"
        self.accepted = folder / "out" / "accepted.jsonl"
        self.dropped = folder / "out" / "dropped.jsonl"

    def filter(
        self, *groups: list[Judgment], settings: FilterSettings = BOTH
    ) -> dict[str, Any]:
        """Write the judgments of pairs 0, 1, ... and filter them."""
        write_records(self.pairs, map(make_pair, range(len(groups))))
        write_records(self.judgments, [j for group in groups for j in group])
        return self.run(settings)

    def run(self, settings: FilterSettings = BOTH) -> dict[str, Any]:
        """Filter the files as they are."""
        return filter_files(
            pairs=self.pairs,
            judgments=self.judgments,
            accepted=self.accepted,
            dropped=self.dropped,
            template=TEMPLATE,
            spec=FILTERS["majority"],
            settings=settings,
            size=None,
            both_orders_rate=None,
            seed=0,
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A folder with the files of a filter stage."""
    return Files(tmp_path)


@given(
    VERDICTS,
    st.sampled_from(
        [BOTH, SINGLE, FilterSettings(accept="both_orders", max_per_category=2)]
    ),
)
def test_accepted_plus_dropped_equal_the_input(
    tmp_path_factory, verdicts: list[tuple[str, str]], settings: FilterSettings
) -> None:
    """Every judgment is in one of two files, and both keep the order of lines."""
    files = Files(tmp_path_factory.mktemp("filter"))
    groups = [judged(n, *pair) for n, pair in enumerate(verdicts)]
    groups.append(judged(len(verdicts), *RIGHT))
    groups.append(judged(len(verdicts) + 1, *RIGHT))
    report = files.filter(*groups, settings=settings)
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


def test_nothing_accepted_is_an_error_that_names_the_file(files: Files) -> None:
    """The error says which file, how many judgments, why, and what to look at."""
    with pytest.raises(ValueError, match="at least one judgment") as error:
        files.filter(judged(0, *WRONG), judged(1, "C", "C"))
    assert str(error.value) == (
        f"{files.judgments}: at least one judgment must agree with its pair "
        "(got 4 judgments of 2 pairs, all dropped: unparsed 2, wrong_verdict 2). "
        f"Hint: read the first lines of {files.judgments}; "
        "if most are unparsed, the judge may have lost the verdict format."
    )


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
    many = [judged(n, *RIGHT) for n in range(4)]
    cap = FilterSettings(accept="both_orders", max_per_category=3)
    found = {
        *outcomes(*many, judged(4, "A", "C"), settings=cap, size=4),
        *outcomes(judged(0, "A", "A"), settings=SINGLE),
        *outcomes(judged(0, *RIGHT, finish_reason="length")),
        *outcomes(judged(0, *WRONG)[:1]),
        *outcomes(
            one_order(0, "chosen_first", "1 Verdict: [[A]]", "2 Verdict: [[A]]")
            + one_order(0, "rejected_first", "Verdict: [[B]]")
        ),
    }
    assert found == set(OUTCOMES)


def test_orders_are_two() -> None:
    """The filter's two sides are all orders that there are."""
    assert ORDERS == ("chosen_first", "rejected_first")
