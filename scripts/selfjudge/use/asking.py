"""Rows in, answers out: what `use_judge` does, whatever the engine.

Every row has one line of the output, in its place: an answer, or the reason why not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from selfjudge.use.comparing import Comparison, Match, OneJudgment
from selfjudge.use.judges import Judge
from selfjudge.use.rows import Command, Row
from selfjudge.use.tournaments import (
    Game,
    count_games,
    count_rounds,
    next_games,
    ranking,
    strengths,
)

Line = dict[str, Any]


def count_comparisons(rows: Sequence[Row], command: Command) -> int:
    """The pairs of responses that a command asks about, each in both orders."""
    if command == "rank":
        return sum(count_games(len(unique(row))) for row in asked(rows))
    return sum(len(to_score(row)) if command == "score" else 1 for row in asked(rows))


def asked(rows: Sequence[Row]) -> list[Row]:
    """The rows without a reason not to ask."""
    return [row for row in rows if row.reason is None]


def unique(row: Row) -> list[str]:
    """The texts of a row's responses, each once."""
    return list(dict.fromkeys(row.responses))


def to_score(row: Row) -> list[str]:
    """The texts that a row compares with its reference: what equals it is not asked."""
    return [text for text in unique(row) if text != row.reference]


def run_command(rows: Sequence[Row], command: Command, judge: Judge) -> Iterator[Line]:
    """The output line of each row, in their order."""
    answers = {"compare": compare, "rank": rank, "score": score}[command](rows, judge)
    for row in rows:
        found: Line = {"reason": row.reason, "detail": row.detail}
        if row.reason is None:
            found = answers[row.number]
        kept = {"kept": row.kept} if row.kept else {}
        yield {"row": row.number, "id": row.id, **found, **kept}


def compare(rows: Sequence[Row], judge: Judge) -> dict[int, Line]:
    """The answer to each row of two responses, by its number."""
    taken = asked(rows)
    matches = [Match(row.images, row.question, *row.responses) for row in taken]
    compared = judge.compare(matches, "compare")
    return {
        row.number: told_of(comparison)
        for row, comparison in zip(taken, compared, strict=True)
    }


def told_of(comparison: Comparison) -> Line:
    """A comparison as a line of the output has it."""
    told: Line = msgspec.to_builtins(comparison)
    return told


def score(rows: Sequence[Row], judge: Judge) -> dict[int, Line]:
    """Of each response the probability of being better than its row's reference.

    One that equals the reference has 0.5, and is not asked about.
    """
    taken = asked(rows)
    matches = {
        (row.number, text): Match(row.images, row.question, text, row.reference or "")
        for row in taken
        for text in to_score(row)
    }
    compared = judge.compare(list(matches.values()), "score")
    found = dict(zip(matches, compared, strict=True))
    answers: dict[int, Line] = {}
    for row in taken:
        scores: list[float | None] = []
        judgments: list[tuple[OneJudgment, ...]] = []
        abstained: list[bool] = []
        for text in row.responses:
            one = found.get((row.number, text))
            scores.append(0.5 if one is None else one.probability)
            abstained.append(one.abstained if one else False)
            judgments.append(one.judgments if one else ())
        told = msgspec.to_builtins(judgments)
        reason = "no_room" if None in scores else None
        answers[row.number] = {
            "scores": scores,
            "abstained": abstained,
            "judgments": told,
            "reason": reason,
        }
    return answers


def rank(rows: Sequence[Row], judge: Judge) -> dict[int, Line]:
    """The order of each row's responses, best first, by a tournament.

    Rounds are played by all rows together: an engine is kept busy.
    """
    taken = asked(rows)
    texts = {row.number: unique(row) for row in taken}
    played: dict[int, list[Game]] = {row.number: [] for row in taken}
    lost: Counter[int] = Counter()
    most = max((count_rounds(len(own)) for own in texts.values()), default=0)
    for round_number in range(most):
        places = [
            (row, first, second)
            for row in taken
            if round_number < count_rounds(len(texts[row.number]))
            for first, second in next_games(len(texts[row.number]), played[row.number])
        ]
        matches = [
            Match(
                row.images,
                row.question,
                texts[row.number][first],
                texts[row.number][second],
            )
            for row, first, second in places
        ]
        stage = f"rank_{round_number + 1}of{most}"
        compared = judge.compare(matches, stage)
        for (row, first, second), one in zip(places, compared, strict=True):
            probability = one.probability
            if probability is None:
                lost[row.number] += 1
                probability = 0.5
            played[row.number].append(Game(first, second, probability))
    return {
        row.number: ranked(row, texts[row.number], played[row.number], lost[row.number])
        for row in taken
    }


def ranked(row: Row, texts: list[str], games: list[Game], num_lost: int) -> Line:
    """A tournament's result in places of the row's responses; equal texts are level."""
    found = dict(zip(texts, strengths(len(texts), games), strict=True))
    values = [found[text] for text in row.responses]
    order = ranking(values)
    places = {text: place for place, text in enumerate(texts)}
    first_with = {places[text]: row.responses.index(text) for text in texts}
    return {
        "best": order[0] if num_lost < len(games) else None,
        "order": order,
        "strengths": [round(value, 6) for value in values],
        "games": [
            [first_with[game.first], first_with[game.second], game.probability]
            for game in games
        ],
        "reason": "no_room" if num_lost == len(games) else None,
    }
