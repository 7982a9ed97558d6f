"""Find the first layer of a graph that gives other numbers than Keras."""

from __future__ import annotations

import bisect
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..._keras import import_keras
from ...backbones._formats import format_of
from ...formats._network import NetworkSpec
from ._exporter import save_network, write_graph
from ._reference import TOLERANCE, Reference, largest_finite, relative_difference, run_keras
from ._runtime import compiled, core, import_openvino, outputs_of

_Key = tuple[str, int]  # a layer's name, and how often it has been called before
_Named = list[tuple[str, np.ndarray]]


def first_difference(spec: NetworkSpec, reference: Reference) -> str | None:
    """The layer where the network begins to differ, in its order; None where no layer does.

    Raises
    ------
    MemoryError, RuntimeError, OSError
        If that many outputs find no room, or the graph that has them cannot be made.
    """
    model = format_of(spec.backbone).network(spec).model
    with tempfile.TemporaryDirectory(prefix="skembed-") as place:
        folder = Path(place)
        save_network(spec, model, folder)
        write_graph(folder, "layers")
        names = _numbered(json.loads((folder / "layers.json").read_text()))
        graph = core().read_model(folder / "layers.xml")
        together = _Outputs(graph, names, spec, model, reference)
        return together.first_apart() or together.first_joined()


class _Outputs:
    """What every layer gives, here and in Keras; one image after the other, for they are many."""

    def __init__(
        self,
        graph: Any,
        names: list[_Key],
        spec: NetworkSpec,
        model: Any,
        reference: Reference,
    ):
        self._graph, self._names, self._reference = graph, names, reference
        self._of = lambda images: layer_outputs(spec, model, images)

    def first_apart(self) -> str | None:
        """The first layer whose output is another for some image, as far as both have it."""
        program = compiled(self._graph, "float32")
        first: dict[int, str] = {}
        largest: dict[_Key, float] = {}
        images = self._reference.images
        for n, (image, right) in enumerate(zip(images, self._of(images), strict=True)):
            tolerance = self._reference.tolerance(n)
            ours = dict(zip(self._names, outputs_of(program, image), strict=True))
            for i, key in enumerate(_numbered([name for name, _ in right])):
                floor = largest.get(key, 0.0) if self._reference.is_flat(n) else 0.0
                if key in ours and _differs(right[i][1], ours[key][0], tolerance, floor):
                    first[i] = key[0]
                    break
                largest[key] = max(largest.get(key, 0.0), largest_finite(right[i][1]))
        return first[min(first)] if first else None

    def first_joined(self) -> str | None:
        """The first layer that is another only where the layers before it are no outputs.

        OpenVINO joins operations whose results are no outputs, and may do that wrong. The graphs
        that end at each layer are halved until one of two neighbours is right and the other wrong.
        """
        image = self._reference.images[:1]
        (layers,) = self._of(image)
        right = dict(zip(_numbered([name for name, _ in layers]), layers, strict=True))
        keys = [key for key in right if key in self._names]

        def wrong(key: _Key) -> bool:
            result = self._graph.get_results()[self._names.index(key)]
            graph = openvino.Model([result], self._graph.get_parameters())
            found = outputs_of(compiled(graph, "float32"), image[0])
            return _differs(right[key][1], found[0][0])

        openvino = import_openvino()
        n = bisect.bisect_left(keys, True, key=wrong)
        return keys[n][0] if n < len(keys) else None


def _differs(
    expected: np.ndarray, found: np.ndarray, tolerance: float = TOLERANCE, floor: float = 0.0
) -> bool:
    if found.shape != expected.shape:
        return True
    return relative_difference(expected, found, floor) > tolerance


def _numbered(names: list[str]) -> list[tuple[str, int]]:
    """Each name with the number of times it has been there before."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys


def layer_outputs(spec: NetworkSpec, model: Any, images: np.ndarray) -> Iterator[_Named]:
    """Yield, for each image, what each layer of the network gives, by name and in order.

    A layer of a functional model within the network counts by itself. One that is called again has
    its name again.
    """
    keras = import_keras()
    names: list[str] = []

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_graph(operation):
            return run(operation, *args)
        if isinstance(operation, keras.layers.Layer):
            kwargs["training"] = False
        output = operation(*args, **kwargs)
        if keras.ops.is_tensor(output):
            names.append(operation.name)
            given.append(output)
        return output

    def run(model: Any, x: Any) -> Any:
        if isinstance(model, keras.Sequential):
            model = keras.Model(model.inputs, model.outputs[0])
        return model._run_through_graph(x, call_fn=call) if _is_graph(model) else call(model, x)

    given: list[Any] = []

    def outputs(x: Any) -> list[Any]:
        names.clear()
        given.clear()
        run(model, x)
        return list(given)

    for values in run_keras(model, outputs, spec, images):
        yield list(zip(names, values, strict=True))


def _is_graph(model: Any) -> bool:
    """Whether a model is its graph, and no code of its own runs when it is called."""
    keras = import_keras()
    calls = (keras.Sequential.call, keras.src.models.functional.Functional.call)
    return isinstance(model, keras.Model) and type(model).call in calls
