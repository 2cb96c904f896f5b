"""Sampling in which every row of a batch has a life of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from selfjudge.ground.requests import Sampling


class RowSampler:
    """A logits processor of transformers that makes greedy decoding sample.

    Each row draws from its own generator, one draw for each entry of the
    vocabulary and step, and the noise turns the argmax into a sample (the
    Gumbel-max trick).  So a row's text follows from its own logits, sampling
    and seed; the rows beside it do not matter.  Rows of temperature 0 stay
    greedy, rows past their ``max_tokens`` are made to end.

    ``writable`` are the token ids that a text may consist of, ``end_id`` among
    them.  The order of the filters is temperature, top_k, top_p.
    """

    def __init__(
        self,
        samplings: Sequence[Sampling],
        seeds: Sequence[int],
        writable: Sequence[int],
        end_id: int,
        device: Any,
    ) -> None:
        rows = [row for row, sampling in enumerate(samplings) if sampling.temperature]
        drawn = [samplings[row] for row in rows]
        # numpy's, as torch's CPU generator reads 32 bits of a seed and takes ten
        # times as long for a vocabulary of 128k.
        self.generators = [
            np.random.Generator(np.random.PCG64(seeds[row])) for row in rows
        ]

        def column(values: list[float]) -> Any:
            return torch.tensor(values, dtype=torch.float32, device=device)[:, None]

        self.rows = torch.tensor(rows, dtype=torch.long, device=device)
        self.temperature = column([sampling.temperature for sampling in drawn])
        self.top_k = column([sampling.top_k or float("inf") for sampling in drawn])
        self.top_p = column([min(sampling.top_p, 1.0) for sampling in drawn])
        self.is_cut = any(one.top_k > 0 or one.top_p < 1 for one in drawn)
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
        if self.generators:
            scores[self.rows] = self.add_noise(scores[self.rows])
        is_over = self.limits <= self.step
        scores[is_over] = -torch.inf
        scores[is_over, self.end_id] = 0.0
        self.step += 1
        return scores

    def add_noise(self, logits: Any) -> Any:
        """The sampled rows' logits, whose argmax is now a draw."""
        logits = logits / self.temperature
        width = logits.shape[-1]
        draws = np.stack([one.standard_exponential(width) for one in self.generators])
        # -log of an exponential is a Gumbel; the floor keeps a 0 from winning.
        gumbel = -torch.from_numpy(draws).to(logits.device).clamp(min=1e-300).log()
        noisy = logits + gumbel.to(logits.dtype)
        if not self.is_cut:
            return noisy
        return noisy.masked_fill(~self.keep_likely(logits), -torch.inf)

    def keep_likely(self, logits: Any) -> Any:
        """A mask of the tokens that top_k and top_p leave; the likeliest always."""
        ranked, order = logits.sort(dim=-1, descending=True, stable=True)
        rank = torch.arange(ranked.shape[-1], device=ranked.device)
        ranked = ranked.masked_fill(rank >= self.top_k, -torch.inf)
        probs = ranked.softmax(dim=-1)
        # What is likelier than a token, without it; top_p 1 must not cut a tail
        # for which the rounded sum is 1 already.
        before = probs.cumsum(dim=-1) - probs
        kept = (before < self.top_p) | (self.top_p >= 1.0)
        kept &= rank < self.top_k
        kept[:, 0] = True
        return torch.zeros_like(kept).scatter(-1, order, kept)
