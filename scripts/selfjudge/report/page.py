"""The report: what came out of a run, as one page that needs no network."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, StrictUndefined

from selfjudge.ground.lines import read_json
from selfjudge.judging.acceptance import MOST_TELLING, Outcome
from selfjudge.report.browsing import (
    Browsed,
    BrowserSettings,
    ImageSource,
    collect,
    inert_json,
)
from selfjudge.report.certificate_tables import show_certificates
from selfjudge.report.costs import day_of
from selfjudge.report.headlines import (
    accuracy_table,
    headline,
    list_controls,
    main_result,
    main_sentence,
    small_table,
    tell_scored,
    tell_sources,
)
from selfjudge.report.page_drawings import Drawing, read_drawing
from selfjudge.report.page_tables import Table, make_table, read_table
from selfjudge.report.panel_tables import panel_tables
from selfjudge.report.plot_index import IndexEntry, read_index
from selfjudge.report.results_folder import (
    BRANCH_FILES,
    Branch,
    expected_by,
    list_branches,
    list_comparisons,
    list_page_files,
)
from selfjudge.report.shown_pairs import survey

MAX_BYTES = 20_000_000
COUNTS_BYTES = 200_000  # for the table of how many records are shown
SECTIONS = {
    "accuracy": "Accuracy by iteration",
    "groups": "Accuracy by group",
    "filters": "Filters compared",
    "accepted": "Judgments accepted",
    "health": "Health of the judges",
    "cost": "Cost",
    "run": "The run",
}
OUTCOME_MEANINGS: dict[Outcome, str] = {
    "accepted": "at least one judgment of the pair became training data",
    "not_grounded": "right, but its reasons do not name the difference",
    "not_in_both_orders": "not fit in both orders, so none was accepted",
    "over_matched_size": "fit to be accepted, but cut to the size of another filter",
    "truncated": "no order was right; a judgment ran into its length limit",
    "unparsed": "no order was right; a judgment stated no verdict",
    "wrong_verdict": "the judge preferred the rejected response in both orders",
}


class ShownFigure(NamedTuple):
    """An entry of the plots' index, its drawing, its table; None where it has none."""

    entry: IndexEntry
    drawing: Drawing | None
    table: Table | None


class Section(NamedTuple):
    """A part of the page under one heading."""

    name: str
    title: str
    figures: list[ShownFigure]


class Parts(NamedTuple):
    """The files that a page is made of: markup, style and script."""

    template: str
    style: str
    script: str


def read_parts(folder: Path) -> Parts:
    """The parts of the page as they lie in a folder."""
    names = ("report.html", "report.css", "report.js")
    return Parts(*((folder / name).read_text(encoding="utf-8") for name in names))


def build_report(config: Mapping[str, Any], project: Path, parts: Parts) -> str:
    """The page about what exists of a run; it names what is missing.

    Of a project in which a panel was run, and no judge, only the panel is told.
    Records are sampled so that the page keeps below 20 MB.
    """
    expected = expected_by(config)
    targets = list_page_files(expected)
    missing = [name for name in targets if not (project / name).exists()]
    comparisons = [
        read_json(project / name)
        for name in list_comparisons(expected)
        if name not in missing
    ]
    existing = [
        branch
        for branch in list_branches(expected, project)
        if all((branch.folder / name).is_file() for name in BRANCH_FILES)
    ]
    benchmark = next(iter(expected.targets), None)
    result = main_result(comparisons, benchmark, expected.filters[0])
    about = config["report"]["about"]
    panel = panel_tables(config, project)
    has_judge = not panel or len(missing) < len(targets)
    figures = list(read_figures(project / "results" / "plots"))
    page = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(parts.template)
    content = {
        "style": parts.style,
        "script": parts.script,
        "style_hash": csp_hash(parts.style),
        "script_hash": csp_hash(parts.script),
        "project": project.resolve().name,
        "has_judge": has_judge,
        "model": Path(config["base_model"].partition("@")[0]).name,
        "members": ", ".join(config["panel"]["members"]),
        "day": day_of(project / "results"),
        "about": about,
        "headline": headline(result),
        "sentence": main_sentence(result, tell_scored(comparisons, benchmark, about)),
        "limits": [
            *list_controls(result),
            *filter(None, [tell_sources(project / "results")]),
            *list_warnings(comparisons),
        ],
        "curve": next((one for one in figures if one.entry.section == "result"), None),
        "small_table": small_table(comparisons, benchmark),
        "main_table": accuracy_table(comparisons, "Accuracy in percent"),
        "num_targets": len(targets),
        "missing": missing,
        "sections": list_sections(figures),
        "certificate": show_certificates(project / "results", expected),
        "panel": panel,
        "outcomes": OUTCOME_MEANINGS,
    }
    nothing = Browsed([], [], {}, {})
    size = len(page.render(content | browser_content(nothing)).encode())
    if size > MAX_BYTES - COUNTS_BYTES:
        raise ValueError(
            f"{project / 'results' / 'plots'}: the page without records must be below "
            f"{MAX_BYTES - COUNTS_BYTES} bytes (got {size})"
        )
    browsed = browse(config, project, existing, MAX_BYTES - COUNTS_BYTES - size)
    return page.render(content | browser_content(browsed))


def list_warnings(comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    """What limits the scores, each once, with the benchmark that it is about."""
    said = [
        f"{comparison['benchmark']}, {comparison['protocol']}: {warning}"
        for comparison in comparisons
        for warning in (
            *comparison["release"]["warnings"],
            *comparison["cannot_imitate"],
        )
    ]
    return list(dict.fromkeys(said))


def list_sections(figures: Sequence[ShownFigure]) -> list[Section]:
    """The sections in page order, without those about which nothing exists.

    The curve of the first screen belongs to none.
    """
    names = [figure.entry.section for figure in figures]
    others = {name: name for name in names if name != "result"}
    sections = [
        Section(name, title, [one for one in figures if one.entry.section == name])
        for name, title in (SECTIONS | (others | SECTIONS)).items()
    ]
    return [section for section in sections if section.figures]


def read_figures(folder: Path) -> Iterator[ShownFigure]:
    """The figures that exist, in page order."""
    for entry in read_index(folder):
        drawing = read_drawing((folder / entry.svg).read_bytes()) if entry.svg else None
        table = read_table(folder / entry.csv, entry.title) if entry.csv else None
        yield ShownFigure(entry, drawing, table)


def browse(
    config: Mapping[str, Any], project: Path, branches: Sequence[Branch], room: int
) -> Browsed:
    """The records to show in ``room`` bytes."""
    settings = msgspec.convert(config["report"], BrowserSettings)
    population = survey(branches, config["seed"])
    images = ImageSource(
        project / config["image_root"], config["prompts"]["limits"]["max_pixels"]
    )
    return collect(
        population.sample(settings.max_records),
        population.count(),
        images,
        settings.thumbnail_pixels,
        max(0, room),
    )


def browser_content(browsed: Browsed) -> dict[str, Any]:
    """What the template says of the records, and the records as inert JSON."""
    return {
        "counts": make_table("Pairs shown, of all", count_rows(browsed)),
        "num_pairs": sum(browsed.num_pairs.values()),
        "num_shown": len(browsed.records),
        "data": inert_json(
            {"records": browsed.records, "thumbnails": browsed.thumbnails}
        ),
    }


def count_rows(browsed: Browsed) -> Iterator[dict[str, Any]]:
    """For each branch, how many pairs of each outcome are shown, of how many."""
    found = {stratum.outcome for stratum in browsed.num_pairs}
    outcomes = [outcome for outcome in MOST_TELLING if outcome in found]
    branches = dict.fromkeys((s.iteration, s.filter) for s in browsed.num_pairs)
    for iteration, name in branches:
        row: dict[str, Any] = {"iteration": iteration, "filter": name}
        for outcome in outcomes:
            alike = [
                s for s in browsed.num_pairs if s[:3] == (iteration, name, outcome)
            ]
            shown = sum(browsed.num_shown[stratum] for stratum in alike)
            total = sum(browsed.num_pairs[stratum] for stratum in alike)
            row[outcome.replace("_", " ")] = f"{shown} of {total}"
        yield row


def csp_hash(text: str) -> str:
    """The source expression that lets exactly this inline text act."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
