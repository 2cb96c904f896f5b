"""What is rated: each different text that members gave to a prompt, once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from selfjudge.ground.lines import content_id
from selfjudge.ground.records import Candidate, Prompt, Rating, Response, Vote
from selfjudge.pairs.responses import leave_thought

R = TypeVar("R", Response, Rating, Candidate, Vote)


def list_candidates(
    prompts: Iterable[Prompt], responses: Mapping[str, Iterable[Response]]
) -> Iterator[Candidate]:
    """The candidates of each prompt, by their text; responses are by member.

    A response that was cut off, or is empty, is none.  All streams are in the order
    of the prompts; raises ValueError where one is not.
    """
    names = [f"responses of {member}" for member in responses]
    streams = list(responses.values())
    for prompt, groups in join_by_prompt(prompts, names, streams):
        written: dict[str, dict[str, list[str]]] = {}
        for member, own in zip(responses, groups, strict=True):
            for response in map(leave_thought, own):
                if response.finish_reason == "stop" and response.text:
                    by_member = written.setdefault(response.text, {})
                    by_member.setdefault(member, []).append(response.id)
        for text in sorted(written):
            ids = written[text]
            yield Candidate(
                id=content_id(prompt.id, text),
                prompt_id=prompt.id,
                text=text,
                members=tuple(ids),
                counts=tuple(map(len, ids.values())),
                response_ids=tuple(one for own in ids.values() for one in own),
            )


def join_by_prompt(
    prompts: Iterable[Prompt], names: Sequence[str], streams: Sequence[Iterable[R]]
) -> Iterator[tuple[Prompt, list[list[R]]]]:
    """Each prompt with what each stream has of it; all are in the prompts' order.

    Raises ValueError, naming the stream, where one has something of no prompt or out
    of order.
    """
    grouped = [
        groupby(stream, key=lambda record: record.prompt_id) for stream in streams
    ]
    waiting = [next(groups, None) for groups in grouped]
    for prompt in prompts:
        found: list[list[R]] = []
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
                f"{name}: 'prompt_id' must be a prompt of this iteration and shard, in "
                f"the order of the prompts (got {group[0]!r})"
            )
