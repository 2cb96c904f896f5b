"""What a page shows of certificates: which judge is chosen, and what it can do."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from selfjudge.certificate.certifying import Certificate
from selfjudge.certificate.choice import Choice
from selfjudge.certificate.figures import SECTIONS, Figure
from selfjudge.ground.lines import read_document
from selfjudge.report.page_tables import Table, make_table
from selfjudge.report.results_folder import Expected, find_files

CERTIFICATE = "certificate.json"


class ShownCertificate(NamedTuple):
    """The certificate to show first, and the tables of all."""

    title: str
    words: str
    choice: str
    tables: list[Table]


def show_certificates(results: Path, expected: Expected) -> ShownCertificate | None:
    """The certificates as far as there are any; None if there is none of a judge.

    The first shown is that of the judge that was chosen, or before there is a choice
    that of the last iteration.
    """
    found = [
        read_document(path, Certificate)
        for _, path in find_files(results, CERTIFICATE, expected)
    ]
    if not found:
        return None
    path = results / "choice.json"
    choice = read_document(path, Choice) if path.is_file() else None
    shown = found[-1]
    if choice is not None:
        place = choice.iteration, choice.filter
        shown = next((o for o in found if (o.iteration, o.filter) == place), shown)
    tables = (
        make_table("Its figures", map(figure_row, shown.figures)),
        make_table("How sure it is, and how often right", reliability_rows(shown)),
        make_table("All judges", judge_rows(found, choice)),
    )
    return ShownCertificate(
        f"Iteration {shown.iteration}, {shown.filter}",
        shown.words,
        choice.words if choice else "",
        [table for table in tables if table],
    )


def percent(share: float | None) -> float | None:
    """A share in percent, or a difference in points."""
    return None if share is None else round(100 * share, 1)


def figure_row(figure: Figure) -> dict[str, Any]:
    """One figure in percent, beside the base model's."""
    return {
        "it": SECTIONS[figure.section],
        "figure": figure.name,
        "pairs": figure.num_pairs,
        "percent": percent(figure.value),
        "low": percent(figure.low),
        "high": percent(figure.high),
        "base": percent(figure.base_value),
        "base low": percent(figure.base_low),
        "base high": percent(figure.base_high),
    }


def reliability_rows(certificate: Certificate) -> Iterator[dict[str, Any]]:
    """The bins of confidence."""
    for one in certificate.reliability:
        yield {
            "sure of": f"{percent(one.low)} to {percent(one.high)} %",
            "pairs": one.num_pairs,
            "mean": percent(one.confidence),
            "right": percent(one.right_rate),
        }


def judge_rows(
    certificates: list[Certificate], choice: Choice | None
) -> Iterator[dict[str, Any]]:
    """Every judge: how often right, how far behind the best, when it abstains."""
    behind: Mapping[tuple[int, str], Any] = {
        (one.iteration, one.filter): one
        for one in (choice.candidates if choice else ())
    }
    for one in certificates:
        whole = next(f for f in one.figures if f.section == "sees")
        row: dict[str, Any] = {
            "iteration": one.iteration,
            "filter": one.filter,
            "pairs": whole.num_pairs,
            "right": percent(whole.value),
            "low": percent(whole.low),
            "high": percent(whole.high),
            "temperature": one.temperature,
            "abstains below": one.abstain_below,
            "answers": percent(one.abstentions[0].answered_rate),
        }
        if candidate := behind.get((one.iteration, one.filter)):
            row["behind the best"] = percent(candidate.behind.gain)
            row["behind low"] = percent(candidate.behind.low)
            row["behind high"] = percent(candidate.behind.high)
        if choice is not None:
            place = choice.iteration, choice.filter
            row["chosen"] = "yes" if (one.iteration, one.filter) == place else None
        yield row
