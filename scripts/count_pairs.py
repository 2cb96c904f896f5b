"""Count the pairs of a filter, for people.

Reads prompts, responses, pairs and what gave no pair, all in prompt order; writes a
report of counts.  No stage of the loop reads it.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_json
from selfjudge.ground.records import DroppedLine, Pair, Prompt, Response
from selfjudge.pairs.counts import count_pairs
from selfjudge.pairs.samples import count_samples
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, count, write."""
    parser = arguments(__doc__)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--responses", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--dropped", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="the report")
    args = parser.parse_args()
    report = count_pairs(
        read_records(args.prompts, Prompt),
        read_records(args.pairs, Pair),
        read_records(args.dropped, DroppedLine),
    )
    samples = count_samples(
        read_records(args.prompts, Prompt), read_records(args.responses, Response)
    )
    write_json(args.output, report | {"samples": samples})


if __name__ == "__main__":
    run(main)
