"""Full networks on an accelerator: ``python benchmarks/gpu.py``.

Every convolutional and dense layer of a network, pooled, in batches as the runner makes them:
network only (images on the host to rows on the host, two batches under way), and end to end
(JPEG files to rows, nothing kept). bfloat16, float32 as JAX has it (TensorFloat-32 on NVIDIA's
newer cards), and float32 in full. The fraction of the peak counts the operations that XLA
counts in the program, and the maker's figure for dense products of that precision; of
an unknown chip there is none, and none is given. Prints Markdown.

``--smoke`` runs small pictures through one network anywhere: it shows that this works, and its
figures say nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

NETWORKS = ("resnet50", "efficientnetv2_b0", "vgg16")
# What XLA is asked for, by the name in the table: the precision of the request, and JAX's
# default precision of products, which is the process's.
KINDS = {
    "bfloat16": ("bfloat16", "default"),
    "float32 (TF32)": ("float32", "tensorfloat32"),
    "float32 in full": ("float32", "highest"),
}
# Dense TFLOP/s without sparsity, SXM cards, from NVIDIA's data sheets of the H100 and H200. A PCIe
# or NVL card is slower, and not in here.
PEAKS = {
    "NVIDIA H100 80GB HBM3": {
        "bfloat16": 989.4,
        "float32 (TF32)": 494.7,
        "float32 in full": 66.9,
    },
    "NVIDIA H200": {"bfloat16": 989.4, "float32 (TF32)": 494.7, "float32 in full": 66.9},
}
HEADINGS = (
    "network | precision | batch | GFLOP an image | network, images/s | of peak | end to end"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--batches", type=int, default=20, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=4096, help="JPEGs, end to end")
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.networks, options.batches, options.rounds, options.files = ["resnet50"], 2, 1, 8
    if options.kind:
        one_kind(options)
        return
    print(f"| {HEADINGS} |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for kind, (_, products) in KINDS.items():
        # JAX's precision is settled once in a process.
        arguments = [sys.executable, __file__, *sys.argv[1:], "--kind", kind]
        environment = {**os.environ, "JAX_DEFAULT_MATMUL_PRECISION": products}
        if subprocess.run(arguments, check=False, env=environment).returncode:  # noqa: S603 - us
            sys.exit(1)
    print(f"\n{versions()}")


def one_kind(options: argparse.Namespace) -> None:
    from skembed._jax import on_cpu, used_devices

    if on_cpu() and not options.smoke:
        sys.exit("JAX sees no accelerator. --smoke shows that the benchmark works.")
    with tempfile.TemporaryDirectory() as folder:
        files = jpegs(Path(folder), options.files)
        for name in options.networks:
            print(row(name, options, files, used_devices()), flush=True)


def row(name: str, options: argparse.Namespace, files: list[str], devices: tuple) -> str:
    from skembed import PretrainedEmbedder, engines
    from skembed.extraction._programs import program
    from skembed.extraction._spec import make_spec

    request = {
        "weights": None,
        "layers": "all",
        "precision": KINDS[options.kind][0],
        "engine": "jax",
        "image_size": 64 if options.smoke else 224,
    }
    network = program(make_spec(name, **request))
    size = engines.get("jax").batching("auto").at_once
    images = pictures(size, request["image_size"])
    network.start(images)()
    rate = network_only(network, images, options)
    flops = flops_an_image(network, images, len(devices))
    embedder = PretrainedEmbedder(name, cache=False, progress=False, **request)
    embedder.transform(files[:size])  # decodes and compiles what is left to compile
    whole = len(files) / median(lambda: embedder.transform(files), min(3, options.rounds))
    peak = PEAKS.get(devices[0].device_kind, {}).get(options.kind)
    share = f"{rate * flops / (peak * 1e12 * len(devices)):.0%}" if peak else "-"
    return (
        f"| {name} | {options.kind} | {size} | {flops / 1e9:.1f} | {rate:,.0f} | {share} "
        f"| {whole:,.0f} |"
    )


def network_only(network, images: np.ndarray, options: argparse.Namespace) -> float:
    """Images a second, with two batches under way as in the runner."""

    def run() -> None:
        waits: list[Callable] = []
        for _ in range(options.batches):
            waits.append(network.start(images))
            if len(waits) == 2:
                waits.pop(0)()
        while waits:
            waits.pop(0)()

    return options.batches * len(images) / median(run, options.rounds)


def flops_an_image(network, images: np.ndarray, n_devices: int) -> float:
    """As XLA counts them before it optimises: a multiplication and an addition are 2.

    Afterwards convolutions are calls of libraries, whose operations XLA does not always count. On
    several devices it counts one's part; on a CPU, where the program has loops, it counts too
    little.
    """
    lowered = network.lower(images.shape, images.dtype)
    return lowered.cost_analysis()["flops"] * n_devices / len(images)


def median(run: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def pictures(n: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def jpegs(folder: Path, n: int) -> list[str]:
    """Pieces of photographs, 500 x 375 pixels, no two of them equal."""
    from PIL import Image
    from skimage import data

    photographs = [
        Image.fromarray(getattr(data, name)()) for name in ("coffee", "rocket", "cat")
    ]
    generator = np.random.default_rng(0)
    paths = []
    for i in range(n):
        image = photographs[i % 3].resize((600, 450))
        x, y = (int(v) for v in generator.integers(0, (101, 76)))
        piece = np.array(image.crop((x, y, x + 500, y + 375)))
        piece[:4, :4] = i % 256, i // 256 % 256, i // 65536  # its number
        path = folder / f"{i:06}.jpg"
        Image.fromarray(piece).save(path, quality=90)
        paths.append(str(path))
    return paths


def versions() -> str:
    from skembed import show_devices

    devices = show_devices().query("used")["kind"].value_counts()
    found = ", ".join(f"{n} x {kind}" for kind, n in devices.items())
    packages = ", ".join(f"{name} {version(name)}" for name in ("jax", "jaxlib", "keras"))
    return f"{found}; {os.cpu_count()} CPU cores; {packages}."


if __name__ == "__main__":
    warnings.simplefilter("ignore", UserWarning)  # of random weights
    main()
