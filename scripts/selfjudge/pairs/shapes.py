"""Rows as other people's data sets have them, turned into rows of ours.

A row is known by its fields: `conversations` (LLaVA, ShareGPT), `messages` (OpenAI),
or else a question and an image under one of their usual names.  Of a conversation
the first question counts, and the first answer to it.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_args

from selfjudge.ground.records import AnswerFormat, Kind

# By which names a question, a gold answer and images go; the first that is there.
QUESTION_NAMES = ("question", "prompt", "query", "instruction", "txt")
ANSWER_NAMES = ("answer", "gold_answer", "label", "cls")
# The last ones are a webdataset's, whose fields are the ends of file names.
IMAGE_NAMES = (
    *("images", "image", "image_path", "image_paths", "img", "image_bytes"),
    *("jpg", "jpeg", "png", "webp"),
)
TURN_NAMES = ("messages", "conversations", "conversation")
ASKING = ("user", "human")
ANSWERING = ("assistant", "gpt")
IMAGE_MARK = re.compile(r"[ \t]*<image>[ \t]*\n?")
DATA_URL = re.compile(r"data:[\w/+.-]*;base64,(?P<content>.*)\Z", re.DOTALL)
# How base64 begins of a JPEG, PNG, GIF and WebP: tables hold images so.
BASE64 = re.compile(r"(/9j/|iVBORw0KGgo|R0lGOD|UklGR)[A-Za-z0-9+/\s]{60,}=*\s*\Z")
# What a row of ours may say of its question.
CLOSED_SETS: dict[str, tuple[str, ...]] = {
    "kind": get_args(Kind),
    "answer_format": get_args(AnswerFormat),
}

# The fields of a row of ours.
OURS = ("images", "question", "answer", "source", *CLOSED_SETS)

# An image: the content of its file, or its path or address.
Picture = bytes | str


class FoundRow(NamedTuple):
    """What a foreign row says, and the fields that say something else.

    ``num_left_out`` counts questions of later turns.
    """

    pictures: list[Picture]
    question: str
    answer: str | None
    routed: dict[str, str]
    aside: dict[str, Any]
    num_left_out: int


class Turn(NamedTuple):
    """One turn of a conversation, by whose it is."""

    role: str
    text: str
    pictures: list[Picture]


def find_row(row: Mapping[str, Any]) -> FoundRow:
    """What a row says, whatever its shape; what it lacks is empty."""
    turns_name = find_name(row, TURN_NAMES)
    turns = read_turns(row[turns_name]) if turns_name else []
    question_name = None if turns else find_name(row, QUESTION_NAMES)
    answer_name = None if turns else find_name(row, ANSWER_NAMES)
    image_name = find_name(row, IMAGE_NAMES)
    pictures = read_pictures(row[image_name]) if image_name else []
    asked = [turn for turn in turns if turn.role in ASKING]
    if turns:
        question = asked[0].text if asked else ""
        answer = next((turn.text for turn in turns if turn.role in ANSWERING), None)
        pictures += asked[0].pictures if asked else []
    else:
        question = (to_single(row[question_name]) if question_name else None) or ""
        answer = to_single(row[answer_name]) if answer_name else None
        # Several answers, or none, are no gold answer.
        answer_name = None if answer is None else answer_name
    routed = {
        name: row[name] for name, known in CLOSED_SETS.items() if row.get(name) in known
    }
    used = {turns_name, question_name, answer_name, image_name, *routed}
    aside = {
        name: value
        for name, value in row.items()
        if name not in used and not (name in OURS and value is None)
    }
    left_out = max(0, len(asked) - 1)
    return FoundRow(pictures, without_marks(question), answer, routed, aside, left_out)


def describe_shape(row: Mapping[str, Any]) -> str | None:
    """The shape of a row that is none of ours, in words; None if it is not known."""
    name = find_name(row, TURN_NAMES)
    if name:
        return "OpenAI messages" if name == "messages" else "LLaVA conversations"
    if find_name(row, QUESTION_NAMES) and find_name(row, IMAGE_NAMES):
        return "a question and an image under other names"
    return None


def find_name(row: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The first of the names under which a row has something."""
    return next((name for name in names if row.get(name) is not None), None)


def without_marks(question: str) -> str:
    """A question without the marks that stand for images."""
    return IMAGE_MARK.sub("", question).strip()


def to_text(value: Any) -> str:
    """A question or an answer as text: a number, or the bytes of a text file too."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else str(value)


def to_single(value: Any) -> str | None:
    """As `to_text`, of the one element of a list too; None where it has another number
    of them, or holds no text."""
    if isinstance(value, list | tuple):
        return to_single(value[0]) if len(value) == 1 else None
    return None if value is None or isinstance(value, Mapping) else to_text(value)


def read_turns(value: Any) -> list[Turn]:
    """The turns of a conversation, of either shape; what is no turn is left out."""
    turns = value if isinstance(value, Iterable) else ()
    return [read_turn(turn) for turn in turns if isinstance(turn, Mapping)]


def read_turn(turn: Mapping[str, Any]) -> Turn:
    """A turn: its text, and the images that stand in it."""
    role = str(turn.get("role") or turn.get("from") or "")
    content = turn.get("content", turn.get("value"))
    if not isinstance(content, list):
        return Turn(role, to_text(content or ""), [])
    parts = [part for part in content if isinstance(part, Mapping)]
    texts = [to_text(part["text"]) for part in parts if part.get("text")]
    pictures = [
        picture
        for part in parts
        for name in ("image_url", "image")
        if part.get(name)
        for picture in read_pictures(part[name])
    ]
    return Turn(role, "\n".join(texts), pictures)


def read_pictures(value: Any) -> list[Picture]:
    """The images of a field: a path, an address, bytes, or a list of these."""
    if isinstance(value, list | tuple):
        return [picture for one in value for picture in read_pictures(one)]
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("url") or value.get("path")
    if isinstance(value, bytes):
        return [value]
    if not isinstance(value, str) or not value:
        return []
    embedded = DATA_URL.match(value)
    if embedded is None and not BASE64.match(value):
        return [value]
    content = embedded["content"] if embedded else "".join(value.split())
    try:
        return [base64.b64decode(content, validate=True)]
    except binascii.Error:
        return [b"?"]  # written as it is: the import names it as unreadable


def is_address(picture: Picture) -> bool:
    """Whether an image is on the network."""
    return isinstance(picture, str) and "://" in picture
