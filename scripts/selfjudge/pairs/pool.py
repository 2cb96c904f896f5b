"""Which prompts of the pool an iteration uses."""

from collections.abc import Iterable, Iterator

from selfjudge.ground.records import Prompt
from selfjudge.ground.seeds import seed_for


def select_prompts(
    prompts: Iterable[Prompt], slice_index: int, num_slices: int, run_seed: int
) -> Iterator[Prompt]:
    """The prompts of one slice of the pool, 0 to num_slices - 1, in their order.

    A prompt's slice follows from its id, so more prompts move none.  Raises
    ValueError on a slice that the pool does not have.
    """
    if not 0 <= slice_index < num_slices:
        raise ValueError(
            f"the slice must be of the {num_slices} of the pool (got number "
            f"{slice_index + 1}). Hint: raise 'pool.num_slices'."
        )
    for prompt in prompts:
        if seed_for(run_seed, "slice", prompt.id) % num_slices == slice_index:
            yield prompt
