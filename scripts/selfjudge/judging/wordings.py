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
    r"(?::|=|->|\bis|\bbe|\bgoes to)\W{0,8}"
    rf"(?:(?:that|clearly|{NAME})\s+)?\W{{0,4}}\Z",
    re.IGNORECASE,
)
CHOICE = re.compile(
    r"\b(?:I|we)(?:'d|'ll| would| will| must| have to)?"
    r"(?: \w{1,12}ly| therefore| thus| still)? "
    r"(?:choose|pick|select|prefer|favou?r|vote for|go with|opt for|side with)"
    rf"\W{{1,4}}(?:{NAME}\s+)?\W{{0,4}}\Z",
    re.IGNORECASE,
)
CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|overall|in conclusion|in summary|conclude|believe"
    r"|judge|determine|finally|verdict|evaluation)\b",
    re.IGNORECASE,
)
# ... or after them: "[[A]] gives the better answer", with nothing that turns it.
WINS = re.compile(
    r"\b(?:(?:wins|outperforms|beats|preferable|the winner)\b"
    r"|(?:better|best|superior|stronger|preferred)\b(?:\W*\Z|[\W]{0,4}[.,;!)]"
    r"|\W{1,4}(?:\w{1,20}\s+){0,2}(?:response|answer|assistant|choice|option|one"
    r"|solution|performer|job|model)s?\b"
    r"|\s+(?:than|over|overall|at|as|because|since|for|due|here|by|with|and|to|of)\b"
    r"|\s+in\s+(?:this|terms|every|all|general|both|\w{1,16}ing)\b)"
    r"|more (?:accurate|correct|faithful|truthful|precise|helpful|reliable)"
    r"\W{1,4}than\b)"
    r"|>+\W{0,4}\[\[",
    re.IGNORECASE,
)
TURNS = re.compile(
    r"\b(?:but|yet|however|while|whereas|although|though|than|if|because|since|or|nor"
    r"|not|never|no|neither|both|less|could|might|may|should|hardly|other|former"
    r"|latter)\b"
    r"|n't\b|\[\[|[;:]\s",
    re.IGNORECASE,
)
CONTRAST = re.compile(r"\b(?:but|however|yet)\b", re.IGNORECASE)

# What a bracket is measured against, denied or conceded by.
OBJECT = re.compile(
    r"(?:\b(?:than|over|not|nor|neither|instead of|rather than|against|reject|unlike"
    r"|outperforms|beats|surpasses|(?:superior|inferior|preferable|loses|compared) to)"
    rf"|n't|(?<!\w)[<>])\W{{0,6}}(?:(?:that of|those of|the|{NAME})\s+)?\W{{0,4}}\Z",
    re.IGNORECASE,
)
CONCEDED = re.compile(
    r"\b(?:while|although|though|whereas|even if|despite|since|because)\b[^,;]*\Z",
    re.IGNORECASE,
)
DENIAL = re.compile(r"\b(?:not|neither)\W*\Z", re.IGNORECASE)
WORSE = re.compile(r"\b(?:worse|weaker|inferior|loses|behind)\b|<", re.IGNORECASE)
LOSES = re.compile(
    r"\b(?:worse|worst|weaker|inferior|losing|loser|rejected|incorrect|wrong)"
    rf"(?:\s+(?:one|choice|{NAME}))?\s*(?:is|was|:)?\W{{0,4}}\Z",
    re.IGNORECASE,
)
TIES = re.compile(r"\b(?:equal|equally|tied?|same|neither|both|draw)\b", re.IGNORECASE)

# Whose statement it is, and whether it is one.
ATTRIBUTED = re.compile(
    r"\b(?:says|said|writes|wrote|claims|claimed|states|ends|ended|ending|contains"
    r"|includes|included|asks|tells|demands|instructs|quotes|declares|adds|added"
    r"|appends|prints|outputs|insists|ignore)\b[^,;.]{0,60}\Z"
    r"|(?:'s|\bits|\btheir)\s+(?:\w{1,20}\s+)?verdict\b[^,;.]{0,20}\Z",
    re.IGNORECASE,
)
SUPPOSED = re.compile(
    r"\b(?:if|unless|suppose|supposing)\b|(?:^|[(,;:]\s*)(?:had|were|should)\b"
    r"|\b(?:could|might|may|perhaps|maybe|possibly|whether)\b[^,;]*\Z",
    re.IGNORECASE,
)
CONDITION = re.compile(
    r"[\"'`\u201d*)]{0,4}(?:\s*\?|,?\s*(?:(?:only|but)\s+)?(?:if|when|unless)\b"
    r"|\s*(?:could|might|may|should)\b"
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
