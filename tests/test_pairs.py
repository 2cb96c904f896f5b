from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import BOUNDS, make_altered, make_pair, make_prompt, make_responses
from selfjudge.ground.lines import read_records
from selfjudge.ground.records import DroppedLine, Pair, Prompt
from selfjudge.pairs.building import (
    Candidates,
    build_pairs,
    join_candidates,
    write_built,
)
from selfjudge.pairs.counts import count_pairs
from selfjudge.pairs.filters import FILTERS, FilterName
from selfjudge.pairs.labelling import Built, PairSettings
from selfjudge.pairs.samples import count_samples

SETTINGS = PairSettings(majority_threshold=3, alteration_bounds=BOUNDS)
OPEN = {"question": "Describe it.", "kind": "open", "answer_format": None}

# Samples of a closed prompt: numbers, and texts that do not parse.
SAMPLES = st.lists(st.sampled_from(["2", "3", "4", "2 or 3", "many"]), max_size=8)


def build(
    *candidates: Candidates, filter_name: FilterName = "majority", seed: int = 0
) -> list[Built]:
    """The outcomes under a filter."""
    return list(build_pairs(candidates, FILTERS[filter_name], SETTINGS, seed))


def closed(*texts: str, answer: str | None = None, number: int = 0) -> Candidates:
    """A closed prompt with these samples."""
    prompt = make_prompt(number, answer=answer)
    return Candidates(prompt, make_responses(prompt, *texts), [])


def opened(text: str, *rewrites: str) -> Candidates:
    """An open prompt with one response and its rewrites."""
    prompt = make_prompt(**OPEN)
    (response,) = make_responses(prompt, text)
    return Candidates(
        prompt, [response], [make_altered(response, rewrite) for rewrite in rewrites]
    )


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        pytest.param([], "no_response", id="no-response"),
        pytest.param(["many", "some"], "no_parsed_response", id="nothing-parsed"),
        pytest.param(["3"] * 8, "unanimous", id="unanimous"),
        pytest.param(["3"] * 4 + ["many"] * 4, "unanimous", id="unanimous-of-parsed"),
        pytest.param(
            ["10"] * 4 + ["10 (40/4)"] * 3, "unanimous", id="same-in-brackets"
        ),
        pytest.param(["3"] * 3 + ["4"] * 3, "tie", id="tie"),
        pytest.param(["3"] * 2 + ["4"], "below_threshold", id="below-threshold"),
        pytest.param(
            ["3"] * 2 + ["4"] + ["many"] * 5, "below_threshold", id="unparsed-no-vote"
        ),
    ],
)
def test_majority_drops(texts: list[str], reason: str) -> None:
    """A prompt without a majority answer gives no pair, and says why."""
    (outcome,) = build(closed(*texts))
    assert (outcome.pair, outcome.dropped["reason"]) == (None, reason)


@pytest.mark.parametrize(
    ("texts", "answer", "reason"),
    [
        pytest.param([], "3", "no_response", id="no-response"),
        pytest.param(["many"], "3", "no_parsed_response", id="nothing-parsed"),
        pytest.param(["3", "4"], None, "no_gold_answer", id="no-gold"),
        pytest.param(["2", "4"], "3", "no_correct_response", id="all-wrong"),
        pytest.param(["3", "3"], "3", "no_wrong_response", id="all-right"),
    ],
)
def test_correctness_drops(texts: list[str], answer: str | None, reason: str) -> None:
    """A prompt without a right and a wrong response gives no pair."""
    (outcome,) = build(closed(*texts, answer=answer), filter_name="correctness")
    assert (outcome.pair, outcome.dropped["reason"]) == (None, reason)


def phrased(*texts: str, answer: str | None = None) -> Candidates:
    """A closed prompt that asks for a short phrase, with these samples."""
    prompt = make_prompt(question="What is it?", answer_format="phrase", answer=answer)
    return Candidates(prompt, make_responses(prompt, *texts), [])


@pytest.mark.parametrize("filter_name", ["majority", "correctness"])
@pytest.mark.parametrize(
    ("right", "other"),
    [
        ("baseball bat", "bat"),
        ("blue", "dark blue"),
        ("couch", "on the couch"),
        ("in the park", "at a park"),
        ("tennis", "playing tennis"),
        ("a man", "one man"),
        ("one man", "tall man"),
        ("black and white", "white"),
        ("banana", "bananas"),
        ("t-shirt", "white T shirt"),
    ],
)
def test_a_phrase_that_says_more_or_less_is_not_wrong(
    right: str, other: str, filter_name: FilterName
) -> None:
    """Neither way round is there a pair of the two; of a third answer there is."""
    for gold, less in ((right, other), (other, right)):
        candidates = phrased(*[gold] * 3, less, answer=gold)
        (outcome,) = build(candidates, filter_name=filter_name)
        assert (outcome.pair, outcome.dropped["reason"]) == (None, "no_wrong_response")
        candidates = phrased(*[gold] * 3, less, less, "zebra", answer=gold)
        (outcome,) = build(candidates, filter_name=filter_name)
        assert outcome.pair.rejected == "zebra"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("on the couch", "on the table"),
        ("red", "blue"),
        ("2 dogs", "3 dogs"),
        ("tennis racket", "tennis ball"),
        ("one", "two"),
    ],
)
def test_a_phrase_of_other_words_is_wrong(right: str, wrong: str) -> None:
    """What has a word that the other has not, both ways, still makes a pair."""
    (outcome,) = build(phrased(*[right] * 3, wrong))
    assert (outcome.pair.chosen, outcome.pair.rejected) == (right, wrong)


def test_phrases_of_a_closed_vocabulary_are_exact() -> None:
    """Where the settings say so, a phrase that says more is wrong."""
    exact = msgspec.structs.replace(SETTINGS, phrases="exact")
    candidates = phrased("blue", "blue", "blue", "dark blue")
    (outcome,) = build_pairs([candidates], FILTERS["majority"], exact, 0)
    assert outcome.pair.rejected == "dark blue"


def test_a_dropped_prompt_is_kept_whole() -> None:
    """What is dropped is the prompt as it was."""
    candidates = closed("3", "3")
    (outcome,) = build(candidates)
    expected = msgspec.structs.asdict(candidates.prompt) | {"reason": "below_threshold"}
    assert outcome.dropped == expected


def test_majority_answer_is_chosen_at_the_threshold() -> None:
    """Threshold votes are enough; both sides carry their votes."""
    (outcome,) = build(closed("I see 3.", "3", "three", "4 dogs", "2", "many"))
    pair = outcome.pair
    assert (pair.num_votes, pair.num_votes_rejected, pair.origin) == (
        3,
        1,
        "majority_answer",
    )


def test_correctness_labels_by_gold_against_the_majority() -> None:
    """Where the majority is wrong, the gold answer is chosen."""
    candidates = closed("4", "4", "4", "3", answer="three dogs")
    (outcome,) = build(candidates, filter_name="correctness")
    pair = outcome.pair
    assert (pair.chosen, pair.rejected, pair.origin) == ("3", "4", "gold_answer")


def test_a_pair_names_the_responses_that_were_drawn() -> None:
    """Of several responses with the same text it is the one that was drawn."""
    candidates = closed("3", "3", "3", "3", "4", "4")
    texts = {response.id: response.text for response in candidates.responses}
    drawn = set()
    for seed in range(20):
        pair = build(candidates, seed=seed)[0].pair
        assert texts[pair.chosen_response_id] == pair.chosen
        assert texts[pair.rejected_response_id] == pair.rejected
        drawn |= {pair.chosen_response_id, pair.rejected_response_id}
    assert drawn == texts.keys()


def test_an_open_pair_names_its_altered_response() -> None:
    """The rejected side of an alteration is the rewrite, not the response."""
    candidates = opened("Two dogs sleep here.", "Two cats sleep here.")
    (outcome,) = build(candidates)
    assert outcome.pair.chosen_response_id == candidates.responses[0].id
    assert outcome.pair.rejected_response_id == candidates.altered[0].id


@pytest.mark.parametrize(
    ("candidates", "filter_name", "expected"),
    [
        pytest.param(
            closed("3", "3", "3", "4"), "majority", "89079a30fba70365", id="closed"
        ),
        pytest.param(
            closed("3, I see", "3.", "three", "4", "4 dogs"),
            "majority",
            "1fed025f7d9efe99",
            id="drawn",
        ),
        pytest.param(
            closed("4", "4", "4", "3", answer="three dogs"),
            "correctness",
            "89079a30fba70365",
            id="gold",
        ),
        pytest.param(
            opened(
                "Two dogs sleep on green grass.", "Three dogs sleep on green grass."
            ),
            "majority",
            "48814949e64ad6cc",
            id="open",
        ),
    ],
)
def test_ids_are_of_the_texts_alone(
    candidates: Candidates, filter_name: FilterName, expected: str
) -> None:
    """Seeds hang on these ids: they are as before pairs named their responses."""
    (outcome,) = build(candidates, filter_name=filter_name)
    assert outcome.pair.id == expected


@given(SAMPLES, st.integers(0, 5))
def test_chosen_has_the_majority_and_rejected_another_answer(
    texts: list[str], seed: int
) -> None:
    """An unparsed response is on neither side."""
    (outcome,) = build(closed(*texts), seed=seed)
    if outcome.pair:
        parsed = [text for text in texts if text in ("2", "3", "4")]
        assert parsed.count(outcome.pair.chosen) == outcome.pair.num_votes
        assert parsed.count(outcome.pair.rejected) == outcome.pair.num_votes_rejected
        assert outcome.pair.num_votes > outcome.pair.num_votes_rejected > 0


@given(SAMPLES, st.sampled_from(["2", "3", "4"]))
def test_filters_that_agree_build_the_same_pair(texts: list[str], gold: str) -> None:
    """Draws depend on the prompt alone, so that judgments can be shared."""
    (one,) = build(closed(*texts, answer=gold), filter_name="majority")
    (other,) = build(closed(*texts, answer=gold), filter_name="correctness")
    if one.pair and other.pair and one.pair.num_votes == other.pair.num_votes:
        same = msgspec.structs.replace(other.pair, origin="majority_answer")
        assert (one.pair == same) == (one.pair.chosen == gold)


def test_draws_depend_on_the_seed() -> None:
    """Which of the agreeing responses is chosen is drawn."""
    candidates = closed(*(f"3, sample {'x' * n}" for n in range(12)), "4", "4.")
    chosen = {build(candidates, seed=seed)[0].pair.chosen for seed in range(20)}
    assert len(chosen) > 3


@pytest.mark.parametrize(
    ("rewrites", "reasons"),
    [
        pytest.param([], ["no_alteration"], id="none"),
        pytest.param(["two dogs sleep here"], ["unchanged"], id="unchanged"),
        pytest.param(["", "a"], ["empty", "too_short"], id="each-has-its-own"),
    ],
)
def test_open_drops(rewrites: list[str], reasons: list[str]) -> None:
    """Every rewrite that cannot serve is dropped with its reason."""
    outcomes = build(opened("Two dogs sleep here.", *rewrites))
    assert [outcome.dropped["reason"] for outcome in outcomes] == reasons


def test_an_open_prompt_without_response_is_dropped() -> None:
    """Nothing is lost silently."""
    (outcome,) = build(Candidates(make_prompt(**OPEN), [], []))
    assert outcome.dropped["reason"] == "no_response"


def test_a_pair_holds_the_undressed_rewrite() -> None:
    """What a model puts around a rewrite never reaches a judge; its id stays."""
    prompt = make_prompt(kind="open", answer_format=None)
    (response,) = make_responses(prompt, "Two dogs sleep on a red sofa.")
    bare = "Two dogs sleep on a blue sofa."
    altered = make_altered(response, f"Sure! Here it is:\n\n{bare}")
    candidates = [Candidates(prompt, [response], [altered])]
    (built,) = build_pairs(candidates, FILTERS["majority"], SETTINGS, 0)
    assert built.pair is not None
    assert built.pair.rejected == bare
    assert built.pair.rejected_response_id == altered.id


def test_alteration_is_rejected() -> None:
    """The response is chosen, its rewrite rejected, the category kept."""
    (outcome,) = build(opened("Two dogs sleep here.", "Three dogs sleep here."))
    pair = outcome.pair
    assert (pair.chosen, pair.rejected, pair.origin, pair.category, pair.num_votes) == (
        "Two dogs sleep here.",
        "Three dogs sleep here.",
        "alteration",
        "count",
        None,
    )


def test_an_orphan_rewrite_is_an_error() -> None:
    """A rewrite of a response that is not there is named."""
    candidates = opened("Two dogs sleep here.", "Three dogs sleep here.")
    orphan = msgspec.structs.replace(candidates.altered[0], response_id="f" * 16)
    with pytest.raises(ValueError, match="'response_id' must be a response to prompt"):
        build(candidates._replace(altered=[orphan]))


def joined(
    prompts: Iterable[Prompt], *texts: str, of: Iterable[Prompt]
) -> list[Candidates]:
    """Prompts joined with one response each to some prompts."""
    responses = [make_responses(prompt, *texts)[0] for prompt in of]
    return list(join_candidates(prompts, responses, []))


def test_join_gives_each_prompt_its_own() -> None:
    """A prompt without responses has none; nobody gets another's."""
    prompts = [make_prompt(number) for number in range(4)]
    found = joined(prompts, "3", of=[prompts[1], prompts[3]])
    assert [[r.prompt_id for r in own] for _, own, *_ in found] == [
        [],
        [prompts[1].id],
        [],
        [prompts[3].id],
    ]


@pytest.mark.parametrize("places", [[7], [2, 1], [0, 7, 1]], ids=str)
def test_orphan_or_unordered_responses_are_an_error(places: list[int]) -> None:
    """Responses of unknown prompts or out of order are never passed over."""
    prompts = [make_prompt(number) for number in range(8)]
    with pytest.raises(ValueError, match="responses: 'prompt_id' must be a prompt"):
        joined(prompts[:4], "3", of=[prompts[place] for place in places])


def test_orphan_rewrites_are_an_error() -> None:
    """Rewrites for unknown prompts are never passed over."""
    candidates = opened("Two dogs.", "Three dogs.")
    with pytest.raises(ValueError, match="altered: 'prompt_id' must be a prompt"):
        list(join_candidates([], [], candidates.altered))


def write(folder: Path, *candidates: Candidates) -> dict[str, Any]:
    """Write what some candidates come to; the counts of what was written."""
    pairs, dropped = folder / "pairs.jsonl", folder / "dropped.jsonl"
    write_built(build(*candidates), pairs, dropped)
    return count_pairs(
        [candidate.prompt for candidate in candidates],
        read_records(pairs, Pair),
        read_records(dropped, DroppedLine),
    )


def test_counts_are_those_of_the_files(tmp_path: Path) -> None:
    """Pairs by kind, origin, category and votes; what was dropped by reason."""
    report = write(
        tmp_path,
        closed("3", "3", "3", "4"),
        closed("3", "3", number=1),
        opened("Two dogs sleep here.", "Three dogs sleep here."),
    )
    assert report == {
        "num_pairs": 2,
        "num_closed": 1,
        "num_open": 1,
        "num_dropped": 1,
        "origins": {"alteration": 1, "majority_answer": 1},
        "categories": {"count": 1},
        "votes": {"3": 1},
        "purity": {},
        "dropped": {"below_threshold": 1},
    }


def checked(right: int = 0, both_wrong: int = 0, reversed: int = 0) -> dict[str, int]:
    """A row of the purity by gold answers."""
    return {"right": right, "both_wrong": both_wrong, "reversed": reversed}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param("3", checked(right=1), id="right"),
        pytest.param("four", checked(reversed=1), id="reversed"),
        pytest.param("9", checked(both_wrong=1), id="both-wrong"),
    ],
)
def test_purity_is_counted_and_chooses_nothing(
    tmp_path: Path, answer: str, expected: dict[str, int]
) -> None:
    """The gold answer tells the report of a majority pair, and alters no pair."""
    known, unknown = (
        closed("3", "3", "3", "4", answer=gold) for gold in (answer, None)
    )
    assert write(tmp_path / "known", known)["purity"] == {"3": expected}
    assert write(tmp_path / "unknown", unknown)["purity"] == {}
    pairs = [tmp_path / name / "pairs.jsonl" for name in ("known", "unknown")]
    assert pairs[0].read_bytes() == pairs[1].read_bytes()


def test_purity_by_votes_is_as_counted_by_hand(tmp_path: Path) -> None:
    """Nine majority pairs: three and four votes; gold answers known for eight."""
    three, four = ["3"] * 3 + ["4"], ["3"] * 4 + ["4"]
    samples = [
        *[(three, gold) for gold in ("3", "three dogs", "4", "9", "7")],
        *[(four, gold) for gold in ("3", "4", "3.0", None)],
    ]
    candidates = [
        closed(*texts, answer=gold, number=n) for n, (texts, gold) in enumerate(samples)
    ]
    report = write(tmp_path, *candidates)
    assert report["votes"] == {"3": 5, "4": 4}
    assert report["purity"] == {
        "3": checked(right=2, both_wrong=2, reversed=1),
        "4": checked(right=2, reversed=1),
    }


def test_samples_are_counted_by_the_format_that_they_are_read_in() -> None:
    """Each of a closed prompt once; mathematics widens a number; open ones do not
    count."""
    plain, exact = closed("3", "Many dogs.", "I can't tell."), closed("1/2", "0.5")
    exact = exact._replace(prompt=make_prompt(1))
    texts = make_responses(exact.prompt, "Answer: 1/2", "0.5", "<think>Perhaps 3")
    whole = opened("Two dogs.")
    prompts = [plain.prompt, exact.prompt, whole.prompt]
    counts = count_samples(prompts, [*plain.responses, *texts, *whole.responses])
    assert counts == {
        "number": {"parsed": 1, "cut_off": 0, "refused": 1, "unparsed": 1},
        "expression": {"parsed": 2, "cut_off": 1, "refused": 0, "unparsed": 0},
    }


def test_a_fraction_and_its_decimal_are_one_answer() -> None:
    """A number that one sample writes as a fraction is read so in all."""
    (built,) = build(closed("Answer: 1/2", "0.5", "Answer: 0.50", "Answer: 3/4"))
    assert built.pair and (built.pair.num_votes, built.pair.num_votes_rejected) == (
        3,
        1,
    )


def test_a_gold_fraction_is_read_as_one_where_it_labels() -> None:
    """Decimals alone give it too; it decides nothing for the majority."""
    candidates = closed("0.5", "0.5", "0.5", "2", answer="1/2")
    (built,) = build(candidates, filter_name="correctness")
    assert built.pair and built.pair.chosen == "0.5"
    (built,) = build(candidates)
    report = count_pairs([candidates.prompt], [built.pair], [])
    assert report["purity"] == {"3": checked(right=1)}


def test_pairs_by_gold_have_no_purity() -> None:
    """What was labelled by the gold answer is not checked by it."""
    (built,) = build(closed("4", "4", "4", "3", answer="3"), filter_name="correctness")
    report = count_pairs([make_prompt(answer="3")], [built.pair], [])
    assert (report["origins"], report["purity"]) == ({"gold_answer": 1}, {})


@pytest.mark.parametrize("numbers", [[0, 7], [1, 0]], ids=["unknown", "unordered"])
def test_pairs_of_other_prompts_are_not_counted(numbers: list[int]) -> None:
    """Files of two runs, or out of order, are an error that names the pair."""
    pairs = [make_pair(number) for number in numbers]
    got = pairs[1].prompt_id
    with pytest.raises(ValueError, match=rf"{pairs[1].id}: 'prompt_id' .*'{got}'"):
        count_pairs([make_prompt(number) for number in range(3)], pairs, [])


def test_dropped_prompts_between_pairs_are_passed_over() -> None:
    """Several pairs of one prompt and prompts without any are no disorder."""
    prompts = [make_prompt(number) for number in range(4)]
    pairs = [make_pair(1), make_pair(1, id="f" * 16), make_pair(3)]
    report = count_pairs(prompts, pairs, [DroppedLine("tie")] * 2)
    assert (report["num_pairs"], report["dropped"]) == (3, {"tie": 2})


@given(st.lists(SAMPLES, min_size=1))
def test_pairs_plus_dropped_equal_prompts(samples: list[list[str]]) -> None:
    """Every closed prompt has exactly one outcome."""
    candidates = [closed(*texts, number=n) for n, texts in enumerate(samples)]
    outcomes = build(*candidates)
    ids = [o.pair.prompt_id if o.pair else o.dropped["id"] for o in outcomes]
    assert ids == [candidate.prompt.id for candidate in candidates]


def test_no_pair_at_all_is_an_error(tmp_path: Path) -> None:
    """Without a single pair the file is named, with the reasons and a hint."""
    with pytest.raises(ValueError, match=r"pairs\.jsonl: .*below_threshold 1.*Hint:"):
        write(tmp_path, closed("3", "3"))


def test_no_pair_at_all_leaves_no_file(tmp_path: Path) -> None:
    """A failed build leaves nothing that a later stage could take for whole."""
    with pytest.raises(ValueError, match="at least one prompt must give a pair"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_written_pairs_are_whole(tmp_path: Path) -> None:
    """What is written is what was built."""
    write(tmp_path, closed("3", "3", "3", "4"))
    (pair,) = read_records(tmp_path / "pairs.jsonl", Pair)
    assert (pair.chosen, pair.rejected) == ("3", "4")


def cut_off(*records: Any) -> list[Any]:
    """The responses or rewrites, each cut off at the limit of tokens."""
    return [
        msgspec.structs.replace(record, finish_reason="length") for record in records
    ]


def test_samples_that_were_cut_off_do_not_vote() -> None:
    """Neither chosen nor rejected nor counted is what was cut off."""
    whole = closed("3", "3", "3", "4", "4", "4", "4")
    responses = [*whole.responses[:4], *cut_off(*whole.responses[4:])]
    (outcome,) = build(whole._replace(responses=responses))
    pair = outcome.pair
    assert (pair.chosen, pair.num_votes, pair.num_votes_rejected) == ("3", 3, 1)
    assert pair.rejected_response_id == responses[3].id


@pytest.mark.parametrize("filter_name", ["majority", "correctness"])
def test_a_prompt_whose_samples_are_all_cut_off_says_so(filter_name: str) -> None:
    """A limit of tokens that is too low is told apart from texts without answers."""
    whole = closed("3", "4", answer="3")
    candidates = whole._replace(responses=cut_off(*whole.responses))
    (outcome,) = build(candidates, filter_name=filter_name)
    assert outcome.dropped["reason"] == "truncated_response"


def test_a_rewrite_that_was_cut_off_is_dropped() -> None:
    """The others of the same response stay."""
    whole = opened("a red dog sits there", "a blue dog sits there", "a red cat sits")
    altered = [whole.altered[0], *cut_off(whole.altered[1])]
    kept, outcome = build(whole._replace(altered=altered))
    assert kept.pair is not None
    assert outcome.dropped["reason"] == "truncated_alteration"


def test_an_open_response_that_was_cut_off_gives_no_pair() -> None:
    """Without a rewrite the prompt says why, and a rewrite of it is none."""
    whole = opened("a red dog sits there", "a blue dog sits there")
    responses = cut_off(*whole.responses)
    (none,) = build(whole._replace(responses=responses, altered=[]))
    (other,) = build(whole._replace(responses=responses))
    reasons = [none.dropped["reason"], other.dropped["reason"]]
    assert reasons == ["truncated_response", "truncated_response"]


def test_a_thought_is_no_part_of_a_pair() -> None:
    """Nobody is shown what a model thought before it answered."""
    (outcome,) = build(closed("<think>3?</think>\n3", "3", "hm</think>3", "4"))
    assert (outcome.pair.chosen, outcome.pair.num_votes) == ("3", 3)
    thought = "<think>Which?</think>"
    (outcome,) = build(opened(f"{thought}a red dog sits", f"{thought}a blue dog sits"))
    assert (outcome.pair.chosen, outcome.pair.rejected) == (
        "a red dog sits",
        "a blue dog sits",
    )


def test_a_thought_that_was_never_left_is_cut_off() -> None:
    """Whatever the engine says of its end."""
    (outcome,) = build(closed("<think>3", "<think>Answer: 4"))
    assert outcome.dropped["reason"] == "truncated_response"
    (outcome,) = build(opened("a red dog sits", "<think>a blue dog sits"))
    assert outcome.dropped["reason"] == "truncated_alteration"


def test_a_dropped_rewrite_stays_as_it_was() -> None:
    """What was dropped can be read whole: its thought, and how it ended."""
    candidates = opened("a red dog sits", "<think>which?</think>a red dog sits")
    (outcome,) = build(candidates)
    (altered,) = candidates.altered
    expected = msgspec.structs.asdict(altered) | {"reason": "unchanged"}
    assert outcome.dropped == expected
