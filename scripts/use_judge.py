"""Ask a judge about responses of one's own: compare two, rank several, or score them.

Reads a judge's folder, which says how it is asked, and rows (JSON Lines) of images, a
question and responses; writes one line for each of them, in their order.

  compare  two responses: which is better, the probability of that over both orders,
           and what the judge said
  rank     two or more: their order, by a tournament
  score    one or more, and a reference: the probability of being better than it

Answers are kept in the journal: the same command again goes on where it stopped.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any, get_args

from selfjudge.engines.progress import log_to_stderr
from selfjudge.ground.lines import write_records
from selfjudge.run.commands import check_apart, run
from selfjudge.run.using import judge_arguments, judge_of
from selfjudge.use.rows import Command, Row, read_rows

# Seconds for which a server that is away is tried again: what was answered is kept.
PATIENCE = 120.0


def main() -> None:
    """Read the arguments, ask, write."""
    parser = judge_arguments(__doc__)
    add = parser.add_argument
    add("command", choices=get_args(Command))
    add("--input", type=Path, required=True, help="rows, JSON Lines")
    add("--output", type=Path, required=True, help="one line for each of them")
    add("--image-root", type=Path, help="the images' folder; default: the input's")
    add("--journal", type=Path, help="of answers; default: journal beside the output")
    args = parser.parse_args()
    check_apart(args.output, args.input)
    rows = list(read_rows(args.input, args.command, args.image_root or parent(args)))
    check_rows(args, rows)
    from selfjudge.use.asking import asked, count_comparisons, run_command

    log_to_stderr(
        f"{args.command}: {len(asked(rows))} of {len(rows)} rows to ask about, "
        f"{count_comparisons(rows, args.command)} comparisons in both orders"
    )
    for reason, number in Counter(row.reason for row in rows if row.reason).items():
        log_to_stderr(f"{args.command}: {number} rows left out: {reason}")
    journal = args.journal or args.output.parent / "journal"
    judge = judge_of(args, journal=journal, patience=PATIENCE)
    lines: list[dict[str, Any]] = list(run_command(rows, args.command, judge))
    write_records(args.output, ({**line, **judge.identity} for line in lines))
    spent = judge.spent
    log_to_stderr(
        f"{args.output}: {len(lines)} lines; of {spent.num_texts} judgments "
        f"{spent.num_retried} stated a verdict in a second try and "
        f"{spent.num_unparsed} in none"
    )


def parent(args: argparse.Namespace) -> Path:
    """The folder of the input, which its images' names start from."""
    folder: Path = args.input.parent
    return folder


def check_rows(args: argparse.Namespace, rows: list[Row]) -> None:
    """Raise ValueError unless one row at least can be asked about."""
    faults = [row for row in rows if row.reason]
    if len(faults) == len(rows):
        first = f"line {faults[0].number}: {faults[0].reason}" if faults else "no line"
        more = f": {faults[0].detail}" if faults and faults[0].detail else ""
        raise ValueError(
            f"{args.input}: at least one row must be one to {args.command} (got "
            f"{len(rows)}, {first}{more}). Hint: docs/use.md has rows that work"
        )


if __name__ == "__main__":
    run(main)
