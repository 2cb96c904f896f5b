"""Measure what tells chosen from rejected without the picture.

Reads held-out prompts and pairs; writes how often words alone and length alone tell
the chosen response.
"""

from pathlib import Path

from selfjudge.certificate.certifying import Leak
from selfjudge.certificate.groups import group_pairs
from selfjudge.certificate.leak import measure_leak
from selfjudge.ground.lines import read_records, write_json
from selfjudge.ground.records import Pair, Prompt
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, measure, write."""
    parser = arguments(__doc__)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    pairs = list(read_records(args.pairs, Pair))
    groups = group_pairs(pairs, read_records(args.prompts, Prompt))
    figures = measure_leak(pairs, groups, args.seed)
    write_json(args.output, Leak(figures=figures))


if __name__ == "__main__":
    run(main)
