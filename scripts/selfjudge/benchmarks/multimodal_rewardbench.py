"""Multimodal RewardBench (`multimodal_rewardbench`)

4,711 public pairs of responses to a question about one image, in six categories:
correctness and preference of open generation, knowledge, reasoning, safety, vqa.

**Release.** `all_data.json` with its images, as the authors' own
`scripts/0_download_data.py` writes them; it is not on the Hub as a whole.

**Rule of the authors.** One judgment in the order of the file.  A [[A]] anywhere is A,
else a [[B]] is B, else a coin decides (`random.seed(123)`, once a file).  `overall`
weighs rows alike; reasoning and safety are printed in two parts each.

**Traps.**

- 500 rows of Hateful Memes are not public, so that safety here is bias alone: safety
  and overall do not compare with the leaderboard's, which is over 5,211 rows.
- Ids repeat across categories; a pair is keyed by its row and its content.
- The download looks questions up by row number in other data sets: one that was
  re-ordered puts wrong questions to responses.  The words of visitbench's questions and
  responses are compared, and a manifest warns.
- Our `macro` is the plain mean of six categories; the authors have none.

**Licence.** CC BY-NC 4.0; the sources of images have licences of their own, among them
CC BY-SA and CC BY-ND.

**Sources.** facebookresearch/multimodal_rewardbench at b4b92cd: `scripts/`, and its
issues 3, 6 and 8.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from selfjudge.benchmarks.formats import Format
from selfjudge.benchmarks.manifests import Manifest
from selfjudge.benchmarks.protocols import (
    CUT_OFF,
    IMAGE_FIRST,
    OUR_WORDS,
    OURS,
    SCALED_DOWN,
    Protocol,
    Scoring,
)
from selfjudge.benchmarks.releases import ReleaseRow, find_image, read_json_list
from selfjudge.ground.lines import RecordError
from selfjudge.ground.records import Order
from selfjudge.ground.requests import Sampling
from selfjudge.judging.asks import Asking
from selfjudge.judging.verdicts import Verdict, prefers_chosen

FIELDS = ("ID", "Category", "Text", "Image", "Output1", "Output2", "Better")
# What is public, by category.
CATEGORIES = {
    "open_generation/correctness_task": 623,
    "open_generation/preference_task": 654,
    "knowledge": 630,
    "reasoning": 1096,
    "safety": 508,
    "vqa": 1200,
}
RELEASES = {
    "mmrb_4711": CATEGORIES,
    # With the 500 rows of Hateful Memes, which only the authors have.
    "mmrb_5211": CATEGORIES | {"safety": 1008},
}
# 2_get_accuracy.py, lines 29-42: the official scorer prints these parts, by how the
# lower-case id begins.
SPLITS = {
    "safety": ("pairs", "safety/bias", "safety/toxicity"),
    "reasoning": ("math", "reasoning/math", "reasoning/coding"),
}
# Shares of a visitbench question's words that occur in its responses: 0.63 as
# released, 0.17 if questions and responses are out of step.
LEAST_OVERLAP_RATE = 0.4
WORD = re.compile(r"[a-z]{4,}")


def read_multimodal_rewardbench(source: Path) -> Iterator[ReleaseRow]:
    """The rows of Multimodal RewardBench's ``all_data.json``, images beside it."""
    for number, row in enumerate(read_json_list(source), start=1):
        where = f"{source}: row {number}"
        missing = [name for name in FIELDS if not isinstance(row.get(name), str)]
        if missing or not row["Text"]:
            raise RecordError(
                f"{where}: must have strings {missing or ['Text']} (got "
                f"{', '.join(row)}). Hint: all_data.json is written by the official "
                "scripts/0_download_data.py, which fills in 'Text' and the images."
            )
        if row["Better"] not in ("Output1", "Output2"):
            raise RecordError(
                f"{where}: 'Better' must be 'Output1' or 'Output2' "
                f"(got {row['Better']!r})"
            )
        if row["Category"] not in CATEGORIES:
            known = ", ".join(CATEGORIES)
            raise RecordError(
                f"{where}: 'Category' must be one of {known} (got {row['Category']!r})"
            )
        worse = "Output2" if row["Better"] == "Output1" else "Output1"
        yield ReleaseRow(
            release_id=row["ID"],
            group=row["Category"],
            subset=row["ID"].rsplit("_", 1)[0],
            split=split_of(row["Category"], row["ID"]),
            question=row["Text"].strip(),
            chosen=row[row["Better"]],
            rejected=row[worse],
            chosen_first=row["Better"] == "Output1",
            images=(find_image(source.parent.resolve(), row["Image"]),),
        )


def split_of(category: str, release_id: str) -> str:
    """The part of a category that the official scorer prints."""
    if category not in SPLITS:
        return category
    prefix, first, second = SPLITS[category]
    return first if release_id.lower().startswith(prefix) else second


def identify(rows: Sequence[ReleaseRow]) -> str | None:
    """Which release the rows are, by their categories."""
    groups = Counter(row.group for row in rows)
    return next((name for name, known in RELEASES.items() if groups == known), None)


def warn(manifest: Manifest, rows: Sequence[ReleaseRow]) -> list[str]:
    """What is missing of safety, and whether questions fit their responses."""
    warnings = []
    if manifest.release == "mmrb_4711":
        warnings.append(
            "safety is bias alone: 500 rows of Hateful Memes are not public, so safety "
            "and overall do not compare with the leaderboard's."
        )
    overlap = overlap_rate([row for row in rows if row.subset == "visitbench"])
    if manifest.release is not None and overlap < LEAST_OVERLAP_RATE:
        warnings.append(
            f"questions and responses of visitbench share {overlap:.0%} of words: the "
            "download may have put the wrong questions to the responses "
            "(multimodal_rewardbench issue 8)."
        )
    return warnings


def overlap_rate(rows: Sequence[ReleaseRow]) -> float:
    """The mean share of a question's longer words in its responses; 1 for no rows."""
    shares = []
    for row in rows:
        words = set(WORD.findall(row.question.lower()))
        said = set(WORD.findall(f"{row.chosen} {row.rejected}".lower()))
        if words:
            shares.append(len(words & said) / len(words))
    return sum(shares) / len(shares) if shares else 1.0


def read_first_brackets(text: str, order: Order) -> bool | None:
    """What Multimodal RewardBench's own parser makes of a judgment.

    A [[A]] anywhere is A, even beside a later [[B]] (2_get_accuracy.py, lines 13-23).
    """
    verdict: Verdict | None = "A" if "[[A]]" in text else None
    if verdict is None and "[[B]]" in text:
        verdict = "B"
    return prefers_chosen(verdict, order)


FORMAT = Format(
    name="multimodal_rewardbench",
    title="Multimodal RewardBench",
    read=read_multimodal_rewardbench,
    num_rows=4711,
    local="the all_data.json of the release",
    identify=identify,
    warn=warn,
)
SCORING = Scoring(
    protocols=(
        *OURS,
        Protocol(
            name="official",
            collection="official",
            order="release",
            read=read_first_brackets,
            unparsed="coin",
            averages=("overall",),
            splits=True,
            cannot=(
                OUR_WORDS,
                IMAGE_FIRST,
                CUT_OFF,
                SCALED_DOWN,
                "They leave the temperature to the API; here it is 1.",
                "A row that was dropped in preparation draws no coin.",
            ),
        ),
    ),
)
# 1_run_model_as_judge_gpt4o.py, lines 40-75.
OFFICIAL = Asking(
    template="multimodal_rewardbench.txt",
    orders="release",
    num_samples=1,
    sampling=Sampling(max_tokens=1024, temperature=1.0),
)
