"""All variants of the held-out pairs, written; and what did not become one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from selfjudge.certificate.pictures import Show, show_made, show_others, show_own
from selfjudge.certificate.severity import Chain, follow_chain
from selfjudge.certificate.variants import (
    VARIANTS,
    Variant,
    VariantName,
    Wording,
    make_variant,
    share_of_pairs,
)
from selfjudge.ground.lines import write_json, write_records
from selfjudge.ground.records import Altered, Pair
from selfjudge.pairs.alterations import AlterationBounds


def build_variants(
    pairs: Iterable[Pair],
    rewrites: Iterable[Altered],
    *,
    bounds: AlterationBounds,
    wordings: dict[Wording, str],
    image_root: Path,
    num_variant_pairs: int,
    seed: int,
    output: Path,
) -> None:
    """Write a file of pairs for each variant, the pictures made for them, a report.

    ``pairs`` are in prompt order, and so is each file.  Below ``output``:
    `VARIANT.jsonl`, `images/`, `dropped_rewrites.jsonl`, and `report.json` with the
    number of pairs of each variant and of dropped rewrites by reason.
    """
    next_of = {rewrite.response_id: rewrite for rewrite in rewrites}
    chains = [follow_chain(pair, next_of, bounds) for pair in pairs]
    some = share_of_pairs(chains, num_variant_pairs, seed)
    others = show_others([chain.pair for chain in chains], seed)
    images = output / "images"
    images.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, variant in VARIANTS.items():
        show = find_show(variant, others, image_root, images)
        made = make_variant(
            variant, chains if variant.is_whole else some, show, wordings
        )
        counts[name] = write_records(output / f"{name}.jsonl", made)
    lost = [chain.dropped for chain in chains if chain.dropped]
    write_records(output / "dropped_rewrites.jsonl", lost)
    write_json(output / "report.json", report_of(chains, counts, lost))


def find_show(variant: Variant, others: Show, image_root: Path, images: Path) -> Show:
    """What a variant shows of each pair."""
    if variant.shown == "own":
        return show_own
    if variant.shown == "others":
        return others
    return show_made(variant.shown, image_root, images)


def is_made(variant: Variant) -> bool:
    """Whether the pictures of a variant lie in the folder of those that were made."""
    return variant.shown not in ("own", "others")


def report_of(
    chains: list[Chain], counts: Mapping[VariantName, int], lost: list[dict[str, Any]]
) -> dict[str, Any]:
    """How many pairs there are, of which variants, and why rewrites were dropped."""
    kinds = Counter(chain.pair.category or chain.pair.origin for chain in chains)
    reasons = Counter(str(line["reason"]) for line in lost)
    return {
        "num_pairs": len(chains),
        "num_prompts": len({chain.pair.prompt_id for chain in chains}),
        "num_images": len({name for chain in chains for name in chain.pair.images}),
        "num_by_kind": dict(sorted(kinds.items())),
        "num_by_variant": counts,
        "num_dropped_rewrites": dict(sorted(reasons.items())),
    }
