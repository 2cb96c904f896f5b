"""The counts of `pairs_report.json`, from the files of a filter's pairs."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, get_args

from selfjudge.ground.records import DroppedLine, Pair, Prompt
from selfjudge.pairs.answers import extract_answer, normalise_gold
from selfjudge.pairs.expressions import widen_format

GoldCheck = Literal["right", "both_wrong", "reversed"]
GOLD_CHECKS: tuple[GoldCheck, ...] = get_args(GoldCheck)


def count_pairs(
    prompts: Iterable[Prompt], pairs: Iterable[Pair], dropped: Iterable[DroppedLine]
) -> dict[str, Any]:
    """Pairs by kind, origin, category and votes; dropped records by reason.

    `purity` is of majority pairs that have a gold answer: by votes, in how many
    chosen is right, neither response is, or rejected is.  Prompts and pairs are in
    the same order; raises ValueError where they are not.
    """
    waiting = iter(prompts)
    prompt = next(waiting, None)
    kinds: Counter[str] = Counter()
    origins: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    votes: Counter[int] = Counter()
    checks: Counter[tuple[int, GoldCheck]] = Counter()
    for pair in pairs:
        while prompt is not None and prompt.id != pair.prompt_id:
            prompt = next(waiting, None)
        if prompt is None:
            raise ValueError(
                f"pair {pair.id}: 'prompt_id' must be a prompt of this iteration, in "
                f"the order of the prompts (got {pair.prompt_id!r})"
            )
        kinds[pair.kind] += 1
        origins[pair.origin] += 1
        if pair.category:
            categories[pair.category] += 1
        if pair.num_votes is not None:
            votes[pair.num_votes] += 1
            check = check_by_gold(prompt, pair)
            if check is not None:
                checks[pair.num_votes, check] += 1
    reasons = Counter(head.reason for head in dropped)
    return {
        "num_pairs": kinds.total(),
        "num_closed": kinds["closed"],
        "num_open": kinds["open"],
        "num_dropped": reasons.total(),
        "origins": dict(sorted(origins.items())),
        "categories": dict(sorted(categories.items())),
        "votes": {str(number): n for number, n in sorted(votes.items())},
        "purity": purity_by_votes(checks),
        "dropped": dict(sorted(reasons.items())),
    }


def purity_by_votes(
    checks: Counter[tuple[int, GoldCheck]],
) -> dict[str, dict[GoldCheck, int]]:
    """The checks of each number of votes, fewest votes first."""
    numbers = sorted({number for number, _ in checks})
    return {
        str(number): {check: checks[number, check] for check in GOLD_CHECKS}
        for number in numbers
    }


def check_by_gold(prompt: Prompt, pair: Pair) -> GoldCheck | None:
    """What the gold answer, where there is one, says of a pair by majority answer.

    It is for the counts alone: nothing is chosen by it.
    """
    if pair.origin != "majority_answer" or prompt.answer is None:
        return None
    assert prompt.answer_format is not None
    answer_format = widen_format(
        prompt.answer_format, (pair.chosen, pair.rejected, prompt.answer)
    )
    gold = normalise_gold(prompt.answer, answer_format, prompt.question)
    if gold == extract_answer(pair.chosen, answer_format, prompt.question):
        return "right"
    is_reversed = gold == extract_answer(pair.rejected, answer_format, prompt.question)
    return "reversed" if is_reversed else "both_wrong"
