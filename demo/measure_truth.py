"""Measure one filter of one iteration by the truth of the embedded world.

Reads the scenes of all pictures, and prompts, pairs, judgments and accepted
judgments; writes a row for each measure: over all, by kind of pair, by category
(injected error of an open pair, family of a closed question) and by votes of the
majority answer.  A row that would be of nothing is left out.

The measures, each a share:

purity                  of pairs: chosen is really the better response
inversion               of pairs: rejected is really the better one (else: neither)
verdict_accuracy        of judgments of pairs with a better response: verdict names it
precision               of accepted judgments: their pair is pure
verdict_precision       of accepted judgments: their verdict is really right
dropped_purity          of dropped judgments: their pair is pure
recall                  of really right verdicts: accepted
wrong_reasons           of really right verdicts: a mark on a claim is wrong
wrong_reasons_accepted  of really right and accepted verdicts: the same
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from selfjudge.benchmarks.statistics import Sample, mean_interval
from selfjudge.ground.lines import read_records, write_json
from selfjudge.ground.records import Accepted, Judgment, Kind, Pair, Prompt, Record
from selfjudge.judging.joining import join_judgments
from selfjudge.run.commands import arguments, run
from truth import Known, chosen_is_better, reasons_are_right, verdict_is_right

Measure = Literal[
    "purity",
    "inversion",
    "verdict_accuracy",
    "precision",
    "verdict_precision",
    "dropped_purity",
    "recall",
    "wrong_reasons",
    "wrong_reasons_accepted",
]
MEASURES: tuple[Measure, ...] = get_args(Measure)


class Scene(Record, frozen=True, kw_only=True):
    """What a picture shows, as true claims; ``image`` as prompts name it."""

    image: str
    claims: list[str]


class TruthRow(Record, frozen=True, kw_only=True):
    """One measure over some pairs or their judgments; None: over all of these.

    ``n`` counts what the share is of, ``num_pairs`` the pairs that this comes
    from.  ``low`` and ``high`` are the interval of 95 % over the pairs: the
    judgments of one pair are not independent.
    """

    measure: Measure
    kind: Kind | None
    category: str | None
    num_votes: int | None
    n: int
    num_pairs: int
    rate: float
    low: float
    high: float


class Place(NamedTuple):
    """Where a fact counts; None: everywhere."""

    kind: Kind | None = None
    category: str | None = None
    num_votes: int | None = None


class Fact(NamedTuple):
    """One case of a measure: whether the pair or judgment is what it counts."""

    measure: Measure
    pair: Pair
    category: str
    is_so: bool


def find_facts(
    judged: Iterable[tuple[Pair, list[Judgment]]],
    known: Mapping[str, Known],
    accepted: Collection[str],
) -> Iterator[Fact]:
    """Every case of every measure; ``accepted`` holds ids of judgments."""
    for pair, judgments in judged:
        truth = known[pair.prompt_id]
        # A closed prompt's source is "demo/" and the family of its question.
        category = pair.category or truth.prompt.source.rpartition("/")[2]
        is_better = chosen_is_better(pair, truth)
        for measure, is_so in pair_cases(is_better):
            yield Fact(measure, pair, category, is_so)
        for judgment in judgments:
            is_right = verdict_is_right(judgment, is_better)
            is_reasoned = reasons_are_right(judgment, pair, truth)
            is_accepted = judgment.id in accepted
            for measure, is_so in judgment_cases(
                is_better, is_right, is_reasoned, is_accepted
            ):
                yield Fact(measure, pair, category, is_so)


def pair_cases(is_better: bool | None) -> Iterator[tuple[Measure, bool]]:
    """The measures of a pair, and what it is under each."""
    yield "purity", is_better is True
    yield "inversion", is_better is False


def judgment_cases(
    is_better: bool | None, is_right: bool, is_reasoned: bool, is_accepted: bool
) -> Iterator[tuple[Measure, bool]]:
    """The measures that a judgment is a case of, and what it is under each."""
    if is_better is not None:
        yield "verdict_accuracy", is_right
    if is_accepted:
        yield "precision", is_better is True
        yield "verdict_precision", is_right
    else:
        yield "dropped_purity", is_better is True
    if is_right:
        yield "recall", is_accepted
        yield "wrong_reasons", not is_reasoned
        if is_accepted:
            yield "wrong_reasons_accepted", not is_reasoned


def places_of(fact: Fact) -> list[Place]:
    """The rows that a fact counts in."""
    kind, votes = fact.pair.kind, fact.pair.num_votes
    places = [Place(), Place(kind), Place(kind, fact.category)]
    return places if votes is None else [*places, Place(kind, None, votes)]


def truth_rows(facts: Iterable[Fact]) -> list[TruthRow]:
    """The rows of all measures that have a case, by measure and place."""
    cases: dict[tuple[Measure, Place], list[bool]] = defaultdict(list)
    pairs: dict[tuple[Measure, Place], list[str]] = defaultdict(list)
    for fact in facts:
        for place in places_of(fact):
            cases[fact.measure, place].append(fact.is_so)
            pairs[fact.measure, place].append(fact.pair.id)

    def order(key: tuple[Measure, Place]) -> tuple[object, ...]:
        measure, (kind, category, votes) = key
        return MEASURES.index(measure), kind or "", votes or 0, category or ""

    return [
        truth_row(*key, cases=cases[key], pairs=pairs[key])
        for key in sorted(cases, key=order)
    ]


def truth_row(
    measure: Measure, place: Place, cases: list[bool], pairs: list[str]
) -> TruthRow:
    """The share of the cases that are so, with its interval."""
    rate = sum(cases) / len(cases)
    low, high = mean_interval([Sample(cases, pairs)], seed=0)
    return TruthRow(
        measure=measure,
        **place._asdict(),
        n=len(cases),
        num_pairs=len(set(pairs)),
        rate=round(rate, 6),
        low=round(low, 6),
        high=round(high, 6),
    )


def read_known(prompts: Path, scenes: Path) -> dict[str, Known]:
    """What is known of each prompt, by id; one image a prompt in this world."""
    shown = {scene.image: scene.claims for scene in read_records(scenes, Scene)}
    return {
        prompt.id: Known(prompt, frozenset(shown[prompt.images[0]]))
        for prompt in read_records(prompts, Prompt)
    }


def main() -> None:
    """Read the arguments, measure, write."""
    parser = arguments(__doc__)
    parser.add_argument("--iteration", type=int, required=True)
    parser.add_argument("--filter", required=True)
    for name in ("scenes", "prompts", "pairs", "judgments", "accepted"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    judged = join_judgments(
        read_records(args.pairs, Pair), read_records(args.judgments, Judgment)
    )
    rows = read_records(args.accepted, Accepted)
    facts = find_facts(
        judged,
        read_known(args.prompts, args.scenes),
        {row.judgment_id for row in rows},
    )
    where = {"iteration": args.iteration, "filter": args.filter}
    write_json(args.output, where | {"rows": truth_rows(facts)})


if __name__ == "__main__":
    run(main)
