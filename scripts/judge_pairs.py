"""Have a judge answer what it is asked about one shard of pairs.

Reads asks, the pairs that they are about (of the loop or of a benchmark) and their
images, and the templates that they name; writes raw judgments in the order of the
asks.  Several such parts are answered by one loaded model.
"""

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import write_records
from selfjudge.judging.asks import judgment_from
from selfjudge.run.commands import engine_of, run
from selfjudge.run.judging_jobs import judging_arguments, judging_parts


def main() -> None:
    """Read the arguments, judge, write."""
    parser = judging_arguments(__doc__)
    parser.add_argument("--stage", default="judge_pairs", help="its name in ledgers")
    args = parser.parse_args()
    parts = list(judging_parts(args))
    answered = answer_requests(parts, stage=args.stage, **engine_of(args))
    for (*_, output), part in zip(args.part, answered, strict=True):
        write_records(output, (judgment_from(*pair) for pair in part))


if __name__ == "__main__":
    run(main)
