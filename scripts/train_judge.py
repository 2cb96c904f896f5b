"""Fine-tune a judge on accepted judgments.

Reads accepted rows, their images, and the model to start from (a folder, or a
Hub id); writes the trained judge as a folder that loads like any model, and that
carries how its judgments were asked for.
Checkpoints lie in the work folder until the judge is whole: run the same command
again and an interrupted training continues.  Where another filter's judge was trained
on the same rows, from the same model, by the same code, it becomes this one's, and
nothing is trained.
"""

from pathlib import Path
from typing import Any

from selfjudge.ground.ledgers import Usage
from selfjudge.run.commands import run
from selfjudge.run.training_jobs import (
    asked_arguments,
    run_training_job,
    take_twin,
    training_arguments,
    training_of,
)


def main() -> None:
    """Read the arguments, train, write."""
    parser = training_arguments(__doc__)
    add = parser.add_argument
    add("--accepted", type=Path, required=True, help="accepted rows, JSON Lines")
    asked_arguments(parser)
    add("--uncut", type=Path, nargs="*", default=[], help="judges that may be the same")
    args = parser.parse_args()
    if take_twin(args):
        return

    def train(base: Any, usage: Usage) -> None:
        from selfjudge.training.sft import train_judge

        train_judge(accepted=args.accepted, base=base, usage=usage, **training_of(args))

    run_training_job(args, "train_judge", train)


if __name__ == "__main__":
    run(main)
