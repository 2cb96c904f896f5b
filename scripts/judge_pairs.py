"""Have a judge judge one shard of pairs, in both orders.

Reads pairs (of the loop or of a benchmark) in prompt order and the judge's
template; writes raw judgments in the order of the pairs.
"""

from pathlib import Path

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Pair
from selfjudge.ground.requests import Samples
from selfjudge.ground.templates import load_template
from selfjudge.judging.asks import JUDGE_FIELDS, judgment_from, judgment_requests
from selfjudge.run.commands import engine_of, json_of, model_arguments, run


def main() -> None:
    """Read the arguments, judge, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--settings", type=json_of(Samples), required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    template = load_template(args.template, *JUDGE_FIELDS)
    pairs = args.shard.select(read_records(args.pairs, Pair), lambda p: p.prompt_id)
    requests = [
        request
        for pair in pairs
        for request in judgment_requests(
            pair,
            template,
            args.settings.num_samples,
            args.settings.sampling,
            args.image_root,
            args.seed,
        )
    ]
    answered = answer_requests(requests, stage="judge_pairs", **engine_of(args))
    write_records(args.output, (judgment_from(*pair) for pair in answered))


if __name__ == "__main__":
    run(main)
