"""Which prompts of the pool an iteration uses."""

from array import array
from collections.abc import Callable, Iterable, Iterator

from selfjudge.ground.records import Prompt
from selfjudge.ground.seeds import seed_for


def select_prompts(
    read: Callable[[], Iterable[Prompt]],
    iteration: int,
    prompts_per_iteration: int,
    run_seed: int,
    iterations: int = 1,
) -> Iterator[Prompt]:
    """The prompts of one iteration, from 1, in the order of the pool.

    They are the next ``prompts_per_iteration`` of the pool in seeded order, after
    those of the iterations before: one iteration more moves none.  ``read`` gives
    the pool; it is called twice.  Memory is some sixty bytes a prompt.  Raises
    ValueError where the pool does not reach so far, or not for all ``iterations``.
    """
    ranks = array("Q", (rank_in_pool(prompt, run_seed) for prompt in read()))
    check_pool(len(ranks), max(iteration, iterations), prompts_per_iteration)
    ordered = sorted(ranks)
    end = iteration * prompts_per_iteration
    low, high = ordered[end - prompts_per_iteration], ordered[end - 1]
    for prompt, rank in zip(read(), ranks, strict=True):
        if low <= rank <= high:
            yield prompt


def rank_in_pool(prompt: Prompt, run_seed: int) -> int:
    """A prompt's place in the seeded order of the pool, by what is lower and higher."""
    return seed_for(run_seed, "pool", prompt.id)


def check_pool(num_prompts: int, iterations: int, prompts_per_iteration: int) -> int:
    """The number of prompts that no iteration uses.

    Raises ValueError where there are fewer than the iterations take.
    """
    needed = iterations * prompts_per_iteration
    if num_prompts < needed:
        most = num_prompts // iterations
        fits = f"set 'pool.prompts_per_iteration: {most}', " if most else ""
        raise ValueError(
            f"the pool must have at least {needed} usable prompts, "
            f"{prompts_per_iteration} for each of {iterations} iterations (got "
            f"{num_prompts}). Hint: {fits}add prompts, or set 'pool.mode: reuse'."
        )
    return num_prompts - needed
