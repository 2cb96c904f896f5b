"""What a member can do: questions with gold answers, by group, before and after.

Greedy answers tell what a member holds most likely; sampled ones rise too where it is
merely surer of what it said before.  So both are scored, and neither stands alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from selfjudge.benchmarks.statistics import Sample, mean_interval, paired_p_value
from selfjudge.ground.joins import join_by_prompt
from selfjudge.ground.lines import clip
from selfjudge.ground.records import Prompt, Record, Response
from selfjudge.ground.requests import SIMULATED_MARK
from selfjudge.ground.shares import round_share
from selfjudge.panel.gold import gives_gold

Decoding = Literal["greedy", "sampled"]
DECODINGS: tuple[Decoding, ...] = ("greedy", "sampled")
OVERALL = "overall"


class ScoredMember(NamedTuple):
    """Whose answers are scored."""

    iteration: int
    ballot: str
    member: str


class Outcome(Record, frozen=True, kw_only=True):
    """How right a member is about one question: shares of its texts, 0 to 1.

    ``unparsed`` texts state no answer; they count as wrong.
    """

    question_id: str
    group: str
    greedy: float
    sampled: float
    unparsed: float


class SkillScores(Record, frozen=True, kw_only=True):
    """One member's outcomes on all questions, in their order."""

    iteration: int
    ballot: str
    member: str
    simulated: bool
    outcomes: list[Outcome]


class SkillRow(Record, frozen=True, kw_only=True):
    """One member's accuracy in a group of questions, beside itself at iteration 0.

    ``low`` and ``high`` are ends of the 95 % interval over pictures, each with all its
    questions; ``gain`` is the difference to iteration 0, ``p_value`` that of its exact
    sign-flip test, of pictures too, both None at iteration 0.  No correction for many
    tests is made.
    """

    ballot: str
    member: str
    iteration: int
    group: str
    decoding: Decoding
    num_questions: int
    unparsed_rate: float
    accuracy: float
    low: float
    high: float
    gain: float | None
    p_value: float | None


class PanelRow(Record, frozen=True, kw_only=True):
    """The mean over all members: what a ballot did to a panel."""

    ballot: str
    iteration: int
    group: str
    decoding: Decoding
    accuracy: float
    gain: float | None


class Comparison(Record, frozen=True, kw_only=True):
    """`skills.json`: all ballots of an iteration, the members as they came first."""

    iteration: int
    simulated: bool
    panel: list[PanelRow]
    members: list[SkillRow]


def check_questions(questions: Iterable[Prompt]) -> None:
    """Raise ValueError at the first question whose answer cannot be compared."""
    for question in questions:
        if question.answer is None or question.answer_format is None:
            raise ValueError(
                "skills: each question must have an 'answer' and a short "
                f"'answer_format' (got {clip(question.question)!r} without). Hint: "
                "give both in the file that 'panel.skills.path' names."
            )


def score_answers(
    who: ScoredMember,
    questions: Iterable[Prompt],
    greedy: Iterable[Response],
    sampled: Iterable[Response],
) -> SkillScores:
    """The outcome of each question; all streams are in their order.

    Raises ValueError on a question that a decoding has no text of.
    """
    outcomes: list[Outcome] = []
    simulated = False
    names = ["greedy answers", "sampled answers"]
    for question, texts in join_by_prompt(questions, names, [greedy, sampled]):
        for name, own in zip(names, texts, strict=True):
            if not own:
                raise ValueError(
                    f"{name}: must answer every question (got none of {question.id})"
                )
            simulated |= any(SIMULATED_MARK in one.text for one in own)
        right = [[is_answer_right(question, one) for one in own] for own in texts]
        every = [found for own in right for found in own]
        outcomes.append(
            Outcome(
                question_id=question.id,
                group=question.source,
                greedy=mean_of([found is True for found in right[0]]),
                sampled=mean_of([found is True for found in right[1]]),
                unparsed=mean_of([found is None for found in every]),
            )
        )
    return SkillScores(
        iteration=who.iteration,
        ballot=who.ballot,
        member=who.member,
        simulated=simulated,
        outcomes=outcomes,
    )


def is_answer_right(question: Prompt, response: Response) -> bool | None:
    """Whether a response gives the gold answer; None if it gives none."""
    is_cut = response.finish_reason == "length"
    return None if is_cut else gives_gold(question, response.text)


def compare_members(
    iteration: int,
    scores: Sequence[SkillScores],
    base: Sequence[SkillScores],
    picture_of: Mapping[str, str],
) -> Comparison:
    """All members at an iteration, each beside itself at iteration 0.

    ``picture_of`` has one name, by question id, for all questions that share a picture.
    Raises ValueError where a member was not asked the same questions before, or others
    than these.
    """
    for score in base:
        asked = [one.question_id for one in score.outcomes]
        if strange := [name for name in asked if name not in picture_of]:
            raise ValueError(
                f"skills of {score.member}: must be of the questions that stand in "
                f"skills.jsonl (got {strange[0]})"
            )
    before = {score.member: score for score in base}
    rows = [row for score in base for row in skill_rows(score, None, picture_of)]
    for score in scores:
        known = [one.question_id for one in before[score.member].outcomes]
        if known != [one.question_id for one in score.outcomes]:
            raise ValueError(
                f"skills of {score.member}: must be of the same questions as at "
                "iteration 0 (got others)"
            )
        rows += skill_rows(score, before[score.member], picture_of)
    return Comparison(
        iteration=iteration,
        simulated=any(score.simulated for score in (*scores, *base)),
        panel=panel_rows(rows),
        members=rows,
    )


def skill_rows(
    score: SkillScores, before: SkillScores | None, picture_of: Mapping[str, str]
) -> list[SkillRow]:
    """A member's rows: all questions, then each group, greedy and sampled."""
    groups = sorted({one.group for one in score.outcomes})
    rows = []
    for group in (OVERALL, *groups):
        own = [one for one in score.outcomes if group in (OVERALL, one.group)]
        other = [
            one
            for one in (before.outcomes if before else ())
            if group in (OVERALL, one.group)
        ]
        for decoding in DECODINGS:
            after = [getattr(one, decoding) for one in own]
            was = [getattr(one, decoding) for one in other]
            accuracy = mean_of(after)
            pictures = [picture_of[one.question_id] for one in own]
            low, high = mean_interval([Sample(after, pictures)], seed=0)
            p_value = paired_p_value(was, after, pictures) if was else None
            gain = round_share(accuracy - mean_of(was)) if was else None
            row = SkillRow(
                ballot=score.ballot,
                member=score.member,
                iteration=score.iteration,
                group=group,
                decoding=decoding,
                num_questions=len(own),
                unparsed_rate=mean_of([one.unparsed for one in own]),
                accuracy=accuracy,
                low=round(low, 6),
                high=round(high, 6),
                gain=gain,
                p_value=round_share(p_value),
            )
            rows.append(row)
    return rows


def panel_rows(rows: Iterable[SkillRow]) -> list[PanelRow]:
    """The means over members, in the order in which their rows come."""
    found: dict[tuple[str, int, str, Decoding], list[SkillRow]] = {}
    for row in rows:
        key = row.ballot, row.iteration, row.group, row.decoding
        found.setdefault(key, []).append(row)
    means = []
    for (ballot, iteration, group, decoding), own in found.items():
        gains = [row.gain for row in own if row.gain is not None]
        means.append(
            PanelRow(
                ballot=ballot,
                iteration=iteration,
                group=group,
                decoding=decoding,
                accuracy=mean_of([row.accuracy for row in own]),
                gain=mean_of(gains) if gains else None,
            )
        )
    return means


def mean_of(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value, six digits."""
    return round(sum(values) / len(values), 6)
