"""Have a judge judge one shard of pairs in one order: a cascade's first or second.

Reads pairs in prompt order and the judge's template; writes raw judgments in the
order of the pairs.  Which order is a pair's first is drawn by the seed.
"""

from pathlib import Path

from selfjudge.commands import json_of, run
from selfjudge.engines.stage import answer_requests
from selfjudge.model_commands import engine_of, model_arguments
from selfjudge.orders import TURNS, order_at
from selfjudge.records import Pair, Samples, read_records, write_records
from selfjudge.rendering import (
    JUDGE_FIELDS,
    judgment_from,
    judgment_request,
    load_template,
)


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
