"""The same computation, rewritten for XLA on a CPU, which runs some operations badly.

What is rewritten is JAX's own intermediate form, the jaxpr: it works for any network, however it
was written, and no layer notices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._convolution import convolution
from ._pooling import max_pooling
from ._rewrite import rewritten
from ._steps import image_by_image

RULES = {"conv_general_dilated": convolution, "reduce_window_max": max_pooling}


def lower_for_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function equal to `function` up to float32 rounding, to be jitted for a CPU.

    Parameters
    ----------
    function : callable
        Of arrays and trees of arrays, the last of which is the batch of images; traceable by
        JAX; it returns an array with a row for each image, which depends on no other image.
    """
    return image_by_image(rewritten(function, RULES))
