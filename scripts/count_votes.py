"""Parse the ratings of one shard of candidates: what each rater gives each of them.

Reads prompts, candidates, and each member's ratings in their order; writes votes in
the same order.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Candidate, Prompt, Rating
from selfjudge.ground.seeds import Shard
from selfjudge.panel.votes import Criteria, count_votes
from selfjudge.run.commands import arguments, json_of, parse_shard, run


def main() -> None:
    """Read the arguments, count, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--members", nargs="+", required=True)
    add("--prompts", type=Path, required=True)
    add("--candidates", type=Path, required=True)
    add("--ratings", type=Path, nargs="*", default=[], help="none: nobody rated")
    add("--scorers", nargs="*", default=[], help="who only compares")
    add("--matches", type=Path, nargs="*", default=[], help="of scorers; none: no")
    add("--criteria", type=json_of(Criteria), required=True)
    add("--shard", type=parse_shard, default=Shard(1, 1))
    add("--output", type=Path, required=True)
    args = parser.parse_args()
    prompts = args.shard.select(read_records(args.prompts, Prompt), lambda p: p.id)
    raters = args.members if args.ratings else []
    scorers = args.scorers if args.matches else []
    ratings = {
        member: read_records(path, Rating)
        for member, path in zip(
            [*raters, *scorers], [*args.ratings, *args.matches], strict=True
        )
    }
    candidates = read_records(args.candidates, Candidate)
    votes = count_votes(prompts, candidates, ratings, args.criteria, scorers)
    write_records(args.output, votes)


if __name__ == "__main__":
    run(main)
