"""A batch taken an image at a time, inside the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


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
