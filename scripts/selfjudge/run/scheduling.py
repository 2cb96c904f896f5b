"""How long a run takes by the clock: what waits for what, and for a free place."""

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from selfjudge.pairs.filters import FILTERS, find_uncut, first_asked
from selfjudge.run.certificate_load import certificate_waits_for, is_of_certificate
from selfjudge.run.panel_load import panel_waits_for
from selfjudge.run.planning import PartCost, gpus_of
from selfjudge.run.workload import RIDES, Part


def waits_for(later: Part, earlier: Part, config: Mapping[str, Any]) -> bool:
    """Whether jobs of one part need what those of another write."""
    if is_of_certificate(later):
        return certificate_waits_for(later, earlier)
    same_filter = later.filter == earlier.filter
    same_iteration = later.iteration == earlier.iteration
    match later.stage, earlier.stage:
        case "answers", "questions":
            return same_filter
        case "responses", ("questions" | "answers"):
            return True
        case ("checks", "responses") | ("judgments", ("responses" | "checks")):
            return same_iteration
        case (("judgments" | "train" | "reinforce"), ("train" | "reinforce")) if (
            later.iteration != earlier.iteration
        ):
            return same_filter and later.iteration == earlier.iteration + 1
        case "judgments", "judgments":
            shares = same_iteration and later.iteration == 1 and not same_filter
            return shares and earlier.filter == first_asked(config["filters"])
        case (("train" | "reinforce"), "judgments"):
            is_cut_to = earlier.filter in cut_to(later.filter)
            return same_iteration and (same_filter or is_cut_to)
        case "reinforce", "train":
            starts = config["reinforce"]["start_from"] == "imitated"
            return same_iteration and starts and earlier.filter == "majority"
        case "train", "train":
            return same_iteration and earlier.filter == uncut(later.filter, config)
        case "benchmark_judgments", ("train" | "reinforce"):
            return same_filter and same_iteration
    return panel_waits_for(later, earlier, config["panel"]["ballots"])


def cut_to(name: str | None) -> tuple[str, ...]:
    """The filters to whose accepted judgments a filter's are cut."""
    specs = {str(known): spec for known, spec in FILTERS.items()}
    return specs[name].accepted_as_many_as if name in specs else ()


def uncut(name: str | None, config: Mapping[str, Any]) -> str | None:
    """The configured filter whose judge a cut one may have; None without one."""
    found = next((find_uncut(one) for one in FILTERS if one == name), None)
    return found if found in config["filters"] else None


def with_riders(rows: Sequence[PartCost]) -> list[PartCost]:
    """The rows whose jobs there are, each as long as with what rides in them."""
    longer = {
        row.part._replace(stage=RIDES[row.part.stage]): row.seconds_per_job
        for row in rows
        if row.part.stage in RIDES
    }
    return [
        row._replace(seconds_per_job=row.seconds_per_job + longer.get(row.part, 0.0))
        for row in rows
        if row.part.stage not in RIDES
    ]


def schedule(rows: Sequence[PartCost], slots: int, config: Mapping[str, Any]) -> float:
    """Hours by the clock with so many slots, of which a job takes one for each GPU.

    Parts start as soon as what they wait for is done, those that can start first
    going first.
    """
    rows = with_riders(rows)
    free = [0.0] * slots
    done: dict[Part, float] = {}
    waiting = list(rows)
    while waiting:
        ready = {
            row.part: max(
                (
                    done.get(other.part, float("inf"))
                    for other in rows
                    if waits_for(row.part, other.part, config)
                ),
                default=0.0,
            )
            for row in waiting
        }
        row = min(waiting, key=lambda row: ready[row.part])
        waiting.remove(row)
        width = min(slots, gpus_of(row.part, config))
        end = 0.0
        for _ in range(row.num_jobs):
            taken = [heapq.heappop(free) for _ in range(width)]
            finish = max(ready[row.part], *taken) + row.seconds_per_job
            end = max(end, finish)
            for _ in taken:
                heapq.heappush(free, finish)
        done[row.part] = end
    return max(done.values(), default=0.0) / 3600
