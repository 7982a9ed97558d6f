"""Dask's workers against one process: images a second, the scheduler's cost, and 64 workers.

    python benchmarks/distributed.py                       # all parts, each under three minutes
    python benchmarks/distributed.py throughput --images 400 --rounds 3
    python benchmarks/distributed.py scheduling memory simulation

throughput
    One process with all cores, one worker with all cores, and a worker of one thread for each core,
    on the same files, in turns. Workers share one store, which is emptied before each round; all
    have built the network beforehand. Each round gives ratios, and the medians of these are told:
    where others use the machine, single times tell little.
scheduling
    Up to 100,000 paths in partitions of ten, on tasks that do nothing: milliseconds a task, of
    scheduler, workers and client together.
memory
    `to_parquet` of 10,000 and of 100,000 paths, whose scheduler and workers are another process: by
    how much the client's memory grows, beside the paths themselves. The engine computes nothing.
simulation
    1, 8 and 64 workers that are threads of this process, and an engine that sleeps as long as a
    network takes. All else is as it is: tasks, reading, preparation. It measures scheduling alone:
    efficiency is the time that all workers together have slept, by their number times the time that
    it took. Beside it the same with tasks that only sleep, which is Dask's own share. What a worker
    watches in its own process, its stack and its memory, is left out: 64 of them in one process
    would take a core for that.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import logging
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# This file is called as a library of Dask's is, which would otherwise be looked for beside it.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent]

import dask  # noqa: E402
import dask.array as da  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402
from distributed import Client, LocalCluster, as_completed, wait  # noqa: E402
from PIL import Image  # noqa: E402

from skembed import PretrainedEmbedder, cache_clear, engines  # noqa: E402
from skembed._processor import n_cores  # noqa: E402
from skembed.engines import Batching, Engine, Program  # noqa: E402

print = functools.partial(print, flush=True)  # noqa: A001
_UNWATCHED = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "60s",
}


class Sleeping(Engine):
    """It sleeps for each image, and gives rows of zeros.

    Parameters
    ----------
    seconds : float
        For an image.
    """

    name = title = "sleeping"

    def __init__(self, seconds: float = 0.0):
        self.seconds = seconds

    def device(self) -> str:
        return "none"

    def batching(self, batch_size: int | str) -> Batching:
        return Batching(together=10, at_once=10)

    def build(self, network) -> Program:
        return _Sleep(network.width, self.seconds)


class _Sleep(Program):
    def __init__(self, width: int, seconds: float):
        self._width, self._seconds = width, seconds

    def start(self, images):
        end = time.monotonic() + self._seconds * len(images)

        def rows():
            time.sleep(max(0.0, end - time.monotonic()))
            return np.zeros((len(images), self._width), np.float32)

        return rows


def photographs(folder: Path, n: int, side: int = 400) -> list[str]:
    """Different crops of scikit-image's photographs, as square JPEG files."""
    from skimage import data

    sources = [data.coffee(), data.chelsea()[:, :, :3], data.astronaut(), data.rocket()]
    random, paths = np.random.default_rng(0), []
    for i in range(n):
        source = sources[i % len(sources)]
        y, x = (int(random.integers(0, length - 280)) for length in source.shape[:2])
        path = folder / f"{i:05}.jpg"
        crop = Image.fromarray(source[y : y + 280, x : x + 280]).resize((side, side))
        crop.save(path, quality=90)
        paths.append(str(path))
    return paths


def as_array(items: list[str], chunks: int) -> da.Array:
    values = np.empty(len(items), object)
    values[:] = items
    return da.from_array(values, chunks=chunks)


def cluster(n_workers: int, threads: int, *, processes: bool = True, **options) -> LocalCluster:
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=threads,
        processes=processes,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
        **options,
    )


def throughput(args: argparse.Namespace) -> None:
    """Images a second of one process, of one worker, and of a worker for each core."""
    n = n_cores()
    print(f"throughput: {args.images} images, {n} cores, {args.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        paths, cache = photographs(Path(folder), args.images), f"{folder}/store"
        embedder = PretrainedEmbedder(cache=cache, progress=False)
        X = as_array(paths, args.partition)
        with (
            cluster(1, n) as one,
            Client(one) as single,
            cluster(n, 1) as many,
            Client(many) as several,
        ):

            def by(client: Client):
                return lambda: client.compute(embedder.transform(X)).result()

            contenders = {
                "one process": lambda: embedder.transform(paths),
                f"1 worker of {n} threads": by(single),
                f"{n} workers of 1 thread": by(several),
            }
            compare(contenders, cache, args)


def compare(contenders: dict, cache: str, args: argparse.Namespace) -> None:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(args.rounds + 1):  # the first one builds networks
        for name, run in contenders.items():
            cache_clear(cache=cache)
            begun = time.perf_counter()
            rows = run()
            check(rows.shape[0] == args.images)
            if round_:
                times[name].append(time.perf_counter() - begun)
        if round_:
            rates = (f"{args.images / seconds[-1]:.1f}" for seconds in times.values())
            print(f"  round {round_}: {', '.join(rates)} images/s")
    first, *_ = contenders
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(times[first], seconds, strict=True)]
        rate = args.images / statistics.median(seconds)
        print(f"  {name}: {rate:.1f} images/s, {statistics.median(ratios):.2f} of {first}")


def check(is_right: bool) -> None:
    if not is_right:
        raise RuntimeError("rows are missing")


def slept(block: np.ndarray, seconds: float = 0.0) -> int:
    """A task that does nothing, or sleeps for each image."""
    time.sleep(seconds * len(block))
    return len(block)


def scheduling(args: argparse.Namespace) -> None:
    """What a task costs."""
    print("scheduling: tasks that do nothing, of ten paths each")
    with cluster(2, 1, processes=False) as workers, Client(workers) as client:
        for n in (args.paths // 100, args.paths // 10, args.paths):
            X = as_array([f"/photographs/{i:06}.jpg" for i in range(n)], 10)
            begun = time.perf_counter()
            # As `to_parquet` makes them: a task for each block, and results as they come.
            tasks = [dask.delayed(slept)(block) for block in X.to_delayed().ravel()]
            made = time.perf_counter() - begun
            total = sum(
                result for _, result in as_completed(client.compute(tasks), with_results=True)
            )
            check(total == n)
            seconds = time.perf_counter() - begun
            each, make = (10_000 * time_ / n for time_ in (seconds, made))
            print(f"  {n:,} paths in {n // 10:,} tasks: {each:.2f} ms a task,", end=" ")
            print(f"of which {make:.2f} to make it ({seconds:.1f} s in all)")


def memory(args: argparse.Namespace) -> None:
    """By how much the client grows."""
    print("memory: of the client of to_parquet")
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=serve, args=(theirs,), daemon=True)
    other.start()
    engines.register(Sleeping())
    with tempfile.TemporaryDirectory() as folder, Client(ours.recv()) as client:
        files = photographs(Path(folder), 50, side=32)
        options = {"engine": "sleeping", "layers": "stage1", "image_size": 32}
        embedder = PretrainedEmbedder(cache=False, progress=False, **options)
        for n in (args.paths // 10, args.paths // 10, args.paths):
            # Other strings, as those of other files are.
            paths = [f"{files[i % 50]}"[:] for i in range(n)]
            begun = time.perf_counter()
            with grown() as peak:
                written = embedder.to_parquet(
                    as_array(paths, 1000), Path(folder, f"out-{time.time_ns()}")
                )
            check(written.shape == (n, 16))
            print(f"  {n:,} paths: {peak[0] / 2**20:.0f} MiB,", end=" ")
            print(f"{time.perf_counter() - begun:.1f} s")
        client.shutdown()
    other.join()


def serve(pipe) -> None:
    """Be a scheduler and its workers until a client shuts them down."""
    engines.register(Sleeping())
    with cluster(2, 1, processes=False, protocol="tcp://") as workers:
        pipe.send(workers.scheduler_address)
        workers.sync(workers.scheduler.finished)


@contextlib.contextmanager
def grown() -> Iterator[list[int]]:
    """The most by which this process' memory is larger inside the block than before it."""
    process, peak, ended = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not ended.wait(0.05):
            peak[0] = max(peak[0], process.memory_info().rss - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def simulation(args: argparse.Namespace) -> None:
    """How busy workers are kept."""
    size, each = args.task_images, args.sleep
    print(f"simulation: {args.per_worker} tasks a worker, {size} images of {each} s each")
    engines.register(Sleeping(each))
    options = {"engine": "sleeping", "layers": "stage1", "image_size": 32}
    embedder = PretrainedEmbedder(cache=False, progress=False, **options)
    dask.config.set(_UNWATCHED)
    with tempfile.TemporaryDirectory() as folder:
        files = photographs(Path(folder), size, side=32)
        for n in args.workers:
            n_tasks = n * args.per_worker
            X = as_array(files * n_tasks, size)
            with (
                cluster(n, 1, processes=False, memory_limit=0) as workers,
                Client(workers) as client,
            ):
                wait(client.compute(embedder.transform(X[:size])))  # the first one builds
                begun = time.perf_counter()
                rows = client.compute(list(embedder.transform(X).to_delayed().ravel()))
                wait(rows)
                seconds = time.perf_counter() - begun
                check(sum(client.gather(client.map(len, rows))) == n_tasks * size)
                tasks = [dask.delayed(slept)(range(size), each) for _ in range(n_tasks)]
                begun = time.perf_counter()
                check(sum(client.gather(client.compute(tasks))) == n_tasks * size)
                alone = time.perf_counter() - begun
            work = args.per_worker * size * each
            print(f"  {n} workers: efficiency {work / seconds:.2f} ({seconds:.1f} s),", end=" ")
            print(f"{work / alone:.2f} of tasks that only sleep")


PARTS = {part.__name__: part for part in (throughput, scheduling, memory, simulation)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--images", type=int, default=800, help="of throughput")
    parser.add_argument("--partition", type=int, default=100, help="images of a task there")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--paths", type=int, default=100_000, help="of scheduling and memory")
    parser.add_argument("--sleep", type=float, default=0.2, help="seconds an image")
    parser.add_argument("--task-images", type=int, default=10, help="of a task that sleeps")
    parser.add_argument("--workers", type=int, nargs="+", default=(1, 8, 64), help="that sleep")
    parser.add_argument("--per-worker", type=int, default=12, help="tasks that sleep")
    args = parser.parse_args()
    for part in args.parts or PARTS:
        if part not in PARTS:
            parser.error(f"there is no part {part!r}: {', '.join(PARTS)}")
    for part in args.parts or PARTS:
        PARTS[part](args)


if __name__ == "__main__":
    main()
