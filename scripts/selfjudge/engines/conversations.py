"""Between requests and token ids: what a model reads, and what its tokens say.

Shared by the engines that hold a model themselves, so that they show it the same
tokens and read the same text from its own.
"""

from collections.abc import Sequence
from typing import Any

from PIL import Image

from selfjudge.engines.special_tokens import SpecialTokens, render_turns
from selfjudge.ground.images import open_rgb
from selfjudge.ground.requests import Generation, Request

BEGUN = "BEGUN"  # stands where a turn begins that nothing was said in


class Conversations:
    """A model's chat template and tokenizer, kept safe from what texts say."""

    def __init__(self, processor: Any, special: SpecialTokens) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.special = special

    def render(self, request: Request, **settings: bool) -> str:
        """The request's conversation as the model's template writes it.

        Special tokens spelled out in a text are broken up: only the template
        opens and ends turns, and only the request's images are images.
        """
        conversation = []
        num_parts = 0
        for message in request.messages:
            parts = []
            for part in message["content"]:
                if part["type"] == "image":
                    num_parts += 1
                    parts.append({"type": "image"})
                else:
                    text = self.special.defuse(part["text"])
                    parts.append({"type": "text", "text": text})
            conversation.append({"role": message["role"], "content": parts})
        if num_parts != len(request.images):
            raise ValueError(
                f"request {request.id}: 'messages' must hold one image part for each "
                f"of its images (got {num_parts} parts, {len(request.images)} images)"
            )
        begun = conversation[-1]["content"][-1].get("text")
        if settings.get("continue_final_message") and begun == "":
            # transformers 4 would go on after the end of an empty turn.
            conversation[-1]["content"] = [{"type": "text", "text": BEGUN}]
            text = render_turns(self.processor, conversation)
            return text[: text.rindex(BEGUN)]
        return render_turns(self.processor, conversation, **settings)

    def show(self, request: Request) -> str:
        """The request as the model reads it: a turn of its own is begun, or gone on
        with where the last message is the assistant's."""
        is_begun = request.messages[-1]["role"] == "assistant"
        setting = "continue_final_message" if is_begun else "add_generation_prompt"
        return self.render(request, **{setting: True})

    def needs_bos(self, text: str) -> bool:
        """Whether the tokenizer must begin a rendered text, as its template did not.

        A second first token would go unnoticed, and is not what the model knows.
        """
        bos = self.tokenizer.bos_token
        return not (bos and text.startswith(bos))

    def encode(self, text: str) -> list[int]:
        """The token ids of a rendered text, a single placeholder for each image."""
        begin = self.needs_bos(text)
        return list(self.tokenizer(text, add_special_tokens=begin)["input_ids"])

    def read(
        self,
        request: Request,
        ids: Sequence[int],
        num_prompt_tokens: int,
        num_cached_prompt_tokens: int | None = None,
    ) -> Generation:
        """The generation that a request's new token ids spell.

        It ends before the first end token, which counts as one of its tokens.
        """
        ids = list(ids[: request.sampling.max_tokens])
        stops = self.special.end_ids
        ends = [place for place, token in enumerate(ids) if token in stops]
        text = self.tokenizer.decode(
            ids[: ends[0]] if ends else ids,
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        return Generation(
            request_id=request.id,
            text=text,
            finish_reason="stop" if ends else "length",
            num_prompt_tokens=num_prompt_tokens,
            num_output_tokens=ends[0] + 1 if ends else len(ids),
            num_cached_prompt_tokens=num_cached_prompt_tokens,
        )

    def count_scored(self, prefix: str, choices: Sequence[str]) -> list[int]:
        """How many of the last tokens of prefix + choice are scored, per choice.

        From the first token that any choice changes: a choice may be one token
        with the end of the prefix ("[[" and "A" become "[[A").  Counted with
        placeholders for the images: what these become stands before.
        """
        before = self.tokenizer(prefix, add_special_tokens=False)["input_ids"]
        rows = [
            self.tokenizer(prefix + choice, add_special_tokens=False)["input_ids"]
            for choice in choices
        ]
        start = min(count_common(before, row) for row in rows)
        return [len(row) - start for row in rows]

    def next_ids(self, prefix: str, choices: Sequence[str]) -> tuple[int, ...]:
        """The token id that each choice adds to a prefix.

        Empty if one of them is not exactly one more token.
        """
        before = self.tokenizer(prefix, add_special_tokens=False)["input_ids"]
        rows = [
            self.tokenizer(prefix + choice, add_special_tokens=False)["input_ids"]
            for choice in choices
        ]
        is_one_more = all(row[:-1] == before for row in rows)
        return tuple(row[-1] for row in rows) if is_one_more else ()


def texts_of(request: Request) -> list[str]:
    """The texts of a request, part by part."""
    parts = [part for message in request.messages for part in message["content"]]
    return [part["text"] for part in parts if part["type"] == "text"]


def open_images(requests: Sequence[Request]) -> dict[str, Image.Image]:
    """Every image of some requests by path, decoded once, as large as it is shown."""
    limits = {path: one.max_pixels for one in requests for path in one.images}
    return {path: open_rgb(path, limit) for path, limit in limits.items()}


def count_common(left: Sequence[object], right: Sequence[object]) -> int:
    """The length of the longest common prefix."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return min(len(left), len(right))
