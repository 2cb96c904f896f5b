"""Put what lmms-eval says of the members of one iteration beside iteration 0.

Reads the folders that it wrote, of all ballots and members; writes one document.
"""

from pathlib import Path

from selfjudge.ground.lines import write_json
from selfjudge.panel.public_skills import Measured, compare_public
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, compare, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--iteration", type=int, required=True)
    add("--tasks", nargs="+", required=True, help="that must have results")
    add("--base", type=Path, nargs="+", required=True, help="of iteration 0")
    add("--results", type=Path, nargs="*", default=[])
    add("--output", type=Path, required=True)
    args = parser.parse_args()
    measured = [
        Measured(iteration, folder.parts[-3], folder.parts[-2], folder)
        for iteration, folders in ((0, args.base), (args.iteration, args.results))
        for folder in folders
    ]
    write_json(args.output, compare_public(args.iteration, measured, args.tasks))


if __name__ == "__main__":
    run(main)
