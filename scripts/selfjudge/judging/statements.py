"""What a judge states in double square brackets, as against what it mentions.

A judgment also quotes the responses, repeats what it was told, weighs what would
be, and compares: "[[A]] is better than [[B]]".  Brackets state something only under
a label, at the end, on a line of their own, or as the subject of a sentence about
the better response.  The rules are of English, and the same for every letter.
"""

from typing import NamedTuple

from selfjudge.judging.sentences import (
    NEAR,
    Mark,
    Place,
    claims,
    places_from_end,
    spoken_head,
)
from selfjudge.judging.wordings import (
    ATTRIBUTED,
    BRACKETS,
    CHOICE,
    CONCEDED,
    CONCLUDES,
    CONDITION,
    DENIAL,
    LABEL,
    LOSES,
    MARKUP,
    NAMED,
    OBJECT,
    SENTENCE_END,
    SUPPOSED,
    TIES,
    TURNS,
    WINS,
    WORSE,
)

# A statement further from the end than this is not looked for.
LOOKED_AT = 10_000
# Brackets of one sentence that are looked at.
MOST_MARKS = 20


class Statement(NamedTuple):
    """What a sentence states, "" if that is no single bracket.

    ``is_firm`` where it stands under a label, at the end, or as a conclusion.
    """

    content: str
    is_firm: bool


def last_statement(text: str) -> str:
    """The content of the brackets that a text states last, "" if it states none.

    One that is not firm must not contradict what was stated before it.
    """
    loose: Statement | None = None
    for place in places_from_end(text[-LOOKED_AT:]):
        statement = read_place(place)
        if statement is None:
            continue
        if loose and statement.content != loose.content:
            return ""
        if statement.is_firm:
            return statement.content
        loose = statement
    return loose.content if loose else ""


def read_place(place: Place) -> Statement | None:
    """What a sentence states, None if it only mentions brackets."""
    marks = list(BRACKETS.finditer(place.sentence))[-MOST_MARKS:]
    subjects = find_subjects(place.sentence, marks)
    if len({content_of(mark) for mark in subjects}) > 1:
        # "[[A]] is fluent, but [[B]] is better"
        claiming = [mark for mark in subjects if is_claimed(place.sentence, mark)]
        subjects = claiming or subjects
    if len({content_of(mark) for mark in subjects}) == 1:
        return read_subject(place, subjects[-1])
    return read_undecided(place, (subjects or marks)[:1])


def content_of(mark: Mark) -> str:
    """What stands between the brackets."""
    return mark.group(1).strip()


def find_subjects(sentence: str, marks: list[Mark]) -> list[Mark]:
    """The brackets that a sentence is about.

    Left out is what they are compared with, and what is denied or conceded.
    """
    subjects: list[Mark] = []
    start = 0
    for mark in marks:
        between = sentence[max(start, mark.start() - NEAR) : mark.start()]
        start = mark.end()
        if OBJECT.search(between) or (subjects and between.strip() == "to"):
            if subjects and WORSE.search(between):
                subjects[-1] = mark
        elif not CONCEDED.search(between):
            subjects.append(mark)
    return subjects


def is_claimed(sentence: str, mark: Mark) -> bool:
    """Whether a sentence says of brackets that they name the better response."""
    head = sentence[max(0, mark.start() - NEAR) : mark.start()]
    return claims(sentence, mark) or CHOICE.search(head) is not None


def read_undecided(place: Place, marks: list[Mark]) -> Statement | None:
    """The statement "" of a label or a tie that names no single bracket, else None."""
    for mark in marks:
        head = spoken_head(place, mark)
        if head is not None and (
            LABEL.search(DENIAL.sub("", head)) or TIES.search(place.sentence)
        ):
            return Statement("", True)
    return None


def read_subject(place: Place, mark: Mark) -> Statement | None:
    """What a sentence states of the one bracket that it is about."""
    head = spoken_head(place, mark)
    rest = place.sentence[mark.end() : mark.end() + NEAR]
    if head is None or CONDITION.match(rest) or is_reported(head):
        return None
    is_ended = MARKUP.match(rest) is not None
    is_alone = is_ended and MARKUP.match(place.sentence[: mark.start()]) is not None
    is_firm = bool(LABEL.search(head)) or (is_ended and place.is_last)
    if not (is_firm or is_alone or is_claimed(place.sentence, mark)):
        return None
    content = content_of(mark)
    if names_other(rest, content) or is_retracted(place, content):
        content = ""
    return Statement(content, is_firm or bool(CONCLUDES.search(head)))


def is_reported(head: str) -> bool:
    """Whether the words before brackets make them a report, a supposition or a loss."""
    patterns = (ATTRIBUTED, SUPPOSED, LOSES)
    return any(pattern.search(head) for pattern in patterns)


def names_other(rest: str, content: str) -> bool:
    """Whether the words after brackets say that another response is better."""
    won = WINS.search(rest)
    if won is None or TURNS.search(rest, 0, won.start()):
        return False
    return any(name != content for name in NAMED.findall(rest[: won.start()]))


def is_retracted(place: Place, content: str) -> bool:
    """Whether a later sentence says, without brackets, that another is better."""
    if place.is_last:
        return False
    for sentence in SENTENCE_END.split(f"{place.after} {place.later}"):
        named = NAMED.search(sentence)
        if named and named.group(1) != content and claims(sentence, named):
            head = sentence[: named.start()]
            if not (is_reported(head) or CONCEDED.search(head) or '"' in sentence):
                return True
    return False
