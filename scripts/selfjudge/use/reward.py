"""A judge as a reward for TRL: `reward_funcs=[make_reward(...)]`.

Completions of one prompt are held against each other in a tournament, or against a
reference where the row has one.  All prompts of a batch are asked together.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from selfjudge.engines.base import EngineSettings
from selfjudge.ground.shares import logistic
from selfjudge.use.asking import rank, score
from selfjudge.use.judges import Judge, open_judge
from selfjudge.use.pictures import write_image
from selfjudge.use.rows import Row

Reward = Callable[..., Awaitable[list[float | None]]]
EMPTY = 0.0  # of a completion without a word: it is not asked about


class Asked(NamedTuple):
    """One completion, and what it answers."""

    question: str
    images: tuple[str, ...]
    reference: str | None
    text: str


def make_reward(
    judge: str | Judge, engine: EngineSettings | None = None, **settings: Any
) -> Reward:
    """A reward function, async and batched, of the judge in a folder.

    ``engine`` and ``settings`` are as `open_judge` takes them; with a server each
    training process asks it, with any other engine the judge is loaded into each.
    It reads the columns `prompt`, `images` (or `image`: pictures, or paths) and, if
    there, `question` (else the text of the last user turn) and `reference`.

    The reward of a completion is 0 to 1: the probability of being better than the
    reference, or, without one, than the others to the same prompt, on average.  None,
    which TRL leaves out, where there is nothing to compare it with or no room.
    Without a reference only what one process holds is compared.  TRL gives a process
    so many completions in a row at once: ``per_device_train_batch_size`` times
    ``steps_per_generation`` (by default ``gradient_accumulation_steps``).  Where there
    are several processes, that must be a multiple of ``num_generations``, or a prompt's
    completions are parted, and rewards of different comparisons stand beside each
    other; one alone has None.
    """
    opened = judge
    if isinstance(opened, str):
        opened = open_judge(opened, engine or EngineSettings(), **settings)
    folder = tempfile.TemporaryDirectory(prefix="selfjudge-reward-")

    async def judge_reward(
        prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
    ) -> list[float | None]:
        """The reward of each completion."""
        asked = read_batch(prompts, completions, columns, Path(folder.name))
        return await asyncio.to_thread(reward_batch, asked, opened)

    return judge_reward


def read_batch(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    columns: dict[str, Any],
    folder: Path,
) -> list[Asked]:
    """What each completion answers, its pictures as files."""
    images = columns.get("images", columns.get("image"))
    questions = columns.get("question")
    references = columns.get("reference")
    if images is None:
        raise ValueError(
            "reward: the data set must have a column 'images' or 'image' (got "
            f"{', '.join(sorted(columns)) or 'none'})"
        )
    return [
        Asked(
            question=questions[place] if questions else question_of(prompt),
            images=tuple(keep(image, folder) for image in as_list(images[place])),
            reference=references[place] if references else None,
            text=text_of_turns(completion),
        )
        for place, (prompt, completion) in enumerate(
            zip(prompts, completions, strict=True)
        )
    ]


def as_list(images: Any) -> list[Any]:
    """One picture or several, as several."""
    return list(images) if isinstance(images, list | tuple) else [images]


def keep(image: Any, folder: Path) -> str:
    """The path of a picture: its own, or that of a file made of it."""
    if isinstance(image, str | Path):
        return str(Path(image).resolve())
    if isinstance(image, dict):  # as `datasets` holds one that is not decoded
        if image.get("bytes") is None:
            return str(Path(image["path"]).resolve())
        return write_image(image["bytes"], folder)
    assert isinstance(image, Image.Image), type(image)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return write_image(buffer.getvalue(), folder)


def question_of(prompt: Any) -> str:
    """The text of a prompt, or of its last user turn."""
    if isinstance(prompt, str):
        return prompt
    users = [turn for turn in prompt if turn["role"] == "user"]
    return text_of_turns(users[-1:])


def text_of_turns(turns: Any) -> str:
    """The texts of some chat turns, or a text as it is."""
    if isinstance(turns, str):
        return turns
    texts = []
    for turn in turns:
        content = turn.get("content") or ""
        if isinstance(content, str):
            texts.append(content)
        else:
            texts += [part["text"] for part in content if part.get("type") == "text"]
    return "\n".join(texts)


def reward_batch(batch: Sequence[Asked], judge: Judge) -> list[float | None]:
    """The reward of each completion of a batch.

    TRL keeps the completions of one prompt side by side.
    """
    rewards: list[float | None] = [None] * len(batch)
    rows: list[Row] = []
    places: dict[int, list[int]] = {}
    numbered = enumerate(batch)
    for key, group in groupby(numbered, key=lambda one: one[1][:3]):
        question, images, reference = key
        own = []
        for place, one in group:
            if one.text.strip():
                own.append(place)
            else:
                rewards[place] = EMPTY
        number = len(rows) + 1
        texts = tuple(batch[place].text for place in own)
        if not texts or (reference is None and len(set(texts)) == 1):
            for place in own:  # nothing to tell them apart: all level
                rewards[place] = 0.5 if len(own) > 1 else None
            continue
        rows.append(
            Row(
                number=number,
                images=images,
                question=question,
                responses=texts,
                reference=reference,
            )
        )
        places[number] = own
    told = reward_rows(rows, judge)
    for number, own in places.items():
        for place, value in zip(own, told[number], strict=True):
            rewards[place] = value
    return rewards


def reward_rows(rows: Sequence[Row], judge: Judge) -> dict[int, list[float | None]]:
    """The rewards of the responses of each row, by its number."""
    with_reference = [row for row in rows if row.reference is not None]
    without = [row for row in rows if row.reference is None]
    told: dict[int, list[float | None]] = {}
    for number, line in score(with_reference, judge).items():
        told[number] = line["scores"]
    for number, line in rank(without, judge).items():
        nothing: list[float | None] = [None] * len(line["strengths"])
        told[number] = mean_wins(line["strengths"]) if not line["reason"] else nothing
    return told


def mean_wins(values: Sequence[float]) -> list[float | None]:
    """The probability of each response of being better than another, on average.

    ``values`` are log-strengths, as `tournaments` finds them.
    """
    return [
        sum(logistic(own - other) for place, other in enumerate(values) if place != at)
        / (len(values) - 1)
        for at, own in enumerate(values)
    ]
