"""Multimodal RewardBench 2, its text rows (`mmrb2`)

350 pairs of responses, in text, to questions about one or several images: what a judge
of texts can be asked of the 1,000 pairs of the task `reasoning`.  The other 650, and
all rows of the tasks t2i, edit and interleaved, have images in their responses.

**Release.** `reasoning.json` with `input_images/` beside it, as the authors'
`benchmark/build_from_hf.py` writes them from the Hub's data set
`rl-research/multimodal-rewardbench-2`.  `reasoning_response_only.json` of the
repository lacks the prompts and is refused.  A row with an image in a response is named
in the manifest (`images_in_responses`) and left out.  The group is the source: mindcube
195, blink 100, realunify 19, visulogic 19, muirbench 10, vstar 7.  These rows are
called `mmrb2_reasoning_text`.

Where a prompt has several images, they stand before the text in their order, and the
question says `[image 2]` where the second one stood.

**Rule of the authors.** Both orders, one judgment of each, temperature 1, 2,000 tokens,
an answer in JSON.  Accuracy is the share of *judgments* that are right: one without a
verdict leaves the denominator, and one with a verdict other than A or B is wrong.  The
overall score is over the judgments of all tasks.

**Traps.**

- Never quote a score of these rows beside the authors' table: theirs are of 1,000 or
  4,000 rows.  Nothing published stands beside it here.
- A judge of places is wrong once and right once in every pair, which is 50 %; one that
  prefers response A of the file in both orders scores 155 of 350 on these rows (44.3
  %).
- 350 rows have an interval of 5.2 points on either side; sources of 7 and 10 rows say
  nothing.
- Llama-3.2-Vision is made for one image a prompt; these may have several.
- The longer response is right in 46 % of the task's rows.

**Licence.** CC BY-NC 4.0; not for training, its notice says.  Prompts and images have
the licences of their sources.

**Sources.** facebookresearch/MMRB2 at 7ff0552: `benchmark/`,
`evaluate/compute_scores/compute_accuracy.py` and `evaluate/generate_judgements/`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from selfjudge.benchmarks.formats import Format
from selfjudge.benchmarks.protocols import (
    CUT_OFF,
    OUR_WORDS,
    OURS,
    SCALED_DOWN,
    Protocol,
    Scoring,
)
from selfjudge.benchmarks.releases import (
    Refusal,
    ReleaseRow,
    check_texts,
    find_image,
    read_json_list,
)
from selfjudge.ground.lines import RecordError
from selfjudge.ground.records import Order
from selfjudge.ground.requests import Sampling
from selfjudge.judging.asks import Asking
from selfjudge.judging.verdicts import chosen_verdict

# Rows of the task `reasoning` whose responses are texts, by source.
TEXT_ROWS = {
    "mindcube": 195,
    "blink": 100,
    "realunify": 19,
    "visulogic": 19,
    "muirbench": 10,
    "vstar": 7,
}
BUILT = (
    "Hint: 'reasoning.json' is written by the official benchmark/build_from_hf.py, "
    "which fills in the prompts and their images."
)
# A text or the place of an image, in the order in which they stand.
Content = list[tuple[Literal["text", "image"], str]]
CONTENT: msgspec.json.Decoder[Content] = msgspec.json.Decoder(
    Annotated[Content, msgspec.Meta(min_length=1)]
)


# ---------------------------------------------------------------------- the rows


def read_mmrb2(source: Path) -> Iterator[ReleaseRow]:
    """The pairs of a task of Multimodal RewardBench 2, images of prompts beside it."""
    root = source.parent.resolve()
    for number, row in enumerate(read_json_list(source, "pairs"), start=1):
        where = f"{source}: pair {number}"
        check_texts(where, row, "id", "prompt_source")
        if row.get("chosen") not in ("A", "B"):
            raise RecordError(
                f"{where}: 'chosen' must be 'A' or 'B' (got {row.get('chosen')!r})"
            )
        prompt = read_content(where, row, "prompt_content")
        responses = [read_response(where, row, f"response_{letter}") for letter in "ab"]
        first, second = map(join_texts, responses)
        refused: Refusal | None = "equal_responses" if first == second else None
        if any(kind == "image" for content in responses for kind, _ in content):
            refused = "images_in_responses"
        yield ReleaseRow(
            release_id=row["id"],
            group=row["prompt_source"],
            subset=row["prompt_source"],
            split=row["prompt_source"],
            question=join_texts(prompt),
            chosen=first if row["chosen"] == "A" else second,
            rejected=second if row["chosen"] == "A" else first,
            chosen_first=row["chosen"] == "A",
            images=tuple(find_image(root, v) for kind, v in prompt if kind == "image"),
            refused=refused,
        )


def read_response(where: str, row: dict[str, Any], name: str) -> Content:
    """The parts of a response."""
    response = row.get(name)
    own = response if isinstance(response, dict) else {}
    return read_content(f"{where}: '{name}'", own, "response_content")


def read_content(where: str, row: dict[str, Any], name: str) -> Content:
    """The parts of a prompt or a response: each a text, or the place of an image."""
    content = row.get(name)
    if content is None:
        raise RecordError(f"{where}: '{name}' is missing. {BUILT}")
    try:
        return CONTENT.decode(msgspec.json.encode(content))
    except msgspec.ValidationError as error:
        raise RecordError(
            f"{where}: '{name}' must be a list of ['text', ...] and ['image', ...] "
            f"({error})"
        ) from None


def join_texts(content: Content) -> str:
    """The texts of a content; of several images each leaves a mark where it stood."""
    several = sum(kind == "image" for kind, _ in content) > 1
    parts, number = [], 0
    for kind, value in content:
        if kind == "text":
            parts.append(value.strip())
        elif several:
            number += 1
            parts.append(f"[image {number}]")
    return "\n".join(parts)


def identify(rows: Sequence[ReleaseRow]) -> str | None:
    """Whether these are the text rows of the task `reasoning`, all of them."""
    groups = Counter(row.group for row in rows if row.refused is None)
    return "mmrb2_reasoning_text" if groups == TEXT_ROWS else None


# -------------------------------------------------------------------- its protocol

BETTER_RESPONSE = re.compile(r"""better_response["']?\s*:\s*["']?([^"',}\n]*)""")


def read_better_response(text: str, order: Order) -> bool | None:
    """The verdict of the last `better_response` of a judgment in JSON.

    A verdict other than A or B prefers nothing, and is wrong all the same.
    """
    found = [value.strip() for value in BETTER_RESPONSE.findall(text)]
    if not found or found[-1] in ("", "null"):
        return None
    return bool(found[-1] == chosen_verdict(order))


FORMAT = Format(
    name="mmrb2",
    title="Multimodal RewardBench 2",
    read=read_mmrb2,
    num_rows=350,
    local="the reasoning.json that the authors' benchmark/build_from_hf.py writes",
    image_folder="input_images",
    identify=identify,
)
SCORING = Scoring(
    protocols=(
        *OURS,
        Protocol(
            name="official",
            collection="official",
            order="both",
            read=read_better_response,
            unparsed="left_out",
            averages=("overall",),
            cannot=(
                OUR_WORDS,
                CUT_OFF,
                SCALED_DOWN,
                "Images stand before the text, with a mark where each stood; "
                "officially they stand in the prompt.",
                "The verdict is the last `better_response` of the text; they repair "
                "the JSON of the whole.",
                "Only rows whose responses are texts.",
            ),
        ),
    ),
    # The authors' tables are of 1,000 rows a task.
    compares=False,
)
OFFICIAL = Asking(
    template="mmrb2.txt",
    orders="both",
    num_samples=1,
    sampling=Sampling(max_tokens=2000, temperature=1.0),
)
