"""Measure a GPU with a model of real shape, made on the spot: `make gpu-check`.

Nothing is downloaded: random weights of 2 billion parameters in bfloat16 around the
demo's tokenizer (its vocabulary widened to 128,256).  Measured are the engine
`transformers` and, where it is installed, `vllm`: tokens and images a second, memory,
the share of the time that the model computes, and the share of the roofline (weights
read once a decoding step, at the bandwidth that a copy reaches here); then a LoRA
training, told to stop by SIGTERM in its middle and resumed.  Prints a line for each
figure and writes OUT/{device}.json.  `--shape tiny --device cpu` is the dry run.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts")]

import msgspec
import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from selfjudge.benchmarks.collections import asking_of
from selfjudge.engines import EngineSettings, open_engine
from selfjudge.engines.journal import run_requests
from selfjudge.ground.ledgers import Usage, read_ledgers
from selfjudge.ground.lines import read_json, write_records
from selfjudge.ground.records import Accepted
from selfjudge.ground.requests import Request, Sampling, read_samples
from selfjudge.ground.templates import assistant_turn, user_turn
from selfjudge.run.config import read_config

# Sizes of the language model, of the vision tower, of its pictures, and of the work.
SHAPES: dict[str, dict[str, Any]] = {
    "large": {
        "text": {
            "hidden_size": 2560,
            "intermediate_size": 9216,
            "num_hidden_layers": 20,
            "num_attention_heads": 20,
            "num_key_value_heads": 4,
            "head_dim": 128,
            "vocab_size": 128256,
            "max_position_embeddings": 8192,
        },
        "vision": {
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_hidden_layers": 27,
            "num_attention_heads": 16,
            "image_size": 448,
            "patch_size": 14,
        },
        "num_images": 16,
        "num_samples": 8,
        "batch_size": 32,
        "max_tokens": 256,
        "num_rows": 96,
    },
    "tiny": {
        "text": {"num_hidden_layers": 2, "vocab_size": 1024},
        "vision": {"image_size": 56, "patch_size": 14},
        "num_images": 2,
        "num_samples": 2,
        "batch_size": 4,
        "max_tokens": 8,
        "num_rows": 12,
    },
}
SCALE = 2  # vision tokens merged on each side


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="large")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "gpu")
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit(
            "error: a GPU that torch can use must be here (got none). Hint: "
            "nvidia-smi names the driver; docs/environments.md which one is needed."
        )
    shape = SHAPES[args.shape]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = describe_device(args.device)
        found["model"] = make_model(folder / "model", shape, args.device)
        requests = make_requests(folder, shape)
        for engine in ("transformers", "vllm"):
            if engine == "transformers" or (
                find_spec("vllm") and args.device == "cuda"
            ):
                found[engine] = measure_engine(
                    engine, folder, requests, shape, args.device, found
                )
        found["training"] = measure_training(folder, shape)
    for part, figures in found.items():
        for key, value in figures.items() if isinstance(figures, dict) else ():
            print(f"{part}: {key} {value}")
    args.out.mkdir(parents=True, exist_ok=True)
    path = (
        args.out / f"{found['device']['name'].replace(' ', '_').replace('/', '_')}.json"
    )
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(path)


def describe_device(device: str) -> dict[str, Any]:
    """What is measured, and how many bytes a second a copy moves on it."""
    size = 2**30 if device == "cuda" else 2**26
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    seconds = []
    for _ in range(5):
        wait(device)
        started = time.perf_counter()
        target.copy_(source)
        wait(device)
        seconds.append(time.perf_counter() - started)
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    # A copy reads and writes.
    rate = 2 * size / min(seconds)
    return {
        "device": {"name": name, "torch": torch.__version__, "bytes_per_second": rate}
    }


def make_model(folder: Path, shape: dict[str, Any], device: str) -> dict[str, Any]:
    """Random weights around the demo's tokenizer, as a model's folder."""
    config = AutoConfig.from_pretrained(ROOT / "demo" / "base")
    for part, sizes in (("text", shape["text"]), ("vision", shape["vision"])):
        for key, value in sizes.items():
            setattr(getattr(config, f"{part}_config"), key, value)
    config.scale_factor = SCALE
    side = shape["vision"]["image_size"]
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    model.save_pretrained(folder)
    processor = AutoProcessor.from_pretrained(ROOT / "demo" / "base")
    processor.image_seq_len = (side // shape["vision"]["patch_size"] // SCALE) ** 2
    processor.image_processor.size = {"longest_edge": side}
    processor.image_processor.max_image_size = {"longest_edge": side}
    processor.save_pretrained(folder)
    num_weights = sum(weight.numel() for weight in model.parameters())
    return {
        "parameters": num_weights,
        "bytes": num_weights * dtype.itemsize,
        "dtype": str(dtype),
    }


def make_requests(folder: Path, shape: dict[str, Any]) -> list[Request]:
    """Samples of questions about pictures of noise; also a file of rows to train on."""
    side = shape["vision"]["image_size"]
    question = "Which response is better? " + "The red circle is left of a star. " * 8
    requests = []
    for number in range(shape["num_images"]):
        path = folder / f"{number}.png"
        Image.effect_noise((side, side), 90).convert("RGB").save(path)
        for sample in range(shape["num_samples"]):
            requests.append(
                Request(
                    id=f"{number}/{sample}",
                    messages=[user_turn(1, question)],
                    images=(str(path),),
                    sampling=Sampling(
                        max_tokens=shape["max_tokens"],
                        temperature=0.6,
                        top_k=50,
                        top_p=0.9,
                    ),
                    seed=len(requests),
                )
            )
    rows = [
        Accepted(
            images=(f"{number % shape['num_images']}.png",),
            messages=[user_turn(1, question), assistant_turn("Verdict: [[A]]")],
            prompt_id=f"{number:016x}",
            pair_id=f"{number:016x}",
            judgment_id=f"{number:016x}",
            order="chosen_first",
        )
        for number in range(shape["num_rows"])
    ]
    write_records(folder / "rows.jsonl", rows)
    return requests


def measure_engine(
    name: str,
    folder: Path,
    requests: list[Request],
    shape: dict[str, Any],
    device: str,
    found: dict[str, Any],
) -> dict[str, Any]:
    """What a stage with this engine does a second, once it is warm."""
    settings = EngineSettings(
        name=name,  # type: ignore[arg-type]
        device=device,
        batch_size=shape["batch_size"],
        vllm={"max_num_seqs": shape["batch_size"], "max_model_len": 4096},
    )
    engine: Any = open_engine(
        settings, str(folder / "model"), None, journal=folder / "journal"
    )
    engine.plan_batches(requests)
    engine.start()
    list(engine.generate(requests[: shape["batch_size"]]))  # warm
    computing = [0.0]
    if name == "transformers":
        engine.model.forward = timed(engine.model.forward, computing, device)
    usage = Usage()
    wait(device)
    started = time.perf_counter()
    journal = folder / f"journal_{name}"
    run_requests(engine, requests, journal=journal, stage="gpu", usage=usage)
    wait(device)
    seconds = time.perf_counter() - started
    # Every sequence reads all weights once a token; a batch shares the reading.
    num_steps = usage.num_output_tokens / min(shape["batch_size"], len(requests))
    least = num_steps * found["model"]["bytes"] / found["device"]["bytes_per_second"]
    figures = {
        "tokens_per_second": round(usage.num_output_tokens / seconds, 1),
        "images_per_second": round(len(requests) / seconds, 2),
        "roofline_rate": round(least / seconds, 3),
        "memory_gb": memory_gb(device),
    }
    if name == "transformers":
        figures["computing_rate"] = round(computing[0] / seconds, 3)
    del engine
    if device == "cuda":
        torch.cuda.empty_cache()
    return figures


def timed(forward: Any, total: list[float], device: str) -> Any:
    """A forward pass that adds its seconds to a total; the GPU is waited for."""

    @wraps(forward)  # generate looks at the names of its arguments
    def run(*args: Any, **options: Any) -> Any:
        wait(device)
        started = time.perf_counter()
        output = forward(*args, **options)
        wait(device)
        total[0] += time.perf_counter() - started
        return output

    return run


def wait(device: str) -> None:
    """Until the GPU has done what it was told."""
    if device == "cuda":
        torch.cuda.synchronize()


def memory_gb(device: str) -> float | None:
    """The most memory that torch held so far, in 1e9 bytes."""
    held = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    return round(held / 1e9, 1) if held else None


def measure_training(folder: Path, shape: dict[str, Any]) -> dict[str, Any]:
    """A LoRA training in a process of its own, told to stop once, and gone on with."""
    config = read_config(folder)
    settings = config["images"] | {
        key: value
        for key, value in config["train"].items()
        if key not in ("start_from", "gpus")
    }
    settings |= {"num_epochs": 2, "rows_per_step": 4, "logging_steps": 1}
    settings |= {"learning_rate": 1e-4, "warmup_ratio": 0.0}
    command = [sys.executable, str(ROOT / "scripts" / "train_judge.py")]
    command += ["--model", str(folder / "model"), "--image-root", str(folder)]
    command += ["--accepted", str(folder / "rows.jsonl"), "--seed", "0"]
    command += ["--settings", json.dumps(settings), "--work", str(folder / "work")]
    asking = asking_of("paired", read_samples(config["judgments"]))
    command += ["--template", str(ROOT / "scripts/templates/judge.txt")]
    command += ["--asking", msgspec.json.encode(asking).decode()]
    command += ["--output", str(folder / "judge"), "--version", f"{folder}/judge.json"]
    command += ["--ledger", str(folder / "ledgers" / "judge.jsonl")]
    stopped = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert stopped.stderr is not None
    said = []
    for line in stopped.stderr:
        said.append(line)
        if "step 2/" in line:
            stopped.send_signal(signal.SIGTERM)
    code = stopped.wait()
    if code != 128 + signal.SIGTERM:
        sys.exit(
            f"error: a training told to stop must leave (got {code})\n{''.join(said)}"
        )
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    told = read_json(folder / "judge" / "provenance.json")
    ledgers = read_ledgers(folder / "ledgers")["judge"]
    seconds = sum(one.seconds for one in ledgers)
    return {
        "stopped_and_resumed_from": told["resumed_from"],
        "rows": sum(one.num_requests for one in ledgers),
        "tokens": told["num_tokens"],
        "seconds_with_two_starts": round(seconds, 1),
        "merge_kept_rate": told["merge"]["kept_rate"],
    }


if __name__ == "__main__":
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    main()
