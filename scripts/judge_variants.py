"""Have a judge answer one shard of held-out pairs and of all their variants.

Reads asks, the pairs of each variant and their images, and the templates that the asks
name; writes raw judgments in the order of the asks and, of the first variant, how the
judge weighs both verdicts where its reasoning ended: of no judgment for which the
model had no room.  All by one loaded model.
"""

from pathlib import Path

from selfjudge.engines.stage import Model
from selfjudge.ground.lines import write_records
from selfjudge.judging.asks import judgment_from
from selfjudge.judging.probabilities import CHOICES, weighed_from, weighing_requests
from selfjudge.run.commands import model_of, run
from selfjudge.run.judging_jobs import judging_arguments, judging_parts


def main() -> None:
    """Read the arguments, judge, weigh, write."""
    parser = judging_arguments(__doc__)
    parser.add_argument("--weighed", type=Path, required=True, help="output")
    args = parser.parse_args()
    parts = list(judging_parts(args))
    model = Model(**model_of(args))
    answered = list(model.answer(parts, stage="judge_variants", ledger=args.ledger))
    for (*_, output), part in zip(args.part, answered, strict=True):
        write_records(output, (judgment_from(*pair) for pair in part))
    requests = weighing_requests(answered[0])
    (weighed,) = model.answer(
        [requests], stage="weigh_verdicts", ledger=args.ledger, choices=CHOICES
    )
    write_records(args.weighed, (weighed_from(*pair) for pair in weighed))


if __name__ == "__main__":
    run(main)
