"""Multi-Crit (`multi_crit`)

1,425 rows, of which each is one criterion of a pair of responses to a question about
one image: the same pair stands in several rows, and their labels may disagree.  It asks
whether a judge follows the standard that it is given.

**Release.** The Hub's data set `txiong23/Multi-Crit` in two splits that are scored
apart, since their criteria differ: `open_ended` (1,000 rows: completeness,
visual-grounding, hallucination, expressiveness, clarity) and `reasoning` (425 rows:
grounding, logic, hallucination, exploration, efficiency).  Parquet files with the
images inside; the authors' JSON Lines with images beside them are read too.

**Rule of the authors.** The criterion stands in the prompt, and alone decides.  One
judgment in the order of the file, temperature 0.6, top-p 0.95.  The first "response N
is better" of the last three lines is the verdict; where there is none they ask an LLM
to read the text, and what it cannot read is wrong.  Rows that repeat a `question_id`
are dropped, the first is kept.

**Rows of scores.**

- A criterion: the share of its rows that are right; `overall`: that of all rows.
- `macro`: the mean over criteria; under `official` of shares that are rounded to two
  decimals of a percent before, as theirs.
- `all_criteria` (their PAcc): the share of prompts with every criterion right.
- `tradeoffs` (TOS): of prompts whose labels conflict, the share in which the judge
  prefers different responses on at least one conflicting pair of criteria.
- `conflicts` (CMR): the share of conflicting pairs of criteria with both right.

In both orders a criterion is right where more than half of its judgments are, and a
judge that prefers each response once prefers none.  All intervals are over
prompts.

**Traps.**

- A judge that ignores the criterion has `tradeoffs` 0 and `conflicts` 0, whatever its
  accuracy.  The baseline `ignores_criterion` is the best of these: it prefers, in every
  prompt, what most labels of the prompt prefer.
- A judge that draws its verdicts tells criteria apart as well, by chance: read
  `tradeoffs` beside `conflicts`, and under `greedy`.
- The order is never exchanged by the authors.

**Licence.** Apache-2.0 by the data set's card.

**Sources.** The card at commit 1e858f2; EvolvingLMMs-Lab/lmms-eval, `tasks/multi_crit`,
which follows tyxiong23/Multi-Crit at c4b0c32.  The release itself was not seen here:
the names of its files on the Hub are by the card's patterns.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from selfjudge.benchmarks.formats import Format
from selfjudge.benchmarks.manifests import Manifest
from selfjudge.benchmarks.protocols import (
    CUT_OFF,
    OUR_WORDS,
    OURS,
    SCALED_DOWN,
    Protocol,
    Scoring,
)
from selfjudge.benchmarks.releases import (
    ColumnKind,
    Refusal,
    ReleaseRow,
    check_texts,
    read_image,
    read_table,
)
from selfjudge.ground.lines import RecordError
from selfjudge.ground.records import Order
from selfjudge.ground.requests import Sampling
from selfjudge.judging.asks import Asking
from selfjudge.judging.verdicts import prefers_chosen

TEXTS = (
    *("question_id", "question", "pred_a", "pred_b", "split"),
    *("criterion", "preference", "prompt_id"),
)
COLUMNS: dict[str, ColumnKind] = {"image": "image", **dict.fromkeys(TEXTS, "text")}
# What each criterion asks, in our words, by split.
CRITERIA = {
    "open_ended": {
        "completeness": (
            "Completeness: which response covers more of what was asked. Every part "
            "of the request counts, and so does what the image shows that bears on "
            "it. A part that is left out or only touched upon counts against a "
            "response."
        ),
        "visual-grounding": (
            "Visual grounding: which response is tied more closely to what can be "
            "seen. Naming visible objects, colours, positions or text counts for a "
            "response, words that would fit any image count against it."
        ),
        "hallucination": (
            "Factuality: which response claims less that is not so. What neither the "
            "image shows nor the question says, and what is false about the world, "
            "counts against a response, however well it is written."
        ),
        "expressiveness": (
            "Expressiveness: which response is written with more life or more "
            "expertise. Vivid and original wording where the task is free, and deep "
            "professional analysis where it is not, count for a response; a flat or "
            "merely literal text counts against it."
        ),
        "clarity": (
            "Clarity: which response is easier to follow. Good order, clean "
            "transitions and fluent sentences count for a response; tangled, "
            "repetitive or disordered text counts against it."
        ),
    },
    "reasoning": {
        "grounding": (
            "Visual grounding: which reasoning rests more on the image. Pointing "
            "rightly to the objects, places, colours or text that matter, and using "
            "them in the argument, counts for a response."
        ),
        "logic": (
            "Logic: which reasoning holds together better. Steps that follow from one "
            "another and lead to the answer count for a response; a contradiction, a "
            "missing step, a leap, or an answer given before its reasons count "
            "against it."
        ),
        "hallucination": (
            "Factuality: which reasoning has fewer false claims. What is misread in "
            "the image, made up, or false about the world counts against a response."
        ),
        "exploration": (
            "Exploration: which reasoning looks further before it settles. Weighing "
            "other readings, admitting doubt and correcting a first assumption count "
            "for a response; a rushed or rigid argument counts against it."
        ),
        "efficiency": (
            "Efficiency: which reasoning reaches its answer with less. A direct "
            "argument, as long as the task needs, counts for a response; repetition, "
            "digression and belabouring what is simple count against it."
        ),
    },
}
RELEASES = {"multi_crit_open_ended": 1000, "multi_crit_reasoning": 425}


# ---------------------------------------------------------------------- the rows


def read_multi_crit(source: Path) -> Iterator[ReleaseRow]:
    """The rows of one split of Multi-Crit; a row is one criterion of a pair."""
    seen: set[str] = set()
    split = None
    for number, row in enumerate(read_table(source, COLUMNS), start=1):
        where = f"{source}: row {number}"
        check_texts(where, row, *TEXTS)
        own = find_split(where, row["split"])
        split = split or own
        if own != split:
            raise RecordError(
                f"{where}: 'split' must be {split!r} as in the rows before (got "
                f"{row['split']!r}). Hint: the splits are two benchmarks."
            )
        yield read_row(where, row, own, row["question_id"] in seen, source.parent)
        seen.add(row["question_id"])


def find_split(where: str, name: str) -> str:
    """The split that a row names; the release spells one in several ways."""
    known = {split.replace("_", ""): split for split in CRITERIA}
    plain = re.sub("[-_]", "", name.strip().lower())
    if plain not in known:
        must = " or ".join(map(repr, CRITERIA))
        raise RecordError(f"{where}: 'split' must be {must} (got {name!r})")
    return known[plain]


def read_row(
    where: str, row: dict[str, Any], split: str, repeats: bool, folder: Path
) -> ReleaseRow:
    """One row; ``repeats`` if an earlier one has its question_id."""
    criterion, preference = row["criterion"], row["preference"].strip().lower()
    if criterion not in CRITERIA[split]:
        known = ", ".join(CRITERIA[split])
        raise RecordError(
            f"{where}: 'criterion' of {split} must be one of {known} "
            f"(got {criterion!r})"
        )
    if preference not in ("model_a", "model_b"):
        raise RecordError(
            f"{where}: 'preference' must be 'model_a' or 'model_b' "
            f"(got {row['preference']!r})"
        )
    responses = row["pred_a"], row["pred_b"]
    refused: Refusal | None = "repeated_id" if repeats else None
    if responses[0] == responses[1]:
        refused = "equal_responses"
    chosen, rejected = responses if preference == "model_a" else responses[::-1]
    return ReleaseRow(
        release_id=row["question_id"],
        group=criterion,
        subset=split,
        split=criterion,
        question=row["question"].strip(),
        chosen=chosen,
        rejected=rejected,
        chosen_first=preference == "model_a",
        images=(read_image(row, where, folder),),
        criterion=CRITERIA[split][criterion],
        prompt=row["prompt_id"],
        refused=refused,
    )


def identify(rows: Sequence[ReleaseRow]) -> str | None:
    """Which split these are, by the number of all rows and the criteria that occur.

    How many rows a criterion has is not known here, nor how many repeat.
    """
    found = (len(rows), {row.group for row in rows})
    for split, criteria in CRITERIA.items():
        name = f"multi_crit_{split}"
        if found == (RELEASES[name], set(criteria)):
            return name
    return None


def warn(manifest: Manifest, rows: Sequence[ReleaseRow]) -> list[str]:
    """Prompts whose rows are of different questions or responses."""
    contents: dict[str | None, set[tuple[str, ...]]] = {}
    for row in rows:
        key = (row.question, *sorted((row.chosen, row.rejected)))
        contents.setdefault(row.prompt, set()).add(key)
    mixed = Counter(len(found) > 1 for found in contents.values())[True]
    if not mixed:
        return []
    return [
        f"{mixed} prompts have rows of different questions or responses: only rows "
        "of the same two responses are compared by criterion."
    ]


# ------------------------------------------------------------------- its protocols

RESPONSE_IS_BETTER = re.compile(r"response (\d{1,9})\** is better")


def read_response_is_better(text: str, order: Order) -> bool | None:
    """The first "response N is better" of the last three lines, as the authors read.

    Any number but 1 and 2 is unparsed.
    """
    last = "\n".join(text.strip().split("\n")[-3:]).lower()
    found = RESPONSE_IS_BETTER.search(last)
    number = int(found.group(1)) if found else 0
    if number not in (1, 2):
        return None
    return prefers_chosen("A" if number == 1 else "B", order)


FORMAT = Format(
    name="multi_crit",
    title="Multi-Crit",
    read=read_multi_crit,
    num_rows=1000,
    has_criteria=True,
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
            read=read_response_is_better,
            unparsed="wrong",
            averages=("overall", "macro"),
            macro_digits=4,
            cannot=(
                OUR_WORDS,
                CUT_OFF,
                SCALED_DOWN,
                "They have an LLM read what their parser cannot; here it is wrong.",
            ),
        ),
    ),
)
OFFICIAL = Asking(
    template="multi_crit.txt",
    orders="release",
    num_samples=1,
    sampling=Sampling(max_tokens=8192, temperature=0.6, top_p=0.95),
)
