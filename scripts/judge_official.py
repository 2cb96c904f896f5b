"""Have a judge judge one shard of a benchmark as the benchmark's authors ask.

Reads a benchmark's pairs in prompt order, the rows of its release (for their
order of responses alone, where the protocol keeps it) and the template; writes
raw judgments in the order of the pairs.
"""

from pathlib import Path

from selfjudge.benchmarks.protocols import orders_to_ask
from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import BenchmarkRow, Pair
from selfjudge.ground.requests import Samples
from selfjudge.ground.templates import load_template
from selfjudge.judging.asks import JUDGE_FIELDS, judgment_from, judgment_request
from selfjudge.run.commands import engine_of, json_of, model_arguments, run


def main() -> None:
    """Read the arguments, judge, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--order", choices=["random", "release"], required=True)
    parser.add_argument("--settings", type=json_of(Samples), required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    template = load_template(args.template, *JUDGE_FIELDS)
    pairs = args.shard.select(read_records(args.pairs, Pair), lambda p: p.prompt_id)
    rows = {row.pair_id: row for row in read_records(args.rows, BenchmarkRow)}
    votes, sampling = args.settings.num_samples, args.settings.sampling
    requests = [
        judgment_request(
            pair, order, sample, template, sampling, args.image_root, args.seed
        )
        for pair in pairs
        for sample, order in enumerate(
            orders_to_ask(rows[pair.id], args.order, votes, args.seed)
        )
    ]
    answered = answer_requests(requests, stage="judge_official", **engine_of(args))
    write_records(args.output, (judgment_from(*pair) for pair in answered))


if __name__ == "__main__":
    run(main)
