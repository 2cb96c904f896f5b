import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfjudge.ground.seeds import random_for, rank_limit, seed_for, shard_of

IDS = st.integers(0, 2**64 - 1).map("{:016x}".format)


def test_seed_is_fixed() -> None:
    """A seed never changes between versions: results depend on it."""
    assert seed_for(0, "response", "ab", 1) == 2069613673436832446


@given(st.integers(0, 2**32), st.lists(st.text() | st.integers(0, 99)))
def test_seed_fits_into_63_bits(run_seed: int, ids: list[object]) -> None:
    """Libraries that take signed 64-bit seeds take ours."""
    assert 0 <= seed_for(run_seed, *ids) < 2**63


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param((0, "a"), (1, "a"), id="run-seed"),
        pytest.param((0, "a", "b"), (0, "ab"), id="boundaries"),
        pytest.param((0, 1), (0, "1"), id="types"),
        pytest.param((0, "a", "b"), (0, "b", "a"), id="order"),
    ],
)
def test_seed_depends_on_all_arguments(one: tuple, other: tuple) -> None:
    """Different purposes get different seeds."""
    assert seed_for(*one) != seed_for(*other)


def test_random_for_repeats_itself() -> None:
    """Two generators for one purpose draw alike."""
    assert random_for(7, "x").random() == random_for(7, "x").random()


RANKS = st.lists(st.integers(0, 2**63 - 1))


@given(RANKS.filter(lambda ranks: len(ranks) == len(set(ranks))), st.integers(0, 99))
def test_as_many_ranks_stay_as_there_is_room(ranks: list[int], size: int) -> None:
    """At most so many, the lowest, and all of them where there is room."""
    kept = [rank for rank in ranks if rank <= rank_limit(ranks, size)]
    assert sorted(kept) == sorted(ranks)[:size]


@given(RANKS)
def test_no_room_keeps_no_rank(ranks: list[int]) -> None:
    """Not even a rank of 0 stays where nothing may; nor is there any among none."""
    assert rank_limit(ranks, 0) == rank_limit([], len(ranks)) == -1


@given(RANKS, st.integers(1, 99))
def test_equal_ranks_stay_together(ranks: list[int], size: int) -> None:
    """Every rank given twice is cut twice or not at all; order has no part in it."""
    limit = rank_limit(ranks, size)
    assert rank_limit(reversed(ranks), size) == limit
    assert rank_limit([*ranks, *ranks], 2 * size) == limit
    assert rank_limit([5, 5, 5, 9], 2) == 5


@given(IDS, st.integers(1, 200))
def test_shards_partition(record_id: str, num_shards: int) -> None:
    """Every id belongs to exactly one shard that exists."""
    assert shard_of(record_id, num_shards) in range(num_shards)


@given(st.lists(IDS, min_size=2), st.integers(1, 200))
def test_shards_are_contiguous_ranges(ids: list[str], num_shards: int) -> None:
    """In id order shards only rise: outputs joined in order are in id order."""
    shards = [shard_of(record_id, num_shards) for record_id in sorted(ids)]
    assert shards == sorted(shards)


def test_shards_are_of_equal_size() -> None:
    """Evenly spread ids fill all shards alike."""
    shards = [shard_of(f"{value << 54:016x}", 8) for value in range(1024)]
    assert [shards.count(shard) for shard in range(8)] == [128] * 8


def test_last_id_is_in_last_shard() -> None:
    """The largest id does not fall off the end."""
    assert shard_of("f" * 16, 7) == 6
