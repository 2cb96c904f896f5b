"""Three benchmarks of the embedded world: two in the schemas of the public ones, and
one of labelled pairs whose rows name criteria, as Multi-Crit's do.

Their errors come from another distribution than the ones that the workflow
injects: things exchanged, invented, left out or wrong twice, answers to another
question, numbers off by one.  Pure: rows and pictures, no files.
"""

from random import Random
from typing import Any, NamedTuple

from world import (
    CATEGORIES,
    CELLS,
    OPEN_QUESTIONS,
    Picture,
    Scene,
    add_thing,
    alter_scene,
    ask,
    ask_any,
    describe,
    drop_things,
    render,
    sample_scene,
    swap_features,
    wrong_answer,
)

# Disjoint from the seeds of prompts, which begin with another word.
FINAL_SEED = "benchmark/final/7041"
DEVELOPMENT_SEED = "benchmark/development/13"


class Item(NamedTuple):
    """A picture, a question, the better and the worse response, and its error."""

    scene: Scene
    question: str
    better: str
    worse: str
    error: str


def draw_missing(rng: Random) -> Item:
    """A description that leaves a thing out."""
    scene = sample_scene(rng, (3,))
    worse = drop_things(scene, 1, rng)
    return open_item(scene, worse, "missing", rng)


def draw_extra(rng: Random) -> Item:
    """A description that invents a thing."""
    scene = sample_scene(rng, (2, 3))
    return open_item(scene, add_thing(scene, rng), "extra", rng)


def draw_swap(rng: Random) -> Item:
    """A description that exchanges colours or kinds of two things."""
    while True:
        scene = sample_scene(rng, (2, 3))
        if worse := swap_features(scene, rng):
            return open_item(scene, worse, "swap", rng)


def draw_multiple(rng: Random) -> Item:
    """A description with two errors."""
    while True:
        scene = sample_scene(rng, (2, 3))
        worse = scene
        for category in rng.sample(CATEGORIES, 2):
            worse = alter_scene(worse, category, rng)
        if len(set(worse) - set(scene)) == 2:
            return open_item(scene, worse, "multiple", rng)


def open_item(scene: Scene, worse: Scene, error: str, rng: Random) -> Item:
    """The true description against that of another scene."""
    question = rng.choice(OPEN_QUESTIONS)
    return Item(scene, question, describe(scene), describe(worse), error)


def draw_off_topic(rng: Random) -> Item:
    """A true answer to another question."""
    families = ("count_kind", "count_color", "color", "where", "exists")
    while True:
        scene = sample_scene(rng)
        first, second = rng.sample(families, 2)
        question, another = ask(scene, first, rng), ask(scene, second, rng)
        if question and another and question.answer_format != another.answer_format:
            better, worse = question.answer, another.answer
            return Item(scene, question.text, better, worse, "off_topic")


def draw_wrong_thing(rng: Random) -> Item:
    """A thing that the picture shows, but at another place."""
    while True:
        scene = sample_scene(rng)
        thing, another = rng.sample(scene, 2)
        if thing.phrase != another.phrase:
            text = f"What is at {CELLS[thing.cell]}?"
            return Item(scene, text, thing.phrase, another.phrase, "wrong_thing")


def draw_closed(families: tuple[str, ...], rng: Random) -> Item:
    """A short answer against a false one."""
    scene = sample_scene(rng)
    question = ask_any(scene, families, rng)
    worse = wrong_answer(question, rng)
    return Item(scene, question.text, question.answer, worse, question.family)


COUNTING = ("count_kind", "count_color", "total")
REASONING = (*COUNTING, "compare", "relation")


def draw_general(rng: Random) -> Item:
    """An item of the group `general`: incomplete or off the question."""
    return rng.choice([draw_missing, draw_off_topic, draw_wrong_thing])(rng)


def draw_hallucination(rng: Random) -> Item:
    """An item of the group `hallucination`: what is said is not there."""
    return rng.choice([draw_extra, draw_swap, draw_multiple])(rng)


def draw_reasoning(rng: Random) -> Item:
    """An item of the group `reasoning`: counting, comparing, relating."""
    return draw_closed(REASONING, rng)


# ------------------------------------------------------------- VL-RewardBench

# Prefixes of ids as in the public release; they alone tell the group.
VLRB_PREFIXES = {
    "general": ("wildvision",),
    "hallucination": ("hallucination_pair", "RLAIF-V", "RLHF-V"),
    "reasoning": ("mathverse", "mmmu"),
}
VLRB_DRAWS = {
    "general": draw_general,
    "hallucination": draw_hallucination,
    "reasoning": draw_reasoning,
}


def build_vlrb(number: int, seed: str) -> list[tuple[dict[str, Any], Picture]]:
    """``number`` rows in VL-RewardBench's columns, all but `image`, with pictures.

    The three groups take turns.  `human_ranking` is [0, 1] if the first response
    is preferred, [1, 0] if the second is.
    """
    rows = []
    for place in range(number):
        group = list(VLRB_DRAWS)[place % 3]
        rng = Random(f"{seed}/vlrb/{place}")
        item = VLRB_DRAWS[group](rng)
        prefix = rng.choice(VLRB_PREFIXES[group])
        ranking = rng.choice([[0, 1], [1, 0]])
        responses = [item.better, item.worse]
        row = {
            "id": f"{prefix}_{place:04d}",
            "query": item.question,
            "response": [responses[rank] for rank in ranking],
            "human_ranking": ranking,
            "models": ["rules", "rules"],
            "judge": "rules",
            "rationale": item.error,
            "query_source": "" if group == "reasoning" else "world",
            "ground_truth": item.better if group == "reasoning" else None,
        }
        rows.append((row, render(item.scene, rng)))
    return rows


# -------------------------------------------------------- Multimodal RewardBench


def draw_correctness(rng: Random) -> Item:
    """A description with false claims against a true one."""
    return rng.choice([draw_swap, draw_multiple])(rng)


def draw_preference(rng: Random) -> Item:
    """A complete description against a shorter one."""
    return draw_missing(rng)


def draw_knowledge(rng: Random) -> Item:
    """A choice among options, answered by a letter."""
    return draw_closed(("choice",), rng)


def draw_counting(rng: Random) -> Item:
    """A count or comparison."""
    return draw_closed((*COUNTING, "compare"), rng)


def draw_vqa(rng: Random) -> Item:
    """A short question about colour, place or presence."""
    return draw_closed(("at", "color", "where", "exists", "relation"), rng)


# Category and subset as in the public release; the subset is the image folder.
MMRB_DRAWS = (
    ("open_generation/correctness_task", "nocaps", draw_correctness),
    ("open_generation/preference_task", "visitbench", draw_preference),
    ("knowledge", "mmmu-s", draw_knowledge),
    ("reasoning", "mathvista", draw_counting),
    ("vqa", "SEED-Bench", draw_vqa),
)


def build_mmrb(number: int, seed: str) -> list[tuple[dict[str, str], Picture]]:
    """``number`` rows of Multimodal RewardBench's `all_data.json`, with pictures.

    The categories take turns; there is no safety in this world.
    """
    rows = []
    for place in range(number):
        category, subset, draw = MMRB_DRAWS[place % len(MMRB_DRAWS)]
        rng = Random(f"{seed}/mmrb/{place}")
        item = draw(rng)
        name = f"{subset}_{place:04d}"
        outputs = [item.better, item.worse]
        better = rng.randrange(2)
        row = {
            "ID": name,
            "Category": category,
            "Text": item.question,
            "Image": f"images/{subset}/{name}.png",
            "Output1": outputs[better],
            "Output2": outputs[1 - better],
            "Better": f"Output{better + 1}",
        }
        rows.append((row, render(item.scene, rng)))
    return rows


# ------------------------------------------------------------ pairs by criterion

# What each criterion asks, in words for the judge.
CRITERIA = {
    "correct": "which is more correct",
    "complete": "which is more complete",
    "short": "which is shorter",
}


def draw_two(rng: Random, kind: int) -> tuple[Scene, Scene, Scene]:
    """A scene, and two descriptions of it of which each is better in some way.

    By kind: all there is and an invention, against too little; the truth against
    too little of which something is false; the truth against one false detail.
    """
    while True:
        scene = sample_scene(rng, (3,))
        if kind == 0:
            return scene, add_thing(scene, rng), drop_things(scene, 1, rng)
        other = drop_things(scene, 1, rng) if kind == 1 else scene
        other = alter_scene(other, rng.choice(CATEGORIES), rng)
        if len(set(other) - set(scene)) == 1:
            return scene, scene, other


def rate(scene: Scene, said: Scene) -> dict[str, int]:
    """How good a description of a scene is by each criterion; more is better."""
    return {
        "correct": -len(set(said) - set(scene)),
        "complete": len(set(said) & set(scene)),
        "short": -len(said),
    }


def build_criteria(number: int, seed: str) -> list[tuple[dict[str, Any], Picture]]:
    """The rows of ``number`` prompts, all but `images`, each with its picture.

    A prompt has a row for each criterion by which one of its responses is better;
    in two prompts of three these disagree.
    """
    rows = []
    for place in range(number):
        rng = Random(f"{seed}/criteria/{place}")
        scene, *said = draw_two(rng, place % 3)
        rng.shuffle(said)
        first, second = (rate(scene, one) for one in said)
        shared = {
            "question": rng.choice(OPEN_QUESTIONS),
            "responses": [describe(one) for one in said],
        }
        picture = render(scene, rng)
        for name, words in CRITERIA.items():
            if first[name] != second[name]:
                better = "first" if first[name] > second[name] else "second"
                own = {"better": better, "group": name, "criterion": words}
                row = {"id": f"{place:04d}_{name}", **shared, **own}
                rows.append((row, picture))
    return rows
