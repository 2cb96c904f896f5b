"""What lmms-eval says of members: its results files, read into rows of our own.

It runs apart, in an environment of its own; nothing of it is imported.  Its file
(github.com/EvolvingLMMs-Lab/lmms-eval, 0.7.3) holds `results`: by task, values named
"metric,filter", "metric_stderr,filter" and "metric_stderr_clt,filter", and
`n-samples`: by task, how many questions counted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from selfjudge.ground.lines import read_json
from selfjudge.ground.records import Record
from selfjudge.ground.shares import round_share

RESULTS = "*_results.json"  # below a folder named after the model


class Measured(NamedTuple):
    """Whose results lie in a folder."""

    iteration: int
    ballot: str
    member: str
    folder: Path


class PublicRow(Record, frozen=True, kw_only=True):
    """One metric of a member on a task, as lmms-eval scales it.

    ``gain`` is the difference to the same member at iteration 0, where there was one;
    ``stderr`` None where lmms-eval gives none.
    """

    ballot: str
    member: str
    iteration: int
    task: str
    metric: str
    num_questions: int | None
    value: float
    stderr: float | None
    gain: float | None


class PublicSkills(Record, frozen=True, kw_only=True):
    """`public_skills.json`: all ballots of an iteration, the members as they came."""

    iteration: int
    rows: list[PublicRow]


def compare_public(
    iteration: int, measured: Iterable[Measured], tasks: Sequence[str]
) -> PublicSkills:
    """The rows of all members; those of iteration 0 come first.

    Raises ValueError, naming the folder, where a task has no results.
    """
    rows: list[PublicRow] = []
    before: dict[tuple[str, str, str], float] = {}
    for who in measured:
        for row in read_rows(who, tasks):
            key = row.member, row.task, row.metric
            if row.iteration == 0:
                before[key] = row.value
                rows.append(row)
                continue
            was = before.get(key)
            gain = None if was is None else round_share(row.value - was)
            rows.append(replace_gain(row, gain))
    return PublicSkills(iteration=iteration, rows=rows)


def replace_gain(row: PublicRow, gain: float | None) -> PublicRow:
    """The row with a gain."""
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    return PublicRow(**fields | {"gain": gain})


def read_rows(who: Measured, tasks: Sequence[str]) -> Iterator[PublicRow]:
    """The rows of one member, without gains: each number of each task and subtask."""
    found = read_results(who.folder)
    missing = [task for task in tasks if task not in found["results"]]
    if missing:
        raise ValueError(
            f"{who.folder}: lmms-eval's results must hold {missing} (got "
            f"{sorted(found['results'])}). Hint: 'panel.skills.lmms_eval.tasks' takes "
            "names of its tasks; its log tells what failed."
        )
    numbers: Mapping[str, Any] = found.get("n-samples", {})
    for task, values in found["results"].items():
        for name, value in values.items():
            metric, comma, kept_by = name.partition(",")
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not comma or "_stderr" in metric or not is_number:
                continue
            error = values.get(f"{metric}_stderr,{kept_by}")
            yield PublicRow(
                ballot=who.ballot,
                member=who.member,
                iteration=who.iteration,
                task=task,
                metric=metric if kept_by == "none" else name,
                num_questions=numbers.get(task, {}).get("effective"),
                value=round(float(value), 6),
                stderr=round(error, 6) if isinstance(error, float) else None,
                gain=None,
            )


def read_results(folder: Path) -> Any:
    """The newest results file below a folder; its names begin with the time.

    Raises ValueError where there is none, or it is no such file.
    """
    paths = sorted(folder.rglob(RESULTS), key=lambda path: path.name)
    if not paths:
        raise ValueError(
            f"{folder}: must hold a file {RESULTS} of lmms-eval (there is none). "
            "Hint: it logs why it could not save one, and ends as if all were well."
        )
    found = read_json(paths[-1])
    if not isinstance(found, dict) or not isinstance(found.get("results"), dict):
        raise ValueError(
            f"{paths[-1]}: must have 'results' by task (got {clip_keys(found)})"
        )
    return found


def clip_keys(found: Any) -> str:
    """What stands in a document, in a few words."""
    return f"keys {sorted(found)[:5]}" if isinstance(found, dict) else repr(found)[:50]
