"""VL-RewardBench (`vl_rewardbench`)

1,247 pairs of responses to a question about one image, by three groups: general,
hallucination, reasoning.

**Release.** The Hub's data set `MMInstruction/VL-RewardBench`, one parquet file with
the images inside.  The JSON Lines of 2024 with images beside them are read too.  The
group of a row is its id up to the first `-` or `_`: `hallucination`, `RLAIF` and `RLHF`
are hallucination, `mathverse` and `mmmu` reasoning, and all others general; case
matters.

**Rule of the authors.** Five votes a pair, each in an order drawn at random, at
temperature 0.2 and top-p 0.2.  The last "Answer N is better" after "Overall Judgment"
or "Therefore" is the vote; a strict majority of all votes decides, and a pair without
one leaves the denominator.  `overall` weighs rows alike (hallucination is 60 % of
them), `macro` the three groups; papers quote either without saying which.

**Traps.**

- The authors turned 16 labels and dropped three rows on 2025-05-13; tables of before,
  theirs included, are on the old 1,250 rows and do not compare.
- The preferred response stands first in 1,245 of the 1,250 rows: who keeps the order of
  the file hands the label over.
- Ids repeat; a pair is keyed by its row and its content.
- General and hallucination are pairs that four models of 7B, Qwen2-VL-7B among them,
  misjudge: scores of these models are selected against, and chance is 50.
- Every number but that of the rejected response counts as right for the authors' parser
  ("Answer 3 is better"); `official_strict` reads the same texts by ours.
- One standard error is 1.4 points at 1,247 rows, and 3.7 in the group general.

**Licence.** MIT by the data set's card; the authors' site limits data and code to
research, and to the terms of GPT-4o and Claude.

**Sources.** vl-rewardbench/VL_RewardBench at 9b10abd (`prompt.py`, `inference_hf.py`,
`cal.py`) and its issue 7; the number of votes from a secondary source.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from selfjudge.benchmarks.formats import Format
from selfjudge.benchmarks.manifests import Errata, Manifest
from selfjudge.benchmarks.protocols import (
    CUT_OFF,
    IMAGE_FIRST,
    OUR_WORDS,
    OURS,
    SCALED_DOWN,
    Protocol,
    Scoring,
)
from selfjudge.benchmarks.releases import (
    ColumnKind,
    ReleaseRow,
    check_texts,
    read_image,
    read_table,
)
from selfjudge.ground.lines import RecordError, clip, content_id
from selfjudge.ground.records import Order
from selfjudge.ground.requests import Sampling
from selfjudge.judging.asks import Asking
from selfjudge.judging.verdicts import chosen_verdict, prefers_chosen

COLUMNS: dict[str, ColumnKind] = {
    "id": "text",
    "query": "text",
    "response": "texts",
    "image": "image",
    "human_ranking": "numbers",
}
# cal.py, lines 39-62: the id up to its first "_" or "-" is the source; a source
# that is not named here is general.
GROUPS = {
    "hallucination": "hallucination",
    "RLAIF": "hallucination",
    "RLHF": "hallucination",
    "mathverse": "reasoning",
    "mmmu": "reasoning",
}


# ---------------------------------------------------------------------- the rows


def read_vl_rewardbench(source: Path) -> Iterator[ReleaseRow]:
    """The rows of VL-RewardBench.

    ``human_ranking`` holds ranks: the chosen response is where the 0 stands.
    """
    for number, row in enumerate(read_table(source, COLUMNS), start=1):
        where = f"{source}: row {number}"
        check_texts(where, row, "id", "query")
        ranking: Any = row.get("human_ranking")
        responses: Any = row.get("response")
        if not is_pair_of(str, responses):
            number_of = (
                f"{len(responses)} responses: " if isinstance(responses, list) else ""
            )
            raise RecordError(
                f"{where}: 'response' must be a list of two strings "
                f"(got {number_of}{clip(repr(responses))})"
            )
        if not is_pair_of(int, ranking) or sorted(ranking) != [0, 1]:
            raise RecordError(
                f"{where}: 'human_ranking' must rank two responses as 0 and 1 "
                f"(got {clip(repr(ranking))})"
            )
        chosen = ranking.index(0)
        group = group_of(row["id"])
        yield ReleaseRow(
            release_id=row["id"],
            group=group,
            subset=id_prefix(row["id"]),
            split=group,
            question=row["query"].replace("<image>", "").strip(),
            chosen=responses[chosen],
            rejected=responses[1 - chosen],
            chosen_first=chosen == 0,
            images=(read_image(row, where, source.parent),),
        )


def is_pair_of(kind: type, value: Any) -> bool:
    """Whether a value is a list of two of this type."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(item) is kind for item in value)
    )


def id_prefix(release_id: str) -> str:
    """An id up to its first "_" or "-": the source of the row."""
    return release_id.replace("-", "_").split("_")[0]


def group_of(release_id: str) -> str:
    """The group of an id, by its prefix; case matters."""
    return GROUPS.get(id_prefix(release_id), "general")


# ------------------------------------------------------------------- its releases

# Ids of the responses, sorted, of each row whose label was turned, and of the
# response that has been preferred since; VL_RewardBench issue 7 of 2025-05-13.
TURNED_LABELS = {
    "4624d51d84b40466": "569ba17ba85bbbfa",  # mmmu_pro_test_Marketing_150
    "513e5f1c26ef5a08": "be8e2f5e6c3f9dd1",  # mathverse_2569
    "80eaac4dc5ddf067": "c5412606e63808e2",  # mathverse_3414
    "da19ec4f3fd4f2a3": "002e6e21f3ea6710",  # mathverse_2653
    "5c3b9eb0ca965331": "8dd4a6ef442be951",  # mathverse_3749
    "378874fedffbf40c": "ff1ae45fc7e33d9a",  # mathverse_1063
    "de18bc9afc0b70c9": "a10b82c002adcfee",  # mathverse_3489
    "402d36e7e254c34d": "d4cd80d8d8fa9164",  # mathverse_2113
    "49d464c20d3d4a9b": "1e42c6b6ea32532d",  # mathverse_3204
    "45018a9af219f3fc": "4b005ae880dd1b90",  # mathverse_3423
    "b08a0eed58f5be4c": "8e658d97f083f5b9",  # mathverse_2648
    "b48fea0d7b0f052f": "35cd9f9ee6e5079f",  # mmmu_pro_test_Biology_328
    "04e003321b69b753": "0a55c76ce9846602",  # mathverse_1733
    "ddff2b680eebeb1f": "d402ee0da87155f8",  # mathverse_1108
    "bc86999bb7a824c6": "9dc8cc50def6ae9b",  # mmmu_pro_validation_Geography_8
}
TWO_WRONG_ANSWERS = "8277f286c3b23fa0"  # mathverse_2279, the first of two
THREEFOLD_ROW = "d708a9dd65671b3f"  # wildvision-battle-496, -545 and -580
# Groups of the known releases, before and since the corrections.
RELEASES = {
    "vlrb_1250": {"general": 183, "hallucination": 749, "reasoning": 318},
    "vlrb_1247": {"general": 181, "hallucination": 749, "reasoning": 317},
}
# What `find_errata` finds in each: labels corrected, not corrected, rows dropped.
CORRECTIONS = {
    "vlrb_1250": Errata(
        num_labels_corrected=0, num_labels_uncorrected=15, num_dropped_rows_present=3
    ),
    "vlrb_1247": Errata(
        num_labels_corrected=15, num_labels_uncorrected=0, num_dropped_rows_present=0
    ),
}
# The parquet file with 1247 rows, as a third party recorded it.
SHA256 = "500a33ecbeb6ddd4cbbb6de24b325815330c75c1f7b14e3043c1418fd285fb59"


def find_errata(rows: Sequence[ReleaseRow]) -> Errata:
    """How many of the known corrections the rows have, whatever their ids."""
    keys = [content_id(*sorted((row.chosen, row.rejected))) for row in rows]
    turned = [
        content_id(row.chosen) == TURNED_LABELS[key]
        for key, row in zip(keys, rows, strict=True)
        if key in TURNED_LABELS
    ]
    return Errata(
        num_labels_corrected=sum(turned),
        num_labels_uncorrected=len(turned) - sum(turned),
        num_dropped_rows_present=keys.count(TWO_WRONG_ANSWERS)
        + max(0, keys.count(THREEFOLD_ROW) - 1),
    )


def identify(rows: Sequence[ReleaseRow]) -> str | None:
    """Which release the rows are: by their groups, and by the labels' content."""
    groups, errata = Counter(row.group for row in rows), find_errata(rows)
    for name, expected in RELEASES.items():
        if groups == expected and errata == CORRECTIONS[name]:
            return name
    return None


def warn(manifest: Manifest, rows: Sequence[ReleaseRow]) -> list[str]:
    """What is to be known of the old rows."""
    if manifest.release != "vlrb_1250":
        return []
    return [
        "1250 rows as served before 2025-05-13: at least 15 labels are the wrong "
        "way round. Published tables of that time are on these rows."
    ]


# ------------------------------------------------------------------- its protocols

# inference_hf.py, lines 67-79: a greedy gap, so the last
# "Answer N is better" after the first trigger; no adverb but "slightly"; any number.
ANSWER_IS_BETTER = re.compile(
    r"(?:overall judgment|therefore).*"
    r"answer\s*(\d{1,9})\s*is\s*(?:the\s*)?(?:slightly\s*)?better",
    re.IGNORECASE,
)
# The same phrase read by us: two answers, and how much better does not matter.
OVERALL_JUDGMENT = re.compile(
    r"overall judge?ment\W*answer\s*([12])\s*is\s*"
    r"(?:the\s*|[a-z]+ly\s*|much\s*)?better",
    re.IGNORECASE,
)


def read_overall_judgment(text: str, order: Order) -> bool | None:
    """As `read_stated` for "Overall Judgment: Answer 1 is better"; the last counts."""
    found = OVERALL_JUDGMENT.findall(text.replace("*", ""))
    return prefers_chosen("A" if found[-1] == "1" else "B", order) if found else None


def read_answer_is_better(text: str, order: Order) -> bool | None:
    """What VL-RewardBench's own parser makes of a judgment, quirks included.

    Every number but that of the rejected response agrees: "Answer 3 is better"
    prefers the chosen one.
    """
    found = ANSWER_IS_BETTER.search(text.replace("\n", "").replace("*", ""))
    rejected = 2 if chosen_verdict(order) == "A" else 1
    return int(found.group(1)) != rejected if found else None


FORMAT = Format(
    name="vl_rewardbench",
    title="VL-RewardBench",
    read=read_vl_rewardbench,
    num_rows=1247,
    identify=identify,
    find_errata=find_errata,
    known_files=(SHA256,),
    warn=warn,
)
SCORING = Scoring(
    protocols=(
        *OURS,
        Protocol(
            name="official",
            collection="official",
            order="random",
            read=read_answer_is_better,
            unparsed="undecided",
            averages=("overall", "macro"),
            cannot=(
                OUR_WORDS,
                IMAGE_FIRST,
                CUT_OFF,
                SCALED_DOWN,
                "The order of a vote is drawn by our seed; officially it is not "
                "seeded.",
                "All votes count; officially the first K of a shuffled file of 10.",
            ),
        ),
        Protocol(
            name="official_strict",
            collection="official",
            order="random",
            read=read_overall_judgment,
            unparsed="undecided",
            averages=("overall", "macro"),
            cannot=(
                OUR_WORDS,
                IMAGE_FIRST,
                CUT_OFF,
                SCALED_DOWN,
                "The parser is ours: an answer other than 1 and 2 is unparsed, and "
                "'significantly better' is read.",
            ),
        ),
    ),
)
# inference_hf.py, lines 19 and 45-49.
OFFICIAL = Asking(
    template="vl_rewardbench.txt",
    orders="random",
    num_samples=1,
    sampling=Sampling(max_tokens=2048, temperature=0.2, top_p=0.2),
)
