"""Check and number the questions by which members of a panel are measured.

Reads JSON Lines of questions with gold answers (as prompts have them; `source` is
the group) and the images they name; writes them as prompts, in id order.
"""

import sys
from pathlib import Path

from selfjudge.ground.lines import write_records
from selfjudge.pairs.imports import ImportLimits, import_prompts, log_report
from selfjudge.panel.skills import check_questions
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, check, write."""
    parser = arguments(__doc__)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--image-root", type=Path, required=True)
    parser.add_argument("--limits", type=json_of(ImportLimits), required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    sources = {"skills": args.questions}
    imported = import_prompts(sources, args.image_root, args.limits)
    log_report(imported.report)
    for row in imported.dropped:
        print(f"dropped: {row}", file=sys.stderr)
    check_questions(imported.prompts)
    write_records(args.output, imported.prompts)


if __name__ == "__main__":
    run(main)
