"""Have a member of a panel rate one shard of candidates, each alone.

Reads candidates, their prompts and images, and where the wording shows them the
member's own answers; writes raw ratings in the order of the candidates.
"""

from pathlib import Path

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Candidate, Prompt, Response
from selfjudge.ground.requests import Draws
from selfjudge.ground.templates import load_template
from selfjudge.panel.rating import (
    fields_of,
    own_answers_from,
    rating_from,
    rating_requests,
)
from selfjudge.run.commands import engine_of, json_of, model_arguments, run


def main() -> None:
    """Read the arguments, rate, write."""
    parser = model_arguments(__doc__)
    add = parser.add_argument
    add("--member", required=True, help="who rates")
    add("--wording", choices=["plain", "informed"], required=True)
    add("--only-own", action="store_true", help="rate own texts alone")
    add("--prompts", type=Path, required=True)
    add("--candidates", type=Path, required=True, help="of this shard")
    add("--own-answers", type=Path, help="of the member, for `informed`")
    add("--template", type=Path, required=True)
    add("--settings", type=json_of(Draws), required=True)
    add("--image-root", type=Path, required=True)
    add("--seed", type=int, required=True, help="seed of the run")
    add("--output", type=Path, required=True)
    args = parser.parse_args()
    informed = args.wording == "informed"
    own = read_records(args.own_answers, Response) if informed else None
    prompts = args.shard.select(read_records(args.prompts, Prompt), lambda p: p.id)
    candidates = (
        candidate
        for candidate in read_records(args.candidates, Candidate)
        if args.member in candidate.members or not args.only_own
    )
    requests = rating_requests(
        candidates,
        {prompt.id: prompt for prompt in prompts},
        load_template(args.template, *fields_of(args.wording)),
        None if own is None else own_answers_from(own),
        args.settings.sampling,
        args.image_root,
        args.seed,
    )
    (answered,) = answer_requests(
        [list(requests)], stage="rate_responses", **engine_of(args)
    )
    write_records(args.output, (rating_from(*pair, args.member) for pair in answered))


if __name__ == "__main__":
    run(main)
