"""What the scripts that ask a model share.

Kept apart from `commands`: only these know an engine's settings.
"""

import argparse
from pathlib import Path
from typing import Any

from selfjudge.commands import Shard, arguments, json_of, parse_shard
from selfjudge.engines.base import EngineSettings


def model_arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the arguments that every generating stage has."""
    parser = arguments(description)
    add = parser.add_argument
    add("--model", required=True, help="folder of a checkpoint, or a Hub id")
    add("--revision", help="commit, tag or branch of a Hub id")
    engine = json_of(EngineSettings)
    add("--engine", type=engine, required=True, help="JSON of config's section engine")
    add("--journal", type=Path, required=True, help="folder of answers given before")
    add("--ledger", type=Path, help="file to append to what this run cost")
    add("--image-root", type=Path, required=True, help="folder the images lie below")
    add("--seed", type=int, required=True, help="seed of the run")
    add("--shard", type=parse_shard, default=Shard(1, 1), help="part to do: 3of8")
    return parser


def engine_of(args: argparse.Namespace) -> dict[str, Any]:
    """Which model is asked, how, and where its answers and its cost are kept."""
    names = ("model", "revision", "engine", "journal", "ledger")
    return {name: getattr(args, name) for name in names}
