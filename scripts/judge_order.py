"""Have a judge judge one shard of pairs in one order: a cascade's first or second.

Reads pairs in prompt order and the judge's template; writes raw judgments in the
order of the pairs.  Which order is a pair's first is drawn by the seed.
"""

from pathlib import Path

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Pair
from selfjudge.ground.requests import Samples
from selfjudge.ground.templates import load_template
from selfjudge.judging.asks import JUDGE_FIELDS, judgment_from, judgment_request
from selfjudge.judging.orders import TURNS, order_at
from selfjudge.run.commands import engine_of, json_of, model_arguments, run


def main() -> None:
    """Read the arguments, judge, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--turn", choices=TURNS, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--settings", type=json_of(Samples), required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    template = load_template(args.template, *JUDGE_FIELDS)
    pairs = args.shard.select(read_records(args.pairs, Pair), lambda p: p.prompt_id)
    requests = [
        judgment_request(
            pair,
            order_at(args.turn, pair.id, args.seed),
            sample,
            template,
            args.settings.sampling,
            args.image_root,
            args.seed,
        )
        for pair in pairs
        for sample in range(args.settings.num_samples)
    ]
    stage = f"judge_{args.turn}_order"
    answered = answer_requests(requests, stage=stage, **engine_of(args))
    write_records(args.output, (judgment_from(*pair) for pair in answered))


if __name__ == "__main__":
    run(main)
