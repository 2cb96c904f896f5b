"""Build the report page.

Reads comparisons, filter reports and pairs reports; writes one HTML file that
needs no network.
"""

from pathlib import Path

from selfjudge.commands import arguments, run
from selfjudge.records import read_json, writing
from selfjudge.report import read_labelled, render_report


def main() -> None:
    """Read the arguments, render, write."""
    parser = arguments(__doc__)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--comparisons", type=Path, nargs="+", required=True)
    parser.add_argument("--filter-reports", type=Path, nargs="*", default=[])
    parser.add_argument("--pairs-reports", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    page = render_report(
        args.template.read_text(encoding="utf-8"),
        [read_json(path) for path in args.comparisons],
        read_labelled(args.filter_reports),
        read_labelled(args.pairs_reports),
    )
    with writing(args.output) as file:
        file.write(page.encode())


if __name__ == "__main__":
    run(main)
