"""Pairs of a whole iteration: every prompt with its responses, one after the other.

`labelling` decides about one prompt; here the files are joined and written.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from selfjudge.ground.joins import join_by_prompt
from selfjudge.ground.lines import encode, writing
from selfjudge.ground.records import Altered, Check, Prompt, Response
from selfjudge.pairs.filters import Filter
from selfjudge.pairs.labelling import (
    Built,
    PairSettings,
    pair_by_answer,
    pairs_by_alteration,
)
from selfjudge.pairs.responses import leave_thought


class Candidates(NamedTuple):
    """A prompt with all its responses and altered responses, and checks of these."""

    prompt: Prompt
    responses: list[Response]
    altered: list[Altered]
    checks: Sequence[Check] = ()


def join_candidates(
    prompts: Iterable[Prompt],
    responses: Iterable[Response],
    altered: Iterable[Altered],
    checks: Iterable[Check] = (),
) -> Iterator[Candidates]:
    """Each prompt with what belongs to it; all streams are in prompt order.

    Raises ValueError where responses are out of order or of unknown prompts.
    """
    names, streams = ("responses", "altered", "checks"), (responses, altered, checks)
    for prompt, found in join_by_prompt(prompts, names, streams):
        yield Candidates(prompt, *found)


def build_pairs(
    candidates: Iterable[Candidates], spec: Filter, settings: PairSettings, seed: int
) -> Iterator[Built]:
    """What each closed prompt comes to, and each rewrite of an open one."""
    for prompt, whole, altered, checks in candidates:
        responses = [leave_thought(response) for response in whole]
        if prompt.kind == "closed":
            yield pair_by_answer(prompt, responses, spec, settings, seed)
        else:
            yield from pairs_by_alteration(prompt, responses, altered, settings, checks)


def write_built(everything: Iterable[Built], pairs: Path, dropped: Path) -> None:
    """Write pairs and dropped records.

    Raises ValueError, and writes nothing, if there is not a single pair.
    """
    num_pairs = num_closed = 0
    reasons: Counter[str] = Counter()
    with writing(pairs) as pair_file, writing(dropped) as dropped_file:
        for built in everything:
            if built.pair is not None:
                num_pairs += 1
                num_closed += built.pair.kind == "closed"
                pair_file.write(encode(built.pair))
            if built.dropped is not None:
                reasons[built.dropped["reason"]] += 1
                dropped_file.write(encode(built.dropped))
        if reasons["no_gold_answer"] and not num_closed:
            raise ValueError(
                f"{pairs}: at least one closed prompt must have an 'answer' that a "
                f"response gives (got none: {reasons['no_gold_answer']} prompts have "
                "no gold answer). Hint: leave out the filters that compare with gold "
                "answers, or add 'answer' to the prompts."
            )
        if not num_pairs:
            raise ValueError(explain_no_pair(pairs, reasons))


def explain_no_pair(pairs: Path, reasons: Counter[str]) -> str:
    """The error text for an iteration that gave nothing to judge."""
    counts = ", ".join(f"{name} {reasons[name]}" for name in sorted(reasons))
    return (
        f"{pairs}: at least one prompt must give a pair (got none; dropped: "
        f"{counts or 'nothing, there are no prompts'}). Hint: "
        "no_gold_answer: the filter needs prompts with an 'answer'; "
        "unanimous: the prompts are too easy; below_threshold or "
        "no_parsed_response: read the responses; truncated_response: raise "
        "responses.sampling.max_tokens; not_likelier: lower pairs.check_margin."
    )
