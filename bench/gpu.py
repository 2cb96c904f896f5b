"""Measure a GPU with a model of real shape, made on the spot: `make gpu-check`.

Nothing is downloaded: random weights of 2 billion parameters in bfloat16 around the
demo's tokenizer (its vocabulary widened to 128,256), or `--config FOLDER`: those of a
model of the Hub, of which only the small files need be there.  Measured are the engine
`transformers` and, where it is installed, `vllm`: tokens and images a second, memory,
the share of the time that the model computes, the share of the roofline (weights read
once a decoding step, at the bandwidth that a copy reaches here), how many texts are the
same when a batch is asked again, whole or in part, and whether a batch that memory does
not suffice for is answered; then a LoRA training, told to stop by SIGTERM in its middle
and resumed.  Prints a line for each figure, and writes OUT/{device}_{model}.json after
each part; a part that fails says so, and the others go on.  `--shape tiny --device cpu`
is the dry run.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from functools import partial, wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts")]

import msgspec
import torch
from msgspec.structs import replace
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
from selfjudge.run.config import read_config, training_settings

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
PARTS = ("transformers", "vllm", "training")
SHORT = Sampling(max_tokens=16, temperature=0.6, top_k=50, top_p=0.9)
GREEDY = Sampling(max_tokens=64, temperature=0.0)
SCALE = 2  # vision tokens merged on each side


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="large")
    parser.add_argument("--config", type=Path, help="a model's folder, weights or not")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
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
        if args.config:
            found["model"] = make_model_like(args.config, folder / "model", args.device)
        else:
            found["model"] = make_model(folder / "model", shape, args.device)
        requests = make_requests(folder, shape)
        parts = {
            name: partial(
                measure_engine, name, folder, requests, shape, args.device, found
            )
            for name in ("transformers", "vllm")
            if name == "transformers" or (find_spec("vllm") and args.device == "cuda")
        }
        parts["training"] = partial(measure_training, folder, shape, args.device)
        parts = {part: parts[part] for part in args.parts if part in parts}
        name = f"{found['device']['name']}_{(args.config or Path(args.shape)).name}"
        path = args.out / f"{name.replace(' ', '_').replace('/', '_')}.json"
        for part in ("device", "model"):
            show(part, found[part])
        for part, measure in parts.items():
            started = time.perf_counter()
            try:
                found[part] = measure()
            except Exception as error:
                traceback.print_exc()
                found[part] = {"failed": str(error).strip()[:500]}
            if args.device == "cuda":
                torch.cuda.empty_cache()
            found[part]["seconds_in_all"] = round(time.perf_counter() - started, 1)
            show(part, found[part])
            args.out.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found, indent=2) + "\n")
    print(path)
    if any("failed" in found[part] for part in parts):
        sys.exit(1)


def show(part: str, figures: dict[str, Any]) -> None:
    """A line for each figure of a part."""
    for key, value in figures.items():
        print(f"{part}: {key} {value}", flush=True)


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
    return describe_model(model)


def make_model_like(source: Path, folder: Path, device: str) -> dict[str, Any]:
    """Random weights of a model's shape beside its own small files."""
    config = AutoConfig.from_pretrained(source)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    model.save_pretrained(folder)
    for file in source.iterdir():
        if file.suffix not in (".safetensors", ".bin") and file.name != "config.json":
            shutil.copy(file, folder)
    return describe_model(model)


def describe_model(model: Any) -> dict[str, Any]:
    """Of a model: its weights, their bytes and type."""
    num_weights = sum(weight.numel() for weight in model.parameters())
    return {
        "family": model.config.model_type,
        "parameters": num_weights,
        "bytes": num_weights * model.dtype.itemsize,
        "dtype": str(model.dtype),
    }


def make_requests(folder: Path, shape: dict[str, Any]) -> list[Request]:
    """Samples of questions about pictures of noise; also a file of rows to train on."""
    side = shape["vision"]["image_size"]
    question = "Which response is better? " + "The red circle is left of a star. " * 8
    judgment = "The circle is left of the star. " * 16 + "Verdict: [[A]]"
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
            messages=[user_turn(1, question), assistant_turn(judgment)],
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
    batches = engine.plan_batches(requests)
    started = time.perf_counter()
    engine.start()
    load_seconds = time.perf_counter() - started
    # Warm: the first batch of a size takes seconds to find its memory on a GPU.
    list(engine.generate([replace(one, sampling=SHORT) for one in batches[0]]))
    computing = [0.0]
    if name == "transformers":
        forward = engine.model.forward
        engine.model.forward = timed(forward, computing, device)
    usage = Usage()
    wait(device)
    started = time.perf_counter()
    journal = folder / f"journal_{name}"
    told = run_requests(engine, requests, journal=journal, stage="gpu", usage=usage)
    first = {one.request_id: one.text for one in told}
    wait(device)
    seconds = time.perf_counter() - started
    # Every sequence reads all weights once a token; a batch shares the reading.
    num_steps = usage.num_output_tokens / min(shape["batch_size"], len(requests))
    least = num_steps * found["model"]["bytes"] / found["device"]["bytes_per_second"]
    figures = {
        "load_seconds": round(load_seconds, 1),
        "prompt_tokens_each": usage.num_prompt_tokens // len(requests),
        "tokens_per_second": round(usage.num_output_tokens / seconds, 1),
        "images_per_second": round(len(requests) / seconds, 2),
        "roofline_rate": round(least / seconds, 3),
        "memory_gb": memory_gb(device),
    }
    few = max(len(batches[0]) // 4, 1)
    if name == "transformers":
        figures["computing_rate"] = round(computing[0] / seconds, 3)
        engine.model.forward = forward
    figures["same_when_asked_again_rate"] = share_same(engine, batches[0], first)
    figures["same_in_smaller_batch_rate"] = share_same(engine, batches[0][:few], first)
    if name == "transformers" and device == "cuda":
        figures["answered_short_of_memory"] = answer_short_of_memory(
            engine, batches[0], figures["memory_gb"]
        )
    del engine
    return figures


def share_same(engine: Any, batch: list[Request], first: dict[str, str]) -> float:
    """Of the texts of a batch, how many are as they were the first time."""
    again = {one.request_id: one.text for one in engine.generate(batch)}
    return round(sum(first[key] == text for key, text in again.items()) / len(again), 3)


def answer_short_of_memory(engine: Any, batch: list[Request], peak_gb: float) -> str:
    """Answers of a batch where a third of what it takes beside the weights is there.

    But at least a gigabyte: what weights leave between them is lost to a batch.
    """
    torch.cuda.empty_cache()
    weights = torch.cuda.memory_allocated() / 1e9
    total = torch.cuda.get_device_properties(0).total_memory / 1e9
    torch.cuda.set_per_process_memory_fraction(
        (weights + max((peak_gb - weights) / 3, 1.0)) / total
    )
    short = [replace(one, sampling=SHORT) for one in batch]
    tries = []
    answer = engine._answer
    engine._answer = lambda rows: tries.append(len(rows)) or answer(rows)
    try:
        num_answers = len(list(engine.generate(short)))
    finally:
        engine._answer = answer
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    return f"{num_answers} of {len(batch)}, in batches tried of {tries}"


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


def measure_training(
    folder: Path, shape: dict[str, Any], device: str
) -> dict[str, Any]:
    """A LoRA training in a process of its own, told to stop once, and gone on with."""
    config = read_config(folder)
    settings = training_settings(config)
    settings |= {"num_epochs": 2, "rows_per_step": 4, "logging_steps": 1}
    settings |= {"learning_rate": 1e-4, "warmup_ratio": 0.0}
    command = [sys.executable, str(ROOT / "scripts" / "train_judge.py")]
    command += ["--model", str(folder / "model"), "--image-root", str(folder)]
    command += ["--accepted", str(folder / "rows.jsonl"), "--seed", "0"]
    command += ["--settings", json.dumps(settings), "--work", str(folder / "work")]
    asking = asking_of("paired", read_samples(config["judgments"]))
    command += [
        "--code",
        "bench",
        "--template",
        str(ROOT / "scripts/templates/judge.txt"),
    ]
    command += ["--asking", msgspec.json.encode(asking).decode()]
    command += ["--output", str(folder / "judge"), "--version", f"{folder}/judge.json"]
    command += ["--ledger", str(folder / "ledgers" / "judge.jsonl")]
    with MemoryWatch(device) as watch:
        stopped = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert stopped.stderr is not None
        said = []
        for line in stopped.stderr:
            said.append(line)
            if "step 2/" in line:
                stopped.send_signal(signal.SIGTERM)
        code = stopped.wait()
        if code != 128 + signal.SIGTERM:
            raise RuntimeError(
                f"a training told to stop must leave (got {code})\n{''.join(said)}"
            )
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"the resumed training failed\n{done.stderr}")
    told = read_json(folder / "judge" / "provenance.json")
    ledgers = read_ledgers(folder / "ledgers")["judge"]
    seconds = sum(one.seconds for one in ledgers)
    num_rows = sum(one.num_requests for one in ledgers)
    return {
        "stopped_and_resumed_from": told["resumed_from"],
        "rows": num_rows,
        "rows_per_second": round(num_rows / seconds, 2),
        "tokens": told["num_tokens"],
        "memory_gb": watch.peak_gb,
        "merge_kept_rate": told["merge"]["kept_rate"],
    }


class MemoryWatch:
    """While it is open, looks ten times a second how much of a GPU is taken.

    ``peak_gb``: the most, less what was taken before, in 1e9 bytes; None on a CPU.
    """

    def __init__(self, device: str) -> None:
        self.peak_gb: float | None = None
        self.device = device
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def look(self) -> None:
        """Until it is over, in a thread of its own."""
        free, _ = torch.cuda.mem_get_info()
        while not self.over.wait(0.1):
            taken = round((free - torch.cuda.mem_get_info()[0]) / 1e9, 1)
            self.peak_gb = max(self.peak_gb or 0.0, taken)

    def __enter__(self) -> "MemoryWatch":
        if self.device == "cuda":
            self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()


if __name__ == "__main__":
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    main()
