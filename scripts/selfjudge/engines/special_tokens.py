"""Which tokens are a model's marks, which end a text, and which may be written."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from selfjudge.ground.templates import assistant_turn, user_turn
from selfjudge.ground.thoughts import TAG


class SpecialTokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a tokenizer's ids may do.

    ``end_ids`` end a text, ``writable_ids`` may be in one or end it, both
    sorted; ``pattern`` finds marks spelled out in a text: what may not be written
    is not read either.
    """

    end_ids: list[int]
    writable_ids: list[int]
    pattern: re.Pattern[str]

    def defuse(self, text: str) -> str:
        """The text with marks broken by a blank after their first letter.

        Marks are special tokens, and added ones such as ``</think>``.  Else a question
        with ``<image>`` in it would miscount the images, and a response under judgment
        could end the user's turn and speak as the judge.
        """
        return self.pattern.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", text)


def read_special_tokens(
    processor: Any, end_ids: int | list[int] | None, path: Path
) -> SpecialTokens:
    """The special tokens of a transformers processor.

    ``end_ids`` are those of generation_config.json, None where it names none;
    the tokenizer's and the chat template's own join them.  Raises ValueError,
    with the model's ``path``, if none of them is a special token, and on a chat
    template that is missing or cannot but think.
    """
    check_template(processor, path)
    tokenizer = processor.tokenizer
    added = tokenizer.added_tokens_decoder
    special = {token_id for token_id, token in added.items() if token.special}
    special |= set(tokenizer.all_special_ids)
    names = tokenizer.convert_ids_to_tokens(sorted(special))
    ends = {tokenizer.eos_token_id, find_end_of_turn(processor, match_any(names))}
    ends |= set(end_ids) if isinstance(end_ids, list) else {end_ids}
    ends &= special
    if not ends:
        raise ValueError(
            f"{path}: the tokenizer, generation_config.json or the chat template "
            f"must name the special token that ends a text (got eos {end_ids})"
        )
    # Added tokens are marks too, but for the runs of blanks some tokenizers add.
    marks = special | {
        token_id for token_id, token in added.items() if token.content.strip()
    }
    words = set(tokenizer.get_vocab().values()) - marks
    return SpecialTokens(
        end_ids=sorted(ends),
        writable_ids=sorted(words | ends),
        pattern=match_any(tokenizer.convert_ids_to_tokens(sorted(marks))),
    )


def match_any(names: Iterable[str]) -> re.Pattern[str]:
    """An expression for any of some names; of two that begin alike the longer."""
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")


def render_turns(processor: Any, turns: list[dict[str, Any]], **options: bool) -> str:
    """A conversation as the chat template writes it, images as placeholders."""
    options |= without_thought(processor)
    return str(processor.apply_chat_template(turns, tokenize=False, **options))


def without_thought(processor: Any) -> dict[str, bool]:
    """What tells a chat template that knows thoughts to have none.

    Their end is a mark, which no text may hold.
    """
    asks = "enable_thinking" in str(processor.chat_template)
    return {"enable_thinking": False} if asks else {}


def check_template(processor: Any, path: Path) -> None:
    """Raise ValueError without a chat template, or with one that begins a thought."""
    if processor.chat_template is None:
        raise ValueError(
            f"{path}: must have a chat template (got none). Hint: take the family's "
            "model that answers, often named -Instruct or -it; what was only "
            "pretrained cannot be asked."
        )
    prompt = render_turns(processor, [user_turn(0, "?")], add_generation_prompt=True)
    tags = TAG.findall(prompt)
    if tags and not tags[-1]:
        raise ValueError(
            f"{path}: the chat template must be able to ask without a thought (got "
            f"one whose prompt ends with {prompt[-20:]!r}): a judgment must be what "
            "the judge says. Hint: take the family's model that does not think, often "
            "named -Instruct."
        )


def find_end_of_turn(processor: Any, pattern: re.Pattern[str]) -> int | None:
    """The special token that the chat template writes after an answer, or None.

    There are fine-tuned models whose configs still name the base model's end;
    with the end of turn forbidden their texts would never stop.
    """
    turns = [user_turn(0, "?"), assistant_turn("ANSWER")]
    text = render_turns(processor, turns)
    mark = pattern.search(text, text.rfind("ANSWER"))
    token_id = processor.tokenizer.convert_tokens_to_ids(mark[0]) if mark else None
    return token_id if isinstance(token_id, int) else None
