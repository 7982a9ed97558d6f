"""Mapping ahead: in order, bounded, and over when the consumer is.

It is called by itself: in an extraction, the store and the network would set the pace.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from skembed.extraction._prefetch import prefetch


def test_results_come_in_order():
    gate = threading.Event()

    def slow_first(i):
        if i == 0:
            gate.wait(5)
        if i == 3:
            gate.set()
        return i * i

    with ThreadPoolExecutor(4) as pool:
        assert list(prefetch(pool, slow_first, range(20), 8)) == [i * i for i in range(20)]


@pytest.mark.parametrize("n", [1, 3, 10])
def test_no_more_than_n_are_under_way(n):
    drawn = 0

    def items():
        nonlocal drawn
        for i in range(100):
            drawn += 1
            yield i

    with ThreadPoolExecutor(2) as pool:
        for consumed, _ in enumerate(prefetch(pool, abs, items(), n)):
            assert drawn <= consumed + n


def test_an_error_reaches_the_consumer():
    with ThreadPoolExecutor(2) as pool:
        results = prefetch(pool, lambda i: 1 // i, [1, 0, 1], 2)
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)
