"""Check and number the questions by which members of a panel are measured.

Reads JSON Lines of questions with gold answers (as prompts have them; `source` is
the group), the images they name, and the pool; writes them as prompts, in id order.
Dropped with a reason are those that cannot be asked, and those whose image is in the
pool: members may learn them by heart.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Prompt
from selfjudge.pairs.contamination import read_pool
from selfjudge.pairs.import_reports import log_report, note_dropped
from selfjudge.pairs.imports import import_prompts
from selfjudge.pairs.source_rows import ImportLimits
from selfjudge.panel.skills import check_questions
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, check, write."""
    parser = arguments(__doc__)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--pool", type=Path, required=True, help="prompts")
    parser.add_argument("--image-root", type=Path, required=True)
    parser.add_argument("--limits", type=json_of(ImportLimits), required=True)
    parser.add_argument("--threads", type=int, default=1, help="images at once")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--dropped", type=Path, required=True)
    args = parser.parse_args()
    sources = {"skills": args.questions}
    pool = read_pool(read_records(args.pool, Prompt), args.image_root, args.threads)
    imported = import_prompts(sources, args.image_root, args.limits, args.threads, pool)
    log_report(imported.report)
    check_questions(imported.prompts)
    write_records(args.output, imported.prompts)
    write_records(args.dropped, imported.dropped)
    what = "questions of the panel's skills"
    note_dropped(imported.report, what, str(args.dropped))


if __name__ == "__main__":
    run(main)
