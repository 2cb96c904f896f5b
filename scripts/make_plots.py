"""Draw what came out of a run.

Reads the comparisons, scores and reports of a results folder, as far as there
are any; writes a drawing (SVG) and its table (CSV) for each figure, and an
index.json that says in the order of the page what there is and what is missing.
"""

from pathlib import Path

from selfjudge.commands import arguments, json_of, run
from selfjudge.figures import all_figures
from selfjudge.plots import write_plots
from selfjudge.runs import Expected, read_run


def main() -> None:
    """Read the arguments, draw, write."""
    parser = arguments(__doc__)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--expected", type=json_of(Expected), help="of a whole run")
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    args = parser.parse_args()
    if not args.results.is_dir():
        raise ValueError(f"{args.results}: must be a results folder (got none)")
    write_plots(all_figures(read_run(args.results, args.expected)), args.output)


if __name__ == "__main__":
    run(main)
