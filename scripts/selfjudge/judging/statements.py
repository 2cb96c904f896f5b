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
    find_win,
    places_from_end,
    spoken_head,
)
from selfjudge.judging.wordings import (
    ASKED,
    ATTRIBUTED,
    BECAUSE,
    BRACKETS,
    CHOICE,
    CONCEDED,
    CONCLUDES,
    CONDITION,
    DENIAL,
    EXEMPLARY,
    EXPLAINS,
    FAULTY,
    INSTRUCTED,
    LABEL,
    LEAD,
    LIMITED,
    LOSES,
    MARKUP,
    MINE,
    NAMED,
    OBJECT,
    ONLY_NAMED,
    REFUSED,
    SENTENCE_END,
    SO,
    SUPPOSED,
    TENTATIVE,
    THEN,
    TIES,
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
    return mark.group(1).strip(" *_")


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
        elif not (CONCEDED.search(between) or is_supposed(between, bool(subjects))):
            subjects.append(mark)
    return subjects


def is_supposed(between: str, is_later: bool) -> bool:
    """Whether brackets are what was thought at first, or later ones what would be."""
    return TENTATIVE.search(between) is not None or (
        is_later and SUPPOSED.search(between) is not None
    )


def is_claimed(sentence: str, mark: Mark) -> bool:
    """Whether a sentence says of brackets that they name the better response."""
    head = sentence[max(0, mark.start() - NEAR) : mark.start()]
    if CHOICE.search(head) or (WORSE.search(head) and OBJECT.search(head)):
        return True
    is_ended = MARKUP.match(sentence[mark.end() :]) is not None
    return claims(sentence, mark) or (is_ended and SO.search(head) is not None)


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
    if THEN.match(place.sentence) and SUPPOSED.search(place.before[-NEAR:]):
        return None
    is_ended = MARKUP.match(rest) is not None
    is_end = is_ended and place.is_last
    if is_form(head, is_end=is_end):
        return None
    is_firm = bool(LABEL.search(head)) or is_end
    if not is_firm and ASKED.search(place.sentence, mark.end()):
        return None
    if not (is_firm or is_apart(place, mark) or is_claimed(place.sentence, mark)):
        return None
    content = content_of(mark)
    if names_other(rest, content) or is_retracted(place, content):
        content = ""
    return Statement(content, is_firm or bool(CONCLUDES.search(head)))


def is_apart(place: Place, mark: Mark) -> bool:
    """Whether brackets are a sentence of their own, or begin a line with a reason."""
    if LEAD.match(place.sentence[: mark.start()]) is None:
        return False
    rest = place.sentence[mark.end() : mark.end() + NEAR]
    named = ONLY_NAMED.match(rest)
    if MARKUP.match(rest) or (named and named.group(1) == content_of(mark)):
        return True
    if not MARKUP.match(place.before) or "[[" in rest:
        return False
    is_praised = EXPLAINS.match(rest) and not FAULTY.search(rest)
    return bool(is_praised or BECAUSE.match(rest))


def is_reported(head: str) -> bool:
    """Whether the words before brackets make them no statement of the judge's.

    They are a report, a supposition, a first thought, a refusal or a loss.
    """
    patterns = (ATTRIBUTED, SUPPOSED, TENTATIVE, REFUSED, LOSES)
    return any(pattern.search(head) for pattern in patterns)


def is_form(head: str, *, is_end: bool) -> bool:
    """Whether the words before brackets say in which form a verdict is to be given."""
    if MINE.search(head):
        return False
    is_told = INSTRUCTED.search(head) and not is_end
    return bool(is_told or EXEMPLARY.search(head))


def names_other(rest: str, content: str) -> bool:
    """Whether the words after brackets say that another response is better."""
    won = find_win(rest)
    if won is None:
        return False
    return any(name != content for name in NAMED.findall(rest[: won.start()]))


def is_retracted(place: Place, content: str) -> bool:
    """Whether a later sentence says, without brackets, that another is better."""
    if place.is_last:
        return False
    for sentence in SENTENCE_END.split(f"{place.after} {place.later}"):
        named = NAMED.search(sentence)
        if named and named.group(1) != content and claims(sentence, named):
            if LIMITED.search(sentence, named.end()):
                continue
            head = sentence[: named.start()]
            if not (is_reported(head) or CONCEDED.search(head) or '"' in sentence):
                return True
    return False
