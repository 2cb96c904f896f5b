"""Which tokens are a model's marks, which end a text, and which may be written."""

import re
from pathlib import Path
from typing import Any

import msgspec

from selfjudge.ground.templates import assistant_turn, user_turn


class SpecialTokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a tokenizer's ids may do.

    ``end_ids`` end a text, ``writable_ids`` may be in one or end it, both
    sorted; ``pattern`` finds special tokens spelled out in a text.
    """

    end_ids: list[int]
    writable_ids: list[int]
    pattern: re.Pattern[str]

    def defuse(self, text: str) -> str:
        """The text with special tokens broken by a blank after their first letter.

        Else a question with ``<image>`` in it would miscount the images, and a
        response under judgment could end the user's turn and speak as the judge.
        """
        return self.pattern.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", text)


def read_special_tokens(
    processor: Any, end_ids: int | list[int] | None, path: Path
) -> SpecialTokens:
    """The special tokens of a transformers processor.

    ``end_ids`` are those of generation_config.json, None where it names none;
    the tokenizer's and the chat template's own join them.  Raises ValueError,
    with the model's ``path``, if none of them is a special token.
    """
    tokenizer = processor.tokenizer
    added = tokenizer.added_tokens_decoder
    special = {token_id for token_id, token in added.items() if token.special}
    special |= set(tokenizer.all_special_ids)
    names = tokenizer.convert_ids_to_tokens(sorted(special))
    # Longest first: of two that begin alike the longer is the one spelled out.
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    ends = {tokenizer.eos_token_id, find_end_of_turn(processor, pattern)}
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
        end_ids=sorted(ends), writable_ids=sorted(words | ends), pattern=pattern
    )


def find_end_of_turn(processor: Any, pattern: re.Pattern[str]) -> int | None:
    """The special token that the chat template writes after an answer, or None.

    There are fine-tuned models whose configs still name the base model's end;
    with the end of turn forbidden their texts would never stop.
    """
    turns = [user_turn(0, "?"), assistant_turn("ANSWER")]
    text = processor.apply_chat_template(turns, tokenize=False)
    mark = pattern.search(text, text.rfind("ANSWER"))
    token_id = processor.tokenizer.convert_tokens_to_ids(mark[0]) if mark else None
    return token_id if isinstance(token_id, int) else None
