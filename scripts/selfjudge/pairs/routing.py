"""Which prompts are closed, decided from the question alone.

A prompt is `closed` if its question asks for one of five short answer formats;
every other prompt is `open`.  The rule is written for the question shapes of the
ten LLaVA-OneVision subsets that config.yaml names and for a plain user's questions.
The first that matches decides:

1. `choice`: the question lists options A, B, ... or asks for an option's letter;
   a task with parts a), b), ... within its line or with names (A) and (B) does not.
2. Open: a request to suggest or make something up.  Open too, unless it asks for a
   short answer in so many words: a request to describe, explain, write or tell
   something, at its begin or after the question; more than one question; a question
   for a reason, if it lists no options.
3. `yes_no`: it asks for yes or no, or a clause of it ("There is a cube; is it
   red?", "In the chart, does it rise?") begins with a form of be, do, have, can or
   will, not followed by "you", and does not offer alternatives with "or".  "Have a
   look" and "Do the following" are no questions.
4. `number`: it asks how many or how much, or for a number, or a count; `expression`
   where it holds LaTeX or a fraction, or asks for one, and then also where it asks
   for a value ("Find the area", "What is the length"); so too what a figure gives:
   "Find x", "the area of the".
5. `phrase`: it asks for a single word, a short phrase or a short answer ("Be
   succinct."), lists options without letters, or asks for a colour, shape, size,
   material or date, and not for advice.

The gold answer never takes part: most users have none, and a label must not
decide what becomes training data.  The papers do not say how they route; the
rule is ours.
"""

import re

from selfjudge.ground.records import AnswerFormat, Kind
from selfjudge.pairs.choices import MAX_QUESTION, parse_options
from selfjudge.pairs.expressions import holds_math

# A question is read from its end, where what it asks for stands.

BE_OR_DO = (
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might"
    r"|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|hasn't|haven't|can't)"
)
YES_NO_ASKED = re.compile(
    r"\b(?:yes or no|yes/no|yes, or no|answer (?:with )?yes|answer (?:with )?no"
    r"|'yes' or|\"yes\" or|true or false)\b"
    r"|,\s?(?:right|correct|isn't it|aren't they|is it|yes)\?",
    re.IGNORECASE,
)
# After what stands before it: "There is a cube; ", "In the chart, ".
YES_NO_CLAUSE = re.compile(
    rf"(?:^|[;:,]\s|[.!]\s|\n)\s{{0,4}}(?:and |then |so |or )?{BE_OR_DO}\b"
    r"(?!\s+you\b)(?P<asked>(?:[^?\n;.!]|[.!](?!\s+[A-Z])|(?<=\b[A-Z])\."
    r"|(?<=\b(?:Mr|Dr|St|vs))\.){2,400}(?:\n[^?\n;]{2,200})?)(?=\?|$)",
    re.IGNORECASE,
)
# "Have a look", "Do the following": no question.
COMMAND = re.compile(
    r"(?:do|have)\s+(?:a|an|the|your|some|it|this|not|fun)\b", re.IGNORECASE
)
# "or" that offers nothing to choose from.
NO_ALTERNATIVE = re.compile(
    r"\bor not\b|\b(?:more|less|greater|fewer|equal|higher|lower|larger|smaller)\s+"
    r"(?:than\s+)?or\s+(?:equal|less|more)\b|\bone or more\b"
    r"|\b(?:any|either)\b[^?]{0,80}?\bor\b",
    re.IGNORECASE,
)
ALTERNATIVE = re.compile(r"\bor\b", re.IGNORECASE)
# "When it is dark, is ...": a clause of a question that asks otherwise.
WH_WORD = re.compile(
    r"^\W*(?:what|which|who|whom|whose|where|why|how)\b", re.IGNORECASE
)
ASKS_OTHERWISE = re.compile(
    r"\b(?:what|which|who|whom|whose|where|when|why|how)\b[^?]{0,200}\?", re.IGNORECASE
)
NUMBER = re.compile(
    r"\bhow (?:many|much)\b|\bwhat (?:is the |are the )?(?:total )?number\b"
    r"|\b(?:find|determine|state|give|report|tell me) the (?:total )?number of\b"
    r"|^\W*(?:the )?(?:total )?number of\b|\bcount (?:the|all|how|of)\b"
    r"|\b(?:integer|numerical|numeric) (?:answer|value|number)\b",
    re.IGNORECASE,
)
# A value that may be no decimal number.
EXACT = re.compile(
    r"\b(?:what fraction|as an? (?:\w+ )?fraction|simplest (?:\w+ )?form|in terms of"
    r"|lowest terms|exact (?:value|form|answer))\b",
    re.IGNORECASE,
)
VALUE = re.compile(
    r"(?:^|[.?!:,;\n]\s{0,4})(?:please )?(?:find|calculate|compute|determine|evaluate"
    r"|simplify|solve)\b|\bwhat fraction\b|\bwhat (?:is|are|must be|will be) "
    r"(?:[$\\\d]|(?:the )?(?:\w+ )?(?:value|area|length|perimeter|probability|measure"
    r"|volume|radius|diameter|slope|distance|circumference|sum|product|difference"
    r"|quotient|result|height|width)\b)",
    re.IGNORECASE,
)
# A value that a figure gives, asked for without LaTeX: "Find x", "the area of the".
MEASURE = re.compile(
    r"\b(?:find|calculate|compute|determine|solve for|what(?:'s| is| are)) "
    r"(?:(?:the )?(?:values?|measure|size) of )?(?:(?:angle )?m?\s?\u2220\s?\w"
    r"|(?-i:[b-hj-z]|angle [A-Z1-9]+)\s*(?:[.?,]|$))"
    r"|\b(?:find|calculate|compute|determine) (?-i:[A-Z]{2})\s*(?:[.?,]|$)"
    r"|\b(?:find|calculate|compute|determine|what(?:'s| is)) (?:the )?(?:\w+ )?"
    r"(?:area|perimeter|circumference|radius|diameter|hypotenuse|slope|volume|length"
    r"|measure|probability)s? (?:of|that) (?:the|this|a|an|(?-i:[A-Z]{2})|\u2220)\b",
    re.IGNORECASE,
)
ATTRIBUTE = re.compile(
    r"\b(?:what|which)(?:'s| is| are| was| were)?(?: the| its| their| his| her)?"
    r"(?: (?:main|same|exact|primary|dominant))? "
    r"(?:colou?rs?|shapes?|sizes?|materials?)\b"
    r"|\b(?:what|which) (?:year|month|day|date|decade|century)\b"
    r"|\bhow (?:big|large) (?:is|are) (?:it|they|the|this|that)\b"
    r"|\bmade (?:out )?of\s*\?|\bof (?:what|which) (?:colou?r|material|shape|size)\b",
    re.IGNORECASE,
)
# What one would do: "What color should I paint it?"
ADVICE = re.compile(
    r"\b(?:should (?:i|we|my|our|you|one)|would you|could (?:i|we)|recommend|suggest"
    r"|goes? (?:well )?with|suits?|best for (?:me|my|our))\b",
    re.IGNORECASE,
)
# A line of options without letters.
OPTIONS_LINE = re.compile(
    r"^\W*(?:options|choices|alternatives|candidates|possible answers)\W*:[^\n]*,",
    re.IGNORECASE | re.MULTILINE,
)
LISTED = re.compile(
    r"\b(?:options|choices|alternatives|candidates|possible answers)\b[^:\n?]{0,40}:",
    re.IGNORECASE,
)
SHORT = re.compile(
    r"\b(?:yes or no|yes/no|single word|one[- ]word|one or two words"
    r"|words? or (?:a )?(?:short |single )?phrase|short phrase|short answer"
    r"|few words)\b",
    re.IGNORECASE,
)
# "Be succinct.", "Concise answer only.", "Keep it short and to the point."
BRIEF = re.compile(
    r"\b(?:succinct|succinctly|concise|concisely|briefly|brevity|terse|tersely|compact"
    r"|compactly|brief (?:answer|response|reply)|be (?:very )?brief|be short"
    r"|(?:short|quick|direct)(?: and [\w ]{2,20})? (?:answer|response|reply)"
    r"|(?:quick|short) (?:response|reply|answer)|keep (?:it|your \w+|the \w+) (?:short"
    r"|brief)|answer only|to the point|(?:be|is) short)\b|\bin short\W*\Z",
    re.IGNORECASE,
)
LETTER = re.compile(
    r"\boption'?s? letter\b|\bletter of the\b|\bletter (?:only|alone)\b"
    r"|\b(?:with|the) (?:correct |right )?letter\b(?= (?:from|of|corresponding)|\.|$)",
    re.IGNORECASE,
)

TEXT_VERB = (
    r"(?:describe|explain|write|tell|summari[sz]e|discuss|elaborate|justify|list|compare"
    r"|analy[sz]e|compose|narrate|caption|outline|interpret|identify|illustrate"
    r"|(?:suggest|recommend|generate|create|draft|invent|propose|design|come up with)"
    r"|break (?:(?:it|them|this|that) )?down|(?:give|provide|show) (?:me )?(?:some )?"
    r"(?:reasons|examples|details|evidence|tips|your (?:steps|work|reasoning)))"
)
# What is made up is a text, however short.
MADE_UP = re.compile(
    r"^(?:(?:can|could|will|would)\s+you\s+)?(?:please\s+)?(?:suggest|recommend|generate"
    r"|create|compose|draft|invent|propose|design|come up with)\b",
    re.IGNORECASE,
)
# Lower-case parts of a task: "Give the names of a) the bird b) the tree."
PARTS = re.compile(
    r"^(?:please )?(?:give|name|identify|label|find|calculate|mark|state|provide)\b"
    r"[^\n]*\s(?-i:\(?a\)\s)",
    re.IGNORECASE,
)
# "between (A) and (B)": names, no options.
JOINED = re.compile(r"\Z|(?:and|or|vs|versus)\b")
# "Could you describe ...", "Explain how many ...": a text is wanted.
REQUEST = re.compile(
    r"^(?:(?:can|could|will|would)\s+you\s+)?(?:please\s+|do\s+)?"
    rf"(?:briefly\s+|in short,?\s+)?{TEXT_VERB}\b",
    re.IGNORECASE,
)
# A text is wanted too: "... If so, describe them.", "... and explain why".
THEN_TEXT = re.compile(
    rf"(?:[.?!;,]|\band|\bthen|\balso)\s+(?:please\s+|briefly\s+|also\s+)?{TEXT_VERB}\b"
    r"(?! (?:if|whether|yes|the (?:letter|option|number)))"
    r"|(?:\band|\?) (?:what|who|where|which|how)\b"
    r"|\bhow (?:many|much)\b[^?]{0,200}\band (?:is|are|does|do|can|should|will) "
    r"(?:it|they|this|that|these|there|i|we|he|she)\b"
    r"|\bif (?:so|not|yes|no|any)\b|\bwhy\b|\bhow (?:come|do you know|can you tell)\b"
    r"|\b(?:description|summary|caption|explanation|interpretation|narrative|essay|poem"
    r"|story|in detail|detailed|reasoning|step by step)\b",
    re.IGNORECASE,
)


TEXT_NOUN = re.compile(
    r"(?:caption|description|summary|explanation|interpretation)\b", re.IGNORECASE
)
# "Is the caption correct?": nobody asks for one.
JUDGED = re.compile(
    r"\b(?:is|are|does|do|if|whether)\s+(?:the|this|that)\s+(?:\w{1,12}\s+)?"
    rf"{TEXT_NOUN.pattern}",
    re.IGNORECASE,
)


def route(question: str) -> tuple[Kind, AnswerFormat | None]:
    """The kind of a prompt, and the answer format if it is closed."""
    answer_format = find_format(question.strip()[-MAX_QUESTION:])
    return ("closed" if answer_format else "open"), answer_format


def find_format(question: str) -> AnswerFormat | None:
    """The short answer format that a question asks for, None if a text is wanted."""
    is_short = bool(SHORT.search(question))
    if lists_options(question, is_short=is_short):
        return "choice"
    if MADE_UP.match(question) or (not is_short and wants_text(question)):
        return None
    if YES_NO_ASKED.search(question) or asks_yes_no(question):
        return "yes_no"
    is_exact = bool(EXACT.search(question) or holds_math(question))
    if is_exact and (NUMBER.search(question) or VALUE.search(question)):
        return "expression"
    if NUMBER.search(question):
        return "number"
    if MEASURE.search(question):
        return "expression"
    is_seen = ATTRIBUTE.search(question) and not ADVICE.search(question)
    if is_short or is_seen:
        return "phrase"
    is_asked = "?" in question or WH_WORD.match(question)
    is_brief = BRIEF.search(question) or LISTED.search(question)
    return "phrase" if is_asked and is_brief else None


def lists_options(question: str, *, is_short: bool) -> bool:
    """Whether a letter is asked for, or options with letters are listed."""
    if LETTER.search(question):
        return True
    options = parse_options(question)
    if not options:
        return False
    is_joined = any(map(JOINED.match, options.values()))
    if "\n" not in question and (is_joined or PARTS.match(question)):
        return False
    return is_short or "\n" in question or not REQUEST.match(question)


def wants_text(question: str) -> bool:
    """Whether a description, a reason or several answers are asked for."""
    if REQUEST.match(question) or question.count("?") > 1:
        return True
    if YES_NO_ASKED.search(question) or OPTIONS_LINE.search(question):
        return False
    if JUDGED.search(question):
        question = TEXT_NOUN.sub("", question)
    return THEN_TEXT.search(question) is not None


def asks_yes_no(question: str) -> bool:
    """Whether the last clause that asks begins as one for yes or no."""
    for match in YES_NO_CLAUSE.finditer(question):
        before = question[: match.start()]
        if WH_WORD.match(before) or ASKS_OTHERWISE.search(match["asked"]):
            continue
        is_question = question[match.end() : match.end() + 1] == "?"
        if COMMAND.match(match[0].lstrip(" ;:,.!\n")) and not is_question:
            continue
        if not ALTERNATIVE.search(NO_ALTERNATIVE.sub("", match["asked"])):
            return True
    return False
