"""What HMAX is built of, in NumPy: Gabor kernels, and the matrices that shrink an image."""

from __future__ import annotations

import numpy as np

_ASPECT = 0.6  # of the Gaussian window: it is longer across the waves
_LANCZOS = 3  # how many lobes on each side


def gabor_kernels(
    kwidth: int, n_orientations: int, n_phases: int, *, unit_length: bool
) -> np.ndarray:
    """Return sine waves under Gaussian windows, in all directions and phases.

    The wavelength is a quarter of the width and the standard deviation half of it; orientations
    lie at ``pi / n * (i + 1/2)``, phases at ``2 pi / m * j``.

    Parameters
    ----------
    kwidth : int
        Height and width; odd.
    n_orientations, n_phases : int
        How many.
    unit_length : bool
        Whether each kernel is divided by its length.

    Returns
    -------
    float32 array of shape (n_orientations, n_phases, kwidth, kwidth)
        Rows and columns are those of the image.
    """
    wavelength = kwidth / 4
    theta = np.pi / n_orientations * (np.arange(n_orientations) + 0.5)
    phase = 2 * np.pi * np.arange(n_phases) / n_phases
    at = np.arange(kwidth) - kwidth // 2
    theta, phase = theta[:, None, None, None], phase[None, :, None, None]
    y, x = at[:, None], at[None, :]
    along = x * np.cos(theta) + y * np.sin(theta)
    across = y * np.cos(theta) - x * np.sin(theta)
    window = np.exp(-(along**2 + (_ASPECT * across) ** 2) / (2 * (wavelength / 2) ** 2))
    kernels = np.sin(2 * np.pi * along / wavelength + phase) * window
    if unit_length:
        lengths = np.sqrt(np.square(kernels).sum(axis=(2, 3), keepdims=True))
        kernels = kernels / np.where(lengths == 0, 1, lengths)
    return kernels.astype(np.float32)


def lanczos_matrix(source: int, target: int) -> np.ndarray:
    """Return the matrix that resizes a line of pixels as Pillow's Lanczos filter does.

    Parameters
    ----------
    source, target : int
        Pixels before and after.

    Returns
    -------
    float32 array of shape (target, source)
        Rows add up to 1.
    """
    scale = source / target
    stretch = max(scale, 1.0)  # where the line grows, the filter is as wide as a pixel
    centres = (np.arange(target) + 0.5) * scale
    support = _LANCZOS * stretch
    # Pillow begins and ends with the pixels that these roundings give.
    first = np.maximum((centres - support + 0.5).astype(int), 0)[:, None]
    end = np.minimum((centres + support + 0.5).astype(int), source)[:, None]
    pixels = np.arange(source)[None, :]
    distance = (pixels + 0.5 - centres[:, None]) / stretch
    weights = np.sinc(distance) * np.sinc(distance / _LANCZOS)
    weights[(np.abs(distance) >= _LANCZOS) | (pixels < first) | (pixels >= end)] = 0
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
