"""Random-weight vision-language models small enough to build in every test run.

Two families, because they fail differently: Idefics3 spends image tokens in the
prompt, Mllama sees through cross-attention and has an image token whose id is
the vocabulary size.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    LlamaConfig,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaImageProcessorPil,
    MllamaProcessor,
    PreTrainedTokenizerFast,
)

# IMAGE is what each family writes for one picture.  The markers around the
# assistant's text are what TRL's assistant_only_loss learns from.
CHAT_TEMPLATE = """\
{{ bos_token }}
{%- for message in messages -%}
<|im_start|>{{ message['role'] }}{{ '\\n' }}
{%- if message['role'] == 'assistant' -%}
{% generation %}
{%- if message['content'] is string -%}{{ message['content'] }}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'text' -%}{{ part['text'] }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
<|im_end|>{{ '\\n' }}{% endgeneration %}
{%- else -%}
{%- if message['content'] is string -%}{{ message['content'] }}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}IMAGE
{%- elif part['type'] == 'text' -%}{{ part['text'] }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
<|im_end|>{{ '\\n' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant{{ '\\n' }}{%- endif -%}
"""

BASE_SPECIALS = ["<pad>", "<s>", "<|im_start|>", "<|im_end|>"]
IDEFICS3_SPECIALS = [
    *["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"],
    *[f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)],
]
TEXT_SIZES = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
VISION_SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "image_size": 56,
    "patch_size": 14,
}


def build_tiny_idefics3(directory: Path) -> None:
    """Write an Idefics3 of 0.6 M random fp32 weights; the same at each call.

    Four tiles of 56 pixels and one overview make 20 image tokens a picture.
    The output layer is wider than the tokenizer, as in many real models.
    """
    torch.manual_seed(0)
    tokenizer = train_tokenizer(
        IDEFICS3_SPECIALS, extra_special_tokens={"image_token": "<image>"}
    )
    ids = end_ids(tokenizer)
    text_config = LlamaConfig(
        vocab_size=(len(tokenizer) // 64 + 1) * 64,
        num_hidden_layers=2,
        head_dim=32,
        **TEXT_SIZES,
        **ids,
    )
    config = Idefics3Config(
        vision_config={
            "model_type": "idefics3_vision",
            "num_attention_heads": 2,
            **VISION_SIZES,
        },
        text_config=text_config,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        **ids,
    )
    image_processor = Idefics3ImageProcessorPil(
        size={"longest_edge": 112},
        max_image_size={"longest_edge": 56},
        do_image_splitting=True,
    )
    template = CHAT_TEMPLATE.replace("IMAGE", "<image>")
    processor = Idefics3Processor(
        image_processor, tokenizer, image_seq_len=4, chat_template=template
    )
    save(Idefics3ForConditionalGeneration(config), processor, ids, directory)


def build_tiny_mllama(directory: Path) -> None:
    """Write an Mllama of 0.9 M random fp32 weights; the same at each call.

    As in the real model the image token's id is the vocabulary size: it can be
    read but not written.  The tanh gates, zero at birth, are opened: else the
    picture would not matter.
    """
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["<|python_tag|>"])
    vocab_size = len(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|image|>"]})
    image_token = tokenizer.convert_tokens_to_ids("<|image|>")
    assert image_token == vocab_size
    ids = end_ids(tokenizer)
    config = MllamaConfig(
        vision_config={
            "num_global_layers": 1,
            "attention_heads": 2,
            "vision_output_dim": 128,
            "max_num_tiles": 4,
            "intermediate_layers_indices": [0],
            **VISION_SIZES,
        },
        text_config={
            "vocab_size": vocab_size,
            "num_hidden_layers": 4,
            "cross_attention_layers": [1, 3],
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            **TEXT_SIZES,
            **ids,
        },
        image_token_index=image_token,
    )
    model = MllamaForConditionalGeneration(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("cross_attn_attn_gate", "cross_attn_mlp_gate")):
                parameter.fill_(1.0)
    image_processor = MllamaImageProcessorPil(
        size={"height": 56, "width": 56}, max_image_tiles=4
    )
    template = CHAT_TEMPLATE.replace("IMAGE", "<|image|>")
    processor = MllamaProcessor(image_processor, tokenizer, chat_template=template)
    save(model, processor, ids, directory)


def train_tokenizer(specials: list[str], **settings: object) -> PreTrainedTokenizerFast:
    """A byte-level BPE of about 430 tokens: any text goes in and comes out whole."""
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1023,
        special_tokens=BASE_SPECIALS + specials,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(sample_texts(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="<|im_end|>",
        pad_token="<pad>",
        model_max_length=2048,
        padding_side="left",
        **settings,
    )


def sample_texts() -> Iterator[str]:
    """A thousand lines in the words of a judge of coloured shapes."""
    rng = random.Random(0)
    colours = "red green blue yellow black white orange purple".split()
    shapes = "circle square triangle star cross ring".split()
    for _ in range(1000):
        colour, shape = rng.choice(colours), rng.choice(shapes)
        yield (
            f"There are {rng.randint(0, 20)} {colour} {shape}s in the image. "
            f"Which response is better? Response A: the {colour} {shape} is left of "
            f"the {rng.choice(colours)} {rng.choice(shapes)}. Response B: I think "
            "so. Reasoning: A is more faithful.\nVerdict: [[A]] [[B]] Final answer"
        )


def end_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """The ids that begin, end and pad a text, as configs name them."""
    return {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def save(model: Any, processor: Any, ids: dict[str, int], directory: Path) -> None:
    """Write weights, configs, tokenizer and template, as a download would hold them.

    The defaults for sampling are absurd on purpose: no stage may follow them.
    """
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.01, top_k=1, max_length=20, **ids
    )
    model.save_pretrained(directory)
    processor.save_pretrained(directory)
