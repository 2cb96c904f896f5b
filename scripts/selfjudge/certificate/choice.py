"""Which judge to use, by certificates alone: the one expected right most often.

Not the first within a standard error of the best, nor the last: such a rule pays for a
simpler model by up to a standard error, and all judges of a run are equally simple.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import mean, stdev

from selfjudge.certificate.certifying import Certificate
from selfjudge.certificate.groups import Groups
from selfjudge.ground.records import Record

Scores = Mapping[str, float]  # of each pair, by id


class Candidate(Record, frozen=True, kw_only=True):
    """A judge beside the chosen one, on the same pairs.

    ``accuracy`` is the share of judgments that are right, ``expected`` how large it is
    on average over draws of the verdicts.  ``behind`` is by how much more often the
    chosen one is expected to be right, and ``standard_error`` that of this difference;
    ``is_near`` if it is no more than one of them behind.
    """

    iteration: int
    filter: str
    accuracy: float
    expected: float
    behind: float
    standard_error: float
    is_near: bool


class Step(Record, frozen=True, kw_only=True):
    """By how much more often one judge is expected to be right than another, on the
    same pairs."""

    gain: float
    standard_error: float


class Choice(Record, frozen=True, kw_only=True):
    """The judge that is chosen, and why.

    ``over_base`` is its gain over the base model, ``last_step`` that of the last
    iteration over the one before, of the same filter; None where there is one iteration
    only.  One more iteration would be told from the chosen judge if it were expected to
    be right on more than ``expected_needed`` of the same pairs.
    """

    iteration: int
    filter: str
    accuracy: float
    expected: float
    words: str
    num_pairs: int
    over_base: Step
    last_step: Step | None
    expected_needed: float
    candidates: list[Candidate]


def choose(base: Certificate, certificates: Sequence[Certificate]) -> Choice:
    """The judge that is expected to be right on most of the held-out pairs.

    Certificates are in the order in which judges are preferred where they are level: by
    iteration, and the main filter first.  A standard error is that of a difference on
    the same pairs, those that share a picture counting as one.  Raises ValueError where
    the pairs are not the same.
    """
    scores = [scores_of(one) for one in certificates]
    check_same(base, certificates)
    best = max(range(len(scores)), key=lambda at: (mean(scores[at].values()), -at))
    groups = {one.pair_id: one.group for one in base.outcomes}
    candidates = [
        candidate_of(one, own, step(own, scores[best], groups))
        for one, own in zip(certificates, scores, strict=True)
    ]
    chosen = candidates[best]
    over_base = step(scores_of(base), scores[best], groups)
    last = last_step(certificates, scores, groups, chosen.filter)
    error = max([one.standard_error for one in (last, over_base) if one], default=0.0)
    needed = round(min(1.0, chosen.expected + error), 6)
    return Choice(
        iteration=chosen.iteration,
        filter=chosen.filter,
        accuracy=chosen.accuracy,
        expected=chosen.expected,
        words=say_choice(chosen, candidates, over_base, last, needed),
        num_pairs=len(groups),
        over_base=over_base,
        last_step=last,
        expected_needed=needed,
        candidates=candidates,
    )


def scores_of(certificate: Certificate) -> dict[str, float]:
    """How far a judge is expected to be right on each pair."""
    return {one.pair_id: one.expected for one in certificate.outcomes}


def check_same(base: Certificate, certificates: Sequence[Certificate]) -> None:
    """Check that all certificates are of the same pairs, at least two."""
    known = scores_of(base).keys()
    if len(known) < 2:
        raise ValueError(
            f"certificates must be of at least two pairs (got {len(known)}). Hint: "
            "raise 'certificate.share'."
        )
    for one in certificates:
        if scores_of(one).keys() != known:
            raise ValueError(
                f"certificates must be of the same pairs as the base model's (got "
                f"others at iteration {one.iteration}, {one.filter})"
            )


def step(before: Scores, after: Scores, groups: Groups) -> Step:
    """The mean gain over pairs, and its standard error over groups of pairs."""
    gains: dict[str, list[float]] = {}
    for key, score in after.items():
        gains.setdefault(groups[key], []).append(score - before[key])
    gain = mean(one for own in gains.values() for one in own)
    # Of a mean whose parts are sums over groups, about the mean.
    spread = [sum(one - gain for one in own) for own in gains.values()]
    number = sum(map(len, gains.values()))
    error = stdev(spread) * sqrt(len(spread)) / number if len(spread) > 1 else 0.0
    return Step(gain=round(gain, 6), standard_error=round(error, 6))


def candidate_of(certificate: Certificate, own: Scores, best: Step) -> Candidate:
    """A judge, and by how much the best one is ahead of it."""
    return Candidate(
        iteration=certificate.iteration,
        filter=certificate.filter,
        accuracy=round(mean(one.accuracy for one in certificate.outcomes), 6),
        expected=round(mean(own.values()), 6),
        behind=best.gain,
        standard_error=best.standard_error,
        is_near=best.gain <= best.standard_error,
    )


def last_step(
    certificates: Sequence[Certificate],
    scores: Sequence[Scores],
    groups: Groups,
    filter_name: str,
) -> Step | None:
    """What the last iteration of a filter brought."""
    own = [
        (one.iteration, scores[at])
        for at, one in enumerate(certificates)
        if one.filter == filter_name
    ]
    own.sort(key=lambda pair: pair[0])
    return step(own[-2][1], own[-1][1], groups) if len(own) > 1 else None


def say_choice(
    chosen: Candidate,
    candidates: Sequence[Candidate],
    over_base: Step,
    last: Step | None,
    needed: float,
) -> str:
    """The choice in sentences."""
    place = f"of iteration {chosen.iteration}, {chosen.filter}"
    share = f"{100 * chosen.expected:.1f} %"
    best = f"it is expected to be right most often, on {share}."
    if direction(over_base) < 0:
        said = [f"Best of {len(candidates)} is the judge {place}: {best}"]
    else:
        said = [f"Use the judge {place}: of {len(candidates)} {best}"]
    near = [one for one in candidates if one.is_near and one is not chosen]
    if near:
        named = ", ".join(
            f"iteration {one.iteration}, {one.filter} ({100 * one.behind:.1f} points "
            f"behind, standard error {100 * one.standard_error:.1f})"
            for one in near
        )
        said.append(f"Not told from it by one standard error: {named}.")
    said.append(say_base(over_base))
    if last is not None:
        steps = ("gained nothing that is told from chance", "still gained", "lost")
        said.append(f"The last iteration {steps[direction(last)]}: {points(last)}.")
    said.append(
        f"One more would have to be expected right on more than {100 * needed:.1f} % "
        "to be told from it."
    )
    return " ".join(said)


def say_base(over_base: Step) -> str:
    """How the chosen judge stands to the base model, and which of both to use."""
    told = points(over_base)
    if direction(over_base) > 0:
        return f"It is above the base model by {told}."
    if direction(over_base) < 0:
        return f"It is below the base model by {told}: use the base model instead."
    return (
        f"It is not told from the base model, {told}: there is no reason to use it "
        "instead."
    )


def direction(one: Step) -> int:
    """1 where a gain is more than one standard error, -1 where a loss is, else 0."""
    return (one.gain > one.standard_error) - (one.gain < -one.standard_error)


def points(one: Step) -> str:
    """A gain in points, with its standard error; a loss that is told has no sign."""
    gain = abs(one.gain) if direction(one) else one.gain
    gain, error = 100 * gain, 100 * one.standard_error
    return f"{gain:.1f} points (standard error {error:.1f})"
