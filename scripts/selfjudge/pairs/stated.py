"""Where a response states its answer, and when it states none.

A strong marker decides before a plain one, and of each sort the last: strong are a
line that begins with "Answer:", "final answer", ``\\boxed`` and ``<answer>``, plain
are "the answer is" and "the correct option is" within prose.  What is said under a
condition ("if it were open, the answer would be yes") states nothing.
"""

import re

# A response is read from its end; none that was not cut off is as long.
MAX_CHARACTERS = 8_000
# What follows a marker is read so far.
MAX_STATED = 240

ASIDE = r"(?:[ \t]?\((?!\w\))[^()\n]{0,40}\))?"
STRONG = re.compile(
    r"(?P<tag><answer>)|(?P<box>\\boxed\s?\{)"
    r"|(?:^|\n)[ \t>*_#\"'(\[{-]{0,12}(?:(?:so|thus|hence|therefore)[, ]{1,2})?"
    rf"(?:(?:(?:the|my|correct|final|short|best) ){{0,3}}answer\b{ASIDE}"
    r"[\"*_' ]{0,6}(?:[-=]>|[:=\u2192]|\n)|(?:ans|final)\.?[*_ ]{0,3}:)"
    r"|(?:^|\n)#### ?(?=[-+$(]{0,2}\d\S{0,20}\s*\Z)"
    rf"|\bfinal answer{ASIDE}[\"*_' ]{{0,6}}(?:is\b|[:=])",
    re.IGNORECASE,
)
PLAIN = re.compile(
    r"\b(?:answer|(?:correct|right|best) (?:option|choice|letter|one))\b"
    rf"{ASIDE}[\"*_' ]{{0,6}}(?:(?:is|would be|should be|must be)\b|[:=])",
    re.IGNORECASE,
)
BEST = ("correct ", "right ", "best ")
STRONG_SIGNS = ("ans", "\\boxed", "final:", "final**", "####")
# What stands between a marker and what it states.
BETWEEN = re.compile(r"(?:[\s*_:\"'`#$]|\\[(\[])*")
# "The answer is based on the image" states none.
ABOUT_IT = re.compile(
    r"\W*(?:based|found|derived|obtained|supported|given|because|correct|right|clear"
    r"|consistent|explained|shown|visible|determined|calculated|computed|reached"
    r"|below|above|as follows|in the|that which|the one)\b",
    re.IGNORECASE,
)
# "Were it open", but not "the dogs were asleep": of what is past only the order of
# the words tells.
CONDITION = re.compile(
    r"\b(?:if|unless|assuming|suppose|supposing|in case|provided that|depends"
    r"|depending)\b|(?:^|[,;(])\s*(?:were|had|should)\s(?!\d|not\b|no\b)"
    r"|\b(?:were|had|should) (?:i|it|he|she|we|you)\b"
    r"|\bwere there\s(?=an?\b|no\b|any\b)",
    re.IGNORECASE,
)
# "3. Wait, it is 4": who thinks again states nothing.
SECOND_THOUGHT = re.compile(
    r"(?:[.!?,;:(\u2014\u2026\n-]\s{0,2}|\b(?:no|oh)[, ]{1,2})"
    r"(?:wait|hold on|on second thoughts?|scratch that|correction|i mean|i meant"
    r"|let me re-?\w{1,12})\b(?=\W*(?:$|[,.!:;\u2014\u2026-]"
    r"|(?:no|it|that|the|i|this|let|there|not|actually|maybe)\b|\S{1,3}$))",
    re.IGNORECASE,
)
# "Question: ..." on a line of its own: the model goes on with a prompt of its own.
NEXT_PROMPT = re.compile(
    r"\n[ \t*_#]{0,8}(?:question|q|human|user)(?: ?\d{1,3})?[*_]{0,3}:", re.IGNORECASE
)
# A dot after one of these ends no sentence: "Mt. Fuji" is not the answer "Mt".
ABBREVIATIONS = (
    "Mt St Dr Mr Mrs Ms Jr Sr Prof Gen Sgt Lt Ft No Nos Co Inc Ltd Rev Col Capt Ave "
    "Blvd Rd Vol Fig Figs Eq Ch Sec Est Dept Univ Hon Gov Sen Pres Maj Mme Corp est "
    "vol ca cf vs etc e.g i.e approx"
).split()
SENTENCE_END = re.compile(
    r"(?<=[.!?])"
    + "".join(rf"(?<!\b{re.escape(word)}\.)" for word in ABBREVIATIONS)
    + r"(?<!\b[A-Za-z]\.)(?<!^\d\.)\s+|\n+"
)
CAN_NOT = r"(?:cannot|can ?'?t|can not|could not|couldn'?t|unable to|not able to)"
DO_NOT = r"(?:do|does|did)(?: not|n ?'?t)"
# Who does not know must not vote, least of all with all others who do not.
REFUSAL = re.compile(
    rf"\b(?:{CAN_NOT}|{DO_NOT} (?:know|say|show|tell|specify|mention|provide|contain"
    r"|indicate|depict|have enough)"
    r"|not (?:sure|certain|visible|specified|possible|provided|given|shown|enough"
    r"|available|applicable|legible|readable|mentioned|clear|known|determinable"
    r"|stated|discernible|identifiable)"
    r"|no (?:information|idea|way to|answer|clue)|hard to|difficult to|it depends"
    r"|unsure|unclear|unknown|uncertain|undetermin\w+|indetermin\w+|indiscern\w+"
    r"|inconclusive|undisclosed|unanswerable|no data|decline|refuse|not comfortable"
    r"|lack(?:s|ing)? (?:of )?(?:information|context|details?|data)"
    r"|illegible|unreadable|unidentifi\w+|unspecified|impossible|insufficient"
    r"|not (?:determined|discernable|discerned|decipherable|recogni[sz]able|indicated"
    r"|disclosed|answerable|distinguishable|clearly)|none of .{1,40}(?:can|could) be"
    r"|not named|sorry|apologi[sz]e|apologies|won't"
    r"|will not (?:name|say|answer|identify)|please (?:tell|provide|upload|share|send)"
    r"|as an ai|need more|idk|too \w+ to"
    r"|(?:none|0) (?:visible|shown|given|listed|seen|available)"
    r"|(?:none|0) of (?:the |these |those )?(?:above|options?|choices|these|answers?)"
    r")\b|\bn ?/ ?a\b|^\W*(?:na|n\.a\.?)\W*$"
    r"|^\W*(?:your |the |short |final |option'?s? |one )*(?:answer|letter|number)"
    r"(?: here)?\W*$"
)


def cut_run_on(text: str) -> str:
    """The text from its end on, without a next prompt that the model went on with."""
    text = text.strip()[-MAX_CHARACTERS:]
    found = NEXT_PROMPT.search(text)
    return text[: found.start()] if found else text


def find_stated(text: str) -> str | None:
    """The line after the marker that decides; None without one.

    It is "" where two boxes beside each other hold different answers, and where what
    was stated is taken back.
    """
    lowered = text.lower()
    has_answer = "answer" in lowered
    has_strong = any(sign in lowered for sign in STRONG_SIGNS)
    strong = [*STRONG.finditer(text)] if has_strong else []
    for match in reversed(strong):
        if match["box"]:
            return read_boxes(text, [m for m in strong if m["box"]])
        if stated := line_after(text, match.end()):
            return "" if SECOND_THOUGHT.search(text, match.end()) else stated
    has_plain = has_answer or any(map(lowered.count, BEST))
    for match in reversed([*PLAIN.finditer(text)] if has_plain else []):
        stated = line_after(text, match.end())
        if not stated or ABOUT_IT.match(stated):
            continue
        if not is_hypothetical(text, match.start()):
            return stated
    return None


def line_after(text: str, start: int) -> str:
    """The first line with a word at or after a place, without what leads to it."""
    match = BETWEEN.match(text, start)
    start = match.end() if match else start
    line = text[start : start + MAX_STATED].partition("\n")[0]
    line = line.partition("</answer>")[0].rstrip()
    if text[start - 1 : start] in ("'", '"'):
        line = line.partition(text[start - 1])[0]
    return line if any(map(str.isalnum, line)) else ""


def read_boxes(text: str, boxes: list[re.Match[str]]) -> str:
    """What the last box holds, or "" if the one just before it says otherwise."""
    contents = [read_box(text, box.end()) for box in boxes[-2:]]
    between = text[boxes[0].end() if len(boxes) < 2 else boxes[-2].end() :]
    gap = between.find("\\boxed") - len(contents[0])
    if len(contents) == 2 and contents[0] != contents[1] and gap < 16:
        return ""
    return contents[-1]


def read_box(text: str, start: int) -> str:
    """What stands between the brace that opened before a place and its end."""
    depth = 1
    for place in range(start, min(len(text), start + MAX_STATED)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return ""


def is_hypothetical(text: str, place: int) -> bool:
    """Whether the sentence before a place sets a condition."""
    before = text[max(0, place - MAX_STATED) : place]
    return bool(CONDITION.search(SENTENCE_END.split(before)[-1]))


def first_sentence(text: str) -> str:
    """The first sentence or line of a text."""
    return SENTENCE_END.split(text, maxsplit=1)[0]


def last_sentence(text: str) -> str:
    """The last sentence or line of a text."""
    return SENTENCE_END.split(text.strip())[-1]
