"""Keras on JAX: preparation, network and pooling in one jitted program."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..._keras import import_keras
from ...backbones._registry import load
from ...backbones._spec import Preparation
from ...layers._expand import after_own_activation, expanded
from ...layers._select import EMBEDDING, PREDICTIONS
from ...layers._tensors import tensors_of
from .._spec import ExtractionSpec
from ._bfloat16 import in_bfloat16
from ._cpu import lower_for_cpu


class OutOfMemoryError(MemoryError):
    """The device has no room for a batch of this size."""


class JaxProgram:
    """A callable that turns a batch of images into float32 rows.

    Parameters
    ----------
    spec : ExtractionSpec
        What to compute.

    Attributes
    ----------
    batch_limit : int or None
        The largest batch that has been found to fit, once one has not.
    """

    def __init__(self, spec: ExtractionSpec):
        import jax

        self.batch_limit: int | None = None
        model = load(spec.backbone, spec.builder_weights, spec.top)
        # A live model is the user's: what they do to it later must not reach this program.
        copy = spec.backbone.origin == "model"
        model = _tapped(model, spec)
        self._variables = [
            [jax.numpy.array(v.value, copy=copy) for v in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        ]
        run = _pure(model, spec)
        if spec.precision == "bfloat16":
            run = in_bfloat16(run)
        self._jitted = jax.jit(lower_for_cpu(run) if jax.default_backend() == "cpu" else run)
        self._compiled: dict[tuple[tuple[int, ...], str], Any] = {}
        self._compiling = threading.Lock()

    def compile(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """Return the program for batches of this shape and dtype, compiled at most once.

        Raises
        ------
        OutOfMemoryError
            If the batch is too large for the device.
        """
        import jax

        with self._compiling, _told_when_out_of_memory():
            if (shape, dtype.str) not in self._compiled:
                images = jax.ShapeDtypeStruct(shape, dtype)
                lowered = self._jitted.lower(*self._variables, images)
                self._compiled[shape, dtype.str] = lowered.compile()
            return self._compiled[shape, dtype.str]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return a row for each image.

        Parameters
        ----------
        images : array of shape (batch, height, width, channels)
            uint8, or float32 where the backbone has no preparation.

        Returns
        -------
        float32 array of shape (batch, width)

        Raises
        ------
        OutOfMemoryError
            If the batch is too large for the device.
        """
        run = self.compile(images.shape, images.dtype)
        with _told_when_out_of_memory():
            return np.asarray(run(*self._variables, images))


@contextlib.contextmanager
def _told_when_out_of_memory() -> Iterator[None]:
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error):
            raise OutOfMemoryError(str(error).split("\n", maxsplit=1)[0]) from error
        raise


def _pure(model: Any, spec: ExtractionSpec):
    """The whole computation as a function of variables and images, for JAX to compile."""
    import jax.numpy as jnp

    reduce = {"avg": jnp.mean, "max": jnp.max}

    def columns(tap, output):
        # Only these leave the device, never a feature map.
        x = output.astype(jnp.float32)
        space = tuple(range(1, x.ndim - 1))
        return [reduce[how](x, axis=space) if space else x for how in spec.poolings(tap)]

    def run(trainable, non_trainable, images):
        x = _prepared(images, spec.backbone.preparation)
        outputs, _ = model.stateless_call(trainable, non_trainable, x, training=False)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        rows = [columns(tap, output) for tap, output in zip(spec.taps, outputs, strict=True)]
        return jnp.concatenate([column for row in rows for column in row], axis=1)

    return run


def _prepared(images: Any, preparation: Preparation | None) -> Any:
    import jax.numpy as jnp

    x = images.astype(jnp.float32)
    if preparation is None:
        return x
    if preparation.channels == "bgr":
        x = x[..., ::-1]
    mean = np.asarray(preparation.mean, np.float32)
    return (x - mean) / np.asarray(preparation.std, np.float32)


def _tapped(model: Any, spec: ExtractionSpec) -> Any:
    """The model with one output for each tap, in the order of the columns."""
    features = spec.backbone.features
    if [tap.layer for tap in spec.taps] == [EMBEDDING] and not features:
        return model
    model = expanded(model, unfuse=spec.activation == "pre")
    whole = {
        EMBEDDING: after_own_activation(model, features) if features else model.output,
        PREDICTIONS: model.output,
    }
    names = [tap.layer for tap in spec.taps if tap.layer not in whole]
    tensors = whole | tensors_of(model, names, spec.activation)
    return import_keras().Model(model.input, [tensors[tap.layer] for tap in spec.taps])
