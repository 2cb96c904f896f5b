"""What a rating says: a mark for each criterion, and what marks are worth.

A rating is asked to end in a line for each criterion, such as "Correctness: 4"; other
forms that models write are read too (`mark_forms`).  Of lines that follow each other
the last that gives a criterion a mark counts; one that is missing, or not a whole
number from 1 to 5, leaves the whole rating unparsed, and an unparsed rating never
votes.  So do two places of a text that mark a criterion differently, and a line right
above the marks that says they are of another scale.  Words for a criterion below
marks that are whole are their reasons, whatever they say, unless they end in a mark
themselves ("it is wrong, so 1").  A criterion that weighs nothing is not needed.  Of
several responses at once each has such lines below one that names it.
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
    Statement,
    find_statements,
    has_other_scale,
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
    lines = narrow(said).splitlines()
    runs = list(runs_of(find_statements(lines, criteria)))
    needed = {name for name in criteria if name not in optional}
    marks = last_marks(runs, needed)
    if not all(marks.get(name) for name in needed) or contradict(runs, needed):
        return None
    if any(has_other_scale(lines, run[0].first_line) for run in runs):
        return None
    return "".join(marks.get(name) or UNMARKED for name in criteria)


def last_marks(
    runs: Iterable[Sequence[Statement]], needed: Collection[str]
) -> dict[str, str | None]:
    """The last that gives a criterion a mark, or unclear words in place of one.

    Prose that follows all that is needed explains it, and takes nothing back.
    """
    marks: dict[str, str | None] = {}
    for run in runs:
        is_whole = all(marks.get(name) for name in needed)
        for one in run:
            if not (is_whole and one.is_prose):
                marks[one.criterion] = one.mark
    return marks


def contradict(runs: Iterable[Sequence[Statement]], needed: Collection[str]) -> bool:
    """Whether two places of a text give a criterion different marks.

    A place is lines that follow each other, of which a later one corrects an earlier;
    where all that is needed stands there twice it is two.
    """
    given: dict[str, str] = {}
    for run in runs:
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
    if run:
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
    first, *parts = section_of(tuple(criteria)).split(said)
    if has_other_scale(lead := first.splitlines(), len(lead)):
        return [None] * number
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
