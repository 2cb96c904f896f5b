"""What scripts that train share: their arguments, the device, ledger and version."""

import argparse
import gc
import logging
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from selfjudge.ground.ledgers import Usage, append_ledger, ledger_from
from selfjudge.ground.lines import write_json
from selfjudge.judging.asks import Asking
from selfjudge.run.commands import GPUS, arguments, json_of
from selfjudge.training.identity import find_twin, link_judge
from selfjudge.training.settings import TrainSettings
from selfjudge.use.asked import FOLDER, write_asked

if TYPE_CHECKING:
    from selfjudge.training.trainer import Base


def training_arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the arguments that every training has."""
    parser = arguments(description)
    add = parser.add_argument
    add("--model", required=True, help="folder of a checkpoint, or a Hub id")
    add("--revision", help="commit, tag or branch of a Hub id")
    add("--image-root", type=Path, required=True, help="folder the images lie below")
    add("--settings", type=json_of(TrainSettings), required=True, help="as JSON")
    add("--seed", type=int, required=True, help="seed of the run")
    add("--code", required=True, help="hash of the code that trains")
    add("--work", type=Path, required=True, help="folder for checkpoints")
    add("--output", type=Path, required=True, help="folder of the trained model")
    add("--version", type=Path, required=True, help="output: what the model is")
    add("--ledger", type=Path, help="file to append to what this run cost")
    add("--device", default="auto", help="auto, cpu, or cuda")
    add("--gpus", type=int, default=0, help=GPUS)
    return parser


def asked_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how a judge was asked for what it is trained on."""
    add = parser.add_argument
    add("--template", type=Path, required=True, help="the judge's prompt template")
    add("--asking", type=json_of(Asking), required=True, help="how it was asked; JSON")


def carry_asking(args: argparse.Namespace) -> None:
    """Write into what was trained how it was asked, if `asked_arguments` say so."""
    if "asking" in args:
        # A twin's folder holds what the other judge was asked with.
        shutil.rmtree(args.output / FOLDER, ignore_errors=True)
        write_asked(
            args.output,
            template=args.template,
            sampling=args.asking.sampling,
            max_pixels_shown=args.settings.max_pixels_shown,
        )


def training_of(args: argparse.Namespace) -> dict[str, Any]:
    """What every training is given besides its rows, its base and its usage."""
    names = ("image_root", "settings", "seed", "code", "work", "output")
    return {name: getattr(args, name) for name in names}


def take_twin(args: argparse.Namespace) -> bool:
    """Take the judge of another filter that this training would make again, if any.

    Looked at are those that are named, and where one process trains, since several
    must all find the same, whatever lies beside the output by now.
    """
    judges: list[Path] = list(args.uncut)
    if "WORLD_SIZE" not in os.environ:
        beside = args.output.parent.parent.glob(f"*/{args.output.name}")
        judges += sorted(path for path in beside if path != args.output)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from selfjudge.engines.checkpoints import (
        model_fingerprint,
        read_version,
        resolve_model,
    )

    def fingerprint() -> str:
        return model_fingerprint(resolve_model(args.model, args.revision))

    judge = find_twin(
        judges,
        args.output,
        args.accepted,
        fingerprint,
        args.settings,
        args.seed,
        args.code,
    )
    if judge is None:
        return False
    if os.environ.get("RANK", "0") == "0":
        link_judge(judge, args.output)
        carry_asking(args)
        # Checkpoints of a training that was interrupted before.
        shutil.rmtree(args.work, ignore_errors=True)
        write_json(args.version, msgspec.to_builtins(read_version(args.output)))
    return True


def run_training_job(
    args: argparse.Namespace, stage: str, train: Callable[["Base", Usage], object]
) -> None:
    """Train from the base that the arguments name; write ledger and version.

    With `asked_arguments` the model's folder says how it was asked, too.

    ``train`` imports what it needs: --help and a bad argument need no torch.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # The collector finds nothing in these imports and takes a fifth of their time.
    gc.disable()
    from selfjudge.engines.checkpoints import (
        model_fingerprint,
        read_version,
        resolve_model,
    )
    from selfjudge.engines.devices import find_device, show_one, wanted_device
    from selfjudge.training.trainer import Base

    gc.freeze()
    gc.enable()
    show_one(args.device)
    started, clock = datetime.now(UTC), time.monotonic()
    usage, finished = Usage(), False
    is_first = os.environ.get("RANK", "0") == "0"  # torchrun runs one of us a GPU
    if is_first:  # the others would take room on the first one's GPU
        find_device(wanted_device(args.device, args.gpus))
    path = resolve_model(args.model, args.revision)
    base = Base(
        name=args.model,
        revision=args.revision,
        path=path,
        # Others write nothing, and need not read 22 GB for it.
        fingerprint=model_fingerprint(path) if is_first else "",
    )
    try:
        train(base, usage)
        finished = True
    finally:
        usage.seconds = time.monotonic() - clock
        if args.ledger and is_first:
            line = ledger_from(
                usage,
                stage=stage,
                engine="trl",
                model=base.fingerprint,
                started=started.isoformat(timespec="seconds"),
                finished=finished,
            )
            append_ledger(args.ledger, line)
    if is_first:
        carry_asking(args)
        write_json(args.version, msgspec.to_builtins(read_version(args.output)))
