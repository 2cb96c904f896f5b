"""Imports of prompts: from whatever the user has to checked, unique prompts."""

import difflib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from selfjudge.ground.lines import (
    RecordError,
    content_id,
    explain,
    file_sha256,
    read_lines,
)
from selfjudge.ground.records import AnswerFormat, Kind, Prompt, Settings
from selfjudge.ground.shares import tell_counts
from selfjudge.pairs.contamination import Contamination, KeptOut
from selfjudge.pairs.pictures import PICTURE_REASONS, check_picture
from selfjudge.pairs.readers import MARK, check_mark
from selfjudge.pairs.routing import route
from selfjudge.pairs.shapes import describe_shape, without_marks

PromptReason = (
    Contamination
    | Literal[
        "line_too_long",
        "nul_byte",
        "no_image",
        "empty_question",
        "duplicate",
        "benchmark_question",
    ]
)
# Of each route of a source so many questions are shown, each so far.
NUM_QUESTIONS = 3
MAX_CHARACTERS = 200
# What a person can do about a reason that stands for many rows.
HINTS = {
    "image_address": "download these images below 'image_root' first, by a rule of "
    "your own (project.smk), and name the files.",
    "image_data": "'kind: rows' reads images that stand inside their rows.",
    "no_decoder": "convert HEIC files to JPEG or PNG first: Pillow cannot read them.",
}


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a user's prompts file; its other fields are kept aside.

    So are those of an object ``other_fields``, which may have names of ours.

    ``images`` are paths below the image root.  ``answer`` is a gold answer for
    the `correctness` filter.  ``kind`` and ``answer_format`` override routing.
    """

    images: tuple[str, ...]
    question: str
    answer: str | None = None
    kind: Kind | None = None
    answer_format: AnswerFormat | None = None
    source: str | None = None


class ImageCheck(NamedTuple):
    """What is known of an image file: why it cannot be used, or mode and digest.

    ``name`` is its path below the image root, by whatever path a row names it.
    """

    name: str
    reason: str | None
    mode: str | None
    sha256: str | None


class ImportLimits(Settings, frozen=True, kw_only=True):
    """Limits on input: pixels of an image, bytes of a line."""

    max_pixels: int
    max_line_bytes: int


class Imported(NamedTuple):
    """The prompts in id order, the dropped rows with reasons, and counts.

    ``aside`` has a line for each prompt whose row says more than ours do: the
    prompt's id and these fields, by which results are joined to one's own data.
    """

    prompts: list[Prompt]
    dropped: list[dict[str, Any]]
    aside: list[dict[str, Any]]
    report: dict[str, Any]


def import_prompts(
    sources: Mapping[str, Path],
    image_root: Path,
    limits: ImportLimits,
    threads: int = 4,
    kept_out: KeptOut | None = None,
) -> Imported:
    """Every usable prompt of the source files, which are by the source's name.

    Rows of a later file lose to earlier; only a gold answer that the earlier row
    lacks is taken over.  What is ``kept_out`` is dropped.
    Raises RecordError on a malformed line, ValueError on a file without rows, and
    where no row of all sources can be used.
    """
    images = check_images(sources.values(), image_root, limits, threads, kept_out)
    prompts: dict[str, Prompt] = {}
    dropped: list[dict[str, Any]] = []
    aside: list[dict[str, Any]] = []
    for source, path in sources.items():
        before = len(prompts) + len(dropped)
        for number, line, row in read_rows(path, limits):
            where = {"file": path.as_posix(), "line": number}
            outcome = row if isinstance(row, str) else to_prompt(row, source, images)
            if isinstance(outcome, Prompt) and kept_out:
                outcome = kept_out.question_reason(outcome.question) or outcome
            if isinstance(outcome, Prompt) and outcome.id not in prompts:
                prompts[outcome.id] = outcome
                if fields := other_fields(line, f"{path}:{number}"):
                    aside.append({"prompt_id": outcome.id, **fields})
                continue
            why = {"reason": outcome}
            if isinstance(outcome, Prompt):
                prompts[outcome.id] = merge_answer(prompts[outcome.id], outcome)
                why = {"prompt_id": outcome.id, "reason": "duplicate"}
            dropped.append(drop_row(source, line, row) | where | why)
        if len(prompts) + len(dropped) == before:
            raise ValueError(
                f"{path}: must hold at least one prompt (got an empty file)"
            )
    ordered = sorted(prompts.values(), key=lambda prompt: prompt.id)
    if not ordered:
        told = tell_reasons(dropped)
        raise ValueError(f"the sources must hold a usable prompt (got none: {told})")
    report = count(ordered, dropped, images)
    names = Counter(name for line in aside for name in line if name != "prompt_id")
    report["fields_kept_aside"] = dict(sorted(names.items()))
    return Imported(ordered, dropped, aside, report)


def other_fields(line: bytes, where: str) -> dict[str, Any]:
    """What a line says beyond a `SourceRow`; its `prompt_id` is no id of ours.

    Raises RecordError with ``where`` it stands on what a `SourceRow` passes over, such
    as a number beyond all limits.
    """
    try:
        row = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise RecordError(f"{where}: {explain(line, SourceRow, error)}") from None
    fields = {k: v for k, v in row.items() if k not in SourceRow.__struct_fields__}
    if isinstance(fields.get("other_fields"), dict):
        fields |= fields.pop("other_fields")
    if "prompt_id" in fields:
        fields["prompt_id_of_row"] = fields.pop("prompt_id")
    return fields


def tell_reasons(dropped: list[dict[str, Any]]) -> str:
    """Why rows were dropped: each reason with its number and its first row."""
    first = {row["reason"]: row for row in reversed(dropped)}
    number = Counter(row["reason"] for row in dropped)
    return "; ".join(
        f"{number[reason]} {reason}, such as {row['file']}:{row['line']} "
        f"({[*row.get('images', ())] or row.get('start', '')[:40]!r})"
        for reason, row in first.items()
    )


def read_rows(
    path: Path, limits: ImportLimits
) -> Iterator[tuple[int, bytes, SourceRow | PromptReason]]:
    """Each line of a source: number, bytes, and the row or why there is none."""
    decode = msgspec.json.Decoder(SourceRow).decode
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing there"
        raise ValueError(f"{path}: must be a JSON Lines file (got {got})")
    for number, line in read_lines(path):
        if number == 1:
            check_mark(path, line)
            line = line.removeprefix(MARK)
        if len(line) > limits.max_line_bytes:
            yield number, line, "line_too_long"
            continue
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if b"\0" in line:
                yield number, line, "nul_byte"
                continue
            raise RecordError(
                f"{path}:{number}: {explain(line, SourceRow, error)}{hint_shape(line)}"
            ) from None
        yield number, line, row


def hint_shape(line: bytes) -> str:
    """How a line of another shape can be read, if it is of one that is known."""
    begun = line.lstrip()
    if begun.startswith(b"["):
        return ". Hint: 'kind: rows' reads a JSON array"
    if begun.startswith((b"#", b"//")):
        return ". Hint: JSON Lines have no comments: take the line out"
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if isinstance(row, dict) and {"images", "question"} <= row.keys():
        if isinstance(row["images"], str):
            return ". Hint: 'kind: rows' reads an image without a list"
        texts = row["question"], row.get("answer")
        if any(isinstance(text, int | float) for text in texts):
            return ". Hint: 'kind: rows' reads numbers as text"
        return ""
    shape = describe_shape(row) if isinstance(row, dict) else None
    return f". Hint: this is {shape}: 'kind: rows' reads it" if shape else ""


def check_images(
    sources: Iterable[Path],
    image_root: Path,
    limits: ImportLimits,
    threads: int,
    kept_out: KeptOut | None = None,
) -> dict[str, ImageCheck]:
    """What is known of every image that the sources name, by name."""
    rows = (row for path in sources for _, _, row in read_rows(path, limits))
    named = {
        name: None for row in rows if isinstance(row, SourceRow) for name in row.images
    }

    def check(given: str) -> ImageCheck:
        name = below(image_root, given)
        found = check_picture(image_root, name, limits.max_pixels)
        if found in PICTURE_REASONS:
            return ImageCheck(name, found, None, None)
        path = image_root / name
        digest = file_sha256(path)
        reason = kept_out.image_reason(path, digest) if kept_out else None
        return ImageCheck(name, reason, found, None if reason else digest)

    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(named, pool.map(check, named), strict=True))


def below(image_root: Path, name: str) -> str:
    """An image's path from the image root, where it is given from elsewhere."""
    if "\0" in name or not Path(name).is_absolute():
        return name
    path, root = Path(name).resolve(), image_root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else name


def to_prompt(
    row: SourceRow, source: str, images: dict[str, ImageCheck]
) -> Prompt | str:
    """The prompt that a row is, or the reason why it is none."""
    question = without_marks(row.question)
    if "\0" in question or "\0" in (row.answer or ""):
        return "nul_byte"
    if not question:
        return "empty_question"
    if not row.images:
        return "no_image"
    digests: list[str] = []
    checks = [images[name] for name in row.images]
    for check in checks:
        if check.sha256 is None:
            return str(check.reason)
        digests.append(check.sha256)
    kind, answer_format = route(question)
    if row.answer_format is not None:
        kind, answer_format = "closed", row.answer_format
    if row.kind == "open":
        kind, answer_format = "open", None
    elif row.kind == "closed" and answer_format is None:
        kind, answer_format = "closed", "phrase"
    return Prompt(
        id=content_id(digests, question),
        images=tuple(check.name for check in checks),
        image_sha256s=tuple(digests),
        question=question,
        kind=kind,
        answer_format=answer_format,
        answer=row.answer,
        source=row.source or source,
    )


def merge_answer(kept: Prompt, duplicate: Prompt) -> Prompt:
    """The kept prompt, with the gold answer of its duplicate where it has none."""
    if kept.answer is not None:
        return kept
    return msgspec.structs.replace(kept, answer=duplicate.answer)


def drop_row(source: str, line: bytes, row: SourceRow | str) -> dict[str, Any]:
    """The row as it was (a bad line only its start), with its source."""
    if isinstance(row, SourceRow):
        return msgspec.structs.asdict(row) | {"source": row.source or source}
    start = line[:200].decode("utf-8", "replace")
    return {"start": start, "num_bytes": len(line), "source": source}


def count(
    prompts: list[Prompt], dropped: list[dict[str, Any]], images: dict[str, ImageCheck]
) -> dict[str, Any]:
    """The counts of an import: prompts by kind and format, rows by reason."""
    modes = Counter(check.mode for check in images.values() if check.mode)
    return {
        "num_rows": len(prompts) + len(dropped),
        "num_prompts": len(prompts),
        "num_dropped": len(dropped),
        "kinds": dict(sorted(Counter(prompt.kind for prompt in prompts).items())),
        "answer_formats": dict(
            sorted(
                Counter(prompt.answer_format or "open" for prompt in prompts).items()
            )
        ),
        "routes": count_routes(prompts),
        "num_with_gold_answer": sum(prompt.answer is not None for prompt in prompts),
        "dropped": dict(sorted(Counter(row["reason"] for row in dropped).items())),
        "image_modes": dict(sorted(modes.items())),
        "num_images_converted": sum(modes.values()) - modes["RGB"],
    }


def count_routes(prompts: Iterable[Prompt]) -> dict[str, dict[str, dict[str, Any]]]:
    """The prompts of each source by answer format or "open", with three questions.

    An example is the start of a question; a rule that fits a source badly is seen
    there before anything is paid.
    """
    routes: dict[str, dict[str, dict[str, Any]]] = {}
    for prompt in prompts:
        by_format = routes.setdefault(prompt.source, {})
        name = prompt.answer_format or "open"
        route = by_format.setdefault(name, {"num_prompts": 0, "questions": []})
        route["num_prompts"] += 1
        if len(route["questions"]) < NUM_QUESTIONS:
            route["questions"].append(prompt.question[:MAX_CHARACTERS])
    return {
        source: dict(sorted(by_format.items()))
        for source, by_format in sorted(routes.items())
    }


# What is told of an import, and where its dropped rows are: those of a project's pool.
ROWS, DROPPED = "rows of the sources", "results/dropped_prompts.jsonl"


def tell_dropped(
    report: Mapping[str, Any], what: str = ROWS, named_in: str = DROPPED
) -> str | None:
    """How many rows were dropped, why, and where each is named; None if none was."""
    if not report["num_dropped"]:
        return None
    return (
        f"{report['num_dropped']} of {report['num_rows']} {what} "
        f"dropped ({tell_counts(report['dropped'])}): {named_in}"
    )


def log_report(report: dict[str, Any]) -> None:
    """Print an import's counts to the log, and what a person may want to act on."""
    print(msgspec.json.encode(report).decode(), file=sys.stderr)
    for name, number in report["fields_kept_aside"].items():
        near = difflib.get_close_matches(name, SourceRow.__struct_fields__, n=1)
        hint = f" Hint: did you mean '{near[0]}'?" if near and near[0] != name else ""
        print(f"field '{name}' of {number} rows is kept aside.{hint}", file=sys.stderr)
    for reason, hint in HINTS.items():
        if number := report["dropped"].get(reason):
            print(f"{number} rows dropped ({reason}). Hint: {hint}", file=sys.stderr)


def note_dropped(
    report: dict[str, Any], what: str = ROWS, named_in: str = DROPPED
) -> None:
    """Say on the terminal of the run which rows were dropped, once it has the file.

    The arguments are as `tell_dropped` takes them.
    """
    if told := tell_dropped(report, what, named_in):
        print(f"note: {told}", file=sys.stderr)
