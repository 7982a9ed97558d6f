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
from ._steps import in_steps

RULES = {"conv_general_dilated": convolution, "reduce_window_max": max_pooling}

# A batch on a CPU is 8 images (see `_batches`). Of 1, 2, 4 and 8 together, 2 took the least
# processor time an image with MobileNetV2, EfficientNet-Lite0 and ResNet50 (12.0 ms against
# 18.8 ms for 8, with MobileNetV2).
_STEPS = 4


def lower_for_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function equal to `function` up to float32 rounding, to be jitted for a CPU.

    Parameters
    ----------
    function : callable
        Of arrays and trees of arrays, the last of which is the batch of images; traceable by
        JAX; it returns an array with a row for each image, which depends on no other image.
    """
    return in_steps(rewritten(function, RULES), _STEPS)
