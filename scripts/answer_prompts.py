"""Have a member of a panel answer one shard of prompts.

Reads prompts in id order and their images; writes responses in the same order, as
many samples of each as a part asks for.  Several parts are answered by one loaded
model.
"""

from pathlib import Path

import msgspec

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Prompt
from selfjudge.ground.requests import Samples
from selfjudge.ground.templates import load_template
from selfjudge.pairs.responses import response_from, response_requests
from selfjudge.run.commands import engine_of, model_arguments, run


def main() -> None:
    """Read the arguments, answer, write."""
    parser = model_arguments(__doc__)
    add = parser.add_argument
    add("--stage", default="answer_prompts", help="its name in ledgers")
    add("--prompts", type=Path, required=True)
    add("--templates", type=Path, nargs=2, required=True, metavar=("OPEN", "CLOSED"))
    part = ("SAMPLES", "OUTPUT")
    add("--part", nargs=2, action="append", required=True, metavar=part)
    add("--image-root", type=Path, required=True)
    add("--seed", type=int, required=True, help="seed of the run")
    args = parser.parse_args()
    templates = [load_template(path, "question") for path in args.templates]
    read = read_records(args.prompts, Prompt)
    prompts = list(args.shard.select(read, lambda prompt: prompt.id))
    settings = [
        msgspec.json.decode(samples, type=Samples, strict=False)
        for samples, _ in args.part
    ]
    parts = [
        [
            request
            for prompt in prompts
            for request in response_requests(
                prompt,
                templates[prompt.kind == "closed"],
                one.num_samples,
                one.sampling,
                args.image_root,
                args.seed,
            )
        ]
        for one in settings
    ]
    answered = answer_requests(parts, stage=args.stage, **engine_of(args))
    for (_, output), pairs in zip(args.part, answered, strict=True):
        write_records(output, (response_from(*pair) for pair in pairs))


if __name__ == "__main__":
    run(main)
