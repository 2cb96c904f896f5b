"""What the scripts share: arguments in a form that a person can type, and errors.

A script is a plain program: people's mistakes end in one line, not a traceback.
"""

import argparse
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from selfjudge.ground.seeds import Shard

T = TypeVar("T")
HELD_OUT = "share of the pool, by image, that no iteration uses"
MIN_ROWS = "least rows to train on; fewer are an error"
GPUS = "GPUs that the job was given: with one it computes on no CPU"


def parse_shard(text: str) -> Shard:
    """A shard from a text such as "3of8"."""
    index, _, count = text.partition("of")
    if index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count):
        return Shard(int(index), int(count))
    raise argparse.ArgumentTypeError(f"must be like 3of8 (got {text!r})")


def json_of(kind: type[T]) -> Callable[[str], T]:
    """A parser of settings: JSON text, or @ and the path of a JSON file."""

    def parse(text: str) -> T:
        try:
            if text.startswith("@"):
                text = Path(text[1:]).read_text(encoding="utf-8")
            return msgspec.json.decode(text, type=kind, strict=False)
        except (OSError, msgspec.DecodeError) as error:
            raise argparse.ArgumentTypeError(
                f"must be JSON settings ({error})"
            ) from None

    return parse


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help is a script's docstring."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def check_apart(output: Path, *inputs: Path) -> None:
    """Raise ValueError where an output is an input, by whatever name of it."""
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise ValueError(
                f"the output must be another file than what is read, '{path}' (got "
                f"'{output}'). Hint: nothing was written; choose another name"
            )


def run(main: Callable[[], None]) -> None:
    """Run a script; a person's mistake ends it with one line and status 1.

    A mistake is a ValueError or OSError that our own code raises; one from a library
    may be our mistake, and keeps its traceback.
    """
    # A cancelled job still runs what stands under `finally`: ledgers are written.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        main()
    except (ValueError, OSError) as error:
        raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
        ours = Path(__file__).parents[2] in Path(raised_in).parents
        if not ours and isinstance(error, ValueError):
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def model_arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the arguments that every generating stage has."""
    # Here, not above: decisions share this file, and must not need an engine.
    from selfjudge.engines.base import EngineSettings

    parser = arguments(description)
    add = parser.add_argument
    add("--model", required=True, help="folder of a checkpoint, or a Hub id")
    add("--revision", help="commit, tag or branch of a Hub id")
    engine = json_of(EngineSettings)
    add("--engine", type=engine, required=True, help="JSON of config's section engine")
    add("--journal", type=Path, required=True, help="folder of answers given before")
    add("--ledger", type=Path, help="file to append to what this run cost")
    add("--shard", type=parse_shard, default=Shard(1, 1), help="part to do: 3of8")
    add("--gpus", type=int, default=0, help=GPUS)
    return parser


def engine_of(args: argparse.Namespace) -> dict[str, Any]:
    """Which model is asked, how, and where its answers and its cost are kept."""
    return model_of(args) | {"ledger": args.ledger}


def model_of(args: argparse.Namespace) -> dict[str, Any]:
    """Which model is asked, how, and where its answers are kept."""
    from selfjudge.engines.devices import wanted_device

    device = wanted_device(args.engine.device, args.gpus)
    engine = msgspec.structs.replace(args.engine, device=device)
    names = ("model", "revision", "journal")
    return {"engine": engine, **{name: getattr(args, name) for name in names}}
