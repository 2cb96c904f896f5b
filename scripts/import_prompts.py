"""Check, route and number the prompts of all sources.

Reads JSON Lines files of prompts and the images they name, and benchmarks to keep out;
writes prompts in id order, the dropped rows with reasons, what rows say beside, and a
report of counts.
"""

import sys
from pathlib import Path

from selfjudge.ground.lines import write_json, write_records
from selfjudge.pairs.contamination import read_kept_out
from selfjudge.pairs.import_reports import log_report, note_dropped, tell_reasons
from selfjudge.pairs.imports import import_prompts
from selfjudge.pairs.pool import check_pool, on_side
from selfjudge.pairs.source_rows import ImportLimits
from selfjudge.run.commands import HELD_OUT, arguments, check_apart, json_of, run


def main() -> None:
    """Read the arguments, import, write."""
    parser = arguments(__doc__)
    parser.add_argument("--sources", type=Path, nargs="+", required=True)
    parser.add_argument("--names", nargs="+", required=True, help="of the sources")
    parser.add_argument("--image-root", type=Path, required=True)
    parser.add_argument("--limits", type=json_of(ImportLimits), required=True)
    parser.add_argument("--threads", type=int, default=1, help="images at once")
    parser.add_argument("--iterations", type=int, default=0, help="that draw anew")
    parser.add_argument("--prompts-per-iteration", type=int, default=0)
    parser.add_argument("--held-out-share", type=float, default=0.0, help=HELD_OUT)
    parser.add_argument("--seed", type=int, default=0, help="that holds prompts out")
    parser.add_argument("--keep-out", type=Path, nargs="*", default=[], help="pairs")
    parser.add_argument("--keep-out-images", type=Path, nargs="*", default=[])
    parser.add_argument("--prompts", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    parser.add_argument("--aside", type=Path, required=True, help="output")
    parser.add_argument("--report", type=Path, required=True, help="output")
    args = parser.parse_args()
    sources = dict(zip(args.names, args.sources, strict=False))
    if not len(sources) == len(args.names) == len(args.sources):
        parser.error(f"--names must be different, one a source (got {args.names})")
    for output in (args.prompts, args.dropped, args.aside, args.report):
        check_apart(output, *args.sources, *args.keep_out)
    kept_out = None
    if args.keep_out:
        benchmarks = dict(zip(args.keep_out, args.keep_out_images, strict=True))
        kept_out = read_kept_out(benchmarks, args.threads)
    imported = import_prompts(
        sources, args.image_root, args.limits, args.threads, kept_out
    )
    log_report(imported.report)
    each = args.prompts_per_iteration
    trained = on_side("training", imported.prompts, args.held_out_share, args.seed)
    num_trained = sum(1 for _ in trained)
    why = tell_reasons(imported.dropped)
    share = args.held_out_share
    num_unused = check_pool(num_trained, args.iterations, each, share, why)
    print(f"{num_unused} prompts are used by no iteration", file=sys.stderr)
    write_records(args.prompts, imported.prompts)
    write_records(args.dropped, imported.dropped)
    write_records(args.aside, imported.aside)
    write_json(args.report, imported.report)
    note_dropped(imported.report, named_in=str(args.dropped))


if __name__ == "__main__":
    run(main)
