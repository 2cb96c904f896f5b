"""Protocols as data: how a benchmark's judgments are asked for, read and averaged.

`selfjudge` is ours and the default.  `greedy` and `blind` are the same but for
how they ask: at temperature 0, and with a flat grey picture in place of every
image.  `official` is what a benchmark's authors do.  These three ask otherwise,
so that the judgments of each are a collection of their own.  The others score
judgments of the `paired` collection as another harness would.
Sources of each row: the harnesses' scripts at the commits named in
docs/benchmarks.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from selfjudge.benchmarks.collections import Collection
from selfjudge.benchmarks.parsers import ParserName
from selfjudge.benchmarks.releases import VLRB_GROUPS
from selfjudge.ground.records import BenchmarkFormat, BenchmarkRow, Order, Pair

ProtocolName = Literal[
    "selfjudge",
    "greedy",
    "blind",
    "official",
    "official_strict",
    "lmms_eval",
    "vlmevalkit",
    "r1_reward",
]
OrderChoice = Literal["both", "random", "release", "length_parity", "chosen_first"]
Unparsed = Literal["wrong", "undecided", "coin", "first"]
Average = Literal["overall", "macro"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How the judgments of one collection become the scores of a benchmark.

    ``order``: which judgments of a pair count.  `both`: all, in both orders, and
    a pair scores the share that prefers chosen.  `random`: all votes, of which
    a strict majority decides.  The others take the first sample of one order:
    that of the release, the one that the parity of the responses' length names,
    or chosen first.

    ``unparsed``: `undecided` leaves votes without a verdict in the count of
    votes, and a pair without a majority out of the denominator; `coin` draws
    A or B from one stream of ``random.Random(123)`` over the rows of the release;
    `first` counts as A.

    ``groups``: groups by subset where the harness has its own, else None; a
    subset that is not named is general.  ``splits``: whether parts of groups get
    a row too.  ``cannot``: what a score under this protocol does not imitate.
    """

    name: ProtocolName
    collection: Collection
    order: OrderChoice
    parser: ParserName
    unparsed: Unparsed
    averages: tuple[Average, ...]
    groups: Mapping[str, str] | None = None
    splits: bool = False
    cannot: tuple[str, ...] = ()


OUR_PROMPT = "Judgments are answers to our own prompt, in both orders, not to theirs."
OUR_WORDS = "The prompt has the official structure in our words."
IMAGE_FIRST = "The image stands before the text; officially it stands after it."
CUT_OFF = "A judgment that our limit cut off is unparsed; they read what there is."

SELFJUDGE = Protocol(
    name="selfjudge",
    collection="paired",
    order="both",
    parser="stated",
    unparsed="wrong",
    averages=("overall", "macro"),
)

GREEDY = replace(SELFJUDGE, name="greedy", collection="greedy")
BLIND = replace(SELFJUDGE, name="blind", collection="blind")

VLRB_PROTOCOLS = (
    SELFJUDGE,
    GREEDY,
    BLIND,
    Protocol(
        name="official",
        collection="official",
        order="random",
        parser="answer_is_better",
        unparsed="undecided",
        averages=("overall", "macro"),
        cannot=(
            OUR_WORDS,
            IMAGE_FIRST,
            CUT_OFF,
            "The order of a vote is drawn by our seed; officially it is not seeded.",
            "All votes count; officially the first K of a shuffled file of 10.",
        ),
    ),
    Protocol(
        name="official_strict",
        collection="official",
        order="random",
        parser="overall_judgment",
        unparsed="undecided",
        averages=("overall", "macro"),
        cannot=(
            OUR_WORDS,
            IMAGE_FIRST,
            CUT_OFF,
            "The parser is ours: an answer other than 1 and 2 is unparsed, and "
            "'significantly better' is read.",
        ),
    ),
    Protocol(
        name="lmms_eval",
        collection="paired",
        order="length_parity",
        parser="stated",
        unparsed="coin",
        averages=("macro",),
        cannot=(
            OUR_PROMPT,
            CUT_OFF,
            "They sample at temperature 1.",
            "They have an LLM read what their parser cannot, and then flip a coin "
            "that is not seeded; here every unparsed judgment flips a seeded coin.",
        ),
    ),
    Protocol(
        name="vlmevalkit",
        collection="paired",
        order="length_parity",
        parser="stated",
        unparsed="wrong",
        averages=("overall", "macro"),
        cannot=(OUR_PROMPT, CUT_OFF, "They have an LLM read every judgment."),
    ),
    Protocol(
        name="r1_reward",
        collection="paired",
        order="chosen_first",
        parser="stated",
        unparsed="wrong",
        averages=("overall", "macro"),
        # get_acc.py looks for lower-case "rlhf" and "rlaif", which never occur.
        groups={
            prefix: group
            for prefix, group in VLRB_GROUPS.items()
            if prefix not in ("RLHF", "RLAIF")
        },
        cannot=(
            OUR_PROMPT,
            CUT_OFF,
            "They read <answer> tags, or else the last 1 or 2 of the text.",
        ),
    ),
)

MMRB_PROTOCOLS = (
    SELFJUDGE,
    GREEDY,
    BLIND,
    Protocol(
        name="official",
        collection="official",
        order="release",
        parser="first_brackets",
        unparsed="coin",
        averages=("overall",),
        splits=True,
        cannot=(
            OUR_WORDS,
            IMAGE_FIRST,
            CUT_OFF,
            "They leave the temperature to the API; here it is 1.",
            "A row that was dropped in preparation draws no coin.",
        ),
    ),
    Protocol(
        name="lmms_eval",
        collection="paired",
        order="release",
        parser="stated",
        unparsed="first",
        averages=("overall",),
        splits=True,
        cannot=(
            OUR_PROMPT,
            CUT_OFF,
            "They decode greedily, and take a [[A]] anywhere before a [[B]].",
        ),
    ),
    Protocol(
        name="r1_reward",
        collection="paired",
        order="chosen_first",
        parser="stated",
        unparsed="wrong",
        averages=("overall",),
        splits=True,
        cannot=(
            OUR_PROMPT,
            CUT_OFF,
            "They read <answer> tags, or else the last 1 or 2 of the text.",
        ),
    ),
)

PROTOCOLS: dict[BenchmarkFormat, dict[str, Protocol]] = {
    "vl_rewardbench": {protocol.name: protocol for protocol in VLRB_PROTOCOLS},
    "multimodal_rewardbench": {protocol.name: protocol for protocol in MMRB_PROTOCOLS},
}


def find_protocol(release: BenchmarkFormat, name: str) -> Protocol:
    """The protocol of this name; ValueError if the format of release has none."""
    known = PROTOCOLS[release]
    if name not in known:
        raise ValueError(
            f"protocol of {release} must be one of {', '.join(known)} (got {name!r})"
        )
    return known[name]


def collections_of(spec: Mapping[str, Any]) -> list[Collection]:
    """The collections that a benchmark's config section needs: `paired`, and those
    of its protocols."""
    known = PROTOCOLS[spec["format"]]
    named = {known[name].collection for name in spec["protocols"]}
    return sorted({"paired", *named})


def parity_order(pair: Pair, row: BenchmarkRow) -> Order:
    """The release's order, turned round where the length of both responses is odd.

    Length is in Unicode code points, as in lmms-eval and VLMEvalKit.
    """
    swapped = (len(pair.chosen) + len(pair.rejected)) % 2 == 1
    return "chosen_first" if row.chosen_first != swapped else "rejected_first"
