"""Which prompts of the pool an iteration uses, and which none may."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from selfjudge.ground.records import Prompt
from selfjudge.ground.seeds import rank_limit, seed_for


def select_prompts(
    read: Callable[[], Iterable[Prompt]],
    iteration: int,
    prompts_per_iteration: int,
    run_seed: int,
    iterations: int = 1,
    held_out_share: float = 0.0,
) -> Iterator[Prompt]:
    """The prompts of one iteration, from 1, in the order of the pool.

    They are the next ``prompts_per_iteration`` of the pool in seeded order, after
    those of the iterations before: one iteration more moves none.  What is held out
    is in no iteration.  ``read`` gives the pool; it is called twice.  Memory is some
    sixty bytes a prompt.  Raises ValueError where the pool does not reach so far, or
    not for all ``iterations``.
    """

    def train_side() -> Iterator[Prompt]:
        return on_side("training", read(), held_out_share, run_seed)

    ranks = array("Q", (rank_in_pool(prompt, run_seed) for prompt in train_side()))
    needed = max(iteration, iterations)
    check_pool(len(ranks), needed, prompts_per_iteration, held_out_share)
    ordered = sorted(ranks)
    end = iteration * prompts_per_iteration
    low, high = ordered[end - prompts_per_iteration], ordered[end - 1]
    for prompt, rank in zip(train_side(), ranks, strict=True):
        if low <= rank <= high:
            yield prompt


Side = Literal["training", "held_out", "neither"]


def on_side(
    side: Side, prompts: Iterable[Prompt], held_out_share: float, run_seed: int
) -> Iterator[Prompt]:
    """The prompts of the pool on one side, in its order."""
    for prompt in prompts:
        if side_of(prompt, held_out_share, run_seed) == side:
            yield prompt


def side_of(prompt: Prompt, held_out_share: float, run_seed: int) -> Side:
    """Which side of the pool a prompt is on, by its images.

    Each image is drawn by seed for itself, so that all prompts about it are on one
    side.  A prompt with images of both sides is on `neither`: nobody uses it.
    """
    if not held_out_share:
        return "training"
    drawn = {
        seed_for(run_seed, "held out", digest) < held_out_share * 2**63
        for digest in prompt.image_sha256s
    }
    if len(drawn) > 1:
        return "neither"
    return "held_out" if True in drawn else "training"


def draw_held_out(
    read: Callable[[], Iterable[Prompt]], size: int, share: float, run_seed: int
) -> Iterator[Prompt]:
    """At most ``size`` held-out prompts, by seed, in the order of the pool.

    ``read`` gives the pool; it is called twice.  Raises ValueError where no prompt is
    held out.
    """

    def held_out() -> Iterator[Prompt]:
        return on_side("held_out", read(), share, run_seed)

    limit = rank_limit((rank_in_pool(prompt, run_seed) for prompt in held_out()), size)
    if limit < 0:
        raise ValueError(
            f"'certificate.share' must hold out at least one prompt of the pool (got "
            f"none at {share}). Hint: it is drawn by image; raise it, or add images."
        )
    for prompt in held_out():
        if rank_in_pool(prompt, run_seed) <= limit:
            yield prompt


def rank_in_pool(prompt: Prompt, run_seed: int) -> int:
    """A prompt's place in the seeded order of the pool, by what is lower and higher."""
    return seed_for(run_seed, "pool", prompt.id)


def check_pool(
    num_prompts: int,
    iterations: int,
    prompts_per_iteration: int,
    held_out_share: float = 0.0,
    dropped: str = "",
) -> int:
    """The number of prompts on the side of training that no iteration uses.

    ``num_prompts`` are those on that side.  Raises ValueError where there are fewer
    than the iterations take, which says what was ``dropped``, if that is known.
    """
    needed = iterations * prompts_per_iteration
    if num_prompts < needed:
        most = num_prompts // iterations
        fits = f"set 'pool.prompts_per_iteration: {most}', " if most else ""
        without = ""
        if held_out_share:
            without = f", without what 'certificate.share: {held_out_share}' holds out"
        if dropped:
            without += f"; dropped: {dropped}"
        raise ValueError(
            f"the pool must have at least {needed} usable prompts, "
            f"{prompts_per_iteration} for each of {iterations} iterations (got "
            f"{num_prompts}{without}). Hint: {fits}add prompts, or set "
            "'pool.mode: reuse'."
        )
    return num_prompts - needed
