"""Sample a model's responses to one shard of prompts.

Reads prompts in id order; writes responses in the same order: several samples
of a closed prompt, one of an open prompt.
"""

from pathlib import Path

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Prompt
from selfjudge.ground.requests import Samples
from selfjudge.ground.templates import load_template
from selfjudge.pairs.responses import response_from, response_requests
from selfjudge.run.commands import engine_of, json_of, model_arguments, run


def main() -> None:
    """Read the arguments, generate, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument(
        "--templates", type=Path, nargs=2, required=True, metavar=("OPEN", "CLOSED")
    )
    parser.add_argument("--settings", type=json_of(Samples), required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--image-root", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True, help="seed of the run")
    args = parser.parse_args()
    templates = [load_template(path, "question") for path in args.templates]
    prompts = args.shard.select(read_records(args.prompts, Prompt), lambda p: p.id)
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
    (answered,) = answer_requests(
        [requests], stage="generate_responses", **engine_of(args)
    )
    write_records(args.output, (response_from(*pair) for pair in answered))


if __name__ == "__main__":
    run(main)
