"""What scripts that ask a judge share: their arguments, and the judge they name."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from selfjudge.run.commands import GPUS, arguments

if TYPE_CHECKING:
    from selfjudge.engines.base import EngineSettings
    from selfjudge.use.judges import Judge


def judge_arguments(
    description: str | None, engines: str = "transformers, vllm, openai"
) -> argparse.ArgumentParser:
    """A parser with the arguments that name a judge and its engine, of some."""
    parser = arguments(description)
    add = parser.add_argument
    add("--judge", required=True, help="folder of a judge; with --asking any model")
    add("--asking", help="folder of the judge that it is asked like; default: its own")
    add(
        "--engine",
        type=engine_from,
        default="transformers",
        help=f"{engines}, or JSON of config's section engine",
    )
    add("--server", help="address of a running server, up to /v1: engine openai")
    add("--seed", type=int, default=0, help="of the draws")
    add("--gpus", type=int, default=0, help=GPUS)
    add(
        "--no-probabilities",
        action="store_true",
        help="for servers that tell none: what both orders state decides alone",
    )
    return parser


def engine_from(text: str) -> "EngineSettings":
    """The settings of an engine, from its name alone or from JSON."""
    from selfjudge.engines.base import EngineSettings
    from selfjudge.run.commands import json_of

    if text.isidentifier():
        text = msgspec.json.encode({"name": text}).decode()
    return json_of(EngineSettings)(text)


def judge_of(
    args: argparse.Namespace, *, journal: Path | None, patience: float | None = None
) -> "Judge":
    """The judge that the arguments name.

    ``patience``: seconds for which a server that is away is tried again; None: as the
    engine's settings say.
    """
    from selfjudge.engines.devices import wanted_device
    from selfjudge.use.judges import open_judge

    engine = args.engine
    if args.server:
        openai = {**engine.openai, "base_url": args.server}
        engine = msgspec.structs.replace(engine, name="openai", openai=openai)
    if patience is not None:
        openai = {"patience_seconds": patience, **engine.openai}
        engine = msgspec.structs.replace(engine, openai=openai)
    device = wanted_device(engine.device, args.gpus)
    return open_judge(
        args.judge,
        msgspec.structs.replace(engine, device=device),
        asking=args.asking,
        journal=journal,
        seed=args.seed,
        probabilities=not args.no_probabilities,
    )
