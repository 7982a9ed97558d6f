"""Map a function over items in threads, with a bounded number of results waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def prefetch(
    pool: Executor, function: Callable[[T], R], items: Iterable[T | None], n: int
) -> Iterator[R | None]:
    """Yield ``function(item)`` for each item, in order, with at most `n` under way.

    ``Executor.map`` would start on every item at once and so hold every image in memory.

    Parameters
    ----------
    pool : Executor
        Whose threads call the function.
    function : callable
        Takes an item.
    items : iterable
        Each is drawn when there is room for it. None is no item: it is yielded as it is, once
        all results before it have been, and before another item is drawn.
    n : int
        Results that are under way at once.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(prefetch(pool, abs, [-1, 2, None, -3], 2))
    [1, 2, None, 3]
    """
    under_way: deque[Future[R]] = deque()
    try:
        for item in items:
            if item is not None:
                under_way.append(pool.submit(function, item))
            while under_way and (item is None or len(under_way) >= n):
                yield under_way.popleft().result()
            if item is None:
                yield None
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()
