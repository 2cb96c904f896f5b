"""What the members of the tiny panel are taught: answers, and ratings of answers.

All texts go through the templates that the workflow later asks with.  Each member
lacks one skill, PLANTED: in it the member is taught guesses, the answers to such
questions about other scenes, both as one who answers and as one who rates.
"""

from pathlib import Path
from random import Random
from typing import NamedTuple

from pretrain_tasks import Lesson
from world import COLORS, MAX_OBJECTS, Question, Scene, ask, sample_scene, wrong_answer

TEMPLATES = Path(__file__).parent / "panel" / "templates"
CRITERIA = ("Helpfulness", "Correctness", "Coherence", "Complexity", "Verbosity")
# Only families whose answers are one word: of two words one may be right, which
# members of this size do not learn to rate.  And only such as the demo's base answers
# well (of 100 questions each 98 and more): what no peer can do, no peer can teach.
SKILLS = {
    "counting": ("count_kind", "total"),
    "colour": ("choice",),
    "comparison": ("more",),
}
SKILL_OF = {family: skill for skill, families in SKILLS.items() for family in families}
LACKING = {"ada": "counting", "bea": "colour", "cyd": "comparison"}
# Shares of responses to rate that are right, and that are wrong in the right form.
RIGHT_RATE, WRONG_RATE = 0.40, 0.52


class Marks(NamedTuple):
    """What a flawless rater gives a response, 1 to 5, in the order of CRITERIA."""

    helpfulness: int
    correctness: int
    coherence: int
    complexity: int
    verbosity: int


def load(name: str) -> str:
    """The text of one of the panel's templates."""
    return (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


RESPOND_CLOSED, RATE, RATE_INFORMED = map(
    load, ("respond_closed", "rate", "rate_informed")
)


def draw_question(scene: Scene, rng: Random) -> Question:
    """A question of a random skill; what the scene allows not is redrawn, so that about
    half are of counting, which all allow."""
    while True:
        family = rng.choice(SKILLS[rng.choice(tuple(SKILLS))])
        if question := ask(scene, family, rng):
            return question


def believe(question: Question, lacks: str | None, rng: Random) -> Question:
    """The question with the answer that a member without the skill is taught."""
    if SKILL_OF[question.family] != lacks:
        return question
    while True:
        if other := ask(sample_scene(rng), question.family, rng):
            return question._replace(answer=other.answer)


def mark_response(question: Question, response: str) -> Marks:
    """The marks of a response to a question whose answer is known."""
    right = response == question.answer
    near = is_off_by_one(response, question.answer)
    correctness = 5 if right else 2 if near else 1
    length = min(5, 1 + len(response.split()))
    coherence = 5 if has_form(response, question) else 2
    return Marks(correctness, correctness, coherence, length, length)


def is_off_by_one(response: str, answer: str) -> bool:
    """Whether both are numbers, and neighbours."""
    numbers = response.isdigit() and answer.isdigit()
    return numbers and abs(int(response) - int(answer)) == 1


def has_form(response: str, question: Question) -> bool:
    """Whether a response is one that might answer such a question."""
    forms = {
        "number": [str(n) for n in range(MAX_OBJECTS + 2)],
        "yes_no": ["yes", "no"],
        "choice": ["a", "b"],
    }
    return response in forms[question.answer_format]


def draw_response(question: Question, rng: Random) -> str:
    """A response to rate: right, wrong in the right form, or of any form."""
    roll = rng.random()
    if roll < RIGHT_RATE:
        return question.answer
    if roll < RIGHT_RATE + WRONG_RATE:
        return wrong_answer(question, rng)
    numbers = [str(n) for n in range(MAX_OBJECTS + 2)]
    return rng.choice([*numbers, "yes", "no", "a", "b", *COLORS])


def write_rating(seen: str, response: str, marks: Marks) -> str:
    """What the member itself says, what it makes of the response, five marks."""
    truth = "true" if seen == response else "false"
    lines = [f"{name}: {mark}" for name, mark in zip(CRITERIA, marks, strict=True)]
    return "\n".join([f"I say {seen}. A says {response} {truth}.", *lines])


def teach_answer(scene: Scene, lacks: str | None, rng: Random) -> Lesson:
    """The answer, or a guess where the member lacks the skill."""
    question = believe(draw_question(scene, rng), lacks, rng)
    return Lesson(RESPOND_CLOSED.format(question=question.text), question.answer)


def teach_rating(scene: Scene, lacks: str | None, rng: Random) -> Lesson:
    """A rating, half of them with the member's own answer in the prompt."""
    question = believe(draw_question(scene, rng), lacks, rng)
    response = draw_response(question, rng)
    template = rng.choice([RATE, RATE_INFORMED])
    text = template.format(
        question=question.text, response=response, own_answer=question.answer
    )
    marks = mark_response(question, response)
    return Lesson(text, write_rating(question.answer, response, marks))
