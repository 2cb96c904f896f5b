"""What a judge's folder says of how it is asked: so that others ask it as trained.

It lies in `asking/` inside the folder, beside `adapter/`: the template as it is, and
`asking.json`, which has the rest and a hash of each part.  No file there is one of the
model's: what a judge answers, and its fingerprint, are the same without.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from selfjudge.ground.lines import RecordError, read_document, write_json, writing
from selfjudge.ground.records import Record
from selfjudge.ground.requests import Sampling
from selfjudge.judging.asks import Asking, load_judge_template
from selfjudge.judging.verdicts import Verdict

FOLDER = "asking"
FILE = "asking.json"
# What the two responses are called where a verdict names them.
NAMES: tuple[str, ...] = get_args(Verdict)


class AskedFile(Record, frozen=True, kw_only=True):
    """The file `asking.json`.

    ``template`` is the name of the file beside it; ``names`` are what a verdict calls
    the first and the second response; an image of more than ``max_pixels_shown`` is
    scaled down first (None: never).  ``sha256`` has a hash of each part.
    """

    template: str
    sampling: Sampling
    names: tuple[str, ...]
    max_pixels_shown: int | None
    sha256: dict[str, str]


class Asked(Record, frozen=True, kw_only=True):
    """How a judge is asked: the text of its template, and the rest of its file."""

    template: str
    text: str
    sampling: Sampling
    max_pixels_shown: int | None

    @property
    def sha256(self) -> str:
        """One hash, hex, of all that decides what the judge reads and how it draws."""
        return hash_of(hash_parts(self.text, self.sampling, self.max_pixels_shown))

    @property
    def asking(self) -> Asking:
        """One judgment in each order."""
        return Asking(
            template=self.template,
            orders="both",
            num_samples=1,
            sampling=self.sampling,
        )


def write_asked(
    judge: Path, *, template: Path, sampling: Sampling, max_pixels_shown: int | None
) -> None:
    """Write into a judge's folder how its judgments for training were asked for."""
    text = load_judge_template(template)
    folder = judge / FOLDER
    with writing(folder / template.name) as file:
        file.write(f"{text}\n".encode())
    told = AskedFile(
        template=template.name,
        sampling=sampling,
        names=NAMES,
        max_pixels_shown=max_pixels_shown,
        sha256=hash_parts(text, sampling, max_pixels_shown),
    )
    write_json(folder / FILE, told)


def read_asked(judge: Path) -> Asked:
    """How the judge in a folder is asked.

    Raises ValueError where the folder is none, says nothing of it, or was changed by
    hand since: what a judge is asked otherwise it was not trained for.
    """
    if not judge.is_dir():
        raise ValueError(
            f"--judge: must be the folder of a judge (got '{judge}', and there is no "
            "such folder)"
        )
    place = judge / FOLDER / FILE
    if not place.is_file():
        raise ValueError(
            f"{judge}: must say in '{FOLDER}/{FILE}' how it is asked (got no such "
            "file). Hint: it is no trained judge, or an older one; --asking names the "
            "folder of a judge to ask it alike"
        )
    told = read_document(place, AskedFile)
    if told.names != NAMES:
        raise RecordError(
            f"{place}: 'names' must be {list(NAMES)} (got {list(told.names)})"
        )
    if Path(told.template).name != told.template:
        raise RecordError(
            f"{place}: 'template' must be the name of a file beside it "
            f"(got '{told.template}')"
        )
    text = load_judge_template(place.with_name(told.template))
    found = hash_parts(text, told.sampling, told.max_pixels_shown)
    for part, digest in found.items():
        if told.sha256.get(part) != digest:
            raise RecordError(
                f"{place}: the {part} must be what the judge was trained with (its "
                "hash is another one). Hint: take the folder as training wrote it"
            )
    return Asked(
        template=told.template,
        text=text,
        sampling=told.sampling,
        max_pixels_shown=told.max_pixels_shown,
    )


def hash_parts(
    text: str, sampling: Sampling, max_pixels_shown: int | None
) -> dict[str, str]:
    """The hex sha256 of each part of what a judge is asked with."""
    parts: Mapping[str, Any] = {
        "template": text,
        "sampling": sampling,
        "names": NAMES,
        "max_pixels_shown": max_pixels_shown,
    }
    return {name: hash_of(part) for name, part in parts.items()}


def hash_of(value: Any) -> str:
    """The hex sha256 of a value, as JSON."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
