"""Randomness is an argument: a seed follows from what it is for, never from when."""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import msgspec


def seed_for(run_seed: int, *ids: object) -> int:
    """A seed of 0 to 2**63 - 1 that depends on the arguments alone.

    No arrival order, no process and no filter name takes part, so two stages
    that ask for the same thing get the same draw.
    """
    digest = hashlib.sha256(msgspec.json.encode((run_seed, *ids))).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def random_for(run_seed: int, *ids: object) -> Random:
    """A generator seeded by `seed_for`."""
    return Random(seed_for(run_seed, *ids))


def rank_limit(ranks: Iterable[int], size: int) -> int:
    """The highest of the ``size`` lowest ranks: what ranks above it is cut.

    -1 if nothing may stay.  Memory is some sixty bytes a rank.
    """
    ordered = sorted(array("Q", ranks))
    return ordered[:size][-1] if size and ordered else -1


def shard_of(record_id: str, num_shards: int) -> int:
    """The shard, 0 to num_shards - 1, that a record with this hex id belongs to.

    Shards are equal ranges of the id: shard outputs in id order, one after the
    other, are the whole output in id order.
    """
    return (int(record_id[:16], 16) * num_shards) >> 64


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several equal parts of a stage; ``index`` counts from 1."""

    index: int
    count: int

    def select(self, items: Iterable[T], key: Callable[[T], str]) -> Iterator[T]:
        """The items whose key, a hex id, falls into this shard; order is kept."""
        for item in items:
            if shard_of(key(item), self.count) == self.index - 1:
                yield item
