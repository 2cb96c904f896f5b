"""How many prompts a project has: in its pool, before there is one in its sources."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from selfjudge.ground.lines import read_lines, read_records
from selfjudge.ground.records import Prompt
from selfjudge.pairs.pool import rank_in_pool, side_of
from selfjudge.run.config import source_file


def count_dealt(config: Mapping[str, Any]) -> int:
    """How many iterations have prompts of their own: one where all use the same."""
    return 1 if config["pool"]["mode"] == "reuse" else int(config["iterations"])


def count_unused(num_prompts: int, config: Mapping[str, Any]) -> int:
    """How many of the prompts to train on no iteration uses.

    0 where they are fewer than iterations: equal shares leave so many.
    """
    num_dealt = count_dealt(config)
    left = num_prompts - num_dealt * int(config["pool"]["prompts_per_iteration"])
    return left if left >= num_dealt else 0


class PoolSize(NamedTuple):
    """The pool: whether each prompt to train on is closed, in its order, and how many
    are held out."""

    closed_by_rank: list[bool]
    num_held_out: int


def measure_pool(path: Path, config: Mapping[str, Any]) -> PoolSize:
    """What a pool of prompts comes to."""
    held_out_share, run_seed = config["certificate"]["share"], config["seed"]
    num_held_out = 0
    ranked = []
    for prompt in read_records(path, Prompt):
        side = side_of(prompt, held_out_share, run_seed)
        num_held_out += side == "held_out"
        if side == "training":
            ranked.append((rank_in_pool(prompt, run_seed), prompt.kind == "closed"))
    return PoolSize([is_closed for _, is_closed in sorted(ranked)], num_held_out)


def count_held_out(
    project: Path, config: Mapping[str, Any], pool: PoolSize | None
) -> float:
    """The most held-out prompts that judges are certified on.

    As many as the config allows where neither pool nor sources are known.
    """
    section = config["certificate"]
    most: int = section["num_prompts"]
    if pool is not None:
        return min(most, pool.num_held_out)
    rows = count_rows(project, config["prompts"]["sources"])
    return most if rows is None else min(most, section["share"] * rows)


def count_rows(project: Path, sources: Iterable[Mapping[str, Any]]) -> int | None:
    """The most prompts that sources can have; None where one's are not known yet.

    Of what is not fetched, converted or asked yet the Hub's alone is known.
    """
    numbers = [count_source(project, source) for source in sources]
    return None if None in numbers else sum(filter(None, numbers))


def count_source(project: Path, source: Mapping[str, Any]) -> int | None:
    """The rows of a source; None where they are not known yet.

    Nor are they of a file that is no JSON Lines, an array for instance: what is wrong
    with it the import says.
    """
    path = project / source_file(source)
    if not path.is_file():
        return int(source["num_prompts"]) if source["kind"] == "hub" else None
    number = 0
    for _, line in read_lines(path):
        if not number and not line.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
            return None
        number += 1
    return number
