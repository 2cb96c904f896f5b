"""Streams of records beside the prompts that they are about, read side by side."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from selfjudge.ground.records import Prompt


def join_by_prompt(
    prompts: Iterable[Prompt], names: Sequence[str], streams: Sequence[Iterable[Any]]
) -> Iterator[tuple[Prompt, list[list[Any]]]]:
    """Each prompt with what each stream has of it; all are in the prompts' order.

    Raises ValueError, naming the stream, where one has something of no prompt or out
    of order.
    """
    grouped = [
        groupby(stream, key=lambda record: record.prompt_id) for stream in streams
    ]
    waiting = [next(groups, None) for groups in grouped]
    for prompt in prompts:
        found: list[list[Any]] = []
        for at, group in enumerate(waiting):
            if group is None or group[0] != prompt.id:
                found.append([])
                continue
            found.append(list(group[1]))
            waiting[at] = next(grouped[at], None)
        yield prompt, found
    for name, group in zip(names, waiting, strict=True):
        if group is not None:
            raise ValueError(
                f"{name}: 'prompt_id' must be a prompt that the stage reads, in the "
                f"order of the prompts (got {group[0]!r})"
            )
