"""A judge trained by transformers 5, opened by the transformers that serves Mllama.

vLLM 0.10.2, the last with Mllama, runs with transformers 4.56.  The base model of
these tests is written by that version, as the one on the Hub was.
"""

import os
import subprocess
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from selfjudge.ground.lines import write_records
from selfjudge.run.families import is_of_transformers_5
from test_training import make_row, train

ROOT = Path(__file__).parents[1]
OLD_PYTHON = Path(
    os.environ.get(
        "SELFJUDGE_TRANSFORMERS4", ROOT / ".venv-transformers4" / "bin" / "python"
    )
)
pytestmark = pytest.mark.skipif(
    not OLD_PYTHON.is_file(),
    reason="no transformers 4.56: `make .venv-transformers4`, or name its Python in "
    "SELFJUDGE_TRANSFORMERS4",
)
QUESTION = "<|image|>Which is better?"

# Writes the folder argv[2] anew as a base of its time: the weights and tokens of
# argv[1], everything else by this version's own classes.
WRITE_BASE = """
import json, shutil, sys
from pathlib import Path
from transformers import (
    GenerationConfig, MllamaConfig, MllamaImageProcessor, MllamaProcessor,
    PreTrainedTokenizerFast,
)
source, target = map(Path, sys.argv[1:])
before = json.loads((source / "config.json").read_text())
text = before["text_config"]
text["rope_theta"] = text.pop("rope_parameters")["rope_theta"]
text["rope_scaling"] = {
    "rope_type": "llama3", "factor": 8.0, "high_freq_factor": 4.0,
    "low_freq_factor": 1.0, "original_max_position_embeddings": 1024,
}
MllamaConfig(
    vision_config=before["vision_config"], text_config=text,
    image_token_index=before["image_token_index"],
    architectures=["MllamaForConditionalGeneration"],
).save_pretrained(target)
shutil.copy(source / "model.safetensors", target)
ids = {name: text[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
GenerationConfig(**ids).save_pretrained(target)
tokenizer = PreTrainedTokenizerFast(
    tokenizer_file=str(source / "tokenizer.json"), bos_token="<s>",
    eos_token="<|im_end|>", pad_token="<pad>", padding_side="left",
    additional_special_tokens=["<|image|>"],
)
images = MllamaImageProcessor(size={"height": 56, "width": 56}, max_image_tiles=4)
template = (source / "chat_template.jinja").read_text()
MllamaProcessor(images, tokenizer, chat_template=template).save_pretrained(target)
"""

# Asks the model in argv[1] about the image in argv[2]; what went in and came out.
ASK = """
import sys
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoModelForImageTextToText, AutoProcessor
assert transformers.__version__.startswith("4.56.")
processor = AutoProcessor.from_pretrained(sys.argv[1])
model = AutoModelForImageTextToText.from_pretrained(sys.argv[1]).eval()
batch = processor(images=Image.open(sys.argv[2]), text=sys.argv[3], return_tensors="pt")
with torch.no_grad():
    logits = model(**batch).logits
seen = {"input_ids": batch["input_ids"], "logits": logits}
save_file({name: value.contiguous() for name, value in seen.items()}, sys.argv[4])
"""


def run_old(code: str, *arguments: str | Path) -> None:
    """Run code with the old transformers; fails with what it said."""
    done = subprocess.run(
        [str(OLD_PYTHON), "-c", code, *map(str, arguments)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("method", ["lora", "full"])
def test_old_transformers_opens_a_judge_and_sees_the_same(
    tiny_mllama: Path, tmp_path: Path, method: str
) -> None:
    """Config, tokenizer and weights are read alike: equal ids and logits."""
    base, image = tmp_path / "base", tmp_path / "0.png"
    run_old(WRITE_BASE, tiny_mllama, base)
    assert not is_of_transformers_5(base)
    Image.new("RGB", (100, 40), (200, 30, 40)).save(image)
    write_records(tmp_path / "accepted.jsonl", [make_row(0)] * 4)
    judge = train(
        base, tmp_path / "accepted.jsonl", tmp_path, method=method, num_epochs=2
    )
    run_old(ASK, judge, image, QUESTION, tmp_path / "old.safetensors")
    old = load_file(tmp_path / "old.safetensors")
    processor = AutoProcessor.from_pretrained(judge)
    batch = processor(images=Image.open(image), text=QUESTION, return_tensors="pt")
    assert torch.equal(batch["input_ids"], old["input_ids"])
    with torch.no_grad():
        new = AutoModelForImageTextToText.from_pretrained(judge).eval()(**batch).logits
        before = AutoModelForImageTextToText.from_pretrained(base).eval()(**batch)
    assert (new - old["logits"]).abs().max() < 1e-5
    assert (before.logits - old["logits"]).abs().max() > 1e-2


def test_old_transformers_cannot_open_what_transformers_5_writes(
    tiny_mllama: Path, tmp_path: Path
) -> None:
    """Why such a base is refused for vLLM 0.10.2: its own fixture is one."""
    assert is_of_transformers_5(tiny_mllama)
    Image.new("RGB", (56, 56)).save(tmp_path / "0.png")
    with pytest.raises(AssertionError, match="TokenizersBackend"):
        run_old(ASK, tiny_mllama, tmp_path / "0.png", QUESTION, tmp_path / "x")
