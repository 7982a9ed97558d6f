"""The layers of HMAX, each a function of the one before, and the kernels that they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...backbones._hmax import HmaxParameters
from ._operations import Operation, contrast_enhanced, local_max, side_by_side, whitened

_RED, _GREEN, _BLUE, _BITS = 19595, 38470, 7471, 16  # Pillow's: ITU-R 601-2, in fixed point
_ASPECT = 0.6  # of the window of a Gabor kernel, which is longer across the waves
_LANCZOS = 3  # lobes on each side


@dataclass(frozen=True, slots=True)
class Hmax:
    """The layers of HMAX for one image; traced by JAX.

    A map has the shape (height, width, channels). From S1 on, each layer is a tuple of maps, one
    for each scale.

    Parameters
    ----------
    parameters : HmaxParameters
        What it is built with.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.formats.hmax import Hmax, HmaxParameters
    >>> hmax = Hmax(HmaxParameters(num_scales=2))
    >>> image = np.random.default_rng(0).random((60, 80), np.float32)
    >>> c1 = hmax.c1(hmax.s1(hmax.retina(image)))
    >>> [one.shape for one in c1]
    [(8, 12, 4), (6, 9, 4)]
    >>> prototype = np.asarray(c1[1][2:5, 4:7])[None]
    >>> responses, places = hmax.c2(hmax.s2(c1, prototype))
    >>> responses.round(2).tolist(), places.tolist()
    ([1.0], [[1, 2, 4]])
    """

    parameters: HmaxParameters

    @property
    def s1_operation(self) -> Operation:
        """How a patch of the image and a Gabor kernel are compared."""
        p = self.parameters
        return Operation(p.s1_operation, p.s1_beta, p.s1_bias)

    @property
    def s2_operation(self) -> Operation:
        """How a patch of C1 and a prototype are compared."""
        p = self.parameters
        return Operation(p.s2_operation, p.s2_beta, p.s2_bias)

    def image(self, pixels: Any) -> Any:
        """Return RGB pixels of 0-255 as a grey image in [0, 1], to the bit as Pillow does.

        Parameters
        ----------
        pixels : array of shape (height, width, 3)
            Whole numbers, of any dtype.

        Returns
        -------
        float32 array of shape (height, width)
            The grey level divided by 255.
        """
        import jax.numpy as jnp

        red, green, blue = jnp.moveaxis(jnp.asarray(pixels).astype(jnp.int32), -1, 0)
        level = (_RED * red + _GREEN * green + _BLUE * blue + (1 << _BITS - 1)) >> _BITS
        return level.astype(jnp.float32) / 255

    def retina(self, image: Any) -> Any:
        """Return a grey image of shape (height, width), its contrast made equal if asked for."""
        p = self.parameters
        if not p.retina_enabled:
            return image
        return contrast_enhanced(image[..., None], p.retina_kwidth, p.retina_bias)[..., 0]

    def pyramid(self, retina: Any) -> tuple[Any, ...]:
        """Return the retina at all scales, each level shrunk from the one before."""
        p = self.parameters
        lost = p.retina_kwidth - 1 if p.retina_enabled else 0
        height, width = retina.shape
        levels, sizes = [retina], p.pyramid_sizes((height + lost, width + lost))
        if not sizes:
            raise ValueError(
                f"The image has {height} x {width} pixels, and with num_scales=0 every scale has "
                "an S2 unit: give a larger image, or a smaller s2_kwidth."
            )
        for size in sizes[1:]:
            rows, columns = (
                lanczos_matrix(before, after)
                for before, after in zip(levels[-1].shape, size, strict=True)
            )
            levels.append(rows @ (levels[-1] @ columns.T))
        return tuple(levels)

    def s1(self, retina: Any) -> tuple[Any, ...]:
        """Return the responses of the Gabor kernels, the strongest phase of each orientation."""
        import jax.numpy as jnp

        p, operation = self.parameters, self.s1_operation
        kernels = gabor_kernels(
            p.s1_kwidth,
            p.s1_num_orientations,
            p.s1_num_phases,
            unit_length=operation.is_normalised,
        )
        of_one_phase = p.s1_operation == "NormDotProduct"
        if of_one_phase:  # the opposite phase gives the opposite sign
            kernels = kernels[:, :1]
        flat = kernels.reshape(-1, p.s1_kwidth, p.s1_kwidth, 1)

        def responses(level: Any) -> Any:
            found = operation.scores(level[..., None], flat, p.s1_sampling)
            phases = found.reshape(*found.shape[:2], *kernels.shape[:2])
            strongest = jnp.abs(phases[..., 0]) if of_one_phase else phases.max(axis=-1)
            return operation.response(strongest)

        levels = tuple(self._each(lambda one: one, self.pyramid(retina), "S1", p.s1_kwidth))
        if p.s1_sampling > 1:
            return tuple(map(responses, levels))
        # XLA takes a second to compile the kernels for each size of a map: so there is one map.
        together, corners = side_by_side(levels)
        found, lost = responses(together), p.s1_kwidth - 1
        return tuple(
            found[top : top + level.shape[0] - lost, left : left + level.shape[1] - lost]
            for (top, left), level in zip(corners, levels, strict=True)
        )

    def c1(self, s1: Sequence[Any]) -> tuple[Any, ...]:
        """Return the maxima of windows of S1, whitened if asked for."""
        p = self.parameters

        def pooled(one: Any) -> Any:
            strongest = local_max(one, p.c1_kwidth, p.c1_sampling)
            return whitened(strongest) if p.c1_whiten else strongest

        return tuple(self._each(pooled, s1, "C1", p.c1_kwidth))

    def s2(self, c1: Sequence[Any], prototypes: Any) -> tuple[Any, ...]:
        """Return how alike each patch of C1 and each prototype are.

        Parameters
        ----------
        c1 : sequence of arrays of shape (height, width, n_orientations)
            One for each scale.
        prototypes : array of shape (n_prototypes, kwidth, kwidth, n_orientations)
            Of length 1 where the operation is normalised.

        Returns
        -------
        tuple of arrays of shape (rows, columns, n_prototypes)
            One for each scale.
        """
        p, operation = self.parameters, self.s2_operation
        prototypes = np.asarray(prototypes, np.float32) if _is_numpy(prototypes) else prototypes
        return tuple(
            self._each(
                lambda one: operation.responses(one, prototypes, p.s2_sampling),
                c1,
                "S2",
                prototypes.shape[1],
            )
        )

    def c2(self, s2: Sequence[Any]) -> tuple[Any, Any]:
        """Return the strongest response to each prototype, over all places and scales.

        Returns
        -------
        responses : array of shape (n_prototypes,)
            The maxima.
        places : int array of shape (n_prototypes, 3)
            Scale, row and column of the first S2 unit that has it.
        """
        import jax.numpy as jnp

        flat = jnp.concatenate([one.reshape(-1, one.shape[-1]) for one in s2])
        best = flat.argmax(axis=0)
        sizes = np.array([one.shape[:2] for one in s2])
        ends = np.cumsum(sizes.prod(axis=1))
        starts = jnp.asarray(ends - sizes.prod(axis=1))
        scale = jnp.searchsorted(jnp.asarray(ends), best, side="right")
        row, column = jnp.divmod(best - starts[scale], jnp.asarray(sizes[:, 1])[scale])
        return flat.max(axis=0), jnp.stack([scale, row, column], axis=-1)

    def _each(self, function: Any, maps: Sequence[Any], layer: str, kwidth: int) -> Any:
        """Apply a function to the map of each scale, or say which one is too small for it."""
        for scale, one in enumerate(maps):
            if min(one.shape[:2]) < kwidth:
                raise ValueError(
                    f"{layer} takes windows of {kwidth} x {kwidth}, and at scale {scale} the layer "
                    f"before it has {one.shape[0]} x {one.shape[1]} places: give a larger image, "
                    "or fewer scales."
                )
            yield function(one)


def _is_numpy(value: Any) -> bool:
    return isinstance(value, np.ndarray | list | tuple)


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
