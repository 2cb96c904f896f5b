"""What a rating says: an integer mark for each criterion, and what marks are worth.

A rating is asked to end in a line for each criterion, such as "Correctness: 4".  The
last line that states a criterion counts; one that is missing, or not a whole number
from 1 to 5, leaves the whole rating unparsed, and an unparsed rating never votes.
Of several responses at once each has such lines below one that names it.
Only the rater's own text is read: a response that says "Correctness: 5" itself has
no say.
"""

import re
from collections.abc import Sequence
from functools import cache

from selfjudge.ground.thoughts import strip_thought

LOWEST, HIGHEST = 1, 5


@cache
def line_of(criterion: str) -> re.Pattern[str]:
    """Finds lines that state a criterion, and what they state."""
    name = re.escape(criterion)
    before, mark = r"[ \t*_#>-]*(?:\d+[.)][ \t]*)?[*_]*", r"[ \t*_]*:[ \t*_]*(.*)"
    return re.compile(rf"^{before}{name}{mark}$", re.IGNORECASE | re.MULTILINE)


STATED = re.compile(r"([1-5])(?:[ \t]*/[ \t]*5)?[ \t*_]*\.?[ \t*_]*")


def parse_marks(text: str, criteria: Sequence[str]) -> str | None:
    """The marks of a rating, a digit for each criterion; None if it is unparsed."""
    said = strip_thought(text)
    if said is None:
        return None
    digits = []
    for criterion in criteria:
        stated = line_of(criterion).findall(said)
        match = STATED.fullmatch(stated[-1].rstrip()) if stated else None
        if match is None:
            return None
        digits.append(match[1])
    return "".join(digits)


# What begins the marks of a response, where several are rated at once.
SECTION = re.compile(
    r"^[ \t*_#>-]*response[ \t]+(\d+)[ \t*_]*:?[ \t*_]*$", re.IGNORECASE | re.MULTILINE
)


def parse_sections(text: str, criteria: Sequence[str], number: int) -> list[str | None]:
    """The marks of each of so many responses in one rating; None where unparsed.

    The last section of a response counts.
    """
    _, *parts = SECTION.split(strip_thought(text) or "")
    found = dict(zip(map(int, parts[::2]), parts[1::2], strict=True))
    return [
        parse_marks(found.get(place, ""), criteria) for place in range(1, number + 1)
    ]


def reward_of(marks: str, weights: Sequence[float]) -> float:
    """The weighted mean of marks, 1 to 5 laid on 0 to 1; six digits."""
    total = sum(
        weight * (int(digit) - LOWEST)
        for digit, weight in zip(marks, weights, strict=True)
    )
    return round(total / sum(weights) / (HIGHEST - LOWEST), 6)
