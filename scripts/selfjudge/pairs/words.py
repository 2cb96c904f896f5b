"""The yes or no, or the short phrase, that a short text is, or None."""

import re

from selfjudge.pairs.normal import fold, normalise
from selfjudge.pairs.stated import CONDITION, REFUSAL

# A phrase longer than this is a sentence, not a short answer; without a marker
# before it sooner.
MAX_PHRASE_WORDS = 8
MAX_BARE_PHRASE_WORDS = 5
# No short answer is longer; what is longer is not read to its end.
MAX_READ = 240

HEAD = re.compile(
    r"(?:(?:(?:the )?(?:final |correct )?answer is|so|well|thus|hence"
    r"|therefore|it is|is|i think|i would say)\b[\s,:]*)*"
    r"(yes|no)\b(?P<rest>.*)"
)
# "True." says yes to a statement; not "true to life", "a false door".
TRUTH = re.compile(
    r"(?:(?:the )?(?:final |correct )?answer is|so|well|thus|hence|therefore|it is|it's"
    r"|(?:the )?(?:statement|claim|sentence|caption|assertion|proposition) is"
    r"|i think|i would say|that|[\s,:]){0,8}"
    r"\b(?P<said>true|false)(?=$|\s?[,.:;!\u2014(/]|\s-|\s(?:or|and|because|since|as)\b)"
)
TRUTH_WORD = re.compile(r"\b(?:true|false)\b")
# What may follow a yes or no that answers: not "no doubt", not "yes or no".
AFTER = re.compile(
    r"$|\s?[,.:;!\u2014(]|\s-|\s(?:because|since|as|it|there|he|she|they|this|that|these"
    r"|those|the|i|we|you|his|her|its|both|all|not|only|at least|a|an)\b"
)
BOTH = re.compile(r"\W*(?:or|and|/)?\W*(?:yes|no)\b|\.?\s?\d")
EXCLAIMED = re.compile(
    r".{0,60},\s(?:(?:so|hence|thus|therefore),?\s)?(yes|no|true|false)\W*$"
)
# "That is not, strictly speaking, true", "true, then false".
NO_TRUTH = re.compile(
    r"\b(?:not|neither|nor|never|\w+n't)\b.*\b(?:true|false)\W*$"
    r"|\btrue\b.*\bfalse\b|\bfalse\b.*\btrue\b"
)
# "No. Wait, yes.": the one that it begins with is taken back.
TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|sorry|i mean|i meant|correction|on second thoughts?|rather"
    r"|hmm)\b[^;]{0,60}?\b(yes|no)\s?(?:$|[.,!?;:])"
)
BRACKETED = re.compile(r"^\s*\(([^()]*)\)[\s.]*$")
NUMBERED = re.compile(r"^(?:\d{1,2}[.)]|\(?[a-j]\)|[-\u2022])\s+(?=[^\W\d])")
# "It is red", "The color is red": what is said of the thing is the answer.
SUBJECT = re.compile(
    r"(?:(?:it|this|that|they|these|those|he|she)(?:'s|'re)\s"
    r"|(?:it|this|that|they|these|those|he|she|the|its|his|her|their)\b"
    r"(?:(?!\b(?:who|that|which|where|whose)\b)[^.,;:]){0,40}?"
    r"\s?\b(?:is|are|was|were)\s)\s*(?:(?:an?|the)\s+)?(?=\S)"
)
LOOSE_ARTICLE = re.compile(r"(?:\S+\s+){2,}an?$")
SPELLINGS = {
    "grey": "gray",
    "colour": "color",
    "coloured": "colored",
    "centre": "center",
    "metre": "meter",
    "metres": "meters",
    "aluminium": "aluminum",
    "aeroplane": "airplane",
    "tyre": "tire",
    "theatre": "theater",
    "jewellery": "jewelry",
    "pyjamas": "pajamas",
    "doughnut": "donut",
    "neighbour": "neighbor",
    "favourite": "favorite",
    "flavour": "flavor",
    "harbour": "harbor",
    "armour": "armor",
    "traveller": "traveler",
    "litre": "liter",
    "litres": "liters",
    "kilometre": "kilometer",
    "kilometres": "kilometers",
    "fibre": "fiber",
    "mould": "mold",
    "plough": "plow",
    "whisky": "whiskey",
    "moustache": "mustache",
}
JOINED = re.compile(r",? (?:and|&|as well as) |, |(?<=[^\W\d_]{2})/(?=[^\W\d_]{2})")
SPELLED = re.compile(rf"\b(?:{'|'.join(SPELLINGS)})\b")
# "Red, because the hood is red", "red - the color of the hood", "red (see there)".
MAYBE = re.compile(r"\(\s?(?:or|maybe|perhaps|possibly)\b")
OF_IT = r"(?:the|an?|its?|this|that|they|he|she|there|we|i|both|all|these|because|as)"
WHY = re.compile(
    rf"(?<=\w)(?:,?\s(?:because|due to|given that|since (?={OF_IT}\b))"
    rf"|,\s(?:as (?!well\b)|since |which )|(?:\s-|\s?\u2014|;)\s?(?={OF_IT}\b)).*$"
    r"|(?<=\w)\s\((?:see|as|because|since|based|seen|shown|from|it|which|visible)\s.*$"
)
# How a text begins or ends that goes on to an answer, or is none.
NO_PHRASE = re.compile(
    r"(?:let|let's|i|i'm|i'll|we|we'll|you|first|next|now|looking|to|based|here|sure"
    r"|okay|ok|in order|according|hmm|wait|well|step|alright|all right|got it|upon"
    r"|understood|certainly|of course|so|then|as (?:we|you|i|the|shown|seen|can)"
    r"|(?:after|before|by|on|when|while) \w+ing"
    r"|(?:analy[sz]|examin|observ|consider|inspect|review|look|focus|zoom|assum)ing"
    r"|\w+ing (?:(?:at|from|to|on|in) )?(?:(?:the|this) )?(?:image|picture|photo|chart"
    r"|graph|figure|diagram|scene|question))\b"
    r"|(?:(?:in|from) )?(?:(?:the|this) )?(?:image|picture|photo|photograph|question"
    r"|chart|figure|graph|diagram|scene|response|user)\b(?=.*\b(?:is|are|shows?|depicts?"
    r"|has|asks?|of|contains?|appears?|displays?|features?|wants?)\b|$)"
)
REASON = re.compile(r"(?:explanation|reason|rationale|because)\b")
DANGLING = re.compile(
    r"\b(?:is|are|was|shows?|depicts?|has|contains?|appears?|the|of|to|and|with|in|on"
    r"|at|that|which|or|by|from|reads|says|wears|be|can|i|we|you|he|she|appears|seems"
    r"|holds|uses|looks|will|may|its|their|his|her|for|as|this|these|those|than"
    r"|but|into|onto|near|like|(?:is|are|was|were|be|been) (?:wearing|holding|carrying"
    r"|using|showing|depicting|displaying|saying|having|called|named|looking|made"
    r"|written|located|based|known|placed|used))$"
)


def parse_yes_no(text: str) -> str | None:
    """ "yes" or "no", if a sentence begins with it, or ends with it after a comma.

    "True" and "false", stated of all that is asked, are yes and no.
    """
    normal = normalise(text[:MAX_READ])
    if NO_TRUTH.search(normal):
        return None
    if truth := TRUTH.match(normal):
        normal = TRUTH_WORD.sub(say_truth, normal[truth.start("said") :])
    match = HEAD.match(normal)
    if match is None:
        match = EXCLAIMED.match(normal)
        is_open = REFUSAL.search(normal) or CONDITION.search(normal)
        return TRUTH_WORD.sub(say_truth, match[1]) if match and not is_open else None
    rest = match["rest"]
    is_both = BOTH.match(rest)
    if (last := TAKEN_BACK.search(rest)) and last[1] != match[1]:
        return None
    rest = re.split(r"[.!?]\s", rest, maxsplit=1)[0]
    if is_both or CONDITION.search(rest):
        return None
    if re.search(r"\bi (?:cannot|can't|can not|do not|don't|am not|am un)", rest):
        return None
    return match[1] if AFTER.match(rest) else None


def say_truth(word: re.Match[str]) -> str:
    """Yes for "true", no for "false"."""
    return "yes" if word.group() == "true" else "no"


def parse_phrase(text: str, *, is_marked: bool = True) -> str | None:
    """The text itself if it is short enough to be an answer, and no refusal."""
    folded = fold(text[:MAX_READ])
    folded = BRACKETED.sub(r"\1", folded)
    folded = NUMBERED.sub("", folded.strip(' *_`"[]'), count=1)
    if REFUSAL.search(folded) or MAYBE.search(folded):
        return None
    if not is_marked and is_unfinished(normalise(folded)):
        return None
    folded = WHY.sub("", folded)
    if not is_marked and LOOSE_ARTICLE.match(text):
        return None
    subject = SUBJECT.match(folded)
    normal = normalise(folded[subject.end() :] if subject else folded)
    num_words = len(normal.split())
    limit = MAX_PHRASE_WORDS if is_marked else MAX_BARE_PHRASE_WORDS
    if not 1 <= num_words <= limit or REASON.match(normal):
        return None
    if not is_marked and is_unfinished(normal):
        return None
    return sort_parts(SPELLED.sub(lambda word: SPELLINGS[word.group()], normal))


def is_unfinished(phrase: str) -> bool:
    """Whether a phrase begins, or ends, as one that goes on."""
    return bool(NO_PHRASE.match(phrase) or DANGLING.search(phrase))


def sort_parts(phrase: str) -> str:
    """The phrase with what "and" or commas join in one order."""
    parts = [part.strip() for part in JOINED.split(phrase)]
    if len(parts) < 2 or not all(parts):
        return phrase
    return " and ".join(sorted(parts))
