"""Which group of a benchmark a row belongs to: the rules of the official scorers."""

# VL-RewardBench, cal.py at 9b10abd, lines 39-62: the id up to its first "_" or
# "-" is the source; a source that is not named here is general.
VLRB_GROUPS = {
    "hallucination": "hallucination",
    "RLAIF": "hallucination",
    "RLHF": "hallucination",
    "mathverse": "reasoning",
    "mmmu": "reasoning",
}
MMRB_CATEGORIES = (
    "open_generation/correctness_task",
    "open_generation/preference_task",
    "knowledge",
    "reasoning",
    "safety",
    "vqa",
)
# Multimodal RewardBench, 2_get_accuracy.py at b4b92cd, lines 29-42: the official
# scorer prints these parts, by how the lower-case id begins.
MMRB_SPLITS = {
    "safety": ("pairs", "safety/bias", "safety/toxicity"),
    "reasoning": ("math", "reasoning/math", "reasoning/coding"),
}


def id_prefix(release_id: str) -> str:
    """An id up to its first "_" or "-": the source of the row."""
    return release_id.replace("-", "_").split("_")[0]


def vlrb_group(release_id: str) -> str:
    """The group of a VL-RewardBench id, by its prefix; case matters."""
    return VLRB_GROUPS.get(id_prefix(release_id), "general")


def mmrb_split(category: str, release_id: str) -> str:
    """The part of a category that the official scorer prints."""
    if category not in MMRB_SPLITS:
        return category
    prefix, first, second = MMRB_SPLITS[category]
    return first if release_id.lower().startswith(prefix) else second
