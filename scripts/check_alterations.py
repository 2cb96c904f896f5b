"""Ask a model whether the image shows what each rewrite of one shard changed.

Reads prompts, responses and altered responses in prompt order, and a template; writes
in the same order how likely the model says yes to what the response says at the
changed place, and to what the rewrite says there.
"""

from pathlib import Path

from selfjudge.engines.stage import Model
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Altered, Prompt, Response
from selfjudge.pairs.checks import (
    CHOICES,
    check_requests,
    checks_from,
    load_check_template,
)
from selfjudge.run.commands import model_arguments, model_of, run


def main() -> None:
    """Read the arguments, ask, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--responses", type=Path, required=True)
    parser.add_argument("--altered", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--image-root", type=Path, required=True)
    args = parser.parse_args()
    prompts = args.shard.select(read_records(args.prompts, Prompt), lambda p: p.id)
    requests = list(
        check_requests(
            {prompt.id: prompt for prompt in prompts if prompt.kind == "open"},
            read_records(args.responses, Response),
            read_records(args.altered, Altered),
            load_check_template(args.template),
            args.image_root,
        )
    )
    (answered,) = Model(**model_of(args)).answer(
        [requests], stage="check_alterations", ledger=args.ledger, choices=CHOICES
    )
    write_records(args.output, checks_from(answered))


if __name__ == "__main__":
    run(main)
