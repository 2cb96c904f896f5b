"""Sample responses of a model to one shard of prompts, and have it rewrite open ones.

Reads prompts in id order; writes responses in the same order: several samples
of a closed prompt, one of an open prompt.  Then the same loaded model rewrites each
open response with one injected error; there is one template a category of error.
"""

from pathlib import Path

from selfjudge.engines.stage import Model
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Prompt
from selfjudge.ground.requests import Draws, Samples
from selfjudge.ground.templates import load_template
from selfjudge.pairs.responses import (
    alteration_requests,
    altered_from,
    load_templates,
    response_from,
    response_requests,
)
from selfjudge.run.commands import json_of, model_arguments, model_of, run


def main() -> None:
    """Read the arguments, generate, rewrite, write."""
    parser = model_arguments(__doc__)
    add = parser.add_argument
    add("--prompts", type=Path, required=True)
    add("--templates", type=Path, nargs=2, required=True, metavar=("OPEN", "CLOSED"))
    add("--alter-templates", type=Path, nargs="+", required=True)
    add("--settings", type=json_of(Samples), required=True)
    add("--alter-settings", type=json_of(Draws), required=True)
    add("--alter-ledger", type=Path, help="as --ledger, of the rewriting")
    add("--responses", type=Path, required=True, help="output")
    add("--altered", type=Path, required=True, help="output")
    add("--image-root", type=Path, required=True)
    add("--seed", type=int, required=True, help="seed of the run")
    args = parser.parse_args()
    templates = [load_template(path, "question") for path in args.templates]
    rewrites = load_templates(args.alter_templates, "question", "response")
    prompts = list(
        args.shard.select(read_records(args.prompts, Prompt), lambda prompt: prompt.id)
    )
    requests = [
        request
        for prompt in prompts
        for request in response_requests(
            prompt,
            templates[prompt.kind == "closed"],
            args.settings.num_samples if prompt.kind == "closed" else 1,
            args.settings.sampling,
            args.image_root,
            args.seed,
        )
    ]
    model = Model(**model_of(args))
    (answered,) = model.answer(
        [requests], stage="generate_responses", ledger=args.ledger
    )
    responses = [response_from(*pair) for pair in answered]
    write_records(args.responses, responses)
    rewriting = list(
        alteration_requests(
            {prompt.id: prompt for prompt in prompts if prompt.kind == "open"},
            responses,
            rewrites,
            args.alter_settings.sampling,
            args.image_root,
            args.seed,
        )
    )
    (answered,) = model.answer(
        [rewriting], stage="alter_responses", ledger=args.alter_ledger
    )
    write_records(args.altered, (altered_from(*pair) for pair in answered))


if __name__ == "__main__":
    run(main)
