"""The program rewritten for a CPU against the plain one: ``python benchmarks/cpu_lowering.py``.

Network only, in turn in one process; medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import numpy as np

from skembed.extraction._spec import make_spec
from skembed.extraction.engines import _jax

BACKBONES = {"efficientnet_lite0": "imagenet", "mobilenet_v2": None, "resnet50": None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| backbone | plain, images/s | rewritten, images/s | times | difference |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for backbone, weights in BACKBONES.items():
        spec = make_spec(backbone, weights=weights)
        programs = {"plain": plain(spec), "rewritten": _jax.JaxProgram(spec)}
        shape = (options.batch, *spec.backbone.input_size, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        rows = {name: program(images) for name, program in programs.items()}
        seconds = {name: [] for name in programs}
        for _ in range(options.rounds):
            for name, program in programs.items():
                started = time.perf_counter()
                program(images)
                seconds[name].append(time.perf_counter() - started)
        rate = {n: options.batch / statistics.median(s) for n, s in seconds.items()}
        apart = abs(rows["plain"] - rows["rewritten"]).max() / abs(rows["plain"]).max()
        print(
            f"| {backbone} | {rate['plain']:.1f} | {rate['rewritten']:.1f} "
            f"| {rate['rewritten'] / rate['plain']:.1f} | {apart:.0e} |",
            flush=True,
        )


def plain(spec) -> _jax.JaxProgram:
    """The program as it was before it is rewritten."""
    rewrite = _jax.lower_for_cpu
    _jax.lower_for_cpu = lambda function: function
    try:
        return _jax.JaxProgram(spec)
    finally:
        _jax.lower_for_cpu = rewrite


if __name__ == "__main__":
    main()
