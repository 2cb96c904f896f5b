"""What a rating says: a mark for each criterion, and what marks are worth.

A rating is asked to end in a line for each criterion, such as "Correctness: 4"; other
forms that models write are read too (`mark_forms`).  Of lines that follow each other
the last that gives a criterion a mark counts; one that is missing, or not a whole
number from 1 to 5, leaves the whole rating unparsed, and an unparsed rating never
votes.  So do two places of a text that mark a criterion differently.  A criterion
that weighs nothing is not needed.  Of several responses at once each has such lines
below one that names it.
Only the rater's own text is read: a response that says "Correctness: 5" itself has
no say.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache

from selfjudge.ground.thoughts import strip_thought
from selfjudge.panel.mark_forms import (
    CLOSERS,
    NOISE,
    OTHER_SCALE,
    Statement,
    find_statements,
    name_of,
    narrow,
)

LOWEST, HIGHEST = 1, 5
UNMARKED = "-"  # in place of a criterion that weighs nothing


@cache
def as_asked(criteria: tuple[str, ...]) -> re.Pattern[str]:
    """Finds the text that was asked for and no other: nearly all are it."""
    lines = (rf"{re.escape(name)}: ([1-5])" for name in criteria)
    return re.compile("\n".join(lines), re.IGNORECASE)


def parse_marks(
    text: str, criteria: Sequence[str], optional: Collection[str] = ()
) -> str | None:
    """The marks of a rating, a digit for each criterion; None if it is unparsed.

    ``optional`` are criteria without which it is parsed: a dash stands for such one.
    """
    said = strip_thought(text)
    if said is None:
        return None
    if plain := as_asked(tuple(criteria)).fullmatch(said):
        return "".join(plain.groups())
    if OTHER_SCALE.search(said):
        return None
    stated = list(find_statements(said, criteria))
    marks = {one.criterion: one.mark for one in stated}
    needed = {name for name in criteria if name not in optional}
    if not all(marks.get(name) for name in needed) or contradict(stated, needed):
        return None
    return "".join(marks.get(name) or UNMARKED for name in criteria)


def contradict(stated: Iterable[Statement], needed: Collection[str]) -> bool:
    """Whether two places of a text give a criterion different marks.

    A place is lines that follow each other, of which a later one corrects an earlier;
    where all that is needed stands there twice it is two.
    """
    given: dict[str, str] = {}
    for run in runs_of(stated):
        rounds: list[dict[str, str | None]] = [{}]
        for one in run:
            if one.criterion in rounds[-1]:
                rounds.append({})
            rounds[-1][one.criterion] = one.mark
        whole = [one for one in rounds if one.keys() >= set(needed)]
        last = {one.criterion: one.mark for one in run}
        for place in whole if len(whole) > 1 else [last]:
            for name, mark in place.items():
                if mark and name in needed and given.setdefault(name, mark) != mark:
                    return True
    return False


def runs_of(stated: Iterable[Statement]) -> Iterator[list[Statement]]:
    """Statements of lines that follow each other."""
    run: list[Statement] = []
    for one in stated:
        if run and one.first_line > run[-1].last_line + 1:
            yield run
            run = []
        run.append(one)
    yield run


@cache
def section_of(criteria: tuple[str, ...]) -> re.Pattern[str]:
    """What begins the marks of a response, where several are rated at once."""
    begins = rf"(?:^|[}}\])][,;])(?:{NOISE}{{0,20}}+)"
    ends = rf"{CLOSERS}(?:[:.,|\u2013-]?{NOISE}{{0,20}}?)(?:$|(?={name_of(criteria)}))"
    return re.compile(
        rf"{begins}response[ \t_]+(\d+){ends}", re.IGNORECASE | re.MULTILINE
    )


def parse_sections(
    text: str, criteria: Sequence[str], number: int, optional: Collection[str] = ()
) -> list[str | None]:
    """The marks of each of so many responses in one rating; None where unparsed.

    The last section of a response counts, unless an earlier one has other marks.
    """
    said = narrow(strip_thought(text) or "")
    if OTHER_SCALE.search(said):
        return [None] * number
    _, *parts = section_of(tuple(criteria)).split(said)
    found: dict[int, list[str]] = {}
    for place, part in zip(parts[::2], parts[1::2], strict=True):
        found.setdefault(int(place), []).append(part)
    return [
        parse_repeated(found.get(place, [""]), criteria, optional)
        for place in range(1, number + 1)
    ]


def parse_repeated(
    parts: Sequence[str], criteria: Sequence[str], optional: Collection[str]
) -> str | None:
    """The marks of one response in all sections of it."""
    last = parse_marks(parts[-1], criteria, optional)
    if last is None or len(parts) == 1:
        return last
    return parse_marks("\n\n".join(parts), criteria, optional)


def reward_of(marks: str, weights: Sequence[float]) -> float:
    """The weighted mean of marks, 1 to 5 laid on 0 to 1; six digits."""
    total = sum(
        weight * (int(digit) - LOWEST)
        for digit, weight in zip(marks, weights, strict=True)
        if weight
    )
    return round(total / sum(weights) / (HIGHEST - LOWEST), 6)
