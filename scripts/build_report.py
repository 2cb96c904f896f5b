"""Build the report page.

Reads what exists of a run: comparisons, plots, pairs, judgments and what became
of them, manifests, provenance; writes one HTML file that needs no network.  At
any time: what is missing is named on the page.
"""

from pathlib import Path
from typing import Any

from selfjudge.ground.lines import writing
from selfjudge.report.page import build_report, read_parts
from selfjudge.run.commands import arguments, json_of, run
from selfjudge.run.config import read_config

HERE = Path(__file__).parent


def main() -> None:
    """Read the arguments, build, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--project", type=Path, default=Path(), help="folder of results/; here")
    add("--config", type=json_of(dict[str, Any]), help="as JSON; the project's")
    add("--output", type=Path, required=True, help="the page")
    args = parser.parse_args()
    config = args.config or read_config(args.project)
    page = build_report(config, args.project, read_parts(HERE / "templates"))
    with writing(args.output) as file:
        file.write(page.encode())


if __name__ == "__main__":
    run(main)
