"""A deepnet as one network of Keras, and as a program of JAX that runs in batches of few sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._jax import on_cpu, start_jax
from .._keras import fixed_settings, import_keras
from ..formats.bigml._layers import build_layers
from ._preprocessors import Image
from ._spec import DeepnetSpec, Part, prefix_of
from ._trees import forests_of, with_answers

# Each size is compiled once. Images are large, and few are asked about at once.
_VECTOR_BATCHES, _IMAGE_BATCHES = (16, 1024), (1, 16)


def build(spec: DeepnetSpec, normalise: bool) -> Any:
    """Return the network: from a vector and prepared images to probabilities, or to one number.

    Parameters
    ----------
    spec : DeepnetSpec
        What the document says.
    normalise : bool
        Whether a regression's answers are left as the layers give them.

    Raises
    ------
    ValueError
        If the layers do not fit together.
    """
    keras = import_keras()
    with fixed_settings():
        inputs, x = _inputs(spec)
        forests = forests_of(spec.trees, x.shape[-1])
        with_trees = with_answers(x, forests)
        answers = [
            _answer(part, with_trees if part.with_trees else x, i, normalise)
            for i, part in enumerate(spec.parts)
        ]
        y = answers[0] if len(answers) == 1 else keras.layers.Average(name="mean")(answers)
        return keras.Model(inputs, y, name="deepnet")


def _inputs(spec: DeepnetSpec) -> tuple[list[Any], Any]:
    """The inputs, and the features of all columns in the order of the preprocessors."""
    keras = import_keras()
    width = sum(one.width for one in spec.preprocessors if not isinstance(one, Image))
    inputs, features, at = [], [], 0
    vector = keras.Input((width,), name="columns") if width else None
    if vector is not None:
        inputs.append(vector)
    for one in spec.preprocessors:
        if isinstance(one, Image):
            assert spec.image is not None  # noqa: S101 - the document was checked
            image = keras.Input((*spec.image.size, 3), name=f"image_{len(inputs)}")
            inputs.append(image)
            features.append(_image_features(spec, image))
        elif vector is not None:
            features.append(vector[:, at : at + one.width])
            at += one.width
    if len(inputs) == 1 and vector is not None:
        return inputs, vector
    return inputs, features[0] if len(features) == 1 else keras.layers.Concatenate()(features)


def _image_features(spec: DeepnetSpec, image: Any) -> Any:
    assert spec.image is not None  # noqa: S101 - the document was checked
    if spec.image.is_detector:
        raise spec.network.error("has the heads of a detector, and does not tell boxes.")
    features = spec.image.model(image)
    if len(features.shape) != 2:
        raise spec.network.error(
            f"has an image network whose output has the shape {tuple(features.shape[1:])}; a "
            "vector is needed."
        )
    return features


def _answer(part: Part, x: Any, position: int, normalise: bool) -> Any:
    y = build_layers(part.layers, x, prefix_of(position))[-1]
    exposition = part.exposition
    n_outputs = len(exposition.classes) or 1
    if tuple(y.shape[1:]) != (n_outputs,):
        raise part.layers.error(
            f"end in an output of shape {tuple(y.shape[1:])}; {n_outputs} "
            f"{'classes need' if exposition.classes else 'number needs'} ({n_outputs},)."
        )
    if exposition.kind == "numeric" and not normalise:
        name = f"{prefix_of(position)}answer"
        layers = import_keras().layers
        return layers.Rescaling(exposition.stdev, exposition.mean, name=name)(y)
    return y


class Program:
    """A network of Keras, compiled, with what comes before and after it.

    On a CPU, images run one after the other within a batch: the answer for an image is the same
    to the bit whatever its companions are, one shape is compiled, and none of it is wasted on
    what fills a batch up.

    Parameters
    ----------
    model : keras.Model
        The network.
    before, after : callable, optional
        What is done to the list of its inputs, and to its outputs.
    takes_images : bool
        Whether its inputs are large.
    """

    def __init__(
        self,
        model: Any,
        before: Callable[[list[Any]], list[Any]] | None = None,
        after: Callable[[Any], Any] | None = None,
        *,
        takes_images: bool,
    ) -> None:
        jax = start_jax()
        self._state = (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
        )
        is_listed = isinstance(model.input, list)

        def run(state: Any, inputs: list[Any], _n_rows: Any) -> Any:
            inputs = before(inputs) if before else inputs
            given = inputs if is_listed else inputs[0]
            y, _ = model.stateless_call(*state, given, training=False)
            return after(y) if after else y

        one_by_one = takes_images and on_cpu()
        self._sizes = _IMAGE_BATCHES if takes_images else _VECTOR_BATCHES
        if one_by_one:
            self._sizes = self._sizes[1:]
        self._run = jax.jit(_one_by_one(run) if one_by_one else run)

    @property
    def most_rows(self) -> int:
        """How many rows a call takes at most."""
        return self._sizes[-1]

    def __call__(self, inputs: Sequence[np.ndarray]) -> Any:
        """Return the outputs for at most `most_rows` rows, as arrays of NumPy."""
        jax = start_jax()
        n_rows = len(inputs[0])
        size = next(size for size in self._sizes if n_rows <= size)
        padded = [_padded(one, size) for one in inputs]
        with fixed_settings():
            found = self._run(self._state, padded, n_rows)
        return jax.tree.map(lambda one: np.asarray(one)[:n_rows], found)


def _one_by_one(run: Callable[[Any, list[Any], Any], Any]) -> Callable[..., Any]:
    """Return a function that runs the first rows of a batch, each by itself."""
    import jax
    import jax.numpy as jnp

    def each(state: Any, inputs: list[Any], n_rows: Any) -> Any:
        shapes = jax.eval_shape(run, state, [one[:1] for one in inputs], 1)
        size = len(inputs[0])
        empty = jax.tree.map(lambda one: jnp.zeros((size, *one.shape[1:]), one.dtype), shapes)

        def step(row: Any, found: Any) -> Any:
            ours = [jax.lax.dynamic_slice_in_dim(one, row, 1) for one in inputs]
            return jax.tree.map(
                lambda all_rows, one: jax.lax.dynamic_update_slice_in_dim(
                    all_rows, one, row, 0
                ),
                found,
                run(state, ours, 1),
            )

        return jax.lax.fori_loop(0, n_rows, step, empty)

    return each


def _padded(rows: np.ndarray, size: int) -> np.ndarray:
    if len(rows) == size:
        return rows
    padded = np.zeros((size, *rows.shape[1:]), rows.dtype)
    padded[: len(rows)] = rows
    return padded
