"""What a judge is asked about a pair, and the judgment that its answer becomes."""

from collections.abc import Iterator
from pathlib import Path

from selfjudge.ground.lines import content_id
from selfjudge.ground.records import ORDERS, Judgment, Order, Pair
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.ground.seeds import seed_for
from selfjudge.ground.templates import fill, image_paths, user_turn

JUDGE_FIELDS = ("question", "response_a", "response_b")


def judge_text(pair: Pair, order: Order, template: str) -> str:
    """What the judge reads about a pair, the responses in the given order."""
    first, second = pair.chosen, pair.rejected
    if order == "rejected_first":
        first, second = second, first
    return fill(template, question=pair.question, response_a=first, response_b=second)


def judgment_requests(
    pair: Pair,
    template: str,
    num_samples: int,
    sampling: Sampling,
    image_root: Path,
    run_seed: int,
) -> Iterator[Request]:
    """Both orders of a pair, ``num_samples`` each; the id is ``pair/order/sample``.

    The seed depends on neither iteration nor filter: the judge differs anyway,
    and what filters share at iteration 1 is answered from the journal.
    """
    for order in ORDERS:
        for sample in range(num_samples):
            yield judgment_request(
                pair, order, sample, template, sampling, image_root, run_seed
            )


def judgment_request(
    pair: Pair,
    order: Order,
    sample: int,
    template: str,
    sampling: Sampling,
    image_root: Path,
    run_seed: int,
) -> Request:
    """One sample of a pair in one order; the id is ``pair/order/sample``."""
    return Request(
        id=f"{pair.id}/{order}/{sample}",
        messages=[user_turn(len(pair.images), judge_text(pair, order, template))],
        images=image_paths(pair.images, image_root),
        sampling=sampling,
        seed=seed_for(run_seed, "judgment", pair.id, order, sample),
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
