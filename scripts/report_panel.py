"""Report what a panel's preferences are worth, and how its raters agree: for people.

Reads prompts, votes of all shards, preferences, what gave none, and the members' own
greedy answers; writes one document.  No stage of the loop reads it.
"""

import sys
from itertools import chain
from pathlib import Path

from selfjudge.ground.lines import read_records, write_json
from selfjudge.ground.records import Preference, Prompt, Response, Vote
from selfjudge.panel.agreement import measure_agreement
from selfjudge.panel.audit import count_preferences, tell_untaught
from selfjudge.panel.preferences import NoPreference
from selfjudge.panel.unparsed import count_unparsed
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, count, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--members", nargs="+", required=True)
    add("--scorers", nargs="*", default=[], help="raters that are no members")
    add("--only-own", action="store_true", help="members rated own texts alone")
    add("--prompts", type=Path, required=True)
    add("--votes", type=Path, nargs="+", required=True)
    add("--preferences", type=Path, required=True)
    add("--dropped", type=Path, required=True)
    add("--own-answers", type=Path, nargs="+", required=True, help="all shards of one")
    add("--output", type=Path, required=True, help="the report")
    args = parser.parse_args()

    def votes() -> chain[Vote]:
        return chain.from_iterable(read_records(path, Vote) for path in args.votes)

    each = len(args.own_answers) // len(args.members)
    own_answers = {
        member: chain.from_iterable(
            read_records(path, Response)
            for path in args.own_answers[at * each : (at + 1) * each]
        )
        for at, member in enumerate(args.members)
    }
    prompts = read_records(args.prompts, Prompt)
    counts = count_preferences(
        prompts,
        votes(),
        read_records(args.preferences, Preference),
        read_records(args.dropped, NoPreference),
        own_answers,
    )
    prompts = read_records(args.prompts, Prompt)
    raters = [*args.members, *args.scorers]
    agreement = measure_agreement(prompts, votes(), raters).report()
    ratings = count_unparsed(votes(), raters, args.only_own, args.scorers)
    write_json(args.output, counts | {"ratings": ratings} | agreement)
    if told := tell_untaught(counts, str(args.output)):
        print(f"note: {told}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
