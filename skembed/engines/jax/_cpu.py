"""The same computation, rewritten for XLA on a CPU, which runs some operations badly.

XLA's CPU compiler has no good code for depthwise convolutions and for the maxima of windows, and a
fair one for other convolutions. They are rewritten in the traced program, and the batch is taken an
image at a time.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._rewrite import rewritten

Pair = Sequence[int]
# Windows of maxima in image networks have at most so many places. Larger ones would make long
# programs.
_LARGEST = 9


def lower_for_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function equal to `function` up to float32 rounding, to be jitted for a CPU.

    Parameters
    ----------
    function : callable
        Of arrays and trees of arrays, the last of which is the batch of images; traceable by
        JAX; it returns an array with a row for each image, which depends on no other image.
    """
    return image_by_image(rewritten(function, RULES))


def image_by_image(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` as a loop over its batch, an image at a time.

    So every image is computed by the same code at the same place, and its row has the same bits
    whatever the other images. With several images at a time it has not on every processor: the
    convolutions of XLA's CPU compiler sum in an order that depends on where an image lies in
    the batch (two convolutions at 12 x 12 pixels, with AVX2: 19 to 26 of 40 rows differed by
    about 1e-7). Pairs of images would take 2 to 10 % less time.

    XLA asks the C library for the memory of all feature maps anew in each call. For 8 images
    that is 78 MB with MobileNetV2, more than glibc keeps for the next call (32 MB): every page
    was zeroed again by the kernel, a quarter of the processor time. In a loop one image's memory
    serves the next, and the maps stay in the processor's cache.

    Parameters
    ----------
    function : callable
        Its last argument is an array of shape (batch, ...); it returns an array with a row for
        each image, which depends on no other image.
    """
    import jax

    def run(*args):
        *variables, images = args
        rows = jax.lax.map(lambda image: function(*variables, image[None]), images)
        return rows.reshape(images.shape[0], *rows.shape[2:])

    return run


def convolution(equation: Any, x: Any, kernel: Any) -> Any:
    """The convolution, the better way where there is one.

    Every convolution of a Keras network is channels-last here: x is (batch, height, width,
    in), the kernel (height, width, in / groups, out).
    """
    p = equation.params
    if x.ndim == 4 and _is_ordinary(p):
        groups, window = p["feature_group_count"], kernel.shape[:2]
        if 1 < groups == x.shape[3] == kernel.shape[3]:
            return _depthwise(x, kernel[:, :, 0, :], p)
        if groups == 1 and window == (1, 1) and not np.any(p["padding"]):
            return _pointwise(x, kernel[0, 0], p)
        if groups == 1 and window == (3, 3) and x.shape[3] == 3:
            x, kernel = _four_channels(x, 3), _four_channels(kernel, 2)
    return equation.primitive.bind(x, kernel, **p)


def _is_ordinary(p: dict[str, Any]) -> bool:
    layout = p["dimension_numbers"]
    return (
        tuple(layout.lhs_spec) == tuple(layout.out_spec) == (0, 3, 1, 2)
        and tuple(layout.rhs_spec) == (3, 2, 0, 1)
        and tuple(p["lhs_dilation"]) == (1, 1)
        and p["batch_group_count"] == 1
    )


def _depthwise(x: Any, kernel: Any, p: dict[str, Any]) -> Any:
    """The sum, over the kernel's places, of the shifted image times the place's weights."""
    import jax.numpy as jnp

    window = kernel.shape[:2]
    part = shifted(
        x,
        0,
        window,
        strides=p["window_strides"],
        dilation=p["rhs_dilation"],
        padding=p["padding"],
    )
    # As a convolution does, products of bfloat16 are added up in float32.
    kernel = kernel.astype(jnp.float32)
    terms = itertools.starmap(lambda i, j: part(i, j) * kernel[i, j], np.ndindex(*window))
    return functools.reduce(operator.add, terms).astype(_result_dtype(x, p))


def _pointwise(x: Any, kernel: Any, p: dict[str, Any]) -> Any:
    """One product of matrices, a row for each place of each image."""
    import jax.numpy as jnp

    row, column = p["window_strides"]
    x = x[:, ::row, ::column]
    flat = jnp.matmul(
        x.reshape(-1, x.shape[3]), kernel, preferred_element_type=_result_dtype(x, p)
    )
    return flat.reshape(*x.shape[:3], -1)


def _four_channels(array: Any, axis: int) -> Any:
    """Red, green, blue and zeros: whole vectors to load.

    A 3 x 3 stem took 0.5 ms an image so, and 1.1 ms as it was. With 7 x 7 it took longer.
    """
    import jax.numpy as jnp

    return jnp.pad(array, [(0, int(at == axis)) for at in range(array.ndim)])


def _result_dtype(x: Any, p: dict[str, Any]) -> Any:
    return p["preferred_element_type"] or x.dtype


def max_pooling(equation: Any, x: Any) -> Any:
    """The greatest of shifted images, for small windows over rows and columns.

    XLA's own loop, which is left the other windows, took 1.6 to 2 times longer.
    """
    import jax.numpy as jnp

    p = equation.params
    window = p["window_dimensions"]
    across = ("window_dimensions", "window_strides", "base_dilation", "window_dilation")
    if (
        x.ndim != 4
        or not jnp.issubdtype(x.dtype, jnp.floating)
        or any(p[name][axis] != 1 for name in across for axis in (0, 3))
        or tuple(p["base_dilation"]) != (1, 1, 1, 1)
        or np.any([p["padding"][0], p["padding"][3]])
        or window[1] * window[2] > _LARGEST
    ):
        return equation.primitive.bind(x, **p)
    part = shifted(
        x,
        -np.inf,
        window[1:3],
        strides=p["window_strides"][1:3],
        dilation=p["window_dilation"][1:3],
        padding=p["padding"][1:3],
    )
    return functools.reduce(jnp.maximum, itertools.starmap(part, np.ndindex(*window[1:3])))


def shifted(
    x: Any, fill: float, window: Pair, *, strides: Pair, dilation: Pair, padding: Sequence[Pair]
) -> Callable[[int, int], Any]:
    """Pad `x` with `fill`; return the slice that place (i, j) of the window meets on its way.

    Parameters
    ----------
    x : array of shape (batch, height, width, channels)
    fill : float
    window, strides, dilation : pair of int
        For rows and for columns.
    padding : pair of pairs of int
        Before and after, for rows and for columns; may be negative, as JAX allows.
    """
    import jax
    import jax.numpy as jnp

    spatial = [(before, after, 0) for before, after in padding]
    x = jax.lax.pad(x, jnp.asarray(fill, x.dtype), ((0, 0, 0), *spatial, (0, 0, 0)))
    spans = [
        (x.shape[axis + 1] - (window[axis] - 1) * dilation[axis] - 1) // strides[axis] + 1
        for axis in (0, 1)
    ]

    def along(axis: int, place: int) -> slice:
        start = place * dilation[axis]
        return slice(start, start + (spans[axis] - 1) * strides[axis] + 1, strides[axis])

    return lambda i, j: x[:, along(0, i), along(1, j)]


RULES = {"conv_general_dilated": convolution, "reduce_window_max": max_pooling}
