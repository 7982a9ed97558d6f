"""The cap: which rows are evicted first, and which never are."""

from __future__ import annotations

import pytest
from store_helpers import ROW, WIDTH, known, make_spec, put, use_and_wait

from skembed import StoreWarning, cache_info, config_context
from skembed.store import open_store


def stored(cache, numbers, spec=None):
    """Look rows up without recording that they were used."""
    with open_store(cache, spec or make_spec()) as store:
        there = known(store, numbers)
        store._uses._batches.clear()
        store._uses._hits.clear()
    return there


def request(cache, numbers, spec=None):
    with open_store(cache, spec or make_spec()) as store:
        there = known(store, numbers)
        put(store, [n for n in numbers if n not in there])


def small_batches(cache, numbers):
    with open_store(cache, make_spec()) as store:
        for first in range(0, len(numbers), 4):
            put(store, numbers[first : first + 4])
        assert known(store, numbers) == list(numbers)


def test_oldest_use_goes_first(tmp_path):
    with config_context(cache_size=12 * ROW):
        for first in (0, 4, 8):
            request(tmp_path, range(first, first + 4))
        request(tmp_path, range(4))  # used again
        request(tmp_path, range(12, 16))
        assert stored(tmp_path, range(16)) == [*range(4), *range(8, 16)]


def test_the_cap_holds_over_specs_and_on_disk(tmp_path):
    other = make_spec(base="ee" * 6)
    with config_context(cache_size=20 * ROW):
        for first in range(0, 20, 4):
            request(tmp_path, range(first, first + 4))
        for first in range(0, 12, 4):
            request(tmp_path, range(first, first + 4), other)
        assert stored(tmp_path, range(20)) == list(range(12, 20))
        assert stored(tmp_path, range(20), other) == list(range(12))
        assert sum(spec.rows for spec in cache_info(tmp_path).specs) == 20
    sizes = sorted(path.stat().st_size for path in tmp_path.rglob("*.rows"))
    assert sizes == [8 * WIDTH * 4, 12 * WIDTH * 4]


def test_space_in_the_middle_is_closed(tmp_path):
    """The rows that stay are moved into the gaps, and their bits are checked."""
    other = make_spec(base="ee" * 6)
    with config_context(cache_size=40 * ROW):
        for first in range(0, 40, 4):
            request(tmp_path, range(first, first + 4))
        for first in (0, 12, 20, 36):
            request(tmp_path, range(first, first + 4))
        request(tmp_path, range(24), other)
        kept = [*range(4), *range(12, 16), *range(20, 24), *range(36, 40)]
        assert stored(tmp_path, range(40)) == kept
        request(tmp_path, range(4, 12))
        assert stored(tmp_path, range(40)) != kept


def test_a_request_larger_than_the_cap_keeps_all_and_warns_once(tmp_path, fresh):
    request(tmp_path, range(100, 104))
    with config_context(cache_size=10 * ROW):
        with pytest.warns(StoreWarning, match="cache_size") as caught:
            small_batches(tmp_path, range(40))
        assert len(caught) == 1
        assert stored(tmp_path, range(104)) == list(range(40))
        request(tmp_path, range(40))  # the same again finds everything, and is silent
        request(tmp_path, range(50, 54))  # and the next small one brings the cap back
        there = stored(tmp_path, range(60))
        assert there[-4:] == [50, 51, 52, 53]
        assert len(there) <= 10


@pytest.mark.parametrize("killed", [False, True])
def test_rows_of_another_running_request_stay(tmp_path, start, fresh, killed):
    request(tmp_path, range(4))
    request(tmp_path, range(4, 8))
    process, pipe = start(use_and_wait, tmp_path, range(4))
    assert pipe.recv() == [0, 1, 2, 3]
    assert pipe.recv() == "used"
    with config_context(cache_size=8 * ROW):
        request(tmp_path, range(8, 11))
        assert stored(tmp_path, range(11)) == [*range(4), *range(8, 11)]
        if killed:
            process.kill()
        else:
            pipe.send("end")
        process.join(20)
        request(tmp_path, range(11, 16))
        assert stored(tmp_path, range(16)) == [*range(8, 16)]
    assert list(tmp_path.rglob("*.lease")) == []
