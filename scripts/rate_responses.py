"""Have a member of a panel rate one shard of candidates.

Reads candidates, their prompts and images, and where the wording shows them the
member's own answers; writes raw ratings in the order of the candidates.  A member
that only scores compares candidates two by two.
"""

from pathlib import Path

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Candidate, Prompt, Response
from selfjudge.ground.templates import load_template
from selfjudge.panel.rating import (
    RatingSettings,
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
    add("--wording", choices=["plain", "informed", "matches"], required=True)
    add("--only-own", action="store_true", help="rate own texts alone")
    add("--prompts", type=Path, required=True)
    add("--candidates", type=Path, required=True, help="of this shard")
    add("--own-answers", type=Path, help="of the member, for `informed`")
    add("--template", type=Path, required=True)
    add("--settings", type=json_of(RatingSettings), required=True)
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
    asked = {
        one.request.id: one
        for one in rating_requests(
            candidates,
            {prompt.id: prompt for prompt in prompts},
            load_template(args.template, *fields_of(args.wording, args.settings.mode)),
            None if own is None else own_answers_from(own),
            args.wording,
            args.settings,
            args.image_root,
            args.seed,
        )
    }
    (answered,) = answer_requests(
        [[one.request for one in asked.values()]],
        stage="rate_responses",
        **engine_of(args),
    )
    ratings = (
        rating_from(generation, asked[request.id], args.member)
        for generation, request in answered
    )
    write_records(args.output, ratings)


if __name__ == "__main__":
    run(main)
