"""Score one member's answers to questions whose gold answers are known.

Reads the questions, and the member's greedy and sampled answers of all shards in
their order; writes the outcome of each question.
"""

from itertools import chain
from pathlib import Path

from selfjudge.ground.lines import read_records, write_json
from selfjudge.ground.records import Prompt, Response
from selfjudge.panel.skills import ScoredMember, score_answers
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, score, write."""
    parser = arguments(__doc__)
    parser.add_argument("--iteration", type=int, required=True)
    parser.add_argument("--ballot", required=True)
    parser.add_argument("--member", required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--greedy", type=Path, nargs="+", required=True)
    parser.add_argument("--sampled", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    greedy, sampled = (
        chain.from_iterable(read_records(path, Response) for path in paths)
        for paths in (args.greedy, args.sampled)
    )
    who = ScoredMember(args.iteration, args.ballot, args.member)
    questions = read_records(args.questions, Prompt)
    write_json(args.output, score_answers(who, questions, greedy, sampled))


if __name__ == "__main__":
    run(main)
