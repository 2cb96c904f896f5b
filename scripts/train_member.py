"""Train a member of a panel on preferences.

Reads preferences, their images, and the model to start from (a folder, or a Hub
id); writes the trained member as a folder that loads like any model.  Checkpoints
lie in the work folder until it is whole: run the same command again and an
interrupted training continues.
"""

from pathlib import Path
from typing import Any

from selfjudge.ground.ledgers import Usage
from selfjudge.run.commands import json_of, run
from selfjudge.run.training_jobs import (
    run_training_job,
    training_arguments,
    training_of,
)


def main() -> None:
    """Read the arguments, train, write."""
    parser = training_arguments(__doc__)
    add = parser.add_argument
    add("--member", required=True, help="who learns")
    add("--preferences", type=Path, required=True, help="JSON Lines")
    add("--objective", required=True, help="objective, beta, gamma, sft_weight; JSON")
    args = parser.parse_args()

    def train(base: Any, usage: Usage) -> None:
        from selfjudge.training.losses import Objective
        from selfjudge.training.preferences import train_member

        train_member(
            preferences=args.preferences,
            member=args.member,
            objective=json_of(Objective)(args.objective),
            base=base,
            usage=usage,
            **training_of(args),
        )

    run_training_job(args, "train_member", train)


if __name__ == "__main__":
    run(main)
