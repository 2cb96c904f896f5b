"""What a judge is asked about a pair, and the judgment that its answer becomes.

An `Ask` says what stands where: which pair, in which order, for which sample, by
which template and sampling.  A decision writes asks; one stage answers them all.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from selfjudge.ground.lines import content_id
from selfjudge.ground.records import ORDERS, Ask, Judgment, Order, Pair
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.templates import fill, image_paths, user_turn

JUDGE_FIELDS = ("question", "response_a", "response_b")
JUDGE_TEMPLATE = "judge.txt"


def ask_both_orders(
    pairs: Iterable[Pair], num_samples: int, sampling: Sampling, run_seed: int
) -> Iterator[Ask]:
    """Asks for both orders of every pair, ``num_samples`` each, in pair order.

    The seed depends on neither iteration nor filter: the judge differs anyway,
    and what filters share at iteration 1 is answered from the journal.
    """
    for pair in pairs:
        for order in ORDERS:
            for sample in range(num_samples):
                yield make_ask(
                    pair.id, order, sample, JUDGE_TEMPLATE, sampling, run_seed
                )


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


def judge_text(pair: Pair, order: Order, template: str) -> str:
    """What the judge reads about a pair, the responses in the given order."""
    first, second = pair.chosen, pair.rejected
    if order == "rejected_first":
        first, second = second, first
    return fill(template, question=pair.question, response_a=first, response_b=second)


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
