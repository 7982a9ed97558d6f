"""Decoding and resizing JPEGs: ``python benchmarks/decode.py [--resize | --embeddings]``.

Photographs of the shared data, brought to two sizes and encoded anew, become 224 x 224 pixels as
EfficientNet-Lite0 takes them: a centre of 0.875, bicubic. The ways take turns; images/s are medians
over the rounds, in processor time of one thread (what a core does, whoever else is at work) and
on the clock with one and with two threads.

- ``peer``: Pillow, then the shorter side to 256 and the centre cut out, as torchvision does;
- ``peer, sooner``: simplejpeg and torch's resize of its centre, which is a grey level from Pillow's
  for some pixels (where torch is installed);
- ``exact`` and ``scaled``: `skembed.images.prepare` with the extra ``fast``: decoded by simplejpeg,
  resized by kernels;
- ``exact, by Pillow``: the same bits, without the extra.

``--resize`` gives instead what resizing alone takes, decoded photographs to 224 x 224: Pillow, our
kernels, torch (a batch of one, antialiased), in turn, processor time of one thread.

``--embeddings`` says instead how far ``scaled`` moves embeddings, for several sizes.
"""

from __future__ import annotations

import argparse
import io
import itertools
import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from _peers.decoders import resized, resized_by_torch
from _peers.networks import NETWORKS
from _peers.torch_network import import_torch
from PIL import Image

from skembed import PretrainedEmbedder, cosine_similarity
from skembed.images import Raw, decode, list_images, prepare
from skembed.images._resample import SUPPORT, by_kernels, by_pillow, kernels

SIZE = (224, 224)
NETWORK = NETWORKS["efficientnet_lite0"]
CONVENTION = "crop-0.875-pil-bicubic-antialias"
TIMED = ((500, 375), (2000, 1500))
OURS = (by_pillow, by_kernels)
TORCH = {Image.Resampling.BILINEAR: "bilinear", Image.Resampling.BICUBIC: "bicubic"}
MOVED = ((1366, 1024), (2000, 1500), (3000, 2250), (4032, 3024))


def main() -> None:
    default = Path(__file__).parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=default, help="holds data/")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--resize", action="store_true")
    parser.add_argument("--embeddings", action="store_true")
    options = parser.parse_args()
    files = list_images(options.shared / "data" / "flowers17")
    files += list_images(options.shared / "data" / "dtd10")
    files = files[:: len(files) // options.images][: options.images]
    if options.embeddings:
        print("| size | grey levels | cosine, mean | least |")
        print("| --- | ---: | ---: | ---: |")
        for size in MOVED:
            print(f"| {size[0]} x {size[1]} | {moved(jpegs(files, size))} |", flush=True)
        return
    if not kernels.load():
        print("Without Numba, Pillow resizes.")
    if "peer, sooner" in WAYS:
        import_torch(1)  # the time of one thread is counted
    if options.resize:
        print("| size | filter | Pillow, ms | kernels, ms | Pillow / kernels | torch, ms |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for size, resampling in itertools.product(TIMED, SUPPORT):
            numbers = resized_alone(jpegs(files, size), resampling, options.rounds)
            print(
                f"| {size[0]} x {size[1]} | {resampling.name.lower()} | {numbers} |", flush=True
            )
        return
    print("| size | way | decode: CPU | 1 thread | 2 threads | and resize: CPU | 1 | 2 |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in TIMED:
        for way, rates in timed(jpegs(files, size), options.rounds).items():
            numbers = " | ".join(f"{rate:.0f}" if rate else "-" for rate in rates)
            print(f"| {size[0]} x {size[1]} | {way} | {numbers} |", flush=True)


def jpegs(files: Iterable[str | Path], size: tuple[int, int]) -> list[bytes]:
    """The photographs at that width and height, encoded as cameras do."""
    encoded = []
    for file in files:
        stream = io.BytesIO()
        image = Image.open(file).convert("RGB").resize(size, Image.Resampling.LANCZOS)
        image.save(stream, "JPEG", quality=90)
        encoded.append(stream.getvalue())
    return encoded


# --- speed -------------------------------------------------------------------------------


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def peer(data: bytes) -> np.ndarray:
    image = opened(data)
    scale = 256 / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    left, top = (width - 224) // 2, (height - 224) // 2
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.array(image.crop((left, top, left + 224, top + 224)))


def ours(data: bytes, decoding: str) -> np.ndarray:
    return prepare(Raw(data, "bytes"), SIZE, CONVENTION, decoding=decoding)


def decoded(data: bytes) -> Image.Image:
    return decode(Raw(data, "bytes"))


def opened_and_resized(data: bytes) -> np.ndarray:
    return np.array(resized(opened(data), NETWORK))


def turbo(data: bytes) -> np.ndarray:
    return simplejpeg.decode_jpeg(data, "RGB")


def peer_sooner(data: bytes) -> np.ndarray:
    return resized_by_torch(turbo(data), NETWORK)


# For each way, what decodes, where that is a step of its own, and what does both.
WAYS: dict[str, tuple[Callable | None, Callable]] = {
    "peer": (opened, peer),
    **({"peer, sooner": (turbo, peer_sooner)} if find_spec("torch") else {}),
    "exact": (decoded, partial(ours, decoding="exact")),
    "exact, by Pillow": (opened, opened_and_resized),
    "scaled": (None, partial(ours, decoding="scaled")),
}


def timed(data: list[bytes], rounds: int) -> dict[str, list[float | None]]:
    """Images/s of each way: decoding by CPU, in 1 and in 2 threads, then with the resize."""
    steps = {(way, i): step for way, pair in WAYS.items() for i, step in enumerate(pair)}
    rates: dict[str, list[float | None]] = {way: [None] * 6 for way, _ in steps}
    for column, measure in enumerate((by_cpu, partial(by_clock, 1), partial(by_clock, 2))):
        seconds = {key: [] for key, step in steps.items() if step}
        for _ in range(rounds):
            for key, spent in seconds.items():
                spent.append(measure(steps[key], data))
        for (way, i), spent in seconds.items():
            rates[way][3 * i + column] = len(data) / statistics.median(spent)
    return rates


def by_cpu(step: Callable, data: list[bytes]) -> float:
    started = time.thread_time()
    for one in data:
        step(one)
    return time.thread_time() - started


def by_clock(n_threads: int, step: Callable, data: list[bytes]) -> float:
    with ThreadPoolExecutor(n_threads) as pool:
        started = time.perf_counter()
        for _ in pool.map(step, data):
            pass
        return time.perf_counter() - started


def resized_alone(data: list[bytes], resampling: Image.Resampling, rounds: int) -> str:
    """Milliseconds an image: Pillow, the kernels, and torch where it has the filter."""
    arrays = [turbo(one) for one in data]
    height, width, _ = arrays[0].shape
    box = (0, 0, width, height)
    ways = [partial(way, size=SIZE, resampling=resampling, box=box) for way in OURS]
    if find_spec("torch") and resampling in TORCH:
        ways.append(partial(by_torch, mode=TORCH[resampling]))
    spent = [[by_cpu(way, arrays) for way in ways] for _ in range(rounds)]
    medians = [1000 * statistics.median(way) / len(arrays) for way in zip(*spent, strict=True)]
    pillow, kernel, *torch = medians
    last = f"{torch[0]:.2f}" if torch else "-"
    return f"{pillow:.2f} | {kernel:.2f} | {pillow / kernel:.1f} | {last}"


def by_torch(pixels: np.ndarray, mode: str) -> Any:
    import torch

    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    return torch.nn.functional.interpolate(batch, SIZE, mode=mode, antialias=True)


# --- what it does to the numbers ---------------------------------------------------------


def moved(data: list[bytes]) -> str:
    exact, other = (np.stack([ours(one, how) for one in data]) for how in ("exact", "scaled"))
    # These are of the network's size already: warped to it, they stay as they are.
    embedder = PretrainedEmbedder(resize="warp", cache=False, progress=False)
    pairs = zip(embedder.transform(exact), embedder.transform(other), strict=True)
    cosines = [cosine_similarity(one, another) for one, another in pairs]
    grey = np.abs(exact.astype(int) - other).mean()
    return f"{grey:.2f} | {np.mean(cosines):.5f} | {np.min(cosines):.5f}"


if __name__ == "__main__":
    main()
