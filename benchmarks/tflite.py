"""Images a second of TensorFlow Lite models, against one at a time in one interpreter.

    python benchmarks/tflite.py --models ../shared/models/tflite --images ../shared/data/flowers17

The peer is what the Task Library does: one interpreter with one thread, an image after the other.
*Network*: pixels of the right size in memory. *From files*: JPEGs on disk to rows, without the
store; the peer is `tflite.ImageEmbedder`, in a loop. Rounds take turns; the table has medians, and
the ratio over the peer, which is at best the number of cores. On a machine that others use, the
processor's time for an image says more: its ratio is the part of all cores that ours would
make use of if it had them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from skembed import PretrainedEmbedder
from skembed._processor import n_cores
from skembed.engines.litert._interpreter import Interpreter
from skembed.extraction._batches import run
from skembed.extraction._spec import make_spec
from skembed.tflite import ImageEmbedder

MODELS = (
    "mobilenet_v1_1.0_224_quant_embedding_extractor",
    "mobilenet_v1_0.25_224_1_metadata_1",
    "coral_tf2_mobilenet_v2_1.0_224_ptq",
)
ROUNDS, SECONDS = 5, 1.5


def network(path: Path) -> dict[str, Callable[[int], None]]:
    """How to take so many images in memory through a network."""
    spec = make_spec(path)
    program = spec.engine.build(spec.network)
    size = spec.backbone.input_size
    pixels = np.random.default_rng(0).integers(0, 256, (64, *size, 3), np.uint8)
    alone = Interpreter(spec.engine.build(spec.network)._network.data, size)
    batching = spec.engine.batching("auto")
    prepared = program._pixels.empty()

    def one_at_a_time(n: int) -> None:
        for i in range(n):
            alone.run(program._pixels.write(pixels[i % len(pixels)], prepared))

    def ours(n: int) -> None:
        for _ in run(program, [pixels[i % len(pixels)] for i in range(n)], batching):
            pass

    return {"one at a time": one_at_a_time, "skembed": ours}


def from_files(path: Path, files: list[Path]) -> dict[str, Callable[[int], None]]:
    """How to take so many files to rows."""
    embedder = ImageEmbedder.create_from_file(path)
    estimator = PretrainedEmbedder(path, cache=False, progress=False)

    def one_at_a_time(n: int) -> None:
        for file in files[:n]:
            embedder.embed(file)

    def ours(n: int) -> None:
        estimator.transform(files[:n])

    return {"one at a time": one_at_a_time, "skembed": ours}


def rates(ways: dict[str, Callable[[int], None]], most: int) -> dict[str, tuple[float, float]]:
    """Images a second, and milliseconds of a core for each: medians of rounds that take turns."""
    counts, measured = {}, {name: [] for name in ways}
    for name, way in ways.items():
        way(16)
        started = time.perf_counter()
        way(32)
        each = (time.perf_counter() - started) / 32
        counts[name] = min(most, max(32, int(SECONDS / each)))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started, used = time.perf_counter(), time.process_time()
            way(counts[name])
            used = time.process_time() - used
            rate = counts[name] / (time.perf_counter() - started)
            measured[name].append((rate, 1000 * used / counts[name]))
    return {
        name: tuple(map(statistics.median, zip(*rounds, strict=True)))
        for name, rounds in measured.items()
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument(
        "--images", type=Path, help="a folder of JPEGs; without, networks alone"
    )
    args = parser.parse_args()
    files = sorted(args.images.rglob("*.jpg")) if args.images else []
    print(f"{n_cores()} cores, load {os.getloadavg()[0]:.1f}")
    print("| model | part | one at a time | skembed | x | CPU ms each | of what cores allow |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in MODELS:
        path = args.models / f"{name}.tflite"
        parts = {"network": (network(path), 10**6)}
        if files:
            parts["from files"] = (from_files(path, files), len(files))
        for part, (ways, most) in parts.items():
            (peer, peer_ms), (ours, ours_ms) = rates(ways, most).values()
            print(
                f"| {name} | {part} | {peer:.1f} | {ours:.1f} | {ours / peer:.2f} "
                f"| {peer_ms:.1f}, {ours_ms:.1f} | {peer_ms / ours_ms:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
