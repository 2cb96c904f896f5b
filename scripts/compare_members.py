"""Put the members of one iteration beside themselves at iteration 0.

Reads the questions, and the scores of all ballots and members; writes all rows, each
with the gain and a paired test, and the means of the panel.
"""

from pathlib import Path

from selfjudge.certificate.groups import group_by_picture
from selfjudge.ground.lines import read_document, read_records, write_json
from selfjudge.ground.records import Prompt
from selfjudge.panel.skills import SkillScores, compare_members
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, compare, write."""
    parser = arguments(__doc__)
    parser.add_argument("--iteration", type=int, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--base", type=Path, nargs="+", required=True)
    parser.add_argument("--scores", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    base, scores = (
        [read_document(path, SkillScores) for path in paths]
        for paths in (args.base, args.scores)
    )
    questions = read_records(args.questions, Prompt)
    picture_of = group_by_picture({one.id: one.image_sha256s for one in questions})
    write_json(args.output, compare_members(args.iteration, scores, base, picture_of))


if __name__ == "__main__":
    run(main)
