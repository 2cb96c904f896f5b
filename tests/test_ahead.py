"""Work ahead of its use: in order, not too far, and ended when nobody wants it."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from selfjudge.engines.ahead import Ahead, map_ahead


def take_all(ahead: Ahead[Any]) -> list[Any]:
    """Everything, until it is over."""
    taken = []
    while (item := ahead.take(wait=True)) is not None:
        taken.append(item)
    return taken


@pytest.mark.parametrize("most", [1, 3, 100])
def test_items_come_in_order_and_are_not_made_too_early(most: int) -> None:
    """By another thread; so many, and one in hand, before they are taken."""
    made: list[int] = []
    threads = set()

    def items() -> Iterator[int]:
        for number in range(1, 40):
            threads.add(threading.get_ident())
            made.append(number)
            yield number

    ahead = Ahead(items(), most)
    taken = []
    while (item := ahead.take(wait=True)) is not None:
        taken.append(item)
        assert len(made) <= len(taken) + most + 1
    assert taken == made == list(range(1, 40)) and ahead.is_over
    assert ahead.take(wait=True) is None
    assert threading.get_ident() not in threads
    assert ahead.close() == []


def test_what_is_not_ready_is_not_waited_for() -> None:
    """Without waiting there is nothing, and that it is not over is known."""
    go = threading.Event()

    def items() -> Iterator[str]:
        go.wait()
        yield "late"

    ahead = Ahead(items(), 3)
    assert ahead.take(wait=False) is None and not ahead.is_over
    go.set()
    assert take_all(ahead) == ["late"]


def test_an_error_is_raised_when_its_item_is_wanted() -> None:
    """After those that were made before it."""

    def items() -> Iterator[int]:
        yield 1
        raise OSError("cannot identify")

    ahead = Ahead(items(), 3)
    assert ahead.take(wait=True) == 1
    with pytest.raises(OSError, match="cannot identify"):
        ahead.take(wait=True)
    assert ahead.is_over and ahead.close() == []


def test_an_end_before_the_end() -> None:
    """What was made and not taken is told, the generator ended, the thread gone."""
    ended = []

    def items() -> Iterator[int]:
        try:
            yield from range(1, 1000)
        finally:
            ended.append(True)

    before = threading.active_count()
    ahead = Ahead(items(), 4)
    assert ahead.take(wait=True) == 1
    left = ahead.close()
    assert left == list(range(2, 2 + len(left))) and 1 <= len(left) <= 7
    assert ended == [True] and threading.active_count() == before


def test_mapped_items_keep_their_order() -> None:
    """Whichever is done first; errors come in turn, and end what follows."""

    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        if number == 30:
            raise ValueError("thirty")
        return number * number

    assert list(map_ahead(work, range(25))) == [n * n for n in range(25)]
    done = []
    with pytest.raises(ValueError, match="thirty"):
        for square in map_ahead(work, range(1000)):
            done.append(square)
    assert done == [n * n for n in range(30)]
