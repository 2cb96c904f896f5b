"""Which judgments become training data: those that agree with the construction.

Two passes over the same files.  The first parses every verdict and remembers
one byte a judgment and a few numbers an accepted pair; then the cuts (caps,
balance, size) are made on those numbers; the second pass writes.  Memory stays
near 20 bytes a judgment however long the judgments are, and only what is accepted
is decoded twice.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from selfjudge.filters import Filter
from selfjudge.records import (
    Accepted,
    Judgment,
    Pair,
    dropped_line,
    encode,
    read_lines,
    read_records,
    writing,
)
from selfjudge.rendering import assistant_turn, judge_text, user_turn
from selfjudge.seeds import seed_for
from selfjudge.verdicts import parse_verdict, prefers_chosen

Outcome = Literal[
    "accepted",
    "unparsed",
    "truncated",
    "wrong_verdict",
    "wrong_in_other_order",
    "extra_trace",
    "over_category_cap",
    "unbalanced_order",
    "over_matched_size",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
CODE = {outcome: code for code, outcome in enumerate(OUTCOMES)}


class FilterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is accepted beyond a right verdict.

    ``accept``: `both_orders` needs a right judgment in each order of the pair,
    `single` in one.  ``max_per_category``: most pairs of one category (for
    closed pairs, of one origin), or None for no cap.
    """

    accept: Literal["both_orders", "single"]
    max_per_category: int | None


class Decisions(NamedTuple):
    """What happens to each judgment of a file, in its order, and the counts.

    ``num_judgments`` counts the judgments of each pair, in the order of the pairs.
    """

    codes: bytearray
    num_judgments: "array[int]"
    report: dict[str, Any]


class Units:
    """What may be accepted together: one pair's chosen traces, as plain numbers.

    ``first`` and ``second`` are positions in the judgments file of the trace
    with the chosen response first, and with the rejected first; -1 for none.
    """

    def __init__(self) -> None:
        self.rank = array("Q")
        self.category = array("H")
        self.first = array("q")
        self.second = array("q")
        self.names: dict[str, int] = {}

    def add(self, rank: int, category: str, first: int, second: int) -> None:
        """Remember one pair's traces."""
        self.rank.append(rank)
        self.category.append(self.names.setdefault(category, len(self.names)))
        self.first.append(first)
        self.second.append(second)

    def positions(self, unit: int) -> list[int]:
        """The positions of a unit's judgments."""
        return [at for at in (self.first[unit], self.second[unit]) if at >= 0]

    @staticmethod
    def is_accepted(side: "array[int]", unit: int, codes: bytearray) -> bool:
        """Whether a unit has an accepted judgment on one side."""
        return side[unit] >= 0 and codes[side[unit]] == CODE["accepted"]

    def count(self, side: "array[int]", codes: bytearray) -> int:
        """The number of accepted judgments on one side."""
        return sum(self.is_accepted(side, unit, codes) for unit in range(len(side)))

    def by_rank(self) -> list[int]:
        """The units in seeded order."""
        return sorted(range(len(self.rank)), key=self.rank.__getitem__)


def join_judgments(
    pairs: Iterable[Pair], judgments: Iterable[Judgment]
) -> Iterator[tuple[Pair, list[Judgment]]]:
    """Each pair with its judgments; judgments come in the order of the pairs.

    Raises ValueError on judgments of unknown pairs or out of order.
    """
    judgments = iter(judgments)
    waiting = next(judgments, None)
    for pair in pairs:
        own: list[Judgment] = []
        while waiting is not None and waiting.pair_id == pair.id:
            own.append(waiting)
            waiting = next(judgments, None)
        yield pair, own
    if waiting is not None:
        raise ValueError(
            "judgments: 'pair_id' must be a pair of the pairs file, in its order "
            f"(got {waiting.pair_id!r})"
        )


def decide(
    pairs: Iterable[Pair],
    judgments: Iterable[Judgment],
    spec: Filter,
    settings: FilterSettings,
    size: int | None,
    seed: int,
) -> Decisions:
    """What happens to every judgment.

    ``size`` is the most judgments to accept, for a filter that must not have
    more data than another; None for no limit.
    """
    codes = bytearray()
    num_judgments = array("I")
    units = Units()
    by_category: Counter[str] = Counter()
    for pair, own in join_judgments(pairs, judgments):
        num_judgments.append(len(own))
        by_category[pair_category(pair)] += 1
        if own:
            decide_pair(pair, own, spec, settings, codes, units, seed)
    cut_categories(units, codes, settings.max_per_category)
    balance_orders(units, codes)
    cut_size(units, codes, size)
    # A cut of whole pairs may tip the balance again where some count once only.
    balance_orders(units, codes)
    return Decisions(codes, num_judgments, report(codes, units, by_category))


def decide_pair(
    pair: Pair,
    own: list[Judgment],
    spec: Filter,
    settings: FilterSettings,
    codes: bytearray,
    units: Units,
    seed: int,
) -> None:
    """Append the codes of one pair's judgments, and its unit if it has one."""
    start = len(codes)
    right: dict[str, list[int]] = {"chosen_first": [], "rejected_first": []}
    for at, judgment in enumerate(own, start=start):
        outcome = check_judgment(judgment, spec)
        codes.append(CODE[outcome])
        if outcome == "accepted":
            right[judgment.order].append(at)
    both = all(right.values())
    if not any(right.values()):
        return
    if settings.accept == "both_orders" and not both:
        for at in right["chosen_first"] + right["rejected_first"]:
            codes[at] = CODE["wrong_in_other_order"]
        return
    kept = {"chosen_first": -1, "rejected_first": -1}
    for order, positions in right.items():
        if len(positions) > 1:
            positions.sort(key=lambda at: trace_rank(own[at - start], seed))
        for place, at in enumerate(positions):
            if place == 0:
                kept[order] = at
            else:
                codes[at] = CODE["extra_trace"]
    rank = seed_for(seed, "accept", pair.id)
    units.add(rank, pair_category(pair), kept["chosen_first"], kept["rejected_first"])


def check_judgment(judgment: Judgment, spec: Filter) -> Outcome:
    """Whether a judgment by itself could be accepted, or why not."""
    verdict = parse_verdict(judgment.text)
    if verdict is None:
        return "unparsed"
    if judgment.finish_reason == "length":
        # It would teach the judge to go on after its verdict.
        return "truncated"
    if spec.accept == "right" and not prefers_chosen(verdict, judgment.order):
        return "wrong_verdict"
    return "accepted"


def trace_rank(judgment: Judgment, seed: int) -> int:
    """The seeded rank by which one of several right traces is kept."""
    return seed_for(seed, "trace", judgment.id)


def pair_category(pair: Pair) -> str:
    """What a cap counts: the injected error, or for closed pairs the origin."""
    return pair.category or pair.origin


def cut_categories(units: Units, codes: bytearray, most: int | None) -> None:
    """Drop what exceeds ``most`` pairs of one category, by seeded rank."""
    if most is None:
        return
    taken: Counter[int] = Counter()
    for unit in units.by_rank():
        taken[units.category[unit]] += 1
        if taken[units.category[unit]] > most:
            for at in units.positions(unit):
                codes[at] = CODE["over_category_cap"]


def balance_orders(units: Units, codes: bytearray) -> None:
    """Drop surplus judgments so that chosen stands first as often as second."""
    first, second = units.first, units.second
    surplus = units.count(first, codes) - units.count(second, codes)
    if surplus == 0:
        return
    side, other = (first, second) if surplus > 0 else (second, first)
    # Pairs that are right in both orders stay whole as long as singles suffice.
    alone_last = sorted(
        (unit for unit in units.by_rank() if units.is_accepted(side, unit, codes)),
        key=lambda unit: not units.is_accepted(other, unit, codes),
    )
    for unit in alone_last[-abs(surplus) :]:
        codes[side[unit]] = CODE["unbalanced_order"]


def cut_size(units: Units, codes: bytearray, size: int | None) -> None:
    """Drop whole pairs, by seeded rank, until at most ``size`` judgments are left."""
    if size is None:
        return
    accepted = CODE["accepted"]
    used = 0
    for unit in units.by_rank():
        positions = [at for at in units.positions(unit) if codes[at] == accepted]
        if used + len(positions) <= size:
            used += len(positions)
            continue
        for at in positions:
            codes[at] = CODE["over_matched_size"]


def report(
    codes: bytearray,
    units: Units,
    by_category: Counter[str],
) -> dict[str, Any]:
    """The counts of `filter_report.json`; accepted and dropped add up to all.

    A category's ``num_accepted`` counts pairs with at least one accepted judgment.
    """
    outcomes = {outcome: codes.count(code) for outcome, code in CODE.items()}
    num_accepted = outcomes.pop("accepted")
    names = list(units.names)
    accepted = Counter(
        names[units.category[unit]]
        for unit in range(len(units.rank))
        if units.is_accepted(units.first, unit, codes)
        or units.is_accepted(units.second, unit, codes)
    )

    return {
        "num_pairs": by_category.total(),
        "num_judgments": len(codes),
        "num_accepted": num_accepted,
        "num_dropped": len(codes) - num_accepted,
        "accepted_rate": round(num_accepted / max(1, len(codes)), 6),
        "orders": {
            "chosen_first": units.count(units.first, codes),
            "rejected_first": units.count(units.second, codes),
        },
        "dropped": {outcome: n for outcome, n in outcomes.items() if n},
        "categories": {
            name: {"num_pairs": by_category[name], "num_accepted": accepted[name]}
            for name in sorted(by_category)
        },
    }


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
    seed: int,
) -> dict[str, Any]:
    """The report of a filter, after writing its accepted and dropped files.

    Raises ValueError, and writes nothing, if not a single judgment is accepted.
    """

    decisions = decide(
        read_records(pairs, Pair),
        read_records(judgments, Judgment),
        spec,
        settings,
        size,
        seed,
    )
    if not decisions.report["num_accepted"]:
        raise ValueError(explain_nothing_accepted(decisions.report, judgments))
    with writing(accepted) as accepted_file, writing(dropped) as dropped_file:
        for line, is_accepted in final_lines(pairs, judgments, decisions, template):
            (accepted_file if is_accepted else dropped_file).write(line)
    return decisions.report


def final_lines(
    pairs: Path, judgments: Path, decisions: Decisions, template: str
) -> Iterator[tuple[bytes, bool]]:
    """The second pass: each judgment's line to write, and whether it is accepted.

    All lines were checked by the first pass, so those of dropped judgments are
    not decoded again.
    """
    decode_pair = msgspec.json.Decoder(Pair).decode
    decode_judgment = msgspec.json.Decoder(Judgment).decode
    lines = (line for _, line in read_lines(judgments))
    codes = iter(decisions.codes)
    pair_lines = (line for _, line in read_lines(pairs))
    for pair_line, count in zip(pair_lines, decisions.num_judgments, strict=True):
        pair = None
        for line, code in zip(islice(lines, count), islice(codes, count), strict=True):
            if OUTCOMES[code] == "accepted":
                pair = pair or decode_pair(pair_line)
                row = training_row(pair, decode_judgment(line), template)
                yield encode(row), True
            else:
                yield dropped_line(line, OUTCOMES[code]), False


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
