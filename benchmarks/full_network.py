"""What all layers cost over the last one: ``python benchmarks/full_network.py``.

The same images through the network for its last layer; for all convolutional and dense layers,
pooled on the device; and for these layers' feature maps, fetched and pooled in NumPy. No
decoding, no store. Times: the three in turn in one process, medians over the rounds. Memory:
the peak of a process of its own for each, which builds the network and runs three batches.
Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from skembed._keras import import_keras
from skembed.engines.jax._program import JaxProgram
from skembed.extraction._spec import make_spec

BATCH = 8  # as the runner's on a CPU
VARIANTS = ("last layer", "all layers", "all layers, maps fetched")
NETWORKS = {  # weights, batches a round, rounds
    "efficientnet_lite0": ("imagenet", 4, 7),
    "resnet50": (None, 2, 5),
    "vgg16": (None, 1, 5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--peak", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak(options.networks[0], options.peak, options.batch))
        return
    print("| network | features | what | ms an image | times | peak MB | times |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in options.networks:
        width, seconds = timed(name, options.batch)
        peaks = [peak_apart(name, variant, options.batch) for variant in VARIANTS]
        for variant, one, megabytes in zip(VARIANTS, seconds, peaks, strict=True):
            print(
                f"| {name} | {width} | {variant} | {1000 * one:.1f} | {one / seconds[0]:.2f} | "
                f"{megabytes:.0f} | {megabytes / peaks[0]:.2f} |",
                flush=True,
            )


def runner(name: str, variant: str) -> tuple[int, Callable[[np.ndarray], np.ndarray]]:
    """The width of a row, and what computes rows."""
    layers = "embedding" if variant == "last layer" else "all"
    spec = make_spec(name, weights=NETWORKS[name][0], layers=layers)
    if variant == VARIANTS[2]:
        return spec.network.width, _fetching(spec)
    program = JaxProgram(spec.network)
    return spec.network.width, lambda images: program.start(images)()


def timed(name: str, batch: int) -> tuple[int, list[float]]:
    """Seconds an image, the median over the rounds for each variant."""
    _, batches, rounds = NETWORKS[name]
    images = pictures(name, batch)
    runs = [runner(name, variant) for variant in VARIANTS]
    # All three agree, and are compiled.
    _, full, fetched = (run(images) for _, run in runs)
    np.testing.assert_allclose(fetched, full, rtol=1e-3, atol=1e-5 * np.abs(full).max())
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for kept, (_, run) in zip(seconds, runs, strict=True):
            started = time.perf_counter()
            for _ in range(batches):
                run(images)
            kept.append((time.perf_counter() - started) / (batches * batch))
    return runs[1][0], [statistics.median(kept) for kept in seconds]


def peak(name: str, variant: str, batch: int) -> float:
    """The largest resident set of this process, in MB (Linux).

    Not ``getrusage``'s, which remembers the process that started this one.
    """
    _, run = runner(name, variant)
    images = pictures(name, batch)
    for _ in range(3):
        run(images)
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def peak_apart(name: str, variant: str, batch: int) -> float:
    command = [sys.executable, __file__, name, "--peak", variant, "--batch", str(batch)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - us
    return float(done.stdout)


def pictures(name: str, batch: int) -> np.ndarray:
    height, width = make_spec(name, weights=None).backbone.input_size
    return np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), np.uint8)


def _fetching(spec) -> Callable[[np.ndarray], np.ndarray]:
    """What one writes by hand: a model with many outputs, fetched and averaged in NumPy.

    The same compiled network as the others', so that only the way out differs.
    """
    import jax

    from skembed.engines.jax._cpu import RULES
    from skembed.engines.jax._program import _prepared
    from skembed.engines.jax._rewrite import rewritten
    from skembed.formats.keras._layers import tapped

    model = tapped(spec.network)
    variables = [
        [jax.numpy.array(v.value) for v in group]
        for group in (model.trainable_variables, model.non_trainable_variables)
    ]

    def network(trainable, fixed, images):
        x = _prepared(images, spec.backbone.preparation)
        return model.stateless_call(trainable, fixed, x, training=False)[0]

    maps = jax.jit(rewritten(network, RULES))

    def run(images):
        fetched = [np.asarray(output) for output in maps(*variables, images)]
        return np.hstack([m.mean(axis=(1, 2)) if m.ndim == 4 else m for m in fetched])

    return run


if __name__ == "__main__":
    warnings.simplefilter("ignore", UserWarning)
    import_keras()
    main()
