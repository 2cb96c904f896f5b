"""Whether pairs are fair: what tells chosen from rejected without the picture.

Nothing should.  What words or length alone can tell, a judge may learn instead of
looking.
"""

from collections.abc import Sequence

from selfjudge.certificate.figures import Figure, What, share_figure
from selfjudge.certificate.groups import Groups
from selfjudge.ground.records import Pair

NUM_FOLDS = 5


def measure_leak(pairs: Sequence[Pair], groups: Groups, seed: int) -> list[Figure]:
    """How often words alone, and length alone, tell the chosen response; .5 is fair.

    Of all pairs, and of open and closed ones.  No words where pairs are of fewer than
    two of the ``groups``, as `group_pairs` finds them.
    """
    by_words = score_by_words(pairs, groups, seed)
    by_length = {pair.id: longer_is_chosen(pair) for pair in pairs}
    told_by: dict[What, dict[str, float]] = {"words": by_words, "length": by_length}
    parts = {"": pairs} | {
        f", {kind} pairs": [pair for pair in pairs if pair.kind == kind]
        for kind in ("open", "closed")
    }
    return [
        share_figure(
            "fair",
            "part" if name else what,
            f"{what} alone{name}",
            {pair.id: scores[pair.id] for pair in part},
            groups,
        )
        for what, scores in told_by.items()
        for name, part in parts.items()
        if part and scores
    ]


def longer_is_chosen(pair: Pair) -> float:
    """1 if the chosen response has more characters, .5 if as many."""
    chosen, rejected = len(pair.chosen), len(pair.rejected)
    return 0.5 if chosen == rejected else float(chosen > rejected)


def score_by_words(
    pairs: Sequence[Pair], groups: Groups, seed: int
) -> dict[str, float]:
    """Of each pair whether a linear classifier of words holds chosen the better one.

    It counts words and pairs of words of a response, and is fitted on pairs of other
    pictures: five parts, each told by the other four.  Empty where there are no two
    pictures.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    shown = [groups[pair.id] for pair in pairs for _ in range(2)]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(shown))}
    if len(numbers) < 2:
        return {}
    words = CountVectorizer(
        ngram_range=(1, 2), binary=True, token_pattern=r"\w+|[^\w\s]"
    )
    classifier = make_pipeline(words, LogisticRegression(max_iter=1000))
    state = seed % 2**32  # sklearn takes no more
    folds = GroupKFold(min(NUM_FOLDS, len(numbers)), shuffle=True, random_state=state)
    found = cross_val_predict(
        classifier,
        [text for pair in pairs for text in (pair.chosen, pair.rejected)],
        [1, 0] * len(pairs),
        groups=[numbers[group] for group in shown],
        cv=folds,
        method="decision_function",
    )
    return {
        pair.id: 0.5 if chosen == rejected else float(chosen > rejected)
        for pair, chosen, rejected in zip(pairs, found[::2], found[1::2], strict=True)
    }
