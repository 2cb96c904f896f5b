"""Certificates of judges that are known: what they answer, and how sure they are."""

from collections.abc import Callable

from examples import make_pair
from selfjudge.certificate.answers import Answered, Answers
from selfjudge.certificate.certifying import Certificate, certify
from selfjudge.certificate.variants import VARIANTS, VariantName
from selfjudge.ground.records import ORDERS, Order, Pair
from selfjudge.judging.verdicts import stated_letter

TEXTS = (
    "Two dogs run on a green field near the old house.",
    "Three dogs run on a green field near the old house.",
    "Three dogs run on a brown field near the old house.",
    "Three dogs run on a brown field near the new house.",
)
Judge = Callable[[VariantName, Pair, Order], bool | None]


def open_pair(number: int = 0, **changes: object) -> Pair:
    """A pair with an injected error."""
    fields: dict[str, object] = {
        "kind": "open",
        "origin": "alteration",
        "category": "count",
        "chosen": TEXTS[0],
        "rejected": TEXTS[1],
        "num_votes": None,
        "num_votes_rejected": None,
    }
    return make_pair(number, **(fields | changes))


def answers_of(judge: Judge, number: int = 40) -> Answers:
    """What a judge answers to every variant of so many pairs."""
    pairs = [open_pair(at, images=(f"{at}.png",)) for at in range(number)]
    return {
        name: {
            pair.id: Answered(
                pair, {order: judge(name, pair, order) for order in ORDERS}
            )
            for pair in pairs
        }
        for name in VARIANTS
    }


def groups_of(answers: Answers) -> dict[str, str]:
    """The group of each pair: its one picture."""
    return {key: one.pair.images[0] for key, one in answers["original"].items()}


def perfect(variant: VariantName, pair: Pair, order: Order) -> bool:
    """Right where there is a right answer and a picture; else A."""
    if variant in ("grey", "other_image", "styled"):
        return order == "chosen_first"
    return True


def always_first(variant: VariantName, pair: Pair, order: Order) -> bool:
    """Prefers what stands first."""
    return order == "chosen_first"


def sure(certainty: float, is_right: bool) -> dict[Order, tuple[float, float]]:
    """The weights of a judge with log-odds ``certainty`` in both orders."""
    return {order: weights_of(certainty, order, is_right) for order in ORDERS}


def weights_of(
    certainty: float, order: Order, is_right: bool | None
) -> tuple[float, float]:
    """The weights of "A" and "B" in one order; None knows not what it prefers."""
    if is_right is None:
        return 0.0, 0.0
    is_first = stated_letter(order, is_right) == "A"
    return (0.0, -certainty) if is_first else (-certainty, 0.0)


def certificate_of(
    judge: Judge, iteration: int = 1, base: Certificate | None = None
) -> Certificate:
    """The certificate of a judge that is as sure of every verdict."""
    answers = answers_of(judge)
    weighed = {
        key: {order: weights_of(2.0, order, one.preferences[order]) for order in ORDERS}
        for key, one in answers["original"].items()
    }
    return certify(
        iteration, "majority", answers, weighed, groups_of(answers), [], base, 0, 1.0
    )
