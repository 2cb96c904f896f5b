"""Pairs that depend on each other: those about the same picture."""

from collections.abc import Iterable, Mapping

from scipy.cluster.hierarchy import DisjointSet

from selfjudge.ground.records import Pair, Prompt

Groups = Mapping[str, str]  # by pair id


def group_pairs(pairs: Iterable[Pair], prompts: Iterable[Prompt]) -> Groups:
    """The group of each pair: pairs that share a picture are in one.

    Pictures are the same if their bytes are.  Of pairs with several pictures those
    are in one group, too, that share one with a third.  A group is named by the first
    of its pictures' hashes, so that its name does not depend on the order of pairs.
    """
    digests = {prompt.id: prompt.image_sha256s for prompt in prompts}
    shown = {pair.id: digests[pair.prompt_id] for pair in pairs}
    pictures: DisjointSet = DisjointSet()
    for first, *others in shown.values():
        pictures.add(first)
        for other in others:
            pictures.add(other)
            pictures.merge(first, other)
    names = {one: min(group) for group in pictures.subsets() for one in group}
    return {key: names[first] for key, (first, *_) in shown.items()}
