"""How fast the embedding store answers: ``python benchmarks/store.py [--rows 512 50000]``.

Rows are looked up from known digests, in the order of X (shuffled against the order in which
they were stored), 256 at a time as extraction does; then from paths, where each file's digest
is looked up by its status first. Medians of several rounds, after one that warms the system's
file cache. Needs about twice the space of the largest case; deletes what it wrote.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import skembed
from skembed.extraction.store import StoreSpec, open_file_digests, open_store

WINDOW = 256
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[512, 50_000])
    parser.add_argument("--widths", type=int, nargs="+", default=[1280, 12_288])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", type=Path, help="where to write (a temporary directory)")
    options = parser.parse_args()
    print(f"{'rows':>7} {'columns':>8}  {'what':<28} {'rows/s':>10} {'us/row':>8}")
    for width in options.widths:
        for n in options.rows:
            with tempfile.TemporaryDirectory(dir=options.dir) as folder:
                for what, seconds in rows(Path(folder), n, width, options.rounds):
                    print(
                        f"{n:>7,} {width:>8,}  {what:<28} {n / seconds:>10,.0f} "
                        f"{1e6 * seconds / n:>8.2f}",
                        flush=True,
                    )


def rows(folder: Path, n: int, width: int, rounds: int) -> list[tuple[str, float]]:
    """Time one size; return what was done and the seconds it took."""
    generator = np.random.default_rng(0)
    spec = StoreSpec("0123456789abcdef", (("embedding", width),))
    keys = [generator.bytes(16) for _ in range(n)]
    order = generator.permutation(n)
    asked = [keys[i] for i in order]
    # Rows repeat, so that memory holds one batch; the store cannot tell.
    batch = generator.random((BATCH, width), np.float32)
    with skembed.config_context(cache_size=64 * 2**30):
        append = [_append(folder / str(i), spec, keys, batch) for i in range(min(rounds, 2))]
        cache = folder / "0"
        paths = _files(folder / "files", n)
        with open_file_digests(cache) as digests:
            for path, key in zip(paths, asked, strict=True):
                digests.get(path)
                digests.put(path, path.stat(), key)

        def by_digest() -> None:
            with open_store(cache, spec) as store:
                for part in _parts(asked, WINDOW):
                    _check(store.lookup(part))

        def in_order() -> None:
            with open_store(cache, spec) as store:
                for part in _parts(keys, WINDOW):
                    _check(store.lookup(part))

        def all_at_once() -> None:
            with open_store(cache, spec) as store:
                _check(store.lookup(asked))

        def by_path() -> None:
            with open_file_digests(cache) as digests, open_store(cache, spec) as store:
                for part in _parts(paths, WINDOW):
                    known = [digests.get(path) for path in part]
                    _check(store.lookup([key for key in known if key]), len(part))

        return [
            (f"append, {BATCH} at a time", statistics.median(append)),
            (f"look-up, {WINDOW} at a time", _median(by_digest, rounds)),
            (f"look-up, {WINDOW}, as stored", _median(in_order, rounds)),
            ("look-up, all at once", _median(all_at_once, rounds)),
            (f"look-up by path, {WINDOW} at a time", _median(by_path, rounds)),
        ]


def _check(answer: tuple[np.ndarray, np.ndarray], n: int | None = None) -> None:
    found, _ = answer
    if not found.all() or (n is not None and len(found) != n):
        raise RuntimeError("The store has lost a row, or a file's digest.")


def _append(cache: Path, spec: StoreSpec, keys: Sequence[bytes], batch: np.ndarray) -> float:
    start = time.perf_counter()
    with open_store(cache, spec) as store:
        for part in _parts(keys, BATCH):
            store.append(part, batch[: len(part)])
    seconds = time.perf_counter() - start
    if cache.name != "0":
        skembed.cache_clear(cache=cache)
    return seconds


def _files(folder: Path, n: int) -> list[Path]:
    """Write small files, and wait until they are old enough to be trusted."""
    folder.mkdir()
    paths = [folder / f"{i}.jpg" for i in range(n)]
    for path in paths:
        path.write_bytes(b"x")
    time.sleep(2.1)
    return paths


def _parts(items: Sequence, n: int) -> list:
    return [items[i : i + n] for i in range(0, len(items), n)]


def _median(function: Callable[[], None], rounds: int) -> float:
    function()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
