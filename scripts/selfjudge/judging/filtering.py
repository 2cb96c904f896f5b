"""Which judgments become training data: those that agree with the construction.

Most decisions concern one pair alone, and one pass over the files makes them.
Where a size cuts across pairs, a first pass finds what is cut, and the second one
writes.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from selfjudge.ground.lines import (
    dropped_line,
    encode,
    read_lines,
    read_records,
    writing,
)
from selfjudge.ground.records import (
    ORDERS,
    Accepted,
    DroppedLine,
    Judgment,
    Order,
    Pair,
)
from selfjudge.ground.seeds import rank_limit, seed_for
from selfjudge.ground.shares import tell_counts
from selfjudge.ground.templates import assistant_turn, user_turn
from selfjudge.judging.acceptance import JudgedPair, Outcome, decide_pair
from selfjudge.judging.asks import judge_text
from selfjudge.judging.joining import join_judgments
from selfjudge.judging.verdicts import Verdict, read_stated, stated_letter
from selfjudge.pairs.filters import Filter


def decide(
    read: Callable[[], Iterable[tuple[Pair, list[Judgment]]]],
    spec: Filter,
    size: int | None,
    seed: int,
) -> Iterator[JudgedPair]:
    """What happens to every judgment, in the order of the pairs.

    ``read`` gives the pairs with their judgments; it is called twice if there is
    something to cut.  ``size`` is the most judgments to accept, for a filter that
    must not have more data than another; None for no limit.
    """
    if spec.accept == "parsed":
        yield from decide_balanced(read, spec, size, seed)
        return
    if size is None:
        yield from decide_each(read(), spec, seed)
        return
    ranks = (
        seed_for(seed, "accept", judged.pair.id)
        for judged in decide_each(read(), spec, seed)
        if "accepted" in judged.outcomes
    )
    limit = rank_limit(ranks, size // len(ORDERS))
    for judged in decide_each(read(), spec, seed):
        is_over = seed_for(seed, "accept", judged.pair.id) > limit
        yield drop_accepted(judged) if is_over else judged


def decide_balanced(
    read: Callable[[], Iterable[tuple[Pair, list[Judgment]]]],
    spec: Filter,
    size: int | None,
    seed: int,
) -> Iterator[JudgedPair]:
    """As `decide`, judgment by judgment: as many of each letter and of each order."""

    def rank(judgment: Judgment) -> int:
        return seed_for(seed, "accept", judgment.id)

    ranks: dict[Cell, array[int]] = {cell: array("Q") for cell in CELLS}
    for judged in decide_each(read(), spec, seed):
        for judgment, outcome in zip(judged.judgments, judged.outcomes, strict=True):
            if outcome == "accepted":
                ranks[cell_of(judgment)].append(rank(judgment))
    sizes = balanced_sizes({cell: len(found) for cell, found in ranks.items()}, size)
    limits = {cell: rank_limit(found, sizes[cell]) for cell, found in ranks.items()}
    for judged in decide_each(read(), spec, seed):
        outcomes: list[Outcome] = [
            "over_matched_size"
            if outcome == "accepted" and rank(judgment) > limits[cell_of(judgment)]
            else outcome
            for judgment, outcome in zip(judged.judgments, judged.outcomes, strict=True)
        ]
        yield judged._replace(outcomes=outcomes)


# An order, and whether a verdict in it prefers chosen: together they are a letter.
Cell = tuple[Order, bool]
CELLS: tuple[Cell, ...] = tuple(
    (order, one) for order in ORDERS for one in (True, False)
)


def cell_of(judgment: Judgment) -> Cell:
    """The cell of a judgment that parses."""
    preference = read_stated(judgment.text, judgment.order)
    assert preference is not None
    return judgment.order, preference


def balanced_sizes(counts: Mapping[Cell, int], size: int | None) -> dict[Cell, int]:
    """How many judgments of each cell make both letters and both orders equal.

    As many in all as fit, at most ``size``: fewer where a cell is short.  As large a
    share prefers chosen as on average over the two letters: who says A rarely is right
    more often when it does.
    """
    by_letter: dict[Verdict, Counter[bool]] = {"A": Counter(), "B": Counter()}
    for (order, prefers), number in counts.items():
        by_letter[stated_letter(order, prefers)][prefers] += number
    if not all(letter.total() for letter in by_letter.values()):
        return dict.fromkeys(counts, 0)
    share = sum(one[True] / one.total() for one in by_letter.values()) / 2
    total = sum(counts.values())
    half = (total if size is None else min(size, total)) / 2
    wanted = {True: half * share, False: half * (1 - share)}
    there = {one: min(counts[order, one] for order in ORDERS) for one in wanted}
    fits = min(
        [1.0, *(there[one] / number for one, number in wanted.items() if number)]
    )
    rounded = {one: min(there[one], round(wanted[one] * fits)) for one in wanted}
    while size is not None and 2 * sum(rounded.values()) > size:
        rounded[max(rounded, key=lambda one: rounded[one])] -= 1
    return {(order, one): rounded[one] for order, one in counts}


def decide_each(
    judged: Iterable[tuple[Pair, list[Judgment]]], spec: Filter, seed: int
) -> Iterator[JudgedPair]:
    """Every pair with what happens to its judgments, before any cut."""
    for pair, own in judged:
        preferences = [read_stated(judgment.text, judgment.order) for judgment in own]
        outcomes = decide_pair(pair, own, preferences, spec, seed)
        yield JudgedPair(pair, own, outcomes)


def smallest_size(matched: Iterable[Path] | None) -> int | None:
    """The rows of the smallest of some files; None without one."""
    sizes = [sum(1 for _ in read_lines(path)) for path in matched or ()]
    return min(sizes, default=None)


def drop_accepted(judged: JudgedPair) -> JudgedPair:
    """The pair with what was accepted of it dropped, for want of room."""
    outcomes: list[Outcome] = [
        "over_matched_size" if outcome == "accepted" else outcome
        for outcome in judged.outcomes
    ]
    return judged._replace(outcomes=outcomes)


def filter_files(
    *,
    pairs: Path,
    dropped_pairs: Path,
    judgments: Path,
    accepted: Path,
    dropped: Path,
    template: str,
    spec: Filter,
    size: int | None,
    seed: int,
    min_rows: int = 1,
) -> None:
    """Write the accepted rows and the dropped judgments of a filter.

    Raises ValueError, and writes nothing, if fewer than ``min_rows`` judgments are
    accepted that training is to imitate; one by reward needs none.  A filter that is
    cut to others needs one: they had enough, and it may have fewer by construction.
    ``dropped_pairs`` is read only to say what became of the prompts.
    """
    fewest = 1 if spec.accepted_as_many_as else min_rows

    def read() -> Iterator[tuple[Pair, list[Judgment]]]:
        return join_judgments(
            read_records(pairs, Pair), read_records(judgments, Judgment)
        )

    counts: Counter[Outcome] = Counter()
    with writing(accepted) as accepted_file, writing(dropped) as dropped_file:
        for pair, own, outcomes in decide(read, spec, size, seed):
            for judgment, outcome in zip(own, outcomes, strict=True):
                counts[outcome] += 1
                if outcome == "accepted":
                    row = training_row(pair, judgment, template)
                    accepted_file.write(encode(row))
                else:
                    dropped_file.write(dropped_line(judgment, outcome))
        if counts["accepted"] < fewest and spec.learns_by == "imitation":
            raise ValueError(
                explain_too_few(counts, pairs, dropped_pairs, judgments, fewest)
            )


def training_row(pair: Pair, judgment: Judgment, template: str) -> Accepted:
    """The line that training reads: what the judge saw, and what it answered."""
    text = judge_text(pair, judgment.order, template)
    return Accepted(
        images=pair.images,
        messages=[
            user_turn(len(pair.images), text),
            assistant_turn(judgment.text),  # as generated; training strips it
        ],
        prompt_id=pair.prompt_id,
        pair_id=pair.id,
        judgment_id=judgment.id,
        order=judgment.order,
    )


def explain_too_few(
    counts: Counter[Outcome],
    pairs: Path,
    dropped_pairs: Path,
    judgments: Path,
    min_rows: int,
) -> str:
    """The error text for a filter that left too little to train on, in three lines."""
    num_accepted, num_judgments = counts["accepted"], counts.total()
    num_pairs = sum(1 for _ in read_lines(pairs))
    why = Counter(one.reason for one in read_records(dropped_pairs, DroppedLine))
    num_prompts = num_pairs + why.total()
    dropped = {name: number for name, number in counts.items() if name != "accepted"}
    if num_accepted:
        needed = -(-min_rows * num_prompts // num_accepted)
        hint = (
            f"at this rate {needed} prompts an iteration, "
            "'pool.prompts_per_iteration', are enough; a smaller 'train.min_rows' "
            "trains all the same"
        )
    else:
        hint = (
            f"read the first lines of {judgments}; if most are unparsed, the judge "
            "may have lost the verdict format; if all are over_matched_size, it never "
            "says one letter, or what this filter is cut to has nothing"
        )
    return (
        f"{judgments}: accepted judgments must be at least {min_rows}, "
        f"'train.min_rows' (got {num_accepted} of {num_judgments}: "
        f"{tell_counts(dropped) or 'there are none'})\n"
        f"{dropped_pairs}: of {num_prompts} prompts {num_pairs} gave a pair "
        f"({tell_counts(why) or 'none was dropped'})\nHint: {hint}."
    )
