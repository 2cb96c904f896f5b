"""Have a model rewrite rejected responses again, for pairs that differ in more.

Reads held-out prompts, their pairs and one template a category of error; writes
altered responses in the order of the pairs: of each rejected response with an injected
error one with a second, and of that one with a third.
"""

from pathlib import Path

from selfjudge.certificate.severity import NUM_ROUNDS, as_response, rewritten
from selfjudge.engines.stage import Model
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Altered, Pair, Prompt
from selfjudge.ground.requests import Draws
from selfjudge.pairs.responses import alteration_requests, altered_from, load_templates
from selfjudge.run.commands import json_of, model_arguments, model_of, run


def main() -> None:
    """Read the arguments, rewrite again and again, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--templates", type=Path, nargs="+", required=True)
    parser.add_argument("--settings", type=json_of(Draws), required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--image-root", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True, help="seed of the run")
    args = parser.parse_args()
    prompts = args.shard.select(read_records(args.prompts, Prompt), lambda p: p.id)
    known = {prompt.id: prompt for prompt in prompts if prompt.kind == "open"}
    templates = load_templates(args.templates, "question", "response")
    model, responses = (
        Model(**model_of(args)),
        rewritten(read_records(args.pairs, Pair)),
    )
    rounds: list[Altered] = []
    for _ in range(NUM_ROUNDS):
        requests = list(
            alteration_requests(
                known,
                responses,
                templates,
                args.settings.sampling,
                args.image_root,
                args.seed,
            )
        )
        (answered,) = model.answer([requests], stage="alter_again", ledger=args.ledger)
        altered = [altered_from(*pair) for pair in answered]
        rounds += altered
        responses = map(as_response, altered)
    write_records(args.output, rounds)


if __name__ == "__main__":
    run(main)
