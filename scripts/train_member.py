"""Train a member of a panel on preferences.

Reads preferences, their images, and the model to start from (a folder, or a Hub
id); writes the trained member as a folder that loads like any model.  Checkpoints
lie in the work folder until it is whole: run the same command again and an
interrupted training continues.
"""

import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from selfjudge.ground.ledgers import Usage, append_ledger, ledger_from
from selfjudge.ground.lines import write_json
from selfjudge.run.commands import GPUS, arguments, json_of, run
from selfjudge.training.settings import TrainSettings


def main() -> None:
    """Read the arguments, train, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--model", required=True, help="folder of a checkpoint, or a Hub id")
    add("--revision", help="commit, tag or branch of a Hub id")
    add("--member", required=True, help="who learns")
    add("--preferences", type=Path, required=True, help="JSON Lines")
    add("--image-root", type=Path, required=True, help="folder the images lie below")
    add("--settings", type=json_of(TrainSettings), required=True, help="as JSON")
    add("--objective", required=True, help="objective, beta, gamma, sft_weight; JSON")
    add("--seed", type=int, required=True, help="seed of the run")
    add("--work", type=Path, required=True, help="folder for checkpoints")
    add("--output", type=Path, required=True, help="folder of the trained member")
    add("--version", type=Path, required=True, help="output: what the member is")
    add("--ledger", type=Path, help="file to append to what this run cost")
    add("--device", default="auto", help="auto, cpu, or cuda")
    add("--gpus", type=int, default=0, help=GPUS)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # Here, not above: --help and a bad argument need no torch.
    from selfjudge.engines.checkpoints import (
        model_fingerprint,
        read_version,
        resolve_model,
    )
    from selfjudge.engines.devices import find_device, wanted_device
    from selfjudge.training.preferences import Objective, train_member
    from selfjudge.training.sft import Base

    objective = json_of(Objective)(args.objective)
    started, clock = datetime.now(UTC), time.monotonic()
    usage, finished = Usage(), False
    is_first = os.environ.get("RANK", "0") == "0"  # torchrun runs one of us a GPU
    if is_first:  # the others would take room on the first one's GPU
        find_device(wanted_device(args.device, args.gpus))
    path = resolve_model(args.model, args.revision)
    base = Base(
        name=args.model,
        revision=args.revision,
        path=path,
        # Others write nothing, and need not read 22 GB for it.
        fingerprint=model_fingerprint(path) if is_first else "",
    )
    try:
        train_member(
            preferences=args.preferences,
            member=args.member,
            image_root=args.image_root,
            base=base,
            output=args.output,
            work=args.work,
            settings=args.settings,
            objective=objective,
            seed=args.seed,
            usage=usage,
        )
        finished = True
    finally:
        usage.seconds = time.monotonic() - clock
        if args.ledger and is_first:
            line = ledger_from(
                usage,
                stage="train_member",
                engine="trl",
                model=base.fingerprint,
                started=started.isoformat(timespec="seconds"),
                finished=finished,
            )
            append_ledger(args.ledger, line)
    if is_first:
        write_json(args.version, read_version(args.output))


if __name__ == "__main__":
    run(main)
