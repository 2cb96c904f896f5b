"""The records that a page shows: sampled pairs with all that was said of them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from selfjudge.ground.lines import RecordError, explain, read_lines, read_records
from selfjudge.ground.records import Judgment, Pair, Settings
from selfjudge.judging.acceptance import MOST_TELLING
from selfjudge.judging.joining import DroppedHead
from selfjudge.judging.verdicts import parse_verdict, prefers_chosen
from selfjudge.report.marking import Span, cut_text, mark_changes, show_controls
from selfjudge.report.results_folder import Branch
from selfjudge.report.shown_pairs import Sampled, Stratum
from selfjudge.report.thumbnails import make_thumbnail

MAX_CHARACTERS = 6000
MAX_NAME_CHARACTERS = 200
MAX_IMAGES = 8
IMAGE_BYTES = 50  # for the reference to a thumbnail
R = TypeVar("R", bound=msgspec.Struct)
DECODE_PAIR = msgspec.json.Decoder(Pair).decode
DECODE_JUDGMENT = msgspec.json.Decoder(Judgment).decode


class JudgmentHead(msgspec.Struct, frozen=True):
    """Which pair a judgment is of: enough to pass by those that are not shown."""

    pair_id: str


class BrowserSettings(Settings, frozen=True, kw_only=True):
    """How much a page shows: most pairs, and how wide a thumbnail is in pixels.

    ``about``: what the images are of; the page's first lines say it.
    """

    about: str | None
    max_records: int
    thumbnail_pixels: int


class ImageSource(NamedTuple):
    """Where thumbnails come from, and the largest image that is opened."""

    root: Path
    max_pixels: int


class Browsed(NamedTuple):
    """What a page's browser holds: records, their thumbnails, true counts.

    ``num_shown`` counts the records by stratum, ``num_pairs`` all pairs.
    """

    records: list[dict[str, Any]]
    thumbnails: list[str | None]
    num_pairs: dict[Stratum, int]
    num_shown: dict[Stratum, int]


def collect(
    sampled: Sequence[Sampled],
    counts: dict[Stratum, int],
    images: ImageSource,
    thumbnail_pixels: int,
    most_bytes: int,
) -> Browsed:
    """The sampled pairs as a page shows them, as many as ``most_bytes`` can hold.

    Strata take turns, so that a small page still shows some of everything; it
    never has thumbnails for more than half of the bytes.
    """
    by_branch: dict[Branch, dict[int, Sampled]] = defaultdict(dict)
    for one in sampled:
        by_branch[one.branch][one.place] = one
    found = {
        (branch, one.place): show_pair(one, *parts)
        for branch, places in by_branch.items()
        for one, parts in read_sampled(branch, places)
    }
    shelf = Shelf(images, thumbnail_pixels, most_bytes // 2)
    records: list[tuple[Stratum, dict[str, Any]]] = []
    left = most_bytes - most_bytes // 2
    for one in sampled:
        record = found[one.branch, one.place]
        left -= len(inert_json(record).encode()) + IMAGE_BYTES * len(record["images"])
        if left < 0:
            break
        record["images"] = [shelf.place(name) for name in record["images"]]
        records.append((one.stratum, record))
    branches = list(dict.fromkeys(stratum[:2] for stratum in counts))
    records.sort(
        key=lambda item: (
            branches.index(item[0][:2]),
            MOST_TELLING.index(item[0].outcome),
            item[0].category,
        )
    )
    num_shown = dict.fromkeys(counts, 0)
    for stratum, _ in records:
        num_shown[stratum] += 1
    return Browsed([r for _, r in records], shelf.thumbnails, counts, num_shown)


class Shelf:
    """Thumbnails, each once, until the bytes for them are used up."""

    def __init__(self, images: ImageSource, pixels: int, most_bytes: int) -> None:
        self.images = images
        self.pixels = pixels
        self.left = most_bytes
        self.thumbnails: list[str | None] = []
        self.places: dict[str, int] = {}

    def place(self, name: str) -> dict[str, Any]:
        """The name of an image, and the place of its thumbnail; None for no room."""
        if name not in self.places and self.left > 0:
            made = make_thumbnail(
                self.images.root, name, self.pixels, self.images.max_pixels
            )
            self.left -= len(made or "")
            self.places[name] = len(self.thumbnails)
            self.thumbnails.append(made)
        shown = show_controls(cut_text(name, MAX_NAME_CHARACTERS)[0])
        return {"name": shown, "thumbnail": self.places.get(name)}


Parts = tuple[Pair, list[Judgment], Mapping[str, str]]


def read_sampled(
    branch: Branch, places: dict[int, Sampled]
) -> Iterator[tuple[Sampled, Parts]]:
    """The pairs at some places of a branch, with judgments and reasons of drops."""
    path = branch.folder / "pairs.jsonl"
    pairs = {}
    for place, (number, line) in enumerate(read_lines(path)):
        if place in places:
            pair = decode_line(DECODE_PAIR, line, path, number, Pair)
            pairs[pair.id] = (places[place], pair)
    judgments: dict[str, list[Judgment]] = defaultdict(list)
    path = branch.folder / "judgments.jsonl"
    read_head = msgspec.json.Decoder(JudgmentHead).decode
    for number, line in read_lines(path):
        head = decode_line(read_head, line, path, number, JudgmentHead)
        if head.pair_id in pairs:
            judgment = decode_line(DECODE_JUDGMENT, line, path, number, Judgment)
            judgments[head.pair_id].append(judgment)
    reasons = {
        head.id: head.reason
        for head in read_records(branch.folder / "dropped_judgments.jsonl", DroppedHead)
        if head.pair_id in pairs
    }
    for pair_id, (one, pair) in pairs.items():
        yield one, (pair, judgments[pair_id], reasons)


def decode_line(
    decode: Callable[[bytes], R],
    line: bytes,
    path: Path,
    number: int,
    record_type: type[R],
) -> R:
    """One line as a record; RecordError names file and line if it is not one."""
    try:
        return decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(
            f"{path}:{number}: {explain(line, record_type, error)}"
        ) from None


def show_pair(
    one: Sampled, pair: Pair, judgments: list[Judgment], reasons: Mapping[str, str]
) -> dict[str, Any]:
    """A pair as a page shows it; the name of each image stands for the image."""
    stratum = one.stratum
    chosen, num_chosen_cut = cut_text(pair.chosen, MAX_CHARACTERS)
    rejected, num_rejected_cut = cut_text(pair.rejected, MAX_CHARACTERS)
    chosen_spans, rejected_spans = [Span(chosen, False)], [Span(rejected, False)]
    if pair.origin == "alteration":
        chosen_spans, rejected_spans = mark_changes(chosen, rejected)
    return {
        "id": f"{stratum.iteration}/{stratum.filter}/{pair.id}",
        "prompt_id": pair.prompt_id,
        "pair_id": pair.id,
        "iteration": stratum.iteration,
        "filter": stratum.filter,
        "outcome": stratum.outcome,
        "kind": pair.kind,
        "category": show_controls(stratum.category),
        "votes": pair.num_votes,
        "votes_rejected": pair.num_votes_rejected,
        "question": show_text(pair.question),
        "images": list(pair.images[:MAX_IMAGES]),
        "num_images": len(pair.images),
        "chosen": show_spans(chosen_spans, num_chosen_cut),
        "rejected": show_spans(rejected_spans, num_rejected_cut),
        "judgments": [
            show_judgment(judgment, reasons.get(judgment.id, "accepted"))
            for judgment in judgments
        ],
    }


def show_judgment(judgment: Judgment, outcome: str) -> dict[str, Any]:
    """A judgment as a page shows it: what it says, and what became of it."""
    verdict = parse_verdict(judgment.text)
    return {
        "id": judgment.id,
        "order": judgment.order,
        "sample": judgment.sample,
        "verdict": verdict,
        "prefers_chosen": prefers_chosen(verdict, judgment.order),
        "outcome": outcome,
        "is_cut_by_length": judgment.finish_reason == "length",
        "text": show_text(judgment.text),
    }


def show_text(text: str) -> dict[str, Any]:
    """A text as a page shows it, with the number of characters left out."""
    shown, num_cut = cut_text(text, MAX_CHARACTERS)
    return show_spans([Span(shown, False)], num_cut)


def show_spans(spans: Sequence[Span], num_cut: int) -> dict[str, Any]:
    """Spans as a page shows them; one that is changed is a list of its text."""
    return {
        "spans": [
            [show_controls(span.text)] if span.is_changed else show_controls(span.text)
            for span in spans
        ],
        "num_cut": num_cut,
    }


def inert_json(value: Any) -> str:
    """A value as JSON that no markup can be read into."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
