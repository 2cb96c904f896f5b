"""Hand a judge on: a folder fit for the Hub, with a model card.

Reads a trained judge's folder, its certificate and the scores of its run, where there
are any; writes a folder of weights (or the adapter), processor, how it is asked,
provenance.json, certificate.json and README.md.  --push uploads it.
"""

import sys
from pathlib import Path

from selfjudge.run.commands import arguments, run
from selfjudge.use.export import export_judge, push


def main() -> None:
    """Read the arguments, write, upload if it is asked for."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--judge", type=Path, required=True, help="folder of a trained judge")
    add("--output", type=Path, required=True, help="folder to make")
    add("--results", type=Path, help="of its run; default: where the judge lies")
    add("--adapter", action="store_true", help="the LoRA adapter, no merged weights")
    add("--license", help="of the base model, as the Hub names it")
    add("--push", metavar="OWNER/NAME", help="upload the folder to the Hub")
    add("--private", action="store_true", help="for --push: a new page is private")
    args = parser.parse_args()
    export_judge(
        args.judge,
        args.output,
        results=args.results,
        is_adapter=args.adapter,
        licence=args.license,
    )
    print(args.output, file=sys.stderr)
    if args.push:
        page = push(args.output, args.push, is_private=args.private)
        print(page, file=sys.stderr)


if __name__ == "__main__":
    run(main)
