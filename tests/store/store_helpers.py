"""Rows that depend on their image alone, and what other processes do with a store."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from skembed import config_context
from skembed.store import StoreSpec, _connections, open_store, store_directory

WIDTH = 24
ROW = 4 * WIDTH + 128  # bytes of a row as the cap counts them, with its entry in the index


def forget_connections(cache: Path) -> None:
    """Behave like another process, which has never opened this store."""
    known = _connections.take(store_directory(cache))
    if known is not None:
        _connections.close(known)


def make_spec(
    *layers: str, base: str = "00aa11bb22cc", backbone: str = "net", **others
) -> StoreSpec:
    columns = tuple((layer, WIDTH) for layer in layers or ("top",))
    return StoreSpec(base, columns, description={"backbone": backbone}, **others)


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def rows_of(numbers, spec: StoreSpec) -> np.ndarray:
    """Return the rows of these images: each layer's columns depend on image and layer only."""
    return np.array(
        [
            np.concatenate(
                [
                    np.random.default_rng([n, *layer.encode()]).standard_normal(
                        width, np.float32
                    )
                    for layer, width in spec.columns
                ]
            )
            for n in numbers
        ],
        np.float32,
    ).reshape(len(numbers), spec.width)


def put(store, numbers) -> None:
    store.append([key(n) for n in numbers], rows_of(numbers, store.spec))


def known(store, numbers) -> list[int]:
    """Return which of the images are found; check the bits of their rows."""
    found, rows = store.lookup([key(n) for n in numbers])
    there = [n for n, yes in zip(numbers, found, strict=True) if yes]
    assert rows[found].tobytes() == rows_of(there, store.spec).tobytes()
    assert np.isnan(rows[~found]).all()
    return there


def write_for_ever(cache: Path, pipe, first: int, batch: int) -> None:
    """Append small batches, and send a message after each, until the process is killed."""
    with open_store(cache, make_spec()) as store:
        for start in range(first, 10**9, batch):
            put(store, range(start, start + batch))
            pipe.send(start + batch)


def evict_for_ever(cache: Path, pipe, base: str, cap: int) -> None:
    """Do the same under a cap that one request reaches, with a new request for each batch."""
    with config_context(cache_size=cap):
        for number in range(10**9):
            with open_store(cache, make_spec(base=base)) as store:
                put(store, range(4 * number % 4000, 4 * number % 4000 + 4))
            pipe.send(number)


def compute(cache: Path, pipe, numbers: Iterable[int], batch: int) -> None:
    """Extract as the runner does: lock, look again, compute what is missing, append."""
    numbers, computed = list(numbers), []
    with open_store(cache, make_spec()) as store:
        for start in range(0, len(numbers), batch):
            part = numbers[start : start + batch]
            with store.lock():
                there = known(store, part)
                missing = [n for n in part if n not in there]
                time.sleep(0.002 * len(missing))
                if missing:
                    put(store, missing)
                computed += missing
    pipe.send(computed)


def hold_lock(cache: Path, pipe, batches: int, seconds: float) -> None:
    """Take the lock again and again, as a process with very many images does."""
    with open_store(cache, make_spec()) as store:
        for number in range(batches):
            with store.lock():
                if number == 0:
                    pipe.send("locked")
                time.sleep(seconds)
    pipe.send("done")


def use_and_wait(cache: Path, pipe, numbers: Iterable[int]) -> None:
    """Look rows up in a request that runs until it gets a message, or is killed."""
    with open_store(cache, make_spec()) as store:
        pipe.send(known(store, list(numbers)))
        put(store, [10**6])  # the append writes the uses down as well
        store._uses.flush(1.0)
        pipe.send("used")
        pipe.recv()


def write_and_wait(cache: Path, pipe) -> None:
    """Stay in the middle of a transaction until a message comes."""
    with open_store(cache, make_spec()) as store, store._index.write():
        pipe.send("writing")
        pipe.recv()


def append_under_file_limit(cache: Path, pipe, n_bytes: int) -> None:
    """Append until the system refuses to let a file grow; send the warnings and rows found."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with open_store(cache, make_spec()) as store:
            for start in range(0, 4000, 50):
                put(store, range(start, start + 50))
            there = known(store, range(4000))
    pipe.send(([str(w.message) for w in caught], len(there)))


def after_fork(cache: Path, pipe) -> None:
    """Use a store on both sides of a fork."""
    with open_store(cache, make_spec()) as store:
        put(store, range(4))
        child = os.fork()
        if child == 0:
            put(store, range(4, 8))
            store.close()
            os._exit(0 if known(store, range(8)) == list(range(8)) else 1)
        _, status = os.waitpid(child, 0)
        put(store, range(8, 12))
        pipe.send((os.waitstatus_to_exitcode(status), known(store, range(12))))
