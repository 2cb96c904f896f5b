"""The tiny base model's parts: tokenizer, processor, and an untrained network.

An Idefics3 of about one million parameters: 9 image tokens, one for each cell
of the world's grid, and a lossless byte-level tokenizer in which every word of
the world, with its leading space, is one token.
"""

from collections.abc import Iterable

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from world import CELL_SIZE, IMAGE_SIZE

# The background becomes 0; with the usual 0.5 / 0.5 it drowns the shapes.
IMAGE_MEAN, IMAGE_STD = 0.93, 0.3
NUM_IMAGE_TOKENS = (IMAGE_SIZE // CELL_SIZE) ** 2
HEAD_DIM = 32
END = "<end_of_utterance>"
SPECIAL = (
    *("<pad>", "<user>", "<assistant>", END),
    *("<image>", "<fake_token_around_image>", "<global-img>"),
)
WORDS = r"\[\[|\]\]| ?\[\[| ?[A-Za-z]+(?:-[A-Za-z]+)*| ?[0-9]| ?[^\sA-Za-z0-9]|\s"

# The space before the assistant's text keeps its first word the same token as
# inside a sentence; trimming makes generated and stored texts render alike.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<assistant>' }}{% generation %}"
    "{% if message['content'] is string %}{{ ' ' + message['content'] | trim }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'text' %}"
    "{{ ' ' + part['text'] | trim }}{% endif %}{% endfor %}{% endif %}"
    "{{ '<end_of_utterance>' }}{% endgeneration %}"
    "{% else %}{{ '<user>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    "{{ '<image>' }}{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{{ '<end_of_utterance>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in which every word of the texts is one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token=END,
        padding_side="left",
        model_max_length=512,
        clean_up_tokenization_spaces=False,
        additional_special_tokens=["<user>", "<assistant>", *SPECIAL[5:]],
        extra_special_tokens={"image_token": "<image>"},
    )


def build_processor(
    tokenizer: PreTrainedTokenizerFast,
) -> transformers.Idefics3Processor:
    """The processor: one picture of 72 x 72 pixels becomes 9 image tokens."""
    size = {"longest_edge": IMAGE_SIZE}
    images = transformers.Idefics3ImageProcessorPil(
        size=size,
        max_image_size=size,
        do_image_splitting=False,
        image_mean=[IMAGE_MEAN] * 3,
        image_std=[IMAGE_STD] * 3,
    )
    return transformers.Idefics3Processor(
        images, tokenizer, image_seq_len=NUM_IMAGE_TOKENS, chat_template=CHAT_TEMPLATE
    )


def build_model(
    tokenizer: PreTrainedTokenizerFast, hidden: int, layers: int, seed: int
) -> transformers.Idefics3ForConditionalGeneration:
    """An untrained network of width ``hidden`` with ``layers`` text layers."""
    torch.manual_seed(seed)
    heads = max(1, hidden // HEAD_DIM)
    special = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
    }
    vision = {
        "model_type": "idefics3_vision",
        "hidden_size": 96,
        "intermediate_size": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "image_size": IMAGE_SIZE,
        "patch_size": CELL_SIZE,
    }
    text = transformers.LlamaConfig(
        vocab_size=-(-len(tokenizer) // 32) * 32,
        hidden_size=hidden,
        intermediate_size=hidden * 5 // 2,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=HEAD_DIM,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        **special,
    )
    config = transformers.Idefics3Config(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=1,
        tie_word_embeddings=True,
        **special,
    )
    model = transformers.Idefics3ForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(
        **special, suppress_tokens=unwanted_tokens(tokenizer, text.vocab_size)
    )
    return model


def unwanted_tokens(tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> list[int]:
    """The ids that must never be sampled: special ones but the end, and padding.

    A sampled ``<image>`` without a picture would break the next forward pass.
    """
    special = tokenizer.convert_tokens_to_ids([t for t in SPECIAL if t != END])
    return [*special, *range(len(tokenizer), vocab_size)]
