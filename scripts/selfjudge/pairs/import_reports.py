"""What an import of prompts tells: its counts, and what a person may want to act on."""

import difflib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from selfjudge.ground.records import Prompt
from selfjudge.ground.shares import tell_counts
from selfjudge.pairs.source_rows import SourceRow

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


def count(
    prompts: list[Prompt], dropped: list[dict[str, Any]], modes: Counter[str]
) -> dict[str, Any]:
    """The counts of an import: prompts by kind and format, rows by reason.

    ``modes`` counts the images by Pillow's name of their mode.
    """
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


def tell_reasons(dropped: list[dict[str, Any]]) -> str:
    """Why rows were dropped: each reason with its number and its first row."""
    first = {row["reason"]: row for row in reversed(dropped)}
    number = Counter(row["reason"] for row in dropped)
    return "; ".join(
        f"{number[reason]} {reason}, such as {row['file']}:{row['line']} "
        f"({[*row.get('images', ())] or row.get('start', '')[:40]!r})"
        for reason, row in first.items()
    )


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
