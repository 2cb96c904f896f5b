"""A judge's directory: merged weights, and everything else as the base has it.

A directory that transformers 5 saves cannot be opened by transformers 4, nor by
the vLLM that serves Mllama: tokenizer class and RoPE keys have other names.  Its
weights are fine.  So only weights are written, and all other files are copied
byte for byte from the model that training started from.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors import safe_open
from transformers import AutoModelForImageTextToText

from selfjudge.ground.lines import read_json, write_json
from selfjudge.training.merging import Merge
from selfjudge.training.models import keep_special_ids

INDEX = "model.safetensors.index.json"
WEIGHT_SUFFIXES = (
    *(".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json"),
    *(".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx"),
)
# These speak of the base model alone, which may be a certified judge.
NOT_COPIED = ("README.md", "provenance.json", "certificate.json")
TIED = ("lm_head.weight", "embed_tokens.weight")


def save_adapter(
    model: Any,
    state: dict[str, torch.Tensor],
    base_name: str,
    revision: str | None,
    output: Path,
) -> None:
    """Write a LoRA adapter that names its base model as the user did."""
    config = model.peft_config["default"]
    config.base_model_name_or_path, config.revision = base_name, revision
    model.save_pretrained(output, state_dict=state, save_embedding_layers=False)
    (output / "README.md").unlink(missing_ok=True)  # a form that nobody filled in


def save_merged_weights(
    base: Path, adapter: Path, output: Path, trusted: bool, merge: Merge
) -> None:
    """Write the base's weights with an adapter added, in the base's number format.

    The base is read afresh: training may have held it in another format.  Raises
    ValueError where little or nothing of the adapter is left.
    """
    model = load_base(base, trusted)
    adapted = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        for name, layer in adapted.named_modules():
            if isinstance(layer, LoraLayer):
                change = layer.get_delta_weight("default")
                weight = layer.get_base_layer().weight
                weight.data = merge.add(name, weight.data, change)
    merge.check()
    merged = adapted.unload()
    save_weights(merged, merged.state_dict(), base, output)


def save_trained_weights(
    model: Any,
    state: dict[str, torch.Tensor],
    base: Path,
    output: Path,
    trusted: bool,
    merge: Merge,
) -> None:
    """Write the weights of a full training in the base's number format.

    Raises ValueError where little or nothing of the training is left.
    """
    before = load_base(base, trusted).state_dict()
    rounded: dict[tuple[int, torch.Size], torch.Tensor] = {}
    for name, tensor in state.items():
        place = tensor.data_ptr(), tensor.shape
        if place not in rounded and tensor.is_floating_point():
            old, new = before.pop(name), tensor.to("cpu", torch.float32)
            rounded[place] = merge.add(name, old, new - old.float())
        elif place not in rounded:
            rounded[place] = tensor.cpu()
    merge.check()
    state = {name: rounded[t.data_ptr(), t.shape] for name, t in state.items()}
    save_weights(model, state, base, output)


def load_base(base: Path, trusted: bool) -> Any:
    """The model of a directory in its own number format."""
    return AutoModelForImageTextToText.from_pretrained(
        base, dtype=weights_dtype(base), trust_remote_code=trusted
    )


def save_weights(
    model: Any, state: dict[str, torch.Tensor], base: Path, output: Path
) -> None:
    """Write weights under the base's names; tied ones once."""
    keep_special_ids(model)
    model.save_pretrained(output, state_dict=state, max_shard_size="5GB")
    for path in output.iterdir():
        if path.is_file() and not path.name.endswith(WEIGHT_SUFFIXES):
            path.unlink()  # ours: the base's own are copied
    check_same_names(base, output)


def copy_other_files(base: Path, output: Path) -> None:
    """Copy all files of a model that are not weights, unchanged."""
    for path in sorted(base.iterdir()):
        is_hidden = path.name.startswith(".")
        is_weights = path.name.endswith(WEIGHT_SUFFIXES)
        if path.is_file() and not (is_hidden or is_weights or path.name in NOT_COPIED):
            shutil.copyfile(path, output / path.name)


def finish_judge(partial: Path, output: Path, provenance: dict[str, Any]) -> None:
    """Give a directory its provenance and its name, in place of an older one."""
    write_json(partial / "provenance.json", provenance)
    for path in partial.rglob("*.safetensors"):
        # Written private (0600), whatever the umask; a judge is shared.
        shutil.copymode(partial / "provenance.json", path)
    if output.exists():
        shutil.rmtree(output)
    partial.replace(output)


def check_same_names(base: Path, output: Path) -> None:
    """Raise ValueError unless both directories hold the same weights by name and shape.

    vLLM passes over a name that it does not know, and would serve the base.  Of
    two tied weights either directory may leave out one.
    """
    before, after = weight_shapes(base), weight_shapes(output)
    config = read_json(base / "config.json")
    sections = (config, config.get("text_config") or {})
    tied = any(section.get("tie_word_embeddings") for section in sections)
    wrong = [
        name
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
        and not (tied and name.endswith(TIED) and (name in before) != (name in after))
    ]
    if wrong:
        name = wrong[0]
        raise ValueError(
            f"{output}: weights must have the names and shapes of {base} "
            f"({len(wrong)} differ; got '{name}' of shape {after.get(name)} instead "
            f"of {before.get(name)}). Hint: this version of transformers renames the "
            "weights of this family; the checkpoints in the work folder are kept."
        )


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files that make up a model, in order."""
    if (directory / INDEX).is_file():
        names = set(read_json(directory / INDEX)["weight_map"].values())
        return [directory / name for name in sorted(names)]
    if (directory / "model.safetensors").is_file():
        return [directory / "model.safetensors"]
    return sorted(directory.glob("*.safetensors"))


def weight_headers(directory: Path) -> Iterator[tuple[str, list[int], str]]:
    """Name, shape and number format ("F32", ...) of each weight, from the headers."""
    for path in weight_files(directory):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (not a mapping)
                header = file.get_slice(name)
                yield name, header.get_shape(), header.get_dtype()


def weight_shapes(directory: Path) -> dict[str, list[int]]:
    """The shape of each weight by name."""
    return {name: shape for name, shape, _ in weight_headers(directory)}


def weights_dtype(directory: Path) -> torch.dtype:
    """The number format of a model's weights: that of the first float weight."""
    dtypes = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
    for _, _, dtype in weight_headers(directory):
        if dtype in dtypes:
            return dtypes[dtype]
    raise ValueError(f"{directory}: must hold weights in float32, bfloat16 or float16")
