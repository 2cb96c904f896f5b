"""Make a folder of the judge that was chosen, with its certificate in it.

Reads the choice and the results folder; writes links to the judge's files, or copies
where they cannot be linked: on one disk the folder takes no space.
"""

import shutil
from pathlib import Path

from selfjudge.certificate.choice import Choice
from selfjudge.ground.lines import link_or_copy, read_document
from selfjudge.run.commands import arguments, run
from selfjudge.use.trust import FILE as CERTIFICATE


def main() -> None:
    """Read the arguments, link."""
    parser = arguments(__doc__)
    parser.add_argument("--choice", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    args = parser.parse_args()
    if args.output.exists():
        raise ValueError(f"--output: must not exist yet (got '{args.output}')")
    choice = read_document(args.choice, Choice)
    folder = args.results / f"iter{choice.iteration}" / choice.filter
    partial = args.output.with_name(f".{args.output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(
        folder / "judge",
        partial,
        copy_function=link_or_copy,
        ignore=shutil.ignore_patterns(".snakemake*"),
    )
    # Not written through a link into the judge's own folder.
    (partial / CERTIFICATE).unlink(missing_ok=True)
    shutil.copy2(folder / CERTIFICATE, partial)
    partial.rename(args.output)


if __name__ == "__main__":
    run(main)
