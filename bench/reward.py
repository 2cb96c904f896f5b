"""Train the demo's base by reward with rollouts of transformers and of vLLM.

The same pairs of coloured shapes, settings and seed; the stage itself, in a process of
its own, once each in turn.  Prints for each run the seconds of rollouts, rewards and
updates as its ledger has them, and the mean reward of the first and last steps.  Run it
with a Python that has TRL and vLLM: .venv-vllm/bin/python, or envs/reinforce.yaml on a
GPU (`--device cuda`), where it shows that the two fit each other there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "demo")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec

from matches import ASKED, make_match
from selfjudge.engines.vllm_dialects import installed_version
from selfjudge.ground.ledgers import read_ledgers
from selfjudge.ground.lines import read_json, write_records
from selfjudge.judging.reinforcement import ask_both_orders
from selfjudge.run.config import read_config, reinforcement_settings
from selfjudge.use.comparing import pair_of

TEMPLATE = ROOT / "demo" / "templates" / "judge.txt"
BASE = ROOT / "demo" / "base"
MAX_LENGTH = 512  # tokens: vLLM must be told how many


def main() -> None:
    """Read the arguments, train, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--device", choices=["cpu", "cuda"], default="cpu")
    add("--vllm-memory", type=float, default=0.1, help="share of the GPU's memory")
    add("--pairs", type=int, default=64)
    add("--repeats", type=int, default=2, help="runs of each, in turn")
    args = parser.parse_args()
    writers = ["transformers"]
    if installed_version():
        writers.append("vllm")
    else:
        print(f"no vLLM in {sys.prefix}: rollouts of transformers alone")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        template = TEMPLATE.read_text(encoding="utf-8")
        pairs = [pair_of(make_match(folder, number)) for number in range(args.pairs)]
        lines = (line for pair in pairs for line in ask_both_orders(pair, template))
        write_records(folder / "reinforce.jsonl", lines)
        for repeat in range(args.repeats):
            for writer in writers:
                more = ["--device", args.device]
                if writer == "vllm":
                    more += ["--vllm-memory", str(args.vllm_memory)]
                said = train(folder, folder / f"{writer}{repeat}", more)
                print(writer, said, flush=True)


def train(folder: Path, out: Path, more: list[str]) -> str:
    """Train on the pairs of a folder, into another; what it cost and learnt."""
    config = read_config(ROOT / "demo")
    reinforce = config["reinforce"]
    settings = reinforcement_settings(config)
    settings |= {"num_epochs": 1, "max_length": MAX_LENGTH}
    chosen = ("pairs_per_step", "num_rollouts", "parsed_reward", "sampling")
    rollouts = {key: reinforce[key] for key in chosen}
    command = [sys.executable, str(ROOT / "scripts" / "reinforce_judge.py")]
    command += ["--model", str(BASE), "--picked", str(folder / "reinforce.jsonl")]
    command += ["--image-root", str(folder), "--settings", json.dumps(settings)]
    command += ["--rollouts", json.dumps(rollouts), "--template", str(TEMPLATE)]
    command += ["--asking", msgspec.json.encode(ASKED.asking).decode()]
    command += ["--seed", "0", "--code", "bench", "--work", str(out / "work")]
    command += ["--output", str(out / "judge"), "--version", str(out / "judge.json")]
    command += ["--ledger", str(out / "ledgers" / "judge.jsonl"), *more]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr}\nerror: the training failed")
    (spent,) = read_ledgers(out / "ledgers")["judge"]
    reward = read_json(out / "judge" / "provenance.json")["reward"]
    parts = ("rollout", "reward", "update")
    seconds = ", ".join(
        f"{part} {getattr(spent, f'{part}_seconds'):.1f} s" for part in parts
    )
    return (
        f"{spent.num_calls} steps, {spent.num_requests} rollouts, "
        f"{spent.num_output_tokens} tokens: {seconds}; {spent.seconds:.1f} s in all; "
        f"reward {reward['first']:.2f} to {reward['last']:.2f}"
    )


if __name__ == "__main__":
    main()
