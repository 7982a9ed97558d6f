"""Workers with a few cores each: different keys at the same time, the same key one at a time.

Threads pass for the workers, waits are short, and the table of mounts is the test's own.
"""

from __future__ import annotations

import threading
import time

import pytest
from store_helpers import make_spec

from skembed import StoreWarning
from skembed.store import _key_locks, _network, _store, open_store


@pytest.fixture
def workers(monkeypatch):
    """Threads that pass for the workers of Dask, which have one core each."""
    monkeypatch.setattr(_store, "worker_threads", lambda: 1)


def inside_together(tmp_path, *batches, said=None) -> int:
    """How many of those that lock a batch each, at once, were inside at the same time at most."""
    inside, most, mutex = [], [], threading.Lock()

    def work(keys):
        with open_store(tmp_path, make_spec(), announce=said) as store, store.lock(keys):
            with mutex:
                inside.append(1)
                most.append(len(inside))
            time.sleep(0.1)
            with mutex:
                inside.pop()

    threads = [threading.Thread(target=work, args=(keys,)) for keys in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(most)


def keys(*numbers: int) -> list[bytes]:
    return [bytes([number]) * 32 for number in numbers]


def test_other_keys_do_not_wait_and_equal_ones_do(tmp_path, workers):
    at_once = 2 if _key_locks.are_available() else 1  # elsewhere they take turns
    assert inside_together(tmp_path, keys(1, 2, 3), keys(4, 5, 6)) == at_once
    assert inside_together(tmp_path, keys(1, 2, 3), keys(3, 4), keys(4, 1)) == 1


def test_who_takes_turns_waits_for_keys_too(tmp_path, monkeypatch, workers):
    shares = threading.local()
    monkeypatch.setattr(_store, "worker_threads", lambda: getattr(shares, "threads", None))
    with open_store(tmp_path, make_spec()) as store:
        shares.threads = 1
        with store.lock(keys(1)):
            done = threading.Event()
            turn = threading.Thread(target=lambda: _take(tmp_path, done))
            turn.start()
            assert not done.wait(0.1)
        turn.join()
        assert done.is_set()


def _take(tmp_path, done):
    with open_store(tmp_path, make_spec()) as store, store.lock(keys(1)):
        done.set()


def test_a_wait_is_announced_once_in_ten_minutes(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(_key_locks, "_ANNOUNCE_AFTER", 0.01)
    said: list[str] = []
    for _ in range(2):
        inside_together(tmp_path, keys(1), keys(1), keys(1), said=said.append)
    (told,) = said
    assert told.startswith("Waiting for another process")


@pytest.mark.usefixtures("fresh")
def test_a_network_file_system_is_warned_of(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 0:21 / / rw - ext4 /dev/sda1 rw\n"
        f"23 22 0:22 / {tmp_path}/my\\040share rw shared:1 - nfs4 server:/share rw\n"
    )
    monkeypatch.setattr(_network, "_MOUNTS", mounts)
    with pytest.warns(StoreWarning, match=r"network file system \(nfs4\)"):
        open_store(tmp_path / "my share" / "cache", make_spec())
    open_store(tmp_path / "local", make_spec())  # no warning, which would be an error
