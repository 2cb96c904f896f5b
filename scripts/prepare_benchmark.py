"""Turn a public benchmark release into pairs.

Reads a release file (and the images beside it); writes pairs in prompt order,
what only scoring may know of each pair, the images under their sha256, and a
manifest of what came and what was left out.
"""

import sys
from pathlib import Path

from selfjudge.benchmarks.preparing import prepare_benchmark
from selfjudge.benchmarks.registry import FORMATS
from selfjudge.ground.lines import write_json, write_records
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, prepare, write."""
    parser = arguments(__doc__)
    parser.add_argument("--benchmark", required=True, help="its name in the project")
    parser.add_argument("--format", choices=list(FORMATS), required=True)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--revision", help="of a source that was fetched")
    parser.add_argument("--sha256", help="that the source must have")
    parser.add_argument("--max-pixels", type=int, required=True)
    parser.add_argument("--images", type=Path, required=True, help="output folder")
    parser.add_argument("--pairs", type=Path, required=True, help="output")
    parser.add_argument("--rows", type=Path, required=True, help="output")
    parser.add_argument("--manifest", type=Path, required=True, help="output")
    args = parser.parse_args()
    prepared = prepare_benchmark(
        args.benchmark,
        FORMATS[args.format],
        args.source,
        args.images,
        args.max_pixels,
        args.revision,
        args.sha256,
    )
    for warning in prepared.manifest.warnings:
        print(f"warning: {args.source}: {warning}", file=sys.stderr)
    write_records(args.pairs, prepared.pairs)
    write_records(args.rows, prepared.rows)
    write_json(args.manifest, prepared.manifest)


if __name__ == "__main__":
    run(main)
