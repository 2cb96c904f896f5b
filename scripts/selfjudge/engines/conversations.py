"""Between requests and token ids: what a model reads, and what its tokens say.

Shared by the engines that hold a model themselves, so that they show it the same
tokens and read the same text from its own.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import msgspec
from PIL import Image

from selfjudge.engines.special_tokens import SpecialTokens, render_turns
from selfjudge.ground.images import open_rgb
from selfjudge.ground.requests import Generation, LastChoice, Request
from selfjudge.ground.templates import assistant_turn

BEGUN = "BEGUN"  # stands where a turn begins that nothing was said in
# The log-probabilities that some token ids had in a place of a text, counted in tokens.
Told = Callable[[int, Sequence[int]], list[float]]


class Conversations:
    """A model's chat template and tokenizer, kept safe from what texts say."""

    def __init__(self, processor: Any, special: SpecialTokens) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.special = special
        self._choice_ids: dict[tuple[str, ...], tuple[int, ...]] = {}

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
        prompt_ids: Sequence[int],
        num_cached_prompt_tokens: int | None = None,
        told: Told | None = None,
    ) -> Generation:
        """The generation that a request's new token ids spell, after those it read.

        It ends before the first end token, which counts as one of its tokens.
        """
        ids = list(ids[: request.sampling.max_tokens])
        stops = self.special.end_ids
        ends = [place for place, token in enumerate(ids) if token in stops]
        written = ids[: ends[0]] if ends else ids
        text = self._decode(written)
        return Generation(
            request_id=request.id,
            text=text,
            finish_reason="stop" if ends else "length",
            num_prompt_tokens=len(prompt_ids),
            num_output_tokens=ends[0] + 1 if ends else len(ids),
            num_cached_prompt_tokens=num_cached_prompt_tokens,
            last_choice=(
                self._find_choice(request, prompt_ids, written, told) if told else None
            ),
        )

    def _decode(self, ids: Sequence[int]) -> str:
        """The text that token ids spell, without special ones."""
        text: str = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    @cached_property
    def text_ids(self) -> frozenset[int]:
        """The token ids that a text may hold."""
        return frozenset(self.special.writable_ids) - frozenset(self.special.end_ids)

    def choice_ids(self, choices: Sequence[str]) -> tuple[int, ...]:
        """The token that is each choice and no more; empty if one has none."""
        known = tuple(choices)
        if known not in self._choice_ids:
            self._choice_ids[known] = self._find_choice_ids(known)
        return self._choice_ids[known]

    def _find_choice_ids(self, choices: Sequence[str]) -> tuple[int, ...]:
        """The same, found in the tokenizer."""
        ids = self.tokenizer.convert_tokens_to_ids(list(choices))
        are_alone = all(
            one is not None and self._decode([one]) == choice
            for one, choice in zip(ids, choices, strict=True)
        )
        return tuple(ids) if are_alone else ()

    def _find_choice(
        self,
        request: Request,
        prompt_ids: Sequence[int],
        ids: Sequence[int],
        told: Told,
    ) -> LastChoice | None:
        """The last token of a text that is one of the request's choices.

        None where `choice_logprobs` would read other tokens before it: a model may
        write a word in other pieces than its tokenizer cuts it into, a chat template
        leave something out.  What is read is cut from the last mark on, as no token
        reaches beyond one.
        """
        wanted = self.choice_ids(request.choices)
        place = last_place(ids, lambda one: one in wanted)
        mark = last_place(prompt_ids, lambda one: one not in self.text_ids)
        if place is None or mark is None:
            return None
        before = list(ids[:place])
        said = self._decode(before)
        messages = [*request.messages, assistant_turn(said)]
        begun = msgspec.structs.replace(request, messages=messages)
        text = self.render(begun, continue_final_message=True)
        end = text[text.rfind(self.tokenizer.convert_ids_to_tokens(prompt_ids[mark])) :]
        read = [*prompt_ids[mark:], *before]
        rows = self._tokenize([end + choice for choice in request.choices])
        if rows != [[*read, one] for one in wanted]:
            return None
        logprobs = dict(zip(request.choices, told(place, wanted), strict=True))
        return LastChoice(start=len(said), logprobs=logprobs)

    def count_scored(self, prefix: str, choices: Sequence[str]) -> list[int]:
        """How many of the last tokens of prefix + choice are scored, per choice.

        From the first token that any choice changes: a choice may be one token
        with the end of the prefix ("[[" and "A" become "[[A").  Counted with
        placeholders for the images: what these become stands before.
        """
        before, *rows = self._tokenize(
            [prefix, *(prefix + choice for choice in choices)]
        )
        start = min(count_common(before, row) for row in rows)
        return [len(row) - start for row in rows]

    def next_ids(self, prefix: str, choices: Sequence[str]) -> tuple[int, ...]:
        """The token id that each choice adds to a prefix.

        Empty if one of them is not exactly one more token.
        """
        before, *rows = self._tokenize(
            [prefix, *(prefix + choice for choice in choices)]
        )
        is_one_more = all(row[:-1] == before for row in rows)
        return tuple(row[-1] for row in rows) if is_one_more else ()

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        """The token ids of each text, as it stands."""
        rows: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)[
            "input_ids"
        ]
        return rows


def texts_of(request: Request) -> list[str]:
    """The texts of a request, part by part."""
    parts = [part for message in request.messages for part in message["content"]]
    return [part["text"] for part in parts if part["type"] == "text"]


def open_images(requests: Sequence[Request]) -> dict[str, Image.Image]:
    """Every image of some requests by path, decoded once, as large as it is shown."""
    limits = {path: one.max_pixels for one in requests for path in one.images}
    return {path: open_rgb(path, limit) for path, limit in limits.items()}


def last_place(ids: Sequence[int], is_one: Callable[[int], bool]) -> int | None:
    """The place of the last token id for which something holds; None if of none."""
    places = range(len(ids) - 1, -1, -1)
    return next((place for place in places if is_one(ids[place])), None)


def count_common(left: Sequence[object], right: Sequence[object]) -> int:
    """The length of the longest common prefix."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return min(len(left), len(right))
