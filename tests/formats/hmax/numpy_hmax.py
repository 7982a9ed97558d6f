"""HMAX stated once more, in NumPy and float64: windows of maps, as it is defined."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image


def windows(x, kwidth, sampling):
    """Windows of a map of (height, width, channels): (rows, columns, channels, kwidth, kwidth)."""
    found = sliding_window_view(x, (kwidth, kwidth), axis=(0, 1))
    n_rows, n_columns = ((side - kwidth + 1) // sampling for side in x.shape[:2])
    return found[::sampling, ::sampling][:n_rows, :n_columns]


def responses(operation, x, kernels, beta, bias, sampling=1):
    """How alike patches and kernels of (n, kwidth, kwidth, channels) are."""
    patches = np.moveaxis(windows(x, kernels.shape[1], sampling), 2, -1)
    products = np.einsum("yxijc,nijc->yxn", patches, kernels)
    if operation == "DotProduct":
        return products
    if operation == "Rbf":
        difference = patches[:, :, None] - kernels
        return np.exp(-beta * np.square(difference).sum(axis=(3, 4, 5)))
    squares = np.square(patches).sum(axis=(2, 3, 4))[..., None]
    cosine = products / np.sqrt(np.maximum(squares, bias))
    return cosine if operation == "NormDotProduct" else np.exp(-2 * beta * (1 - cosine))


def local_max(x, kwidth, sampling):
    return windows(x, kwidth, sampling).max(axis=(3, 4))


def gabors(kwidth, n_orientations, n_phases, normed):
    kernels = np.empty((n_orientations, n_phases, kwidth, kwidth, 1))
    wavelength, half = kwidth / 4, kwidth // 2
    for i in range(n_orientations):
        theta = np.pi / n_orientations * (i + 0.5)
        for j in range(n_phases):
            for row in range(kwidth):
                for column in range(kwidth):
                    y, x = row - half, column - half
                    a = x * np.cos(theta) + y * np.sin(theta)
                    b = y * np.cos(theta) - x * np.sin(theta)
                    wave = np.sin(2 * np.pi * a / wavelength + 2 * np.pi * j / n_phases)
                    spread = 2 * (wavelength / 2) ** 2
                    kernels[i, j, row, column] = wave * np.exp(-(a**2 + 0.36 * b**2) / spread)
            if normed:
                kernels[i, j] /= np.linalg.norm(kernels[i, j])
    return kernels


def retina(image, p):
    if not p.retina_enabled:
        return image
    found, half = windows(image[..., None], p.retina_kwidth, 1), p.retina_kwidth // 2
    mean, variance = found.mean(axis=(2, 3, 4)), found.var(axis=(2, 3, 4), ddof=1)
    centre = image[half:][: mean.shape[0], half:][:, : mean.shape[1]]
    return (centre - mean) / np.sqrt(variance + p.retina_bias)


def lanczos(image, size):
    """A smaller image: each pixel the weighted mean of those under its sinc of three lobes."""

    def by_rows(x, n):
        out, shrinks = np.empty((n, x.shape[1])), len(x) / n
        for i in range(n):
            away = (np.arange(len(x)) + 0.5) / shrinks - (i + 0.5)
            weights = np.sinc(away) * np.sinc(away / 3) * (np.abs(away) < 3)
            out[i] = weights @ x / weights.sum()
        return out

    return by_rows(by_rows(image.T, size[1]).T, size[0])


def pyramid(image, p, n_scales):
    """Pillow's own Lanczos filter, on images of floats."""
    levels = [Image.fromarray(image.astype(np.float32))]
    for _ in range(n_scales - 1):
        size = np.round(np.array(levels[-1].size) / p.scale_factor).astype(int)
        levels.append(levels[-1].resize(tuple(size), Image.Resampling.LANCZOS))
    return [np.asarray(level, np.float64) for level in levels]


def s1(levels, p):
    normed = p.s1_operation in ("NormDotProduct", "NormRbf")
    kernels = gabors(p.s1_kwidth, p.s1_num_orientations, p.s1_num_phases, normed)
    maps = []
    for level in levels:
        by_phase = [
            responses(
                p.s1_operation,
                level[..., None],
                kernels[:, j],
                p.s1_beta,
                p.s1_bias,
                p.s1_sampling,
            )
            for j in range(p.s1_num_phases)
        ]
        one_phase = p.s1_operation == "NormDotProduct"
        maps.append(np.abs(by_phase[0]) if one_phase else np.max(by_phase, axis=0))
    return maps


def c1(s1_maps, p):
    maps = [local_max(one, p.c1_kwidth, p.c1_sampling) for one in s1_maps]
    if p.c1_whiten:
        centred = [one - one.mean(axis=2, keepdims=True) for one in maps]
        norms = [np.linalg.norm(one, axis=2, keepdims=True) for one in centred]
        maps = [one / np.maximum(norm, 1) for one, norm in zip(centred, norms, strict=True)]
    return maps


def s2(c1_maps, prototypes, p):
    return [
        responses(p.s2_operation, one, prototypes, p.s2_beta, p.s2_bias, p.s2_sampling)
        for one in c1_maps
    ]
