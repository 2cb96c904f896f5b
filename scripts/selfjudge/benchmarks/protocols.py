"""Protocols as data: how a benchmark's judgments are asked for, read and averaged.

`selfjudge` is ours and the default.  `greedy`, `blind` and `reworded` are the same but
for how they ask: at temperature 0, with a flat grey picture in place of every image,
and by another prompt than the one of training.  `official` is what a benchmark's
authors do, and stands in its own file.  These ask each in its own way, so that the
judgments of each are a collection of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from selfjudge.benchmarks.collections import Collection
from selfjudge.ground.records import Order
from selfjudge.judging.verdicts import read_reworded, read_stated

OrderChoice = Literal["both", "random", "release"]
Unparsed = Literal["wrong", "undecided", "coin", "left_out"]
Average = Literal["overall", "macro"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How the judgments of one collection become the scores of a benchmark.

    ``order``: which judgments of a pair count.  `both`: all, in both orders, and
    a pair scores the share that prefers chosen.  `random`: all votes, of which
    a strict majority decides.  `release`: the one in the order of the release.

    ``read``: whether a judgment's text prefers the chosen response; None where it
    has no verdict.

    ``unparsed``: `undecided` leaves votes without a verdict in the count of
    votes, and a pair without a majority out of the denominator; `coin` draws
    A or B from one stream of ``random.Random(123)`` over the rows of the release;
    `left_out` takes a share over judgments instead of pairs, without these.

    ``macro_digits``: digits to which the authors round the shares of groups before
    they take their mean; None for none.  ``splits``: whether parts of groups get
    a row too.  ``cannot``: what a score under this protocol does not imitate.
    """

    name: str
    collection: Collection
    order: OrderChoice
    read: Callable[[str, Order], bool | None]
    unparsed: Unparsed
    averages: tuple[Average, ...]
    macro_digits: int | None = None
    splits: bool = False
    cannot: tuple[str, ...] = ()

    @property
    def counts_judgments(self) -> bool:
        """Whether a share is taken over judgments, so that a pair may weigh less."""
        return self.unparsed == "left_out"


# What several protocols do not imitate.
OUR_WORDS = "The prompt has the official structure in our words."
IMAGE_FIRST = "The image stands before the text; officially it stands after it."
CUT_OFF = "A judgment that our limit cut off is unparsed; they read what there is."
SCALED_DOWN = (
    "An image of more than 'images.max_pixels_shown' pixels was scaled down before any "
    "model saw it."
)

SELFJUDGE = Protocol(
    name="selfjudge",
    collection="paired",
    order="both",
    read=read_stated,
    unparsed="wrong",
    averages=("overall", "macro"),
)
GREEDY = replace(SELFJUDGE, name="greedy", collection="greedy")
BLIND = replace(SELFJUDGE, name="blind", collection="blind")
REWORDED = replace(
    SELFJUDGE, name="reworded", collection="reworded", read=read_reworded
)
# Every benchmark can be asked about in these ways.
OURS = (SELFJUDGE, GREEDY, BLIND, REWORDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How a benchmark is scored; a benchmark's own file says it.

    ``compares``: whether published scores may stand beside one's own; not where only
    a part of the published rows can be scored.
    """

    protocols: tuple[Protocol, ...] = OURS
    compares: bool = True
