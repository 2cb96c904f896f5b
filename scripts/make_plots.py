"""Draw what came out of a run.

Reads the comparisons, reports, ledgers and manifests of a results folder,
as far as there are any; writes a drawing (SVG) and its table (CSV) for each
figure, and an index.json that says in the order of the page what there is and
what is missing.  It may be run by hand at any time, over a half-finished run:
what is not told is looked for beside the results folder.
"""

from pathlib import Path
from typing import Any

from selfjudge.report.data_figures import data_figures
from selfjudge.report.plots import read_captions, write_plots
from selfjudge.report.results_folder import expected_by, read_run
from selfjudge.report.run_figures import cost_figures, run_figure
from selfjudge.report.score_figures import score_figures
from selfjudge.run.commands import arguments, json_of, run
from selfjudge.run.config import read_config

CAPTIONS = Path(__file__).parent / "templates" / "captions"


def main() -> None:
    """Read the arguments, draw, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--results", type=Path, required=True, help="folder of a run")
    add("--timings", type=Path, help="of Snakemake's benchmark files; ../timings")
    add("--config", type=json_of(dict[str, Any]), help="as JSON; ../config.yaml")
    add("--captions", type=Path, default=CAPTIONS, help="folder of texts by kind")
    add("--output", type=Path, required=True, help="folder of the plots")
    args = parser.parse_args()
    if not args.results.is_dir():
        raise ValueError(f"{args.results}: must be a results folder (got none)")
    project = args.results.absolute().parent
    config = args.config
    if config is None and (project / "config.yaml").is_file():
        config = read_config(project)
    found = read_run(args.results, expected_by(config) if config else None)
    figures = [
        *score_figures(found),
        *data_figures(found, (config or {}).get("probe", {})),
        *cost_figures(args.results, args.timings or project / "timings"),
        run_figure(found, config or {}),
    ]
    write_plots(figures, read_captions(args.captions), args.output)


if __name__ == "__main__":
    run(main)
