"""From raw ratings to what each rater gives a candidate."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from selfjudge.ground.records import Candidate, Prompt, Rating, Settings, Vote
from selfjudge.panel.candidates import join_by_prompt
from selfjudge.panel.marks import parse_marks, reward_of


class Criteria(Settings, frozen=True, kw_only=True):
    """What is marked, in this order, and what each mark weighs."""

    weights: dict[str, float]


def count_votes(
    prompts: Iterable[Prompt],
    candidates: Iterable[Candidate],
    ratings: Mapping[str, Iterable[Rating]],
    criteria: Criteria,
) -> Iterator[Vote]:
    """The vote on each candidate, in their order; ratings are by member.

    A rating that was cut off, or is unparsed, gives no reward.  Raises ValueError on
    a rating of no candidate.
    """
    names, weights = list(criteria.weights), list(criteria.weights.values())
    streams: list[Iterable[Any]] = [candidates, *ratings.values()]
    titles = ["candidates", *(f"ratings of {member}" for member in ratings)]
    for _, (listed, *rated) in join_by_prompt(prompts, titles, streams):
        texts = [{one.candidate_id: one for one in own} for own in rated]
        check_rated({one.id for one in listed}, ratings, texts)
        for candidate in listed:
            marks = [marks_of(own.get(candidate.id), names) for own in texts]
            yield Vote(
                candidate_id=candidate.id,
                prompt_id=candidate.prompt_id,
                text=candidate.text,
                members=candidate.members,
                raters=tuple(ratings),
                marks=tuple(marks),
                rewards=tuple(
                    None if given is None else reward_of(given, weights)
                    for given in marks
                ),
            )


def marks_of(rating: Rating | None, criteria: list[str]) -> str | None:
    """The marks of a rating; None if it is unparsed, was cut off, or is not there."""
    if rating is None or rating.finish_reason == "length":
        return None
    return parse_marks(rating.text, criteria)


def check_rated(
    known: set[str], members: Iterable[str], texts: Iterable[Mapping[str, Rating]]
) -> None:
    """Raise ValueError if a rating is of no candidate of its prompt."""
    for member, own in zip(members, texts, strict=True):
        for rating in own.values():
            if rating.candidate_id not in known:
                raise ValueError(
                    f"ratings of {member}: 'candidate_id' must be a candidate of the "
                    f"prompt (got {rating.candidate_id!r} in {rating.id})"
                )
