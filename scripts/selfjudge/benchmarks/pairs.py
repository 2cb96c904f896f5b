"""Your own labelled pairs (`pairs`)

A benchmark of your own: a JSON Lines file that says, pair by pair, which of two
responses is better.  A few hundred lines are enough to see whether a judge is worth its
use on your images.

**Release.** One object a line, and the images in a folder `images` beside the file:

```json
{"images": ["1.png"], "question": "Who?", "responses": ["Al", "Bo"], "better": "first"}
```

| Field | Holds |
|---|---|
| `images` | one or several names below `images/` |
| `question` | what was asked |
| `responses` | two texts |
| `better` | `first`, `second` or `tie` |
| `group` | optional: what gets a row of scores of its own |
| `criterion` | optional: what alone decides, in words for the judge |
| `id` | optional: your own name of the line, for messages and the manifest |

In the configuration:

```yaml
benchmarks:
  mine:
    format: pairs
    path: mine/pairs.jsonl
    dataset: null
    revision: null
    file: null
    sha256: null
    protocols: [blind]
```

**Rule.** Ours: both orders, an unparsed judgment is wrong.  There is no `official` way,
and no published score stands beside yours.

**Traps.**

- A tie has no better response: it is counted in the manifest, and left out.  So are
  responses that are equal.
- A label that contradicts an earlier line of the same pair and criterion is named in
  the manifest, and both are scored.
- 200 pairs have an interval of about 7 points on either side.
- Lines of the same images, question and responses with different criteria are one
  prompt: they get the rows `all_criteria`, `tradeoffs` and `conflicts` (see
  Multi-Crit).
- Never train on it: the benchmark is for what the loop has not seen.

**Licence.** Yours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from selfjudge.benchmarks.formats import Format
from selfjudge.benchmarks.protocols import Average, Scoring
from selfjudge.benchmarks.releases import Refusal, ReleaseRow, find_image
from selfjudge.benchmarks.votes import CRITERIA_ROWS
from selfjudge.ground.lines import RecordError, read_records
from selfjudge.ground.records import Record

# Names of rows of scores that are no group of a file.
RESERVED = (*get_args(Average), *CRITERIA_ROWS)


class LabelledPair(Record, frozen=True, kw_only=True):
    """One line of a file of one's own."""

    images: list[str]
    question: str
    responses: tuple[str, str]
    better: Literal["first", "second", "tie"]
    group: str = "all"
    criterion: str | None = None
    id: str | None = None


def read_pairs(source: Path) -> Iterator[ReleaseRow]:
    """The rows of a file of one's own; images lie in ``images`` beside it."""
    root = (source.parent / "images").resolve()
    for number, row in enumerate(read_records(source, LabelledPair), start=1):
        check(f"{source}: pair {number}", row)
        first, second = row.responses
        chosen, rejected = (second, first) if row.better == "second" else row.responses
        yield ReleaseRow(
            release_id=row.id or str(number),
            group=row.group,
            subset=row.group,
            split=row.group,
            question=row.question.strip(),
            chosen=chosen,
            rejected=rejected,
            chosen_first=row.better != "second",
            images=tuple(find_image(root, name) for name in row.images),
            criterion=row.criterion,
            refused=why_refused(row),
        )


def check(where: str, row: LabelledPair) -> None:
    """Check what a line's types do not say."""
    filled = {
        "images": bool(row.images),
        "question": bool(row.question.strip()),
        "responses": all(text.strip() for text in row.responses),
        "criterion": row.criterion is None or bool(row.criterion.strip()),
    }
    empty = [name for name, is_filled in filled.items() if not is_filled]
    if empty:
        raise RecordError(f"{where}: {', '.join(empty)} must not be empty")
    if not row.group or row.group in RESERVED:
        raise RecordError(
            f"{where}: 'group' must be a name that no row of scores has, such as "
            f"{', '.join(RESERVED)} (got {row.group!r})"
        )


def why_refused(row: LabelledPair) -> Refusal | None:
    """Why a line is no pair to score, None if it is one."""
    if row.better == "tie":
        return "tie"
    return "equal_responses" if row.responses[0] == row.responses[1] else None


FORMAT = Format(
    name="pairs",
    read=read_pairs,
    num_rows=200,
    local="a JSON Lines file of your own",
    has_criteria=True,
)
SCORING = Scoring()
