"""Models of random weights with everything real that decides tokens and pixels.

Llama-3.2-Vision with Llama's tokenizer of 128,256 entries, Qwen3-VL with Qwen's of
151,669, both with the published vision geometry, processor settings, template and
files in the layout of the Hub; and two photographs.  All from `requirements-real.txt`,
in a folder that only these tests see: torchvision from PyPI is built for CUDA, and
breaks a CPU torch for whoever finds it (`real/sitecustomize.py` is the way around).
"""

import base64
import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)


def find_folder(package: str) -> Path | None:
    """The folder of an installed package, not imported; None without it."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


LLAMA_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_SPLIT = LLAMA_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")
LLAMA_SPECIALS = [
    *("<|begin_of_text|>", "<|end_of_text|>"),
    *("<|reserved_special_token_0|>", "<|reserved_special_token_1|>"),
    *("<|finetune_right_pad_id|>", "<|reserved_special_token_2|>"),
    *("<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>"),
    "<|python_tag|>",
    *[f"<|reserved_special_token_{number}|>" for number in range(3, 248)],
    "<|image|>",  # 128256: the size of the vocabulary, outside of the output layer
]
QWEN_SPECIALS = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"),
    *("<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
]
QWEN_PLAIN = [  # added tokens that are not special
    *("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>"),
    *("<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
    *("<tool_response>", "</tool_response>", "<think>", "</think>"),
]
# What decides of Llama-3.2-Vision's template: texts as they are, no trimming of the
# assistant's, today's date where a conversation has no image.
LLAMA_TEMPLATE = """\
{{- bos_token }}
{%- set seen = namespace(image=false) %}
{%- for message in messages %}{% for part in message['content'] %}
{%- if part['type'] == 'image' %}{% set seen.image = true %}{% endif %}
{%- endfor %}{% endfor %}
{%- if not seen.image %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\n' }}
{{- 'Cutting Knowledge Date: December 2023\\nToday Date: 26 Jul 2024\\n\\n<|eot_id|>' }}
{%- endif %}
{%- for message in messages %}
{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
{%- for part in message['content'] %}
{%- if part['type'] == 'image' %}{{- '<|image|>' }}
{%- else %}{{- part['text'] }}{%- endif %}
{%- endfor %}
{{- '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""


def read_ranks(path: Path) -> dict[bytes, int]:
    """A tiktoken file: the bytes of each token, and its rank."""
    lines = [line.split() for line in path.read_bytes().splitlines() if line]
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def byte_letters() -> dict[int, str]:
    """GPT-2's printable letter for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in plain}
    others = (byte for byte in range(256) if byte not in letters)
    return letters | {byte: chr(256 + number) for number, byte in enumerate(others)}


def to_bpe(ranks: dict[bytes, int]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges in byte letters, recovered from the ranks.

    A token is merged in every way of two tokens that are themselves ranked.
    """
    letters = byte_letters()
    spelt = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = []
    for token, rank in ranks.items():
        cuts = [(token[:at], token[at:]) for at in range(1, len(token))]
        found = [(one, two) for one, two in cuts if one in ranks and two in ranks]
        found.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
        merges += [(rank, spelt[one], spelt[two]) for one, two in found]
    merges.sort(key=lambda merge: merge[0])
    vocabulary = {spelt[token]: rank for token, rank in ranks.items()}
    return vocabulary, [(one, two) for _, one, two in merges]


def build_tokenizer(ranks: dict[bytes, int], *, llama: bool) -> Tokenizer:
    """A byte-level BPE over tiktoken ranks, its special tokens behind them."""
    vocabulary, merges = to_bpe(ranks)
    one = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=llama))
    split = Regex(LLAMA_SPLIT if llama else QWEN_SPLIT)
    one.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(split, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    one.decoder = decoders.ByteLevel()
    level = processors.ByteLevel(trim_offsets=True)
    if llama:
        one.add_special_tokens([AddedToken(t, special=True) for t in LLAMA_SPECIALS])
        template = processors.TemplateProcessing(
            single="<|begin_of_text|> $A",
            special_tokens=[("<|begin_of_text|>", 128000)],
        )
        one.post_processor = processors.Sequence([level, template])
    else:
        one.normalizer = normalizers.NFC()
        one.add_special_tokens([AddedToken(t, special=True) for t in QWEN_SPECIALS])
        one.add_tokens([AddedToken(t, normalized=False) for t in QWEN_PLAIN])
        one.post_processor = level
    return one


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False))


def save_tokenizer(folder: Path, one: Tokenizer, **settings: object) -> None:
    """tokenizer.json and tokenizer_config.json as transformers 4 wrote them."""
    one.save(str(folder / "tokenizer.json"))
    off = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    added = {
        str(number): {"content": token.content, **off, "special": token.special}
        for number, token in sorted(one.get_added_tokens_decoder().items())
    }
    write(folder, "tokenizer_config.json", {"added_tokens_decoder": added, **settings})


def save_weights(folder: Path, model: Any, config: dict[str, Any]) -> None:
    """Random weights of which the picture matters, in bfloat16 and several files."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "gate" in name.rsplit(".", 1)[-1] and weight.numel() == 1:
                weight.fill_(1.0)  # Mllama's, zero at birth
            elif weight.dim() > 1 and "embed" not in name:
                weight.mul_(3)
    model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="40MB")
    write(folder, "config.json", config)


def build_mllama(folder: Path, package: Path) -> None:
    """A Llama-3.2-Vision of 0.04 B weights with the real one's tokenizer."""
    from transformers import MllamaConfig, MllamaForConditionalGeneration

    ends = [128001, 128008, 128009]
    sizes = [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], [4, 1]]
    text: dict[str, Any] = {
        "model_type": "mllama_text_model",
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 4,
        "cross_attention_layers": [1, 3],
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 131072,
        "rope_theta": 500000.0,
        "rope_scaling": {
            "factor": 8.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
        "bos_token_id": 128000,
        "eos_token_id": ends,
        "pad_token_id": 128004,
        "tie_word_embeddings": False,
        "vocab_size": 128256,
    }
    vision = {
        "model_type": "mllama_vision_model",
        "hidden_size": 64,
        "intermediate_size": 128,
        "attention_heads": 2,
        "num_hidden_layers": 2,
        "num_global_layers": 1,
        "image_size": 560,
        "patch_size": 14,
        "max_num_tiles": 4,
        "intermediate_layers_indices": [0, 1],
        "vision_output_dim": 192,
        "supported_aspect_ratios": sizes,
    }
    config = {
        "architectures": ["MllamaForConditionalGeneration"],
        "image_token_index": 128256,
        "model_type": "mllama",
        "text_config": text,
        "vision_config": vision,
        "torch_dtype": "bfloat16",
    }
    rope = text["rope_scaling"] | {"rope_theta": text["rope_theta"]}
    torch.manual_seed(0)
    model = MllamaForConditionalGeneration(
        MllamaConfig(
            vision_config=vision,
            text_config={
                **{k: v for k, v in text.items() if not k.startswith("rope_")},
                "rope_parameters": rope,
            },
            image_token_index=128256,
        )
    )
    save_weights(folder, model, config)
    names = {
        "bos_token": "<|begin_of_text|>",
        "eos_token": "<|eot_id|>",
        "pad_token": "<|finetune_right_pad_id|>",
    }
    ranks = read_ranks(package / "llama3" / "tokenizer.model")
    save_tokenizer(
        folder,
        build_tokenizer(ranks, llama=True),
        **names,
        model_max_length=131072,
        tokenizer_class="PreTrainedTokenizerFast",
    )
    generation = {"bos_token_id": 128000, "eos_token_id": ends, "pad_token_id": 128004}
    generation |= {"do_sample": True, "temperature": 0.6, "top_p": 0.9}
    write(folder, "generation_config.json", generation)
    image = {
        **dict.fromkeys(("do_convert_rgb", "do_normalize", "do_pad"), True),
        **dict.fromkeys(("do_rescale", "do_resize"), True),
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "image_processor_type": "MllamaImageProcessor",
        "max_image_tiles": 4,
        "resample": 2,
        "size": {"height": 560, "width": 560},
        "processor_class": "MllamaProcessor",
    }
    write(folder, "preprocessor_config.json", image)
    write(folder, "chat_template.json", {"chat_template": LLAMA_TEMPLATE})
    remove_new_files(folder)


def build_qwen(folder: Path, package: Path) -> None:
    """A Qwen3-VL of 0.04 B weights with the real one's tokenizer."""
    import trl
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "image_token_id": 151655,
        "video_token_id": 151656,
        "vision_start_token_id": 151652,
        "vision_end_token_id": 151653,
        "tie_word_embeddings": False,
        "text_config": {
            "model_type": "qwen3_vl_text",
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "max_position_embeddings": 262144,
            "vocab_size": 151936,
            "rope_theta": 5000000,
            "rope_scaling": {
                "mrope_interleaved": True,
                "mrope_section": [6, 5, 5],
                "rope_type": "default",
            },
            "bos_token_id": 151643,
            "eos_token_id": 151645,
            "dtype": "bfloat16",
        },
        "vision_config": {
            "model_type": "qwen3_vl",
            "deepstack_visual_indexes": [0],
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 2,
            "num_position_embeddings": 2304,
            "out_hidden_size": 128,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
    }
    write(folder, "config.json", config)
    torch.manual_seed(0)
    known = AutoConfig.from_pretrained(folder)
    save_weights(folder, AutoModelForImageTextToText.from_config(known), config)
    template = Path(trl.__file__).parent / "chat_templates" / "qwen3_vl.jinja"
    ranks = read_ranks(package / "resources" / "qwen.tiktoken")
    save_tokenizer(
        folder,
        build_tokenizer(ranks, llama=False),
        bos_token=None,
        unk_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=262144,
        tokenizer_class="Qwen2Tokenizer",
    )
    one = json.loads((folder / "tokenizer.json").read_text())["model"]
    write(folder, "vocab.json", one["vocab"])
    merges = [m if isinstance(m, str) else " ".join(m) for m in one["merges"]]
    (folder / "merges.txt").write_text("\n".join(merges))
    generation = {"bos_token_id": 151643, "pad_token_id": 151643, "do_sample": True}
    generation |= {"eos_token_id": [151645, 151643], "top_k": 20, "top_p": 0.8}
    write(folder, "generation_config.json", generation)
    image = {
        "size": {"longest_edge": 16777216, "shortest_edge": 65536},
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "processor_class": "Qwen3VLProcessor",
    }
    kind = {"image_processor_type": "Qwen2VLImageProcessorFast"}
    write(folder, "preprocessor_config.json", image | kind)
    kind = {"video_processor_type": "Qwen3VLVideoProcessor"}
    write(folder, "video_preprocessor_config.json", image | kind)
    write(folder, "chat_template.json", {"chat_template": template.read_text()})
    remove_new_files(folder)


def remove_new_files(folder: Path) -> None:
    """Leave the files of a published model alone."""
    for name in ("chat_template.jinja", "processor_config.json"):
        (folder / name).unlink(missing_ok=True)


@cache
def read_reference(package: Path, specials: tuple[str, ...], *, llama: bool) -> Any:
    """tiktoken's encoding, as the authors of a tokenizer use it."""
    import tiktoken

    file = package / ("llama3/tokenizer.model" if llama else "resources/qwen.tiktoken")
    ranks = read_ranks(file)
    return tiktoken.Encoding(
        name=file.name,
        pat_str=LLAMA_SPLIT if llama else QWEN_SPLIT,
        mergeable_ranks=ranks,
        special_tokens={name: len(ranks) + at for at, name in enumerate(specials)},
    )


def sample_texts(folder: Path) -> list[str]:
    """Prose, code and other scripts: lines of a folder's files, and a few more."""
    texts = [
        line
        for path in sorted(folder.glob("*.md"))
        for line in re.split(r"(?<=\n\n)", path.read_text())
    ]
    return [
        *texts[:200],
        "  def f(x):\n\treturn x**2  # 12345\r\n\r\n",
        "\u4e2d\u6587 \u65e5\u672c\u8a9e \u0440\u0443\u0441\u0441\u043a\u0438\u0439",
        "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 caf\u00e9 1.5e-3",
        " \n \n\n x",
    ]
