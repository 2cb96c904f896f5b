"""Data sets of the Hub, streamed once into files that the pipeline owns."""

import hashlib
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from selfjudge.ground.lines import encode, writing
from selfjudge.ground.records import Settings

NAMES = {"human": "user", "gpt": "assistant"}


class HubSource(Settings, frozen=True, kw_only=True):
    """A data set in LLaVA's format: an image, and turns of human and gpt.

    ``dataset`` may be a local folder laid out as on the Hub.  ``num_prompts``
    is the most prompts in all, spread evenly over the subsets.
    """

    dataset: str
    revision: str | None
    subsets: list[str]
    num_prompts: int


def fetch_prompts(source: HubSource, images: Path, prompts: Path, seed: int) -> int:
    """The number of prompts written; their images lie below ``images``.

    Image paths in the prompts file start at the folder that holds ``images``.
    A row without image or question is written as it is: the import drops it
    with a reason.
    """
    quota = -(-source.num_prompts // len(source.subsets))
    count = 0
    with writing(prompts) as file:
        for subset in source.subsets:
            for row in islice(stream_rows(source, subset, seed), quota):
                if count == source.num_prompts:
                    break
                file.write(encode(prompt_row(row, subset, images)))
                count += 1
    return count


def stream_rows(source: HubSource, subset: str, seed: int) -> Iterator[dict[str, Any]]:
    """The rows of one subset in a seeded order, images as undecoded bytes."""
    import datasets

    stream = datasets.load_dataset(
        source.dataset,
        subset,
        split="train",
        streaming=True,
        revision=source.revision,
    )
    stream = stream.cast_column("image", datasets.Image(decode=False))
    yield from stream.shuffle(seed=seed, buffer_size=1000)


def prompt_row(row: dict[str, Any], subset: str, images: Path) -> dict[str, Any]:
    """A row as a line of a prompts file: the first question, and its answer."""
    turns = [(NAMES.get(t["from"]), t["value"]) for t in row["conversations"]]
    question = next((text for who, text in turns if who == "user"), "")
    answer = next((text for who, text in turns if who == "assistant"), None)
    name = save_image((row["image"] or {}).get("bytes"), images)
    return {
        "images": [name] if name else [],
        "question": question.replace("<image>", "").strip(),
        "answer": answer,
        "source": f"{images.name}/{subset}",
    }


def save_image(content: bytes | None, images: Path) -> str | None:
    """The path, from the parent of ``images``, of a stored image; None if none.

    Spread over folders of two digits: 100,000 files in one slow down network
    file systems.
    """
    if not content:
        return None
    digest = hashlib.sha256(content).hexdigest()
    try:
        with Image.open(BytesIO(content)) as image:
            suffix = (image.format or "bin").lower()
    except (OSError, SyntaxError, ValueError):
        suffix = "bin"  # kept: the import names it as unreadable
    name = f"{digest[:2]}/{digest[:32]}.{suffix}"
    if not (images / name).exists():
        with writing(images / name) as file:
            file.write(content)
    return f"{images.name}/{name}"
