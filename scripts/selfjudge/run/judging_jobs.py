"""What scripts that have a judge answer shards of pairs share."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Ask, Pair
from selfjudge.ground.requests import Request
from selfjudge.judging.asks import judgment_requests, load_judge_template
from selfjudge.run.commands import model_arguments


def judging_arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the arguments that name a judge, and what it is asked."""
    parser = model_arguments(description)
    parser.add_argument("--templates", type=Path, nargs="+", required=True)
    parser.add_argument(
        "--part",
        type=Path,
        nargs=4,
        action="append",
        required=True,
        metavar=("ASKS", "PAIRS", "IMAGES", "OUTPUT"),
        help="what is asked of which pairs, and where their images lie; repeatable",
    )
    return parser


def judging_parts(args: argparse.Namespace) -> Iterator[list[Request]]:
    """The requests of each part, of this shard's pairs alone, in the asks' order."""
    templates = {path.name: load_judge_template(path) for path in args.templates}
    for asks, pairs, images, _ in args.part:
        own = args.shard.select(read_records(pairs, Pair), lambda p: p.prompt_id)
        known = {pair.id: pair for pair in own}
        yield list(judgment_requests(known, read_records(asks, Ask), templates, images))
