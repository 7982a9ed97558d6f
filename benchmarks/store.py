"""How much the embedding store saves: ``python benchmarks/store.py [rows | search]``.

``rows``: rows a second. They are looked up from known digests, in the order of X (shuffled
against the order in which they were stored), 256 at a time as extraction does; then from paths,
where each file's digest is looked up by its status first. Medians of several rounds, after one
that warms the system's file cache. Needs about twice the space of the largest case; deletes
what it wrote.

``search``: a whole ``GridSearchCV`` with the store, empty at first; the same with scikit-learn's
``Pipeline(memory=)``, empty at first; and with neither. Each round runs all of them, one after
the other, with a network that is compiled already.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

import skembed
from skembed.extraction import images_run
from skembed.images import from_folders
from skembed.store import StoreSpec, open_file_digests, open_store

WINDOW = 256
BATCH = 32
FOLDS = 5
CANDIDATES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="?", choices=("rows", "search"), help="one part only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", type=Path, help="where to write (a temporary directory)")
    parser.add_argument("--rows", type=int, nargs="+", default=[512, 50_000])
    parser.add_argument("--widths", type=int, nargs="+", default=[1280, 12_288])
    parser.add_argument("--images", type=Path, help="one folder a class (scikit-image's tiles)")
    parser.add_argument("--per-class", type=int, default=10)
    parser.add_argument("--size", type=int, default=224, help="pixels")
    options = parser.parse_args()
    if options.part != "search":
        time_rows(options)
    if options.part != "rows":
        time_search(options)


def time_rows(options: argparse.Namespace) -> None:
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


def time_search(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        X, y = _images(Path(folder), options.images, options.per_class)
        skembed.PretrainedEmbedder(image_size=options.size, cache=False).transform(X[:8])
        times: dict[str, list[float]] = {}
        run: dict[str, int] = {}
        for number in range(options.rounds):
            for way, caches in _ways(Path(folder) / str(number)).items():
                seconds, run[way] = _search(X, y, options.size, *caches)
                times.setdefault(way, []).append(seconds)
                print(f"round {number + 1}: {way}: {seconds:.1f} s", flush=True)
    fits = f"{len(CANDIDATES)} candidates x {FOLDS} folds"
    print(f"{fits}, {len(X)} images at {options.size} px, median of {options.rounds} rounds")
    base = statistics.median(times["the store"])
    for way, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{way:<20} {median:>8.1f} s {median / base:>6.2f}x {run[way]:>7,} images run")


def _ways(folder: Path) -> dict[str, tuple[Path | bool, str | None]]:
    """Return what the embedder's ``cache`` and the pipeline's ``memory`` are."""
    return {
        "the store": (folder / "store", None),
        "the store, again": (folder / "store", None),
        "Pipeline(memory=)": (False, str(folder / "memory")),
        "without a cache": (False, None),
    }


def _search(
    X: list[str], y: list[str], size: int, cache: Path | bool, memory: str | None
) -> tuple[float, int]:
    """Search; return seconds, and how many images went through the network."""
    embedder = skembed.PretrainedEmbedder(image_size=size, cache=cache)
    pipeline = Pipeline([("embed", embedder), ("svm", LinearSVC())], memory=memory)
    before, start = images_run(), time.perf_counter()
    GridSearchCV(pipeline, {"svm__C": CANDIDATES}, cv=FOLDS).fit(X, y)
    return time.perf_counter() - start, images_run() - before


def _images(folder: Path, source: Path | None, per_class: int) -> tuple[list[str], list[str]]:
    """Take the first images of each class."""
    if source is None:
        source = folder / "tiles"
        _save_tiles(source)
    taken: dict[str, list[str]] = {}
    for path, label in zip(*from_folders(source), strict=True):
        paths = taken.setdefault(label, [])
        if len(paths) < per_class:
            paths.append(path)
    pairs = [(path, label) for label, paths in taken.items() for path in paths]
    return [path for path, _ in pairs], [label for _, label in pairs]


def _save_tiles(folder: Path) -> None:
    from skembed._optional import scikit_image_data
    from skembed.evaluation._demo_images import demo_images

    tiles = demo_images(scikit_image_data())
    for i, (tile, label) in enumerate(zip(tiles.images, tiles.labels, strict=True)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(tile).save(folder / label / f"{i}.png")


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
        append = [_append(folder / str(i), spec, keys, batch) for i in range(min(rounds, 3))]
        cache = folder / "0"
        paths = _files(folder / "files", n)
        with open_file_digests(cache) as digests:
            for path, key in zip(paths, asked, strict=True):
                digests.get(path)
                digests.put(path, path.stat(), key, path.read_bytes())

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
