"""Work done ahead of its use: images opened, prompts made, while the model runs."""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
MOST_THREADS = 8


class Ahead(Generic[T]):
    """The items of a generator, made in their order by a thread of its own.

    At most ``most`` are made and not taken, but for one in hand.  ``is_over`` is
    True once it is known that all were taken.
    """

    def __init__(self, items: Generator[T, None, None], most: int) -> None:
        self._items = items
        self._made: queue.Queue[list[T] | BaseException] = queue.Queue(most)
        self._is_closed = False
        self.is_over = False
        # A daemon: an interpreter that ends does not wait for it.
        self._thread = threading.Thread(target=self._make, daemon=True)
        self._thread.start()

    def take(self, *, wait: bool) -> T | None:
        """The next item; None if all were taken, or without ``wait`` none is ready.

        Raises what making it raised.
        """
        if self.is_over:
            return None
        try:
            made = self._made.get(block=wait)
        except queue.Empty:
            return None
        if isinstance(made, BaseException):
            self.is_over = True
            raise made
        if not made:
            self.is_over = True
            return None
        return made[0]

    def close(self) -> list[T]:
        """End the generator; what was made and not taken, once the thread has ended."""
        self._is_closed = True
        left: list[T] = []
        while self._thread.is_alive() or not self._made.empty():
            try:
                made = self._made.get(timeout=0.05)
            except queue.Empty:
                continue
            if isinstance(made, list):
                left += made
        self.is_over = True
        return left

    def _make(self) -> None:
        """Make all items; an empty list in the queue says that there are no more."""
        try:
            for item in self._items:
                self._made.put([item])
                if self._is_closed:
                    return
            self._made.put([])
        except BaseException as error:  # raised again where the item is wanted
            self._made.put(error)
        finally:
            self._items.close()


def map_ahead(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What ``work`` makes of each item, in order, a few items ahead, by threads.

    One CPU is left to whoever uses it.  Raises what making an item raised, when it
    is that item's turn.
    """
    num_threads = min(max(len(os.sched_getaffinity(0)) - 1, 1), MOST_THREADS)
    under_way: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(num_threads)
    try:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) > 2 * num_threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
