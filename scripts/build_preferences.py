"""Choose, by a ballot, the best and the worst text of each prompt.

Reads prompts, and votes of all shards in their order; writes preferences as training
rows, and what gave none with reasons.  Ends where a rater is hardly parsed.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Preference, Prompt, Vote
from selfjudge.ground.templates import load_template
from selfjudge.panel.agreement import measure_agreement
from selfjudge.panel.ballots import Ballot
from selfjudge.panel.preferences import (
    Builder,
    IsOver,
    NoPreference,
    PreferenceSettings,
    build_preferences,
    cut_preferences,
    never,
    size_of,
    write_preferences,
)
from selfjudge.panel.unparsed import Heard
from selfjudge.run.commands import MIN_ROWS, arguments, json_of, run


def main() -> None:
    """Read the arguments, choose, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--ballot", type=json_of(Ballot), required=True, help="what it is, as JSON")
    add("--members", nargs="+", required=True)
    add("--scorers", nargs="*", default=[], help="raters that are no members")
    add("--prompts", type=Path, required=True)
    add("--votes", type=Path, nargs="+", required=True, help="of all shards")
    add("--matched", type=Path, help="preferences to match in number")
    add("--templates", type=Path, nargs=2, required=True, metavar=("OPEN", "CLOSED"))
    add("--settings", type=json_of(PreferenceSettings), required=True)
    add("--min-rows", type=int, default=1, help=MIN_ROWS)
    add("--seed", type=int, required=True, help="seed of the run")
    add("--preferences", type=Path, required=True, help="output")
    add("--dropped", type=Path, required=True, help="output")
    args = parser.parse_args()

    def read() -> tuple[Iterator[Prompt], Iterator[Vote]]:
        votes = chain.from_iterable(read_records(path, Vote) for path in args.votes)
        return read_records(args.prompts, Prompt), votes

    weighs = args.ballot.voters == "weighted"
    builder = Builder(
        ballot=args.ballot,
        settings=args.settings,
        members=args.members,
        reliability=(
            measure_agreement(*read(), [*args.members, *args.scorers]).reliability()
            if weighs
            else {}
        ),
        templates=(
            load_template(args.templates[0], "question"),
            load_template(args.templates[1], "question"),
        ),
        seed=args.seed,
    )

    heard = Heard(args.ballot, args.scorers)

    def build(is_over: IsOver = never) -> Iterable[Preference | NoPreference]:
        prompts, votes = read()
        return build_preferences(prompts, heard.watch(votes), builder, is_over)

    everything = build()
    if args.matched:
        size = size_of(read_records(args.matched, Preference))
        everything = cut_preferences(build, size, args.seed)
    everything = heard.check_after(everything, args.votes[0].parent)
    write_preferences(everything, args.preferences, args.dropped, args.min_rows)


if __name__ == "__main__":
    run(main)
