"""Damage TensorFlow Lite models in many ways, and see that each runs or is one error.

    python benchmarks/damaged_tflite.py --models ../shared/models/tflite --number 10000 --seed 1

Each gives finite rows of the right shape, or one clear error; within `SECONDS`, and `MEGABYTES` for
the process. A crash, a hang or any other error is told with the seed and number that bring it back
(``--only NUMBER``). Chunks of models are done by processes of their own, so that a crash is seen.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/formats/tflite"))
import tiny_models as tiny
from mutations import mutations

from skembed import PretrainedEmbedder, WeightsError
from skembed.engines import UnsupportedNetworkError

# A gigabyte is what an image may take, and there is one on each core.
SECONDS, MEGABYTES, CHUNK = 120, 1024 * (os.cpu_count() or 1) + 800, 250
SIZE = (16, 16)
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)


def whole_models(folder: Path | None) -> list[bytes]:
    """Small ones, of which every byte matters, and real ones where there are any."""
    described = tiny.metadata(
        mean=[127.5], std=[127.5], names=["mean", "max"], label_files=["a.txt"]
    )
    models = [
        tiny.packed(tiny.model()),
        tiny.packed(
            tiny.model(
                image=tiny.tensor("image", (1, 8, 8, 3)), codes=(tiny.AVERAGE, tiny.MAXIMUM)
            ),
            described,
            {"a.txt": "one\ntwo\nthree\n"},
        ),
    ]
    if folder is not None:
        names = ("dilated_conv", "dilated_conv", "mobilenet_v1_0.25_224_quant")
        models += [(folder / f"{name}.tflite").read_bytes() for name in names]
    return models


def outcome(data: bytes) -> str:
    """Use a model as a user would: describe, embed."""
    try:
        embedder = PretrainedEmbedder(data, layers="all", cache=False, image_size=None)
        try:
            width = len(embedder.get_feature_names_out())
        except ValueError as error:
            if "any size" not in str(error):
                raise
            embedder.set_params(image_size=SIZE)
            width = len(embedder.get_feature_names_out())
        rows = embedder.transform(list(IMAGES))
    except (WeightsError, UnsupportedNetworkError, ValueError, TypeError) as error:
        return f"told: {type(error).__name__}" if str(error) else "an error without a word"
    right = rows.shape == (2, width) and rows.dtype == np.float32 and np.isfinite(rows).all()
    return "rows" if right else "WRONG ROWS"


def do(folder: Path | None, seed: int, first: int, last: int, connection) -> None:
    """Send for each number of a chunk what was done, what came of it, and the seconds."""
    warnings.simplefilter("ignore")
    models = whole_models(folder)
    for number in range(first, last):
        kind, data = next(mutations(models, seed * 1_000_003 + number))
        started = time.perf_counter()
        try:
            result = outcome(data)
        except Exception as error:  # noqa: BLE001 - is what is looked for
            result = f"UNEXPECTED {type(error).__name__}: {error}"[:300]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        connection.send((number, kind, result, time.perf_counter() - started, peak))
    connection.send(None)


def chunk(folder: Path | None, seed: int, first: int, last: int) -> list[tuple]:
    """The outcomes of a chunk; where its process dies, that is one, and the next one goes on."""
    results = []
    context = multiprocessing.get_context("spawn")
    while first < last:
        ours, theirs = context.Pipe()
        process = context.Process(target=do, args=(folder, seed, first, last, theirs))
        process.start()
        theirs.close()
        while True:
            try:
                got = ours.recv() if ours.poll(SECONDS) else (first, "?", "HANG", SECONDS, 0)
            except EOFError:
                process.join()
                got = (first, "?", f"CRASH ({process.exitcode})", 0.0, 0)
            if got is None:
                first = last
                break
            results.append(got)
            first = got[0] + 1
            if got[1] == "?":
                process.kill()
                break
        process.join()
    return results


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, help="folder of real models")
    parser.add_argument("--number", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="this number alone, in this process")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    if args.only is not None:
        kind, data = next(
            mutations(whole_models(args.models), args.seed * 1_000_003 + args.only)
        )
        print(kind, outcome(data))
        return 0
    starts = range(0, args.number, CHUNK)
    with ThreadPoolExecutor(args.jobs) as pool:
        chunks = pool.map(
            lambda first: chunk(args.models, args.seed, first, min(first + CHUNK, args.number)),
            starts,
        )
        results = list(itertools.chain(*chunks))
    counts = Counter((kind, result.partition(": ")[0]) for _, kind, result, *_ in results)
    for (kind, result), n in sorted(counts.items()):
        print(f"{kind:10} {result:24} {n:6,}")
    bad = [one for one in results if one[2] != "rows" and not one[2].startswith("told")]
    bad += [one for one in results if one[3] > SECONDS]
    peaks: dict[
        int, tuple
    ] = {}  # of the processes, which do a chunk each: the first that is over
    for one in results:
        if one[4] > MEGABYTES:
            peaks.setdefault(one[0] // CHUNK, one)
    bad += peaks.values()
    for number, kind, result, seconds, peak in bad:
        print(
            f"--seed {args.seed} --only {number}: {kind}: {result} ({seconds:.1f} s, {peak} MB)"
        )
    slowest, largest = max(one[3] for one in results), max(one[4] for one in results)
    print(
        f"{len(results):,} models, {len(bad)} bad; slowest {slowest:.1f} s, peak {largest} MB"
    )
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
