"""All that decides trained weights: who has the same need not be trained again.

A filter whose accepted rows equal another's, from the same model, gets the other's
judge.  Imports no torch: to find a judge costs no more than to look.
"""

import logging
import shutil
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import msgspec

from selfjudge.ground.lines import (
    RecordError,
    file_sha256,
    link_or_copy,
    read_json,
    write_json,
)
from selfjudge.training.settings import TrainSettings

logger = logging.getLogger(__name__)

# Settings that alter how a training is watched, and not what comes of it: an
# interrupted training continues when they are changed.
NOT_DECISIVE = ("save_steps", "logging_steps")

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


def training_identity(
    accepted: Path,
    fingerprint: str,
    settings: TrainSettings,
    seed: int,
    code: str,
    num_processes: int,
) -> dict[str, Any]:
    """All that decides the trained weights, as JSON values.

    ``fingerprint`` is that of the model that training starts from, ``code`` the hash
    of the code that trains.
    """
    return {
        "code": code,
        "base_fingerprint": fingerprint,
        "accepted_sha256": file_sha256(accepted),
        "settings": decisive(msgspec.to_builtins(settings)),
        "seed": seed,
        "num_processes": num_processes,
        "versions": {
            "python": python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
    }


def decisive(settings: dict[str, Any]) -> dict[str, Any]:
    """Those of some settings that decide the weights."""
    return {k: value for k, value in settings.items() if k not in NOT_DECISIVE}


def find_twin(
    judges: Iterable[Path],
    output: Path,
    accepted: Path,
    fingerprint: Callable[[], str],
    settings: TrainSettings,
    seed: int,
    code: str,
) -> Path | None:
    """The first of some judges' folders that this very training would make again.

    ``fingerprint`` gives that of the model to start from: it is asked only where a
    judge was trained on the same rows, since it may read many GB.  ``code`` is the
    hash of the code that trains: of other code a judge is no result of this training,
    nor is one that has its weights from ``output``, which are to be made anew.
    """
    sha256 = file_sha256(accepted)
    for judge in judges:
        try:
            known = read_json(judge / "provenance.json")
        except (OSError, RecordError):
            continue  # not trained yet, or by something else
        if known.get("accepted_sha256") != sha256 or known.get("code") != code:
            continue
        if known.get("twin_of") == output.as_posix():
            continue
        number = known.get("num_processes", 1)  # no matter: the rows are the same
        own = training_identity(accepted, fingerprint(), settings, seed, code, number)
        known["settings"] = decisive(known["settings"])
        if all(known.get(key) == value for key, value in own.items()):
            return judge
    return None


def link_judge(judge: Path, output: Path) -> None:
    """Give a judge a second folder, which tells whose it is (`twin_of`).

    The files are hard links where the disk has them: they take no room.
    """
    logger.info("the same training made %s: nothing is trained", judge)
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(judge, partial, copy_function=link_or_copy)
    known = read_json(judge / "provenance.json")
    (partial / "provenance.json").unlink()
    write_json(partial / "provenance.json", {"twin_of": judge.as_posix(), **known})
    shutil.rmtree(output, ignore_errors=True)
    partial.replace(output)
