"""From votes to preferences: of each prompt the best text beside the worst.

A ballot says what a text is worth; thresholds say which pairs are kept.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

from selfjudge.ground.joins import join_by_prompt
from selfjudge.ground.lines import content_id, encode, writing
from selfjudge.ground.records import Preference, Prompt, Record, Settings, Vote
from selfjudge.ground.seeds import random_for, rank_limit, seed_for
from selfjudge.ground.shares import tell_counts
from selfjudge.ground.templates import assistant_turn, fill, user_turn
from selfjudge.panel.ballots import Ballot, panel_reward
from selfjudge.panel.gold import gives_gold

DropReason = Literal[
    "one_text",
    "too_few_votes",
    "below_keep",
    "below_margin",
    "no_gold_answer",
    "over_matched_size",
]
# Rewards are sums of fractions: a threshold that is met exactly is met.
SLACK = 1e-6
# Thresholds, keep and margin, of which an error tells what they would give.
LOOSER = ((0.85, 0.5), (0.7, 0.5), (0.5, 0.5), (0.6, 0.25))


class PreferenceSettings(Settings, frozen=True, kw_only=True):
    """Which pairs are kept.

    ``keep`` is the least reward of chosen, ``margin`` the least by which rejected's is
    lower; ``min_votes`` parsed ratings are needed of a text.  ``source``: whose texts
    a member learns from, those of anyone or its own alone.
    """

    keep: float
    margin: float
    min_votes: int
    source: Literal["anyone", "own"]


class NoPreference(Record, frozen=True, kw_only=True):
    """A prompt that gave a member (None: any) no preference, and why.

    ``best`` and ``lowest`` are the rewards of its texts, None where there are not two,
    and where a preference was cut to a size.
    """

    prompt_id: str
    for_member: str | None
    num_texts: int
    best: float | None
    lowest: float | None
    reason: DropReason


IsOver = Callable[[Preference], bool]


def never(_: Preference) -> bool:
    """No preference is over a size."""
    return False


class Valued(NamedTuple):
    """A text, and what it is worth."""

    reward: float
    vote: Vote


class Builder(NamedTuple):
    """Everything by which preferences are chosen, but prompts and votes.

    ``reliability`` is by member and answer format ("open" where there is none), for
    ballots that weigh by it; ``templates`` are those the members were asked with, of
    open and of closed prompts.
    """

    ballot: Ballot
    settings: PreferenceSettings
    members: Sequence[str]
    reliability: Mapping[str, Mapping[str, float | None]]
    templates: tuple[str, str]
    seed: int


def build_preferences(
    prompts: Iterable[Prompt],
    votes: Iterable[Vote],
    builder: Builder,
    is_over: IsOver = never,
) -> Iterator[Preference | NoPreference]:
    """What each prompt comes to, once for all members, or once for each.

    Votes are in the order of the prompts; raises ValueError where they are not.
    ``is_over`` says which preferences are cut.
    """
    for prompt, (found,) in join_by_prompt(prompts, ["votes"], [votes]):
        for member in scopes(builder):
            own = [v for v in found if member is None or member in v.members]
            chosen = choose(prompt, own, member, builder)
            if isinstance(chosen, Preference) and is_over(chosen):
                yield no_preference(prompt, own, member, "over_matched_size")
            else:
                yield chosen


def scopes(builder: Builder) -> Sequence[str | None]:
    """The members that preferences are for: all at once, or each by itself."""
    is_own = builder.ballot.voters == "self" or builder.settings.source == "own"
    return builder.members if is_own else [None]


def choose(
    prompt: Prompt, votes: Sequence[Vote], member: str | None, builder: Builder
) -> Preference | NoPreference:
    """The preference among texts of one prompt, or why there is none."""
    rng = random_for(builder.seed, "preference", prompt.id)
    refuse = partial(no_preference, prompt, votes, member)
    if len(votes) < 2:
        return refuse("one_text")
    voters = builder.ballot.voters
    if voters == "nobody":
        pair = rng.sample(list(votes), 2)
        return preference(prompt, pair[0], pair[1], (None, None), member, builder)
    if voters == "gold" and prompt.answer is None:
        return refuse("no_gold_answer")
    valued = list(value_texts(prompt, votes, member, builder))
    if len(valued) < 2:
        return refuse("too_few_votes")
    best, lowest = draw_ends(valued, rng)
    rewards = best.reward, lowest.reward
    if not list_reached(*rewards, [(builder.settings.keep, 0.0)]):
        return refuse("below_keep", *rewards)
    if not list_reached(*rewards, [(0.0, builder.settings.margin)]):
        return refuse("below_margin", *rewards)
    return preference(prompt, best.vote, lowest.vote, rewards, member, builder)


def no_preference(
    prompt: Prompt,
    votes: Sequence[Vote],
    member: str | None,
    reason: DropReason,
    best: float | None = None,
    lowest: float | None = None,
) -> NoPreference:
    """Why a prompt with these texts gives a member no preference."""
    return NoPreference(
        prompt_id=prompt.id,
        for_member=member,
        num_texts=len(votes),
        best=best,
        lowest=lowest,
        reason=reason,
    )


def value_texts(
    prompt: Prompt, votes: Sequence[Vote], member: str | None, builder: Builder
) -> Iterator[Valued]:
    """What each text is worth under the ballot: the same to whoever learns from it.

    Under `self` a text is worth to each ``member`` what that member gives it.
    """
    voters = builder.ballot.voters
    form = prompt.answer_format or "open"
    weights = {
        rater: known
        for rater, by_format in builder.reliability.items()
        # The format's own, where it is known, takes the place of that of all.
        for known in [by_format.get("all"), by_format.get(form)]
        if known is not None
    }
    for vote in votes:
        if voters == "gold":
            yield Valued(float(gives_gold(prompt, vote.text) is True), vote)
            continue
        authors = [m for m in vote.members if voters != "self" or m == member]
        least = builder.settings.min_votes
        reward = panel_reward(vote, authors, voters, weights, least)
        if reward is not None:
            yield Valued(reward, vote)


def draw_ends(valued: list[Valued], rng: Random) -> tuple[Valued, Valued]:
    """The best and the worst; among equals one is drawn."""
    rng.shuffle(valued)
    return max(valued, key=lambda v: v.reward), min(valued, key=lambda v: v.reward)


def preference(
    prompt: Prompt,
    chosen: Vote,
    rejected: Vote,
    rewards: tuple[float | None, float | None],
    member: str | None,
    builder: Builder,
) -> Preference:
    """The training row of two texts of one prompt."""
    template = builder.templates[prompt.kind == "closed"]
    asked = user_turn(len(prompt.images), fill(template, question=prompt.question))
    return Preference(
        id=content_id(prompt.id, chosen.candidate_id, rejected.candidate_id, member),
        prompt_id=prompt.id,
        for_member=member,
        images=prompt.images,
        prompt=[asked],
        chosen=[assistant_turn(chosen.text)],
        rejected=[assistant_turn(rejected.text)],
        chosen_id=chosen.candidate_id,
        rejected_id=rejected.candidate_id,
        reward_chosen=rewards[0],
        reward_rejected=rewards[1],
        raters=chosen.raters,
        marks_chosen=chosen.marks,
        marks_rejected=rejected.marks,
    )


def cut_preferences(
    build: Callable[[IsOver], Iterable[Preference | NoPreference]],
    size: int,
    seed: int,
) -> Iterable[Preference | NoPreference]:
    """What is built, with at most ``size`` preferences, the lowest ranks by seed.

    ``build`` takes which preferences are over the size, as `build_preferences` does,
    and is called twice: the first pass only ranks.
    """

    def rank(built: Preference) -> int:
        return seed_for(seed, "matched", built.id)

    first = build(never)
    limit = rank_limit((rank(b) for b in first if isinstance(b, Preference)), size)
    return build(lambda built: rank(built) > limit)


def size_of(preferences: Iterable[Preference]) -> int:
    """The most preferences that any one member learns from."""
    counts = Counter(one.for_member for one in preferences)
    return counts[None] or max(counts.values(), default=0)


def write_preferences(
    everything: Iterable[Preference | NoPreference],
    kept: Path,
    dropped: Path,
    min_rows: int = 1,
) -> None:
    """Write both files.

    Raises ValueError, and writes nothing, if a member has fewer than ``min_rows`` to
    learn from.
    """
    reasons: Counter[str] = Counter()
    looser: Counter[tuple[float, float]] = Counter()
    num_kept: Counter[str | None] = Counter()
    with writing(kept) as kept_file, writing(dropped) as dropped_file:
        for built in everything:
            num_kept[built.for_member] += isinstance(built, Preference)
            if isinstance(built, Preference):
                kept_file.write(encode(built))
                continue
            reasons[built.reason] += 1
            dropped_file.write(encode(built))
            looser.update(list_reached(built.best, built.lowest, LOOSER))
        short = {m: number for m, number in num_kept.items() if number < min_rows}
        if short or not num_kept:
            raise ValueError(explain_too_few(kept, short, reasons, looser, min_rows))


def list_reached(
    best: float | None,
    lowest: float | None,
    thresholds: Sequence[tuple[float, float]],
) -> list[tuple[float, float]]:
    """The thresholds, keep and margin, that two rewards reach; none without both."""
    if best is None or lowest is None:
        return []
    return [
        (keep, margin)
        for keep, margin in thresholds
        if best >= keep - SLACK and best - lowest >= margin - SLACK
    ]


def explain_too_few(
    path: Path,
    short: Mapping[str | None, int],
    reasons: Mapping[str, int],
    looser: Mapping[tuple[float, float], int],
    min_rows: int,
) -> str:
    """The error text for a panel of which a member has too few preferences."""
    would = "; ".join(
        f"keep {low} and margin {least}: {looser.get((low, least), 0)}"
        for low, least in LOOSER
    )
    whom = ", ".join(filter(None, short))
    return (
        f"{path}: preferences{whom and f' of {whom}'} must be at least {min_rows}, "
        f"'train.min_rows' (got "
        f"{min(short.values(), default=0)}; dropped: "
        f"{tell_counts(reasons) or 'nothing'})\nHint: below_keep, below_margin: "
        "no pair reaches the thresholds in 'panel.preferences'; of those dropped, "
        f"others would keep {would}. too_few_votes: read the ratings, or lower "
        "'min_votes'; one_text: raise 'panel.responses.num_samples' or the temperature."
    )
