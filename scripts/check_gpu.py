"""Say which GPU a job would compute on, and have a model say ten tokens on it.

Reads a model, if one is named; writes a line about the GPU, and one about the model,
to stdout.  Without a GPU that torch can use it ends with the reason; with an engine
that runs no model itself after the first line.
"""

import tempfile
import time
from pathlib import Path

import msgspec

from selfjudge.engines import open_engine
from selfjudge.engines.base import EngineSettings, Refusal
from selfjudge.engines.devices import describe_gpu_apart
from selfjudge.ground.requests import Request, Sampling
from selfjudge.ground.templates import user_turn
from selfjudge.run.commands import arguments, json_of, run
from selfjudge.run.families import engine_runs_model


def main() -> None:
    """Read the arguments, compute a little, print."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--model", help="folder of a checkpoint, or a Hub id")
    add("--revision", help="commit, tag or branch of a Hub id")
    add(
        "--engine", type=json_of(EngineSettings), help="JSON of config's section engine"
    )
    args = parser.parse_args()
    print(f"{'model' if args.model else 'torch'}: {describe_gpu_apart()}", flush=True)
    if not args.model or not engine_runs_model(args.engine.name):
        return
    from PIL import Image

    clock = time.monotonic()
    settings = msgspec.structs.replace(args.engine, device="cuda")
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "grey.png")
        Image.new("RGB", (448, 448), "grey").save(image)
        request = Request(
            id="check_gpu",
            messages=[user_turn(1, "What is in the picture?")],
            images=(str(image),),
            sampling=Sampling(max_tokens=10, temperature=0.0),
            seed=0,
        )
        engine = open_engine(settings, args.model, args.revision, journal=Path(folder))
        engine.plan_batches([request])
        engine.start()
        loaded = time.monotonic()
        (told,) = engine.generate([request])
    if isinstance(told, Refusal):
        raise ValueError(told.reason)
    print(
        f"{args.model}: loaded in {loaded - clock:.1f} s, then "
        f"{told.num_output_tokens} tokens in {time.monotonic() - loaded:.1f} s: "
        f"{told.text!r}"
    )


if __name__ == "__main__":
    run(main)
