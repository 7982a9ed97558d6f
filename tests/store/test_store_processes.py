"""Several processes at once, and processes that are killed.

For some a wait is made shorter: a process that is stopped is waited for 15 seconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time

import numpy as np
import pytest
from store_helpers import (
    ROW,
    after_fork,
    compute,
    evict_for_ever,
    forget_connections,
    hold_lock,
    known,
    make_spec,
    put,
    use_and_wait,
    write_and_wait,
    write_for_ever,
)

from skembed import StoreWarning, cache_clear, cache_info, config_context
from skembed.store import _index, _locks, open_store, store_directory


@contextlib.contextmanager
def connected(cache):
    """The index of a store, by SQLite alone."""
    path = store_directory(cache) / "index.sqlite3"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def assert_consistent(cache):
    """Check that every slot belongs to one row, or is free."""
    with open_store(cache, make_spec()), connected(cache) as index:
        assert list(index.execute("PRAGMA integrity_check")) == [("ok",)]
        for layout, slots in list(index.execute("SELECT id, slots FROM layouts")):
            taken = index.execute(
                "SELECT slot FROM entries WHERE layout = ? UNION ALL "
                "SELECT slot FROM free WHERE layout = ?",
                (layout, layout),
            )
            assert sorted(slot for (slot,) in taken) == list(range(slots))


@pytest.mark.slow
def test_overlapping_sets_at_once(tmp_path, start):
    sets = [range(120), range(40, 160), range(119, -1, -1), range(80, 200)]
    running = [start(compute, tmp_path, numbers, 8) for numbers in sets]
    computed = [n for _, pipe in running for n in pipe.recv()]
    assert sorted(computed) == list(range(200))  # each of them once
    with open_store(tmp_path, make_spec()) as store:
        assert known(store, range(200)) == list(range(200))
    assert cache_info(tmp_path).specs[0].rows == 200
    assert_consistent(tmp_path)


@pytest.mark.slow
def test_unlocked_writers_at_once(tmp_path, start):
    """Without the lock rows may be computed twice, and are kept once."""
    running = [start(write_for_ever, tmp_path, 0, 5) for _ in range(3)]
    for process, pipe in running:
        while pipe.recv() < 300:
            pass
        process.kill()
        process.join()
    with open_store(tmp_path, make_spec()) as store:
        assert known(store, range(300)) == list(range(300))
    assert_consistent(tmp_path)


@pytest.mark.slow
def test_fifty_kills_of_a_writer(tmp_path, start):
    chance = np.random.default_rng(0)
    stored = 0
    for _ in range(50):
        process, pipe = start(write_for_ever, tmp_path, stored, 16)
        after = pipe.recv()
        time.sleep(chance.random() * 0.02)
        process.kill()
        process.join()
        while pipe.poll():
            try:
                after = pipe.recv()
            except EOFError:
                break
        with open_store(tmp_path, make_spec()) as store:
            there = known(store, range(stored, after + 64))
        # All that was said to be kept, and at most the batch in flight, whole.
        assert there[: after - stored] == list(range(stored, after))
        assert len(there) in (after - stored, after - stored + 16)
        assert len(there) > 0
        stored += len(there)
    with open_store(tmp_path, make_spec()) as store:
        assert known(store, range(stored)) == list(range(stored))
    assert_consistent(tmp_path)


@pytest.mark.slow
def test_kills_while_rows_are_evicted_and_moved(tmp_path, start):
    cap = 400 * ROW
    chance = np.random.default_rng(1)
    bases = ["00aa11bb22cc", "ee" * 6]
    for _ in range(25):
        running = [start(evict_for_ever, tmp_path, base, cap) for base in bases]
        for _, pipe in running:
            pipe.recv()
        time.sleep(0.02 + chance.random() * 0.05)
        for process, _ in running:
            process.kill()
            process.join()
        assert_consistent(tmp_path)
    with config_context(cache_size=cap):
        for base in bases:  # whatever is found has the right bits; no row is called damaged
            with open_store(tmp_path, make_spec(base=base)) as store:
                known(store, range(4000))
        with open_store(tmp_path, make_spec()) as store:
            put(store, range(5000, 5004))
        assert ROW * sum(spec.rows for spec in cache_info(tmp_path).specs) <= cap
        assert_consistent(tmp_path)


@pytest.mark.slow
def test_ten_images_do_not_wait_for_ten_thousand(tmp_path, start):
    """Two processes take the lock again at once; a third one gets it between their batches."""
    running = [start(hold_lock, tmp_path, 10_000, 0.03) for _ in range(2)]
    for _, pipe in running:
        assert pipe.recv() == "locked"
    waits = []
    with open_store(tmp_path, make_spec()) as store:
        for _ in range(10):
            before = time.monotonic()
            with store.lock():
                waits.append(time.monotonic() - before)
    assert np.median(waits) < 0.5
    assert max(waits) < 3


def test_a_reader_does_not_wait_for_a_writer(tmp_path):
    """Not even for one that never ends; and it closes without an error."""
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(20))
    with connected(tmp_path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        before = time.monotonic()
        store = open_store(tmp_path, make_spec())
        assert known(store, range(30)) == list(range(20))
        assert time.monotonic() - before < 0.2
        store.close()
        assert time.monotonic() - before < 1


@pytest.mark.slow
def test_a_long_wait_is_announced_once(tmp_path, start, monkeypatch):
    """A holder that gives heartbeats is waited for, however long its batch takes."""
    monkeypatch.setattr(_locks, "STOPPED_AFTER", 2.7)
    said = []
    _, pipe = start(hold_lock, tmp_path, 1, 3.3)
    assert pipe.recv() == "locked"
    with open_store(tmp_path, make_spec(), announce=said.append) as store:
        before = time.monotonic()
        with store.lock():
            assert time.monotonic() - before > 2.9
        with store.lock():
            pass
    assert len(said) == 1
    assert "another process" in said[0]


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_a_stopped_holder_is_not_waited_for(tmp_path, start, monkeypatch):
    monkeypatch.setattr(_locks, "STOPPED_AFTER", 1.5)
    process, pipe = start(hold_lock, tmp_path, 1, 0.1)
    assert pipe.recv() == "locked"
    os.kill(process.pid, signal.SIGSTOP)
    with open_store(tmp_path, make_spec()) as store:
        before = time.monotonic()
        with pytest.warns(StoreWarning, match="no sign of life"), store.lock():
            put(store, range(4))
        assert 1 < time.monotonic() - before < 10
        before = time.monotonic()
        for n in range(4, 8):  # once is enough
            with store.lock():
                put(store, [n])
        assert time.monotonic() - before < 1
        os.kill(process.pid, signal.SIGCONT)
        assert pipe.recv() == "done"
        with store.lock():
            assert known(store, range(10)) == list(range(8))


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_a_stopped_writer_is_not_waited_for(tmp_path, start, monkeypatch):
    monkeypatch.setattr(_index, "TIMEOUT", 1.0)
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(4))
        process, pipe = start(write_and_wait, tmp_path)
        assert pipe.recv() == "writing"
        os.kill(process.pid, signal.SIGSTOP)
        before = time.monotonic()
        with pytest.warns(StoreWarning, match="busy"):
            put(store, range(4, 8))
        for n in range(8, 12):
            put(store, [n])
        assert 0.9 < time.monotonic() - before < 5
        assert known(store, range(12)) == [0, 1, 2, 3]
        os.kill(process.pid, signal.SIGCONT)
        pipe.send("end")
        process.join()
        put(store, range(4, 12))
        assert known(store, range(12)) == list(range(12))


def test_what_killed_processes_leave_is_swept(tmp_path, start):
    def left() -> tuple[int, int]:
        with connected(tmp_path) as index:
            ((uses,),) = index.execute("SELECT COUNT(*) FROM uses")
        return len(list(tmp_path.rglob("*.lease"))), uses

    def kill_some():
        running = [start(use_and_wait, tmp_path, range(3)) for _ in range(3)]
        for _, pipe in running:
            pipe.recv()
            assert pipe.recv() == "used"
        for process, _ in running:
            process.kill()
            process.join()

    with open_store(tmp_path, make_spec()) as store:
        put(store, range(3))
    kill_some()
    assert left()[0] == 3
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(3, 6))  # another run
    assert left() == (0, 0)
    kill_some()
    cache_clear(cache=tmp_path)
    assert left() == (0, 0)


@pytest.mark.parametrize("lost", ["deleted", "emptied"])
def test_rows_of_a_lost_index_are_swept(tmp_path, lost):
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(3))
    forget_connections(tmp_path)
    path = store_directory(tmp_path) / "index.sqlite3"
    path.unlink() if lost == "deleted" else os.truncate(path, 0)
    with open_store(tmp_path, make_spec()) as store:
        assert known(store, range(3)) == []
        put(store, range(3))
    assert len(list(tmp_path.rglob("*.rows"))) == 1


def test_a_killed_holder_lets_go(tmp_path, start):
    process, pipe = start(hold_lock, tmp_path, 1, 60.0)
    assert pipe.recv() == "locked"
    process.kill()
    process.join()
    said = []
    with open_store(tmp_path, make_spec(), announce=said.append) as store, store.lock():
        pass
    assert said == []


def test_other_bases_do_not_wait(tmp_path, start):
    _, pipe = start(hold_lock, tmp_path, 1, 60.0)
    assert pipe.recv() == "locked"
    before = time.monotonic()
    with open_store(tmp_path, make_spec(base="ee" * 6)) as store, store.lock():
        put(store, range(3))
    with open_store(tmp_path, make_spec()) as store:
        assert known(store, range(3)) == []
    assert time.monotonic() - before < 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_both_sides_of_a_fork(tmp_path, start):
    _, pipe = start(after_fork, tmp_path)
    assert pipe.recv() == (0, list(range(12)))
    assert_consistent(tmp_path)
