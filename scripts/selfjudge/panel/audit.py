"""Whether preferences are worth a training: counts, lengths, and gold where known.

Preferences must be righter than the members are: trained on worse ones, a panel falls,
and further at each iteration, since worse members choose worse.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from selfjudge.ground.joins import join_by_prompt
from selfjudge.ground.records import Preference, Prompt, Response, Vote
from selfjudge.ground.shares import round_share, share_of
from selfjudge.pairs.responses import leave_thought
from selfjudge.panel.gold import gives_gold
from selfjudge.panel.preferences import NoPreference, list_reached

# Thresholds of which the report tells how many preferences they would give.
KEEPS = (0.6, 0.7, 0.8, 0.85, 0.9)
MARGINS = (0.25, 0.5, 0.75)
THRESHOLDS = [(keep, margin) for keep in KEEPS for margin in MARGINS]
ALL = "all"


def count_preferences(
    prompts: Iterable[Prompt],
    preferences: Iterable[Preference],
    dropped: Iterable[NoPreference],
    own_answers: Mapping[str, Iterable[Response]],
) -> dict[str, Any]:
    """The counts of one ballot at one iteration.

    ``own_answers`` are each member's greedy ones, by which `gold` says how right it is
    itself.  All streams are in the order of the prompts.
    """
    names = ["preferences", "dropped_preferences"]
    names += [f"own answers of {member}" for member in own_answers]
    streams: list[Iterable[Any]] = [preferences, dropped, *own_answers.values()]
    reasons: Counter[str] = Counter()
    reached: Counter[tuple[float, float]] = Counter()
    by_member: Counter[str] = Counter()
    words: Counter[str] = Counter()
    gold = GoldCount(list(own_answers))
    num_prompts = 0
    for prompt, (kept, refused, *answers) in join_by_prompt(prompts, names, streams):
        num_prompts += 1
        reasons.update(one.reason for one in refused)
        for pair in kept:
            by_member[pair.for_member or ALL] += 1
            words["chosen"] += len(text_of(pair.chosen).split())
            words["rejected"] += len(text_of(pair.rejected).split())
            rewards = pair.reward_chosen, pair.reward_rejected
            reached.update(list_reached(*rewards, THRESHOLDS))
        for one in refused:
            reached.update(list_reached(one.best, one.lowest, THRESHOLDS))
        if prompt.answer is not None:
            gold.add(prompt, kept, answers)
    number = by_member.total()
    return {
        "num_prompts": num_prompts,
        "num_preferences": number,
        "for_member": dict(sorted(by_member.items())),
        "num_dropped": reasons.total(),
        "dropped": dict(sorted(reasons.items())),
        "num_words": {
            side: round_share(words[side] / number) if number else None
            for side in ("chosen", "rejected")
        },
        "would_keep": {
            f"{keep}, {margin}": reached[keep, margin] for keep, margin in THRESHOLDS
        },
        "gold": gold.report(),
    }


class GoldCount:
    """How right preferences and members are on prompts whose answer is known."""

    def __init__(self, members: list[str]) -> None:
        self.members = members
        self.seen: Counter[str] = Counter()
        self.right: Counter[tuple[str, str]] = Counter()
        self.pairs: Counter[str] = Counter()
        self.chosen: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()

    def add(
        self, prompt: Prompt, kept: list[Preference], answers: list[list[Response]]
    ) -> None:
        """Count one prompt in, under its source and under all."""
        for group in (prompt.source, ALL):
            self.seen[group] += 1
            for member, own in zip(self.members, answers, strict=True):
                spoken = map(leave_thought, own)
                said = [one.text for one in spoken if one.finish_reason != "length"]
                self.right[group, member] += any(gives_gold(prompt, t) for t in said)
            for pair in kept:
                self.pairs[group] += 1
                self.chosen[group] += gives_gold(prompt, text_of(pair.chosen)) is True
                self.rejected[group] += (
                    gives_gold(prompt, text_of(pair.rejected)) is True
                )

    def report(self) -> dict[str, Any] | None:
        """By source, shares of right texts; None where no answer is known."""
        if not self.seen:
            return None
        return {
            group: {
                "num_prompts": self.seen[group],
                "num_preferences": self.pairs[group],
                "chosen_right_rate": share_of(self.chosen[group], self.pairs[group]),
                "rejected_right_rate": share_of(
                    self.rejected[group], self.pairs[group]
                ),
                "members_right_rate": {
                    member: share_of(self.right[group, member], self.seen[group])
                    for member in self.members
                },
            }
            for group in sorted(self.seen)
        }


def text_of(turns: list[dict[str, Any]]) -> str:
    """The text of one assistant's turn."""
    return str(turns[-1]["content"][0]["text"])
