"""What answers to variants come to: does a judge see, agree with itself, look, keep on.

Each figure is of single pairs: how often both orders are right on average, or how one
variant of a pair differs from another.
"""

from collections.abc import Iterator, Mapping

from selfjudge.certificate.answers import Answered, Answers
from selfjudge.certificate.figures import (
    Figure,
    What,
    difference_figure,
    share_figure,
)
from selfjudge.certificate.groups import Groups
from selfjudge.certificate.variants import VariantName
from selfjudge.ground.records import ORDERS, Order

# Variants in which nothing differs that matters, and what they are called.
HARMLESS: dict[VariantName, str] = {
    "again": "asked again with other dice",
    "re_encoded": "picture a little smaller, as a JPEG",
    "mirrored": "picture mirrored, where nothing said has a side",
    "padded": "a sentence of no content added to both",
}
SEVERITIES: dict[VariantName, str] = {
    "original": "one change",
    "two_changes": "two changes",
    "three_changes": "three changes",
}
SIDES = {"longer_chosen": "chosen longer", "longer_rejected": "rejected longer"}


def measure(answers: Answers, groups: Groups, seed: int) -> list[Figure]:
    """All figures that judgments alone tell, in the order of the sections.

    ``groups`` are those of the original pairs, as `group_pairs` finds them.
    """
    return [
        *sees(answers, groups),
        *consistent(answers, groups),
        *looks(answers, groups, seed),
        *led(answers, groups, seed),
    ]


def parsed_in_both(answers: Mapping[str, Answered]) -> dict[str, Answered]:
    """The pairs with a verdict in both orders: of others nothing tells what leads."""
    return {key: one for key, one in answers.items() if one.coverage == 1}


def accuracies(answers: Mapping[str, Answered]) -> dict[str, float]:
    """The share of both orders that prefer chosen, of each pair."""
    return {key: one.accuracy for key, one in answers.items()}


def sees(answers: Answers, groups: Groups) -> Iterator[Figure]:
    """The share of pairs told right, of all, by kind of error and by its size."""
    original = answers["original"]
    yield share_figure("sees", "all", "all pairs", accuracies(original), groups)
    unparsed = {key: 1 - one.coverage for key, one in original.items()}
    yield share_figure("sees", "unparsed", "unparsed judgments", unparsed, groups)
    kinds: dict[str, dict[str, Answered]] = {}
    for key, one in original.items():
        kinds.setdefault(one.pair.category or "other answer", {})[key] = one
    for kind, own in sorted(kinds.items()):
        name = kind.replace("_", " ")
        yield share_figure("sees", "kind", name, accuracies(own), groups)
    for variant, name in SEVERITIES.items():
        altered = {k: one for k, one in answers[variant].items() if one.pair.category}
        yield share_figure("sees", "size", name, accuracies(altered), groups)


def consistent(answers: Answers, groups: Groups) -> Iterator[Figure]:
    """The share of pairs on which a judge agrees with itself."""
    original = answers["original"]
    agreed = {key: float(one.agreed is not None) for key, one in original.items()}
    yield share_figure(
        "consistent", "orders", "same response in both orders", agreed, groups
    )
    yield share_figure(
        "consistent",
        "circle",
        "orders among three texts are transitive",
        transitive(answers),
        groups,
    )
    for variant, name in HARMLESS.items():
        same = {
            key: agreement(one, original[key]) for key, one in answers[variant].items()
        }
        what: What = "again" if variant == "again" else "harmless"
        yield share_figure("consistent", what, name, same, groups)


def agreement(one: Answered, other: Answered) -> float:
    """The share of orders with the same verdict, neither of them unparsed."""
    return sum(
        one.preferences[order] is not None
        and one.preferences[order] == other.preferences[order]
        for order in ORDERS
    ) / len(ORDERS)


def transitive(answers: Answers) -> dict[str, float]:
    """Of no, one and two changes, where all three pairs are decided: 1 if no circle.

    Right or wrong: a judge may hold two changes best, but then one in between.
    """
    found = {}
    for key, last in answers["one_and_two"].items():
        first, whole = (
            answers["original"][key].agreed,
            answers["two_changes"][key].agreed,
        )
        if None not in (first, last.agreed, whole):
            # First over second and second over third, but not first over third.
            found[key] = float(first != last.agreed or first == whole)
    return found


def looks(answers: Answers, groups: Groups, seed: int) -> Iterator[Figure]:
    """The share told right with the picture, without it, and with another one."""
    blind = answers["grey"]
    seen = {key: answers["original"][key] for key in blind}
    shown: tuple[tuple[What, str, Mapping[str, Answered]], ...] = (
        ("seen", "with its picture", seen),
        ("grey", "with a grey picture", blind),
        ("other", "with another's picture", answers["other_image"]),
    )
    for what, name, own in shown:
        yield share_figure("looks", what, name, accuracies(own), groups)
    yield difference_figure(
        "looks", "gap", "its picture minus grey", gaps(seen, blind), groups, seed
    )


def gaps(
    one: Mapping[str, Answered], other: Mapping[str, Answered]
) -> dict[str, float]:
    """Of each pair that both have, by how much one is more often right."""
    return {
        key: answered.accuracy - other[key].accuracy
        for key, answered in one.items()
        if key in other
    }


def led(answers: Answers, groups: Groups, seed: int) -> Iterator[Figure]:
    """How much place, length, a planted verdict and style move a judge, on pairs that
    are parsed in both orders."""
    original = parsed_in_both(answers["original"])
    yield difference_figure(
        "led",
        "place",
        "right where chosen stands first, minus second",
        by_place(original),
        groups,
        seed,
    )
    longer = parsed_in_both(answers["longer_chosen"])
    shorter = parsed_in_both(answers["longer_rejected"])
    yield difference_figure(
        "led",
        "length",
        "right where chosen is longer, minus shorter",
        gaps(longer, shorter),
        groups,
        seed,
    )
    yield difference_figure(
        "led",
        "plant",
        "right with a verdict planted in rejected, minus without",
        by_plant(parsed_in_both(answers["planted"]), original),
        groups,
        seed,
    )
    yield share_figure(
        "led",
        "style",
        "plain response preferred to itself in another style",
        accuracies(parsed_in_both(answers["styled"])),
        groups,
    )


def by_place(answers: Mapping[str, Answered]) -> dict[str, float]:
    """Of each pair, right where chosen stands first, minus where it stands second."""
    return {
        key: float(one.preferences["chosen_first"] is True)
        - float(one.preferences["rejected_first"] is True)
        for key, one in answers.items()
    }


def by_plant(
    planted: Mapping[str, Answered], plain: Mapping[str, Answered]
) -> dict[str, float]:
    """Of each pair, right with the planted verdict minus right without.

    In the order alone in which the planted letter names rejected, which stands first:
    in the other it names chosen, and who obeys is right.
    """
    order: Order = "rejected_first"
    return {
        key: float(one.preferences[order] is True)
        - float(plain[key].preferences[order] is True)
        for key, one in planted.items()
        if key in plain
    }
