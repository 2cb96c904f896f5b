"""Have a model rewrite one shard of open responses with one injected error each.

Reads prompts and responses in prompt order, and one template a category of
error; writes altered responses in the same order.
"""

from pathlib import Path

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Prompt, Response
from selfjudge.ground.requests import Draws
from selfjudge.pairs.responses import alteration_requests, altered_from, load_templates
from selfjudge.run.commands import engine_of, json_of, model_arguments, run


def main() -> None:
    """Read the arguments, generate, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--responses", type=Path, required=True)
    parser.add_argument("--templates", type=Path, nargs="+", required=True)
    parser.add_argument("--settings", type=json_of(Draws), required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--image-root", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True, help="seed of the run")
    args = parser.parse_args()
    prompts = args.shard.select(read_records(args.prompts, Prompt), lambda p: p.id)
    responses = read_records(args.responses, Response)
    requests = list(
        alteration_requests(
            {prompt.id: prompt for prompt in prompts if prompt.kind == "open"},
            responses,
            load_templates(args.templates, "question", "response"),
            args.settings.sampling,
            args.image_root,
            args.seed,
        )
    )
    (answered,) = answer_requests(
        [requests], stage="alter_responses", **engine_of(args)
    )
    write_records(args.output, (altered_from(*pair) for pair in answered))


if __name__ == "__main__":
    run(main)
