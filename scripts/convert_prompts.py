"""Write rows of another shape as prompts, once, their images below the image root.

Reads a .jsonl, .json, .csv, .tsv, .parquet or webdataset .tar file, or a folder that
`datasets` saved; writes JSON Lines as `import_prompts` reads them.
"""

import sys
from collections import Counter
from pathlib import Path

from selfjudge.pairs.columns import known_rows
from selfjudge.pairs.readers import read_foreign
from selfjudge.pairs.sources import convert_rows, write_rows
from selfjudge.run.commands import arguments, check_apart, run


def main() -> None:
    """Read the arguments, convert, write."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="file or folder")
    parser.add_argument("--images", type=Path, required=True, help="folder for images")
    parser.add_argument("--prompts", type=Path, required=True, help="output")
    args = parser.parse_args()
    check_apart(args.prompts, args.rows)
    counts: Counter[str] = Counter()
    rows = known_rows(read_foreign(args.rows), args.rows)
    rows = convert_rows(rows, args.rows.parent, args.images, counts)
    write_rows(rows, args.prompts)
    for what, number in counts.items():
        print(f"{args.rows}: {number} {what}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
