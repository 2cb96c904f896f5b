"""Which pairs a judge can learn from by reward: those it sometimes judges right.

A rollout is rewarded by how it compares with others of the same question.  Where all
of them are right, or none is, there is nothing to compare.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

from selfjudge.ground.lines import dropped_line, encode, read_records, writing
from selfjudge.ground.records import ORDERS, Judgment, Pair, Reinforced
from selfjudge.ground.shares import tell_counts
from selfjudge.ground.templates import user_turn
from selfjudge.judging.asks import judge_text
from selfjudge.judging.joining import join_judgments
from selfjudge.judging.verdicts import read_whole

Unfit = Literal["unparsed", "always_right", "never_right"]
UNFIT: tuple[Unfit, ...] = get_args(Unfit)


def find_unfit(preferences: Iterable[bool | None]) -> Unfit | None:
    """Why a pair teaches nothing, by its judgments' preferences; None if it may.

    An unparsed judgment is not right.  A pair without a single verdict is dropped
    for that reason.
    """
    verdicts = Counter(preferences)
    if not verdicts[True] + verdicts[False]:
        return "unparsed"
    if not verdicts[True]:
        return "never_right"
    return None if verdicts[False] + verdicts[None] else "always_right"


def ask_both_orders(pair: Pair, template: str) -> Iterator[Reinforced]:
    """The two lines of a pair."""
    for order in ORDERS:
        text = judge_text(pair, order, template)
        yield Reinforced(
            images=pair.images,
            prompt=[user_turn(len(pair.images), text)],
            prompt_id=pair.prompt_id,
            pair_id=pair.id,
            order=order,
        )


def pick_pairs(
    *,
    pairs: Path,
    judgments: Path,
    picked: Path,
    dropped: Path,
    template: str,
    min_rows: int = 1,
) -> None:
    """Write what a judge is to be asked of the pairs that fit, and the other pairs.

    Raises ValueError, and writes nothing, if fewer than ``min_rows`` rows are left:
    a pair is one in each order.
    """
    counts: Counter[Unfit | None] = Counter()
    joined = join_judgments(
        read_records(pairs, Pair), read_records(judgments, Judgment)
    )
    with writing(picked) as picked_file, writing(dropped) as dropped_file:
        for pair, own in joined:
            unfit = find_unfit(map(read_whole, own))
            counts[unfit] += 1
            if unfit:
                dropped_file.write(dropped_line(pair, unfit))
            else:
                for line in ask_both_orders(pair, template):
                    picked_file.write(encode(line))
        if counts[None] * len(ORDERS) < min_rows:
            raise ValueError(explain_too_few(counts, judgments, min_rows))


def explain_too_few(
    counts: Counter[Unfit | None], judgments: Path, min_rows: int
) -> str:
    """The error text where too few pairs are left to learn from, in two lines."""
    unfit = {name: counts[name] for name in UNFIT if counts[name]}
    return (
        f"{judgments}: pairs that are judged right sometimes and not always must be at "
        f"least {-(-min_rows // len(ORDERS))}, half of 'train.min_rows' (got "
        f"{counts[None]} of {counts.total()}: {tell_counts(unfit) or 'there are none'})"
        "\nHint: more prompts, 'pool.prompts_per_iteration'; more judgments of each "
        "pair tell finer, 'judgments.num_samples'; if most are unparsed, the judge may "
        "have lost the verdict format."
    )
