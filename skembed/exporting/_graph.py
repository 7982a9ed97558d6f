"""What is written to a file: one network, from its inputs to named outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# Of the largest value that an output has: what other kernels and another order of sums may do.
TOLERANCE = 1e-4
_CANCELLED = 1000


class ExportError(ValueError):
    """A network cannot be exported as it was asked for; nothing was written.

    Examples
    --------
    >>> import tempfile
    >>> import skembed
    >>> from skembed.exporting import ExportError
    >>> try:
    ...     skembed.export(
    ...         skembed.PretrainedEmbedder("hmax"), tempfile.mkdtemp() + "/hmax.onnx"
    ...     )
    ... except ExportError as error:
    ...     print(type(error).__mro__[1].__name__)
    ValueError
    """


@dataclass(frozen=True, eq=False)
class ExportGraph:
    """A network with everything that belongs into its file, and what the file must give.

    Parameters
    ----------
    model : keras.Model
        From inputs, such as the pixels of images, to outputs; preparation included. The first axis
        of each is the batch.
    outputs : tuple of str
        The names of its outputs, in their order.
    examples : tuple of arrays
        One for each input: a batch, by which the file is compared.
    expected : tuple of arrays
        What skembed gives for them: one for each output.
    metadata : dict of str to str
        What a reader of the file has to know; ONNX and OpenVINO files hold it.
    custom_code : bool, default=False
        Whether layers run code that is not Keras' own.
    rounded : tuple of (array or None), default=()
        For an output of whole numbers, where it may be off by one: the number that was rounded is
        as near to a step as float32 tells apart.
    groups : tuple of slice, default=()
        Columns of one magnitude, such as those of one layer: each is compared with its own largest
        value, or a layer of small values could be anything beside one of large ones.
    """

    model: Any
    outputs: tuple[str, ...]
    examples: tuple[np.ndarray, ...]
    expected: tuple[np.ndarray, ...]
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    custom_code: bool = False
    rounded: tuple[np.ndarray | None, ...] = ()
    groups: tuple[slice, ...] = ()

    @property
    def inputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """The shape of a row of each input, and its type, by name."""
        return {
            tensor.name: (tuple(tensor.shape[1:]), np.dtype(tensor.dtype))
            for tensor in self.model.inputs
        }

    @property
    def takes_one_image(self) -> bool:
        """Whether its only input is the pixels of an image."""
        return len(self.model.inputs) == 1 and len(self.model.inputs[0].shape) == 4

    def function(self) -> Any:
        """Return a function of JAX's arrays, one for each input, that gives a dict of outputs."""
        import jax.numpy as jnp

        from .._keras import import_keras

        keras, model = import_keras(), self.model
        values = [
            [jnp.asarray(variable.value) for variable in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        ]

        def run(*arrays: Any) -> dict[str, Any]:
            given = arrays[0] if len(arrays) == 1 else list(arrays)
            found, _ = model.stateless_call(*values, given, training=False)
            return dict(zip(self.outputs, keras.tree.flatten(found), strict=True))

        return run

    def differences(self, found: Mapping[str, np.ndarray]) -> Iterator[str]:
        """Say what of a file's outputs is not as expected.

        Parameters
        ----------
        found : mapping of str to array
            What the file gives for `examples`.
        """
        rounded = self.rounded or (None,) * len(self.outputs)
        for name, expected, near in zip(self.outputs, self.expected, rounded, strict=True):
            got = found[name]
            if got.shape != expected.shape:
                yield f"{name!r} has the shape {got.shape}, and not {expected.shape}"
            elif expected.dtype.kind in "iub":
                apart = np.abs(got.astype(np.int64) - expected.astype(np.int64))
                wrong = apart > (0 if near is None else near.astype(np.int64))
                if wrong.any():
                    yield f"{name!r} differs in {int(wrong.sum())} of {wrong.size} values"
            else:
                largest = scales(expected, self.groups)
                off = np.abs(expected.astype(np.float64) - got.astype(np.float64)) / largest
                if not off.max(initial=0) <= TOLERANCE:
                    yield f"{name!r} is off by {off.max():.1g} of its largest value"


def scales(values: np.ndarray, groups: tuple[slice, ...]) -> np.ndarray:
    """Return what rounding in each column is judged by: the largest value of its group.

    Parameters
    ----------
    values : array of shape (n, n_columns), or of any shape where there are no groups
        What is right.
    groups : tuple of slice
        As :class:`ExportGraph` has them.

    Returns
    -------
    float array
        To divide differences by. Of a group that is less than a thousandth of the largest value,
        rounding of what cancels out in it may be all that there is: it is judged by that.
    """
    size = np.abs(values)
    whole = np.maximum(np.float64(size.max(initial=0)), 1e-30)
    if not groups:
        return whole
    largest = np.full(values.shape[1:], whole)
    for columns in groups:
        largest[columns] = np.maximum(size[:, columns].max(initial=0), whole / _CANCELLED)
    return largest
