"""Show where a record of a run came from and what it touched, with file and line.

    python scripts/why.py 2b7ed98c22c78ab9 --project demo
    python scripts/why.py --impact c7/c7701084fa30e8c5.png --project demo

An id is that of a prompt, response, altered response, pair or judgment (a training
row goes by its judgment), of a panel's candidate, rating or preference, or its
beginning; or an image: its path below the image root, its sha256, or a file.

Reads the records of a run, finished or not; writes nothing but an index of them,
`.snakemake/selfjudge/lineage.sqlite` in the project, which may be deleted any time.
"""

import signal
import sys
from pathlib import Path

from selfjudge.report.lineage_index import open_index
from selfjudge.report.lineage_text import show_impact, show_lineage
from selfjudge.run.commands import arguments, run
from selfjudge.run.config import source_files


def main() -> None:
    """Read the arguments, look up, print."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("id", nargs="?", help="what to explain")
    add("--impact", metavar="IMAGE", help="count what used an image, by file")
    add("--project", type=Path, default=Path(), help="its directory (default: here)")
    add("--most", type=int, default=20, help="entries of a list (default: 20)")
    args = parser.parse_args()
    if (args.id is None) == (args.impact is None):
        parser.error("must have an id, or --impact and an image")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    with open_index(args.project, source_files(args.project)) as index:
        if args.impact is not None:
            lines = show_impact(index, args.impact)
        else:
            lines = show_lineage(index, args.id, args.most)
        sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    run(main)
