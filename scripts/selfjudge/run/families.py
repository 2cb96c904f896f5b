"""Which model families there are, and what runs each of them.

Sources: the registries of vLLM 0.32.0 and 0.10.2 (which architectures they serve,
and since when not) and the classes they name (which take LoRA adapters); the
classes of `AutoModelForImageTextToText` in transformers 5.19.  A family that is not
here may well run: the engine `transformers` takes whatever that class loads.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from selfjudge.ground.lines import read_json

Environment = Literal["decide", "train", "generate", "generate_mllama"]
# The version of vLLM in envs/NAME.yaml.
VLLM_VERSIONS: dict[Environment, str] = {
    "generate": "0.32.0",
    "generate_mllama": "0.10.2",
}
LAST_WITH_MLLAMA = (0, 10, 2)
VLLM_FOLDER = re.compile(r"vllm(_cpu)?-(?P<version>\d+(\.\d+)*)[^-]*\.dist-info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models of one architecture.

    ``model_type`` and ``architecture`` are as in a model's config.json;
    ``environment`` is where vLLM serves it, None where none of ours does;
    ``serves_adapters`` tells whether vLLM lays LoRA adapters over it there;
    ``needs_torchvision`` whether its processor, which takes videos too, opens
    nowhere without it; ``hub_ids`` are known models of it.
    """

    model_type: str
    architecture: str
    environment: Environment | None = "generate"
    serves_adapters: bool = True
    needs_torchvision: bool = False
    hub_ids: tuple[str, ...] = ()


FAMILIES = {
    family.model_type: family
    for family in (
        Family(
            model_type="mllama",
            architecture="MllamaForConditionalGeneration",
            environment="generate_mllama",
            serves_adapters=False,
            hub_ids=(
                "meta-llama/Llama-3.2-11B-Vision",
                "meta-llama/Llama-3.2-11B-Vision-Instruct",
                "meta-llama/Llama-3.2-90B-Vision",
                "meta-llama/Llama-3.2-90B-Vision-Instruct",
            ),
        ),
        Family(
            model_type="qwen3_vl",
            architecture="Qwen3VLForConditionalGeneration",
            needs_torchvision=True,
            hub_ids=(
                "Qwen/Qwen3-VL-2B-Instruct",
                "Qwen/Qwen3-VL-4B-Instruct",
                "Qwen/Qwen3-VL-8B-Instruct",
                "Qwen/Qwen3-VL-32B-Instruct",
            ),
        ),
        Family(
            model_type="qwen2_5_vl",
            architecture="Qwen2_5_VLForConditionalGeneration",
            needs_torchvision=True,
            hub_ids=(
                "Qwen/Qwen2.5-VL-3B-Instruct",
                "Qwen/Qwen2.5-VL-7B-Instruct",
                "Qwen/Qwen2.5-VL-32B-Instruct",
                "Qwen/Qwen2.5-VL-72B-Instruct",
            ),
        ),
        Family(
            model_type="qwen2_vl",
            architecture="Qwen2VLForConditionalGeneration",
            needs_torchvision=True,
            hub_ids=("Qwen/Qwen2-VL-2B-Instruct", "Qwen/Qwen2-VL-7B-Instruct"),
        ),
        Family(
            model_type="qwen3_5",
            architecture="Qwen3_5ForConditionalGeneration",
            # vLLM's class takes adapters, and is reported to pass over them: merged
            # judges are served until somebody has seen one answer otherwise.
            serves_adapters=False,
            needs_torchvision=True,
        ),
        Family(
            model_type="qwen3_vl_moe",
            architecture="Qwen3VLMoeForConditionalGeneration",
            needs_torchvision=True,
            hub_ids=("Qwen/Qwen3-VL-30B-A3B-Instruct",),
        ),
        Family(
            model_type="gemma3",
            architecture="Gemma3ForConditionalGeneration",
            hub_ids=("google/gemma-3-4b-it", "google/gemma-3-12b-it"),
        ),
        Family(
            model_type="gemma4",
            architecture="Gemma4ForConditionalGeneration",
            needs_torchvision=True,
        ),
        Family(
            model_type="gemma4_unified",
            architecture="Gemma4UnifiedForConditionalGeneration",
            serves_adapters=False,
            needs_torchvision=True,
        ),
        Family(
            # Its code for transformers comes with its weights: trust_remote_code.
            model_type="molmo2",
            architecture="Molmo2ForConditionalGeneration",
        ),
        Family(
            model_type="internvl",
            architecture="InternVLForConditionalGeneration",
            needs_torchvision=True,
            hub_ids=("OpenGVLab/InternVL3-8B-hf",),
        ),
        Family(
            model_type="idefics3",
            architecture="Idefics3ForConditionalGeneration",
            hub_ids=("HuggingFaceM4/Idefics3-8B-Llama3",),
        ),
        Family(
            model_type="smolvlm",
            architecture="SmolVLMForConditionalGeneration",
            needs_torchvision=True,
            hub_ids=("HuggingFaceTB/SmolVLM2-2.2B-Instruct",),
        ),
        Family(
            model_type="mistral3",
            architecture="Mistral3ForConditionalGeneration",
        ),
        Family(
            model_type="glm4v",
            architecture="Glm4vForConditionalGeneration",
            needs_torchvision=True,
        ),
        Family(
            model_type="llava",
            architecture="LlavaForConditionalGeneration",
            hub_ids=("llava-hf/llava-1.5-7b-hf",),
        ),
        Family(
            model_type="llava_next",
            architecture="LlavaNextForConditionalGeneration",
            hub_ids=("llava-hf/llava-v1.6-mistral-7b-hf",),
        ),
        Family(
            model_type="llava_onevision",
            architecture="LlavaOnevisionForConditionalGeneration",
            needs_torchvision=True,
            serves_adapters=False,
            hub_ids=("llava-hf/llava-onevision-qwen2-7b-ov-hf",),
        ),
        Family(
            model_type="idefics2",
            architecture="Idefics2ForConditionalGeneration",
            environment=None,
            serves_adapters=False,
            hub_ids=("HuggingFaceM4/idefics2-8b",),
        ),
    )
}
HUB_IDS = {
    hub_id.lower(): family.model_type
    for family in FAMILIES.values()
    for hub_id in family.hub_ids
}


def find_model_type(model: str, named: str | None) -> str | None:
    """The `model_type` of a folder or Hub id; None if nothing here tells it.

    A folder's own config.json decides, else ``named`` (config's `base_family`),
    else the table: the Hub is not asked.  Raises ValueError if a folder is of
    another family than the one named.
    """
    config = read_config(Path(model), "config.json")
    if not config:
        return named or HUB_IDS.get(model.lower())
    found = config.get("model_type")
    if named and named != found:
        raise ValueError(
            f"'base_family' must be the model_type in {model}/config.json, "
            f"{found!r}, or null (got {named!r})."
        )
    return found


def engine_runs_model(engine: str) -> bool:
    """Whether a job with this engine opens the weights itself.

    The others ask a server or a journal.
    """
    return engine in ("transformers", "vllm")


def find_environment(engine: str, model_type: str | None) -> Environment:
    """The environment, envs/NAME.yaml, of stages that ask a model.

    Raises ValueError where the engine cannot serve the family, with what can.
    """
    if engine in ("transformers", "openai"):  # the latter reads a judge's tokenizer
        return "train"
    if engine != "vllm":
        return "decide"
    if model_type is None:
        raise ValueError(
            "'base_family' must be given with 'engine.name: vllm' for a Hub model "
            "that is not known here (got null): it decides the version of vLLM. "
            "Hint: it is 'model_type' in the model's config.json."
        )
    family = FAMILIES.get(model_type)
    if family is None or family.environment is None:
        served = sorted(name for name, f in FAMILIES.items() if f.environment)
        raise ValueError(
            f"'engine.name' must not be vllm for the model family {model_type!r} (got "
            f"vllm): no environment here serves it; served are {', '.join(served)}. "
            "Hint: set 'engine.name: transformers', which is slower, or start a server "
            "that serves it and set 'engine.name: openai'."
        )
    return family.environment


def check_reinforcing(
    model_type: str | None,
    filters: Collection[str],
    *,
    by_vllm: bool = False,
    version: str | None = None,
) -> None:
    """Raise ValueError for a family that cannot be trained by reward, if one is asked.

    TRL's update hands on no cross-attention mask.  ``by_vllm``: whether vLLM is to
    write the rollouts: nobody has tried to hand it the weights of experts.
    ``version`` is of the vLLM beside TRL, "" if there is none, None where that cannot
    be told.
    """
    if "reinforced" not in filters:
        return
    if model_type == "mllama":
        raise ValueError(
            "'filters' must not hold 'reinforced' for the family mllama: TRL, when it "
            "trains by reward, hands on no cross-attention mask. Hint: take a "
            "base model of another family, such as qwen3_vl."
        )
    if by_vllm and model_type is None:
        raise ValueError(
            "'base_family' must name the family of the base model where "
            "'reinforce.vllm_gpu_memory_utilization' is a number (got null, and a "
            "model that is not known here). Hint: it is 'model_type' in the model's "
            "config.json."
        )
    family = FAMILIES.get(str(model_type))
    served = family and family.environment == "generate"
    if by_vllm and (not served or str(model_type).endswith("_moe")):
        raise ValueError(
            "'reinforce.vllm_gpu_memory_utilization' must be null for the model family "
            f"{model_type!r} (got a number): its weights cannot be handed to vLLM "
            "here. Hint: transformers then writes the rollouts."
        )
    wanted = VLLM_VERSIONS["generate"]
    if by_vllm and version is not None and numbers_of(version) < numbers_of(wanted):
        raise ValueError(
            "'interpreters.train' must be a Python with TRL and vLLM "
            f"{wanted} or later where 'reinforce.vllm_gpu_memory_utilization' is a "
            f"number (got {f'vLLM {version}' if version else 'one without vLLM'}). "
            "Hint: envs/reinforce.yaml holds both, and conda takes it by itself."
        )


def check_serving(
    model: str, model_type: str, *, serves_adapters: bool, version: str | None
) -> None:
    """Raise ValueError, with what to do, if vLLM would fail on a family that it serves.

    ``serves_adapters``: whether adapters are to be served without merging them;
    ``version`` is of the vLLM that would run, None where that cannot be told.
    """
    family = FAMILIES[model_type]
    assert family.environment is not None
    wanted = VLLM_VERSIONS[family.environment]
    if version and is_old(version) != is_old(wanted):
        raise ValueError(
            f"'interpreters.generate' must have vLLM {wanted} for the model family "
            f"{model_type!r} (got {version}): Mllama is served up to 0.10.2 and not "
            "since, the other families are run with today's. Hint: install what "
            f"envs/{family.environment}.yaml pins, in an environment of its own, and "
            "name its Python."
        )
    if serves_adapters and not family.serves_adapters:
        raise ValueError(
            f"'engine.vllm.lora' must be false for the model family {model_type!r} "
            "(got true): vLLM lays no adapters over it. Hint: with false the merged "
            "judge is served, which answers alike."
        )
    if model_type == "mllama" and is_of_transformers_5(Path(model)):
        raise ValueError(
            f"'base_model' must be as its authors published it for vLLM {wanted} (got "
            f"{model}, with a config or tokenizer that transformers 5 wrote; that vLLM "
            "runs with transformers 4, which misreads them). Hint: copy all files but "
            "the weights into it from the original model, or set 'engine.name: "
            "transformers'."
        )


def check_processor(model_type: str | None, pythons: Mapping[str, Path]) -> None:
    """Raise ValueError if an interpreter cannot open a family's processor.

    ``pythons`` are those that will, by their key of the section `interpreters`.
    One whose packages cannot be seen from outside, such as a script that enters a
    container, passes.
    """
    family = FAMILIES.get(model_type or "")
    if family is None or not family.needs_torchvision:
        return
    for kind, python in pythons.items():
        names = packages_of(python)
        if "torch" in names and "torchvision" not in names:
            raise ValueError(
                f"'interpreters.{kind}' must have torchvision for the model family "
                f"{model_type!r}, whose processor takes videos too (got {python} "
                "without it). Hint: install torchvision==0.28.0 there, of the same "
                "kind as its torch: PyPI's for PyPI's, "
                "https://download.pytorch.org/whl/cpu for a CPU."
            )


def packages_of(python: Path) -> set[str]:
    """What lies in an interpreter's site-packages; nothing where they are not seen."""
    folders = python.parent.parent.glob("lib/python3*/site-packages")
    return {path.name for folder in folders for path in folder.iterdir()}


def vllm_beside_torch(python: Path) -> str | None:
    """The version of vLLM where an interpreter has torch, "" if it has none.

    None where its packages cannot be seen from outside.
    """
    if "torch" not in packages_of(python):
        return None
    return installed_vllm(python) or ""


def is_old(version: str) -> bool:
    """Whether a version of vLLM is of the kind that serves Mllama, and little else."""
    return numbers_of(version) <= LAST_WITH_MLLAMA


def numbers_of(version: str) -> tuple[int, ...]:
    """The first three numbers of a version; of none nothing, which is below all."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def is_of_transformers_5(model: Path) -> bool:
    """Whether transformers 4 would stumble over a folder: tokenizer class, RoPE."""
    text = read_config(model, "config.json").get("text_config", {})
    tokenizer = read_config(model, "tokenizer_config.json").get("tokenizer_class")
    return tokenizer == "TokenizersBackend" or (
        "rope_parameters" in text and "rope_theta" not in text
    )


def read_config(model: Path, name: str) -> dict[str, Any]:
    """A JSON file of a model's folder; empty if there is no such file."""
    return dict(read_json(model / name)) if (model / name).is_file() else {}


def installed_vllm(python: Path) -> str | None:
    """The version of vLLM that an interpreter would import; None if none is seen.

    Looks into the environment that the interpreter lies in, and starts nothing.
    """
    for folder in python.parent.parent.glob("lib/python3*/site-packages/vllm*"):
        if match := VLLM_FOLDER.fullmatch(folder.name):
            return match["version"]
    return None
