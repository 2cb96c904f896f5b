"""What a page shows of a panel: skills, preferences, how raters agree, records."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import Any

from selfjudge.ground.lines import clip, read_json, read_records
from selfjudge.ground.places import iteration_folders
from selfjudge.ground.records import Preference
from selfjudge.panel.audit import ALL, text_of
from selfjudge.panel.skills import OVERALL
from selfjudge.report.marking import show_controls
from selfjudge.report.page_tables import Table, make_table

NUM_RECORDS = 30  # of the newest preferences of each ballot
MAX_CHARACTERS = 400
# Of a row of skills.
SHOWN = (
    *("iteration", "ballot", "member", "group", "decoding", "num_questions"),
    *("accuracy", "low", "high", "gain", "p_value"),
)


def panel_tables(config: Mapping[str, Any], project: Path) -> list[Table]:
    """The tables of a panel as far as its files exist; none without a panel."""
    results = project / "results" / "panel"
    members = list(config["panel"]["members"])
    if not members:
        return []
    folders = iteration_folders(results)
    reports = list(read_panel_reports(folders, config["panel"]["ballots"]))
    tables = [
        *skill_tables(folders),
        make_table("Preferences by ballot", map(preference_row, reports)),
        make_table("Raters", (row for one in reports for row in rater_rows(one))),
        make_table("Agreement of raters", agreement_rows(reports)),
        make_table(
            f"Some preferences, at most {NUM_RECORDS} of each ballot's newest",
            record_rows(folders, config["panel"]["ballots"]),
        ),
    ]
    return [table for table in tables if table]


def skill_tables(folders: Sequence[tuple[int, Path]]) -> list[Table | None]:
    """Accuracy of every member, and the panel's mean, at each iteration that has it."""
    members: list[dict[str, Any]] = []
    panel: list[dict[str, Any]] = []
    for _, folder in folders:
        path = folder / "skills.json"
        if not path.is_file():
            continue
        found = read_json(path)
        # The members as they came stand in every document: once is enough.
        members += [row for row in found["members"] if row not in members]
        for row in found["panel"]:
            if row not in panel and row["group"] == OVERALL:
                panel.append(row)
    rows = [{name: row[name] for name in SHOWN} for row in members]
    return [
        make_table("Skills: the mean of all members", panel),
        make_table("Skills of every member, by group", rows),
    ]


def read_panel_reports(
    folders: Sequence[tuple[int, Path]], ballots: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Every ballot's report at every iteration, with its label."""
    for iteration, folder in folders:
        for ballot in ballots:
            path = folder / ballot / "panel_report.json"
            if path.is_file():
                yield {"iteration": iteration, "ballot": ballot} | read_json(path)


def label_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Which report it is."""
    return {"iteration": report["iteration"], "ballot": report["ballot"]}


def preference_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """How many preferences a ballot found, and what gold answers say of them.

    "There" is on the prompts that gave a preference.
    """
    row = label_of(report)
    row |= {"prompts": report["num_prompts"], "preferences": report["num_preferences"]}
    row |= {name.replace("_", " "): n for name, n in report["dropped"].items()}
    row["answers differ"] = report.get("num_answers_differ")
    row["kept of them"] = report.get("num_kept_answers_differ")
    row |= {f"words {side}": n for side, n in report["num_words"].items()}
    if gold := (report["gold"] or {}).get(ALL):
        row["chosen right"] = gold["chosen_right_rate"]
        row["rejected right"] = gold["rejected_right_rate"]
        members = gold["members_right_rate"]
        row |= {f"{name} right": share for name, share in members.items()}
        there = gold.get("members_kept_right_rate", {})
        row |= {f"{name} right there": share for name, share in there.items()}
    return row


def rater_rows(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row a rater, where there were ratings; "of chosen" it wrote such a share."""
    for member, ratings in report["ratings"].items():
        if not ratings["num_ratings"]:
            continue
        wrote = report.get("authors", {}).get(member, {})
        yield label_of(report) | {
            "rater": member,
            "ratings": ratings["num_ratings"],
            "unparsed": ratings["num_unparsed"],
            "of chosen": wrote.get("chosen_rate"),
            "of rejected": wrote.get("rejected_rate"),
            "self-preference": report["self_preference"][member],
            "length effect": report["length_effect"][member],
            **{
                f"reliability {form}": value
                for form, value in report["reliability"][member].items()
            },
        }


def agreement_rows(reports: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """For each two raters, on how many texts they hold the same side of .5."""
    for report in reports:
        for member, others in report["agreement_rate"].items():
            known = {name: share for name, share in others.items() if share is not None}
            if known:
                yield label_of(report) | {"rater": member, **known}


def record_rows(
    folders: Sequence[tuple[int, Path]], ballots: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """A sample of each ballot's newest preferences: ids are hashes, the lowest go."""
    for ballot in ballots:
        found = [
            (iteration, folder / ballot / "preferences.jsonl")
            for iteration, folder in folders
            if (folder / ballot / "preferences.jsonl").is_file()
        ]
        if not found:
            continue
        iteration, path = found[-1]
        records = read_records(path, Preference)
        for one in nsmallest(NUM_RECORDS, records, key=lambda row: row.id):
            yield {
                "iteration": iteration,
                "ballot": ballot,
                "preference": one.id,
                "prompt": one.prompt_id,
                "asked": show(one.prompt[0]["content"][-1]["text"]),
                "chosen": show(text_of(one.chosen)),
                "marks of chosen": show_marks(one.raters, one.marks_chosen),
                "rejected": show(text_of(one.rejected)),
                "marks of rejected": show_marks(one.raters, one.marks_rejected),
            }


def show(text: str) -> str:
    """The start of a text of a model, which may hold anything."""
    return show_controls(clip(text, MAX_CHARACTERS))


def show_marks(raters: Sequence[str], marks: Sequence[str | None]) -> str:
    """The marks of each rater, a digit a criterion; "-" where there are none."""
    pairs = zip(raters, marks, strict=True)
    return ", ".join(f"{name} {given or '-'}" for name, given in pairs)
