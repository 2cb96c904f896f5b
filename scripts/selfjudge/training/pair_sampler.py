"""The order in which a training by reward sees its pairs, and how often."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch.utils.data import Sampler

from selfjudge.ground.records import ORDERS


class PairSampler(Sampler):  # type: ignore[misc]
    """Places of rows such that both orders of a pair stand in one step.

    Rows 2i and 2i + 1 are the orders of pair i.  Each row comes ``num_rollouts``
    times in a row, and each step's rows ``num_reads`` times: TRL asks for a step's
    rows once for every forward pass.  Pairs are drawn anew for each epoch; the last
    step is filled up with the epoch's first pairs.
    """

    def __init__(
        self,
        num_pairs: int,
        pairs_per_step: int,
        num_rollouts: int,
        num_reads: int,
        seed: int,
    ) -> None:
        self.num_pairs = num_pairs
        self.pairs_per_step = pairs_per_step
        self.num_rollouts = num_rollouts
        self.num_reads = num_reads
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw as in this epoch; a resumed training asks for it."""
        self.epoch = epoch

    def num_steps(self) -> int:
        """Optimizer steps of an epoch."""
        return -(-self.num_pairs // self.pairs_per_step)

    def num_rows(self) -> int:
        """Rollouts of an epoch."""
        pairs = self.num_steps() * self.pairs_per_step
        return pairs * len(ORDERS) * self.num_rollouts

    def __len__(self) -> int:
        return self.num_rows() * self.num_reads

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        drawn = torch.randperm(self.num_pairs, generator=generator).tolist()
        ends = range(
            0, (self.num_steps() + 1) * self.pairs_per_step, self.pairs_per_step
        )
        for start, end in pairwise(ends):
            pairs = [drawn[place % self.num_pairs] for place in range(start, end)]
            rows = [2 * pair + side for pair in pairs for side in range(len(ORDERS))]
            for _ in range(self.num_reads):
                for row in rows:
                    yield from [row] * self.num_rollouts
