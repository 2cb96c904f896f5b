"""What a judge is asked about a pair, and the judgment that its answer becomes.

An `Ask` says what stands where: which pair, in which order, for which sample, by
which template and sampling.  A decision writes asks, as an `Asking` says; one stage
answers them all.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from selfjudge.ground.lines import content_id
from selfjudge.ground.records import (
    ORDERS,
    Ask,
    BenchmarkRow,
    Judgment,
    Order,
    Pair,
    Settings,
)
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.templates import (
    fill,
    image_paths,
    load_template,
    split_template,
    user_turn,
)

JUDGE_FIELDS = ("question", "response_a", "response_b")
JUDGE_TEMPLATE = "judge.txt"
# A second prompt: other words, other names of the responses, another last line.
REWORDED_TEMPLATE = "judge_reworded.txt"
# The same, of a pair of which one criterion decides.
CRITERION_TEMPLATES = {
    JUDGE_TEMPLATE: "judge_criterion.txt",
    REWORDED_TEMPLATE: "judge_reworded_criterion.txt",
}

OrdersAsked = Literal["both", "random", "release"]


class Asking(Settings, frozen=True, kw_only=True):
    """How the judgments of some pairs are asked for.

    ``template`` is a file name.  ``orders``: `both` orders of a pair,
    ``num_samples`` of each; or as many votes, each in a `random` order by the seed,
    or in that of the `release`.
    """

    template: str
    orders: OrdersAsked
    num_samples: int
    sampling: Sampling

    @property
    def num_each(self) -> int:
        """How many judgments are asked for of each pair."""
        return self.num_samples * (len(ORDERS) if self.orders == "both" else 1)


def ask_pairs(
    pairs: Iterable[Pair], rows: Iterable[BenchmarkRow], asking: Asking, run_seed: int
) -> Iterator[Ask]:
    """The asks about pairs, in their order; ``rows`` are for the release's order alone.

    Seeds depend on neither iteration nor filter: the judge differs anyway, and what
    filters share at iteration 1 is answered from the journal.  Raises ValueError
    where a row is needed and missing.
    """
    known = {row.pair_id: row for row in rows}
    for pair in pairs:
        template = asking.template
        if pair.criterion is not None:
            template = CRITERION_TEMPLATES.get(template, template)
        for order, sample in orders_to_ask(pair.id, known, asking, run_seed):
            yield make_ask(pair.id, order, sample, template, asking.sampling, run_seed)


def orders_to_ask(
    pair_id: str, rows: Mapping[str, BenchmarkRow], asking: Asking, run_seed: int
) -> list[tuple[Order, int]]:
    """The order and the sample of every ask about a pair.

    A random order follows from the seed of the run, the pair and the sample, so
    that the release's order, which leaks the label, has no part in it.
    """
    samples = range(asking.num_samples)
    if asking.orders == "both":
        return [(order, sample) for order in ORDERS for sample in samples]
    if asking.orders == "random":
        draws = [seed_for(run_seed, "order", pair_id, sample) for sample in samples]
        return [(ORDERS[draw % 2], sample) for sample, draw in enumerate(draws)]
    if pair_id not in rows:
        raise ValueError(
            f"rows: every pair must have one (got none of {pair_id}). "
            "Hint: pairs and rows may be of different releases."
        )
    return [(release_order(rows[pair_id]), sample) for sample in samples]


def release_order(row: BenchmarkRow) -> Order:
    """The order in which the release holds the two responses."""
    return "chosen_first" if row.chosen_first else "rejected_first"


def make_ask(
    pair_id: str,
    order: Order,
    sample: int,
    template: str,
    sampling: Sampling,
    run_seed: int,
) -> Ask:
    """One sample of a pair in one order; its seed follows from these."""
    return Ask(
        pair_id=pair_id,
        order=order,
        sample=sample,
        seed=seed_for(run_seed, "judgment", pair_id, order, sample),
        template=template,
        **msgspec.structs.asdict(sampling),
    )


def load_judge_template(path: Path) -> str:
    """The text of a judge's template; it may have a place for a criterion."""
    return load_template(path, *JUDGE_FIELDS, optional=("criterion",))


def judge_text(pair: Pair, order: Order, template: str) -> str:
    """What the judge reads about a pair, the responses in the given order.

    Raises ValueError if the pair has a criterion and the template no place for it,
    or the other way round.
    """
    has_place = "criterion" in split_template(template)[1::2]
    if has_place != (pair.criterion is not None):
        must = "no" if has_place else "a"
        raise ValueError(
            f"templates: the one of pair {pair.id} must have {must} place for a "
            "criterion, 'criterion' in braces. Hint: the pair says what decides."
        )
    first, second = pair.chosen, pair.rejected
    if order == "rejected_first":
        first, second = second, first
    return fill(
        template,
        criterion=pair.criterion or "",
        question=pair.question,
        response_a=first,
        response_b=second,
    )


def judgment_requests(
    pairs: Mapping[str, Pair],
    asks: Iterable[Ask],
    templates: Mapping[str, str],
    image_root: Path,
) -> Iterator[Request]:
    """One request for each ask about one of the pairs; asks about others are not ours.

    ``templates`` are texts by file name.  The id is ``pair/order/sample``.
    Raises ValueError where an ask names a template that is not there.
    """
    for ask in asks:
        pair = pairs.get(ask.pair_id)
        if pair is None:
            continue
        if ask.template not in templates:
            raise ValueError(
                f"asks: 'template' must be one of {', '.join(templates)} "
                f"(got {ask.template!r} of pair {ask.pair_id})"
            )
        text = judge_text(pair, ask.order, templates[ask.template])
        yield Request(
            id=f"{ask.pair_id}/{ask.order}/{ask.sample}",
            messages=[user_turn(len(pair.images), text)],
            images=image_paths(pair.images, image_root),
            sampling=sampling_of(ask),
            seed=ask.seed,
        )


def sampling_of(ask: Ask) -> Sampling:
    """How the answer to an ask is drawn."""
    return Sampling(
        max_tokens=ask.max_tokens,
        temperature=ask.temperature,
        top_p=ask.top_p,
        top_k=ask.top_k,
    )


def judgment_from(generation: Generation, request: Request) -> Judgment:
    """The judgment that a generation to a `judgment_requests` request is."""
    pair_id, order, sample = request.id.split("/")
    assert order in ORDERS
    return Judgment(
        id=content_id(pair_id, order, int(sample), request.seed, generation.text),
        pair_id=pair_id,
        order=order,
        sample=int(sample),
        seed=request.seed,
        text=generation.text,
        finish_reason=generation.finish_reason,
    )
