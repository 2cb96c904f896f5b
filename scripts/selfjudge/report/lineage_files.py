"""The files of a run that hold ids, and the ids in each of their lines."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from selfjudge.benchmarks.collections import COLLECTIONS
from selfjudge.ground.lines import BUFFER_BYTES

LineKind = Literal[
    "source row",
    "dropped prompt",
    "prompt",
    "response",
    "altered",
    "pair",
    "variant",
    "dropped pair",
    "judgment",
    "accepted",
    "dropped judgment",
    "picked",
    "release row",
    "outcome",
    "candidate",
    "rating",
    "vote",
    "preference",
    "dropped preference",
]
# Of two patterns the first counts.  Shards, asks and weights (None), journal and
# ledgers hold nothing more.
PATTERNS: dict[str, LineKind | None] = {
    "results/dropped_prompts.jsonl": "dropped prompt",
    "results/prompts.jsonl": "prompt",
    "results/iter*/prompts.jsonl": "prompt",
    "results/iter*/responses.jsonl": "response",
    "results/iter*/altered.jsonl": "altered",
    "results/iter*/*/pairs.jsonl": "pair",
    "results/iter*/*/dropped_pairs.jsonl": "dropped pair",
    "results/iter*/*/judgments.jsonl": "judgment",
    "results/iter*/*/accepted.jsonl": "accepted",
    "results/iter*/*/dropped_judgments.jsonl": "dropped judgment",
    "results/iter*/*/reinforce.jsonl": "picked",
    "results/iter*/*/dropped_reinforce.jsonl": "dropped pair",
    "results/certificate/prompts.jsonl": "prompt",
    "results/certificate/responses.jsonl": "response",
    "results/certificate/altered.jsonl": "altered",
    "results/certificate/altered_again.jsonl": "altered",
    "results/certificate/pairs.jsonl": "pair",
    "results/certificate/dropped_pairs.jsonl": "dropped pair",
    "results/certificate/variants/dropped_rewrites.jsonl": "dropped pair",
    "results/certificate/variants/*.jsonl": "variant",
    "results/iter*/*/certificate/weighed/*.jsonl": None,
    "results/iter*/*/certificate/*/*.jsonl": "judgment",
    "results/probe/prompts.jsonl": "prompt",
    "results/probe/responses.jsonl": "response",
    "results/probe/altered.jsonl": "altered",
    "results/probe/pairs.jsonl": "pair",
    "results/probe/dropped_pairs.jsonl": "dropped pair",
    "results/probe/judgments.jsonl": "judgment",
    "results/benchmarks/*_rows.jsonl": "release row",
    "results/benchmarks/*_asks.jsonl": None,
    "results/benchmarks/*.jsonl": "pair",
    "results/iter*/*/*/*/judgments.jsonl": "judgment",
    "results/iter*/*/*/*/*.json": "outcome",
    "results/panel/iter*/prompts.jsonl": "prompt",
    "results/panel/iter*/*/*/responses/*.jsonl": "response",
    "results/panel/iter*/*/*/own_answers/*.jsonl": "response",
    "results/panel/iter*/*/candidates/*.jsonl": "candidate",
    "results/panel/iter*/*/*/ratings/*/*.jsonl": "rating",
    "results/panel/iter*/*/votes/*/*.jsonl": "vote",
    "results/panel/iter*/*/preferences.jsonl": "preference",
    "results/panel/iter*/*/dropped_preferences.jsonl": "dropped preference",
}
# Below these a pair has many lines, of which only the number is told.
GROUPS = re.compile(r"results/(?:certificate/variants|iter\d+/[^/]+/certificate)(?=/)")
OUTCOME_ID = re.compile(rb'"(pair_id|prompt_id)"\s*:\s*"([^"\\]+)"')
DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Stamp(NamedTuple):
    """What a file was when it was read, by its name from the project directory."""

    kind: LineKind
    size: int
    mtime_ns: int


class Line(NamedTuple):
    """One line of a run's files; of an outcome the line that its pair id stands in."""

    file: str
    number: int
    kind: LineKind
    record: dict[str, Any]

    @property
    def place(self) -> str:
        """File and line, as an editor takes them."""
        return f"{self.file}:{self.number}"

    @property
    def group(self) -> str | None:
        """The folder of a certificate in which a pair has many lines like this one."""
        match = GROUPS.match(self.file)
        return match[0] if match and self.kind in ("variant", "judgment") else None


class LineIds(msgspec.Struct, gc=False):
    """The ids in a line of any kind; whatever else stands there is not looked at."""

    id: str | None = None
    prompt_id: str | None = None
    response_id: str | None = None
    chosen_response_id: str | None = None
    rejected_response_id: str | None = None
    pair_id: str | None = None
    judgment_id: str | None = None
    candidate_id: str | None = None
    candidate_ids: list[str] = []
    chosen_id: str | None = None
    rejected_id: str | None = None
    response_ids: list[str] = []


class ImageIds(LineIds, gc=False):
    """As `LineIds`, and the images, of lines whose images no other line names."""

    images: list[str] = []
    image_sha256s: list[str] = []


def digests_in(images: Sequence[str]) -> list[str]:
    """The sha256s in the names of a benchmark's images, which are named after them."""
    return [stem for name in images if DIGEST.match(stem := Path(name).stem)]


def read_ids(path: Path, stamp: Stamp, name: str) -> Iterator[tuple[str, int, int]]:
    """Every id of a file with line and offset; what is no record has none."""
    if stamp.kind == "outcome":
        yield from read_outcome_ids(path)
        return
    is_benchmark = name.startswith("results/benchmarks/")
    has_images = is_benchmark or stamp.kind in (
        "source row",
        "dropped prompt",
        "prompt",
    )
    decode = msgspec.json.Decoder(ImageIds if has_images else LineIds).decode
    offset = 0
    with open(path, "rb", buffering=BUFFER_BYTES) as file:
        for number, line in enumerate(file, start=1):
            try:
                found = ids_of(decode(line), is_benchmark)
            except (msgspec.DecodeError, UnicodeDecodeError):
                found = set()
            for one in found:
                yield one, number, offset
            offset += len(line)


def ids_of(ids: LineIds, is_benchmark: bool) -> set[str]:
    """All ids in a line, each once."""
    named = {
        ids.id,
        ids.prompt_id,
        ids.response_id,
        ids.chosen_response_id,
        ids.rejected_response_id,
        ids.pair_id,
        ids.judgment_id,
        ids.candidate_id,
        ids.chosen_id,
        ids.rejected_id,
        *ids.candidate_ids,
        *ids.response_ids,
    }
    found = {one for one in named if one}
    if isinstance(ids, ImageIds):
        found.update(ids.images, ids.image_sha256s)
        if is_benchmark:
            found.update(digests_in(ids.images))
    return found


def read_outcome_ids(path: Path) -> Iterator[tuple[str, int, int]]:
    """The pair and the prompt of every outcome, where its pair id stands."""
    offset = number_of_pair = offset_of_pair = 0
    with open(path, "rb", buffering=BUFFER_BYTES) as file:
        for number, line in enumerate(file, start=1):
            for match in OUTCOME_ID.finditer(line):
                if match[1] == b"pair_id":
                    number_of_pair, offset_of_pair = number, offset + match.start()
                if number_of_pair:
                    yield match[2].decode(), number_of_pair, offset_of_pair
            offset += len(line)


def stamp_files(project: Path, sources: Sequence[str]) -> dict[str, Stamp]:
    """The files of a project that hold ids, by name; sources as far as they are there.

    Raises ValueError where there is no project, or nothing of a run in it.
    """
    if not project.is_dir():
        raise ValueError(
            f"{project}: must be a project directory (there is none). "
            "Hint: name it with --project."
        )
    matched: dict[str, LineKind | None] = {}
    for pattern, kind in PATTERNS.items():
        for path in sorted(project.glob(pattern)):
            if kind != "outcome" or path.parent.name in COLLECTIONS:
                matched.setdefault(path.relative_to(project).as_posix(), kind)
    found: dict[str, LineKind] = {name: kind for name, kind in matched.items() if kind}
    if not found:
        raise ValueError(
            f"{project}: must hold files of a run below results/ (there are none). "
            "Hint: --project names the directory that Snakemake ran in."
        )
    found |= {name: "source row" for name in sources if (project / name).is_file()}
    stats = {name: (project / name).stat() for name in found}
    return {
        name: Stamp(kind, stats[name].st_size, stats[name].st_mtime_ns)
        for name, kind in found.items()
    }
