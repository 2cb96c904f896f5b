"""Have a judge answer what it is asked about one shard of pairs.

Reads asks, the pairs that they are about (of the loop or of a benchmark) and their
images, and the templates that they name; writes raw judgments in the order of the
asks.  Several such parts are answered by one loaded model.
"""

from pathlib import Path

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Ask, Pair
from selfjudge.judging.asks import (
    judgment_from,
    judgment_requests,
    load_judge_template,
)
from selfjudge.run.commands import engine_of, model_arguments, run


def main() -> None:
    """Read the arguments, judge, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--stage", default="judge_pairs", help="its name in ledgers")
    parser.add_argument("--templates", type=Path, nargs="+", required=True)
    parser.add_argument(
        "--part",
        type=Path,
        nargs=4,
        action="append",
        required=True,
        metavar=("ASKS", "PAIRS", "IMAGES", "OUTPUT"),
        help="what is asked of which pairs, and where their images lie; repeatable",
    )
    args = parser.parse_args()
    templates = {path.name: load_judge_template(path) for path in args.templates}
    parts = []
    for asks, pairs, images, _ in args.part:
        own = args.shard.select(read_records(pairs, Pair), lambda p: p.prompt_id)
        known = {pair.id: pair for pair in own}
        asked = read_records(asks, Ask)
        parts.append(list(judgment_requests(known, asked, templates, images)))
    answered = answer_requests(parts, stage=args.stage, **engine_of(args))
    for (*_, output), part in zip(args.part, answered, strict=True):
        write_records(output, (judgment_from(*pair) for pair in part))


if __name__ == "__main__":
    run(main)
