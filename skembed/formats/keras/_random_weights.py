"""Random weights that are the same bits in every process."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np


def randomise(model: Any, seed_text: str) -> None:
    """Redraw every kernel of `model` (He normal), and leave the rest as it was built.

    What a layer initialises to a constant (biases, scales, moving means) is already the same
    everywhere. Each kernel has a generator of its own, named by `seed_text`, its layer and its
    place there: a network with and without its classifier shares its features, and neither
    NumPy's nor Keras' global state is read or changed.

    Parameters
    ----------
    model : keras.Model
        Changed in place. Its layers' names must not depend on what was built before it.
    seed_text : str
        Equal texts give equal weights; the backbone's name.
    """
    for layer in model.layers:
        for i, variable in enumerate(layer.weights):
            if "kernel" in variable.name:
                variable.assign(_he_normal(variable.shape, f"{seed_text}/{layer.name}/{i}"))


def _he_normal(shape: tuple[int, ...], seed_text: str) -> np.ndarray:
    """He et al. 2015, "Delving Deep into Rectifiers": variance 2 / fan in.

    The last axis counts outputs; in a depthwise kernel it is the multiplier, 1, and each
    output sees one channel only.
    """
    depthwise = len(shape) == 4 and shape[-1] == 1
    fan_in = math.prod(shape[:2]) if depthwise else math.prod(shape[:-1])
    seed = int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[:16], "little")
    draws = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)
    return draws * np.float32(math.sqrt(2.0 / fan_in))
