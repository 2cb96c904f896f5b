"""What depends on each other: pairs, or questions, about the same picture."""

from collections.abc import Iterable, Mapping, Sequence

from scipy.cluster.hierarchy import DisjointSet

from selfjudge.ground.records import Pair, Prompt

Groups = Mapping[str, str]  # by the id of what is grouped


def group_pairs(pairs: Iterable[Pair], prompts: Iterable[Prompt]) -> Groups:
    """The group of each pair: pairs that share a picture are in one."""
    digests = {prompt.id: prompt.image_sha256s for prompt in prompts}
    return group_by_picture({pair.id: digests[pair.prompt_id] for pair in pairs})


def group_by_picture(shown: Mapping[str, Sequence[str]]) -> Groups:
    """The group of whatever has these pictures: what shares a picture is in one.

    Pictures are the same if their bytes are.  Of what has several pictures those are
    in one group, too, that share one with a third.  A group is named by the first of
    its pictures' hashes, so that its name does not depend on the order.
    """
    pictures: DisjointSet = DisjointSet()
    for first, *others in shown.values():
        pictures.add(first)
        for other in others:
            pictures.add(other)
            pictures.merge(first, other)
    names = {one: min(group) for group in pictures.subsets() for one in group}
    return {key: names[first] for key, (first, *_) in shown.items()}
