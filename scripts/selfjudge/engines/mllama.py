"""Mllama as its authors compute it: nothing before an image sees the image.

Rows of text that see no image (the begin token, the turn's header) must not change
in a cross-attention layer.  transformers 5.19 zeroes only what the layer's MLP adds
to them, not what its attention adds, and lets them attend to every tile of every
image and to padding (huggingface/transformers#39379): a row's loss then depends on
how many images its neighbours have.  Meta's code and vLLM zero both.
"""

from typing import Any


def hide_images_from_text_before(model: Any) -> None:
    """Zero what cross-attention adds to text that sees no image, in an Mllama.

    Other families are left as they are.
    """
    if model.config.model_type != "mllama":
        return
    for layer in model.modules():
        if hasattr(layer, "cross_attn") and not hasattr(layer, "_hides_images"):
            layer.register_forward_pre_hook(keep_mask, with_kwargs=True)
            layer.cross_attn.register_forward_hook(apply_mask)
            layer._hides_images = True


def keep_mask(layer: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Note for the layer's attention which rows of text see an image."""
    layer.cross_attn._seeing = kwargs.get("full_text_row_masked_out_mask")


def apply_mask(attention: Any, args: Any, output: Any) -> Any:
    """The attention's output, zero for rows of text that see no image."""
    if attention._seeing is None:
        return output
    return (attention._seeing[:, 0] * output[0], *output[1:])
