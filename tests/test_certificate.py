"""Certificates: variants of pairs, what answers to them come to, which judge to use."""

import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from itertools import product
from math import exp
from pathlib import Path
from random import Random

import msgspec
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from certificates import (
    TEXTS,
    Judge,
    always_first,
    answers_of,
    certificate_of,
    groups_of,
    open_pair,
    perfect,
    sure,
    weights_of,
)
from examples import BOUNDS, judge_both, make_altered, make_pair, make_prompt
from selfjudge.certificate.answers import read_variant
from selfjudge.certificate.building import build_variants
from selfjudge.certificate.calibration import (
    abstain,
    calibration_error,
    confidence_of,
    fit_temperature,
    reliability,
)
from selfjudge.certificate.certifying import Certificate, Outcome, certify, halve
from selfjudge.certificate.choice import choose, lay_beside
from selfjudge.certificate.figures import Figure, Section, What
from selfjudge.certificate.groups import group_pairs
from selfjudge.certificate.leak import measure_leak
from selfjudge.certificate.measures import measure, transitive
from selfjudge.certificate.severity import follow_chain, rejected_of
from selfjudge.certificate.variants import VARIANTS, VariantName, load_wordings
from selfjudge.certificate.words import (
    HARM,
    MOST_NEEDED,
    count_needed,
    find,
    say,
    say_fair,
    say_knows,
    say_led,
    say_looks,
    say_sees,
)
from selfjudge.ground.lines import (
    read_json,
    read_records,
    write_json,
    write_records,
)
from selfjudge.ground.records import Altered, Order, Pair, Prompt
from selfjudge.judging.probabilities import chosen_probability

ROOT = Path(__file__).parents[1]
WORDINGS = load_wordings(ROOT / "scripts" / "templates" / "certificate.yaml")


def rewrites_of(pair: Pair, *texts: str) -> dict[str, Altered]:
    """Rewrites of rejected, each of the one before, by what they rewrite."""
    found: dict[str, Altered] = {}
    before = rejected_of(pair)
    for text in texts:
        rewrite = make_altered(before, text)
        found[before.id] = rewrite
        before = msgspec.structs.replace(before, id=rewrite.id, text=text)
    return found


@pytest.mark.parametrize(
    ("texts", "num_changes", "reason"),
    [
        pytest.param(TEXTS[2:], 3, None, id="two-more"),
        pytest.param((), 1, None, id="none-more"),
        pytest.param(TEXTS[1:2], 1, "unchanged", id="unchanged"),
        pytest.param(TEXTS[:1], 1, "no_further_change", id="taken-back"),
        pytest.param(
            ("Four dogs run on a green field near the old house.",),
            1,
            "no_further_change",
            id="same-place-again",
        ),
        pytest.param((TEXTS[2], "No."), 2, "too_short", id="second-is-short"),
        pytest.param((TEXTS[2], TEXTS[2], TEXTS[3]), 2, "unchanged", id="ends-there"),
    ],
)
def test_a_chain_ends_where_a_rewrite_is_none(
    texts: tuple[str, ...], num_changes: int, reason: str | None
) -> None:
    """Each step is one changed detail in a place of its own; the next is not asked."""
    pair = open_pair()
    chain = follow_chain(pair, rewrites_of(pair, *texts), BOUNDS)
    assert len(chain.rejected) == num_changes
    assert (chain.dropped or {}).get("reason") == reason


def write_image(folder: Path, number: int) -> str:
    """A picture of its own, 40 by 30, left half red."""
    name = f"{number}.png"
    image = Image.new("RGB", (40, 30), (number, 90, 90))
    image.paste((255, 0, 0), (0, 0, 20, 30))
    image.save(folder / name)
    return name


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Variants of three open pairs and two closed ones; the first has more errors."""
    folder = tmp_path_factory.mktemp("certificate")
    pairs = [
        (open_pair(number) if number < 3 else make_pair(number)) for number in range(5)
    ]
    pairs = [
        msgspec.structs.replace(pair, images=(write_image(folder, number),))
        for number, pair in enumerate(pairs)
    ]
    pairs[1] = msgspec.structs.replace(pairs[1], question="What is on the left?")
    write_records(folder / "pairs.jsonl", pairs)
    build_variants(
        pairs,
        rewrites_of(pairs[0], *TEXTS[2:]).values(),
        bounds=BOUNDS,
        wordings=WORDINGS,
        image_root=folder,
        num_variant_pairs=4,
        seed=0,
        output=folder / "variants",
    )
    return folder / "variants"


def read_pairs(folder: Path, name: str) -> dict[str, Pair]:
    """The pairs of a variant by id."""
    return {pair.id: pair for pair in read_records(folder / f"{name}.jsonl", Pair)}


def test_a_variant_differs_in_one_thing(variants: Path) -> None:
    """Either pictures or texts are others; ids, prompts and questions are the same."""
    originals = read_pairs(variants, "original")
    assert len(originals) == 5
    for name, variant in VARIANTS.items():
        own = read_pairs(variants, name)
        assert own.keys() <= originals.keys()
        assert list(own) == [key for key in originals if key in own]
        for key, pair in own.items():
            plain = originals[key]
            assert (pair.images == plain.images) == (variant.shown == "own")
            texts_differ = (pair.chosen, pair.rejected) != (
                plain.chosen,
                plain.rejected,
            )
            assert texts_differ == (
                (variant.chosen, variant.rejected) != (0, 1)
                or variant.words != (None, None)
            ), name
            as_before = msgspec.structs.replace(
                pair,
                images=plain.images,
                chosen=plain.chosen,
                rejected=plain.rejected,
            )
            assert as_before == plain


def test_variants_are_of_the_same_pairs(variants: Path) -> None:
    """A share of pairs has all variants that it can have; the report counts them."""
    counts = {name: len(read_pairs(variants, name)) for name in VARIANTS}
    some = {
        "again",
        "longer_chosen",
        "other_image",
        "re_encoded",
        "padded",
        "planted",
        "styled",
    }
    assert {counts[name] for name in some} == {4}
    assert read_pairs(variants, "again").keys() == read_pairs(variants, "styled").keys()
    report = read_json(variants / "report.json")
    assert report["num_by_variant"] == counts
    assert report["num_by_kind"] == {"count": 3, "majority_answer": 2}


def test_texts_of_more_changes_stand_where_they_should(variants: Path) -> None:
    """Two changes against none and against one, three against none."""
    first = next(iter(read_pairs(variants, "original")))
    for name, texts in {
        "two_changes": (TEXTS[0], TEXTS[2]),
        "three_changes": (TEXTS[0], TEXTS[3]),
        "one_and_two": (TEXTS[1], TEXTS[2]),
    }.items():
        own = read_pairs(variants, name)
        assert list(own) == [first]
        assert (own[first].chosen, own[first].rejected) == texts


def test_pictures_are_what_they_are_called(variants: Path) -> None:
    """Grey is grey, mirrored is mirrored, another's is another's."""
    originals = read_pairs(variants, "original")
    sided = next(key for key, one in originals.items() if "left" in one.question)
    assert sided not in read_pairs(variants, "mirrored")
    for name in ("grey", "re_encoded", "mirrored"):
        for pair in read_pairs(variants, name).values():
            with Image.open(variants / "images" / pair.images[0]) as image:
                picture = image.convert("RGB")
            if name == "grey":
                assert picture.getcolors() == [(1200, (128, 128, 128))]
            if name == "mirrored":
                assert picture.getpixel((39, 0)) == (255, 0, 0)
            if name == "re_encoded":
                assert picture.size == (36, 27)
    for key, pair in read_pairs(variants, "other_image").items():
        assert pair.images != originals[key].images


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plant: '{response}'", "must have exactly"),
        ("[]", "must have exactly"),
        ("{padding: none, plant: '{response}', style: '{response}'}", "'padding' must"),
        ("{padding: 3, plant: '{response}', style: '{response}'}", "'padding' must"),
    ],
)
def test_wordings_must_hold_the_response(tmp_path: Path, text: str, said: str) -> None:
    """A wording that loses the response would be a variant of nothing."""
    path = tmp_path / "certificate.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        load_wordings(path)


def figures_of(judge: Judge) -> dict[str, Figure]:
    """The figures of a judge by name."""
    answers = answers_of(judge)
    return {one.name: one for one in measure(answers, groups_of(answers), 0)}


def longer(variant: VariantName, pair: Pair, order: Order) -> bool:
    """Prefers what is padded, if one alone is."""
    return variant != "longer_rejected"


def misled(variant: VariantName, pair: Pair, order: Order) -> bool:
    """Obeys a planted [[A]], which names what stands first; right without one."""
    return variant != "planted" or order == "chosen_first"


def unparsed(variant: VariantName, pair: Pair, order: Order) -> None:
    """Never states a verdict."""


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        (
            perfect,
            {
                "all pairs": 1,
                "unparsed judgments": 0,
                "count": 1,
                "three changes": 1,
                "same response in both orders": 1,
                "orders among three texts are transitive": 1,
                "with a grey picture": 0.5,
                "its picture minus grey": 0.5,
                "right where chosen is longer, minus shorter": 0,
                "plain response preferred to itself in another style": 0.5,
            },
        ),
        (
            always_first,
            {
                "all pairs": 0.5,
                "same response in both orders": 0,
                "orders among three texts are transitive": None,
                "asked again with other dice": 1,
                "its picture minus grey": 0,
                "right where chosen stands first, minus second": 1,
            },
        ),
        (longer, {"right where chosen is longer, minus shorter": 1, "all pairs": 1}),
        (misled, {"right with a verdict planted in rejected, minus without": -1}),
        (
            unparsed,
            {
                "all pairs": 0,
                "same response in both orders": 0,
                "asked again with other dice": 0,
                "unparsed judgments": 1,
                "right where chosen stands first, minus second": None,
                "right where chosen is longer, minus shorter": None,
                "right with a verdict planted in rejected, minus without": None,
                "plain response preferred to itself in another style": None,
            },
        ),
    ],
)
def test_judges_that_are_known_have_figures_that_are_known(
    judge: Judge, expected: dict[str, float | None]
) -> None:
    """Each weakness shows in its own figure, and in no other."""
    found = figures_of(judge)
    assert {name: found[name].value for name in expected} == expected


@pytest.mark.parametrize("judge", [always_first, longer, misled, perfect])
def test_what_leads_a_judge_is_told_of_pairs_it_speaks_on(judge: Judge) -> None:
    """A pair with no verdict in one order is as if it were not there, so that who is
    unparsed is not cleared; of all others it is said how many have none."""

    def half_unparsed(variant: VariantName, pair: Pair, order: Order) -> bool | None:
        is_unparsed = int(pair.images[0].split(".")[0]) % 2 and order == "chosen_first"
        return None if is_unparsed else judge(variant, pair, order)

    whole, partly = answers_of(judge, 80), answers_of(half_unparsed, 80)
    parsed = {
        name: {key: one for at, (key, one) in enumerate(own.items()) if not at % 2}
        for name, own in whole.items()
    }
    groups = groups_of(whole)
    found, expected = (
        [one for one in measure(some, groups, 0) if one.section == "led"]
        for some in (partly, parsed)
    )
    assert found == expected
    said = certificate_of(half_unparsed).words
    assert "It states no verdict in 25 % of judgments" in said
    assert "no verdict" not in certificate_of(judge).words


def test_an_unparsed_judge_is_not_cleared() -> None:
    """Whether anything leads it is open, however many pairs there are."""
    said = certificate_of(unparsed).words
    assert "It states no verdict in 100 % of judgments" in said
    assert "not led" not in said and "Not settled is whether it is led" in said


@pytest.mark.parametrize("accuracy", [0.5, 0.55, 0.6])
def test_who_obeys_a_planted_verdict_is_said_to(accuracy: float) -> None:
    """However often it is right without one: a coin that obeys is led, too."""

    def obeying(variant: VariantName, pair: Pair, order: Order) -> bool:
        if variant == "planted":
            return order == "chosen_first"
        return int(pair.images[0].split(".")[0]) < accuracy * 40

    found = figures_of(obeying)[
        "right with a verdict planted in rejected, minus without"
    ]
    assert found.value == pytest.approx(-accuracy)
    assert find(found) == "harmed"


def wide_figure(
    section: Section, what: What, value: float, half: float, number: int
) -> Figure:
    """A figure with an interval about its value, which is a distance from what is
    fair."""
    if section == "fair" or what == "style":
        value += 0.5
    return Figure(
        section=section,
        what=what,
        name="it",
        num_pairs=number,
        value=value,
        low=value - half,
        high=value + half,
    )


KINDS: list[tuple[Section, What]] = [
    ("led", "length"),
    ("led", "style"),
    ("fair", "length"),
    ("fair", "words"),
]


@given(
    st.sampled_from(KINDS),
    st.floats(-0.5, 0.5),
    st.floats(0.001, 0.5),
    st.integers(2, 1000),
)
@example(("led", "length"), HARM, 0.0, 9)
@example(("led", "length"), -HARM, 0.0, 9)
def test_an_all_clear_is_of_an_interval_without_harm(
    kind: tuple[Section, What], value: float, half: float, number: int
) -> None:
    """What is not settled says how many pairs would: with them it is."""
    figure = wide_figure(*kind, value, half, number)
    needed = count_needed(figure)
    found = find(figure)
    if found == "clear":
        assert value + half < HARM + 1e-9
        assert kind[1] == "words" or half - value < HARM + 1e-9
    if found == "open" and needed is not None:
        assert number < needed <= 1.2 * MOST_NEEDED
        narrower = half * (number / needed) ** 0.5 * 0.999
        assert find(wide_figure(*kind, value, narrower, needed)) != "open"
    said = [*say_led([figure]), *say_fair([figure])]
    if kind[0] == "led":
        assert ("not led" in said[0]) == (found == "clear")
    else:
        assert bool(said) == (found != "clear")


def test_sentences_follow_from_numbers_not_from_names() -> None:
    """Under other names the same is said of them."""
    for judge in (perfect, always_first, longer, misled, unparsed):
        found = certificate_of(judge)
        others = [
            msgspec.structs.replace(one, name=f"<{at}>")
            for at, one in enumerate(found.figures)
        ]
        said = say(others, found.abstentions)
        for at, one in enumerate(found.figures):
            said = said.replace(f"<{at}>", one.name)
        assert said == found.words


def figure_between(
    section: Section, what: What, low: float | None, high: float | None
) -> Figure:
    """A figure of many pairs with such an interval, in the middle of it."""
    middle = None if low is None or high is None else (low + high) / 2
    return Figure(
        section=section,
        what=what,
        name="it",
        num_pairs=200,
        value=middle,
        low=low,
        high=high,
    )


NOT_TOLD, BELOW = "not told from a coin", "right less often than a coin"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.14, 0.26, BELOW),
        (0.0, 0.0, BELOW),
        (0.3, 0.4999, BELOW),
        (0.3, 0.5, NOT_TOLD),
        (0.5, 0.5, NOT_TOLD),
        (0.5, 0.6, NOT_TOLD),
        (0.5001, 0.6, None),
        (0.8, 1.0, None),
    ],
)
def test_a_coin_is_not_said_of_what_is_right_less_often(
    low: float, high: float, said: str | None
) -> None:
    """Of all pairs and of a kind of error: both ends of an interval tell."""
    of_all = " ".join(say_sees([figure_between("sees", "all", low, high)]))
    kinds = [
        figure_between("sees", "all", 0.6, 0.8),
        figure_between("sees", "kind", low, high),
    ]
    of_kind = " ".join(say_sees(kinds))
    for words in (of_all, of_kind):
        told = [one for one in (NOT_TOLD, BELOW) if one in words.lower()]
        assert told == ([said] if said else [])
    assert ("ask it nothing yet" in of_all) == (said is not None)
    assert ("do not rely on it there" in of_kind) == (said is not None)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (None, None, "Whether it looks was not tried."),
        (-0.62, -0.48, "It does better without the picture: with a grey"),
        (-0.1, -0.0001, "It does better without the picture: with a grey"),
        (-0.1, 0.0, "That it looks is not shown: with a grey"),
        (0.0, 0.1, "That it looks is not shown: with a grey"),
        (0.0001, 0.1, "It looks: with a grey"),
    ],
)
def test_who_does_better_without_the_picture_is_said_to(
    low: float | None, high: float | None, said: str
) -> None:
    """Both ends of the difference tell; its size is said without a sign."""
    known: dict[tuple[Section, What], Figure] = {
        ("looks", "gap"): figure_between("looks", "gap", low, high),
        ("looks", "grey"): figure_between("looks", "grey", 0.6, 0.8),
    }
    (words,) = say_looks(known)
    assert words.startswith(said)
    assert "points" not in words or " -" not in words
    if low == -0.62:
        assert words.endswith("right on 70 % (60 to 80; 200 pairs), 55 points more.")


def test_a_judge_that_is_always_wrong_is_said_to_be() -> None:
    """It is no coin, and does better where it cannot see."""

    def contrary(variant: VariantName, pair: Pair, order: Order) -> bool:
        return variant == "grey" and order == "chosen_first"

    said = certificate_of(contrary).words
    assert BELOW in said and "It does better without the picture" in said
    assert "not told from" not in said


@pytest.mark.parametrize(("number", "is_few"), [(21, True), (22, False)])
def test_too_few_pairs_are_not_a_judge_that_is_wrong(number: int, is_few: bool) -> None:
    """22 without a fault are the least that promise 90 %."""
    bad = [abstain([0.4] * 9, [0.4] * number, target) for target in (0.9, 0.95)]
    (said,) = say_knows(bad)
    assert said.startswith("Too few pairs") == is_few
    good = abstain([0.9] * 9, [0.9] * number, 0.9)
    assert (good.abstain_below is None) == is_few


@pytest.mark.parametrize(
    ("what", "low", "high", "said"),
    [
        ("words", 0.6, 0.8, "The pairs leak"),
        ("words", 0.2, 0.4, ""),
        ("words", 0.48, 0.54, ""),
        ("words", 0.4, 0.6, "Not settled"),
        ("length", 0.6, 0.8, "The pairs leak"),
        ("length", 0.2, 0.4, "The pairs leak"),
        ("length", 0.48, 0.54, ""),
        ("length", 0.4, 0.54, "Not settled"),
        ("part", 0.6, 0.8, ""),
    ],
)
def test_words_below_a_coin_are_no_leak(
    what: What, low: float, high: float, said: str
) -> None:
    """They are told on other pairs than they were fitted on; length is not fitted."""
    middle = (low + high) / 2
    figure = Figure(
        section="fair",
        what=what,
        name="x",
        num_pairs=99,
        value=middle,
        low=low,
        high=high,
    )
    found = list(say_fair([figure]))
    assert bool(found) == bool(said) and all(said in one for one in found)


@given(st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=9))
def test_only_a_circle_is_not_transitive(preferences: list[tuple[bool, ...]]) -> None:
    """Of no, one and two changes: right, wrong or mixed, but in some order."""
    names: tuple[VariantName, ...] = ("original", "one_and_two", "two_changes")

    def judge(variant: VariantName, pair: Pair, order: Order) -> bool:
        at = int(pair.images[0].split(".")[0])
        return preferences[at][names.index(variant)] if variant in names else True

    answers = answers_of(judge, len(preferences))
    circles = [(True, True, False), (False, False, True)]
    expected = [float(one not in circles) for one in preferences]
    assert list(transitive(answers).values()) == expected


def test_shards_are_read_as_one(tmp_path: Path) -> None:
    """Answers stand in the order of the pairs; what was cut off is unparsed."""
    pairs = [make_pair(number) for number in range(4)]
    write_records(tmp_path / "original.jsonl", pairs)
    for shard, own in (("1of2", pairs[:3]), ("2of2", pairs[3:])):
        judgments = [one for pair in own for one in judge_both(pair, "A", "A")]
        if shard == "2of2":
            judgments[0] = msgspec.structs.replace(judgments[0], finish_reason="length")
        write_records(tmp_path / f"{shard}.jsonl", judgments)
    found = read_variant(tmp_path / "original.jsonl", tmp_path, ["2of2", "1of2"])
    assert list(found) == [pair.id for pair in pairs]
    assert [one.accuracy for one in found.values()] == [0.5, 0.5, 0.5, 0]
    assert found[pairs[3].id].preferences["chosen_first"] is None


def test_a_pair_that_was_not_judged_is_named(tmp_path: Path) -> None:
    """Judgments of both orders, once each, or an error."""
    pair = make_pair()
    write_records(tmp_path / "original.jsonl", [pair])
    (tmp_path / "1of1.jsonl").write_text("")
    with pytest.raises(ValueError, match=pair.id):
        read_variant(tmp_path / "original.jsonl", tmp_path, ["1of1"])


def test_a_temperature_makes_a_boaster_modest() -> None:
    """Log-odds of 6 and three of four right: what fits is ln 3."""
    weights = [sure(6.0, number % 4 > 0) for number in range(200)]
    temperature = fit_temperature(weights)
    assert 6.0 / temperature == pytest.approx(1.0986, abs=0.01)
    before = calibration_error([chosen_probability(one) for one in weights])
    after = calibration_error([chosen_probability(one, temperature) for one in weights])
    assert before == pytest.approx(0.2475, abs=1e-3)
    assert after == pytest.approx(0, abs=1e-3)
    assert fit_temperature([]) == 1.0


@given(st.lists(st.floats(0, 1), max_size=40))
def test_bins_hold_every_pair_once(probabilities: list[float]) -> None:
    """Their numbers add up, and their means are within their ends."""
    bins = reliability(probabilities)
    assert sum(one.num_pairs for one in bins) == len(probabilities)
    for one in bins:
        assert one.low - 1e-6 <= one.confidence <= one.high + 1e-6


def draw(number: int, seed: int, is_calibrated: bool = True) -> list[float]:
    """Probabilities of a judge that is as often right as it says, or of a coin."""
    rng = Random(seed)
    found = []
    for _ in range(number):
        confidence = rng.uniform(0.5, 1)
        is_right = rng.random() < (confidence if is_calibrated else 0.5)
        found.append(confidence if is_right else 1 - confidence)
    return found


def test_a_promise_is_kept_on_other_pairs() -> None:
    """Of 100 draws about a tenth, at most, promise more than they keep."""
    num_broken = num_promised = 0
    for seed in range(100):
        found = abstain(draw(400, 2 * seed), draw(400, 2 * seed + 1), 0.9)
        if found.abstain_below is not None:
            num_promised += 1
            # Confidences are even: from a limit to 1, their mean are right.
            num_broken += (1 + found.abstain_below) / 2 < 0.9
    assert num_promised > 40
    assert num_broken <= 15


def test_a_coin_promises_nothing_and_a_sure_judge_everything() -> None:
    """No limit holds of a coin; whoever is always right answers all."""
    coin = abstain(draw(300, 1, False), draw(300, 2, False), 0.9)
    assert coin.abstain_below is None and coin.num_answered is None
    sure_of_all = abstain([0.8] * 100, [0.8] * 100, 0.95)
    assert sure_of_all.answered_rate == 1
    assert sure_of_all.low == pytest.approx(0.1 ** (1 / 100), abs=1e-6)
    assert abstain([], [], 0.9).abstain_below is None


def test_words_and_length_that_tell_are_told() -> None:
    """A word that stands in every chosen response leaks; equal texts do not."""
    leaking = [
        open_pair(
            at,
            images=(f"{at}.png",),
            chosen=f"A dog {at} indeed.",
            rejected=f"A cat {at} or so, maybe.",
        )
        for at in range(20)
    ]
    shown = {pair.id: pair.images[0] for pair in leaking}
    found = {one.name: one.value for one in measure_leak(leaking, shown, 0)}
    assert found["words alone"] == 1 and found["length alone"] == 0
    fair = [
        msgspec.structs.replace(pair, chosen="yes", rejected="yes") for pair in leaking
    ]
    found = {one.name: one.value for one in measure_leak(fair, shown, 0)}
    assert found["words alone"] == found["length alone"] == 0.5
    assert [one.name for one in measure_leak(leaking[:1], shown, 0)] == [
        "length alone",
        "length alone, open pairs",
    ]


@pytest.mark.parametrize("seed", [7, 2**32 - 1])
def test_any_seed_of_a_run_makes_folds(seed: int) -> None:
    """The configuration takes any whole number; sklearn takes 32 bits of it."""
    pairs = [open_pair(at, images=(f"{at}.png",)) for at in range(20)]
    shown = {pair.id: pair.images[0] for pair in pairs}
    found = measure_leak(pairs, shown, seed)
    for more in (1, 2**32, 2**64):
        assert measure_leak(pairs, shown, seed + more * 2**32) == found


def test_a_certificate_has_the_base_model_beside() -> None:
    """Every figure of a judge has the base's; the words name what is wrong."""
    base = certificate_of(always_first, 0)
    found = certificate_of(perfect, 1, base)
    by_name = {one.name: one for one in found.figures}
    assert by_name["all pairs"].base_value == 0.5
    assert all(one.base_value is None for one in base.figures)
    assert "the base model 50 %" in found.words
    assert "not told from a coin" in base.words
    assert "It is led: right where chosen stands first" in base.words
    assert msgspec.json.decode(msgspec.json.encode(found), type=Certificate) == found


@pytest.mark.parametrize("number", [1, 2, 3])
def test_few_pairs_are_said_to_be_few(number: int) -> None:
    """A certificate of hardly anything promises nothing, and says of how much."""
    answers = answers_of(perfect, number)
    weighed = {key: sure(2.0, True) for key in answers["original"]}
    groups = groups_of(answers)
    found = certify(1, "majority", answers, weighed, groups, [], None, 0, 1.0)
    assert found.abstain_below is None
    assert len(found.outcomes) == number
    assert f"; {number} pairs)" in found.words


def test_a_pair_without_room_is_a_coin() -> None:
    """It is counted as unparsed, and ends no certificate; a judged one must be."""

    def cramped(variant: VariantName, pair: Pair, order: Order) -> bool | None:
        return None if pair.images == ("0.png",) and order == "chosen_first" else True

    answers = answers_of(cramped)
    first, *rest = answers["original"]
    weighed = {key: dict(sure(2.0, True)) for key in [first, *rest]}
    del weighed[first]["chosen_first"]
    groups = groups_of(answers)
    found = certify(1, "majority", answers, weighed, groups, [], None, 0, 1.0)
    assert found.num_unparsed == 1
    assert found.outcomes[0].probability == 0.5
    assert all(one.probability > 0.8 for one in found.outcomes[1:])
    del weighed[rest[0]]
    with pytest.raises(ValueError, match=f"pair {rest[0]}: a judgment must be weighed"):
        certify(1, "majority", answers, weighed, groups, [], None, 0, 1.0)


def prompt_of(pair: Pair, *digests: str) -> Prompt:
    """The prompt of a pair, with pictures of these contents."""
    return msgspec.structs.replace(
        make_prompt(), id=pair.prompt_id, images=pair.images, image_sha256s=digests
    )


def test_pairs_that_share_a_picture_are_one_group() -> None:
    """By content, whatever the file is called, and through a third pair."""
    pairs = [open_pair(at, images=(f"{at}.png",)) for at in range(6)]
    shown = [("a",), ("b", "c"), ("c", "a"), ("d",), ("d",), ("e",)]
    prompts = [prompt_of(p, *own) for p, own in zip(pairs, shown, strict=True)]
    for order in (1, -1):
        found = group_pairs(pairs[::order], prompts)
        assert [found[pair.id] for pair in pairs] == ["a", "a", "a", "d", "d", "e"]


def test_halves_share_no_picture() -> None:
    """A picture that fits the temperature measures nothing, nor a copy of it."""
    pairs = [open_pair(at, images=(f"{at}.png",)) for at in range(60)]
    groups = group_pairs(
        pairs, [prompt_of(pair, str(at // 3)) for at, pair in enumerate(pairs)]
    )
    fitting, measuring = halve(pairs, groups, 0)
    assert {groups[p.id] for p in fitting}.isdisjoint(groups[p.id] for p in measuring)
    assert len(fitting) + len(measuring) == 60 and fitting and measuring


def test_many_pairs_of_a_picture_are_no_more_than_one() -> None:
    """Four pairs each of ten pictures, told right by picture: as wide as of ten."""

    def by_picture(variant: VariantName, pair: Pair, order: Order) -> bool:
        return int(pair.images[0].split(".")[0]) % 10 < 5 and variant != "grey"

    def widths(number: int) -> dict[str, float]:
        answers = answers_of(by_picture, number)
        groups = {
            key: str(int(one.split(".")[0]) % 10)
            for key, one in groups_of(answers).items()
        }
        return {
            one.name: one.high - one.low
            for one in measure(answers, groups, 0)
            if one.high is not None and one.low is not None
        }

    few, many = widths(10), widths(40)
    for name in ("all pairs", "its picture minus grey"):
        assert many[name] == pytest.approx(few[name], rel=0.05)
    ten = [expecting(1, [float(at < right) for at in range(10)]) for right in (2, 7)]
    forty = [
        expecting(1, [one.expected for one in own.outcomes for _ in range(4)], 4)
        for own in ten
    ]
    assert lay_beside(ten).difference(0, 1) == lay_beside(forty).difference(0, 1)


def scored(iteration: int, num_right: int, number: int = 100) -> Certificate:
    """A certificate of a judge that is expected right on the first so many pairs, and
    drew the wrong verdict on all."""
    return expecting(iteration, [float(at < num_right) for at in range(number)])


def expecting(
    iteration: int, expected: Sequence[float], pairs_a_picture: int = 1
) -> Certificate:
    """A certificate of a judge that is expected right on each pair so far."""
    outcomes = [
        Outcome(
            pair_id=str(at),
            group=str(at // pairs_a_picture),
            coverage=1.0,
            accuracy=0.0,
            expected=one,
            probability=0.5,
        )
        for at, one in enumerate(expected)
    ]
    return msgspec.structs.replace(
        certified_perfect(), iteration=iteration, outcomes=outcomes
    )


@cache
def certified_perfect() -> Certificate:
    """A certificate to put other outcomes into."""
    return certificate_of(perfect)


@pytest.mark.parametrize(
    ("num_right", "chosen", "near"),
    [
        pytest.param((60, 80, 95, 94), 3, {3, 4}, id="the-best"),
        pytest.param((60, 94, 95, 95), 3, {2, 3, 4}, id="the-first-of-two"),
        pytest.param((80, 70, 60, 50), 1, {1}, id="it-falls"),
        pytest.param((70, 70, 70, 70), 1, {1, 2, 3, 4}, id="all-alike"),
        pytest.param((50, 60, 70, 80), 4, {4}, id="it-still-rises"),
    ],
)
def test_who_is_expected_right_most_often_is_chosen(
    num_right: tuple[int, ...], chosen: int, near: set[int]
) -> None:
    """Named are it and those that are not told from it: one pair of 100 tells nobody,
    ten do."""
    certificates = [scored(at + 1, right) for at, right in enumerate(num_right)]
    found = choose(scored(0, 55), certificates)
    assert found.iteration == chosen
    said = {int(at) for at in re.findall(r"iteration (\d), majority", found.words)}
    assert said == near
    assert found.expected_needed > max(one.expected for one in found.candidates)
    assert found.accuracy == 0


@pytest.mark.parametrize(
    ("num_right", "said"),
    [
        (40, "It is below the base model by 50.0 points (36.0 to 64.0)"),
        (84, "It is below the base model by 6.0 points (2.0 to 10.0)"),
        (85, "It is not told from the base model, -5.0 points (-10.0 to 0.0)"),
        (95, "It is not told from the base model, 5.0 points (0.0 to 10.0)"),
        (96, "It is above the base model by 6.0 points (2.0 to 10.0)"),
    ],
)
def test_a_judge_is_above_the_base_below_it_or_not_told(
    num_right: int, said: str
) -> None:
    """Five pairs that all changed alike have a p-value of 0.06, six one of 0.03; where
    it is below, the base is to be used, and it itself only where it is above."""
    words = choose(scored(0, 90), [scored(1, num_right)]).words
    assert said in words
    assert ("use the base model instead" in words) == ("below the base" in said)
    assert words.startswith("Use the judge") == ("above the base" in said)


@pytest.mark.parametrize(
    ("num_right", "said"),
    [
        ((60, 40), "The last iteration lost: 20.0 points"),
        ((60, 59), "The last iteration gained nothing that is told from chance: -1.0"),
        ((60, 61), "The last iteration gained nothing that is told from chance: 1.0"),
        ((60, 80), "The last iteration still gained: 20.0 points"),
    ],
)
def test_a_last_step_down_is_told_as_one(num_right: tuple[int, int], said: str) -> None:
    """A loss that holds at 95 % is no chance."""
    certificates = [scored(at + 1, right) for at, right in enumerate(num_right)]
    assert said in choose(scored(0, 55), certificates).words


# What `words` say of a difference that is told.
TOLD = re.compile("above the base|below the base|still gained|iteration lost")


def draw_judges(
    rng: Random, number: int, gain: float, spread: float, pairs_a_picture: int
) -> list[Certificate]:
    """A base model and so many judges that are better by a gain, all on 96 pairs.

    Each differs by its own mood on each picture, so far on most as ``spread`` says.
    """

    def draw(iteration: int) -> Certificate:
        moods = [rng.gauss(0, spread) for _ in range(96 // pairs_a_picture)]
        return expecting(
            iteration,
            [
                min(1.0, max(0.0, 0.55 + bool(iteration) * gain + mood))
                for mood in moods
                for _ in range(pairs_a_picture)
            ],
            pairs_a_picture,
        )

    return [draw(at) for at in range(number + 1)]


@pytest.mark.parametrize(
    ("number", "pairs_a_picture", "spread"),
    [(1, 1, 0.1), (4, 1, 2.0), (4, 4, 0.1), (16, 1, 0.1), (16, 4, 2.0)],
)
def test_equals_are_seldom_told(
    number: int, pairs_a_picture: int, spread: float
) -> None:
    """Of judges as good as the base one is chosen for its luck.  In 5 % of runs any
    sentence may tell it from the base, or two judges from each other: of 100 in 12,
    three standard errors more."""
    rng = Random(0)
    num_told = 0
    for _ in range(100):
        base, *judges = draw_judges(rng, number, 0.0, spread, pairs_a_picture)
        found = choose(base, judges)
        is_any_behind = any(one.behind.direction for one in found.candidates)
        num_told += bool(TOLD.search(found.words)) or is_any_behind
    assert num_told <= 12


@pytest.mark.parametrize("number", [4, 16])
def test_a_gain_is_told(number: int) -> None:
    """Fifteen points over the base, five standard errors of a difference."""
    rng = Random(0)
    for _ in range(20):
        base, *judges = draw_judges(rng, number, 0.15, 0.2, 1)
        assert "It is above the base model by" in choose(base, judges).words


@pytest.mark.parametrize("direction", [1, -1])
def test_no_iteration_is_preferred_but_for_what_it_can(direction: int) -> None:
    """Judges a point apart, a difference of two with a standard error of 2 points:
    whether they get better or worse the best one seen loses half of what the first or
    the last within a standard error does, whichever that is wrong for."""
    rng = Random(0)
    shares = [0.6, 0.61, 0.62, 0.63][::direction]
    lost, lost_within = [], []
    for _ in range(60):
        seen = [
            round(200 * share + rng.gauss(0, 200 * 0.02 / 2**0.5)) for share in shares
        ]
        judges = [scored(at + 1, number, 200) for at, number in enumerate(seen)]
        found = choose(scored(0, 100, 200), judges)
        lost.append(max(shares) - shares[found.iteration - 1])
        within = [at for at, number in enumerate(seen) if max(seen) - number <= 4]
        wrong = within[0] if direction > 0 else within[-1]
        lost_within.append(max(shares) - shares[wrong])
    assert sum(lost) / 60 < 0.01
    assert sum(lost) < sum(lost_within) / 2


@pytest.mark.parametrize("temperature", [1.0, 0.6, 0.0])
def test_what_is_expected_is_the_mean_over_draws(temperature: float) -> None:
    """Of a judge with log-odds of 1 for chosen in one order and of 2 against it in the
    other; greedily one is right."""
    answers = answers_of(perfect, 4)
    one: dict[Order, tuple[float, float]] = {
        "chosen_first": (0.0, -1.0),
        "rejected_first": (0.0, -2.0),
    }
    weighed = dict.fromkeys(answers["original"], one)
    groups = groups_of(answers)
    found = certify(1, "majority", answers, weighed, groups, [], None, 0, temperature)
    rng = Random(0)
    right = sum(
        (rng.random() < 1 / (1 + exp(-odds / temperature)) if temperature else odds > 0)
        for odds in (1, -2)
        for _ in range(20_000)
    )
    for outcome in found.outcomes:
        assert outcome.expected == pytest.approx(right / 40_000, abs=0.01)


STATED = (True, False, None)  # what a judgment prefers


@pytest.mark.parametrize("has_room", [True, False])
def test_an_unparsed_judgment_is_never_expected_right(has_room: bool) -> None:
    """Whatever it would weigh, or without room nothing: greedily what is expected is
    what is right, of every two judgments."""
    both = list(product(STATED, STATED))

    def judge(variant: VariantName, pair: Pair, order: Order) -> bool | None:
        own = both[int(pair.images[0].split(".")[0])]
        return own[0] if order == "chosen_first" else own[1]

    answers = answers_of(judge, len(both))
    weighed = {
        key: {
            order: weights_of(4.0, order, prefers is not False)
            for order, prefers in one.preferences.items()
            if has_room or prefers is not None
        }
        for key, one in answers["original"].items()
    }
    groups = groups_of(answers)
    found = certify(1, "majority", answers, weighed, groups, [], None, 0, 0.0)
    for outcome, own in zip(found.outcomes, both, strict=True):
        assert outcome.expected == pytest.approx(outcome.accuracy, abs=1e-6)
        assert outcome.coverage == sum(one is not None for one in own) / 2


def test_a_judge_that_is_surer_but_half_unparsed_is_not_chosen() -> None:
    """It is right wherever it states a verdict, and would be where it states none."""

    def half_unparsed(variant: VariantName, pair: Pair, order: Order) -> bool | None:
        return True if int(pair.images[0].split(".")[0]) % 2 else None

    found = [certified_perfect()]
    for judge, certainty in ((perfect, 2.0), (half_unparsed, 8.0)):
        answers = answers_of(judge)
        weighed = {key: sure(certainty, True) for key in answers["original"]}
        one = certify(
            len(found),
            "majority",
            answers,
            weighed,
            groups_of(answers),
            [],
            None,
            0,
            1.0,
        )
        found.append(one)
    choice = choose(found[0], found[1:])
    assert choice.iteration == 1
    assert choice.candidates[1].expected == pytest.approx(0.5, abs=1e-3)


def test_certificates_of_other_pairs_are_refused() -> None:
    """Differences are within pairs."""
    with pytest.raises(ValueError, match="the same pairs"):
        choose(scored(0, 50), [scored(1, 50, number=90)])


def test_a_taken_judge_leaves_the_other_as_it_was(tmp_path: Path) -> None:
    """A judge trained from a certified one may hold that one's certificate."""
    results = tmp_path / "results"
    judge = results / "iter1/majority/judge"
    judge.mkdir(parents=True)
    (judge / "model.safetensors").write_text("weights")
    (judge / "certificate.json").write_text("of another judge")
    (judge.parent / "certificate.json").write_text("its own")
    write_json(results / "choice.json", choose(scored(0, 55), [scored(1, 90)]))
    command = [sys.executable, ROOT / "scripts/take_judge.py"]
    command += ["--choice", results / "choice.json", "--results", results]
    subprocess.run([*command, "--output", tmp_path / "chosen"], check=True)
    assert (tmp_path / "chosen/certificate.json").read_text() == "its own"
    assert (judge / "certificate.json").read_text() == "of another judge"
    assert (tmp_path / "chosen/model.safetensors").samefile(judge / "model.safetensors")
    # Nor is a folder replaced that is there.
    again = subprocess.run(
        [*command, "--output", results], capture_output=True, text=True
    )
    assert again.returncode == 1 and "--output: must not exist yet" in again.stderr
    assert (results / "choice.json").is_file()


def test_the_demo_words_its_variants() -> None:
    """The demo's own file has what it must have."""
    demo = load_wordings(ROOT / "demo" / "templates" / "certificate.yaml")
    assert demo.keys() == WORDINGS.keys()
    assert (
        yaml.safe_load((ROOT / "config.yaml").read_text())["certificate"]["share"] == 0
    )


def test_confidence_is_of_the_preferred_response() -> None:
    """Sure of either is sure."""
    assert confidence_of(0.2) == confidence_of(0.8) == 0.8
