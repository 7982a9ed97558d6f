"""Dask's workers against one process: images a second, the scheduler's cost, and 64 workers.

    python benchmarks/distributed.py                     # all parts, on photographs of scikit-image
    python benchmarks/distributed.py --images 400 --rounds 3
    python benchmarks/distributed.py scheduling simulation

throughput
    One process with all cores, one worker with all cores, and a worker of one thread for each core,
    on the same files, in turns. Workers share one store, which is emptied before each round; all
    have built the network beforehand. Each round gives ratios, and the medians of these are told:
    where others use the machine, single times tell little.
scheduling
    100,000 paths in partitions of one, on tasks that do nothing: seconds a task, and by how much
    the client's memory grows.
simulation
    64 workers that are threads of this process, on a task that sleeps as long as a network takes
    for its images. It measures scheduling alone: efficiency is the time slept by all workers
    together, by 64 times the time that it took.
"""

from __future__ import annotations

import argparse
import logging
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

# This file is called as a library of Dask's is, which would otherwise be looked for beside it.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent]

import dask  # noqa: E402
import dask.array as da  # noqa: E402
import numpy as np  # noqa: E402
from distributed import Client, LocalCluster  # noqa: E402
from PIL import Image  # noqa: E402

from skembed import PretrainedEmbedder, cache_clear  # noqa: E402
from skembed._processor import n_cores  # noqa: E402

PARTS = ("throughput", "scheduling", "simulation")


def photographs(folder: Path, n: int) -> list[str]:
    """Different crops of scikit-image's photographs, as JPEG files of 400 x 400 pixels."""
    from skimage import data

    sources = [data.coffee(), data.chelsea()[:, :, :3], data.astronaut(), data.rocket()]
    random, paths = np.random.default_rng(0), []
    for i in range(n):
        source = sources[i % len(sources)]
        y, x = (int(random.integers(0, side - 280)) for side in source.shape[:2])
        path = folder / f"{i:05}.jpg"
        crop = Image.fromarray(source[y : y + 280, x : x + 280]).resize((400, 400))
        crop.save(path, quality=90)
        paths.append(str(path))
    return paths


def as_array(items: list[str], chunks: int) -> da.Array:
    values = np.empty(len(items), object)
    values[:] = items
    return da.from_array(values, chunks=chunks)


def cluster(n_workers: int, threads: int, *, processes: bool = True) -> LocalCluster:
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=threads,
        processes=processes,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    )


def throughput(args: argparse.Namespace) -> None:
    """Images a second of one process, of one worker, and of a worker for each core."""
    with tempfile.TemporaryDirectory() as folder:
        paths, cache = photographs(Path(folder), args.images), f"{folder}/store"
        embedder = PretrainedEmbedder(cache=cache, progress=False)
        X, n = as_array(paths, args.partition), n_cores()
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
            if round_:
                times[name].append(time.perf_counter() - begun)
            check(rows.shape[0] == args.images)
    first, *_ = contenders
    print(f"{args.images} images, {args.rounds} rounds")
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(times[first], seconds, strict=True)]
        rate = args.images / statistics.median(seconds)
        print(
            f"  {name}: {rate:.1f} images/s, {statistics.median(ratios):.2f} of {first}",
            end=" ",
        )
        print(f"(rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)})")


def check(is_right: bool) -> None:
    if not is_right:
        raise RuntimeError("rows are missing")


def nothing(block: np.ndarray, seconds: float = 0.0) -> np.ndarray:
    """A task of the shape of `transform`."""
    time.sleep(seconds * len(block))
    return np.zeros((len(block), 8), np.float32)


def scheduling(args: argparse.Namespace) -> None:
    """What a task costs, and what the client keeps of it."""
    with cluster(2, 1, processes=False) as workers, Client(workers):
        for n in (args.tasks // 10, args.tasks):
            X = as_array([f"/photographs/{i:06}.jpg" for i in range(n)], 1)
            rows = X.map_blocks(nothing, dtype=np.float32, new_axis=1, chunks=((1,) * n, (8,)))
            before, begun = (
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                time.perf_counter(),
            )
            # Summed block by block, so that the client gets one number and no rows.
            total = rows.map_blocks(
                lambda block: block.sum(1), drop_axis=1, dtype=np.float32
            ).sum()
            check(total.compute() == 0)
            seconds = time.perf_counter() - begun
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            print(f"{n:,} paths, one a task: {1000 * seconds / n:.2f} ms a task,", end=" ")
            print(
                f"client, scheduler and workers in one process grew by {grown / 1024:.0f} MiB"
            )


def simulation(args: argparse.Namespace) -> None:
    """How busy 64 workers are kept."""
    per_image, partition = args.sleep, args.partition
    for n in (1, 8, 64):
        n_tasks = n * 12
        with cluster(n, 1, processes=False) as workers, Client(workers):
            X = as_array(["a.jpg"] * n_tasks * partition, partition)
            task = dask.delayed(nothing)
            blocks = [task(block, per_image) for block in X.to_delayed().ravel()]
            begun = time.perf_counter()
            for result in dask.compute(*[dask.delayed(len)(block) for block in blocks]):
                check(result == partition)
            seconds = time.perf_counter() - begun
        slept = n_tasks * partition * per_image
        print(
            f"{n} workers: efficiency {slept / (n * seconds):.2f} ({n_tasks} tasks of", end=" "
        )
        print(f"{partition * per_image:.1f} s, in {seconds:.1f} s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", default=PARTS, metavar="PART", help=", ".join(PARTS)
    )
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--partition", type=int, default=50, help="images of a task")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--sleep", type=float, default=0.02, help="seconds an image")
    args = parser.parse_args()
    for part in args.parts:
        globals()[part](args)


if __name__ == "__main__":
    main()
