"""The benchmarks that are known here, by format: a file each, and a line in each list.

The lists are several, so that a better way to score makes no release stale, and another
way to ask no scores.
"""

from collections.abc import Mapping
from typing import Any

from selfjudge.benchmarks import (
    mmrb2,
    multi_crit,
    multimodal_rewardbench,
    pairs,
    vl_rewardbench,
)
from selfjudge.benchmarks.collections import Collection
from selfjudge.benchmarks.formats import Format
from selfjudge.benchmarks.protocols import Protocol, Scoring
from selfjudge.judging.asks import Asking

FORMATS: dict[str, Format] = {
    "vl_rewardbench": vl_rewardbench.FORMAT,
    "multimodal_rewardbench": multimodal_rewardbench.FORMAT,
    "multi_crit": multi_crit.FORMAT,
    "mmrb2": mmrb2.FORMAT,
    "pairs": pairs.FORMAT,
}
SCORINGS: dict[str, Scoring] = {
    "vl_rewardbench": vl_rewardbench.SCORING,
    "multimodal_rewardbench": multimodal_rewardbench.SCORING,
    "multi_crit": multi_crit.SCORING,
    "mmrb2": mmrb2.SCORING,
    "pairs": pairs.SCORING,
}
# How the authors ask, where they fixed it.
OFFICIAL: dict[str, Asking] = {
    "vl_rewardbench": vl_rewardbench.OFFICIAL,
    "multimodal_rewardbench": multimodal_rewardbench.OFFICIAL,
    "multi_crit": multi_crit.OFFICIAL,
    "mmrb2": mmrb2.OFFICIAL,
}


def find_protocol(release: str, name: str) -> Protocol:
    """The protocol of this name; ValueError if the format of release has none."""
    known = {protocol.name: protocol for protocol in SCORINGS[release].protocols}
    if name not in known:
        raise ValueError(
            f"protocol of {release} must be one of {', '.join(known)} (got {name!r})"
        )
    return known[name]


def collections_of(spec: Mapping[str, Any]) -> list[Collection]:
    """The collections that a benchmark's config section needs: `paired`, and those
    of its protocols."""
    named = {
        find_protocol(spec["format"], name).collection for name in spec["protocols"]
    }
    return sorted({"paired", *named})
