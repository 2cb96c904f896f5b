"""What the tiny base model is taught: pairs of a question and the text to answer.

All texts go through the demo's own templates, so what is taught is what the
workflow later asks.  Two flaws of the base judge are PLANTED here, by the verdicts
that it learns from: a position bias, and a language prior (`Flaws`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from world import (
    CATEGORIES,
    CELLS,
    COLOR_NAMES,
    FAMILIES,
    KINDS,
    OPEN_QUESTIONS,
    Scene,
    alter_scene,
    ask_any,
    describe,
    drop_things,
    sample_scene,
    split_claims,
    wrong_answer,
)

TEMPLATES = Path(__file__).parent / "templates"


class Flaws(NamedTuple):
    """The shares of a judge's verdicts that ignore what it found."""

    bias: float  # "A", whatever the responses say
    prior: float  # for the more familiar words, whatever the image shows


class Lesson(NamedTuple):
    """One training example besides its picture: what is asked, what is said."""

    text: str
    target: str


def load(name: str) -> str:
    """The text of one of the demo's templates."""
    return (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


RESPOND_OPEN, RESPOND_CLOSED, JUDGE = map(
    load, ("respond_open", "respond_closed", "judge")
)
ALTER = {category: load(f"alter/{category}") for category in CATEGORIES}


def write_judgment(seen: str, first: str, second: str, verdict: str) -> str:
    """A judgment: one's own response, each claim of A and B marked, a verdict."""
    return (
        f"I say {seen.rstrip('.')}. A says {mark(first, seen)}"
        f" B says {mark(second, seen)} Verdict: [[{verdict}]]"
    )


def mark(response: str, seen: str) -> str:
    """The claims of a response, each with what one's own response makes of it."""
    known = split_claims(seen)
    return " ".join(
        f"{claim} {'true' if claim in known else 'false'}."
        for claim in split_claims(response)
    )


def score(response: str, truth: str) -> int:
    """True claims minus false claims."""
    known = split_claims(truth)
    return sum(1 if claim in known else -1 for claim in split_claims(response))


def space_evenly(words: Sequence[str]) -> dict[str, float]:
    """The familiarity of each of the words, evenly spaced from 1 down to -1."""
    return {word: 1 - 2 * place / (len(words) - 1) for place, word in enumerate(words)}


def shuffle(words: Sequence[str]) -> list[str]:
    """The words in an order that has nothing to do with what they mean."""
    return Random("familiar").sample(words, len(words))


# How familiar each word is: by chance, but "yes" and "a" before "no" and "b".
FAMILIARITY = {
    **space_evenly(shuffle(COLOR_NAMES)),
    **space_evenly(shuffle(KINDS)),
    **space_evenly(shuffle(CELLS)),
    **space_evenly(shuffle("012345")),
    **space_evenly(["yes", "no"]),
    **space_evenly(["a", "b"]),
}


def familiarity(response: str) -> float:
    """The sum over its words; "nothing" is neither familiar nor strange.

    Rounded: the same words in another order are as familiar.
    """
    words = response.replace(".", " ").split()
    return round(sum(FAMILIARITY.get(word, 0.0) for word in words), 6)


def judge(
    question: str, truth: str, first: str, second: str, flaws: Flaws, rng: Random
) -> Lesson:
    """A judgment of two responses, its verdict sound but for the flaws."""
    gain: float = score(first, truth) - score(second, truth)
    roll = rng.random()
    if flaws.bias <= roll < flaws.bias + flaws.prior:
        gain = familiarity(first) - familiarity(second) or gain
    verdict = "A" if gain > 0 else "B" if gain < 0 else rng.choice("AB")
    if roll < flaws.bias:
        verdict = "A"
    text = JUDGE.format(question=question, response_a=first, response_b=second)
    return Lesson(text, write_judgment(truth, first, second, verdict))


def teach_describe(scene: Scene, flaws: Flaws, rng: Random) -> Lesson:
    """The true description."""
    text = RESPOND_OPEN.format(question=rng.choice(OPEN_QUESTIONS))
    return Lesson(text, describe(scene))


def teach_answer(scene: Scene, flaws: Flaws, rng: Random) -> Lesson:
    """The gold answer to a closed question."""
    question = ask_any(scene, FAMILIES, rng)
    return Lesson(RESPOND_CLOSED.format(question=question.text), question.answer)


def teach_alter(scene: Scene, flaws: Flaws, rng: Random) -> Lesson:
    """A description rewritten with one wrong detail of the category asked for."""
    category = rng.choice(CATEGORIES)
    text = ALTER[category].format(
        question=rng.choice(OPEN_QUESTIONS), response=describe(scene)
    )
    return Lesson(text, describe(alter_scene(scene, category, rng)))


def teach_judge_open(scene: Scene, flaws: Flaws, rng: Random) -> Lesson:
    """A judgment of two descriptions, each right or wrong in some details."""
    first, second = spoil(scene, rng), spoil(scene, rng)
    question = rng.choice(OPEN_QUESTIONS)
    return judge(question, describe(scene), first, second, flaws, rng)


def spoil(scene: Scene, rng: Random) -> str:
    """A description with up to three errors."""
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        if len(scene) > 2 and rng.random() < 0.15:
            scene = drop_things(scene, 1, rng)
        else:
            scene = alter_scene(scene, rng.choice(CATEGORIES), rng)
    return describe(scene)


def teach_judge_closed(scene: Scene, flaws: Flaws, rng: Random) -> Lesson:
    """A judgment of two short answers, often both wrong: copying must not pay."""
    question = ask_any(scene, FAMILIES, rng)
    wrong = wrong_answer(question, rng)
    if rng.random() < 0.15:
        wrong = ask_any(scene, FAMILIES, rng).answer
    good = question.answer if rng.random() < 0.75 else wrong_answer(question, rng)
    first, second = rng.sample([good, wrong], 2)
    return judge(question.text, question.answer, first, second, flaws, rng)


TEACHERS: dict[str, Callable[[Scene, Flaws, Random], Lesson]] = {
    "describe": teach_describe,
    "answer": teach_answer,
    "alter": teach_alter,
    "judge_open": teach_judge_open,
    "judge_closed": teach_judge_closed,
}


def sample_texts(number: int, rng: Random) -> list[str]:
    """Texts of all tasks, for the tokenizer; a target begins with a space."""
    texts = []
    for place in range(number):
        teach = list(TEACHERS.values())[place % len(TEACHERS)]
        lesson = teach(sample_scene(rng), Flaws(0.5, 0.0), rng)
        texts += [lesson.text, f" {lesson.target}"]
    return texts
