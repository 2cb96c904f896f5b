"""The report: what came out of a run, as one page that needs no network."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, StrictUndefined

from selfjudge.ground.lines import RecordError, read_json
from selfjudge.report.browsing import (
    Browsed,
    BrowserSettings,
    ImageSource,
    collect,
    inert_json,
)
from selfjudge.report.headlines import accuracy_table, main_sentence
from selfjudge.report.page_drawings import Drawing, read_drawing
from selfjudge.report.page_tables import Table, make_table, read_table
from selfjudge.report.run_files import (
    BRANCH_FILES,
    comparison_names,
    list_branches,
    list_targets,
)
from selfjudge.report.sampling import Branch, Fate, survey

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
FATE_MEANINGS: dict[Fate, str] = {
    "accepted": "at least one judgment of the pair became training data",
    "right_in_one_order": "right in one order only, so none was accepted",
    "over_matched_size": "fit to be accepted, but cut to the size of another filter",
    "over_category_cap": "fit to be accepted, but cut by the cap on its category",
    "unbalanced_order": "fit to be accepted, but cut to balance the two orders",
    "truncated": "no order was right; a judgment ran into its length limit",
    "unparsed": "no order was right; a judgment stated no verdict",
    "wrong_in_first_order": "wrong in one order, so the other was not asked for",
    "wrong_verdict": "the judge preferred the rejected response in both orders",
}


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """What the page takes from an entry of `results/plots/index.json`.

    ``svg`` and ``csv`` name files beside it, None where there is none; ``missing``
    names the files without which the figure is not whole.
    """

    section: str
    title: str
    caption: str
    alt: str
    svg: str | None
    csv: str | None
    missing: list[str] = []


class Figure(NamedTuple):
    """What a plot says, its drawing, and the table behind it; None for none."""

    plot: Plot
    drawing: Drawing | None
    table: Table | None


class Section(NamedTuple):
    """A part of the page under one heading."""

    name: str
    title: str
    figures: list[Figure]


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

    Records are sampled so that the page keeps below 20 MB.
    """
    targets = list_targets(config)
    missing = [name for name in targets if not (project / name).exists()]
    comparisons = [
        read_json(project / name)
        for name in comparison_names(config)
        if name not in missing
    ]
    existing = [
        branch
        for branch in list_branches(config, project)
        if all((branch.folder / name).is_file() for name in BRANCH_FILES)
    ]
    benchmark = next(name for name, spec in config["benchmarks"].items() if spec)
    page = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(parts.template)
    content = {
        "style": parts.style,
        "script": parts.script,
        "style_hash": csp_hash(parts.style),
        "script_hash": csp_hash(parts.script),
        "sentence": main_sentence(comparisons, benchmark, config["filters"][0]),
        "main_table": accuracy_table(comparisons, "Accuracy in percent"),
        "warnings": list_warnings(comparisons),
        "num_targets": len(targets),
        "missing": missing,
        "sections": list_sections(project / "results" / "plots"),
        "fates": FATE_MEANINGS,
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


def list_sections(folder: Path) -> list[Section]:
    """The sections in page order, without those about which nothing exists."""
    figures = list(read_figures(folder))
    others = {figure.plot.section: figure.plot.section for figure in figures}
    sections = [
        Section(name, title, [one for one in figures if one.plot.section == name])
        for name, title in (SECTIONS | (others | SECTIONS)).items()
    ]
    return [section for section in sections if section.figures]


def read_figures(folder: Path) -> Iterator[Figure]:
    """The figures that exist, in page order."""
    index = folder / "index.json"
    if not index.is_file():
        return
    try:
        plots = msgspec.json.decode(index.read_bytes(), type=list[Plot])
    except msgspec.DecodeError as error:
        raise RecordError(f"{index}: must be a list of plots ({error})") from None
    for plot in plots:
        drawing = read_drawing((folder / plot.svg).read_bytes()) if plot.svg else None
        table = read_table(folder / plot.csv, plot.title) if plot.csv else None
        yield Figure(plot, drawing, table)


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
    found = {stratum.fate for stratum in browsed.num_pairs}
    fates = [fate for fate in FATE_MEANINGS if fate in found]
    branches = dict.fromkeys((s.iteration, s.filter) for s in browsed.num_pairs)
    for iteration, name in branches:
        row: dict[str, Any] = {"iteration": iteration, "filter": name}
        for fate in fates:
            of_fate = [s for s in browsed.num_pairs if s[:3] == (iteration, name, fate)]
            shown = sum(browsed.num_shown[stratum] for stratum in of_fate)
            total = sum(browsed.num_pairs[stratum] for stratum in of_fate)
            row[fate.replace("_", " ")] = f"{shown} of {total}"
        yield row


def csp_hash(text: str) -> str:
    """The source expression that lets exactly this inline text act."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
