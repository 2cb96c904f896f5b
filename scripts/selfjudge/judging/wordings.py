"""The words by which an English sentence states, compares, quotes or supposes.

A pattern that ends in the mark of an end is of the text just before brackets; the
others are of that just after them, or of a whole piece.  None has a repetition within
a repetition, and the texts that they see are short: they take linear time.
"""

import re

BRACKETS = re.compile(r"\[\[([^\[\]\n]{0,40})\]\]")
SENTENCE_END = re.compile(
    r"(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)[.!?;][\"'*_)`\u201d]{0,4}\s+"
)
# Nothing but marks, and tags such as </answer>.
MARKUP = re.compile(r"(?:[^\w\[\]]|</?\w{1,12}>)*\Z")
BETWEEN_LINES = re.compile(r"\s*(?:`{3}\w{0,12}|[-*_]*)\s*\Z")
ALTERNATIVE = re.compile(r"\W*or\W*\Z", re.IGNORECASE)
QUOTED_BY_ONE = re.compile(r"(?:^|[\s(:])'[^']{0,60}\Z")

NAME = r"(?:response|assistant|answer|option|model)"
NAMED = re.compile(rf"{NAME}\s+(?-i:([A-Z]))\b", re.IGNORECASE)

# What makes brackets a statement: before them ...
LABEL = re.compile(
    r"\bverdict\W{0,8}\Z"
    r"|\b(?:verdict|judge?ment|decision|winner|choice|answer|preference|conclusion"
    r"|selection|better|best|superior|stronger|preferred|winning)\b[^.!?\[\]]{0,60}"
    r"(?::|=|->|\bis(?: for| given by)?|\bbe|\bgoes to)\W{0,8}"
    rf"(?:(?:that|clearly|therefore|thus|hence|still|now|{NAME})\s+)?\W{{0,4}}\Z"
    r"|\b(?:pick|vote|result|final|conclude)\W{0,3}(?::|=|->|\bis(?: for)?|goes to)"
    r"\W{0,8}\Z",
    re.IGNORECASE,
)
CHOICE = re.compile(
    r"\b(?:I|we)(?:'d|'ll|'m| am|'re| are| would| will| must| have to)?"
    r"(?: \w{1,12}ly| therefore| thus| still)? "
    r"(?:choose|pick|select|prefer|favou?r|vote for|go(?:ing)? with|opt for|side with"
    r"|lean(?:ing)? towards?)"
    rf"\W{{1,4}}(?:{NAME}\s+)?\W{{0,4}}\Z",
    re.IGNORECASE,
)
CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|overall|in conclusion|in summary|conclude|believe"
    r"|judge|determine|finally|verdict|evaluation)\b",
    re.IGNORECASE,
)
# ... or after them: "[[A]] gives the better answer", with nothing that turns it.
WHOLE = (
    r"(?:response|answer|assistant|choice|option|one|solution|performer|job|model"
    r"|description|explanation|account)s?\b"
)
MERIT = (
    r"(?:accurate|correct|faithful|truthful|precise|helpful|reliable|trustworthy"
    r"|convincing|factual|consistent|aligned|grounded)"
)
# "detailed and" before one of these.
ALSO = r"(?:\w{1,16}(?:,? and|,) (?:more |most )?){0,2}"
FAULT = (
    r"(?:not|never|wrong|incorrect|inaccurate|false|worse|fails?|misses|invents?"
    r"|misreads?|miscounts?|hallucinat\w+|errors?|mistakes?)\b|n't\b"
)
WINS = re.compile(
    r"\b(?:(?:wins|outperforms|beats|surpasses|edges out|prevails|(?:gets|has) my vote"
    r"|preferable|deserves (?:to win|the (?:win|verdict|vote))"
    r"|should win|is (?:what|the one) I (?:choose|pick|prefer|select)"
    r"|the (?:clear |overall )?winner)\b"
    r"|(?:better|best|superior|stronger|preferred)\b(?:\W*\Z|[\W]{0,4}[.,;!)]"
    rf"|\W{{1,4}}(?:\w{{1,20}}\s+){{0,2}}{WHOLE}"
    r"|\s+(?:than|over|overall|at|as|because|since|for|due|here|by|with|and|to|of)\b"
    r"|\s+in\s+(?:this|terms|every|all|general|both|\w{1,16}ing)\b)"
    r"|(?:is|as|be) (?:therefore |thus )?"
    r"(?:(?:my|(?:my|the) (?:clear|final|right|correct|obvious|overall|top)) "
    r"(?:choice|verdict|pick|preference)"
    r"|my (?:final )?(?:answer|decision|judge?ment))\b"
    r"|(?:is|should be|must be) (?:therefore |thus )?(?:chosen|selected|preferred)\b"
    rf"|more {ALSO}{MERIT}\W{{1,4}}(?:\w{{1,20}}\s+){{0,5}}than\b"
    rf"|is (?:correct|right|accurate)\W{{1,3}}(?:(?:while|whereas|but|and) )?\W{{0,4}}"
    rf"\[\[[^\[\]\n]{{1,9}}\]\]\W{{1,4}}(?:(?:is|does|was) ?)?(?:{FAULT}))"
    r"|^\W{0,6}(?:it is\W*\Z|higher\b)"
    r"|[>\u227b\u226b]+\W{0,4}\[\[",
    re.IGNORECASE,
)
# As much, if the sentence names no other bracket: "[[A]] is more accurate".
EXCELS = re.compile(
    rf"\b(?:more|most) {ALSO}{MERIT}(?:(?:,? and|,) (?:more )?\w{{1,16}}){{0,2}}"
    rf"(?:\W*\Z|\W{{0,4}}[.,;!)]|\s+(?:\w{{1,20}}\s+)?{WHOLE}"
    r"|\s+(?:overall|because|since|as|here|of (?:the two|both))\b"
    r"|\s+(?:to|with|about) (?:the|this) (?:image|picture|photo|scene|facts)\b)"
    r"|\bthe (?:only )?(?:correct|right|accurate)(?: and (?:more )?\w{1,16})? "
    rf"{WHOLE}",
    re.IGNORECASE,
)
# A reason that follows brackets at the begin of a line.
BECAUSE = re.compile(
    r"[*_\"'`\s]{0,6}(?:,\s*)?(?:because\s|since\s|as\s|for\s|reason\w*:)",
    re.IGNORECASE,
)
EXPLAINS = re.compile(r"[*_\"'`]{0,4}(?::|\s*[-\u2013\u2014])[*_]{0,4}\s")
FAULTY = re.compile(rf"\b(?:{FAULT})|n't\b", re.IGNORECASE)
TURNS = re.compile(
    r"\b(?:but|yet|however|while|whereas|although|though|than|if|because|since|or|nor"
    r"|not|never|no|neither|both|less|could|might|may|should(?! be| win)|hardly|other"
    r"|former|latter)\b"
    r"|n't\b|\[\[|[;:]\s",
    re.IGNORECASE,
)
# "[[A]] is wrong, so [[B]]": what ends a sentence thus, or a line begins with.
SO = re.compile(
    r"\b(?:so|thus|therefore|hence)\b[^\w\[\]]{0,4}(?:(?:it is|it's) )?\W{0,4}\Z",
    re.IGNORECASE,
)
LEAD = re.compile(
    r"(?:[^\w\[\]]|\b(?:so|thus|therefore|hence|overall|finally|ultimately"
    r"|in conclusion|in summary)\b)*\Z",
    re.IGNORECASE,
)
CONTRAST = re.compile(r"\b(?:but|however|yet)\b", re.IGNORECASE)

# "Response A is better at style only" takes nothing back.
LIMITED = re.compile(r"\b(?:only|merely|alone|just)\b", re.IGNORECASE)

# What a bracket is measured against, denied or conceded by.
OBJECT = re.compile(
    r"(?:\b(?:than|over|not|nor|neither|instead of|rather than|against|reject|unlike"
    r"|outperforms|beats|surpasses|edges out|falls short of"
    r"|(?:outperformed|surpassed|beaten) by|as \w{1,16} as"
    r"|(?:superior|inferior|preferable|loses|compared) to)"
    r"|n't|(?<![\w=-])[<>\u227a\u227b\u226a\u226b]+)"
    rf"\W{{0,6}}(?:(?:that of|those of|the|{NAME})\s+)?\W{{0,4}}\Z",
    re.IGNORECASE,
)
CONCEDED = re.compile(
    r"\b(?:while|although|though|whereas|even if|despite|since|because)\b[^,;]*\Z",
    re.IGNORECASE,
)
DENIAL = re.compile(r"\b(?:not|neither)\W*\Z", re.IGNORECASE)
WORSE = re.compile(
    r"\b(?:worse|weaker|inferior|loses|behind|outperformed|surpassed|beaten|falls short"
    r"|less \w{1,16})\b|(?:\bnot|n't) (?:nearly "
    r"|quite )?as\b|[<\u227a\u226a]",
    re.IGNORECASE,
)
LOSES = re.compile(
    r"\b(?:worse|worst|weaker|inferior|losing|loser|rejected|incorrect|wrong)"
    rf"(?:\s+(?:one|choice|{NAME}))?\s*(?:is|was|:)?[^\w,;]{{0,4}}\Z",
    re.IGNORECASE,
)
# Nothing but the name of what brackets stand for.
ONLY_NAMED = re.compile(rf"\W{{1,4}}{NAME}\s+(?-i:([A-Z]))\W*\Z", re.IGNORECASE)
TIES = re.compile(r"\b(?:equal|equally|tied?|same|neither|both|draw)\b", re.IGNORECASE)

# Whose statement it is, and whether it is one.
TELLS = (
    r"\b(?:says|said|writes|wrote|claims|claimed|states|ends|ended|ending|contains"
    r"|includes|included|asks|tells|demands|instructs|quotes|declares|adds|added"
    r"|appends|prints|outputs|insists|tries|attempts|tricks?|ignore)\b"
)
ATTRIBUTED = re.compile(
    rf"{TELLS}[^,;.]{{0,60}}\Z"
    r"|(?:'s|\bits|\btheir)\s+(?:(?!(?:my|the|our)\b)\w{1,20}\s+)?verdict\b"
    r"[^,;.]{0,20}\Z"
    rf"|^\W*{NAME} (?-i:[A-Z])\b(?:'s(?: \w{{1,12}}){{1,3}})?\W{{1,6}}(?:final )?"
    r"verdict\W*\Z"
    r"|\b(?:text|label|sign|writing) (?:in|on|of|at) [^.!?,;]{0,40}\bis\W{1,6}\Z"
    r"|\b(?:reads|reading|displays|spells|label(?:l?ed|s))\W{1,6}\Z",
    re.IGNORECASE,
)
# A line that may go on in the next one: "Response A says", "ends its text with", "asks
# to write", "adds this line", or one that tells of a verdict, a judge, an instruction;
# not "Response A says there are two dogs".
LEFT_OPEN = re.compile(
    rf"{TELLS}(?: (?:that|in|on|by|me|us|it|so|this)){{0,3}}"
    r"(?: at (?:the|its)(?: very)? (?:end|bottom|top|begin(?:ning)?|start))?\W*\Z"
    rf"|{TELLS}(?: (?:with|in|by))?(?: (?:an?|the|this|these|its))?"
    r"(?: \w{1,20}){0,2} (?:lines?|words?|text|sentence|phrase|message|note|statement)"
    r"\W*\Z"
    r"|\b(?:with|reads|this|below|exactly|like so)\W*\Z"
    r"|\b(?:as follows|following|verdicts?|judges?|instruct\w*|inject\w*|prompts?"
    r"|strings?|commands?)\b"
    r"|\b(?:to|and|must|should) (?:output|write|end|finish|give|answer|respond|reply"
    r"|state|print|return|use|say|choose|pick|select)\W*\Z",
    re.IGNORECASE,
)
SUPPOSED = re.compile(
    r"\b(?:if|unless|suppose|supposing|assuming|imagine)\b|(?:^|[(,;:]\s*)(?:had|were|should)\b"
    r"|\b(?:could|might|may|perhaps|maybe|possibly|whether|unsure|unclear"
    r"|(?<!no )(?<!without )(?<!beyond )doubt)\b[^,;]*\Z",
    re.IGNORECASE,
)
# What was thought at first, or would have been.
TENTATIVE = re.compile(
    r"\b(?:initially|initial \w{1,12}|at first|tempted"
    r"|first (?:thought|impression|guess|instinct|leaned|considered|favou?red|chose)"
    r"|(?:would|could|might) have(?! to\b))\b(?:(?:glance|sight|look),)?"
    r"(?:(?!\b(?:but|yet|so|however|then|now)\b)[^,;])*\Z",
    re.IGNORECASE,
)
# "I can't say [[A]]"; a word that begins a new clause ends what is denied.
REFUSED = re.compile(
    r"(?:n't|\b(?:cannot|not|never|unable to|refuse to|(?:hard|impossible) to))\s+"
    r"(?:(?!(?:only|so|thus|hence|therefore|but|and|while|because|as|than)\b)"
    r"[\w']{1,20}\s+){1,6}\W{0,4}\Z",
    re.IGNORECASE,
)
# What shows a form and states nothing: "for example: Verdict: [[A]]".
SHOWN_AS = (
    r"[^\w\[\]]{0,6}(?:(?:the|my|an?|final|this|so|is|be|would)[^\w\[\]]{1,3}){0,3}"
    r"(?:verdict)?\W{0,8}\Z"
)
EXEMPLARY = re.compile(
    r"\b(?:for example|for instance|e\.g\.?|such as|something like"
    r"|(?:example|sample|template|placeholder)s?"
    r"(?:\s+(?:output|verdict|line|answer|ending))?(?:\s*:|(?= is | would be ))"
    rf"|(?<!looks )(?<!seems )(?<!feels )(?<!sounds )like){SHOWN_AS}"
    r"|\b(?:output|line|reply|text) (?:(?:should|must|will|has to) (?:be|read)"
    rf"|(?:should |must |will )?looks? like):?{SHOWN_AS}"
    r"|\b(?:format|form|syntax|pattern)\b[^.!?:]{0,40}\b(?:is|requires|wants|demands"
    rf"|(?:must|should|will|would|to) be)\b:?{SHOWN_AS}"
    r"|\b(?:to be|must be|should be|will be|is)\s+(?:given|written|stated|formatted"
    r"|expressed|output|reported|returned|printed|presented)\s+"
    rf"(?:as|in|with|like|using|by)\b{SHOWN_AS}",
    re.IGNORECASE,
)
# "Suppose it is red. Then the verdict is [[A]]."
THEN = re.compile(r"\W*(?:then|in (?:that|which) case|otherwise)\b", re.IGNORECASE)
# As much, unless it ends the text: "I need to output Verdict: [[A]] at the end".
INSTRUCTED = re.compile(
    rf"\b(?:format|form|syntax|pattern|line)\W{{0,4}}{SHOWN_AS}"
    r"|\b(?:need(?:ed|s)?|have|has|had|must|should|shall|will|'ll|asked|told|supposed"
    r"|requires?|required|expected|want(?:ed|s)?)\b"
    r"(?: that)?(?: I| me| us)?(?: to)?(?: then| also| only| just)? "
    r"(?:output|write|end|finish|give|answer|respond|reply|state|print"
    r"|return|use|put|close|provide|produce)\b[^.!?]{0,60}\Z",
    re.IGNORECASE,
)
# "My verdict, in that format, is:"
MINE = re.compile(
    r"\bmy (?:\w{1,12} )?(?:verdict|decision|judge?ment|choice|answer)\b"
    r"[^.!?]{0,60}\bis\W{0,8}\Z",
    re.IGNORECASE,
)
ASKED = re.compile(r"\?[\s\"'`*_)]*\Z")
CONDITION = re.compile(
    r"[\"'`\u201d*)]{0,4}(?:\s*\?|,?\s*(?:(?:only|but)\s+)?(?:if|when|unless)\b"
    r"|\s*(?:could|might|may"
    r"|should(?! win| be (?:chosen|selected|preferred|my|the)\b))\b"
    r"|\s*(?:is|was|does|did|can|will|has)(?:n't|\s*(?:not|no|never|neither))\b"
    r"|[^.]{0,60}\b(?:would|were)\b[^.]{0,60}\b(?:if|had|unless)\b)",
    re.IGNORECASE,
)
INSTRUCTS = re.compile(
    r"\b(?:must|either|one of|following|exactly|formats?|forms?|instruct\w*|options?"
    r"|should|told)\b",
    re.IGNORECASE,
)
TITLE = re.compile(r"\bverdict\W*\Z", re.IGNORECASE)
