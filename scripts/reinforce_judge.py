"""Train a judge by reward on pairs whose better side is known.

Reads the pairs that were picked, in both orders, their images, and the model to start
from (a folder, or a Hub id); writes the trained judge as a folder that loads like any
model.  Checkpoints lie in the work folder until the judge is whole: run the same
command again and an interrupted training continues.
"""

from pathlib import Path
from typing import Any

from selfjudge.ground.ledgers import Usage
from selfjudge.run.commands import json_of, run
from selfjudge.run.training_jobs import (
    asked_arguments,
    run_training_job,
    training_arguments,
    training_of,
)
from selfjudge.training.settings import Rollouts


def main() -> None:
    """Read the arguments, train, write."""
    parser = training_arguments(__doc__)
    add = parser.add_argument
    add("--picked", type=Path, required=True, help="pairs in both orders, JSON Lines")
    add("--rollouts", type=json_of(Rollouts), required=True, help="as JSON")
    add("--vllm-memory", type=float, help="share of the GPU's memory: vLLM writes")
    asked_arguments(parser)
    args = parser.parse_args()

    def train(base: Any, usage: Usage) -> None:
        from selfjudge.training.reinforcement import reinforce_judge

        reinforce_judge(
            picked=args.picked,
            rollouts=args.rollouts,
            vllm_memory=args.vllm_memory,
            base=base,
            usage=usage,
            **training_of(args),
        )

    run_training_job(args, "reinforce_judge", train)


if __name__ == "__main__":
    run(main)
