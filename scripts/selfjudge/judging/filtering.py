"""Which judgments become training data: those that agree with the construction.

Most decisions concern one pair alone, and one pass over the files makes them.
Where caps, balance or a size cut across pairs, a first pass finds what is cut, and
the second one writes.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from selfjudge.ground.lines import dropped_line, encode, read_records, writing
from selfjudge.ground.records import Accepted, Judgment, Pair
from selfjudge.ground.templates import assistant_turn, user_turn
from selfjudge.judging.acceptance import OUTCOMES, Decided, FilterSettings, decide_pair
from selfjudge.judging.asks import judge_text
from selfjudge.judging.counts import FilterCounts
from selfjudge.judging.cuts import cut
from selfjudge.judging.orders import keeps_both_orders
from selfjudge.judging.verdicts import read_stated
from selfjudge.pairs.filters import Filter


def join_judgments(
    pairs: Iterable[Pair], judgments: Iterable[Judgment]
) -> Iterator[tuple[Pair, list[Judgment]]]:
    """Each pair with its judgments; judgments come in the order of the pairs.

    Raises ValueError on a pair without judgments, on judgments of unknown pairs
    or out of order.
    """
    judgments = iter(judgments)
    waiting = next(judgments, None)
    for pair in pairs:
        own: list[Judgment] = []
        while waiting is not None and waiting.pair_id == pair.id:
            own.append(waiting)
            waiting = next(judgments, None)
        if not own:
            raise ValueError(
                f"judgments: the next 'pair_id' must be {pair.id!r}, in the order of "
                f"the pairs (got {waiting.pair_id if waiting else None!r}). "
                "Hint: a shard may be missing, or the files are not of one run."
            )
        yield pair, own
    if waiting is not None:
        raise ValueError(
            "judgments: 'pair_id' must be a pair of the pairs file, in its order "
            f"(got {waiting.pair_id!r})"
        )


def decide(
    read: Callable[[], Iterable[tuple[Pair, list[Judgment]]]],
    spec: Filter,
    settings: FilterSettings,
    size: int | None,
    seed: int,
) -> Iterator[Decided]:
    """What happens to every judgment, in the order of the pairs.

    ``read`` gives the pairs with their judgments; it is called twice if there is
    something to cut.  ``size`` is the most judgments to accept, for a filter that
    must not have more data than another; None for no limit.
    """

    def decide_each() -> Iterator[Decided]:
        for pair, own in read():
            preferences = [
                read_stated(judgment.text, judgment.order) for judgment in own
            ]
            outcomes = decide_pair(own, preferences, spec, settings, seed)
            yield Decided(pair, own, preferences, outcomes)

    # What is right in both orders is balanced as it is.
    is_cut = size is not None or settings.max_per_category is not None
    if not is_cut and settings.accept == "both_orders":
        yield from decide_each()
        return
    codes = cut(decide_each(), settings, size, seed)
    start = 0
    for decided in decide_each():
        end = start + len(decided.judgments)
        yield decided._replace(outcomes=[OUTCOMES[code] for code in codes[start:end]])
        start = end


def filter_files(
    *,
    pairs: Path,
    judgments: Path,
    accepted: Path,
    dropped: Path,
    template: str,
    spec: Filter,
    settings: FilterSettings,
    size: int | None,
    both_orders_rate: float | None,
    seed: int,
) -> dict[str, Any]:
    """The report of a filter, after writing its accepted and dropped files.

    ``both_orders_rate`` is the share of pairs that a cascade judged in both orders
    whatever the first verdict; None if all were.
    Raises ValueError, and writes nothing, if not a single judgment is accepted.
    """

    def read() -> Iterator[tuple[Pair, list[Judgment]]]:
        return join_judgments(
            read_records(pairs, Pair), read_records(judgments, Judgment)
        )

    def is_unbiased(pair_id: str) -> bool:
        rate = both_orders_rate
        return rate is None or keeps_both_orders(pair_id, rate, seed)

    counts = FilterCounts(is_unbiased)
    with writing(accepted) as accepted_file, writing(dropped) as dropped_file:
        for decided in decide(read, spec, settings, size, seed):
            counts.add(decided)
            pair, own, _, outcomes = decided
            for judgment, outcome in zip(own, outcomes, strict=True):
                if outcome == "accepted":
                    row = training_row(pair, judgment, template)
                    accepted_file.write(encode(row))
                else:
                    dropped_file.write(dropped_line(judgment, outcome))
        report = counts.report()
        if not report["num_accepted"]:
            raise ValueError(explain_nothing_accepted(report, judgments))
    return report


def training_row(pair: Pair, judgment: Judgment, template: str) -> Accepted:
    """The line that training reads: what the judge saw, and what it answered."""
    text = judge_text(pair, judgment.order, template)
    return Accepted(
        images=pair.images,
        messages=[
            user_turn(len(pair.images), text),
            assistant_turn(judgment.text),  # as generated: no token changes
        ],
        pair_id=pair.id,
        judgment_id=judgment.id,
        order=judgment.order,
    )


def explain_nothing_accepted(report: dict[str, Any], judgments: Path) -> str:
    """The error text for a filter that left nothing to train on."""
    reasons = ", ".join(f"{name} {n}" for name, n in report["dropped"].items())
    return (
        f"{judgments}: at least one judgment must agree with its pair "
        f"(got {report['num_judgments']} judgments of {report['num_pairs']} pairs, "
        f"all dropped: {reasons or 'there are none'}). "
        f"Hint: read the first lines of {judgments}; "
        "if most are unparsed, the judge may have lost the verdict format."
    )
