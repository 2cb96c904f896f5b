"""From raw ratings to what each rater gives a candidate."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from selfjudge.ground.joins import join_by_prompt
from selfjudge.ground.records import Candidate, Prompt, Rating, Settings, Vote
from selfjudge.panel.marks import parse_marks, parse_sections, reward_of
from selfjudge.panel.rating import Mode
from selfjudge.panel.tournament import win_rates


class Criteria(Settings, frozen=True, kw_only=True):
    """What is marked, in this order, and what each mark weighs; and how it is asked."""

    weights: dict[str, float]
    mode: Mode


def count_votes(
    prompts: Iterable[Prompt],
    candidates: Iterable[Candidate],
    ratings: Mapping[str, Iterable[Rating]],
    criteria: Criteria,
    scorers: Collection[str] = (),
) -> Iterator[Vote]:
    """The vote on each candidate, in their order; ratings are by rater.

    ``scorers`` are raters that compare two candidates at a time, and mark none.  A
    rating that was cut off, or is unparsed, gives no reward.  Raises ValueError on
    a rating of no candidate.
    """
    weights = list(criteria.weights.values())
    streams: list[Iterable[Any]] = [candidates, *ratings.values()]
    titles = ["candidates", *(f"ratings of {member}" for member in ratings)]
    for _, (listed, *rated) in join_by_prompt(prompts, titles, streams):
        check_rated({one.id for one in listed}, ratings, rated)
        marks: list[dict[str, str]] = []
        rewards: list[dict[str, float]] = []
        for member, own in zip(ratings, rated, strict=True):
            given = {} if member in scorers else read_marks(own, criteria)
            marks.append(given)
            rewards.append(
                win_rates(own)
                if member in scorers
                else {one: reward_of(digits, weights) for one, digits in given.items()}
            )
        for candidate in listed:
            yield Vote(
                candidate_id=candidate.id,
                prompt_id=candidate.prompt_id,
                text=candidate.text,
                members=candidate.members,
                raters=tuple(ratings),
                marks=tuple(own.get(candidate.id) for own in marks),
                rewards=tuple(own.get(candidate.id) for own in rewards),
            )


def read_marks(ratings: Iterable[Rating], criteria: Criteria) -> dict[str, str]:
    """The marks of each candidate of which a rating is parsed."""
    names = list(criteria.weights)
    optional = [name for name, weight in criteria.weights.items() if not weight]
    found: dict[str, str] = {}
    for rating in ratings:
        if rating.finish_reason == "length":
            continue
        sections: Sequence[str | None] = (
            parse_sections(rating.text, names, len(rating.candidate_ids), optional)
            if criteria.mode == "relative"
            else [parse_marks(rating.text, names, optional)]
        )
        pairs = zip(rating.candidate_ids, sections, strict=True)
        found |= {one: digits for one, digits in pairs if digits is not None}
    return found


def check_rated(
    known: set[str], members: Iterable[str], rated: Iterable[Iterable[Rating]]
) -> None:
    """Raise ValueError if a rating is of no candidate of its prompt."""
    for member, own in zip(members, rated, strict=True):
        for rating in own:
            for one in rating.candidate_ids:
                if one not in known:
                    raise ValueError(
                        f"ratings of {member}: 'candidate_ids' must be candidates of "
                        f"the prompt (got {one!r} in {rating.id})"
                    )
