"""What is asked of vLLM 0.10.2, taken by that version's own code, without a GPU.

It needs a GPU to run, and is the only one that serves Mllama; but what it refuses, it
refuses in Python.  These tests run its `add_request` with our arguments, from the
files of its wheel, in the environment of requirements-vllm.txt.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from transformers import AutoProcessor

from selfjudge.engines.conversations import Conversations
from selfjudge.engines.sections import VLLMSettings, check_for_mllama
from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.engines.vllm_dialects import Dialect10, installed_version
from selfjudge.engines.vllm_engine import VLLMEngine
from selfjudge.ground.requests import Request, Sampling
from selfjudge.ground.templates import user_turn
from test_old_transformers import OLD_PYTHON, WRITE_BASE, run_old

ROOT = Path(__file__).parents[1]
OLD = Path(os.environ.get("SELFJUDGE_VLLM_0_10", ROOT / ".vllm-0.10.2"))
WIDTH = 12  # of the vocabulary
WRITABLE = [1, 4, 5, 9]

needs_its_files = pytest.mark.skipif(
    not (OLD / "vllm").is_dir() or not installed_version(),
    reason="needs the files of vLLM 0.10.2 (`make .vllm-0.10.2`, or their folder in "
    "SELFJUDGE_VLLM_0_10) and the environment of requirements-vllm.txt",
)

# Adds a request of each kind of arguments to an engine of which only the executor,
# the tokenizer and the scheduler are missing.
ADD = """
import json, sys
from itertools import count
from types import SimpleNamespace as Stub
import torch
from vllm.engine.arg_utils import EngineArgs
from vllm.engine.llm_engine import LLMEngine
from vllm.sampling_params import RequestOutputKind, SamplingParams

given = json.load(sys.stdin)
EngineArgs(**given["engine"])

class Tokenizer:
    max_token_id = given["width"] - 1
    def __len__(self):
        return given["width"]

class Tokenizers:
    def get_lora_tokenizer(self, lora_request):
        return Tokenizer()

class Scheduler(list):
    add_seq_group = list.append
    def get_num_unfinished_seq_groups(self):
        return len(self)

engine = object.__new__(LLMEngine)
engine.lora_config = None
engine.scheduler_config = Stub(policy="fcfs")
engine.model_config = Stub(
    max_model_len=64, is_multimodal_model=True, max_logprobs=20, is_encoder_decoder=True
)
engine.cache_config = Stub(block_size=16)
engine.vllm_config = Stub(speculative_config=None)
engine.seq_counter = count()
engine.generation_config_fields = {}
engine.tokenizer = Tokenizers()
engine.scheduler = [Scheduler()]
encoder = {"type": "token", "prompt_token_ids": [1] * 40}
decoder = {"type": "token", "prompt_token_ids": [1, 2, 3]}
engine.input_preprocessor = Stub(
    preprocess=lambda *a, **k: {"encoder": encoder, "decoder": decoder},
    get_eos_token_id=lambda lora_request: 0,
)
kind = {"output_kind": RequestOutputKind.FINAL_ONLY, "detokenize": False}
told = []
for arguments in given["arguments"]:
    if arguments.pop("brings a processor", False):
        arguments["logits_processors"] = [lambda ids, logits: logits]
    engine.scheduler[0].clear()
    try:
        engine.add_request("r", {}, SamplingParams(**arguments, **kind))
    except ValueError as error:
        told.append(str(error))
        continue
    [group] = engine.scheduler[0]
    logits = torch.zeros(given["width"])
    for process in group.sampling_params.logits_processors or []:
        logits = process([], logits)
    told.append([n for n, logit in enumerate(logits.tolist()) if logit == 0.0])
print(json.dumps(told))
"""


# Reads our prompt of the model in argv[1] about the image in argv[2] as the engine
# would before it is asked: what the decoder and the encoder are given.
READ = """
import json, sys
from types import SimpleNamespace as Stub
from PIL import Image
from vllm.config import ModelConfig
from vllm.inputs.preprocess import InputPreprocessor
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.transformers_utils.tokenizer import get_tokenizer

base, image, given = sys.argv[1], sys.argv[2], json.load(sys.stdin)
config = ModelConfig(
    model=base, tokenizer=base, dtype="float32", max_model_len=256, seed=0,
    limit_mm_per_prompt=given["limits"],
)
tokenizer = get_tokenizer(base)
group = Stub(tokenizer=tokenizer, get_lora_tokenizer=lambda request=None: tokenizer)
reader = InputPreprocessor(config, group, MULTIMODAL_REGISTRY)
prompt = given["prompt"]
prompt["multi_modal_data"] = {"image": [Image.open(image)]}
read = reader.preprocess(prompt)
told = [read[side]["prompt_token_ids"] for side in ("decoder", "encoder")]
print(json.dumps(told))
"""


def make_engine() -> Any:
    """Our engine, as it stands once 0.10.2 has started with a tiny vocabulary."""
    engine: Any = object.__new__(VLLMEngine)
    engine.settings = VLLMSettings(max_num_seqs=16, max_model_len=8192)
    engine.path, engine.adapter, engine.most_images = Path("model"), None, 1
    engine.dtype, engine.trust_remote_code = "bfloat16", False
    engine.dialect = Dialect10()
    engine.writable = WRITABLE
    engine.blocked = sorted(set(range(WIDTH)) - set(WRITABLE))
    words = {"A": 4, "B": 5}
    tokenizer = SimpleNamespace(
        convert_tokens_to_ids=lambda texts: [words[text] for text in texts],
        decode=lambda ids, **_: dict(zip(words.values(), words, strict=True))[ids[0]],
    )
    engine._conversations = Conversations(
        SimpleNamespace(tokenizer=tokenizer), SimpleNamespace(end_ids=[9])
    )
    engine._prompts = lambda requests, **k: ((one, {}) for one in requests)
    return engine


@needs_its_files
@pytest.mark.vllm
def test_its_add_request_takes_what_we_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of all kinds, and logprobs; only writable tokens are left to a text."""
    monkeypatch.setattr("selfjudge.engines.vllm_engine.is_cpu_build", lambda: False)
    engine = make_engine()
    requests = [
        Request(
            id=f"r{number}",
            messages=[user_turn(1, "?")],
            images=("a.png",),
            sampling=sampling,
            seed=2**63 - 1,
            choices=("A", "B")[: 2 * number],  # the second asks what its letters had
        )
        for number, sampling in enumerate(
            [
                Sampling(max_tokens=8, temperature=0.0),
                Sampling(max_tokens=8, temperature=0.6, top_k=50, top_p=0.9),
            ]
        )
    ]
    arguments = [question.arguments for question in engine._ask_for_texts(requests)]
    ids = {request.id: [4, 5] for request in requests}
    [likeliest, _] = engine._ask_for_next(requests, ids)
    arguments += [
        likeliest.arguments,
        # Controls: what the engine asked until now, and what no engine may ask.
        {"max_tokens": 8, "brings a processor": True},
        {"max_tokens": 8, "allowed_token_ids": [WIDTH]},
    ]
    given = {
        "engine": engine._engine_arguments(),
        "arguments": arguments,
        "width": WIDTH,
    }
    done = subprocess.run(
        [sys.executable, "-c", ADD],
        input=json.dumps(given),
        env=os.environ | {"PYTHONPATH": str(OLD), "VLLM_LOGGING_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    greedy, sampled, scored, processor, foreign = json.loads(
        done.stdout.splitlines()[-1]
    )
    assert greedy == sampled == WRITABLE
    assert scored == list(range(WIDTH))
    assert "Logits processors are not supported" in processor
    assert "out-of-vocab" in foreign


@needs_its_files
@pytest.mark.vllm
@pytest.mark.skipif(
    not OLD_PYTHON.is_file(), reason="needs transformers 4.56: make .venv-transformers4"
)
def test_its_reader_takes_our_prompts_of_mllama(
    tiny_mllama: Path, tmp_path: Path
) -> None:
    """The decoder is given our token ids as they are, the encoder one for each tile."""
    base, image = tmp_path / "base", tmp_path / "0.png"
    run_old(WRITE_BASE, tiny_mllama, base)
    Image.new("RGB", (100, 40), (200, 30, 40)).save(image)
    processor = AutoProcessor.from_pretrained(tiny_mllama)
    special = read_special_tokens(processor, None, base)
    engine = make_engine()
    del engine._prompts
    engine.longest, engine.llm = 256, None
    engine._conversations = Conversations(processor, special)
    request = Request(
        id="r",
        messages=[user_turn(1, "Which is better?")],
        images=(str(image),),
        sampling=Sampling(max_tokens=8, temperature=0.0),
        seed=0,
    )
    [(_, prompt)] = engine._prompts([request], add_generation_prompt=True)
    del prompt["multi_modal_data"]  # opened anew over there
    # It reads files of weights that nobody has here by a library that it misses.
    (tmp_path / "gguf.py").touch()
    old = OLD_PYTHON.parents[1].glob("lib/python3*/site-packages")
    paths = [OLD, tmp_path, *old]
    done = subprocess.run(
        [sys.executable, "-c", READ, str(base), str(image)],
        input=json.dumps({"prompt": prompt, "limits": engine.dialect.limits(1)}),
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    decoder, encoder = json.loads(done.stdout.splitlines()[-1])
    assert decoder == prompt["prompt_token_ids"]
    # Two tiles of 56 pixels, in patches of 14, each with a token of its own.
    assert len(encoder) == 2 * (4 * 4 + 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"max_num_seqs' must be at most 32 .*got 256.*llama_3_2_11b_vllm"),
        ({"max_num_seqs": 33}, "got 33"),
        ({"max_num_seqs": 32, "max_model_len": 4096}, r"at least 8192.*got 4096.*6404"),
        ({"max_num_seqs": 32, "batch_invariant": True}, "must be false for Mllama"),
    ],
)
def test_settings_under_which_it_would_fail_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    """With what to set."""
    with pytest.raises(ValueError, match=message):
        check_for_mllama(VLLMSettings(**settings))


def test_settings_that_fit_are_taken() -> None:
    """At the bounds, or with the model's own length."""
    check_for_mllama(VLLMSettings(max_num_seqs=32, max_model_len=8192))
    check_for_mllama(VLLMSettings(max_num_seqs=16))
