"""How many prompts a project needs, and whether its sources have them."""

from collections.abc import Collection, Iterator
from math import ceil
from typing import cast

from selfjudge.pairs.filters import FILTERS, FilterName
from selfjudge.run.pool_size import count_dealt, count_rows
from selfjudge.run.workload import Number, Stage, Workload


def tell_needs(
    workload: Workload, stages: Collection[Stage], imports: bool
) -> Iterator[str]:
    """What an iteration's prompts come to by the plan's rates, and what is too little.

    ``stages`` are those that have something to do, ``imports`` is whether the import
    has: of rows to train on nothing is said where nothing is trained, and of sources
    where nothing is imported.  A line that warns begins with "WARNING".
    """
    config = workload.config
    each = int(config["pool"]["prompts_per_iteration"])
    iterations = count_dealt(config)
    fewest = 1
    if {"train", "reinforce"} & set(stages):
        name, least = config["filters"][0], config["train"]["min_rows"]
        rows = count_training_rows(workload, name)
        # Of no row no rate follows.
        fewest = ceil(least * each / rows.value) if rows.value else each + 1
        yield (
            f"an iteration's {each} prompts give about {rows.value:.0f} rows to train "
            f"{name} ({rows.certainty}); 'train.min_rows', {least}, needs {fewest}"
        )
        is_guessed = workload.count_pairs(1, name).certainty == "guessed"
        if is_guessed and config["pairs"]["check_margin"] is not None:
            yield (
                "  'pairs.check_margin' leaves fewer open pairs than that, and needs "
                "more prompts: the probe tells how many."
            )
        if fewest > each:
            yield (
                f"WARNING training will be refused: 'pool.prompts_per_iteration' must "
                f"be at least {fewest} (got {each})"
            )
    num_rows = count_sources(workload) if imports else None
    if num_rows is None:
        return
    # Drawn image by image: so many on average.
    share = float(config["certificate"]["share"])
    usable = int(num_rows * (1 - share))
    if usable >= iterations * each:
        return
    surely = "will" if num_rows < iterations * each else "may"
    held_out = f", about {usable} without 'certificate.share'" if share else ""
    yield (
        f"WARNING the import {surely} be refused: the sources must have {iterations} x "
        f"{each} prompts (got {num_rows} rows{held_out})"
    )
    if usable // iterations >= fewest:
        hint = f"set 'pool.prompts_per_iteration: {usable // iterations}'"
    else:
        hint = f"{iterations} x {fewest} are the fewest, and fewer iterations need less"
    yield f"  Hint: add prompts; {hint}."


def count_training_rows(workload: Workload, name: str) -> Number:
    """The rows that iteration 1 has to train on with a filter."""
    if FILTERS[cast(FilterName, name)].learns_by == "imitation":
        return workload.count_accepted(1, name)
    reinforce = workload.config["reinforce"]
    rollouts = workload.count_rollouts(1, name)
    each = reinforce["num_rollouts"] * reinforce["num_epochs"]
    return rollouts._replace(value=rollouts.value / each)


def count_sources(workload: Workload) -> int | None:
    """The rows of all sources, of which the import may drop some.

    None where that is not known yet, and where the import has counted them.
    """
    if workload.count_unused() is not None:
        return None
    return count_rows(workload.project, workload.config["prompts"]["sources"])
