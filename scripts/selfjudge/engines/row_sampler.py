"""Sampling in which every row of a batch has a life of its own."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from selfjudge.ground.requests import Sampling


class RowSampler:
    """A logits processor of transformers that makes greedy decoding sample.

    Each row has one number between 0 and 1 for each step, drawn from its seed
    before the first, and takes the token at which its own probabilities, likeliest
    first, add up to that number.  So a row's text follows from its own logits,
    sampling and seed; the rows beside it do not matter, nor does the device draw
    anything.  Rows of temperature 0 stay greedy, rows past their ``max_tokens`` are
    made to end.

    ``writable`` are the token ids that a text may consist of, ``end_id`` among
    them.  The order of the filters is temperature, top_k, top_p; top_k comes first
    here, as it does not depend on the temperature, and leaves little to sort.
    """

    def __init__(
        self,
        samplings: Sequence[Sampling],
        seeds: Sequence[int],
        writable: Sequence[int],
        end_id: int,
        device: Any,
    ) -> None:
        drawn = [row for row, sampling in enumerate(samplings) if sampling.temperature]
        # By what is cut, so that what a row keeps does not depend on another row's.
        kinds = {row: (samplings[row].top_k, samplings[row].top_p < 1) for row in drawn}
        self.groups = [
            Group([row for row in drawn if kinds[row] == kind], samplings)
            for kind in sorted(set(kinds.values()))
        ]
        most = max(sampling.max_tokens for sampling in samplings)
        numbers = np.zeros((len(samplings), most))
        for row in drawn:
            # numpy's, as torch's CPU generator reads 32 bits of a seed.
            generator = np.random.Generator(np.random.PCG64(seeds[row]))
            count = samplings[row].max_tokens
            numbers[row, :count] = generator.random(count)
        self.numbers = torch.from_numpy(numbers).to(device)
        for group in self.groups:
            group.move(device)
        self.limits = torch.tensor([one.max_tokens for one in samplings], device=device)
        self.writable = torch.tensor(writable, dtype=torch.long, device=device)
        self.end_id = end_id
        self.step = 0
        self.blocked: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The logits of one step, float32 of shape (rows, vocabulary), after all."""
        if self.blocked is None:
            width = scores.shape[-1]
            self.blocked = torch.ones(width, dtype=torch.bool, device=scores.device)
            self.blocked[self.writable[self.writable < width]] = False
        scores = scores.masked_fill(self.blocked, -torch.inf)
        for group in self.groups:
            tokens = group.draw(scores[group.rows], self.numbers[group.rows, self.step])
            scores[group.rows] = -torch.inf
            scores[group.rows, tokens] = 0.0
        is_over = self.limits <= self.step
        scores[is_over] = -torch.inf
        scores[is_over, self.end_id] = 0.0
        self.step += 1
        return scores


class ChoiceRecorder:
    """A logits processor that changes nothing, and keeps how likely some tokens were.

    ``ids`` are theirs; of each step and row it keeps a number for each, and stands
    before what samples.
    """

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = list(ids)
        self.steps: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The logits of one step, float32 of shape (rows, vocabulary), as they are."""
        sums = scores.logsumexp(dim=-1, keepdim=True)
        self.steps.append(scores[:, self.ids] - sums)
        return scores

    @cached_property
    def told(self) -> Any:
        """Natural log-probabilities, of shape (rows, steps, ids), of all steps."""
        return torch.stack(self.steps, dim=1).cpu()

    def tell(self, row: int, place: int, ids: Sequence[int]) -> list[float]:
        """Those of some of the ids at one step of a row."""
        columns = [self.ids.index(one) for one in ids]
        logprobs: list[float] = self.told[row, place, columns].tolist()
        return logprobs


class Group:
    """The sampled rows of a batch that have one top_k, and are cut by top_p or not."""

    def __init__(self, rows: Sequence[int], samplings: Sequence[Sampling]) -> None:
        own = [samplings[row] for row in rows]
        self.top_k = own[0].top_k
        self.is_cut = self.top_k > 0 or own[0].top_p < 1
        self.rows = torch.tensor(rows, dtype=torch.long)
        self.temperature, self.top_p = (
            torch.tensor(values, dtype=torch.float64)[:, None]
            for values in (
                [one.temperature for one in own],
                [min(one.top_p, 1.0) for one in own],
            )
        )

    def move(self, device: Any) -> None:
        """Bring what every step needs to the model's device."""
        self.rows = self.rows.to(device)
        self.temperature = self.temperature.to(device)
        self.top_p = self.top_p.to(device)

    def draw(self, logits: Any, numbers: Any) -> Any:
        """A token id for each row of logits and number of 0 to below 1."""
        if not self.is_cut:
            # Of the whole vocabulary as it stands: sorting it would take longest.
            probs = (logits / self.temperature.float()).softmax(dim=-1)
            return pick(probs, numbers)
        if 0 < self.top_k < logits.shape[-1]:
            ranked, order = logits.topk(self.top_k, dim=-1)
        else:
            ranked, order = logits.sort(dim=-1, descending=True, stable=True)
        probs = (ranked.double() / self.temperature).softmax(dim=-1)
        # What is likelier than a token, without it; top_p 1 must not cut a tail
        # for which the rounded sum is 1 already.  The likeliest token always stays.
        before = probs.cumsum(dim=-1) - probs
        is_cut = (before >= self.top_p) & (self.top_p < 1.0)
        is_cut[:, 0] = False
        probs = probs.masked_fill(is_cut, 0.0)
        return order.gather(-1, pick(probs, numbers)[:, None])[:, 0]


def pick(probs: Any, numbers: Any) -> Any:
    """The place in each row at which its probabilities add up to its number."""
    sums = probs.cumsum(dim=-1, dtype=torch.float64)
    places = (sums <= numbers[:, None] * sums[:, -1:]).sum(dim=-1)
    # A number next to 1 can be rounded up to the whole sum.
    last = probs.shape[-1] - 1 - (probs > 0).flip(-1).int().argmax(dim=-1)
    return places.minimum(last)
