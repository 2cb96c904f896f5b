"""Measure `compare` against its engine alone, on the demo's base model.

The same judgments of pairs about coloured shapes: `engine.generate` over all requests,
`compare` with probabilities, and without.  Each with an empty journal or none, in turn;
no engine start counted.  Prints what share of the engine's own tokens a second each
has, by the process's own CPU seconds.  Run it with the Python that has the library:
.venv-vllm/bin/python for vllm.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "demo")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

from matches import ASKED, make_match
from selfjudge.engines import EngineSettings, open_engine
from selfjudge.engines.base import Engine
from selfjudge.judging.asks import ask_pairs
from selfjudge.use.comparing import Match, pair_of
from selfjudge.use.judges import Judge
from selfjudge.use.trust import Trust

BATCH_SIZE = 64


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("engine", choices=["transformers", "vllm"])
    add("--matches", type=int, default=32, help="of two judgments each")
    add("--repeats", type=int, default=5, help="runs of each, in turn")
    args = parser.parse_args()
    settings = EngineSettings(
        name=args.engine,
        dtype="float32",
        device="cpu",
        batch_size=BATCH_SIZE,
        vllm={"max_num_seqs": BATCH_SIZE},
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        matches = [make_match(folder, number) for number in range(args.matches)]
        engine = open_engine(settings, str(ROOT / "demo/base"), None, journal=folder)
        measure(engine, matches, args.repeats)


def measure(engine: Engine, matches: Sequence[Match], repeats: int) -> None:
    """Print the share of the engine's own rate that each way of comparing has."""
    judge = Judge(engine, ASKED, Trust(), probabilities=False)
    pairs = {pair.id: pair for pair in map(pair_of, matches)}
    asks = list(ask_pairs(pairs.values(), (), ASKED.asking, 0))
    requests = judge.requests(pairs, asks)

    def alone() -> None:
        for batch in engine.plan_batches(requests):
            list(engine.generate(batch))

    def compare(probabilities: bool) -> Callable[[], None]:
        def run() -> None:
            with tempfile.TemporaryDirectory() as journal:
                Judge(
                    engine,
                    ASKED,
                    Trust(),
                    journal=Path(journal),
                    probabilities=probabilities,
                    log=lambda line: None,
                ).compare(matches)

        return run

    ways = {
        "engine alone": alone,
        "compare": compare(True),
        "compare --no-probabilities": compare(False),
    }
    for way in ways.values():
        way()  # warm
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            if hasattr(engine, "llm"):
                engine.llm.reset_prefix_cache()
                engine.llm.reset_mm_cache()
            clock = time.process_time()
            way()
            spent[name].append(time.process_time() - clock)
    own = spent["engine alone"]
    for name, seconds in spent.items():
        rates = [one / other for one, other in zip(own, seconds, strict=True)]
        print(
            f"{name}: {len(requests)} judgments in {min(seconds):.2f} to "
            f"{max(seconds):.2f} s of CPU, {statistics.median(rates):.2f} of the "
            f"engine's own rate (n = {repeats}, {min(rates):.2f} to {max(rates):.2f})"
        )


if __name__ == "__main__":
    main()
