"""A batch taken a few images at a time, inside the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def in_steps(function: Callable[..., Any], steps: int) -> Callable[..., Any]:
    """Return `function` as a loop over its batch, in at most `steps` equal parts.

    XLA asks the C library for the memory of all feature maps anew in each call. For 8 images
    that is 78 MB with MobileNetV2, more than glibc keeps for the next call (32 MB): every page
    was zeroed again by the kernel, a quarter of the processor time. In a loop one part's memory
    serves the next, and the maps stay in the processor's cache.

    Parameters
    ----------
    function : callable
        Its last argument is an array of shape (batch, ...); it returns an array with a row for
        each image, which depends on no other image.
    steps : int
        A smaller batch is taken an image at a time; one that is no multiple, as a whole. So half
        the batch needs half the memory, as whoever halves it after running out expects.
    """
    import jax

    def run(*args):
        *variables, images = args
        n = images.shape[0]
        turns = min(n, steps)
        if turns < 2 or n % turns:
            return function(*args)
        parts = images.reshape(turns, n // turns, *images.shape[1:])
        rows = jax.lax.map(lambda part: function(*variables, part), parts)
        return rows.reshape(n, *rows.shape[2:])

    return run
