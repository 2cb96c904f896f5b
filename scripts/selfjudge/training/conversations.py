"""Accepted rows as token batches in which only the judge's own text is learnt.

One way for every model family.  The whole conversation goes through the
processor at once, so that everything a processor derives from the token
sequence (Mllama's cross-attention mask, token types) has the right length and
nothing is tokenised in pieces.  What the judge wrote is what the conversation
has beyond its own prompt; chat templates need no `{% generation %}` marks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from selfjudge.engines.special_tokens import render_turns, without_thought
from selfjudge.ground.images import open_rgb
from selfjudge.ground.records import Accepted

Messages = list[dict[str, Any]]
IGNORED = -100  # the label that torch's and TRL's losses leave out


class ConversationCollator:
    """Turns dataset rows into one right-padded batch with ``labels``.

    A row is ``{"images": paths, "row": an Accepted as JSON}``; its images are
    opened here and nowhere before, and scaled down to ``max_pixels``.  Labels are
    token ids where the judge wrote, its end token included, and -100 elsewhere.
    """

    def __init__(
        self,
        processor: Any,
        image_root: Path,
        end_ids: frozenset[int],
        max_pixels: int | None = None,
    ) -> None:
        self.processor = processor
        self.image_root = image_root
        self.max_pixels = max_pixels
        self.end_ids = end_ids
        self.decode = msgspec.json.Decoder(Accepted).decode

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """The batch of these rows; ValueError names a row that cannot be learnt."""
        accepted = [self.decode(row["row"]) for row in rows]
        batch = self.process(accepted)
        ids, lengths = batch["input_ids"], batch["attention_mask"].sum(dim=1)
        labels = torch.full_like(ids, IGNORED)
        for index, row in enumerate(accepted):
            start, end = self.learnt_span(row, ids[index, : int(lengths[index])])
            labels[index, start:end] = ids[index, start:end]
        # Mllama's image id lies outside its output layer: as a label it would be
        # trained on garbage, without an error (huggingface/transformers#33819).
        labels[ids == getattr(self.processor, "image_token_id", IGNORED)] = IGNORED
        return {**batch, "labels": labels}

    def process(self, rows: Sequence[Accepted]) -> dict[str, torch.Tensor]:
        """What the model reads of these rows, padded on the right."""
        conversations = []
        for row in rows:
            paths = [self.image_root / name for name in row.images]
            images = [open_rgb(path, self.max_pixels) for path in paths]
            conversations.append(fill_in_images(row.messages, images))
        try:
            return dict(encode_conversations(self.processor, conversations))
        except ValueError as error:
            names = ", ".join(row.judgment_id for row in rows)
            raise ValueError(
                f"accepted rows of judgments {names}: the processor must be able to "
                f"encode them (got {error}). Hint: a text that holds an image token "
                "needs an image for it."
            ) from error

    def learnt_span(self, row: Accepted, ids: torch.Tensor) -> tuple[int, int]:
        """Where the judge's text with its end token begins and ends in the ids.

        Template text after the end token (often a line break) is left out: a
        judge is never asked to write it.
        """
        tail = answer_ids(self.processor, row.messages)
        start = len(ids) - len(tail)
        if not tail or ids[start:].tolist() != tail:
            raise ValueError(
                "chat template: the processor must end a conversation as the "
                f"tokenizer does (got another ending for judgment {row.judgment_id})"
            )
        ends = [at for at, token in enumerate(tail) if token in self.end_ids]
        if not ends:
            names = self.processor.tokenizer.convert_ids_to_tokens(sorted(self.end_ids))
            raise ValueError(
                "chat template: an assistant turn must end with an end token, one of "
                f"{', '.join(names)} (got {self.processor.tokenizer.decode(tail)!r} "
                f"for judgment {row.judgment_id}). Hint: add the template's own end "
                "token to 'eos_token_id' in generation_config.json."
            )
        return start, start + ends[-1] + 1


def answer_ids(processor: Any, messages: Messages) -> list[int]:
    """The token ids that a conversation has beyond the prompt for its last turn.

    Image placeholders stand unexpanded in the prompt and so take no part.  A
    token that spans both sides belongs to the answer.
    """
    whole = render(processor, messages)
    prompt = render(processor, messages[:-1], add_generation_prompt=True)
    if not whole.startswith(prompt):
        same = shared_length(whole, prompt)
        raise ValueError(
            "chat template: a conversation must begin with the prompt for its last "
            f"turn (got {whole[same : same + 40]!r} where the prompt has "
            f"{prompt[same : same + 40]!r}). Hint: the judge would be trained on "
            "another text than it is asked with; make 'add_generation_prompt' write "
            "what the template writes before an assistant's text."
        )
    whole_ids, prompt_ids = text_ids(processor, whole), text_ids(processor, prompt)
    return whole_ids[shared_length(whole_ids, prompt_ids) :]


def shared_length(one: Sequence[object], other: Sequence[object]) -> int:
    """The length of the longest beginning that both have in common."""
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return at
    return min(len(one), len(other))


def render(processor: Any, messages: Messages, **options: bool) -> str:
    """A conversation as text, image placeholders unexpanded."""
    return render_turns(processor, fill_in_images(messages, ()), **options)


def text_ids(processor: Any, text: str) -> list[int]:
    """The ids of a rendered text; begin tokens as the processor would add them."""
    begin = processor.tokenizer.bos_token
    has_begin = begin is not None and text.startswith(begin)
    ids = processor.tokenizer(text, add_special_tokens=not has_begin)["input_ids"]
    return list(ids)


def encode_conversations(processor: Any, conversations: list[Messages]) -> Any:
    """The processor's tensors for whole conversations, padded on the right."""
    return processor.apply_chat_template(
        conversations,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        **without_thought(processor),
        processor_kwargs={"padding": True, "padding_side": "right"},
    )


def fill_in_images(messages: Messages, images: Sequence[object]) -> Messages:
    """A copy of the messages whose image parts hold the images, in order."""
    left = iter(images)
    return [
        {
            "role": message["role"],
            "content": [
                {"type": "image", **({"image": next(left)} if images else {})}
                if part["type"] == "image"
                else {"type": "text", "text": part["text"]}
                for part in message["content"]
            ],
        }
        for message in messages
    ]
