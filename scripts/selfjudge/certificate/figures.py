"""One figure of a certificate: a share or a difference, over how many pairs."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from selfjudge.benchmarks.statistics import (
    OF_CHANGES,
    OF_SCORES,
    Interval,
    Sample,
    mean_interval,
)
from selfjudge.certificate.groups import Groups
from selfjudge.ground.records import Record
from selfjudge.ground.shares import round_share

Section = Literal["sees", "consistent", "looks", "led", "fair", "knows"]
# What a figure is of, by which rules know it: its name is for people.
What = Literal[
    "all",
    "unparsed",
    "kind",
    "size",
    "orders",
    "circle",
    "again",
    "harmless",
    "seen",
    "grey",
    "other",
    "gap",
    "place",
    "length",
    "plant",
    "style",
    "words",
    "part",
    "error",
    "answered",
]
# What each section asks, for people.
SECTIONS: dict[Section, str] = {
    "sees": "finds injected errors",
    "consistent": "says the same where nothing that matters differs",
    "looks": "needs the picture",
    "led": "is led by what does not matter",
    "fair": "what tells the pairs apart without the picture",
    "knows": "knows when it knows",
}


class Figure(Record, frozen=True, kw_only=True):
    """A share of 0 to 1, or a difference of two, with its 95 % interval.

    ``what`` it is of may be the same of several of a section, as of kinds of error.
    ``num_pairs`` is what it is over; the value is None where there are none.  The last
    three are the same of the base model; None in its own certificate, and where the
    figure is of the pairs and of no judge.
    """

    section: Section
    what: What
    name: str
    num_pairs: int
    value: float | None
    low: float | None
    high: float | None
    base_value: float | None = None
    base_low: float | None = None
    base_high: float | None = None


def share_figure(
    section: Section,
    what: What,
    name: str,
    scores: Mapping[str, float],
    groups: Groups,
) -> Figure:
    """The mean of scores of 0 to 1, by pair id."""
    return mean_figure(section, what, name, scores, groups, 0, OF_SCORES)


def difference_figure(
    section: Section,
    what: What,
    name: str,
    differences: Mapping[str, float],
    groups: Groups,
    seed: int,
) -> Figure:
    """The mean of differences of -1 to 1 within pairs, by pair id."""
    return mean_figure(section, what, name, differences, groups, seed, OF_CHANGES)


def mean_figure(
    section: Section,
    what: What,
    name: str,
    scores: Mapping[str, float],
    groups: Groups,
    seed: int,
    ends: tuple[float, float],
) -> Figure:
    """The mean over pairs; its interval draws groups of pairs that share a picture."""
    number = len(scores)
    if not number:
        return figure_of(section, what, name, 0, None, None)
    sample = Sample(list(scores.values()), [groups[key] for key in scores])
    interval = mean_interval([sample], seed, ends)
    value = sum(scores.values()) / number
    return figure_of(section, what, name, number, value, interval)


def figure_of(
    section: Section,
    what: What,
    name: str,
    number: int,
    value: float | None,
    interval: Interval | None,
) -> Figure:
    """A figure with six digits."""
    low, high = interval or (None, None)
    return Figure(
        section=section,
        what=what,
        name=name,
        num_pairs=number,
        value=round_share(value),
        low=round_share(low),
        high=round_share(high),
    )


def beside_base(figures: Sequence[Figure], base: Sequence[Figure]) -> list[Figure]:
    """The figures of a judge with those of the base model of the same name beside."""
    known = {(one.section, one.name): one for one in base}
    return [
        msgspec.structs.replace(
            one,
            base_value=known[one.section, one.name].value,
            base_low=known[one.section, one.name].low,
            base_high=known[one.section, one.name].high,
        )
        if (one.section, one.name) in known and one.section != "fair"
        else one
        for one in figures
    ]
