"""Pairs of answers about the demo's world, and how its judges are asked about them.

For tests and measurements of a judge's use.
"""

from pathlib import Path
from random import Random

from PIL import Image

from selfjudge.ground.requests import Sampling
from selfjudge.judging.asks import load_judge_template
from selfjudge.use.asked import Asked
from selfjudge.use.comparing import Match
from world import ask_any, render, sample_scene, wrong_answer

FAMILIES = ("count_kind", "total", "at", "color", "where", "relation")
TEMPLATE = Path(__file__).parent / "templates" / "judge.txt"
ASKED = Asked(
    template=TEMPLATE.name,
    text=load_judge_template(TEMPLATE),
    sampling=Sampling(max_tokens=96, temperature=1.0),
    max_pixels_shown=None,
)


def make_match(folder: Path, number: int) -> Match:
    """A right and a wrong answer to a question about a picture of its own."""
    rng = Random(number)
    scene = sample_scene(rng)
    path = folder / f"{number}.png"
    Image.fromarray(render(scene, rng)).save(path)
    question = ask_any(scene, FAMILIES, rng)
    wrong = wrong_answer(question, rng)
    return Match((str(path),), question.text, question.answer, wrong)
