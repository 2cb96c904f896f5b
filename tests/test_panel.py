"""Decisions of a panel: candidates, marks, ballots, preferences, raters, skills."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from selfjudge.certificate.groups import group_by_picture
from selfjudge.engines.sections import SimulatorSettings
from selfjudge.engines.simulator import SimulatorEngine, text_of
from selfjudge.ground.lines import write_json, write_records
from selfjudge.ground.records import (
    Candidate,
    Preference,
    Prompt,
    Rating,
    Response,
    Vote,
)
from selfjudge.ground.requests import Generation, Sampling
from selfjudge.panel.agreement import measure_agreement
from selfjudge.panel.audit import count_preferences, tell_untaught
from selfjudge.panel.ballots import BALLOTS, Voters, panel_reward
from selfjudge.panel.candidates import list_candidates
from selfjudge.panel.gold import gives_gold
from selfjudge.panel.marks import parse_marks, parse_sections, reward_of
from selfjudge.panel.preferences import (
    Builder,
    NoPreference,
    PreferenceSettings,
    build_preferences,
    cut_preferences,
    size_of,
    write_preferences,
)
from selfjudge.panel.public_skills import Measured, compare_public
from selfjudge.panel.rating import (
    Asked,
    Mode,
    RatingRequest,
    RatingSettings,
    rating_from,
    rating_requests,
)
from selfjudge.panel.skills import (
    Comparison,
    ScoredMember,
    SkillRow,
    SkillScores,
    check_questions,
    compare_members,
    is_answer_right,
    score_answers,
)
from selfjudge.panel.tournament import draw_matches
from selfjudge.panel.unparsed import Heard, count_unparsed
from selfjudge.panel.votes import Criteria, count_votes
from selfjudge.report.page import build_report, read_parts
from selfjudge.report.page_tables import make_table
from selfjudge.report.panel_tables import panel_tables
from small_project import TEMPLATES, config_of

FIVE = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
MEMBERS = ("ada", "bea", "cyd")
HELPSTEER = (0.65, 0.8, 0.45, 0.0, 0.0)
SETTINGS = PreferenceSettings(keep=0.85, margin=0.75, min_votes=2, source="anyone")
RATING = "Helpfulness: 4\nCorrectness: 5\nCoherence: 5\nComplexity: 2\nVerbosity: 1"


def prompt(number: int, answer: str | None = "2") -> Prompt:
    return Prompt(
        id=f"{number:016x}",
        images=("a.png",),
        image_sha256s=(f"{number:064x}",),
        question=f"How many are there? {number}",
        kind="closed",
        answer_format="number",
        answer=answer,
        source="counting" if number % 2 else "colour",
    )


def response(number: int, sample: int, text: str, cut: bool = False) -> Response:
    return Response(
        id=f"{number}/{sample}/{text}",
        prompt_id=f"{number:016x}",
        sample=sample,
        seed=0,
        text=text,
        finish_reason="length" if cut else "stop",
    )


def vote(number: int, text: str, members: str, rewards: Sequence[float | None]) -> Vote:
    """The vote on a text of the members with these first letters."""
    names = tuple(name for name in MEMBERS if name[0] in members)
    return Vote(
        candidate_id=f"{number}/{text}",
        prompt_id=f"{number:016x}",
        text=text,
        members=names,
        raters=MEMBERS,
        marks=tuple(None if r is None else "55555" for r in rewards),
        rewards=tuple(rewards),
    )


def builder(ballot: str = "peers", **changes: object) -> Builder:
    settings = msgspec.structs.replace(SETTINGS, **changes)
    return Builder(
        BALLOTS[ballot],
        settings,
        MEMBERS,
        {},
        ("{question}", "In short: {question}"),
        0,
    )


def built(
    votes: Iterable[Vote], who: Builder, prompts: Sequence[Prompt] | None = None
) -> list[Preference | NoPreference]:
    return list(build_preferences(prompts or [prompt(1)], votes, who))


# ------------------------------------------------------------------------- marks


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        (RATING, "45521"),
        (RATING.lower(), "45521"),
        ("I say 2. A says 3 false.\n" + RATING, "45521"),
        (
            "**Helpfulness**: 4/5\n- Correctness: **5**\n3. Coherence: 5.\n"
            "Complexity : 2\n*Verbosity:* 1",
            "45521",
        ),
        # The order is the config's, whatever the rater's.
        ("\n".join(reversed(RATING.splitlines())), "45521"),
        # A sixth criterion is not asked for; the last line of each counts.
        (RATING + "\nHumour: 9", "45521"),
        ("Correctness: 1\n" + RATING, "45521"),
        (RATING + "\nCorrectness: 1", "41521"),
        # A later line that states no mark must not leave the earlier one standing.
        (RATING + "\nCorrectness: none", None),
        (RATING.replace("Correctness: 5", "Correctness: 6"), None),
        (RATING.replace("Correctness: 5", "Correctness: 0"), None),
        (RATING.replace("Correctness: 5", "Correctness: 4.5"), None),
        (RATING.replace("Correctness: 5", "Correctness: 4-5"), None),
        (RATING.replace("Correctness: 5", "Correctness: five"), None),
        (RATING.replace("Correctness: 5", "Correctness: 55"), None),
        (RATING.replace("Correctness: 5\n", ""), None),
        (RATING.replace("Correctness", "Incorrectness"), None),
        (RATING.rsplit("\n", 1)[0], None),
        ("", None),
        (f"<think>{RATING}", None),
        (f"<think>Correctness: 1</think>{RATING}", "45521"),
    ],
)
def test_the_last_line_of_each_criterion_counts(text: str, marks: str | None) -> None:
    assert parse_marks(text, FIVE) == marks


@pytest.mark.parametrize(
    ("marks", "weights", "reward"),
    [
        ("55555", HELPSTEER, 1.0),
        ("11111", HELPSTEER, 0.0),
        # A right and a wrong answer of one word: the paper's .85 and .75 fit...
        ("55522", HELPSTEER, 1.0),
        ("11522", HELPSTEER, 0.236842),
        # ...and cannot be reached with the plain mean of five.
        ("55522", (1, 1, 1, 1, 1), 0.7),
        ("11522", (1, 1, 1, 1, 1), 0.3),
        ("31", (1, 3), 0.125),
    ],
)
def test_a_reward_is_the_weighted_mean(
    marks: str, weights: Sequence[float], reward: float
) -> None:
    assert reward_of(marks, weights) == reward


# -------------------------------------------------------- candidates and ratings


def test_each_text_is_a_candidate_once() -> None:
    """With who wrote it, and how often; what was cut off or empty is none."""
    responses = {
        "ada": [response(1, 0, "2"), response(1, 1, "2"), response(2, 0, "")],
        "bea": [response(1, 0, "3"), response(1, 1, "4", cut=True)],
        "cyd": [response(1, 0, "<think>5</think>2"), response(2, 0, "1")],
    }
    found = list(list_candidates([prompt(1), prompt(2), prompt(3)], responses))
    assert [(one.text, one.members, one.counts) for one in found] == [
        ("2", ("ada", "cyd"), (2, 1)),
        ("3", ("bea",), (1,)),
        ("1", ("cyd",), (1,)),
    ]
    assert found[0].response_ids == ("1/0/2", "1/1/2", "1/0/<think>5</think>2")
    assert len({one.id for one in found}) == 3


def test_responses_out_of_order_are_refused() -> None:
    responses = {"ada": [response(2, 0, "2"), response(1, 0, "2")]}
    with pytest.raises(ValueError, match=r"responses of ada: 'prompt_id' must be"):
        list(list_candidates([prompt(1), prompt(2)], responses))


def test_a_response_that_states_marks_has_no_say() -> None:
    """It is asked about, and only what the rater says itself is read."""
    text = "Correctness: 5\n{question} {own_answer}"
    candidate = Candidate(
        id="c",
        prompt_id=prompt(1).id,
        text=text,
        members=("bea",),
        counts=(1,),
        response_ids=("r",),
    )
    (asked,) = ask([candidate], "Rate {response} to {question}")
    assert text in text_of(asked.request)
    said = RATING.replace("Correctness: 5", "Correctness: 1")
    generation = Generation(
        request_id=asked.request.id,
        text=said,
        finish_reason="stop",
        num_prompt_tokens=1,
        num_output_tokens=1,
    )
    rating = rating_from(generation, asked, "ada")
    (counted,) = count_votes(
        [prompt(1)], [candidate], {"ada": [rating], "bea": []}, five_criteria()
    )
    assert counted.marks == ("41521", None)
    assert counted.rewards == (reward_of("41521", HELPSTEER), None)


def test_a_criterion_of_no_weight_spoils_no_rating() -> None:
    """It has a dash where it has no mark; the reward is of the others."""
    (one,) = candidates(1, "a")
    text = RATING.replace("Verbosity: 1", "Verbosity: 0")
    rating = Rating(
        id="m",
        candidate_ids=(one.id,),
        prompt_id=one.prompt_id,
        member="ada",
        seed=0,
        text=text,
        finish_reason="stop",
    )
    (counted,) = count_votes([prompt(1)], [one], {"ada": [rating]}, five_criteria())
    assert counted.marks == ("4552-",)
    assert counted.rewards == (reward_of("45521", HELPSTEER),)
    below = msgspec.structs.replace(rating, text=f"Response 1\n{text}")
    relative = five_criteria("relative")
    (counted,) = count_votes([prompt(1)], [one], {"ada": [below]}, relative)
    assert counted.marks == ("4552-",)


def five_criteria(mode: Mode = "absolute") -> Criteria:
    return Criteria(weights=dict(zip(FIVE, HELPSTEER, strict=True)), mode=mode)


def candidates(number: int, texts: str) -> list[Candidate]:
    """Texts of one letter each, all of bea."""
    return [
        Candidate(
            id=f"{number}/{text}",
            prompt_id=prompt(number).id,
            text=text,
            members=("bea",),
            counts=(1,),
            response_ids=("r",),
        )
        for text in texts
    ]


def ask(
    listed: Iterable[Candidate],
    template: str,
    asked: Asked = "plain",
    mode: Mode = "absolute",
    num_opponents: int = 4,
) -> list[RatingRequest]:
    sampling = Sampling(max_tokens=64, temperature=0)
    settings = RatingSettings(mode=mode, num_opponents=num_opponents, sampling=sampling)
    prompts = {prompt(number).id: prompt(number) for number in range(1, 4)}
    images = Path("images")
    return list(
        rating_requests(listed, prompts, template, None, asked, settings, images, 0)
    )


SIMULATED = SimulatorSettings(
    tokens_per_second=0,
    unanimous_rate=0.5,
    majority_rate=0.5,
    parsed_rate=1.0,
    alteration_valid_rate=1.0,
    verdict_accuracy=1.0,
    num_response_words=9,
    num_judgment_words=9,
)


def simulate(asked: Sequence[RatingRequest], member: str) -> list[Rating]:
    """What the simulator says to requests."""
    engine = SimulatorEngine("m", None, SIMULATED, batch_size=4)
    said = engine.generate([one.request for one in asked])
    return [rating_from(*pair, member) for pair in zip(said, asked, strict=True)]


# ------------------------------------------------- all at once, and two by two


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        (f"Response 1\n{RATING}\n\nResponse 2\n{RATING}", ["45521", "45521"]),
        (f"**Response 2:**\n{RATING}\n# response 1\n{RATING}", ["45521", "45521"]),
        # One that is unparsed leaves the others as they are.
        (f"Response 1\nHelpfulness: 4\nResponse 2\n{RATING}", [None, "45521"]),
        (f"Response 2\n{RATING}\nResponse 3\n{RATING}", [None, "45521"]),
        # The last section of a response counts, also where it states nothing.
        (f"Response 1\n{RATING}\nResponse 1\nnone", [None, None]),
        # Marks before any section are of nobody; a sentence begins none.
        (f"{RATING}\nResponse 2 is best.\n{RATING}", [None, None]),
        (f"<think>Response 1\n{RATING}", [None, None]),
        ("", [None, None]),
    ],
)
def test_responses_rated_at_once_have_a_section_each(
    text: str, marks: list[str | None]
) -> None:
    assert parse_sections(text, FIVE, 2) == marks


def test_all_responses_of_a_prompt_may_be_rated_at_once() -> None:
    """One request a prompt, in a drawn order; marks go to whom they are of."""
    listed = candidates(1, "abcdefgh") + candidates(2, "xy")
    asked = ask(listed, "{question}\n{responses}", mode="relative")
    shown = ["".join(c.text for c in one.candidates) for one in asked]
    assert [sorted(text) for text in shown] == [list("abcdefgh"), list("xy")]
    assert shown[0] != "abcdefgh"
    assert f"Response 2:\n{shown[0][1]}\n\nResponse 3:" in text_of(asked[0].request)
    first, second = simulate(asked, "ada")
    others = msgspec.structs.replace(first, text=f"Response 2\n{RATING}")
    prompts = [prompt(1), prompt(2)]
    votes = count_votes(
        prompts, listed, {"ada": [others, second]}, five_criteria("relative")
    )
    marked = {vote.text: vote.marks[0] for vote in votes}
    assert [text for text in "abcdefgh" if marked[text]] == [shown[0][1]]
    assert marked["x"] and marked["y"]


@pytest.mark.parametrize(
    ("number", "opponents", "met"),
    [(1, 4, 0), (2, 4, 1), (5, 4, 4), (6, 4, 4), (20, 4, 4), (20, 5, 6), (3, 1, 2)],
)
def test_everyone_meets_as_many_before_a_judge(
    number: int, opponents: int, met: int
) -> None:
    """Each pair in both orders, none twice."""
    listed = candidates(1, "abcdefghijklmnopqrst"[:number])
    matches = [(a.text, b.text) for a, b in draw_matches(listed, opponents, 0)]
    assert len(matches) == len(set(matches)) == number * met
    assert {(b, a) for a, b in matches} == set(matches)
    for one in listed:
        assert len([pair for pair in matches if pair[0] == one.text]) == met


def test_a_judge_rates_by_the_verdicts_that_a_response_won() -> None:
    """Unparsed ones take no part; one that always says A gives everyone a half."""
    listed = candidates(1, "ab")
    asked = ask(listed, "{question} {response_a} {response_b}", "matches")
    assert [text_of(one.request)[-3:] for one in asked] in (
        ["a b", "b a"],
        ["b a", "a b"],
    )
    judged = simulate(asked, "judge")

    def rewards(*letters: str) -> list[float | None]:
        said = [
            msgspec.structs.replace(one, text=f"Verdict: [[{letter}]]")
            for one, letter in zip(judged, letters, strict=True)
        ]
        mark = Rating(
            id="m",
            candidate_ids=(listed[0].id,),
            prompt_id=prompt(1).id,
            member="ada",
            seed=0,
            text=RATING,
            finish_reason="stop",
        )
        ratings = {"ada": [mark], "judge": said}
        votes = count_votes([prompt(1)], listed, ratings, five_criteria(), ["judge"])
        found = list(votes)
        assert [vote.marks for vote in found] == [("45521", None), (None, None)]
        return [vote.rewards[1] for vote in found]

    is_first = asked[0].candidates[0].text == "a"
    assert rewards(*("AB" if is_first else "BA")) == [1.0, 0.0]
    assert rewards("A", "A") == [0.5, 0.5]
    assert rewards("A", "?") == ([1.0, 0.0] if is_first else [0.0, 1.0])
    assert rewards("?", "?") == [None, None]
    with pytest.raises(ValueError, match="ratings of judge: 'candidate_ids' must be"):
        stray = msgspec.structs.replace(judged[0], candidate_ids=("other", "a"))
        list(count_votes([prompt(1)], listed, {"judge": [stray]}, five_criteria()))


def test_a_judge_is_nobodys_author() -> None:
    """So it counts on every response, and finds its place among the raters."""
    raters = (*MEMBERS, "judge")
    rewards = {"2": (0.0, 1.0, 1.0, 1.0), "3": (1.0, 0.25, 0.0, 0.0)}
    votes = [
        msgspec.structs.replace(
            vote(1, text, "a", own[:3]), raters=raters, marks=(None,) * 4, rewards=own
        )
        for text, own in rewards.items()
    ]
    (found,) = built(votes, builder(min_votes=3))
    assert isinstance(found, Preference)
    assert (found.reward_chosen, found.reward_rejected) == (1.0, 0.083333)
    report = measure_agreement([prompt(1)], votes, raters).report()
    assert report["agreement_rate"]["judge"] == {"ada": 0.0, "bea": 1.0, "cyd": 1.0}
    lone = [msgspec.structs.replace(votes[0], rewards=(1.0, 1.0, 1.0, None))]
    counted = count_unparsed(lone, raters, only_own=False, scorers=["judge"])
    assert counted["judge"] == {"num_ratings": 0, "num_unparsed": 0}


def test_a_rating_of_nothing_known_is_refused() -> None:
    stray = Rating(
        id="x",
        candidate_ids=("other",),
        prompt_id=prompt(1).id,
        member="ada",
        seed=0,
        text=RATING,
        finish_reason="stop",
    )
    with pytest.raises(ValueError, match="ratings of ada: 'candidate_ids'"):
        list(count_votes([prompt(1)], [], {"ada": [stray]}, five_criteria()))


# ---------------------------------------------------------------------- ballots


@pytest.mark.parametrize(
    ("voters", "authors", "reward"),
    [
        ("peers", "a", 0.5),  # bea and cyd
        ("peers", "c", 1.0),
        ("peers", "ac", 0.75),  # the mean of both
        ("peers", "abc", 0.666667),
        ("all", "a", 0.666667),
        ("all", "abc", 0.666667),
        ("self", "a", 1.0),
        ("self", "c", 0.0),
    ],
)
def test_whose_rewards_count(voters: Voters, authors: str, reward: float) -> None:
    one = vote(1, "2", authors, [1.0, 1.0, 0.0])
    assert panel_reward(one, one.members, voters, {}, 2) == reward


def test_unparsed_ratings_never_vote() -> None:
    """They are neither 0 nor the mean of the others; too few give no reward."""
    one = vote(1, "2", "a", [None, 1.0, None])
    assert panel_reward(one, ["ada"], "peers", {}, 2) is None
    assert panel_reward(one, ["ada"], "peers", {}, 1) == 1.0
    assert panel_reward(one, ["ada"], "self", {}, 1) is None
    # Of bea's there is no other rating: it counts for no co-author either.
    assert panel_reward(one, ["ada", "bea"], "peers", {}, 1) is None


def test_weights_turn_a_vote() -> None:
    one = vote(1, "2", "a", [0.0, 1.0, 1.0])
    weights = {"ada": 0.9, "bea": 0.05, "cyd": -0.3}
    reward = panel_reward(one, ["ada"], "weighted", weights, 2)
    # Who agrees with nobody has the least weight: never none, nor a negative one.
    assert reward == pytest.approx((0.05 + 0.02) / (0.9 + 0.05 + 0.02), abs=1e-6)


@pytest.mark.parametrize("weight", [0.0, -0.4, 0.3])
def test_weighted_rewards_stay_rewards(weight: float) -> None:
    """Whatever the raters' agreement, or without any known."""
    one = vote(1, "2", "a", [0.9, 0.1, 0.5])
    for weights in ({}, dict.fromkeys(MEMBERS, weight), {MEMBERS[0]: weight}):
        reward = panel_reward(one, ["ada"], "weighted", weights, 2)
        assert reward is not None and 0.1 <= reward <= 0.9


# ------------------------------------------------------------------ preferences


def test_the_best_stands_beside_the_worst() -> None:
    votes = [
        vote(1, "2", "a", [0.0, 1.0, 0.9]),
        vote(1, "3", "b", [0.5, 1.0, 0.5]),
        vote(1, "4", "c", [0.1, 0.0, 1.0]),
    ]
    (found,) = built(votes, builder())
    assert isinstance(found, Preference)
    assert (found.reward_chosen, found.reward_rejected) == (0.95, 0.05)
    assert found.for_member is None
    asked = found.prompt[0]["content"]
    assert asked[0] == {"type": "image"}
    assert asked[1]["text"] == "In short: How many are there? 1"
    texts = [side[0]["content"][0]["text"] for side in (found.chosen, found.rejected)]
    assert texts == ["2", "4"]


@pytest.mark.parametrize(
    ("votes", "reason"),
    [
        ([], "one_text"),
        ([vote(1, "2", "abc", [1, 1, 1])], "one_text"),
        ([vote(1, "2", "a", [1, 1, 1]), vote(1, "3", "b", [0, 0, None])],
         "too_few_votes"),
        ([vote(1, "2", "a", [1, 0.8, 0.8]), vote(1, "3", "b", [0, 1, 0])],
         "below_keep"),
        ([vote(1, "2", "a", [0, 1, 1]), vote(1, "3", "b", [0.3, 0, 0.3])],
         "below_margin"),
        # All alike.
        ([vote(1, "2", "a", [1, 1, 1]), vote(1, "3", "b", [1, 1, 1])], "below_margin"),
        # A dissenter counts, whoever else wrote the text.
        ([vote(1, "2", "a", [1, 1, 0]), vote(1, "3", "b", [0, 0, 0])], "below_keep"),
        ([vote(1, "2", "abc", [1, 1, 0]), vote(1, "3", "abc", [0, 0, 0])],
         "below_keep"),
    ],
)  # fmt: skip
def test_a_prompt_without_a_preference_says_why(votes: list[Vote], reason: str) -> None:
    (found,) = built(votes, builder())
    assert isinstance(found, NoPreference) and found.reason == reason


def random_votes(rng: Random, numbers: Iterable[int]) -> list[Vote]:
    """Votes of one to four texts a prompt, some unparsed, some of several authors."""
    return [
        vote(
            number,
            text,
            "".join(rng.sample("abc", rng.randint(1, 2))),
            [rng.choice([None, 0.0, 0.25, 0.75, 1.0, 1.0]) for _ in MEMBERS],
        )
        for number in numbers
        for text in "1234"[: rng.randint(0, 4)]
    ]


@pytest.mark.parametrize("ballot", sorted(BALLOTS))
@pytest.mark.parametrize("source", ["anyone", "own"])
def test_every_prompt_comes_to_one_thing_for_each_member(
    ballot: str, source: str
) -> None:
    """Kept and dropped together are all; what is kept is as the settings say."""
    numbers = range(1, 120)
    votes = random_votes(Random(ballot), numbers)
    who = builder(ballot, source=source)
    found = built(votes, who, [prompt(number) for number in numbers])
    is_own = source == "own" or ballot.startswith("self")
    assert len(found) == 119 * (len(MEMBERS) if is_own else 1)
    kept = [one for one in found if isinstance(one, Preference)]
    assert kept and len(kept) < len(found)
    authors = {one.candidate_id: one.members for one in votes}
    for one in kept:
        assert one.chosen_id != one.rejected_id
        if one.for_member:
            assert one.for_member in authors[one.chosen_id]
            assert one.for_member in authors[one.rejected_id]
        if ballot != "random":
            assert one.reward_chosen is not None and one.reward_rejected is not None
            assert one.reward_chosen >= 0.85
            assert one.reward_chosen - one.reward_rejected >= 0.75 - 1e-6
        if ballot == "gold":
            assert one.chosen[0]["content"][0]["text"] == "2"
    assert found == built(votes, who, [prompt(number) for number in numbers])


def test_nobody_votes_on_its_own_response() -> None:
    """Under `peers` a member's ratings of its own texts move nothing; `all` differs."""
    rng = Random(7)
    votes = [
        msgspec.structs.replace(one, members=one.members[:1])
        for one in random_votes(rng, range(1, 80))
    ]
    own = [MEMBERS.index(one.members[0]) for one in votes]
    flipped = [
        msgspec.structs.replace(
            one,
            rewards=tuple(
                (None if r is None else 1 - r) if place == at else r
                for place, r in enumerate(one.rewards)
            ),
        )
        for one, at in zip(votes, own, strict=True)
    ]
    prompts = [prompt(number) for number in range(1, 80)]
    assert built(votes, builder(), prompts) == built(flipped, builder(), prompts)
    every = builder("all")
    assert built(votes, every, prompts) != built(flipped, every, prompts)


def kept_share(num_members: int, num_authors: int, min_votes: int) -> float:
    """Of prompts with two texts of so many authors, rated at random, those kept."""
    rng = Random(f"{num_members}/{min_votes}")
    members = tuple("abcd"[:num_members])
    votes = [
        Vote(
            candidate_id=f"{number}/{text}",
            prompt_id=f"{number:016x}",
            text=text,
            members=tuple(sorted(rng.sample(members, num_authors))),
            raters=members,
            marks=(None,) * num_members,
            rewards=tuple(
                None if rng.random() < 0.1 else rng.random() for _ in members
            ),
        )
        for number in range(600)
        for text in "12"
    ]
    who = builder(keep=0.6, margin=0.3, min_votes=min_votes)._replace(members=members)
    found = built(votes, who, [prompt(number) for number in range(600)])
    return sum(isinstance(one, Preference) for one in found) / 600


@pytest.mark.parametrize("num_members", [3, 4])
@pytest.mark.parametrize("min_votes", [1, 2])
def test_a_text_of_many_is_not_kept_more_easily(
    num_members: int, min_votes: int
) -> None:
    """Of random ratings as few are kept, beyond noise, however many wrote the texts."""
    by_one, *by_more = (
        kept_share(num_members, number + 1, min_votes) for number in range(num_members)
    )
    noise = 3 * (2 * by_one * (1 - by_one) / 600) ** 0.5
    assert by_one > 0.1
    assert max(by_more) <= by_one + noise


def test_a_text_is_worth_the_same_to_each_of_its_authors() -> None:
    """Whoever learns from it: its reward is of the text, not of somebody's copy."""
    numbers = range(1, 200)
    votes = random_votes(Random(5), numbers)
    prompts = [prompt(number) for number in numbers]
    rewards: dict[str, set[float | None]] = {}
    for source in ("anyone", "own"):
        who = builder(source=source, keep=0.5, margin=0.25)
        for one in built(votes, who, prompts):
            if isinstance(one, Preference):
                rewards.setdefault(one.chosen_id, set()).add(one.reward_chosen)
                rewards.setdefault(one.rejected_id, set()).add(one.reward_rejected)
    assert len(rewards) > 50
    assert {len(found) for found in rewards.values()} == {1}


def votes_without(silent: str, number: int, rate: float) -> list[Vote]:
    """Votes on two texts of each prompt; of so many ratings one rater has no reward."""
    at = MEMBERS.index(silent)
    return [
        msgspec.structs.replace(
            one,
            rewards=tuple(
                None if place == at and (2 * index + side) < 2 * number * rate else r
                for place, r in enumerate(one.rewards)
            ),
        )
        for index in range(number)
        for side, one in enumerate(
            [vote(index, "2", "a", [1, 1, 1]), vote(index, "3", "b", [0, 0, 0])]
        )
    ]


def hear(votes: list[Vote], ballot: str, scorers: Sequence[str] = ()) -> Heard:
    """What a ballot has heard of the raters once it was counted."""
    heard = Heard(BALLOTS[ballot], scorers)
    numbers = {int(one.prompt_id, 16) for one in votes}
    prompts = [prompt(number) for number in sorted(numbers)]
    list(build_preferences(prompts, heard.watch(votes), builder(ballot)))
    return heard


def test_a_rater_whose_ratings_do_not_parse_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From a tenth on a line says so, from a half on nothing is learnt."""
    place = Path("iter1/base/votes/plain")
    for rate, told in ((0.1, ""), (0.15, "note: "), (0.5, "note: ")):
        hear(votes_without("cyd", 20, rate), "peers").check(place)
        said = capsys.readouterr().err
        assert said.startswith(told) and bool(said) == bool(told)
        if told:
            assert f"{rate:.0%} of the ratings of cyd are unparsed" in said
            assert f"{round(40 * rate)} of 40" in said and said.count("\n") == 1
    with pytest.raises(ValueError) as caught:
        hear(votes_without("cyd", 20, 0.55), "peers").check(place)
    said = str(caught.value)
    assert said.startswith(f"{place}: ratings of cyd must be parsed in at least 50%")
    assert "(got 18 of 40)" in said and "max_tokens" in said
    # Of ratings that do not count on a ballot nothing is told: cyd wrote no text, and
    # ada's of her own are no peer's.
    votes = votes_without("cyd", 20, 1.0)
    for ballot in ("self", "self_informed", "random", "gold"):
        hear(votes, ballot).check(place)
    for ballot in ("all", "weighted", "informed"):
        with pytest.raises(ValueError, match="ratings of cyd must be parsed"):
            hear(votes, ballot).check(place)
    own = [
        msgspec.structs.replace(one, rewards=(None, *one.rewards[1:]))
        for one in votes_without("cyd", 20, 0)
        if "ada" in one.members
    ]
    hear(own, "peers").check(place)
    assert capsys.readouterr().err == ""


def test_a_judge_is_heard_only_where_it_compared() -> None:
    """One text of a prompt meets no other, and it has no say under `self`."""
    raters = (*MEMBERS, "judge")
    votes = [
        msgspec.structs.replace(
            one, raters=raters, marks=(None,) * 4, rewards=(*one.rewards, None)
        )
        for one in votes_without("cyd", 20, 0)
    ]
    place = Path("votes")
    hear([one for one in votes if "ada" in one.members], "peers", ["judge"]).check(
        place
    )
    hear(votes, "self", ["judge"]).check(place)
    with pytest.raises(ValueError, match="ratings of judge must be parsed"):
        hear(votes, "peers", ["judge"]).check(place)


def test_nothing_is_written_where_a_rater_is_not_heard(tmp_path: Path) -> None:
    """Also where a control is cut, for which votes are read twice."""
    votes = votes_without("cyd", 20, 0.55)
    prompts = [prompt(number) for number in range(20)]
    heard = Heard(BALLOTS["all"], ())

    def build(
        is_over: Callable[[Preference], bool] = lambda _: False,
    ) -> Iterable[Preference | NoPreference]:
        return build_preferences(prompts, heard.watch(votes), builder("all"), is_over)

    for everything in (build(), cut_preferences(build, 5, 0)):
        with pytest.raises(ValueError, match=r"of cyd must .*\(got 18 of 40\)"):
            write_preferences(
                heard.check_after(everything, tmp_path),
                tmp_path / "preferences.jsonl",
                tmp_path / "dropped.jsonl",
                min_rows=100,
            )
        assert list(tmp_path.iterdir()) == []


def test_gold_needs_answers() -> None:
    votes = [vote(1, "2", "a", [1, 1, 1]), vote(1, "3", "b", [0, 0, 0])]
    (found,) = built(votes, builder("gold"), [prompt(1, answer=None)])
    assert isinstance(found, NoPreference) and found.reason == "no_gold_answer"


def test_a_control_is_cut_to_the_size_of_another() -> None:
    numbers = range(1, 100)
    prompts = [prompt(number) for number in numbers]
    votes = random_votes(Random(3), numbers)
    other = [o for o in built(votes, builder(), prompts) if isinstance(o, Preference)]

    def build(
        is_over: Callable[[Preference], bool],
    ) -> Iterable[Preference | NoPreference]:
        return build_preferences(prompts, votes, builder("random"), is_over)

    size = size_of(other)
    cut = list(cut_preferences(build, size, 0))
    assert sum(isinstance(one, Preference) for one in cut) == size
    reasons = {one.reason for one in cut if isinstance(one, NoPreference)}
    assert len(cut) == 99 and reasons == {"one_text", "over_matched_size"}
    texts = Counter(one.prompt_id for one in votes)
    refused = [one for one in cut if isinstance(one, NoPreference)]
    assert all(one.num_texts == texts[one.prompt_id] for one in refused)
    whole = built(votes, builder("random"), prompts)
    assert all(one in whole for one in cut if isinstance(one, Preference))


@pytest.mark.parametrize(
    ("rewards", "told"),
    [
        (
            [[0.8, 0.8, 0.8], [0.2, 0.2, 0.2]],
            r"below_keep 1(?s:.)*0.7 and margin 0.5: 1",
        ),
        ([[1, 1, 1], [1, 1, 1]], r"below_margin 1(?s:.)*0.6 and margin 0.25: 0"),
        ([[None] * 3, [None] * 3], "too_few_votes 1"),
    ],
)
def test_no_preference_at_all_is_an_error(
    rewards: list[list[float | None]], told: str, tmp_path: Path
) -> None:
    """It counts the reasons and what other thresholds would give; no file is left."""
    votes = [vote(1, "2", "a", rewards[0]), vote(1, "3", "b", rewards[1])]
    kept, dropped = tmp_path / "preferences.jsonl", tmp_path / "dropped.jsonl"
    with pytest.raises(ValueError, match=told):
        write_preferences(built(votes, builder()), kept, dropped)
    assert list(tmp_path.iterdir()) == []


def test_a_member_with_too_few_preferences_is_refused(tmp_path: Path) -> None:
    """One preference is enough for one row, and not for two."""
    votes = [vote(1, "2", "a", [1, 1, 1]), vote(1, "3", "b", [0, 0, 0])]
    kept, dropped = tmp_path / "preferences.jsonl", tmp_path / "dropped.jsonl"
    with pytest.raises(ValueError, match=r"must be at least 2, .*\(got 1; "):
        write_preferences(built(votes, builder()), kept, dropped, min_rows=2)
    assert list(tmp_path.iterdir()) == []
    write_preferences(built(votes, builder()), kept, dropped, min_rows=1)
    assert len(kept.read_bytes().splitlines()) == 1


# ------------------------------------------------------- what raters are like


def test_reliability_finds_who_guesses() -> None:
    """From agreement alone: two see, one draws its rewards."""
    rng = Random(0)
    numbers = range(1, 200)
    votes = []
    for number in numbers:
        for text in "23":
            seen = float(text == "2")
            rewards = [
                rng.choice([0.0, 1.0]),
                seen,
                seen if rng.random() < 0.9 else 0.5,
            ]
            votes.append(vote(number, text, "a", rewards))
    prompts = [prompt(number) for number in numbers]
    found = measure_agreement(prompts, votes, MEMBERS)
    reliability = {name: by["number"] for name, by in found.reliability().items()}
    assert abs(reliability["ada"] or 1) < 0.2
    assert min(reliability["bea"] or 0, reliability["cyd"] or 0) > 0.6
    report = found.report()
    assert report["num_candidates"] == 398
    assert report["agreement_rate"]["bea"]["cyd"] > 0.9
    assert (
        report["agreement_rate"]["bea"]["cyd"] == report["agreement_rate"]["cyd"]["bea"]
    )
    assert 0.4 < report["agreement_rate"]["ada"]["bea"] < 0.6
    assert set(report["agreement_rate"]["ada"]) == {"bea", "cyd"}
    assert report["length_effect"]["bea"] is None  # all of one word


def test_self_preference_is_what_a_rater_adds_to_its_own() -> None:
    votes = [
        vote(1, "2", "a", [1.0, 0.5, 0.5]),
        vote(1, "3", "b", [0.25, 0.25, 0.25]),
    ]
    report = measure_agreement([prompt(1)], votes, MEMBERS).report()
    assert report["self_preference"]["ada"] == 0.5
    assert report["self_preference"]["cyd"] is None  # wrote nothing


def test_the_audit_tells_whether_pairs_are_righter_than_members() -> None:
    votes = [
        *(vote(1, "2", "a", [0, 1, 1]), vote(1, "3", "b", [0, 0, 0])),
        *(vote(2, "4", "a", [0, 1, 1]), vote(2, "2", "b", [0, 0, 0])),
    ]
    prompts = [prompt(1), prompt(2), prompt(3)]
    found = built(votes, builder(), prompts)
    kept = [one for one in found if isinstance(one, Preference)]
    dropped = [one for one in found if isinstance(one, NoPreference)]
    own = {
        "ada": [response(1, 0, "2"), response(2, 0, "4"), response(3, 0, "2")],
        "bea": [response(1, 0, "3"), response(2, 0, "2"), response(3, 0, "9")],
    }
    report = count_preferences(prompts, votes, kept, dropped, own)
    assert report["num_preferences"] == 2 and report["dropped"] == {"one_text": 1}
    gold = report["gold"]["all"]
    assert (gold["chosen_right_rate"], gold["rejected_right_rate"]) == (0.5, 0.5)
    assert gold["members_right_rate"] == {"ada": 0.666667, "bea": 0.333333}
    # With chosen compare what members are on the prompts that gave a preference.
    assert gold["members_kept_right_rate"] == {"ada": 0.5, "bea": 0.5}
    counting = report["gold"]["counting"]
    assert counting["members_kept_right_rate"] == {"ada": 1.0, "bea": 0.0}
    assert report["gold"]["colour"]["members_kept_right_rate"] == {"ada": 0, "bea": 1}
    assert (report["num_kept_prompts"], report["num_kept_answers_differ"]) == (2, 2)
    assert report["authors"] == {
        "ada": {"chosen_rate": 1.0, "rejected_rate": 0.0},
        "bea": {"chosen_rate": 0.0, "rejected_rate": 1.0},
    }
    assert report["gold"]["counting"]["chosen_right_rate"] == 1.0
    assert report["would_keep"]["0.85, 0.75"] == 2
    assert report["num_answers_differ"] == 3
    assert report["would_keep_answers_differ"]["0.85, 0.75"] == 2
    blind = [msgspec.structs.replace(one, answer=None) for one in prompts]
    report = count_preferences(blind, votes, kept, dropped, own)
    assert report["gold"] is None and report["num_kept_answers_differ"] == 2


def voted(numbers: Iterable[int], *texts: tuple[str, list[int]]) -> list[Vote]:
    """Votes on texts "2", "3", ... of each prompt: who wrote it, and its rewards."""
    return [
        vote(number, str(place), members, rewards)
        for number in numbers
        for place, (members, rewards) in enumerate(texts, 2)
    ]


def test_a_veto_of_dissenters_is_told() -> None:
    """Where the members differ one of three dissents, and at .85 nothing is kept."""
    numbers = range(1, 9)
    votes = voted(numbers, ("ab", [1, 1, 0]), ("c", [0, 0, 1]))
    prompts = [prompt(number) for number in numbers]
    own = {
        "ada": [response(number, 0, "2") for number in numbers],
        "cyd": [response(number, 0, "3") for number in numbers],
    }

    def told(keep: float, margin: float) -> str:
        found = built(votes, builder(keep=keep, margin=margin), prompts)
        kept = [one for one in found if isinstance(one, Preference)]
        dropped = [one for one in found if isinstance(one, NoPreference)]
        counts = count_preferences(prompts, votes, kept, dropped, own)
        return tell_untaught(counts, "the report")

    assert told(0.85, 0.75).startswith("0 of 8 prompts")
    assert "with keep, margin of 0.5, 0.5 8 would" in told(0.85, 0.75)
    assert told(0.5, 0.25) == ""


def test_only_where_members_answer_otherwise_can_a_peer_teach() -> None:
    """Answers are compared, not texts; one that was cut off is an answer less."""
    numbers = range(1, 6)
    votes = voted(numbers, ("ac", [1, 1, 1]), ("b", [0, 0, 0]))
    prompts = [prompt(number) for number in numbers]
    kept = [o for o in built(votes, builder(), prompts) if isinstance(o, Preference)]
    assert len(kept) == 5
    pairs = [("2", "2"), ("two", "Answer: 2"), ("2", "3"), ("2", "what?"), ("2", "2")]
    own = {
        "ada": [response(n, 0, a) for n, (a, _) in zip(numbers, pairs, strict=True)],
        "bea": [
            response(n, 0, b, cut=n == 5)
            for n, (_, b) in zip(numbers, pairs, strict=True)
        ],
    }
    report = count_preferences(prompts, votes, kept, [], own)
    assert (report["num_kept_prompts"], report["num_kept_answers_differ"]) == (5, 3)
    assert report["would_keep"]["0.5, 0.5"] == 5
    assert report["would_keep_answers_differ"]["0.5, 0.5"] == 3
    # A text that two wrote is of both, and counts for a member that answers alone.
    assert report["authors"]["ada"] == {"chosen_rate": 1.0, "rejected_rate": 0.0}
    # Prompts count once, though each member may have a preference of its own.
    for_each = [
        msgspec.structs.replace(one, for_member=name)
        for one in kept
        for name in ("ada", "bea")
    ]
    report = count_preferences(prompts, votes, for_each, [], own)
    assert (report["num_kept_prompts"], report["num_kept_answers_differ"]) == (5, 3)
    # What a member is right of is of the prompts that it learns from.
    hers = [one for one in for_each if one.for_member == "bea"][:2]
    gold = count_preferences(prompts, votes, hers, [], own)["gold"]["all"]
    assert gold["members_kept_right_rate"] == {"ada": None, "bea": 1.0}
    none = count_preferences(prompts, votes, [], [], own)
    assert none["authors"]["ada"] == {"chosen_rate": None, "rejected_rate": None}


def test_unparsed_ratings_are_counted() -> None:
    """Of those that were asked for: under `self` a rater sees its own texts alone."""
    votes = [vote(1, "2", "a", [1.0, None, None]), vote(1, "3", "b", [None, None, 1.0])]
    every = count_unparsed(votes, MEMBERS, only_own=False)
    assert every["bea"] == {"num_ratings": 2, "num_unparsed": 2}
    own = count_unparsed(votes, MEMBERS, only_own=True)
    assert own["bea"] == {"num_ratings": 1, "num_unparsed": 1}
    assert own["cyd"] == {"num_ratings": 0, "num_unparsed": 0}


# ----------------------------------------------------------------------- skills


def numbered(number: int) -> list[Prompt]:
    """So many questions, each about a picture of its own."""
    return [prompt(at) for at in range(1, number + 1)]


def scores(iteration: int, right: Sequence[bool]) -> SkillScores:
    """ada's scores where it is right about these questions, sampled half as often."""
    greedy = [
        response(number, 0, "two" if is_right else "7")
        for number, is_right in enumerate(right, 1)
    ]
    sampled = [
        response(number, sample, "2" if is_right and sample else "seven eight")
        for number, is_right in enumerate(right, 1)
        for sample in (0, 1)
    ]
    who = ScoredMember(iteration, "peers" if iteration else "base", "ada")
    return score_answers(who, numbered(len(right)), greedy, sampled)


def compared(
    iteration: int,
    scored: Sequence[SkillScores],
    base: SkillScores,
    questions: Sequence[Prompt] | None = None,
) -> Comparison:
    """ada beside itself; ``questions`` are each about another picture if None."""
    asked = questions or numbered(len(base.outcomes))
    shown = {question.id: question.image_sha256s for question in asked}
    return compare_members(iteration, scored, [base], group_by_picture(shown))


def test_skills_are_compared_with_iteration_0() -> None:
    """Rows of all questions and each group, greedy beside sampled, tested in pairs."""
    base = scores(0, [False] * 8 + [True] * 2)
    found = compared(3, [scores(3, [True] * 10)], base)
    rows = {(r.iteration, r.group, r.decoding): r for r in found.members}
    row = rows[3, "overall", "greedy"]
    assert (row.accuracy, row.gain, row.num_questions) == (1.0, 0.8, 10)
    assert row.p_value == pytest.approx(2 * 0.5**8, abs=1e-6)
    assert row.low < 1.0 <= row.high
    assert rows[0, "overall", "greedy"].gain is None
    assert rows[3, "overall", "sampled"].accuracy == 0.5
    assert rows[3, "counting", "greedy"].num_questions == 5
    assert row.unparsed_rate == pytest.approx(1 / 3, abs=1e-6)
    means = {(r.ballot, r.group, r.decoding): r for r in found.panel}
    assert means["peers", "overall", "greedy"].gain == 0.8
    assert means["base", "overall", "greedy"].gain is None


def test_many_questions_about_a_picture_are_no_more_than_one() -> None:
    """Eight about each of five pictures, which rise together: as one about each.

    Equal are pictures whose bytes are, as in a certificate, whatever they are called;
    a question about two of them makes one group of both.
    """
    few, many = (
        [n % 5 == 0 for n in range(5)],
        [n // 8 == 0 for n in range(40)],
    )
    digests = [(f"{n // 8:064x}",) for n in range(40)]
    questions = [
        msgspec.structs.replace(one, image_sha256s=digest, images=(f"{one.id}.png",))
        for one, digest in zip(numbered(40), digests, strict=True)
    ]

    def row_of(right: list[bool], asked: Sequence[Prompt]) -> SkillRow:
        base = scores(0, right)
        found = compared(3, [scores(3, [True] * len(right))], base, asked)
        return next(r for r in found.members if r.iteration and r.group == "overall")

    one, other = row_of(few, numbered(5)), row_of(many, questions)
    assert (other.gain, other.accuracy) == (one.gain, one.accuracy) == (0.8, 1.0)
    assert one.p_value == other.p_value == 2 * 0.5**4
    assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.05)
    both = msgspec.structs.replace(
        questions[39], image_sha256s=(f"{3:064x}", f"{4:064x}")
    )
    assert row_of(many, [*questions[:39], both]).p_value == 2 * 0.5**3


def test_skills_of_other_questions_are_not_compared() -> None:
    with pytest.raises(
        ValueError, match="skills of ada: must be of the same questions"
    ):
        compared(3, [scores(3, [True] * 4)], scores(0, [True] * 5))
    with pytest.raises(ValueError, match="ada: must be of the questions that stand"):
        compared(0, [], scores(0, [True] * 5), numbered(4))


def test_questions_need_short_answers() -> None:
    with pytest.raises(ValueError, match="skills: each question must have an 'answer'"):
        check_questions([prompt(1), prompt(2, answer=None)])
    with pytest.raises(ValueError, match="greedy answers: must answer every question"):
        score_answers(ScoredMember(0, "base", "ada"), [prompt(1)], [], [])


def lmms_results(folder: Path, name: str, **values: Any) -> None:
    """A results file as lmms-eval writes it."""
    numbers = {"pope": {"original": 9000, "effective": 9000}}
    errors = {"f1_stderr_clt,none": 0.25, "f1_stderr_clustered,none": "N/A"}
    found = {"pope": {"alias": "pope"} | values | errors}
    document = {"results": found, "n-samples": numbers}
    write_json(folder / "someone__ada" / f"{name}_results.json", document)


def test_public_skills_are_read_and_compared(tmp_path: Path) -> None:
    """The newest file of a member; what is no number is no row."""
    base = Measured(0, "base", "ada", tmp_path / "base")
    after = Measured(2, "peers", "ada", tmp_path / "after")
    lmms_results(base.folder, "20260101", **{"f1,none": 0.1})
    known = {"f1,none": 0.5, "f1_stderr,none": 0.01, "by_kind,none": {"x": 1}}
    lmms_results(base.folder, "20260102", **known, **{"yes,strict": True})
    lmms_results(after.folder, "20260102", **{"f1,none": 0.75, "f1,strict": 0.5})
    first, second, third = compare_public(2, [base, after], ["pope"]).rows
    assert (first.value, first.stderr, first.gain) == (0.5, 0.01, None)
    assert (second.value, second.gain, second.num_questions) == (0.75, 0.25, 9000)
    assert (third.metric, third.gain) == ("f1,strict", None)
    with pytest.raises(ValueError, match=r"must hold \['mmvet'\].*its log tells"):
        compare_public(0, [base], ["mmvet"])
    with pytest.raises(ValueError, match=r"must hold a file .* of lmms-eval"):
        compare_public(0, [base._replace(folder=tmp_path / "none")], ["pope"])
    write_json(tmp_path / "odd" / "m" / "x_results.json", {"a": 1})
    with pytest.raises(ValueError, match=r"must have 'results' .* keys \['a'\]"):
        compare_public(0, [base._replace(folder=tmp_path / "odd")], ["pope"])


# ---------------------------------------------------------------------- the page


def test_the_page_shows_a_panel(tmp_path: Path) -> None:
    """As far as its files exist; the members as they came once, not in every round."""
    config = {"panel": {"members": dict.fromkeys(MEMBERS), "ballots": ["peers"]}}
    assert panel_tables({"panel": {"members": {}, "ballots": []}}, tmp_path) == []
    assert panel_tables(config, tmp_path) == []
    results = tmp_path / "results" / "panel"
    base = scores(0, [False] * 4 + [True] * 2)
    for iteration in (0, 1, 2):
        after = [scores(iteration, [True] * 6)] if iteration else []
        found = compared(iteration, after, base)
        write_json(results / f"iter{iteration}" / "skills.json", found)
    votes = [vote(1, "2", "a", [0, 1, 1]), vote(1, "<b>3\u202e", "b", [0, 0, 0])]
    (kept,) = built(votes, builder())
    assert isinstance(kept, Preference)
    folder = results / "iter1" / "peers"
    write_records(folder / "preferences.jsonl", [kept])
    own = {name: [response(1, 0, text)] for name, text in (("ada", "2"), ("bea", "3"))}
    report = count_preferences([prompt(1)], votes, [kept], [], own)
    report |= measure_agreement([prompt(1)], votes, MEMBERS).report()
    report["ratings"] = count_unparsed(votes, MEMBERS, only_own=False)
    write_json(folder / "panel_report.json", report)
    tables = {table.caption: table for table in panel_tables(config, tmp_path)}
    means, members, counted, raters, agreement, records = tables.values()
    iterations = [row[means.columns.index("iteration")] for row in means.rows]
    assert iterations == ["0", "0", "1", "1", "2", "2"]  # greedy and sampled
    assert len(members.rows) == 3 * 2 * 3  # rounds, decodings, groups and all
    (row,) = (dict(zip(counted.columns, row, strict=True)) for row in counted.rows)
    assert (row["preferences"], row["chosen right"], row["ada right"]) == (
        *("1", "1.0", "1.0"),
    )
    assert (row["ada right there"], row["bea right there"]) == ("1.0", "0.0")
    assert row["answers differ"] == "1"
    assert [row[2] for row in raters.rows] == list(MEMBERS)
    rows = [dict(zip(raters.columns, row, strict=True)) for row in raters.rows]
    assert [row["of chosen"] for row in rows] == ["1.0", "0.0", ""]
    assert [row["of rejected"] for row in rows] == ["0.0", "1.0", ""]
    assert len(agreement.rows) == 3
    (shown,) = (dict(zip(records.columns, row, strict=True)) for row in records.rows)
    assert shown["rejected"] == "<b>3<U+202E>"
    assert shown["marks of chosen"] == "ada 55555, bea 55555, cyd 55555"


@pytest.mark.parametrize(
    ("text", "expected"), [("Answer: 1/2", True), ("0.5", True), ("Answer: 1/3", False)]
)
def test_a_fraction_is_right_where_its_value_is(text: str, expected: bool) -> None:
    """As in pairs: who writes mathematics is read as mathematics."""
    half = prompt(1, answer="1/2")
    other = prompt(1, answer="0.5")
    assert gives_gold(half, text) == gives_gold(other, text) == expected
    assert is_answer_right(half, response(1, 0, text)) == expected


def test_a_page_of_a_panel_alone_asks_for_no_judge(tmp_path: Path) -> None:
    """Until something of a judge is there; a share has four digits, a text its own."""
    members = {name: {"base_model": name} for name in MEMBERS}
    config = config_of(panel={"members": members})
    results = tmp_path / "results"
    found = compared(0, [], scores(0, [True] * 2 + [False] * 4))
    write_json(results / "panel" / "iter0" / "skills.json", found)
    page = build_report(config, tmp_path, read_parts(TEMPLATES))
    assert "a panel of ada, bea, cyd" in page
    for part in ("result", "records"):
        assert f'id="{part}"' not in page and f'href="#{part}"' not in page
    assert "0.3333<" in page and "0.333333" not in page
    (results / "iter1/majority").mkdir(parents=True)
    (results / "iter1/majority/pairs.jsonl").write_text("")
    page = build_report(config, tmp_path, read_parts(TEMPLATES))
    assert 'id="result"' in page and 'id="records"' in page
    assert "results/iter1/majority/accepted.jsonl" in page
    table = make_table("", [{"text": "0.123456", "share": 0.123456}])
    assert table is not None and table.rows == [["0.123456", "0.1235"]]
