"""The variants of held-out pairs, as data: what is shown of each, and what is said.

A variant of a pair keeps its id: it is the same pair, asked about in the same orders
with the same seeds, and one thing differs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import msgspec
import yaml

from selfjudge.certificate.pictures import Show, Shown
from selfjudge.certificate.severity import Chain
from selfjudge.ground.records import ORDERS, Pair
from selfjudge.ground.seeds import rank_limit, seed_for
from selfjudge.ground.templates import fill
from selfjudge.pairs.alterations import SIGNS

VariantName = Literal[
    "original",
    "again",
    "two_changes",
    "three_changes",
    "one_and_two",
    "grey",
    "other_image",
    "re_encoded",
    "mirrored",
    "padded",
    "longer_chosen",
    "longer_rejected",
    "planted",
    "styled",
]
# A text of the pair by its number of changes; 0 is the chosen one.
Text = Literal[0, 1, 2, 3]
# A wording of the project's file `certificate.yaml`, or None: as it is.
Wording = Literal["padding", "plant", "style"]
WORDINGS: tuple[Wording, ...] = get_args(Wording)


class Variant(NamedTuple):
    """What differs from the pair itself.

    ``chosen`` and ``rejected`` are which texts stand there, and ``words`` how each is
    worded.  ``is_whole``: of all pairs, not of a share of them.  ``seed`` is added to
    that of the run.
    """

    shown: Shown = "own"
    chosen: Text = 0
    rejected: Text = 1
    words: tuple[Wording | None, Wording | None] = (None, None)
    is_whole: bool = False
    seed: int = 0


VARIANTS: dict[VariantName, Variant] = {
    "original": Variant(is_whole=True),
    # What differs here, differs by the dice.
    "again": Variant(seed=1),
    # Few rewrites are rewritten well: all that are.
    "two_changes": Variant(rejected=2, is_whole=True),
    "three_changes": Variant(rejected=3, is_whole=True),
    "one_and_two": Variant(chosen=1, rejected=2, is_whole=True),
    # Whether a judge looks is asked of all pairs: a small gap needs many.
    "grey": Variant(shown="grey", is_whole=True),
    "other_image": Variant(shown="others"),
    "re_encoded": Variant(shown="re_encoded"),
    "mirrored": Variant(shown="mirrored"),
    "padded": Variant(words=("padding", "padding")),
    "longer_chosen": Variant(words=("padding", None)),
    "longer_rejected": Variant(words=(None, "padding")),
    "planted": Variant(words=(None, "plant")),
    # Both are the chosen response: no answer is right.
    "styled": Variant(rejected=0, words=(None, "style")),
}


def count_asks(num_pairs: float, num_varied: float) -> float:
    """What a judge is asked about so many held-out pairs, in both orders.

    Of ``num_varied`` of them there are variants that are not of all pairs; each pair
    itself is weighed too, by probabilities.
    """
    texts = sum(num_pairs if v.is_whole else num_varied for v in VARIANTS.values())
    return len(ORDERS) * (texts + num_pairs)


# What a mirrored picture makes false, or turns around.
SIDED = re.compile(
    r"\b(?:where|side|way|left|right|clockwise|east|west|read|reads|text|word|words"
    r"|letters?|sign|signs|number|numbers|time|clock|written|says)\b",
    re.IGNORECASE,
)


def load_wordings(path: Path) -> dict[Wording, str]:
    """The wordings of a project, each with a place for the response.

    Raises ValueError where one is missing or has no such place.
    """
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or set(found) != set(WORDINGS):
        got = sorted(found) if isinstance(found, dict) else found
        raise ValueError(f"{path}: must have exactly {list(WORDINGS)} (got {got!r})")
    for name, text in found.items():
        if not isinstance(text, str) or "{response}" not in text:
            raise ValueError(
                f"{path}: '{name}' must be a text with '{{response}}' (got {text!r})"
            )
    return {name: found[name] for name in WORDINGS}


def make_variant(
    variant: Variant,
    chains: Sequence[Chain],
    show: Show,
    wordings: Mapping[Wording, str],
) -> Iterator[Pair]:
    """The pairs of a variant, in the order of the chains, where there are any."""
    for chain in chains:
        texts = [chain.pair.chosen, *(response.text for response in chain.rejected)]
        if max(variant.chosen, variant.rejected) >= len(texts):
            continue
        if variant.shown == "mirrored" and has_sides(chain.pair):
            continue
        images = show(chain.pair)
        if images is None:
            continue
        chosen, rejected = (
            texts[text]
            if wording is None
            else fill(wordings[wording], response=texts[text])
            for text, wording in zip(
                (variant.chosen, variant.rejected), variant.words, strict=True
            )
        )
        yield msgspec.structs.replace(
            chain.pair, images=images, chosen=chosen, rejected=rejected
        )


def has_sides(pair: Pair) -> bool:
    """Whether a pair speaks of what a mirrored picture shows otherwise."""
    said = "\n".join((pair.question, pair.chosen, pair.rejected))
    return bool(SIDED.search(said) or SIGNS["text"].search(said))


def share_of_pairs(chains: Sequence[Chain], size: int, seed: int) -> list[Chain]:
    """At most ``size`` of the chains, in their order, drawn by seed.

    All variants are of the same pairs, so that one can be compared with another.
    """
    ranks = {
        chain.pair.id: seed_for(seed, "variant", chain.pair.id) for chain in chains
    }
    limit = rank_limit(ranks.values(), size)
    return [chain for chain in chains if ranks[chain.pair.id] <= limit]
