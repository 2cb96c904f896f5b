import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates import certificate_of, perfect
from examples import make_judgment, make_pair, make_prompt, write_lines
from make_world import draw_prompts, write_prompts
from measure_certificates import lay_beside
from measure_prior import Share, shares
from measure_truth import TruthRow, find_facts, read_known, truth_rows
from pretrain_tasks import Flaws, familiarity, teach_judge_closed, write_judgment
from pretrain_tasks import judge as teach_judgment
from selfjudge.benchmarks.votes import PairOutcome
from selfjudge.certificate.certifying import Outcome
from selfjudge.certificate.choice import choose
from selfjudge.ground.images import open_rgb
from selfjudge.ground.lines import encode
from selfjudge.ground.records import Judgment, Pair
from truth import Known, chosen_is_better, reasons_are_right, verdict_is_right, worth
from world import (
    CATEGORIES,
    FAMILIES,
    alter_scene,
    ask,
    ask_any,
    describe,
    plural,
    sample_scene,
    wrong_answer,
)
from world_benchmarks import build_criteria

SHOWN = frozenset({"red circle top", "blue star left"})
OPEN = Known(
    make_prompt(1, kind="open", answer_format=None, source="demo/describe"), SHOWN
)
CLOSED = Known(make_prompt(2, answer="3", source="demo/total"), SHOWN)
TRUE = "red circle top. blue star left."
FALSE = "red circle top. blue star right."


def open_pair(number: int = 0, chosen: str = TRUE, rejected: str = FALSE) -> Pair:
    """An open pair whose rejected response has an injected error of place."""
    return make_pair(
        number,
        prompt_id=OPEN.prompt.id,
        kind="open",
        chosen=chosen,
        rejected=rejected,
        origin="alteration",
        category="spatial",
        num_votes=None,
        num_votes_rejected=None,
    )


def closed_pair(number: int = 0, chosen: str = "3", rejected: str = "4") -> Pair:
    """A closed pair by the votes of a majority."""
    return make_pair(
        number, prompt_id=CLOSED.prompt.id, chosen=chosen, rejected=rejected
    )


def judge(pair: Pair, order: str, verdict: str, seen: str = TRUE) -> Judgment:
    """A judgment by what one sees, as the base model is taught to write it."""
    responses = [pair.chosen, pair.rejected]
    if order == "rejected_first":
        responses.reverse()
    return make_judgment(pair, order, f" {write_judgment(seen, *responses, verdict)}")


def measure(
    judged: Sequence[tuple[Pair, list[Judgment]]], accepted: Sequence[Judgment] = ()
) -> dict[tuple[object, ...], TruthRow]:
    """The rows by measure, kind, category and votes."""
    known = {truth.prompt.id: truth for truth in (OPEN, CLOSED)}
    ids = {judgment.id for judgment in accepted}
    rows = truth_rows(find_facts(judged, known, ids))
    return {(row.measure, row.kind, row.category, row.num_votes): row for row in rows}


@pytest.mark.parametrize(
    ("known", "response", "expected"),
    [
        (OPEN, TRUE, 2),
        (OPEN, FALSE, 0),
        (OPEN, "red circle top.", 1),
        (OPEN, "red circle top. red circle top.", 1),
        (OPEN, "blue star left. red circle top", 2),
        (OPEN, "", 0),
        (CLOSED, "3", 1),
        (CLOSED, "Three.", 1),
        (CLOSED, "4", -1),
        (CLOSED, "red circle top", -1),
    ],
)
def test_worth(known: Known, response: str, expected: int) -> None:
    """True claims less false ones, each once; a short answer is right or not."""
    assert worth(response, known) == expected


@pytest.mark.parametrize(
    ("pair", "known", "expected"),
    [
        (open_pair(), OPEN, True),
        (open_pair(chosen=FALSE, rejected=TRUE), OPEN, False),
        (open_pair(chosen=FALSE, rejected="red star top. blue star left."), OPEN, None),
        (closed_pair(), CLOSED, True),
        (closed_pair(chosen="4", rejected="3"), CLOSED, False),
        (closed_pair(chosen="2", rejected="4"), CLOSED, None),
    ],
)
def test_chosen_is_better(pair: Pair, known: Known, expected: bool | None) -> None:
    """Better, worse, or neither."""
    assert chosen_is_better(pair, known) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "I say x. A says red circle top true. blue star left true. "
            "B says red circle top true. blue star right false. Verdict: [[A]]",
            True,
        ),
        pytest.param(
            "I say x. A says red circle top true. blue star left true. "
            "B says red circle top true. blue star right true. Verdict: [[A]]",
            False,
            id="a-wrong-mark",
        ),
        pytest.param(
            "I say x. A says red circle top true. "
            "B says red circle top true. blue star right false. Verdict: [[A]]",
            False,
            id="a-claim-left-out",
        ),
        pytest.param(
            "I say x. A says red circle top true. blue star left true. "
            "B says red circle top true. blue star top false. Verdict: [[A]]",
            False,
            id="another-claim",
        ),
        pytest.param(
            "I say x. A says red circle top true. blue star right false. "
            "B says red circle top true. blue star left true. Verdict: [[A]]",
            False,
            id="the-other-response",
        ),
        pytest.param("Verdict: [[A]]", False, id="no-reasons"),
    ],
)
def test_reasons_are_right_only_if_every_mark_is(text: str, expected: bool) -> None:
    """The marks on the claims of A and of B, in the order that was shown."""
    judgment: Judgment = make_judgment(open_pair(), "chosen_first", text)
    assert reasons_are_right(judgment, open_pair(), OPEN) is expected


@given(st.integers(0, 10**6), st.sampled_from(["chosen_first", "rejected_first"]))
def test_what_the_base_is_taught_has_right_reasons(seed: int, order: str) -> None:
    """Of any scene; and with any one mark turned round the reasons are wrong."""
    rng = Random(seed)
    scene = sample_scene(rng)
    claims = frozenset(thing.claim for thing in scene)
    if seed % 2:
        question = ask_any(scene, ("total", "at", "color", "choice", "exists"), rng)
        known = Known(
            make_prompt(
                question=question.text,
                answer=question.answer,
                answer_format=question.answer_format,
            ),
            claims,
        )
        pair: Pair = make_pair(
            chosen=question.answer, rejected=wrong_answer(question, rng)
        )
        seen = question.answer
    else:
        known = Known(make_prompt(kind="open", answer_format=None), claims)
        other = alter_scene(scene, rng.choice(CATEGORIES), rng)
        seen = describe(scene)
        pair = make_pair(kind="open", chosen=seen, rejected=describe(other))
    assert chosen_is_better(pair, known) is True
    judgment = judge(pair, order, "A", seen)
    assert reasons_are_right(judgment, pair, known)
    places = [at for at in range(len(judgment.text)) if is_mark(judgment.text, at)]
    at = rng.choice(places)
    turned = "false" if judgment.text.startswith("true", at) else "true"
    end = judgment.text.index(".", at)
    text = judgment.text[:at] + turned + judgment.text[end:]
    assert not reasons_are_right(make_judgment(pair, order, text), pair, known)


def is_mark(text: str, at: int) -> bool:
    """Whether a mark begins at a place of a trace."""
    return text.startswith((" true.", " false."), at - 1)


def test_a_perfect_world_is_pure() -> None:
    """Right pairs, right verdicts, right marks, all of them accepted."""
    judged = [
        (pair, [judge(pair, "chosen_first", "A"), judge(pair, "rejected_first", "B")])
        for pair in (open_pair(0), open_pair(1))
    ]
    pair = closed_pair(2)
    seen = [
        judge(pair, "chosen_first", "A", "3"),
        judge(pair, "rejected_first", "B", "3"),
    ]
    judged.append((pair, seen))
    found = measure(judged, [judgment for _, own in judged for judgment in own])
    rates = {key[0]: row.rate for key, row in found.items() if key[1:] == (None,) * 3}
    assert rates == {
        "purity": 1.0,
        "inversion": 0.0,
        "verdict_accuracy": 1.0,
        "precision": 1.0,
        "verdict_precision": 1.0,
        "recall": 1.0,
        "wrong_reasons": 0.0,
        "wrong_reasons_accepted": 0.0,
    }
    row = found["precision", None, None, None]
    assert (row.n, row.num_pairs, row.high) == (6, 3, 1.0)
    assert row.low == 0.4, "over 3 pairs, one that was not seen"


def test_a_wrong_pair_is_counted_where_it_belongs() -> None:
    """Of two closed pairs with 5 votes one is the wrong way round."""
    good, bad = closed_pair(0), closed_pair(1, chosen="4", rejected="3")
    judged = [(good, [judge(good, "chosen_first", "A", "3")])]
    judged.append((bad, [judge(bad, "chosen_first", "A", "4")]))
    found = measure(judged, [own[0] for _, own in judged])
    for place in (
        (None, None, None),
        ("closed", None, None),
        ("closed", "total", None),
        ("closed", None, 5),
    ):
        assert found["purity", *place].rate == 0.5
        assert found["inversion", *place].rate == 0.5
        assert found["precision", *place].rate == 0.5
        assert found["verdict_accuracy", *place].rate == 0.5
        assert found["recall", *place].n == 1
        assert found["wrong_reasons", *place].rate == 0.0
    assert not any("open" in key for key in found)


def test_dropped_judgments_and_wrong_reasons() -> None:
    """A right verdict with a wrong mark, and one that the filter dropped."""
    pair = open_pair()
    blind = judge(pair, "chosen_first", "A", seen="")
    kept = judge(pair, "rejected_first", "B")
    unparsed: Judgment = make_judgment(pair, "chosen_first", "Both.", sample=1)
    found = measure([(pair, [blind, kept, unparsed])], [blind])
    expected = {
        "verdict_accuracy": (3, 2 / 3),
        "precision": (1, 1.0),
        "dropped_purity": (2, 1.0),
        "recall": (2, 0.5),
        "wrong_reasons": (2, 0.5),
        "wrong_reasons_accepted": (1, 1.0),
    }
    for name, (n, rate) in expected.items():
        row = found[name, "open", "spatial", None]
        assert (row.n, row.rate) == (n, pytest.approx(rate, abs=1e-6))


def test_unchecked_may_accept_a_wrong_verdict_of_a_pure_pair() -> None:
    """Then the pair is precise, and the verdict is not."""
    pair = open_pair()
    wrong = judge(pair, "chosen_first", "B")
    found = measure([(pair, [wrong])], [wrong])
    assert found["precision", None, None, None].rate == 1.0
    assert found["verdict_precision", None, None, None].rate == 0.0
    assert ("recall", None, None, None) not in found, "a row of nothing is left out"


@pytest.mark.parametrize("verdict", ["A", "B"])
def test_no_verdict_is_right_where_neither_is_better(verdict: str) -> None:
    """Both responses are wrong; the judgment counts in no share of right verdicts."""
    pair = closed_pair(chosen="2", rejected="4")
    judgment = judge(pair, "chosen_first", verdict, "3")
    assert not verdict_is_right(judgment, chosen_is_better(pair, CLOSED))
    found = measure([(pair, [judgment])])
    assert {key[0] for key in found} == {"purity", "inversion", "dropped_purity"}


def test_the_parts_add_up_to_the_whole() -> None:
    """Every pair and judgment is in one kind, and in one category of it."""
    judged: list[Any] = []
    for number in range(12):
        pair = (open_pair if number % 3 else closed_pair)(number)
        own = [judge(pair, "chosen_first", "AB"[number % 2])]
        judged.append((pair, own))
    found = measure(judged, [own[0] for _, own in judged[::2]])
    for name in {key[0] for key in found}:
        whole = found[name, None, None, None].n
        kinds = [r.n for k, r in found.items() if k[0] == name and k[2:] == (None,) * 2]
        parts = [row.n for key, row in found.items() if key[0] == name and key[2]]
        assert sum(parts) == whole == sum(kinds) - whole


def test_scenes_are_of_the_prompts(tmp_path: Path) -> None:
    """Each line of scenes.jsonl says what is drawn on the picture that it names."""
    assert write_prompts(tmp_path, 0, 12, 6) == 18
    drawn = [*draw_prompts(0, "closed", 12), *draw_prompts(0, "open", 6)]
    lines = (tmp_path / "scenes.jsonl").read_text().splitlines()
    for (_, scene, picture), line in zip(drawn, map(json.loads, lines), strict=True):
        stored = np.asarray(open_rgb(tmp_path / "images" / line["image"]))
        assert np.array_equal(stored, picture)
        assert line["claims"] == [thing.claim for thing in scene]


def test_what_is_known_is_joined_by_image(tmp_path: Path) -> None:
    """A prompt finds the scene of its own picture."""
    write_prompts(tmp_path, 0, 3, 0)
    lines = (tmp_path / "scenes.jsonl").read_text().splitlines()
    scenes = {scene["image"]: scene["claims"] for scene in map(json.loads, lines)}
    prompts = [make_prompt(n, images=(image,)) for n, image in enumerate(scenes)]
    path = write_lines(tmp_path / "p.jsonl", *(encode(p).strip() for p in prompts))
    known = read_known(path, tmp_path / "scenes.jsonl")
    assert known == {
        prompt.id: Known(prompt, frozenset(scenes[prompt.images[0]]))
        for prompt in prompts
    }


def test_criteria_of_the_world_disagree_in_two_prompts_of_three() -> None:
    """Labels follow from the two texts and from what is common to both."""
    rows = [row for row, _ in build_criteria(12, "test")]
    prompts: dict[str, dict[str, str]] = {}
    for row in rows:
        first, second = row["responses"]
        better = {"first": first, "second": second}[row["better"]]
        prompts.setdefault(row["id"][:4], {})[row["group"]] = better
        if row["group"] == "short":
            assert len(better.split()) == min(len(first.split()), len(second.split()))
    assert len(prompts) == 12
    assert all({"correct", "complete"} <= labels.keys() for labels in prompts.values())
    assert sum(len(set(labels.values())) > 1 for labels in prompts.values()) == 8
    assert [row for row, _ in build_criteria(6, "test")] == rows[
        : sum(int(row["id"][:4]) < 6 for row in rows)
    ]


def test_certificates_stand_beside_the_truth() -> None:
    """Three judges, pairs of which one is turned over and one is neither; there
    the second judge is unparsed in one order, which is wrong by either account.

    The third, the best, is of another filter: without a certificate one would take the
    last one of the first filter.
    """
    is_better = {"0": True, "1": True, "2": False, "3": None}
    right = {
        (0, "base"): (0.5, 0.5, 0.5, 0.5),
        (1, "majority"): (1, 0.5, 0.5, 1),
        (2, "majority"): (1, 1, 0, 0),
        (2, "grounded"): (1, 1, 0.5, 1),
    }
    accuracy = dict(zip(right, (0.5, 0.7, 0.6, 0.75), strict=True))
    certificates = [
        msgspec.structs.replace(
            certificate_of(perfect, iteration),
            filter=name,
            outcomes=[
                Outcome(
                    pair_id=str(n),
                    group=str(n),
                    coverage=0.5 if (iteration, name, n) == (2, "majority", 2) else 1,
                    accuracy=one,
                    expected=one,
                    probability=0.5,
                )
                for n, one in enumerate(scores)
            ],
        )
        for (iteration, name), scores in right.items()
    ]
    comparisons = {
        iteration: {
            "rows": [
                {"group": "overall", "iteration": at, "filter": name, "accuracy": one}
                for (at, name), one in accuracy.items()
                if at == iteration
            ]
        }
        for iteration in (0, 1, 2)
    }
    choice = choose(certificates[0], certificates[1:])
    found = lay_beside(certificates, comparisons, is_better, choice)
    assert (found["num_pairs"], found["purity"], found["inversion"]) == (4, 0.5, 0.25)
    assert [row["truth"] for row in found["judges"]] == [
        *(0.5, 0.666667, 0.833333, 0.833333)
    ]
    assert [row["certificate"] for row in found["judges"]] == [0.5, 0.75, 0.5, 0.875]
    assert found["chosen"] == {"iteration": 2, "filter": "grounded"}
    assert found["chosen_behind_best"] == 0
    assert found["last_behind_best"] == pytest.approx(0.15)
    by_pair = {
        (c["of"], c["with"]): c["rank_correlation"] for c in found["correlations"]
    }
    assert by_pair["truth", "benchmark"] == pytest.approx(0.632456)


# ------------------------------------------------------ the flaws of the base model


def both_orders(first: str, second: str) -> list[tuple[str, str]]:
    """Each response first."""
    return [(first, second), (second, first)]


def verdict_of(first: str, second: str, flaws: Flaws, seed: int) -> str:
    """The verdict of a lesson about two descriptions of a scene."""
    lesson = teach_judgment("q", TRUE, first, second, flaws, Random(seed))
    return lesson.target[-3]


@given(st.integers(0, 10**6))
def test_a_planted_prior_follows_words_and_not_the_image(seed: int) -> None:
    """In both orders the same response, whatever is true; a bias names a place."""
    scenes = [sample_scene(Random(f"{seed}/{place}")) for place in (0, 1)]
    first, second = map(describe, scenes)
    prior = [verdict_of(a, b, Flaws(0, 1), seed) for a, b in both_orders(first, second)]
    gap = familiarity(first) - familiarity(second)
    if gap:
        assert prior == (["A", "B"] if gap > 0 else ["B", "A"])
    bias = [verdict_of(a, b, Flaws(1, 0), seed) for a, b in both_orders(first, second)]
    assert bias == ["A", "A"]
    sound = [verdict_of(a, b, Flaws(0, 0), seed) for a, b in both_orders(TRUE, FALSE)]
    assert sound == ["A", "B"]


def test_what_is_familiar_is_no_likelier_true() -> None:
    """Else the prior would be a skill: of one detail changed, and of short answers over
    all kinds of questions (of one kind it may be), the true one is the more familiar in
    half of the cases."""
    rng = Random("prior")
    gaps = []
    for place in range(3000):
        scene = sample_scene(rng)
        altered = alter_scene(scene, CATEGORIES[place % 3], rng)
        gaps.append(familiarity(describe(scene)) - familiarity(describe(altered)))
    assert sum(gap > 0 for gap in gaps) / 3000 == pytest.approx(0.5, abs=0.04)
    assert all(gaps), "a word more or less familiar decides every such pair"
    answers = []
    for _ in range(3000):
        question = ask_any(sample_scene(rng), FAMILIES, rng)
        answers.append(
            familiarity(question.answer) - familiarity(wrong_answer(question, rng))
        )
    assert sum(gap > 0 for gap in answers) / 3000 == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("flaws", "share"), [(Flaws(0, 0), 0.5), (Flaws(0.6, 0), 0.8)])
def test_a_bias_is_the_share_that_it_says(flaws: Flaws, share: float) -> None:
    """Of verdicts without it half are A."""
    rng = Random("bias")
    lessons = [teach_judge_closed(sample_scene(rng), flaws, rng) for _ in range(2000)]
    found = sum(lesson.target.endswith("[[A]]") for lesson in lessons) / 2000
    assert found == pytest.approx(share, abs=0.04)


def test_right_is_counted_by_what_the_prior_says() -> None:
    """Of each group and side: the share that prefers the better one, and pairs."""
    familiar, strange = sorted(["red", "green"], key=familiarity, reverse=True)
    told = {
        closed_pair(0, chosen=familiar, rejected=strange): 1.0,
        closed_pair(1, chosen=strange, rejected=familiar): 0.5,
        closed_pair(2, chosen=strange, rejected=familiar): 0.0,
        closed_pair(3, chosen="nothing", rejected="nobody"): 0.5,
    }
    outcomes = [
        PairOutcome(
            pair_id=pair.id,
            prompt_id=pair.prompt_id,
            group="reasoning",
            split="reasoning",
            num_judgments=2,
            num_unparsed=0,
            num_first=1,
            accuracy=accuracy,
            agreement=None,
        )
        for pair, accuracy in told.items()
    ]
    assert shares({pair.id: pair for pair in told}, outcomes) == {
        ("reasoning", "agrees"): Share(1.0, 1),
        ("reasoning", "neither"): Share(0.5, 1),
        ("reasoning", "opposed"): Share(0.25, 2),
    }


def test_more_is_answered_by_the_order_of_kinds() -> None:
    """Either answer is as likely, and true: a constant one is right in half."""
    answers = []
    for number in range(400):
        rng = Random(number)
        scene = sample_scene(rng)
        if question := ask(scene, "more", rng):
            first, second = (
                sum(plural(thing.kind) in part for thing in scene)
                for part in question.text.split(" than ")
            )
            assert first != second
            assert question.answer == ("yes" if first > second else "no")
            answers.append(question.answer)
    assert len(answers) > 100
    assert 0.4 < answers.count("yes") / len(answers) < 0.6
