"""What is rated: each different text that members gave to a prompt, once."""

from collections.abc import Iterable, Iterator, Mapping

from selfjudge.ground.joins import join_by_prompt
from selfjudge.ground.lines import content_id
from selfjudge.ground.records import Candidate, Prompt, Response
from selfjudge.pairs.responses import leave_thought


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
