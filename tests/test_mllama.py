"""Mllama as its authors compute it: what stands before an image does not see it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText

from selfjudge.engines.mllama import hide_images_from_text_before
from selfjudge.ground.templates import assistant_turn, user_turn
from selfjudge.training.conversations import encode_conversations, fill_in_images
from selfjudge.training.models import load_processor


@pytest.fixture(scope="module")
def model(tiny_mllama: Path) -> Any:
    model = AutoModelForImageTextToText.from_pretrained(tiny_mllama).eval()
    hide_images_from_text_before(model)
    return model


@pytest.fixture(scope="module")
def plain(tiny_mllama: Path) -> Any:
    """The model as transformers computes it."""
    return AutoModelForImageTextToText.from_pretrained(tiny_mllama).eval()


@pytest.fixture(scope="module")
def encode(tiny_mllama: Path) -> Any:
    """Rows of coloured images, one list of colours a row, as one padded batch."""
    processor = load_processor(tiny_mllama, False)

    def encode(*rows: list[str]) -> Any:
        conversations = [
            fill_in_images(
                [user_turn(len(colours), "which? " * 3), assistant_turn("[[A]]")],
                [Image.new("RGB", (60, 100), colour) for colour in colours],
            )
            for colours in rows
        ]
        return encode_conversations(processor, conversations)

    return encode


def loss_of_first(model: Any, batch: Any) -> float:
    """The mean loss of the first row's text, of all tokens but the image's."""
    ids = batch["input_ids"][0]
    with torch.inference_mode():
        logits = model(**batch).logits[0]
    width = logits.shape[-1]
    seen = (batch["attention_mask"][0] == 1) & (ids < width)
    losses = torch.nn.functional.cross_entropy(
        logits[:-1], ids[1:].clamp(max=width - 1), reduction="none"
    )
    return float(losses[seen[1:]].mean())


def test_a_rows_loss_does_not_depend_on_its_batch(
    model: Any, plain: Any, encode: Any
) -> None:
    """Also beside a row of two images, which transformers alone gets wrong."""
    batches = [
        encode(["red"]),
        encode(["red"], ["blue"]),
        encode(["red"], ["blue"] * 2),
    ]
    alone, beside_one, beside_two = (loss_of_first(model, one) for one in batches)
    assert beside_one == pytest.approx(alone, abs=1e-5)
    assert beside_two == pytest.approx(alone, abs=1e-5)
    # When this fails, transformers has mended it, and the module may go.
    wrong = abs(loss_of_first(plain, batches[2]) - loss_of_first(plain, batches[0]))
    assert wrong > 1e-4


def test_text_before_an_image_does_not_see_it(
    model: Any, plain: Any, encode: Any
) -> None:
    """As in Meta's code: the begin token and the header are blind, the rest is not."""
    red, blue = encode(["red"]), encode(["blue"])
    ids = red["input_ids"][0].tolist()
    place = ids.index(model.config.image_token_id)
    assert place > 1
    with torch.inference_mode():
        same = [
            (one(**red).logits[0] - one(**blue).logits[0]).abs().amax(dim=-1) < 1e-6
            for one in (model, plain)
        ]
    assert same[0].tolist() == [True] * place + [False] * (len(ids) - place)
    assert not same[1][:place].any()


def test_the_hooks_survive_gradient_checkpointing(model: Any, encode: Any) -> None:
    """Computed anew in the backward pass, gradients are the same."""
    batch = encode(["red"], ["blue", "green"])
    weight = model.model.language_model.layers[1].cross_attn.v_proj.weight
    grads = []
    for checkpointed in (False, True):
        model.train()
        if checkpointed:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model.zero_grad()
        model(**batch, use_cache=False).logits.float().square().mean().backward()
        grads.append(weight.grad.clone())
    model.gradient_checkpointing_disable()
    model.eval()
    torch.testing.assert_close(*grads, rtol=1e-5, atol=1e-9)
    assert grads[0].abs().sum() > 0
