"""Sample a model's responses to closed questions, with the image and without.

Reads the prompts of one shard and those with a grey picture; writes the responses to
both in the same order.  What is asked with the image is what `generate_responses`
asks later: the journal answers that.
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
    """Read the arguments, ask, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--prompts", type=Path, nargs=2, required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--settings", type=json_of(Samples), required=True)
    parser.add_argument("--outputs", type=Path, nargs=2, required=True)
    parser.add_argument("--image-roots", type=Path, nargs=2, required=True)
    parser.add_argument("--seed", type=int, required=True, help="seed of the run")
    args = parser.parse_args()
    template = load_template(args.template, "question")
    parts = [
        [
            request
            for prompt in args.shard.select(read_records(path, Prompt), lambda p: p.id)
            if prompt.kind == "closed"
            for request in response_requests(
                prompt,
                template,
                args.settings.num_samples,
                args.settings.sampling,
                image_root,
                args.seed,
            )
        ]
        for path, image_root in zip(args.prompts, args.image_roots, strict=True)
    ]
    answered = answer_requests(parts, stage="answer_questions", **engine_of(args))
    for path, answers in zip(args.outputs, answered, strict=True):
        write_records(path, (response_from(*pair) for pair in answers))


if __name__ == "__main__":
    run(main)
