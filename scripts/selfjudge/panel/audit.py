"""Whether preferences are worth a training: counts, lengths, and gold where known.

Preferences must be righter than the members are on the same prompts: trained on worse
ones, a panel falls, and further at each iteration, since worse members choose worse.
Over all prompts members are less right, since hard ones are kept more seldom.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from selfjudge.ground.joins import join_by_prompt
from selfjudge.ground.records import Preference, Prompt, Response, Vote
from selfjudge.ground.shares import round_share, share_of
from selfjudge.pairs.answers import extract_answer
from selfjudge.pairs.expressions import widen_format
from selfjudge.pairs.responses import leave_thought
from selfjudge.panel.gold import gives_gold
from selfjudge.panel.preferences import NoPreference, list_reached

# Thresholds of which the report tells how many preferences they would give.
KEEPS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9)
MARGINS = (0.25, 0.5, 0.75)
THRESHOLDS = [(keep, margin) for keep in KEEPS for margin in MARGINS]
ALL = "all"
# Of the prompts that members answer differently: below it a line says so.
LEAST_TAUGHT_RATE = 0.25
# Of what the loosest thresholds keep of them: the strictest that keep it are named.
MUCH_TAUGHT_RATE = 0.75


def count_preferences(
    prompts: Iterable[Prompt],
    votes: Iterable[Vote],
    preferences: Iterable[Preference],
    dropped: Iterable[NoPreference],
    own_answers: Mapping[str, Iterable[Response]],
) -> dict[str, Any]:
    """The counts of one ballot at one iteration.

    ``own_answers`` are each member's greedy ones, by which `gold` says how right it is
    itself.  All streams are in the order of the prompts.  ``num_answers_differ``
    counts the prompts that the members do not all answer alike, and
    ``num_kept_answers_differ`` those of them that gave a preference: only there can a
    peer teach.  ``would_keep`` counts preferences at other thresholds, and
    ``would_keep_answers_differ`` those of such prompts.  ``authors`` are the shares of
    chosen and of rejected texts that each member wrote, alone or with others.
    """
    names = ["votes", "preferences", "dropped_preferences"]
    names += [f"own answers of {member}" for member in own_answers]
    streams: list[Iterable[Any]] = [votes, preferences, dropped, *own_answers.values()]
    reasons: Counter[str] = Counter()
    reached: Counter[tuple[float, float]] = Counter()
    taught: Counter[tuple[float, float]] = Counter()
    by_member: Counter[str] = Counter()
    words: Counter[str] = Counter()
    wrote: Counter[tuple[str, str]] = Counter()
    gold = GoldCount(list(own_answers))
    num_prompts = num_kept = num_differ = num_kept_differ = 0
    for prompt, found in join_by_prompt(prompts, names, streams):
        texts, kept, refused, *answers = found
        num_prompts += 1
        num_kept += bool(kept)
        differ = answers_differ(prompt, answers)
        num_differ += differ
        num_kept_differ += differ and bool(kept)
        authors = {one.candidate_id: one.members for one in texts}
        reasons.update(one.reason for one in refused)
        for pair in kept:
            by_member[pair.for_member or ALL] += 1
            wrote.update((name, "chosen") for name in authors[pair.chosen_id])
            wrote.update((name, "rejected") for name in authors[pair.rejected_id])
            words["chosen"] += len(text_of(pair.chosen).split())
            words["rejected"] += len(text_of(pair.rejected).split())
        rewards = [(pair.reward_chosen, pair.reward_rejected) for pair in kept]
        rewards += [(one.best, one.lowest) for one in refused]
        for best, lowest in rewards:
            reaches = list_reached(best, lowest, THRESHOLDS)
            reached.update(reaches)
            taught.update(reaches if differ else ())
        if prompt.answer is not None:
            gold.add(prompt, kept, answers)
    number = by_member.total()
    return {
        "num_prompts": num_prompts,
        "num_preferences": number,
        "for_member": dict(sorted(by_member.items())),
        "num_kept_prompts": num_kept,
        "num_answers_differ": num_differ,
        "num_kept_answers_differ": num_kept_differ,
        "num_dropped": reasons.total(),
        "dropped": dict(sorted(reasons.items())),
        "authors": {
            member: {
                f"{side}_rate": share_of(wrote[member, side], number)
                for side in ("chosen", "rejected")
            }
            for member in own_answers
        },
        "num_words": {
            side: round_share(words[side] / number) if number else None
            for side in ("chosen", "rejected")
        },
        "would_keep": name_thresholds(reached),
        "would_keep_answers_differ": name_thresholds(taught),
        "gold": gold.report(),
    }


def name_thresholds(counts: Mapping[tuple[float, float], int]) -> dict[str, int]:
    """Counts by the names of `keep` and `margin`."""
    return {f"{keep}, {margin}": counts[keep, margin] for keep, margin in THRESHOLDS}


def tell_untaught(counts: Mapping[str, Any], place: str) -> str:
    """What to say where few prompts that members answer differently are kept, or "".

    ``place`` is the report's.  Nothing where other thresholds would keep no more.
    """
    differ, kept = counts["num_answers_differ"], counts["num_kept_answers_differ"]
    more = counts["would_keep_answers_differ"]
    enough = MUCH_TAUGHT_RATE * max(more.values())
    by_margin = sorted(THRESHOLDS, key=lambda one: (one[1], one[0]), reverse=True)
    names = (f"{keep}, {margin}" for keep, margin in by_margin)
    strictest = next(name for name in names if more[name] >= enough)
    if kept >= LEAST_TAUGHT_RATE * differ or more[strictest] <= kept:
        return ""
    return (
        f"{kept} of {differ} prompts that the members answer differently gave a "
        f"preference, where alone a peer can teach; with keep, margin of {strictest} "
        f"{more[strictest]} would (would_keep_answers_differ in {place})"
    )


def answers_differ(prompt: Prompt, answers: Sequence[Sequence[Response]]) -> bool:
    """Whether members' own answers to a prompt are not all the same.

    Of a prompt without a format, and where a text states no answer, texts are
    compared; one that was cut off is none.
    """
    spoken = [leave_thought(one) for own in answers for one in own]
    texts = [one.text.strip() for one in spoken if one.finish_reason != "length"]
    said = set(texts)
    if prompt.answer_format:
        form = widen_format(prompt.answer_format, texts)
        said = {extract_answer(one, form, prompt.question) or one for one in texts}
    return len(said) + (len(texts) < len(spoken)) > 1


class GoldCount:
    """How right preferences and members are on prompts whose answer is known."""

    def __init__(self, members: list[str]) -> None:
        self.members = members
        self.seen: Counter[str] = Counter()
        self.right: Counter[tuple[str, str]] = Counter()
        self.learnt: Counter[tuple[str, str]] = Counter()
        self.right_learnt: Counter[tuple[str, str]] = Counter()
        self.pairs: Counter[str] = Counter()
        self.chosen: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()

    def add(
        self, prompt: Prompt, kept: list[Preference], answers: list[list[Response]]
    ) -> None:
        """Count one prompt in, under its source and under all."""
        right: dict[str, bool] = {}
        for member, own in zip(self.members, answers, strict=True):
            spoken = map(leave_thought, own)
            said = [one.text for one in spoken if one.finish_reason != "length"]
            right[member] = any(gives_gold(prompt, text) for text in said)
        for group in (prompt.source, ALL):
            self.seen[group] += 1
            for member, is_right in right.items():
                pairs = sum(pair.for_member in (None, member) for pair in kept)
                self.right[group, member] += is_right
                self.learnt[group, member] += pairs
                self.right_learnt[group, member] += pairs * is_right
            for pair in kept:
                self.pairs[group] += 1
                self.chosen[group] += gives_gold(prompt, text_of(pair.chosen)) is True
                self.rejected[group] += (
                    gives_gold(prompt, text_of(pair.rejected)) is True
                )

    def report(self) -> dict[str, Any] | None:
        """By source, shares of right texts; None where no answer is known.

        Members are measured on all prompts, and on those that gave them a preference
        ("kept"): with these alone chosen can be compared.
        """
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
                "members_kept_right_rate": {
                    member: share_of(
                        self.right_learnt[group, member], self.learnt[group, member]
                    )
                    for member in self.members
                },
            }
            for group in sorted(self.seen)
        }


def text_of(turns: list[dict[str, Any]]) -> str:
    """The text of one assistant's turn."""
    return str(turns[-1]["content"][0]["text"])
