"""HMAX beside NumPy: ``python benchmarks/hmax.py``.

Both compute the same of photographs that are already 220 x 220 pixels, with Glimpse's defaults: C1,
and C2 with 250 prototypes imprinted on the images. NumPy takes an image at a time, in float32: the
windows of a map by ``sliding_window_view``, their products by ``einsum``, as it is and with
``optimize=True``, which copies the windows and calls BLAS; the pyramid by Pillow. NumPy gets a few
images only. All run in turn in one process; medians of images a second, and of an image's processor
time, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from skimage import data

from skembed import PretrainedEmbedder, PrototypeEmbedder
from skembed.formats.hmax import HmaxParameters
from skembed.formats.hmax._layers import gabor_kernels

P = HmaxParameters()
SIDE = P.image_resize_length
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--numpy-images", type=int, default=4)
    parser.add_argument("--prototypes", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    images = crops(options.images)
    few = images[: options.numpy_images]
    ours = PretrainedEmbedder("hmax", cache=False, progress=False, pooling="max").fit(images)
    learnt = PrototypeEmbedder(
        "hmax",
        "C1",
        n_prototypes=options.prototypes,
        operation=P.s2_operation,
        beta=P.s2_beta,
        cache=False,
        progress=False,
        random_state=0,
    ).fit(images)
    prototypes = learnt.prototypes_
    compare("C1", ours.transform, pooled_c1, images, few, options.rounds)
    compare(
        "C2",
        learnt.transform,
        lambda x, by_blas: c2(x, prototypes, by_blas),
        images,
        few,
        options.rounds,
    )


def crops(n: int) -> list[np.ndarray]:
    """Parts of scikit-image's photographs."""
    rng, photographs = np.random.default_rng(0), [getattr(data, name)() for name in PHOTOGRAPHS]
    found = []
    for i in range(n):
        photograph = photographs[i % len(photographs)]
        y, x = (rng.integers(0, side - SIDE + 1) for side in photograph.shape[:2])
        found.append(photograph[y : y + SIDE, x : x + SIDE, :3])
    return found


def compare(what, ours, theirs, images, few, rounds):
    """Print speeds and processor times, and how much the numbers differ."""
    expected = np.stack([theirs(image, True) for image in few])
    difference = np.abs(ours(images)[: len(few)] - expected).max()  # and everything is compiled
    contenders = {
        "skembed": (ours, images),
        "einsum": (lambda them: [theirs(image, False) for image in them], few),
        "optimize=True": (lambda them: [theirs(image, True) for image in them], few),
    }
    measured = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (run, taken) in contenders.items():
            start, used = time.perf_counter(), time.process_time()
            run(taken)
            seconds = time.perf_counter() - start, time.process_time() - used
            measured[name].append([one / len(taken) for one in seconds])
    print(f"{what}, which differs by {difference:.1g}")
    wall, used = (statistics.median(one[i] for one in measured["skembed"]) for i in (0, 1))
    for name, times in measured.items():
        seconds, processor = (statistics.median(one[i] for one in times) for i in (0, 1))
        print(
            f"  {name:>14}: {1 / seconds:7.1f} images a second ({seconds / wall:5.1f} times), "
            f"{1000 * processor:7.1f} ms of processor an image ({processor / used:5.1f} times)"
        )


def windows(x: np.ndarray, kwidth: int, sampling: int = 1) -> np.ndarray:
    """The windows of a map of shape (height, width, channels), as Glimpse counts them."""
    found = sliding_window_view(x, (kwidth, kwidth), axis=(0, 1))
    rows, columns = ((side - kwidth + 1) // sampling for side in x.shape[:2])
    return found[::sampling, ::sampling][:rows, :columns]


def c1(image: np.ndarray, by_blas: bool) -> list[np.ndarray]:
    """C1 of one image, a map for each scale."""
    grey = np.asarray(Image.fromarray(image).convert("L"), np.float32) / np.float32(255)
    kernels = gabor_kernels(P.s1_kwidth, P.s1_num_orientations, 1, unit_length=True)[:, 0]
    level, maps = Image.fromarray(grey), []
    for scale in range(P.num_scales):
        if scale:
            size = [round(side / P.scale_factor) for side in level.size]
            level = level.resize(size, Image.Resampling.LANCZOS)
        patches = windows(np.asarray(level)[..., None], P.s1_kwidth)[:, :, 0]
        squares = np.einsum("yxij,yxij->yx", patches, patches)
        s1 = np.abs(np.einsum("yxij,nij->yxn", patches, kernels, optimize=by_blas))
        s1 /= np.sqrt(np.maximum(squares, P.s1_bias))[..., None]
        maps.append(windows(s1, P.c1_kwidth, P.c1_sampling).max(axis=(3, 4)))
    return maps


def pooled_c1(image: np.ndarray, by_blas: bool) -> np.ndarray:
    """The largest value of each map and orientation."""
    return np.concatenate([one.max(axis=(0, 1)) for one in c1(image, by_blas)])


def c2(image: np.ndarray, prototypes: np.ndarray, by_blas: bool) -> np.ndarray:
    """The strongest response to each prototype."""
    lengths = np.square(prototypes).sum(axis=(1, 2, 3))
    best = np.full(len(prototypes), -np.inf, np.float32)
    for one in c1(image, by_blas):
        patches = windows(one, prototypes.shape[1])
        squares = np.einsum("yxcij,yxcij->yx", patches, patches)
        products = np.einsum("yxcij,nijc->yxn", patches, prototypes, optimize=by_blas)
        distances = np.maximum(squares[..., None] - 2 * products + lengths, 0)
        best = np.maximum(best, np.exp(-P.s2_beta * distances).max(axis=(0, 1)))
    return best


if __name__ == "__main__":
    main()
