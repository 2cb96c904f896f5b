"""What a model puts around a rewrite: a preamble, a note, quotes, markup.

All that both texts do not share outside of the changed detail would tell a judge
which of them is the rewrite.
"""

import re

from selfjudge.ground.thoughts import strip_thought
from selfjudge.pairs.spellings import content_words

KIND = r"(?:version|response|description|answer|detail|text|rewrite|caption|sentence)"
CONFESSION = re.compile(
    r"\b(?:(?:altered|modified|rewritten|revised|edited|changed|incorrect|false|wrong"
    rf"|inaccurate|erroneous|original|flawed|fictional) {KIND}"
    r"|here(?:'s| is) (?:the|a|my|your) (?:re|new|alter|modif|chang|edit)"
    r"|i(?:'ve| have)? (?:just )?(?:changed|altered|modified|replaced|injected"
    r"|introduced|swapped|made)\b"
    r"|(?:was|were|is|are|has been|have been) (?:deliberately |intentionally |now )?"
    r"(?:(?:changed|altered|modified|swapped|falsified|fabricated|false|untrue|not true"
    r"|incorrect|inaccurate|made up|invented|fictional)\b"
    r"|replaced (?:to|from|with|by|for|in the)\b)"
    r"|actually\b|originally\b|in reality\b|instead of\b|as an ai\b"
    r"|i (?:can't|cannot|won't|am unable)\b|i(?:'m| am) sorry\b|apologi[sz]e\b)"
    r"|\(not \w+|->|=>|\u2192|think>",
    re.IGNORECASE,
)
# Said before a rewrite, up to where it begins.
OPENING = re.compile(
    r"[*_#>\s\"']{0,8}(?:"
    r"(?:sure|certainly|of course|absolutely|okay|ok|alright|understood|got it"
    r"|no problem|great)(?: thing)?\s*[!,.:;\u2013\u2014-]+"
    r"|(?:here(?:'s|\u2019s| is| are| it is| you are| you go)|this is|below is"
    r"|the following is)\b"
    r"[^.\n]{0,120}:"
    rf"|(?:\w+ ){{0,3}}(?:{KIND}|output|result|rewriting)(?: \w+){{0,3}}\**:"
    r"|(?:rewritten|reworded|rephrased|revised|modified|altered|changed|edited|updated"
    r"|corrected|new|final|answer)\**:"
    r")[*_]{0,3}\s*",
    re.IGNORECASE,
)
# Said after it, at the start of a line, a sentence or a parenthesis.
NOTE = re.compile(
    r"(?:^|[\n(\[]|[.!?]\s)[\s*_(\[-]{0,6}(?:"
    r"(?:p\.?s\.?|note|notes|changes?|changed|errors?|explanation|edit|edited"
    r"|modification|alteration|correction|original|false|wrong|altered|injected)"
    r"(?: \w+){0,3}\**:"
    r"|(?:please )?note that\b)",
    re.IGNORECASE,
)
RULE = re.compile(r"\n[ \t]*[-*_=#]{3,}\Z")
# "The picture shows: ..."
LABEL = re.compile(r"[^\n.!?:]{1,60}:\s+")
FENCED = re.compile(r"\s*```\w*\n(.*?)\n?```\s*\Z", re.DOTALL)
SPOKEN_LINE = re.compile(
    r"(?:let me know|hope this|feel free|is there any)", re.IGNORECASE
)
# Kinds of markup, each by what shows it.
MARKUP = (
    re.compile(r"\*\*|__"),
    re.compile(r"^#{1,6} ", re.MULTILINE),
    re.compile(r"^[ \t]*[-+\u2022] ", re.MULTILINE),
    re.compile(r"^[ \t]*\* ", re.MULTILINE),
    re.compile(r"^[ \t]*\d{1,3}[.)] ", re.MULTILINE),
    re.compile(r"```"),
    re.compile(r"~~|<[a-z]{1,10}>|\[[A-Z]"),
)
# Marks that point at what was changed, if the rewrite has more of them.
POINTING = ("*", "__", "#", "`", "~~", "==", "!!", "[", "{", "(", '"')
# Each begins with what is sought, so that a text without it costs little.
POINTED = (
    re.compile(r"_(?<![_\w]_)(?=[^\s_])"),
    re.compile(r"<(?=[/a-z])"),
    re.compile(r"/(?<=[a-z]/)(?=[a-z])"),
    re.compile(r"'(?<!\w')(?=\w)"),
    # Capitals that are not in quotes, arrows, small pictures.
    re.compile(r"[A-Z](?<![\w\"'].)[A-Z]{2,}\b"),
    re.compile(r"[\u2190-\u21ff\u2600-\u27bf\U0001f300-\U0001faff]"),
)
WRAPS = "\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb<>[]{}"
STRAIGHT = str.maketrans("\u201c\u201d\u2018\u2019", "\"\"''")
MOST_OPENINGS = 3
# What a model says of a rewrite stands at its ends: more of each is not read.
END = 4_000


def is_dressed(response: str, altered: str) -> bool:
    """Whether a rewrite tells or shows what it is, where the response does not."""
    return (
        adds_speech(both_ends(response), both_ends(altered))
        or kinds_of_markup(response) != kinds_of_markup(altered)
        or adds_marks(response, altered)
        or edges(response) != edges(altered)
        or changes_lines(response, altered)
    )


def both_ends(text: str) -> str:
    """A text without blanks around it, and without the middle of a very long one."""
    text = text.strip()
    return text if len(text) <= 2 * END else f"{text[:END]}\n{text[-END:]}"


def adds_speech(response: str, altered: str) -> bool:
    """Whether a rewrite says of itself what it is, where the response does not."""
    said = (CONFESSION, NOTE, SPOKEN_LINE)
    return any(one.search(altered) and not one.search(response) for one in said) or (
        any(
            one.match(altered) is not None and one.match(response) is None
            for one in (OPENING, LABEL)
        )
    )


def kinds_of_markup(text: str) -> list[bool]:
    """Which kinds of markup a text has."""
    return [kind.search(text) is not None for kind in MARKUP]


def adds_marks(response: str, altered: str) -> bool:
    """Whether a rewrite has marks more than the response, such as those of a stress.

    A line more may have as many as one of the response's lines.
    """
    old, new = count_marks(response), count_marks(altered)
    more = [after - before for before, after in zip(old, new, strict=True)]
    if max(more) <= 0:
        return False
    lines = lines_of(response)
    if len(lines_of(altered)) <= len(lines):
        return True
    by_line = zip(*map(count_marks, lines), strict=True)
    return any(num > max(nums) for num, nums in zip(more, by_line, strict=True))


def count_marks(text: str) -> list[int]:
    """How many of each mark that may point at something a text has."""
    if not text.isascii():
        text = text.translate(STRAIGHT)
    return [
        *(text.count(mark) for mark in POINTING),
        *(len(mark.findall(text)) for mark in POINTED),
    ]


def edges(text: str) -> tuple[str, str]:
    """The quotes and markup that a text begins and ends with."""
    text = text.strip().translate(STRAIGHT)
    start = text[: len(text) - len(text.lstrip(WRAPS))]
    ended = text.rstrip(".,;:!? ")
    return start, ended[len(ended.rstrip(WRAPS)) :]


def changes_lines(response: str, altered: str) -> bool:
    """Whether a rewrite has a line before or after what the response has, or is laid
    out otherwise.

    A list may have an entry more, in the form of the others, or one less.
    """
    old, new = lines_of(response), lines_of(altered)
    if len(new) <= len(old):
        return len(new) < len(old) - 1
    known = set(content_words(response))
    kind = kind_of_line(new[-1])
    is_entry = bool(kind) and kind == kind_of_line(old[-1])
    is_after = is_foreign(new[-1], known) and not is_entry
    return len(old) == 1 or is_foreign(new[0], known) or is_after


def lines_of(text: str) -> list[str]:
    """The lines of a text that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def kind_of_line(line: str) -> str:
    """The mark of a list that a line begins with, "" if none."""
    mark = re.match(r"\s*([-*+\u2022]|\d{1,3}[.)])\s", line)
    return "1" if mark and mark.group(1)[0].isdigit() else mark.group(1) if mark else ""


def is_foreign(line: str, known: set[str]) -> bool:
    """Whether most words of a line do not stand in the response."""
    words = content_words(line)
    return 2 * sum(word in known for word in words) < len(words)


def undress(response: str, altered: str) -> str:
    """A rewrite without what was put around it, as far as that can be told.

    What stands so in the response too stays.  Empty where it is a thought alone.
    """
    text = (strip_thought(altered) or "").strip()
    fenced = FENCED.match(text) if "```" not in response else None
    text = (fenced.group(1) if fenced else text).strip()
    said = both_ends(response)
    if not OPENING.match(said):
        text = cut_openings(text)
    text = cut_label(response.strip(), text)
    noted = NOTE.search(text, max(0, len(text) - END))
    if noted and not NOTE.search(said):
        text = text[: noted.start() + (text[noted.start()] in ".!?")].rstrip()
    if not RULE.search(response):
        text = RULE.sub("", text)
    return unwrap(response.strip(), text.strip())


def cut_openings(text: str) -> str:
    """A text without "Sure! Here is the rewrite:" before it."""
    for _ in range(MOST_OPENINGS):
        opening = OPENING.match(text)
        text = text[opening.end() :] if opening else text
    return text


def cut_label(response: str, text: str) -> str:
    """A text without "The picture shows:" before what begins as the response does."""
    label = LABEL.match(text)
    if label is None or LABEL.match(response):
        return text
    rest = text[label.end() :]
    return rest if rest.split()[:2] == response.split()[:2] else text


def unwrap(response: str, text: str) -> str:
    """A text without the quotes or the bold that enclose it, but not the response."""
    for first, last in (("**", "**"), ('"', '"'), ("\u201c", "\u201d"), ("`", "`")):
        inner = text[len(first) : -len(last)]
        is_wrapped = text.startswith(first) and text.endswith(last)
        if is_wrapped and not response.startswith(first) and first not in inner:
            text = inner.strip()
    return text
