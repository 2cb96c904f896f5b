from pathlib import Path
from typing import Any

import pytest

from selfjudge.records import write_json
from selfjudge.report import counts_table, read_labelled, render_report

TEMPLATE = (
    Path(__file__).parents[1] / "scripts" / "templates" / "report.html"
).read_text()
HOSTILE = '<script>alert("x")</script>&<b>'


def comparison(iteration: int = 1, **changes: Any) -> dict[str, Any]:
    """A comparison of one row beside the base model's."""
    row = {
        "group": "overall",
        "num_pairs": 8,
        "accuracy": 0.5,
        "low": 0.25,
        "high": 0.75,
    } | changes.pop("row", {})
    return {
        "benchmark": "vlrb",
        "protocol": "selfjudge",
        "iteration": iteration,
        "rows": [
            row | {"iteration": 0, "filter": "base"},
            row | {"iteration": iteration, "filter": "majority", "accuracy": 0.625},
        ],
    } | changes


def filter_report(**changes: Any) -> dict[str, Any]:
    """The report of a filter, labelled."""
    return {
        "iteration": 1,
        "filter": "majority",
        "num_judgments": 8,
        "num_accepted": 6,
        "accepted_rate": 0.75,
        "dropped": {"unparsed": 2},
    } | changes


def pairs_report() -> dict[str, Any]:
    """The report of pairs, labelled."""
    counts = {"num_pairs": 5, "num_closed": 3, "num_open": 2}
    return {"iteration": 1, "filter": "majority", "dropped": {}} | counts


def render(**changes: Any) -> str:
    """The page of a small run."""
    return render_report(
        TEMPLATE, [comparison(**changes)], [filter_report()], [pairs_report()]
    )


def test_accuracy_stands_with_its_interval() -> None:
    """A cell holds percent with the interval."""
    assert "<td>62.5 (25.0 to 75.0)</td>" in render()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"benchmark": HOSTILE}, id="benchmark"),
        pytest.param({"protocol": HOSTILE}, id="protocol"),
        pytest.param({"row": {"group": HOSTILE}}, id="group"),
    ],
)
def test_hostile_text_is_escaped(changes: dict[str, Any]) -> None:
    """A name from a benchmark's file is text on the page, never markup."""
    page = render(**changes)
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_hostile_reasons_are_escaped() -> None:
    """Reasons come from files too."""
    table = counts_table([filter_report(dropped={HOSTILE: 1})], ["num_accepted"])
    assert "<script>" not in table and "&lt;script&gt;" in table


def test_a_reason_that_one_filter_lacks_counts_zero() -> None:
    """All reports share one table."""
    reports = [filter_report(), filter_report(iteration="2", dropped={"truncated": 1})]
    table = counts_table(reports, ["num_accepted"])
    assert table.count("<td>0</td>") == 2


def test_the_base_model_stands_once() -> None:
    """Its row comes with every iteration's comparison."""
    comparisons = [comparison(1), comparison(2)]
    page = render_report(TEMPLATE, comparisons, [filter_report()], [pairs_report()])
    assert page.count("50.0 (25.0 to 75.0)") == 1


def test_the_page_needs_no_network() -> None:
    """Nothing on the page is loaded from elsewhere."""
    assert "http" not in render() and "src=" not in render()


def test_read_labelled_takes_labels_from_the_path(tmp_path: Path) -> None:
    """A report knows iteration and filter by where it lies."""
    path = tmp_path / "iter3" / "unchecked" / "filter_report.json"
    write_json(path, {"num_accepted": 1})
    assert read_labelled([path]) == [
        {"iteration": 3, "filter": "unchecked", "num_accepted": 1}
    ]
